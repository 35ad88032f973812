/**
 * What both of Memcached's protocols do to items: find, store under a condition, join, touch and delete.
 *
 * A command takes its key (`ItemKey`), which locks its shard, and calls a function here; the function returns the item, or one of the outcomes below,
 * which are negative. Marks and counters are memcached's; answers are the callers'.
 *
 * A placeholder, which stands for a lease, is an item with an empty value here, as it is in memcached.
 */

import { copyBytes } from '../../base/bytes.js';
import { slotOf } from '../../base/hash.js';
import {
  BLOCK_FLAGS,
  BLOCK_VERSION,
  clearMarks,
  clientFlagsOf,
  hasVersion,
  itemBytes,
  MARK_FETCHED,
  markRaw,
  setClientFlags,
  sizeOf,
  TYPE_STRING,
  typeOf,
  valueLength,
  valueOffset,
  versionHigh,
  versionLow,
} from '../../engine/item.js';
import type { Shard } from '../../engine/shard.js';
import type { Request } from '../request.js';
import {
  CAS_BADVAL,
  CAS_HITS,
  CAS_MISSES,
  CMD_GET,
  CMD_SET,
  CMD_TOUCH,
  DELETE_HITS,
  DELETE_MISSES,
  GET_EXPIRED,
  GET_HITS,
  GET_MISSES,
  ofItem,
  TOUCH_HITS,
  TOUCH_MISSES,
} from './counters.js';

// Imported bindings are slower than local ones in hot functions.
const copy = copyBytes;

/** There is no such item. */
export const NOT_FOUND = -1;
/** The item's version is not the one that was given. */
export const EXISTS = -2;
/** The item is there (ADD), or is not there (REPLACE, APPEND, PREPEND), or would be too large. */
export const NOT_STORED = -3;
export const NO_MEMORY = -4;
/** The value is no number. */
export const NOT_NUMERIC = -5;
/** What is there is one of Redis's collections, not a string. */
export const WRONG_TYPE = -6;

/** How a value is stored. */
export const SET = 0;
export const ADD = 1;
export const REPLACE = 2;
/** If the version is the one that was given. */
export const CAS = 3;
export const APPEND = 4;
export const PREPEND = 5;

/** What memcached counts of an item besides key, value and client flags: its header, the CAS number, the ends of key and value. */
const ITEM_OVERHEAD_BYTES = 59;
const FLAGS_BYTES = 4;
/** The limit is not lower than this: looking it up takes longer than to compare. */
const LIMIT_MIN = 1024;

/** The key of a command, wherever its bytes are. One object does for all commands of a thread. */
export class ItemKey {
  bytes: Uint8Array = new Uint8Array(0);
  at = 0;
  length = 0;
  /** Salted. */
  hash = 0;
  database = 0;
  shard!: Shard;

  /** The key is an argument that the command table names as a key. Locks its shard. */
  take(request: Request, index: number): void {
    this.shard = request.enter(index);
    this.bytes = request.input;
    this.at = request.offset(index);
    this.length = request.length(index);
    this.hash = request.hash(index);
    this.database = request.database;
  }

  /** The key is made of these bytes, which are not as they were received. Locks its shard. */
  takeBytes(request: Request, bytes: Uint8Array, at: number, length: number): void {
    const shard = request.lock(request.keyspace.shardOfSlot(slotOf(bytes, at, length)));
    const { database } = request;
    this.bytes = bytes;
    this.at = at;
    this.length = length;
    this.hash = shard.hash(bytes, at, length, database);
    this.database = database;
    this.shard = shard;
  }

  /** The item, or 0. */
  find(): number {
    return this.shard.find(this.hash, this.bytes, this.at, this.length, this.database);
  }
}

// ---------------------------------------------------------------------------------------------- reading

/** Finds an item to be read: counts the command, hit or miss, and the access. Returns the item, 0, or WRONG_TYPE. */
export function readItem(request: Request, key: ItemKey): number {
  const item = lookUp(request, key);
  if (item > 0) key.shard.touch(item);
  return item;
}

