/**
 * The library: one cache for all worker threads of a process.
 *
 * ```ts
 * const cache = Ashlar.create({ maxMemory: '1gb' });                  // in one thread
 * new Worker('./worker.js', { workerData: { cache: cache.handle } });
 *
 * const cache = Ashlar.attach(workerData.cache);                      // in any other: the same cache
 * cache.set('user:1', 'Ada', { ttl: 60_000 });
 * ```
 *
 * All methods but `listen` are synchronous: a value lies in shared memory, and getting it takes less than a microsecond. Every method works on
 * its key as a whole, under the lock of the key's shard or (reads) without it when nobody changes the shard meanwhile, so that no thread ever sees half a
 * value; methods with several keys take them one by one.
 *
 * A thread can end at any time, also by `terminate()` in the middle of an operation. The shard that it was changing at that moment is
 * emptied (`stats().resets` counts that) and everything goes on.
 */

import { AshlarError } from '../base/errors.js';
import type { KeyspaceHandle } from '../engine/keyspace.js';
import { ABSENT, UNSURE } from '../engine/optimistic-reads.js';
import { Attachment } from './attachment.js';
import { type Codec, type CodecName, codecNamed, codecs, nameOf } from './codecs.js';
import { addInteger, checkInteger, INTEGER_BYTES_MAX, writeNumber } from './integers.js';
import { KEEP_DEADLINE, KeyAccess } from './key-access.js';
import type { Key } from './key-bytes.js';
import { type ScanOptions, scanKeys } from './key-scan.js';
import { type Door, type ListenOptions, openDoor } from './listen.js';
import { type Loader, Loading, type LoadOptions } from './loading.js';
import { bytesOf, type CreateOptions, keyspaceOptions } from './options.js';
import { type CacheStats, readStats } from './stats.js';
import { expectedBytes, ValueWriter } from './value-writer.js';

/** What another thread needs to attach: plain data with the shared memory, for `workerData`, `postMessage`, a Piscina task. */
export interface AshlarHandle extends KeyspaceHandle {
  readonly codec: CodecName;
}

export interface AttachOptions {
  /** How `setValue` and `getValue` store values; needed only where the cache was made with a codec of one's own. */
  codec?: Codec;
  /** Logical database that this object works on, 0 by default. */
  database?: number;
}

/** Values: a string is stored as UTF-8. */
export type Value = string | Uint8Array;

export interface SetOptions {
  /** Milliseconds after which the key is gone. Without it the key stays, and loses the deadline that it had. */
  ttl?: number;
  /** Store only if the key is not there. */
  ifAbsent?: boolean;
  /** Store only if the key is there and this is its value. */
  ifEquals?: Value;
  /** Keep the deadline that the key has. */
  keepTtl?: boolean;
}

/** Longest value that becomes a string while the lock is held; longer ones are copied first, so that others wait for the copy only. */
const TEXT_IN_PLACE_MAX = 16_384;
/** The text of 0: what a counter that is not there is added to. */
const ZERO = Buffer.from('0');
/** Longest time to live: some 8,900 years. */
const TTL_MS_MAX = 2 ** 48;
/** What `ttl` returns for a key without a deadline, as Redis does. */
const NO_TTL = -1;

export class Ashlar {
  /** For `Ashlar.attach` in other threads. */
  readonly handle: AshlarHandle;
  private readonly attachment: Attachment;
  private readonly access: KeyAccess;
  private readonly values = new ValueWriter();
  private readonly digits = new Uint8Array(INTEGER_BYTES_MAX);
  private readonly codec: Codec;
  private readonly loading: Loading;
  private isClosed = false;

  private constructor(attachment: Attachment, codec: Codec, codecName: CodecName, database: number) {
    this.attachment = attachment;
    this.handle = { ...attachment.keyspace.handle, codec: codecName };
    this.codec = codec;
    this.access = new KeyAccess(attachment, database);
    this.loading = new Loading({
      codec,
      values: this.values,
      open: (key) => this.open(key),
      isClosed: () => this.isClosed,
      deadlineIn: (ttl) => this.deadlineIn(ttl),
    });
  }

  /**
   * Makes a cache. No thread is started; the cache lives as long as any thread has its handle.
   * @throws AshlarError ERR_BAD_OPTION, ERR_TOO_LITTLE_MEMORY
   */
  static create(options: CreateOptions): Ashlar {
    const codec = options.codec ?? codecs.json;
    return new Ashlar(Attachment.create(keyspaceOptions(options)), codec, nameOf(codec), 0);
  }

