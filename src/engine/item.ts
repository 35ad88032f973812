/**
 * An item: one key with its value, as it lies in a cell of a slab or in a run of pages.
 *
 * ```
 *  byte 0            4              8               12
 *  ┌────────────────┬──────────────┬────────────────┬─────────────┬─────────────┬──────────────────┬───────┬─────────┐
 *  │ key length 20  │ value length │ access clock 24│ [expiry ms, │ [version,   │ [client flags,   │ key   │ value   │
 *  │ database    6  │ 30           │ marks 8        │  8 bytes: E]│  8 bytes: V]│  4 bytes: F]     │       │         │
 *  │ type 3, E V F  │ raw 1, pin 1 │                │             │             │                  │       │         │
 *  └────────────────┴──────────────┴────────────────┴─────────────┴─────────────┴──────────────────┴───────┴─────────┘
 * ```
 *
 * Word 0 of a live item is never 0, because types begin at 1; of a free cell it is 0. Three blocks are there only in items that need them:
 *
 * - expiry: when there is a deadline, and always in items of EXPIRY_ALWAYS_BYTES or more, so that EXPIRE never moves a large value. It also
 *   says when the item's lease ends, if it has had one (leases.ts);
 * - version: Memcached's CAS number. It is made when somebody asks for it, and a write gives the item another one or none: so a number
 *   that was seen once never stands for another value, and items of which nobody asked pay nothing;
 * - client flags: the 32 bits that Memcached clients keep beside a value, when they are not 0.
 *
 * Marks say what happened to the item since it was written; writing it anew clears them.
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
const PIN_FLAG = 1 << 31;

const HEADER_BYTES = 12;
const EXPIRY_BYTES = 8;
const VERSION_BYTES = 8;
const FLAGS_BYTES = 4;
/** Bytes from the beginning of an item to its key, at most. */
export const HEADER_BYTES_MAX = HEADER_BYTES + EXPIRY_BYTES + VERSION_BYTES + FLAGS_BYTES;
const EXPIRY_ALWAYS_BYTES = 2048;
const WORD = 2 ** 32;
const BLANK = 0x20;
/**
 * The high word of the expiry is the deadline's, which is below 2^63. With its highest bit set, ten bits of it are the end of the lease, and the deadline has
 * 53 bits in all: 285,000 years.
 */
const HAS_LEASE = 1 << 31;
const LEASE_SHIFT = 21;
const LEASE_TICK_MASK = 0x3ff;
const LEASED_HIGH_MASK = 0x1fffff;

/** Optional blocks of an item, as bits of a set: the top bits of word 0. */
const BLOCK_SHIFT = 29;
const BLOCK_EXPIRY = 1;
/** Memcached's CAS number. */
export const BLOCK_VERSION = 2;
/** Memcached's client flags. */
export const BLOCK_FLAGS = 4;

/** The item was read since it was written. */
export const MARK_FETCHED = 1 << 24;
/** The value is no longer right, and may be served until there is a new one. */
export const MARK_STALE = 1 << 25;
/** Somebody was told to make the new value. */
export const MARK_LEASED = 1 << 26;
/** There is no value yet: the item stands for the lease of a key that was missed. */
export const MARK_PLACEHOLDER = 1 << 27;
/**
 * The value is a number that Redis would keep as text: INCRBYFLOAT's result, or a number that a Memcached client made shorter, and blanks behind it,
 * which keep the value's length and are no part of the number. It is about the value, and goes wherever that goes.
 */
export const MARK_TEXT = 1 << 28;
const MARKS = 0x1f << 24;

/** Bytes that an item takes, before it is rounded up to a cell. `blocks`: BLOCK_ bits. */
export function itemBytes(keyLength: number, valueLength: number, withExpiry: boolean, blocks = 0): number {
  const bytes = HEADER_BYTES + blockBytes(blocks) + keyLength + valueLength;
  return withExpiry || bytes >= EXPIRY_ALWAYS_BYTES ? bytes + EXPIRY_BYTES : bytes;
}

function blockBytes(blocks: number): number {
  return ((blocks & BLOCK_VERSION) !== 0 ? VERSION_BYTES : 0) + ((blocks & BLOCK_FLAGS) !== 0 ? FLAGS_BYTES : 0);
}

/**
 * Writes an item's header; key and value bytes are the caller's to write. The optional blocks, where there are any, hold 0.
 * @param access access clock, and marks
 * @param blocks BLOCK_ bits
 */
