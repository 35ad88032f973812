/**
 * The way to one key: its bytes, hash and shard, the shard's lock, the item.
 *
 * `open` takes a key and locks its shard; `find` and `findString` look the item up; `close` gives the lock up. What runs in between is this
 * library's own code only, never the user's (a codec, a getter of an options object, an iterator). An exception inside the engine gives the
 * shard up, because it could be half way through a change; any other leaves it as it is.
 *
 * To read it, `take` takes a key without locking anything, and `peek` or `look` look the item up (engine/optimistic-reads.ts). Where they cannot tell, or `confirm` says that
 * what was peeked at has changed, `lock` goes on as `open`.
 *
 * A database's number and salt are read under the lock, because FLUSHDB and SWAPDB change them under all locks.
 */

import { ByteArena, copyBytes, equalBytes, isAscii } from '../base/bytes.js';
import type { Clock } from '../base/clock.js';
import { AshlarError } from '../base/errors.js';
import {
  expiryOf,
  hasExpiryBlock,
  isPlaceholder,
  KEY_BYTES_MAX,
  numberLength,
  TYPE_NAMES,
  TYPE_STRING,
  typeOf,
  VALUE_BYTES_MAX,
  valueLength,
  valueOffset,
  versionHigh,
  versionLow,
} from '../engine/item.js';
import type { Keyspace } from '../engine/keyspace.js';
import { acquire, endLease, holdsLease, invalidate, isLeased, LEASE_WRONG_TYPE, type Lease } from '../engine/leases.js';
import { PAGE_BYTES } from '../engine/memory/size-classes.js';
import { OPTIMISTIC_BYTES_MAX, type OptimisticReads } from '../engine/optimistic-reads.js';
import type { Shard } from '../engine/shard.js';
import { type Attachment, type TextView, textView } from './attachment.js';
import { addInteger } from './integers.js';
import { type Key, KeyBytes } from './key-bytes.js';

/** In the place of a deadline: the one that the key has. */
export const KEEP_DEADLINE = -1;

/** Longest value that is looked at for being ASCII where it is, in bytes: from there on a copy costs less. */
const ASCII_IN_PLACE_MAX = 512;
/** Most bytes of an item besides its value: the longest key, and the header. */
const ITEM_BYTES_MAX = KEY_BYTES_MAX + 64;

export class KeyAccess {
  readonly attachment: Attachment;
  readonly keyspace: Keyspace;
  readonly database: number;
  private readonly reads: OptimisticReads;
  /** Shard of the key, and its number. */
  private shard: Shard;
  private number = 0;
  private view: TextView;
  /** The value that was peeked at, and the same as something that strings can be read from. */
  private readonly copy = new ByteArena(new ArrayBuffer(OPTIMISTIC_BYTES_MAX));
  private readonly copyView = textView(this.copy);
  private readonly key: KeyBytes;
  private hash = 0;
  private internal = 0;

  /** @param database logical number */
  constructor(attachment: Attachment, database: number) {
    this.attachment = attachment;
    this.keyspace = attachment.keyspace;
    this.database = database;
    this.reads = attachment.reads;
    this.shard = this.keyspace.shards[0];
    this.view = attachment.views[0];
    this.key = new KeyBytes(this.keyspace.control.hashKey);
  }

  /** Whether the key can be stored. */
  get isKeyTooLong(): boolean {
    return this.key.length > KEY_BYTES_MAX;
  }

  /** Takes a key and locks its shard. */
  open(key: Key): void {
    this.take(key);
    this.lock();
  }

  /** Takes a key. */
  take(key: Key): void {
    this.attachment.begin();
    const { key: taken, keyspace } = this;
    taken.take(key);
    const { shards } = keyspace;
    const number = shards.length === 1 ? 0 : taken.slot % shards.length;
    this.number = number;
    this.shard = shards[number];
    this.view = this.attachment.views[number];
  }

  /** Locks the shard of the key that was taken. */
  lock(): void {
    const { keyspace, number, database } = this;
    const { control } = keyspace;
    keyspace.enter(this.shard);
    this.reads.settleHeld(this.shard, number);
    this.internal = control.internal(database);
    this.hash = this.key.hash ^ control.salt(database);
  }

  /** Looks a string up without the lock; ABSENT is a miss. Returns the bytes of its value, if `confirm` says so afterwards; ABSENT or UNSURE. */
  peek(): number {
    const { key } = this;
    return this.reads.find(this.number, key.hash, key.bytes, key.length, this.database);
  }

  /** Whether what was peeked at is true: a hit and an access then. */
  confirm(): boolean {
    return this.reads.confirm();
  }

  /** Whether the key is there, without the lock: ABSENT, UNSURE or something else. Counts nothing. */
  look(): number {
    const { key } = this;
    return this.reads.look(this.number, key.hash, key.bytes, key.length, this.database);
  }

