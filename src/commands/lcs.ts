/**
 * LCS: the longest common subsequence of two strings.
 *
 * Redis keeps the whole table of lengths, 4 bytes for each pair of positions, and refuses what would take more than `proto-max-bulk-len`. The
 * same is refused here, so that the same calls work; but two rows of the table and one bit for each pair (which way the walk back
 * goes) are all that is needed, a thirty-second part of it. The strings are copied, so that no lock is held while the table is worked out.
 */

import { asciiBytes } from '../base/bytes.js';
import { TYPE_STRING, typeOf, valueLength, valueOffset } from '../engine/item.js';
import { command } from './command.js';
import { clampedInteger } from './integers.js';
import { SYNTAX } from './replies.js';
import type { Request } from './request.js';

const NOT_STRINGS = 'ERR The specified keys must contain string values';
const IDX_AND_LEN = 'ERR If you want both the length and indexes, please just use IDX.';
const TOO_LARGE = 'ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len';

const EMPTY = new Uint8Array(0);

const IDX = asciiBytes('idx');
const LEN = asciiBytes('len');
const WITHMATCHLEN = asciiBytes('withmatchlen');
const MINMATCHLEN = asciiBytes('minmatchlen');
/** Bytes of an entry of Redis's table. */
const ENTRY_BYTES = 4;

interface LcsOptions {
  length: boolean;
  indexes: boolean;
  withLength: boolean;
  /** Shorter matches are left out; 0 = none are. */
  shortest: number;
}

/** A match: both ranges, ends included. */
interface Match {
  readonly a: number;
  readonly b: number;
  readonly length: number;
}

/** What is under the two keys. */
interface Strings {
  /** Whether both are strings, or not there at all. */
  readonly areStrings: boolean;
  /** Whether Redis would find the memory for their table. */
  readonly fit: boolean;
  /** Copies, empty when there is no key, or when they are not to be looked at. */
  readonly a: Uint8Array;
  readonly b: Uint8Array;
}

function lcs(request: Request): void {
  const { areStrings, fit, a, b } = copyStrings(request);
  if (!areStrings) {
    request.reply.error(NOT_STRINGS);
    return;
  }
  const options = readOptions(request);
  if (options === undefined) return;
  if (!fit) {
    request.reply.error(TOO_LARGE);
    return;
  }
  const table = new LcsTable(a, b, !options.length || options.indexes);
  if (options.indexes) replyMatches(request, options, table);
  else if (options.length) request.reply.integer(table.length);
  else request.reply.bulk(table.subsequence(), 0, table.length);
}

/** Copies both strings, unless they are too long. */
function copyStrings(request: Request): Strings {
  let strings: Strings = { areStrings: false, fit: false, a: EMPTY, b: EMPTY };
  request.atomically(1, 2, 1, () => {
    const lengths = [1, 2].map((index) => stringLength(request, index));
    const areStrings = lengths.every((length) => length >= 0);
    const fit = (lengths[0] + 1) * (lengths[1] + 1) * ENTRY_BYTES <= request.server.valueBytesMax;
    const [a, b] = areStrings && fit ? [copyString(request, 1), copyString(request, 2)] : [EMPTY, EMPTY];
    strings = { areStrings, fit, a, b };
  });
  return strings;
}

/** Bytes of a string, 0 when there is no key, -1 when it holds something else. */
function stringLength(request: Request, index: number): number {
  const item = request.read(index);
  if (item === 0) return 0;
  const { words } = request.shard;
  return typeOf(words, item) === TYPE_STRING ? valueLength(words, item) : -1;
}

function copyString(request: Request, index: number): Uint8Array {
  const item = request.find(index);
  if (item === 0) return EMPTY;
  const { words, bytes } = request.shard;
  const at = valueOffset(words, item);
  return bytes.slice(at, at + valueLength(words, item));
}

/** Undefined when an error was answered. */
function readOptions(request: Request): LcsOptions | undefined {
  const options: LcsOptions = { length: false, indexes: false, withLength: false, shortest: 0 };
  for (let index = 3; index < request.argc; index++) {
    if (request.is(index, IDX)) options.indexes = true;
    else if (request.is(index, LEN)) options.length = true;
    else if (request.is(index, WITHMATCHLEN)) options.withLength = true;
    else if (request.is(index, MINMATCHLEN) && index + 1 < request.argc) {
      const shortest = clampedInteger(request, ++index);
      if (Number.isNaN(shortest)) return undefined;
      options.shortest = Math.max(0, shortest);
    } else {
      request.reply.error(SYNTAX);
      return undefined;
    }
  }
  if (!options.indexes || !options.length) return options;
  request.reply.error(IDX_AND_LEN);
  return undefined;
}

