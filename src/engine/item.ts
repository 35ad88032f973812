/**
 * An item: one key with its value, as it lies in a cell of a slab or in a run of pages.
 *
 * ```
 *  byte 0            4              8               12
 *  ┌────────────────┬──────────────┬────────────────┬──────────────┬───────────────┬───────┬─────────┐
 *  │ key length 20  │ value length │ access clock 24│ [expiry ms,  │ [client flags,│ key   │ value   │
 *  │ database    6  │ 30           │ reserved 8     │  8 bytes: E] │  version: M]  │       │         │
 *  │ type 3, E M -  │ raw 1, - 1   │                │              │               │       │         │
 *  └────────────────┴──────────────┴────────────────┴──────────────┴───────────────┴───────┴─────────┘
 * ```
 *
 * Word 0 of a live item is never 0, because types begin at 1; of a free cell it is 0. The expiry block is there when the item has
 * a deadline, and always in items of EXPIRY_ALWAYS_BYTES or more, so that EXPIRE never moves a large value.
 * Offsets are byte offsets in the shard's buffer, and every item begins at a multiple of 8.
 */

import { type ByteSpace, equalBytes } from '../base/bytes.js';

export const TYPE_STRING = 1;
export const TYPE_LIST = 2;
export const TYPE_SET = 3;
export const TYPE_ZSET = 4;
export const TYPE_HASH = 5;
export const TYPE_STREAM = 6;

/** Redis's names of the types, by number. */
export const TYPE_NAMES: readonly string[] = ['none', 'string', 'list', 'set', 'zset', 'hash', 'stream'];

/** Longest key in bytes. */
export const KEY_BYTES_MAX = (1 << 20) - 1;
/** Longest value in bytes: 512 MiB. */
export const VALUE_BYTES_MAX = 2 ** 29;
/** Most databases (internal numbers). */
export const DATABASES_MAX = 64;

const KEY_LENGTH_MASK = 0xfffff;
const IDENTITY_MASK = 0x3ffffff;
const NO_IDENTITY = -1;
const DATABASE_SHIFT = 20;
const TYPE_SHIFT = 26;
const HAS_EXPIRY = 1 << 29;
const VALUE_LENGTH_MASK = 0x3fffffff;
const RAW_FLAG = 1 << 30;
const ACCESS_MASK = 0xffffff;

const HEADER_BYTES = 12;
const EXPIRY_BYTES = 8;
const META_BYTES = 12;
const EXPIRY_ALWAYS_BYTES = 2048;
const WORD = 2 ** 32;

/** Bytes that an item takes, before it is rounded up to a cell. */
export function itemBytes(keyLength: number, valueLength: number, withExpiry: boolean): number {
  const bytes = HEADER_BYTES + keyLength + valueLength;
  return withExpiry || bytes >= EXPIRY_ALWAYS_BYTES ? bytes + EXPIRY_BYTES : bytes;
}

/** Writes an item's header; key and value bytes are the caller's to write. The expiry block, where there is one, holds 0. */
export function writeHeader(
  words: Int32Array,
  item: number,
  keyLength: number,
  valueLength: number,
  database: number,
  type: number,
  withExpiry: boolean,
  access: number,
): void {
  const word = item >>> 2;
  const expiry = withExpiry || HEADER_BYTES + keyLength + valueLength >= EXPIRY_ALWAYS_BYTES;
  words[word] = keyLength | (database << DATABASE_SHIFT) | (type << TYPE_SHIFT) | (expiry ? HAS_EXPIRY : 0);
  words[word + 1] = valueLength;
  words[word + 2] = access;
  if (expiry) {
    words[word + 3] = 0;
    words[word + 4] = 0;
  }
}

export function keyLength(words: Int32Array, item: number): number {
  return words[item >>> 2] & KEY_LENGTH_MASK;
}

export function keyOffset(words: Int32Array, item: number): number {
  const word = words[item >>> 2];
  return item + HEADER_BYTES + ((word >>> 26) & 8) + ((word >>> 30) & 1) * META_BYTES;
}

export function valueOffset(words: Int32Array, item: number): number {
  return keyOffset(words, item) + (words[item >>> 2] & KEY_LENGTH_MASK);
}

export function valueLength(words: Int32Array, item: number): number {
  return words[(item >>> 2) + 1] & VALUE_LENGTH_MASK;
}

/** Changes the length of the value, keeping its flags. The caller has made sure that the cell holds it. */
export function setValueLength(words: Int32Array, item: number, length: number): void {
  const word = (item >>> 2) + 1;
  words[word] = (words[word] & ~VALUE_LENGTH_MASK) | length;
}

/** Sets the length of a value that is written anew: its flags go. */
export function setPlainLength(words: Int32Array, item: number, length: number): void {
  words[(item >>> 2) + 1] = length;
}

/** Whether the value was changed in place (APPEND, SETRANGE, ...): Redis calls its encoding `raw` then. */
export function isRaw(words: Int32Array, item: number): boolean {
  return (words[(item >>> 2) + 1] & RAW_FLAG) !== 0;
}

export function markRaw(words: Int32Array, item: number): void {
  words[(item >>> 2) + 1] |= RAW_FLAG;
}

export function typeOf(words: Int32Array, item: number): number {
  return (words[item >>> 2] >>> TYPE_SHIFT) & 7;
}

/** Internal number of the database. */
export function databaseOf(words: Int32Array, item: number): number {
  return (words[item >>> 2] >>> DATABASE_SHIFT) & 63;
}

/** What must be equal for an item to be `database`'s item with a key of `keyLength` bytes. No item has the identity of a key that is too long. */
export function identity(keyLength: number, database: number): number {
  return keyLength > KEY_LENGTH_MASK ? NO_IDENTITY : keyLength | (database << DATABASE_SHIFT);
}

/** Whether the item is the one with this identity and these key bytes. */
export function matches(
  words: Int32Array,
  bytes: ByteSpace,
  item: number,
  wanted: number,
  key: ByteSpace,
  offset: number,
  length: number,
): boolean {
  const word = words[item >>> 2];
  if ((word & IDENTITY_MASK) !== wanted) return false;
  const at = item + HEADER_BYTES + ((word >>> 26) & 8) + ((word >>> 30) & 1) * META_BYTES;
  return equalBytes(bytes, at, key, offset, length);
}

export function hasExpiryBlock(words: Int32Array, item: number): boolean {
  return (words[item >>> 2] & HAS_EXPIRY) !== 0;
}

/** Absolute deadline in milliseconds since 1970, 0 = none. */
export function expiryOf(words: Int32Array, item: number): number {
  const word = item >>> 2;
  return (words[word] & HAS_EXPIRY) === 0 ? 0 : words[word + 4] * WORD + (words[word + 3] >>> 0);
}

/** Writes the deadline into an item that has an expiry block. */
export function writeExpiry(words: Int32Array, item: number, expiry: number): void {
  const word = item >>> 2;
  words[word + 3] = expiry | 0;
  words[word + 4] = Math.floor(expiry / WORD);
}

/** Access clock of the item: what it means is the eviction policy's. */
export function accessOf(words: Int32Array, item: number): number {
  return words[(item >>> 2) + 2] & ACCESS_MASK;
}

/** Word index of the access clock's word. */
export function accessWord(item: number): number {
  return (item >>> 2) + 2;
}

/** Bytes that the item takes in its cell. */
export function sizeOf(words: Int32Array, item: number): number {
  return valueOffset(words, item) - item + valueLength(words, item);
}