  /** The value that was peeked at, of `length` bytes, as a string. */
  peekText(length: number): string {
    const { at } = this.reads;
    // As Latin-1 V8 copies the bytes and looks at none of them, so they may change meanwhile. As UTF-8 it does not.
    if (length <= ASCII_IN_PLACE_MAX && isAscii(this.shard.words, at, length))
      return this.view.latin1Slice(at, at + length);
    this.peekCopy(length);
    return this.copyView.utf8Slice(0, length);
  }

  /** Copies the value that was peeked at, of `length` bytes. */
  peekInto(target: Uint8Array, length: number): void {
    copyBytes(this.shard.bytes, this.reads.at, target, 0, length);
  }

  /** Copies the value that was peeked at, of `length` bytes, to where `takeCopy` finds it. */
  peekCopy(length: number): void {
    copyBytes(this.shard.bytes, this.reads.at, this.copy, 0, length);
  }

  takeCopy(target: Uint8Array, offset: number, length: number): void {
    copyBytes(this.copy, 0, target, offset, length);
  }

  /** Gives the lock up, if it is held. */
  close(): void {
    this.keyspace.leave();
  }

  /** The key's item, 0 when it is not there, or stands for a lease only. Counts nothing. */
  find(): number {
    try {
      const shard = this.shard;
      const item = shard.find(this.hash, this.key.bytes, 0, this.key.length, this.internal);
      if (item === 0 || isPlaceholder(shard.words, item)) return 0;
      if (!hasExpiryBlock(shard.words, item)) return item;
      // Only now does it matter what time it is.
      this.attachment.clock.tick();
      return shard.removeExpired(item) ? 0 : item;
    } catch (error) {
      return this.giveUp(error);
    }
  }

  /** The key's item to be read as a string: a hit or a miss, and an access. 0 when it is not there. */
  findString(): number {
    const item = this.find();
    this.shard.ledger.lookup(item !== 0);
    if (item === 0) return 0;
    this.requireString(item);
    this.shard.touch(item);
    return item;
  }

  /** @throws AshlarError ERR_TYPE */
  requireString(item: number): void {
    const type = typeOf(this.shard.words, item);
    if (type === TYPE_STRING) return;
    throw new AshlarError('ERR_TYPE', `the key holds a ${TYPE_NAMES[type]}, not a string`);
  }

  lengthOf(item: number): number {
    return valueLength(this.shard.words, item);
  }

  /** The value as a string. */
  textOf(item: number): string {
    const words = this.shard.words;
    const at = valueOffset(words, item);
    return this.view.utf8Slice(at, at + valueLength(words, item));
  }

  /** Copies the value, all of it. */
  copyValue(item: number, target: Uint8Array, offset: number): void {
    const { words, bytes } = this.shard;
    copyBytes(bytes, valueOffset(words, item), target, offset, valueLength(words, item));
  }

  /** Whether the key is there and has these bytes as its value. @throws AshlarError ERR_TYPE */
  holds(value: Uint8Array): boolean {
    const item = this.find();
    if (item === 0) return false;
    this.requireString(item);
    const { words, bytes } = this.shard;
    return (
      value.length === valueLength(words, item) && equalBytes(bytes, valueOffset(words, item), value, 0, value.length)
    );
  }

  /** The integer that the value is, plus `by`. @throws AshlarError ERR_TYPE, ERR_NOT_AN_INTEGER, ERR_OVERFLOW */
  sumOf(item: number, by: number | bigint): number | bigint {
    this.requireString(item);
    const { words, bytes } = this.shard;
    return addInteger(bytes, valueOffset(words, item), numberLength(words, bytes, item), by);
  }

  /** Deadline in milliseconds since 1970, 0 = none. */
  deadlineOf(item: number): number {
    return expiryOf(this.shard.words, item);
  }

  /**
   * Stores the first `length` bytes of `value` under the key.
   * @param deadline milliseconds since 1970; 0 = none, KEEP_DEADLINE = as it was
   * @throws AshlarError ERR_OUT_OF_MEMORY, ERR_VALUE_TOO_LARGE; the old value is still there
   */
  store(value: Uint8Array, length: number, deadline: number): void {
    try {
      if (this.trySet(value, length, deadline)) return;
      // What has expired makes room, and only now does it matter what time it is.
      this.attachment.clock.tick();
      if (this.trySet(value, length, deadline)) return;
    } catch (error) {
      this.giveUp(error);
    }
    throw this.noRoomFor(length);
  }

  /**
   * Gives a string another value: the first `length` bytes of `value`. Deadline and client flags stay.
   * @throws AshlarError ERR_OUT_OF_MEMORY; the old value is still there
   */
  replace(item: number, value: Uint8Array, length: number): void {
    let at: number;
    try {
      this.shard.touch(item);
      at = this.shard.replaceValue(item, length);
      if (at !== 0) copyBytes(value, 0, this.shard.bytes, valueOffset(this.shard.words, at), length);
    } catch (error) {
      this.giveUp(error);
    }
    if (at === 0) throw this.noRoomFor(length);
  }

