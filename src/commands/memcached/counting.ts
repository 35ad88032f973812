/**
 * Memcached's counters: unsigned numbers of 64 bits, kept as decimal text. Adding goes round at 2^64, subtracting stops at 0.
 *
 * A number that has become shorter leaves the value's length as it was, filled up with blanks; Redis's commands do not count those in.
 */

import type { Uint64 } from '../../base/uint64.js';
import {
  accessOf,
  accessWord,
  clearMarks,
  MARK_FETCHED,
  MARK_LEASED,
  MARK_STALE,
  MARK_TEXT,
  marksOf,
  setMarks,
  sizeOf,
  TYPE_STRING,
  typeOf,
  valueLength,
  valueOffset,
} from '../../engine/item.js';
import type { Request } from '../request.js';
import { DECR_HITS, INCR_HITS, ofItem } from './counters.js';
import { EXISTS, type ItemKey, NO_MEMORY, NOT_FOUND, NOT_NUMERIC, versionIs, WRONG_TYPE } from './storage.js';

const NUL = 0;
const BLANK = 0x20;
const TAB = 0x09;
const CARRIAGE_RETURN = 0x0d;
const PLUS = 0x2b;
const MINUS = 0x2d;
const ZERO = 0x30;
const NINE = 0x39;

/**
 * Adds to the number under a key, or subtracts from it. The deadline and the flags stay.
 * @param delta what is added
 * @param casLow, casHigh halves of what the version must be; both 0 = any
 * @param sum gets the number that there is now
 * @returns the item, which may have moved, or NOT_FOUND, EXISTS, NOT_NUMERIC, WRONG_TYPE, NO_MEMORY
 */
export function countItem(
  request: Request,
  key: ItemKey,
  up: boolean,
  delta: Uint64,
  casLow: number,
  casHigh: number,
  sum: Uint64,
): number {
  const { shard } = key;
  const { words, bytes } = shard;
  const item = key.find();
  if (item === 0) return NOT_FOUND;
  if (typeOf(words, item) !== TYPE_STRING) return WRONG_TYPE;
  const length = valueLength(words, item);
  if (length === 0) return NOT_NUMERIC;
  if ((casLow | casHigh) !== 0 && !versionIs(words, item, casLow, casHigh)) return EXISTS;
  if (!readNumber(bytes, valueOffset(words, item), length, sum)) return NOT_NUMERIC;
  if (up) sum.add(delta);
  else sum.subtract(delta);
  request.counters[ofItem(shard, sizeOf(words, item)) + (up ? INCR_HITS : DECR_HITS)]++;
  const kept = marksOf(words, item) & (MARK_STALE | MARK_LEASED);
  const at = shard.replaceValue(item, Math.max(length, sum.digits));
  if (at === 0) return NO_MEMORY;
  const value = valueOffset(words, at);
  const end = value + valueLength(words, at);
  const written = value + sum.write(bytes, value);
  // To memcached a longer one is a new item, which nobody has read, and one of the same length is as stale as it was: who counts has not made it anew.
  if (end - value > length) clearMarks(words, at, MARK_FETCHED);
  else setMarks(words, at, kept);
  if (written < end) {
    bytes.fill(BLANK, written, end);
    setMarks(words, at, MARK_TEXT);
  }
  // The item is as good as used, but this is no hit (meta flag h).
  words[accessWord(at)] = shard.access.touched(accessOf(words, at));
  return at;
}

/**
 * Reads a value as C's strtoull does: blanks and a sign may come before the digits, and what comes after them must begin with a blank
 * or a NUL. As in
 * memcached, a minus is right if what comes out, which is the number taken from 2^64, is below 2^63.
 * @returns false when it is no number
 */
function readNumber(bytes: Uint8Array, offset: number, length: number, number: Uint64): boolean {
  // What nearly all counters are.
  if (number.parse(bytes, offset, length)) return true;
  const end = offset + length;
  let start = offset;
  while (start < end && isBlank(bytes[start])) start++;
  const negative = bytes[start] === MINUS && start < end;
  if (start < end && (negative || bytes[start] === PLUS)) start++;
  let digits = start;
  while (digits < end && bytes[digits] >= ZERO && bytes[digits] <= NINE) digits++;
  if (digits < end && bytes[digits] !== NUL && !isBlank(bytes[digits])) return false;
  while (start < digits - 1 && bytes[start] === ZERO) start++;
  if (!number.parse(bytes, start, digits - start)) return false;
  if (!negative) return true;
  number.set(-number.low, number.low === 0 ? -number.high : ~number.high);
  return number.high >= 0;
}

function isBlank(byte: number): boolean {
  return byte === BLANK || (byte >= TAB && byte <= CARRIAGE_RETURN);
}