/** Finds an item to be read: counts the command, hit or miss. Returns the item, 0, or WRONG_TYPE. */
export function lookUp(request: Request, key: ItemKey): number {
  const { counters } = request;
  const { shard } = key;
  const { index } = shard;
  counters[CMD_GET]++;
  const entry = index.find(key.hash, key.bytes, key.at, key.length, key.database);
  if (entry === 0) {
    shard.ledger.lookup(false);
    counters[GET_MISSES]++;
    return 0;
  }
  const item = index.itemAt(entry);
  shard.entry = entry;
  if (shard.removeExpired(item)) {
    shard.ledger.lookup(false);
    counters[GET_MISSES]++;
    counters[GET_EXPIRED]++;
    return 0;
  }
  if (typeOf(shard.words, item) !== TYPE_STRING) return WRONG_TYPE;
  shard.ledger.lookup(true);
  counters[ofItem(shard, sizeOf(shard.words, item)) + GET_HITS]++;
  return item;
}

/**
 * Gives an item another deadline, and counts that and the access.
 * @param deadline milliseconds since 1970, 0 = none
 * @returns the item, which may have moved; NOT_FOUND, or NO_MEMORY for the deadline
 */
export function touchItem(request: Request, key: ItemKey, deadline: number): number {
  const { counters } = request;
  const { shard } = key;
  const item = key.find();
  counters[CMD_TOUCH]++;
  shard.ledger.lookup(item !== 0);
  if (item === 0) {
    counters[TOUCH_MISSES]++;
    return NOT_FOUND;
  }
  counters[ofItem(shard, sizeOf(shard.words, item)) + TOUCH_HITS]++;
  shard.touch(item);
  const kept = shard.setExpiry(item, deadline);
  return kept === 0 ? NO_MEMORY : kept;
}

/** Whether an item has this version. One that nobody asked for has none. */
export function versionIs(words: Int32Array, item: number, low: number, high: number): boolean {
  return hasVersion(words, item) && versionLow(words, item) === low && versionHigh(words, item) === high;
}

// ---------------------------------------------------------------------------------------------- writing

/** Whether a value is above the limit (`memcached-item-size-max`), which is one for the whole item as memcached counts it. */
export function isTooLarge(request: Request, keyBytes: number, valueBytes: number, flags: number): boolean {
  const bytes = ITEM_OVERHEAD_BYTES + keyBytes + valueBytes + (flags === 0 ? 0 : FLAGS_BYTES);
  return bytes > LIMIT_MIN && bytes > request.server.memcachedValueBytesMax;
}

/**
 * Stores a value in one of the ways SET, ADD, REPLACE and CAS.
 * @param deadline milliseconds since 1970, 0 = none
 * @param low, high halves of what the version must be, for CAS
 * @param versioned whether the item is to have a version of its own, to be answered
 * @returns the item, or NOT_FOUND, EXISTS, NOT_STORED, NO_MEMORY
 */
export function storeItem(
  request: Request,
  key: ItemKey,
  how: number,
  value: Uint8Array,
  valueAt: number,
  valueBytes: number,
  flags: number,
  deadline: number,
  low: number,
  high: number,
  versioned: boolean,
): number {
  const blocks = blocksFor(flags, versioned);
  request.counters[ofItem(key.shard, itemBytes(key.length, valueBytes, deadline !== 0, blocks)) + CMD_SET]++;
  if (how !== SET) {
    const refusal = refusalOf(request, key, how, low, high);
    if (refusal !== 0) return refusal;
  }
  const item = makeItem(key, value, valueAt, valueBytes, flags, deadline, versioned);
  if (item === NO_MEMORY && how === SET) forget(key);
  return item;
}

/** Writes an item in the place of whatever is under the key. Returns it, or NO_MEMORY: what was there is still there then. */
export function makeItem(
  key: ItemKey,
  value: Uint8Array,
  valueAt: number,
  valueBytes: number,
  flags: number,
  deadline: number,
  versioned: boolean,
): number {
  const { shard, hash, bytes, at, length, database } = key;
  const blocks = blocksFor(flags, versioned);
  const item = shard.prepareString(hash, bytes, at, length, database, valueBytes, deadline, blocks);
  if (item === 0) return NO_MEMORY;
  if (versioned) shard.freshVersion(item);
  if (flags !== 0) setClientFlags(shard.words, item, flags);
  copy(value, valueAt, shard.bytes, valueOffset(shard.words, item), valueBytes);
  return item;
}