export function writeHeader(
  words: Int32Array,
  item: number,
  keyLength: number,
  valueLength: number,
  database: number,
  type: number,
  withExpiry: boolean,
  access: number,
  blocks = 0,
): void {
  const word = item >>> 2;
  const bytes = HEADER_BYTES + blockBytes(blocks) + keyLength + valueLength;
  const all = withExpiry || bytes >= EXPIRY_ALWAYS_BYTES ? blocks | BLOCK_EXPIRY : blocks;
  words[word] = keyLength | (database << DATABASE_SHIFT) | (type << TYPE_SHIFT) | (all << BLOCK_SHIFT);
  words[word + 1] = valueLength;
  words[word + 2] = access;
  for (let at = word + 3, end = keyOffset(words, item) >>> 2; at < end; at++) words[at] = 0;
}

export function keyLength(words: Int32Array, item: number): number {
  return words[item >>> 2] & KEY_LENGTH_MASK;
}

export function keyOffset(words: Int32Array, item: number): number {
  const word = words[item >>> 2];
  return item + HEADER_BYTES + ((word >>> 26) & 8) + ((word >>> 27) & 8) + ((word >>> 29) & 4);
}

export function valueOffset(words: Int32Array, item: number): number {
  return keyOffset(words, item) + (words[item >>> 2] & KEY_LENGTH_MASK);
}

export function valueLength(words: Int32Array, item: number): number {
  return words[(item >>> 2) + 1] & VALUE_LENGTH_MASK;
}

/** Length of the value as a number: without the blanks that MARK_TEXT is about. */
export function numberLength(words: Int32Array, bytes: Uint8Array, item: number): number {
  let length = valueLength(words, item);
  if ((marksOf(words, item) & MARK_TEXT) === 0) return length;
  const value = valueOffset(words, item);
  while (length > 0 && bytes[value + length - 1] === BLANK) length--;
  return length;
}

/** Changes the length of the value, keeping its flags. The caller has made sure that the cell holds it. */
export function setValueLength(words: Int32Array, item: number, length: number): void {
  const word = (item >>> 2) + 1;
  words[word] = (words[word] & ~VALUE_LENGTH_MASK) | length;
}

/** Sets the length of a value that is written anew: what was said of the old value goes, a pin stays. */
export function setPlainLength(words: Int32Array, item: number, length: number): void {
  const word = (item >>> 2) + 1;
  words[word] = (words[word] & PIN_FLAG) | length;
}

/** Whether eviction must leave the item alone (pins.ts). */
export function isPinned(words: Int32Array, item: number): boolean {
  return words[(item >>> 2) + 1] < 0;
}

/** Pins and their accounts are one: only pins.ts may call this for an item that is counted. */
export function setPinned(words: Int32Array, item: number, pinned: boolean): void {
  const word = (item >>> 2) + 1;
  words[word] = pinned ? words[word] | PIN_FLAG : words[word] & ~PIN_FLAG;
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
  const at = item + HEADER_BYTES + ((word >>> 26) & 8) + ((word >>> 27) & 8) + ((word >>> 29) & 4);
  return equalBytes(bytes, at, key, offset, length);
}

export function hasExpiryBlock(words: Int32Array, item: number): boolean {
  return (words[item >>> 2] & HAS_EXPIRY) !== 0;
}

/** Whether the item has these optional blocks (BLOCK_ bits) and no others. */
export function hasJustBlocks(words: Int32Array, item: number, blocks: number): boolean {
  return words[item >>> 2] >>> BLOCK_SHIFT === blocks;
}

/** The item's optional blocks without the expiry: BLOCK_ bits. */
export function blocksOf(words: Int32Array, item: number): number {
  return (words[item >>> 2] >>> BLOCK_SHIFT) & (BLOCK_VERSION | BLOCK_FLAGS);
}

/** Absolute deadline in milliseconds since 1970, 0 = none. */
export function expiryOf(words: Int32Array, item: number): number {
  const word = item >>> 2;
  if ((words[word] & HAS_EXPIRY) === 0) return 0;
  const high = words[word + 4];
  return (high < 0 ? high & LEASED_HIGH_MASK : high) * WORD + (words[word + 3] >>> 0);
}

/** Writes the deadline into an item that has an expiry block. */
export function writeExpiry(words: Int32Array, item: number, expiry: number): void {
  const word = item >>> 2;
  const before = words[word + 4];
  const high = Math.floor(expiry / WORD);
  words[word + 3] = expiry | 0;
  words[word + 4] = before < 0 ? (before & ~LEASED_HIGH_MASK) | Math.min(high, LEASED_HIGH_MASK) : high;
}

