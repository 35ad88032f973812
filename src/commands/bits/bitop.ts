/**
 * BITOP: bitwise operations over whole strings.
 *
 * The result is made in a buffer of its own and stored at the end: making room for it in a shard could move or evict what it is made
 * from, and the destination may be one of the sources. Sources are brought over in pieces that lie aligned, and combined by words.
 */

import { asciiBytes, copyBytes } from '../../base/bytes.js';
import { markRaw, valueLength, valueOffset } from '../../engine/item.js';
import { SYNTAX } from '../replies.js';
import type { Request } from '../request.js';

const NOT_ONE_SOURCE = 'ERR BITOP NOT must be called with a single source key.';

const AND = asciiBytes('and');
const OR = asciiBytes('or');
const XOR = asciiBytes('xor');
const NOT = asciiBytes('not');
const OPERATIONS: readonly Uint8Array[] = [AND, OR, XOR, NOT];

/** Index of the destination, and of the first source. */
const DESTINATION = 2;
const FIRST_SOURCE = 3;

const PIECE_BYTES = 16_384;

/** Bytes that can be worked on as words. */
class Words {
  readonly bytes: Uint8Array;
  readonly words: Int32Array;

  constructor(length: number) {
    const buffer = new ArrayBuffer((length + 3) & ~3);
    this.bytes = new Uint8Array(buffer);
    this.words = new Int32Array(buffer);
  }
}

const piece = new Words(PIECE_BYTES);
const smallResult = new Words(PIECE_BYTES);

export function bitop(request: Request): void {
  const operation = OPERATIONS.find((name) => request.is(1, name));
  if (operation === undefined) {
    request.reply.error(SYNTAX);
    return;
  }
  if (operation === NOT && request.argc !== 4) {
    request.reply.error(NOT_ONE_SOURCE);
    return;
  }
  request.atomically(DESTINATION, request.argc - 1, 1, () => {
    const length = longestSource(request);
    if (length === 0) remove(request);
    else if (length > 0) combine(request, operation, length);
  });
}

/** Length of the longest source; -1 when one is no string, which was answered. */
function longestSource(request: Request): number {
  let longest = 0;
  for (let index = FIRST_SOURCE; index < request.argc; index++) {
    const item = request.read(index);
    if (item === 0) continue;
    if (!request.isString(item)) return -1;
    longest = Math.max(longest, valueLength(request.shard.words, item));
  }
  return longest;
}

/** The result is empty: there is no destination. */
function remove(request: Request): void {
  request.remove(DESTINATION);
  request.reply.integer(0);
}

function combine(request: Request, operation: Uint8Array, length: number): void {
  const result = length <= PIECE_BYTES ? smallResult : new Words(length);
  copySource(request, FIRST_SOURCE, 0, result.bytes, length);
  for (let index = FIRST_SOURCE + 1; index < request.argc; index++) {
    for (let from = 0; from < length; from += PIECE_BYTES) {
      const bytes = Math.min(PIECE_BYTES, length - from);
      copySource(request, index, from, piece.bytes, bytes);
      combineWords(operation, result.words, from >>> 2, (bytes + 3) >>> 2);
    }
  }
  if (operation === NOT) invert(result.words, (length + 3) >>> 2);
  if (!request.setString(DESTINATION, result.bytes, 0, length, 0)) {
    request.refuse(DESTINATION);
    return;
  }
  markRaw(request.shard.words, request.find(DESTINATION));
  request.reply.integer(length);
}

/** Copies `length` bytes of a source from its byte `from` on; behind its end there are zeros. */
function copySource(request: Request, index: number, from: number, to: Uint8Array, length: number): void {
  const item = request.find(index);
  const { words, bytes } = request.shard;
  const there = item === 0 ? 0 : Math.max(0, Math.min(length, valueLength(words, item) - from));
  if (there > 0) copyBytes(bytes, valueOffset(words, item) + from, to, 0, there);
  to.fill(0, there, length);
}

/** Combines the piece with `count` words of the result from word `at` on. */
function combineWords(operation: Uint8Array, result: Int32Array, at: number, count: number): void {
  const words = piece.words;
  if (operation === AND) for (let i = 0; i < count; i++) result[at + i] &= words[i];
  else if (operation === OR) for (let i = 0; i < count; i++) result[at + i] |= words[i];
  else for (let i = 0; i < count; i++) result[at + i] ^= words[i];
}

function invert(result: Int32Array, count: number): void {
  for (let i = 0; i < count; i++) result[i] = ~result[i];
}