  /**
   * The cache that a handle is of. Any number of threads up to 255 can be attached; a thread that ends without `close` is noticed.
   * @throws AshlarError ERR_BAD_HANDLE, ERR_BAD_OPTION, ERR_TOO_MANY_THREADS
   */
  static attach(handle: AshlarHandle, options: AttachOptions = {}): Ashlar {
    const attachment = Attachment.of(handle);
    const database = options.database ?? 0;
    const { databases } = attachment.keyspace.control;
    if (!Number.isInteger(database) || database < 0 || database >= databases) {
      attachment.release();
      throw new AshlarError(
        'ERR_BAD_OPTION',
        `database is a whole number from 0 to ${databases - 1}, not ${String(database)}`,
      );
    }
    return new Ashlar(attachment, options.codec ?? codecNamed(handle.codec), handle.codec, database);
  }

  // ---------------------------------------------------------------------------------------------- reading

  /** The value as a string; undefined when the key is not there. Bytes that are not UTF-8 become U+FFFD. */
  get(key: Key): string | undefined {
    const access = this.take(key);
    const length = access.peek();
    if (length === ABSENT) return undefined;
    if (length >= 0) {
      const text = access.peekText(length);
      if (access.confirm()) return text;
    }
    return this.getLocked(access);
  }

  private getLocked(access: KeyAccess): string | undefined {
    let bytes: Buffer;
    access.lock();
    try {
      const item = access.findString();
      if (item === 0) return undefined;
      const length = access.lengthOf(item);
      if (length <= TEXT_IN_PLACE_MAX) return access.textOf(item);
      bytes = Buffer.allocUnsafe(length);
      access.copyValue(item, bytes, 0);
    } finally {
      access.close();
    }
    return bytes.toString();
  }

  /** A copy of the value's bytes; undefined when the key is not there. */
  getBuffer(key: Key): Buffer | undefined {
    const access = this.take(key);
    const length = access.peek();
    if (length === ABSENT) return undefined;
    if (length >= 0) {
      const bytes = Buffer.allocUnsafe(length);
      access.peekInto(bytes, length);
      if (access.confirm()) return bytes;
    }
    return this.getBufferLocked(access);
  }

  private getBufferLocked(access: KeyAccess): Buffer | undefined {
    access.lock();
    try {
      const item = access.findString();
      if (item === 0) return undefined;
      const bytes = Buffer.allocUnsafe(access.lengthOf(item));
      access.copyValue(item, bytes, 0);
      return bytes;
    } finally {
      access.close();
    }
  }

  /**
   * Copies the value's bytes into an array of yours: nothing is allocated.
   * @returns how many bytes; -1 when the key is not there
   * @throws AshlarError ERR_BUFFER_TOO_SMALL; nothing was written
   */
  getInto(key: Key, target: Uint8Array, offset = 0): number {
    const room = roomIn(target, offset);
    const access = this.take(key);
    const length = access.peek();
    if (length === ABSENT) return -1;
    if (length >= 0) {
      // Nothing may be written to the target that turns out not to be the value.
      access.peekCopy(length);
      if (access.confirm()) {
        checkRoom(length, room);
        access.takeCopy(target, offset, length);
        return length;
      }
    }
    return this.getIntoLocked(access, target, offset, room);
  }

  private getIntoLocked(access: KeyAccess, target: Uint8Array, offset: number, room: number): number {
    access.lock();
    try {
      const item = access.findString();
      if (item === 0) return -1;
      const length = access.lengthOf(item);
      checkRoom(length, room);
      access.copyValue(item, target, offset);
      return length;
    } finally {
      access.close();
    }
  }

  /** What `setValue` stored; undefined when the key is not there. */
  getValue<T = unknown>(key: Key): T | undefined {
    const bytes = this.getBuffer(key);
    return bytes === undefined ? undefined : (this.codec.decode(bytes) as T);
  }

  /** The values of several keys, in their order. They are read one after the other, not at one moment. */
  getMany(keys: Iterable<Key>): (string | undefined)[] {
    return Array.from(keys, (key) => this.get(key));
  }

  /** Whether the key is there. Not counted as an access. */
  has(key: Key): boolean {
    const access = this.take(key);
    const found = access.look();
    if (found !== UNSURE) return found !== ABSENT;
    access.lock();
    try {
      return access.find() !== 0;
    } finally {
      access.close();
    }
  }

  /** Milliseconds until the key is gone; -1 when it stays, undefined when it is not there. */
  ttl(key: Key): number | undefined {
    const access = this.open(key);
    try {
      const item = access.find();
      if (item === 0) return undefined;
      const deadline = access.deadlineOf(item);
      return deadline === 0 ? NO_TTL : deadline - this.attachment.clock.now;
    } finally {
      access.close();
    }
  }

  // ---------------------------------------------------------------------------------------------- writing