function replyMatches(request: Request, options: LcsOptions, table: LcsTable): void {
  const { reply } = request;
  const matches = table.matches().filter((match) => match.length >= options.shortest);
  reply.map(2);
  reply.bulkAscii('matches');
  reply.array(matches.length);
  for (const match of matches) {
    reply.array(options.withLength ? 3 : 2);
    for (const start of [match.a, match.b]) {
      reply.array(2);
      reply.integer(start);
      reply.integer(start + match.length - 1);
    }
    if (options.withLength) reply.integer(match.length);
  }
  reply.bulkAscii('len');
  reply.integer(table.length);
}

/** The table of lengths of two strings, of which the last row and the way back are kept. */
class LcsTable {
  /** Length of the longest common subsequence. */
  readonly length: number;
  private readonly a: Uint8Array;
  private readonly b: Uint8Array;
  /** One bit for each pair of positions: whether the way back goes one back in `a`, and not in `b`. */
  private readonly ways: Uint32Array;

  constructor(a: Uint8Array, b: Uint8Array, withWays: boolean) {
    this.a = a;
    this.b = b;
    this.ways = new Uint32Array(withWays ? Math.ceil((a.length * b.length) / 32) : 0);
    let above = new Uint32Array(b.length + 1);
    let row = new Uint32Array(b.length + 1);
    for (let i = 0; i < a.length; i++) {
      if (withWays) this.fillRow(i, above, row);
      else this.fillLengths(a[i], above, row);
      [above, row] = [row, above];
    }
    this.length = above[b.length];
  }

  private fillRow(i: number, above: Uint32Array, row: Uint32Array): void {
    const { b, ways } = this;
    const byte = this.a[i];
    let left = 0;
    let way = i * b.length;
    for (let j = 0; j < b.length; j++, way++) {
      if (byte === b[j]) left = above[j] + 1;
      else if (above[j + 1] > left) {
        left = above[j + 1];
        ways[way >>> 5] |= 1 << (way & 31);
      }
      row[j + 1] = left;
    }
  }

  private fillLengths(byte: number, above: Uint32Array, row: Uint32Array): void {
    const b = this.b;
    let left = 0;
    for (let j = 0; j < b.length; j++) {
      left = byte === b[j] ? above[j] + 1 : Math.max(above[j + 1], left);
      row[j + 1] = left;
    }
  }

  private isBackInA(i: number, j: number): boolean {
    const way = i * this.b.length + j;
    return ((this.ways[way >>> 5] >>> (way & 31)) & 1) === 1;
  }

  /** The subsequence itself. */
  subsequence(): Uint8Array {
    const result = new Uint8Array(this.length);
    let at = this.length;
    for (let i = this.a.length - 1, j = this.b.length - 1; i >= 0 && j >= 0; ) {
      if (this.a[i] === this.b[j]) {
        result[--at] = this.a[i--];
        j--;
      } else if (this.isBackInA(i, j)) i--;
      else j--;
    }
    return result;
  }

  /** The ranges that are the same in both, from the last to the first. */
  matches(): Match[] {
    const { a, b } = this;
    const matches: Match[] = [];
    let length = 0;
    for (let i = a.length - 1, j = b.length - 1; i >= 0 && j >= 0; ) {
      if (a[i] === b[j]) {
        length++;
        i--;
        j--;
        if (i >= 0 && j >= 0 && a[i] === b[j]) continue;
        matches.push({ a: i + 1, b: j + 1, length });
        length = 0;
      } else if (this.isBackInA(i, j)) i--;
      else j--;
    }
    return matches;
  }
}

export const LCS_COMMANDS = [
  command({
    name: 'lcs',
    arity: -3,
    flags: ['readonly'],
    group: 'string',
    lastKey: 2,
    since: '7.0.0',
    summary: 'Finds the longest common substring.',
    complexity: 'O(N*M) where N and M are the lengths of the strings',
    run: lcs,
  }),
];