  /** Sets or clears (0) the deadline. @throws AshlarError ERR_OUT_OF_MEMORY */
  setDeadline(item: number, deadline: number): void {
    let at: number;
    try {
      at = this.shard.setExpiry(item, deadline);
    } catch (error) {
      this.giveUp(error);
    }
    if (at === 0) throw new AshlarError('ERR_OUT_OF_MEMORY');
  }

  /** Removes whatever is under the key; a lease too. Returns whether the key was there. */
  removeKey(): boolean {
    const found = this.find();
    try {
      const { shard } = this;
      const item = found !== 0 ? found : shard.find(this.hash, this.key.bytes, 0, this.key.length, this.internal);
      if (item !== 0) shard.remove(item);
    } catch (error) {
      this.giveUp(error);
    }
    return found !== 0;
  }

  // ---------------------------------------------------------------------------------------------- leases

  /**
   * Looks the key up, and takes the lease if its value is to be made and nobody makes it (engine/leases.ts).
   * @throws AshlarError ERR_TYPE, ERR_KEY_TOO_LARGE
   */
  acquire(leaseMs: number, earlyMs: number, lease: Lease): void {
    const { shard, key, clock } = this;
    if (this.isKeyTooLong) throw this.noRoomFor(0);
    try {
      clock.tick();
      acquire(shard, this.hash, key.bytes, 0, key.length, this.internal, leaseMs, earlyMs, clock.now, lease);
    } catch (error) {
      this.giveUp(error);
    }
    if (lease.state === LEASE_WRONG_TYPE) this.requireString(lease.item);
  }

  /** Whether the value of an item that `acquire` found can be had. */
  hasValue(lease: Lease): boolean {
    return lease.hasValue(this.shard);
  }

  /** The key's item if its lease has this token, else 0. */
  findLeased(low: number, high: number): number {
    try {
      this.clock.tick();
      const item = this.shard.find(this.hash, this.key.bytes, 0, this.key.length, this.internal);
      return holdsLease(this.shard, item, low, high) ? item : 0;
    } catch (error) {
      return this.giveUp(error);
    }
  }

  /** Whether somebody has the lease with this token (0 and 0: without one) and still has time to make the key's value. */
  isBeingMade(low: number, high: number): boolean {
    try {
      this.clock.tick();
      const { shard } = this;
      const item = shard.find(this.hash, this.key.bytes, 0, this.key.length, this.internal);
      if (item === 0 || versionLow(shard.words, item) !== low || versionHigh(shard.words, item) !== high) return false;
      return isLeased(shard, item, this.clock.now);
    } catch (error) {
      return this.giveUp(error);
    }
  }

  /** Gives the lease of an item back. */
  endLease(item: number): void {
    try {
      endLease(this.shard, item);
    } catch (error) {
      this.giveUp(error);
    }
  }

  /** Marks the value as stale; a lease of the key is good for nothing from now on. @returns whether there is a value */
  invalidate(deadline: number): boolean {
    try {
      this.clock.tick();
      const item = this.shard.find(this.hash, this.key.bytes, 0, this.key.length, this.internal);
      return item !== 0 && invalidate(this.shard, item, deadline) !== 0;
    } catch (error) {
      return this.giveUp(error);
    }
  }

  private get clock(): Clock {
    return this.attachment.clock;
  }

  private trySet(value: Uint8Array, length: number, deadline: number): boolean {
    return this.shard.setString(
      this.hash,
      this.key.bytes,
      0,
      this.key.length,
      this.internal,
      value,
      0,
      length,
      deadline,
    );
  }

  private noRoomFor(length: number): AshlarError {
    if (this.isKeyTooLong) return new AshlarError('ERR_KEY_TOO_LARGE', `a key has at most ${KEY_BYTES_MAX} bytes`);
    const { budget, overhead } = this.shard.pool;
    const most = Math.min(VALUE_BYTES_MAX, (budget - overhead - 1) * PAGE_BYTES - ITEM_BYTES_MAX);
    if (length <= most) return new AshlarError('ERR_OUT_OF_MEMORY', `no room for a value of ${length} bytes`);
    const hint = most < VALUE_BYTES_MAX ? ', a part of one shard: more memory or fewer shards make it more' : '';
    return new AshlarError(
      'ERR_VALUE_TOO_LARGE',
      `a value has at most ${most} bytes in this cache${hint}; this one has ${length}`,
    );
  }

  /** After an exception in the engine: the shard may be torn. */
  private giveUp(error: unknown): never {
    this.keyspace.abandon();
    throw error;
  }
}