  /**
   * Stores a value, in the place of whatever is there.
   * @returns whether it was stored: false when `ifAbsent` or `ifEquals` did not hold
   * @throws AshlarError ERR_OUT_OF_MEMORY when the policy finds nothing to remove, ERR_VALUE_TOO_LARGE, ERR_KEY_TOO_LARGE; what was there
   * is still there
   */
  set(key: Key, value: Value, options?: SetOptions): boolean {
    if (options !== undefined) return this.setIf(key, value, options);
    // The value is read, and the lock taken, in this order: reading it may run code of the caller's.
    const bytes = this.values.bytesOf(value);
    const access = this.open(key);
    try {
      access.store(bytes, this.values.length, 0);
      return true;
    } finally {
      access.close();
    }
  }

  /** Stores any value through the codec. Takes the same options as `set`. */
  setValue(key: Key, value: unknown, options?: SetOptions): boolean {
    return this.set(key, this.codec.encode(value), options);
  }

  /** Stores several values, one after the other, all with the same options. */
  setMany(entries: Iterable<readonly [Key, Value]>, options?: SetOptions): void {
    for (const [key, value] of entries) this.set(key, value, options);
  }

  /** Removes a key. Returns whether it was there. */
  delete(key: Key): boolean {
    const access = this.open(key);
    try {
      return access.removeKey();
    } finally {
      access.close();
    }
  }

  /**
   * Adds to an integer; a key that is not there counts as 0. The key keeps its deadline.
   * @param options `ttl`: milliseconds after which the key is gone, if this call makes it
   * @returns the sum: a number, or a bigint where a number is not exact
   * @throws AshlarError ERR_NOT_AN_INTEGER, ERR_OVERFLOW (beyond 64 bits), ERR_OUT_OF_MEMORY
   */
  incrementBy(key: Key, by: number | bigint = 1, options?: { ttl?: number }): number | bigint {
    checkInteger(by);
    const deadline = options?.ttl === undefined ? 0 : this.deadlineIn(options.ttl);
    const access = this.open(key);
    try {
      const item = access.find();
      const sum = item === 0 ? addInteger(ZERO, 0, 1, by) : access.sumOf(item, by);
      const length = writeNumber(this.digits, sum);
      if (item === 0) access.store(this.digits, length, deadline);
      else access.replace(item, this.digits, length);
      return sum;
    } finally {
      access.close();
    }
  }

  /** Gives a key a deadline. Returns false when it is not there. */
  expire(key: Key, ttl: number): boolean {
    const deadline = this.deadlineIn(ttl);
    const access = this.open(key);
    try {
      const item = access.find();
      if (item !== 0) access.setDeadline(item, deadline);
      return item !== 0;
    } finally {
      access.close();
    }
  }

  /** Takes a key's deadline away. Returns false when it is not there or has none. */
  persist(key: Key): boolean {
    const access = this.open(key);
    try {
      const item = access.find();
      if (item === 0 || access.deadlineOf(item) === 0) return false;
      access.setDeadline(item, 0);
      return true;
    } finally {
      access.close();
    }
  }

  // ---------------------------------------------------------------------------------------------- values that are made when they are missed

  /**
   * The value of a key, as `getValue` returns it; when it is not there, what `loader` makes, which is stored by then. Of all callers who miss a key at
   * once, in whatever threads and processes, one is asked to make it, and the others get what it makes; see `LoadOptions` for values that are
   * about to expire, or have been invalidated. A value that was made is not stored if the key was written, deleted or invalidated meanwhile.
   * @returns rejects with what the loader throws; with AshlarError ERR_BAD_OPTION, ERR_TYPE, ERR_KEY_TOO_LARGE
   */
  getOrLoad<T>(key: Key, loader: Loader<T>, options: LoadOptions = {}): Promise<T> {
    return this.loading.getOrLoad(key, loader, options);
  }

  /**
   * Says that a value is no longer right: `getOrLoad` makes a new one, and the old one may be served until it is there. Whoever makes one already
   * works with what was right before, and it will not be stored. To have the old one served to nobody, `delete` the key.
   * @param options `grace`: milliseconds after which the old value is gone at the latest
   * @returns whether there was a value
   */
  invalidate(key: Key, options: { grace?: number } = {}): boolean {
    const deadline = options.grace === undefined ? 0 : this.deadlineIn(options.grace);
    const access = this.open(key);
    try {
      return access.invalidate(deadline);
    } finally {
      access.close();
    }
  }

  // ---------------------------------------------------------------------------------------------- all keys

  /** Keys of this database, those included that have expired and are not removed yet. */
  get size(): number {
    this.checkOpen();
    return this.attachment.keyspace.size(this.access.database);
  }

  /**
   * Walks through the keys while the cache goes on changing: one that is there all the time comes at least once, and seldom more often.
   * Keys come as strings, one at a time; the cache can be used, and the walk be left, in between.
   */
  *scan(options: ScanOptions = {}): Generator<string, void, undefined> {
    for (const key of this.scanBuffers(options)) yield key.toString();
  }

