/**
 * String commands on many keys at once: MGET, MSET, MSETNX. Each is atomic: the shards of all keys are locked together.
 *
 * When memory runs out in the middle of an MSET, it is undone: what each key held before is put back, and the error is answered. What
 * was evicted to make room stays evicted, and so does what the policy may evict at any time; a lease or a version that somebody had been given does not
 * come back. The other old values are copied, only when free memory might not do, so that an MSET into a cache that is not full pays nothing for it, and
 * not without bounds: one that replaces much is refused before anything is changed, unless enough pages are free. Should there be no memory even to put a
 * value back, or was it one too many to be copied while pages enough were free but not side by side, its key is gone.
 */

import { copyBytes } from '../base/bytes.js';
import {
  BLOCK_FLAGS,
  clientFlagsOf,
  expiryOf,
  isRaw,
  itemBytes,
  KEY_BYTES_MAX,
  MARK_FETCHED,
  MARK_STALE,
  MARK_TEXT,
  markRaw,
  marksOf,
  setClientFlags,
  setMarks,
  TYPE_STRING,
  typeOf,
  valueLength,
  valueOffset,
} from '../engine/item.js';
import { PAGE_BYTES } from '../engine/memory/size-classes.js';
import type { Shard } from '../engine/shard.js';
import { command } from './command.js';
import { wrongArity } from './replies.js';
import type { Request } from './request.js';

/** Pages that allocations of so many bytes can take, at worst, for each byte: cells are rounded up by a quarter, pages are at least half used. */
const PAGES_PER_BYTE = 2.5 / PAGE_BYTES;
/** Size classes of which a page each may be begun. */
const CLASSES_MAX = 64;
/** Old values that are copied, in bytes: what a worker can spare for a moment, and copies in milliseconds. */
const COPIED_BYTES_MAX = 16 * 2 ** 20;
/** Keys after which the index may need another page. */
const KEYS_PER_INDEX_PAGE = 256;
/** What an item that is put back is marked with as it was. */
const MARKS_KEPT = MARK_FETCHED | MARK_STALE | MARK_TEXT;

// ---------------------------------------------------------------------------------------------- reading

function mget(request: Request): void {
  const last = request.argc - 1;
  request.atomically(1, last, 1, () => {
    request.reply.array(last);
    for (let index = 1; index <= last; index++) replyValueOrNull(request, index);
  });
}

function replyValueOrNull(request: Request, index: number): void {
  const item = request.read(index);
  const { words, bytes } = request.shard;
  if (item === 0 || typeOf(words, item) !== TYPE_STRING) request.reply.nullBulk();
  else request.reply.bulk(bytes, valueOffset(words, item), valueLength(words, item));
}

// ---------------------------------------------------------------------------------------------- writing

function mset(request: Request): void {
  if (!arePairs(request, 'mset')) return;
  request.atomically(1, request.argc - 1, 2, () => {
    if (storePairs(request)) request.reply.ok();
  });
}

function msetnx(request: Request): void {
  if (!arePairs(request, 'msetnx')) return;
  request.atomically(1, request.argc - 1, 2, () => {
    for (let index = 1; index < request.argc; index += 2) {
      if (request.find(index) === 0) continue;
      request.reply.integer(0);
      return;
    }
    if (storePairs(request)) request.reply.integer(1);
  });
}

function arePairs(request: Request, name: string): boolean {
  if (request.argc % 2 === 1) return true;
  request.reply.error(wrongArity(name));
  return false;
}

/** Stores all pairs or, with an error answered, none. */
function storePairs(request: Request): boolean {
  const isSure = surelyFits(request);
  if (!isSure && !mayTry(request)) return false;
  const undo = isSure ? undefined : new Undo(request);
  for (let index = 1; index < request.argc; index += 2) {
    undo?.remember(index);
    if (request.setString(index, request.input, request.offset(index + 1), request.length(index + 1), 0)) continue;
    undo?.restore();
    request.refuse(index);
    return false;
  }
  return true;
}

/** Whether no pair can be refused: each key is short enough, and free memory holds them all, wherever they go. Large values need pages side by side. */
function surelyFits(request: Request): boolean {
  for (let index = 1; index < request.argc; index += 2) {
    if (request.length(index) > KEY_BYTES_MAX || bytesOf(request, index) > PAGE_BYTES) return false;
  }
  const pages = pagesFor(request);
  for (let index = 1; index < request.argc; index += 2) if (request.enter(index).pool.available < pages) return false;
  return true;
}

/** Whether the pairs may be stored, because that can be undone or free pages are enough for them. Answers an error when not. */
function mayTry(request: Request): boolean {
  let bytes = 0;
  for (let index = 1; index < request.argc; index += 2) {
    const { memory, words } = request.enter(index);
    const isTooLong = request.length(index) > KEY_BYTES_MAX;
    if (isTooLong || !memory.canHold(bytesOf(request, index))) return refuse(request, index);
    const item = request.find(index);
    if (item !== 0 && !memory.isEvictable(item)) bytes += valueLength(words, item);
  }
  return bytes <= COPIED_BYTES_MAX || makeRoom(request) || refuse(request, 1);
}

