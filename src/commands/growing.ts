/** A string that is written to in the middle, or behind its end: what SETRANGE, SETBIT and BITFIELD have in common. */

import { markRaw, valueLength, valueOffset } from '../engine/item.js';
import type { Request } from './request.js';

/**
 * The string under a key argument, made or lengthened with zeros so that it has at least `length` bytes. Its bytes are about to be
 * changed: Redis calls such a string's encoding `raw`.
 * @returns the item, or 0 when an error was answered: not a string, no memory
 */
export function stringOfLength(request: Request, index: number, length: number): number {
  const item = request.modify(index);
  if (item === 0) return newString(request, index, length);
  if (!request.isString(item)) return 0;
  const { shard } = request;
  let at = item;
  if (valueLength(shard.words, item) < length) at = shard.resizeString(item, length);
  if (at === 0) {
    request.refuse(index);
    return 0;
  }
  markRaw(shard.words, at);
  shard.changed(at);
  return at;
}

/** Makes a string of zeros. */
function newString(request: Request, index: number, length: number): number {
  const { shard } = request;
  const { words } = shard;
  const key = request.offset(index);
  const item = shard.prepareString(
    request.hash(index),
    request.input,
    key,
    request.length(index),
    request.database,
    length,
    0,
  );
  if (item === 0) {
    request.refuse(index);
    return 0;
  }
  shard.bytes.fill(0, valueOffset(words, item), valueOffset(words, item) + length);
  markRaw(words, item);
  return item;
}