  /** As `scan`, for keys that are not UTF-8. */
  scanBuffers(options: ScanOptions = {}): Generator<Buffer, void, undefined> {
    this.checkOpen();
    return scanKeys(this.attachment, this.access.database, options, () => this.checkOpen());
  }

  /** Removes every key of this database at once. */
  clear(): void {
    this.checkOpen();
    this.attachment.begin();
    this.attachment.keyspace.flushDatabase(this.access.database);
  }

  stats(): CacheStats {
    this.checkOpen();
    this.attachment.clock.tick();
    this.attachment.settle();
    return readStats(this.attachment.keyspace);
  }

  /** Changes the limit of memory, up to `reserve`. Lowered, it takes effect step by step: what is too much is removed by upkeep. */
  resize(maxMemory: number | string): void {
    this.checkOpen();
    const bytes = bytesOf('maxMemory', maxMemory);
    const { keyspace } = this.attachment;
    if (bytes > keyspace.reserve)
      throw new AshlarError(
        'ERR_BAD_OPTION',
        `maxMemory can be raised to ${keyspace.reserve}: make the cache with a larger reserve`,
      );
    if (bytes < keyspace.leastMemory)
      throw new AshlarError('ERR_BAD_OPTION', `maxMemory must be at least ${keyspace.leastMemory} in this cache`);
    keyspace.maxMemory = bytes;
  }

  // ---------------------------------------------------------------------------------------------- doors and the end

  /**
   * Opens the Redis door, and with `memcachedPort` the Memcached door too: clients see the same keys, over TCP.
   * @throws AshlarError ERR_BAD_OPTION, ERR_ADDRESS_IN_USE, ERR_ADDRESS_UNAVAILABLE
   */
  async listen(options: ListenOptions = {}): Promise<Door> {
    this.checkOpen();
    return openDoor(this.attachment, options);
  }

  /** Detaches this object. The cache goes on for others; its memory is free when no thread has its handle any more. */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.attachment.release();
  }

  private open(key: Key): KeyAccess {
    if (this.isClosed) this.checkOpen();
    this.access.open(key);
    return this.access;
  }

  /** Takes a key that is to be read, without the lock if that can be. */
  private take(key: Key): KeyAccess {
    if (this.isClosed) this.checkOpen();
    this.access.take(key);
    return this.access;
  }

  private checkOpen(): void {
    if (this.isClosed) throw new AshlarError('ERR_CLOSED', 'this cache object has been closed');
  }

  /** `set` with options. */
  private setIf(key: Key, value: Value, { ttl, ifAbsent, ifEquals, keepTtl }: SetOptions): boolean {
    if (ttl !== undefined && keepTtl === true)
      throw new AshlarError('ERR_BAD_OPTION', 'ttl and keepTtl exclude each other');
    const expected = ifEquals === undefined ? undefined : expectedBytes(ifEquals);
    const deadline = keepTtl === true ? this.keptDeadline() : ttl === undefined ? 0 : this.deadlineIn(ttl);
    const bytes = this.values.bytesOf(value);
    const access = this.open(key);
    try {
      if (ifAbsent === true && access.find() !== 0) return false;
      if (expected !== undefined && !access.holds(expected)) return false;
      access.store(bytes, this.values.length, deadline);
      return true;
    } finally {
      access.close();
    }
  }

  /** Deadline of a time to live from now on. @throws AshlarError ERR_BAD_OPTION */
  private deadlineIn(ttl: number): number {
    if (!Number.isFinite(ttl) || ttl <= 0 || ttl > TTL_MS_MAX)
      throw new AshlarError('ERR_BAD_OPTION', `ttl is a positive number of milliseconds, not ${String(ttl)}`);
    this.attachment.clock.tick();
    return Math.ceil(this.attachment.clock.now + ttl);
  }

  /** To keep a deadline one must know whether it has passed. */
  private keptDeadline(): number {
    this.attachment.clock.tick();
    return KEEP_DEADLINE;
  }
}

/** @throws AshlarError ERR_BUFFER_TOO_SMALL */
function checkRoom(length: number, room: number): void {
  if (length > room)
    throw new AshlarError('ERR_BUFFER_TOO_SMALL', `the value has ${length} bytes, and the target has room for ${room}`);
}

/** Bytes of a target from an offset on. @throws AshlarError ERR_BAD_ARGUMENT */
function roomIn(target: Uint8Array, offset: number): number {
  if (!(target instanceof Uint8Array)) throw new AshlarError('ERR_BAD_ARGUMENT', 'the target is a Uint8Array');
  if (!Number.isInteger(offset) || offset < 0 || offset > target.length) {
    throw new AshlarError(
      'ERR_BAD_ARGUMENT',
      `the offset is a whole number from 0 to ${target.length}, not ${String(offset)}`,
    );
  }
  return target.length - offset;
}