function refuse(request: Request, index: number): false {
  const shard = request.enter(index);
  if (request.length(index) <= KEY_BYTES_MAX) shard.ledger.refuse();
  request.refuse(index);
  return false;
}

/** Makes as many pages free as the pairs can need, if the policy allows. */
function makeRoom(request: Request): boolean {
  for (let index = 1; index < request.argc; index += 2) {
    const { memory, pool } = request.enter(index);
    const pages = pagesFor(request, request.shard);
    if (pages > pool.budget - pool.overhead) return false;
    while (pool.available < pages) if (!memory.freePage()) return false;
  }
  return true;
}

/** Pages that all pairs take at worst, or those of a shard. */
function pagesFor(request: Request, shard?: Shard): number {
  let keys = 0;
  let bytes = 0;
  let pages = 2;
  for (let index = 1; index < request.argc; index += 2) {
    if (shard !== undefined && request.enter(index) !== shard) continue;
    keys++;
    const needed = bytesOf(request, index);
    if (needed > PAGE_BYTES) pages += Math.ceil(needed / PAGE_BYTES);
    else bytes += needed;
  }
  return pages + bytes * PAGES_PER_BYTE + Math.min(keys, CLASSES_MAX) + keys / KEYS_PER_INDEX_PAGE;
}

/** Bytes of the item that a key and the value behind it make. */
function bytesOf(request: Request, index: number): number {
  return itemBytes(request.length(index), request.length(index + 1), true);
}

/** What a key held before. */
interface Before {
  readonly index: number;
  /** Undefined when there was nothing, or nothing that must be put back. */
  readonly value: Uint8Array | undefined;
  readonly expiry: number;
  readonly raw: boolean;
  readonly clientFlags: number;
  /** MARK_ bits. */
  readonly marks: number;
}

/** The way back from a write of several strings. */
class Undo {
  private readonly request: Request;
  private readonly steps: Before[] = [];
  private copiedBytes = 0;

  constructor(request: Request) {
    this.request = request;
  }

  /** To be called before a key is written. */
  remember(index: number): void {
    const item = this.request.find(index);
    const { words, bytes } = this.request.shard;
    if (item === 0 || !this.mustKeep(item)) {
      this.steps.push({ index, value: undefined, expiry: 0, raw: false, clientFlags: 0, marks: 0 });
      return;
    }
    const at = valueOffset(words, item);
    const value = bytes.slice(at, at + valueLength(words, item));
    this.copiedBytes += value.length;
    this.steps.push({
      index,
      value,
      expiry: expiryOf(words, item),
      raw: isRaw(words, item),
      clientFlags: clientFlagsOf(words, item),
      marks: marksOf(words, item) & MARKS_KEPT,
    });
  }

  /** Whether what a key holds is to be copied: a string that the policy may not evict, as long as there are not too many bytes of them. */
  private mustKeep(item: number): boolean {
    const { memory, words } = this.request.shard;
    if (typeOf(words, item) !== TYPE_STRING || memory.isEvictable(item)) return false;
    return this.copiedBytes + valueLength(words, item) <= COPIED_BYTES_MAX;
  }

  /** Puts everything back but the last key, which was refused and so is as it was. A key that is there twice gets its first value last. */
  restore(): void {
    this.steps.pop();
    for (const step of this.steps.reverse()) {
      if (step.value !== undefined && this.putBack(step, step.value)) continue;
      const item = this.request.find(step.index);
      if (item !== 0) this.request.shard.remove(item);
    }
  }

  /** False when there is no memory for it. */
  private putBack({ index, expiry, raw, clientFlags, marks }: Before, value: Uint8Array): boolean {
    const { request } = this;
    const shard = request.enter(index);
    const { words, bytes } = shard;
    const item = shard.prepareString(
      request.hash(index),
      request.input,
      request.offset(index),
      request.length(index),
      request.database,
      value.length,
      expiry,
      clientFlags === 0 ? 0 : BLOCK_FLAGS,
    );
    if (item === 0) return false;
    copyBytes(value, 0, bytes, valueOffset(words, item), value.length);
    if (clientFlags !== 0) setClientFlags(words, item, clientFlags);
    if (raw) markRaw(words, item);
    setMarks(words, item, marks);
    return true;
  }
}

export const STRING_BATCH_COMMANDS = [
  command({
    name: 'mget',
    arity: -2,
    flags: ['readonly', 'fast'],
    group: 'string',
    lastKey: -1,
    since: '1.0.0',
    summary: 'Atomically returns the string values of one or more keys.',
    complexity: 'O(N) where N is the number of keys',
    run: mget,
  }),
  command({
    name: 'mset',
    arity: -3,
    flags: ['write', 'denyoom'],
    group: 'string',
    lastKey: -1,
    keyStep: 2,
    since: '1.0.1',
    summary: 'Atomically creates or modifies the string values of one or more keys.',
    complexity: 'O(N) where N is the number of keys',
    run: mset,
  }),
  command({
    name: 'msetnx',
    arity: -3,
    flags: ['write', 'denyoom'],
    group: 'string',
    lastKey: -1,
    keyStep: 2,
    since: '1.0.1',
    summary: 'Atomically sets the string values of one or more keys only when none of the keys exists.',
    complexity: 'O(N) where N is the number of keys',
    run: msetnx,
  }),
];