/** What `leaseTickOf` says of an item that has had no lease since it was written. */
export const NO_LEASE_TICK = -1;

/** When the item's lease ends, or ended, as leases.ts counts the time: ten bits, or NO_LEASE_TICK. */
export function leaseTickOf(words: Int32Array, item: number): number {
  const word = item >>> 2;
  if ((words[word] & HAS_EXPIRY) === 0 || words[word + 4] >= 0) return NO_LEASE_TICK;
  return (words[word + 4] >>> LEASE_SHIFT) & LEASE_TICK_MASK;
}

/** Writes when the lease ends into an item that has an expiry block. */
export function setLeaseTick(words: Int32Array, item: number, tick: number): void {
  const word = (item >>> 2) + 4;
  const high = words[word] < 0 ? words[word] & LEASED_HIGH_MASK : Math.min(words[word], LEASED_HIGH_MASK);
  words[word] = HAS_LEASE | (tick << LEASE_SHIFT) | high;
}

/** Access word of the item: what it means is the eviction policy's, but for the marks in it. */
export function accessOf(words: Int32Array, item: number): number {
  return words[(item >>> 2) + 2];
}

/** An access word without marks: that of an item which is written anew. */
export function unmarked(access: number): number {
  return access & ~MARKS;
}

/** Word index of the access word. */
export function accessWord(item: number): number {
  return (item >>> 2) + 2;
}

/** Whether the item has a version (Memcached's CAS number). */
export function hasVersion(words: Int32Array, item: number): boolean {
  return ((words[item >>> 2] >>> BLOCK_SHIFT) & BLOCK_VERSION) !== 0;
}

/** Word index of the version's block: behind the expiry's. */
function versionWord(words: Int32Array, item: number): number {
  return (item >>> 2) + 3 + ((words[item >>> 2] >>> 28) & 2);
}

/** Low 32 bits of the version, signed; 0 when the item has none. */
export function versionLow(words: Int32Array, item: number): number {
  return hasVersion(words, item) ? words[versionWord(words, item)] : 0;
}

/** High 32 bits of the version, signed; 0 when the item has none. */
export function versionHigh(words: Int32Array, item: number): number {
  return hasVersion(words, item) ? words[versionWord(words, item) + 1] : 0;
}

/** Writes the version of an item that has the block. */
export function setVersion(words: Int32Array, item: number, low: number, high: number): void {
  const word = versionWord(words, item);
  words[word] = low;
  words[word + 1] = high;
}

/** Word index of the client flags' block: behind the version's. */
function flagsWord(words: Int32Array, item: number): number {
  return versionWord(words, item) + ((words[item >>> 2] >>> 29) & 2);
}

/** Client flags, 32 bits, unsigned; 0 when the item has none. */
export function clientFlagsOf(words: Int32Array, item: number): number {
  return ((words[item >>> 2] >>> BLOCK_SHIFT) & BLOCK_FLAGS) === 0 ? 0 : words[flagsWord(words, item)] >>> 0;
}

/** Writes the client flags of an item that has the block. */
export function setClientFlags(words: Int32Array, item: number, flags: number): void {
  words[flagsWord(words, item)] = flags;
}

/** Copies what the optional blocks hold to an item that has these blocks too. */
export function copyBlocks(source: Int32Array, from: number, target: Int32Array, to: number, blocks: number): void {
  if ((blocks & BLOCK_VERSION) !== 0) setVersion(target, to, versionLow(source, from), versionHigh(source, from));
  if ((blocks & BLOCK_FLAGS) !== 0) setClientFlags(target, to, clientFlagsOf(source, from));
}

/** What happened to the item since it was written: MARK_ bits. */
export function marksOf(words: Int32Array, item: number): number {
  return words[(item >>> 2) + 2] & MARKS;
}

/** Sets marks (MARK_ bits). */
export function setMarks(words: Int32Array, item: number, marks: number): void {
  words[(item >>> 2) + 2] |= marks;
}

/** Clears marks (MARK_ bits). */
export function clearMarks(words: Int32Array, item: number, marks: number): void {
  words[(item >>> 2) + 2] &= ~marks;
}

/** Whether the item stands for a lease only: to most, there is no such key. */
export function isPlaceholder(words: Int32Array, item: number): boolean {
  return (words[(item >>> 2) + 2] & MARK_PLACEHOLDER) !== 0;
}

/** Bytes that the item takes in its cell. */
export function sizeOf(words: Int32Array, item: number): number {
  return valueOffset(words, item) - item + valueLength(words, item);
}