/** The blocks of an item with client flags, and perhaps a version. */
function blocksFor(flags: number, versioned: boolean): number {
  return (versioned ? BLOCK_VERSION : 0) | (flags !== 0 ? BLOCK_FLAGS : 0);
}

/** Why a value is not to be stored; 0 when it is. */
function refusalOf(request: Request, key: ItemKey, how: number, low: number, high: number): number {
  const item = key.find();
  if (how !== CAS) return (item === 0) === (how === ADD) ? 0 : NOT_STORED;
  const { counters } = request;
  const { words } = key.shard;
  if (item === 0) {
    counters[CAS_MISSES]++;
    return NOT_FOUND;
  }
  const matches = versionIs(words, item, low, high);
  counters[ofItem(key.shard, sizeOf(words, item)) + (matches ? CAS_HITS : CAS_BADVAL)]++;
  return matches ? 0 : EXISTS;
}

/**
 * Adds bytes behind (APPEND) or before (PREPEND) a value, whose deadline and flags stay.
 * @param low, high halves of what the version must be; both 0 = any
 * @param versioned whether the item is to have a version, to be answered
 * @returns the item, or NOT_STORED when there is none or it would be too large, or EXISTS or WRONG_TYPE
 */
export function joinItem(
  request: Request,
  key: ItemKey,
  how: number,
  piece: Uint8Array,
  pieceAt: number,
  pieceBytes: number,
  low: number,
  high: number,
  versioned: boolean,
): number {
  const { shard } = key;
  const { words, bytes } = shard;
  request.counters[ofItem(shard, itemBytes(key.length, pieceBytes, false)) + CMD_SET]++;
  const old = key.find();
  if (old === 0) return NOT_STORED;
  if (typeOf(words, old) !== TYPE_STRING) return WRONG_TYPE;
  if ((high | low) !== 0 && !versionIs(words, old, low, high)) return EXISTS;
  const length = valueLength(words, old);
  if (isTooLarge(request, key.length, length + pieceBytes, clientFlagsOf(words, old))) return NOT_STORED;
  const item = shard.resizeString(old, length + pieceBytes);
  if (item === 0) return NOT_STORED;
  const value = valueOffset(words, item);
  if (how === PREPEND) bytes.copyWithin(value + pieceBytes, value, value + length);
  copy(piece, pieceAt, bytes, how === PREPEND ? value : value + length, pieceBytes);
  markRaw(words, item);
  shard.changed(item);
  // To memcached it is a new item, which nobody has read.
  clearMarks(words, item, MARK_FETCHED);
  return versioned ? withVersion(shard, item) : item;
}

/** Gives an item a version if it has none. Without memory for it the item stays as it is: it has no version then. */
export function withVersion(shard: Shard, item: number): number {
  const at = shard.giveVersion(item);
  return at === 0 ? item : at;
}

/**
 * Deletes an item.
 * @param low, high halves of what the version must be; both 0 = any
 * @returns 0, or NOT_FOUND, or EXISTS
 */
export function deleteItem(request: Request, key: ItemKey, low: number, high: number): number {
  const { counters } = request;
  const { shard } = key;
  const item = key.find();
  if (item === 0) {
    counters[DELETE_MISSES]++;
    return NOT_FOUND;
  }
  if ((high | low) !== 0 && !versionIs(shard.words, item, low, high)) return EXISTS;
  counters[ofItem(shard, sizeOf(shard.words, item)) + DELETE_HITS]++;
  shard.remove(item);
  return 0;
}

/** Removes what a SET that failed was to replace: whoever wrote must not find the value that was there before. */
export function forget(key: ItemKey): void {
  const item = key.find();
  if (item !== 0) key.shard.remove(item);
}
