/**
 * The way to one key: its bytes, hash and shard, the shard's lock, the item.
 *
 * `open` takes a key and locks its shard; `find` and `findString` look the item up; `close` gives the lock up. What runs in between is this
 * library's own code only, never the user's (a codec, a getter of an options object, an iterator). An exception inside the engine gives the
 * shard up, because it could be half way through a change; any other leaves it as it is.
 *
 * A database's number and salt are read under the lock, because FLUSHDB and SWAPDB change them under all locks.
 */

import { copyBytes, equalBytes } from '../base/bytes.js';
import { AshlarError } from '../base/errors.js';
import { hashBytes } from '../base/hash.js';
import {
  expiryOf,
  hasExpiryBlock,
  KEY_BYTES_MAX,
  TYPE_NAMES,
  TYPE_STRING,
  typeOf,
  VALUE_BYTES_MAX,
  valueLength,
  valueOffset,
} from '../engine/item.js';
import type { Keyspace } from '../engine/keyspace.js';
import { PAGE_BYTES } from '../engine/memory/size-classes.js';
import type { Shard } from '../engine/shard.js';
import type { Attachment, TextView } from './attachment.js';
import { addInteger } from './integers.js';
import { Scratch } from './scratch.js';

/** A key: a string is stored as UTF-8. */
export type Key = string | Uint8Array;

const KEY_SCRATCH_BYTES = 4096;

/** In the place of a deadline: the one that the key has. */
export const KEEP_DEADLINE = -1;

/** Length of keys that cannot be stored. */
const TOO_LONG = KEY_BYTES_MAX + 1;
/** Most bytes of an item besides its value: the longest key, and the header. */
const ITEM_BYTES_MAX = KEY_BYTES_MAX + 64;

export class KeyAccess {
  readonly attachment: Attachment;
  readonly keyspace: Keyspace;
  readonly database: number;
  /** Shard of the key. */
  private shard: Shard;
  private view: TextView;
  private readonly key = new Scratch(KEY_SCRATCH_BYTES);
  private readonly k0: number;
  private readonly k1: number;
  private keyBytes = 0;
  private hash = 0;
  private internal = 0;

  /** @param database logical number */
  constructor(attachment: Attachment, database: number) {
    this.attachment = attachment;
    this.keyspace = attachment.keyspace;
    this.database = database;
    this.shard = this.keyspace.shards[0];
    this.view = attachment.views[0];
    [this.k0, this.k1] = this.keyspace.control.hashKey;
  }

  /** Whether the key can be stored. */
  get isKeyTooLong(): boolean {
    return this.keyBytes > KEY_BYTES_MAX;
  }

  /** Takes a key and locks its shard. */
  open(key: Key): void {
    this.attachment.begin();
    const keyspace = this.keyspace;
    const length = this.takeKey(key);
    const bytes = this.key.bytes;
    const rawHash = hashBytes(bytes, 0, length, this.k0, this.k1);
    const number = keyspace.shardNumber(bytes, 0, length);
    this.view = this.attachment.views[number];
    this.shard = keyspace.enter(keyspace.shards[number]);
    this.internal = keyspace.control.internal(this.database);
    this.hash = rawHash ^ keyspace.control.salt(this.database);
  }

  /** Gives the lock up, if it is held. */
  close(): void {
    this.keyspace.leave();
  }

  /** The key's item, 0 when it is not there. Counts nothing. */
  find(): number {
    try {
      const shard = this.shard;
      const item = shard.find(this.hash, this.key.bytes, 0, this.keyBytes, this.internal);
      if (item === 0 || !hasExpiryBlock(shard.words, item)) return item;
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
    this.shard.countLookup(item !== 0);
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
    return addInteger(bytes, valueOffset(words, item), valueLength(words, item), by);
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

  remove(item: number): void {
    try {
      this.shard.remove(item);
    } catch (error) {
      this.giveUp(error);
    }
  }

  private takeKey(key: Key): number {
    let length: number;
    if (typeof key === 'string') length = key.length > KEY_BYTES_MAX ? TOO_LONG : this.key.writeText(key);
    else if (key instanceof Uint8Array) length = key.length > KEY_BYTES_MAX ? TOO_LONG : this.key.writeBytes(key);
    else throw new AshlarError('ERR_BAD_ARGUMENT', `a key is a string or a Uint8Array, not ${typeof key}`);
    this.keyBytes = length;
    // A key that is too long is in no shard; its bytes do not matter.
    return length > KEY_BYTES_MAX ? 0 : length;
  }

  private trySet(value: Uint8Array, length: number, deadline: number): boolean {
    return this.shard.setString(this.hash, this.key.bytes, 0, this.keyBytes, this.internal, value, 0, length, deadline);
  }

  private noRoomFor(length: number): AshlarError {
    if (this.isKeyTooLong) return new AshlarError('ERR_KEY_TOO_LARGE', `a key has at most ${KEY_BYTES_MAX} bytes`);
    const { budget, firstPage } = this.shard.pool;
    const most = Math.min(VALUE_BYTES_MAX, (budget - firstPage - 1) * PAGE_BYTES - ITEM_BYTES_MAX);
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
