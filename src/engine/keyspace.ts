/**
 * The keyspace: all shards of a cache and its control block, as one thread sees them.
 *
 * key -> slot (CRC16 mod 16384) -> shard (slot mod shards). A thread works on one shard at a time (`enter`); commands on several keys
 * lock their shards in ascending order (`lockSet`), so they are atomic and never wait in a circle.
 *
 * A shard's lock is kept from one operation to the next while they are on the same shard, up to a bound, and given up at the
 * end of the batch (`leave`): two atomic operations for a run of commands instead of two for each. While no other thread wants one, those of
 * several shards are kept so. Nobody waits for a lock who has another.
 */

import { randomFillSync } from 'node:crypto';
import { totalmem } from 'node:os';
import { assert } from '../base/assert.js';
import type { Clock } from '../base/clock.js';
import { AshlarError } from '../base/errors.js';
import { slotOf } from '../base/hash.js';
import { shareOf } from '../base/units.js';
import { Control } from './control.js';
import { type ExpiryLag, summarize } from './expiry/lag.js';
import { ShardLock } from './locks/shard-lock.js';
import { EVERY_SHARD, ThreadRegistry } from './locks/thread-registry.js';
import { EXTENT_BYTES, type MemoryAdvice } from './memory/extents.js';
import { budgetMin, SHARD_PAGES_MIN } from './memory/page-pool.js';
import { PAGE_BYTES } from './memory/size-classes.js';
import { Shard } from './shard.js';
import { readFigures, type ShardFigures } from './shard-figures.js';

/** Largest shard: beyond it, byte offsets would leave the small-integer range. */
export const SHARD_BYTES_MAX = 2 ** 31;
/** Most shards. */
export const SHARDS_MAX = 1024;
/** What pinned items may take unless something else is set: percent of the memory, below zero as in `pinMemory`. */
const PIN_MEMORY = -10;
/** And whatever is set, no more than this part of it. */
const PIN_PART_MAX = 1 / 2;
/** Operations for which a lock is kept before others get a chance. */
const KEEP_LOCK_OPERATIONS = 64;
/** Shards entered one at a time after another thread has wanted a lock: waiting for a thread that keeps them all is dear. */
const SHARE_ENTRIES = 65_536;

/** What another thread needs to attach: goes through `postMessage` and `workerData`. */
export interface KeyspaceHandle {
  readonly kind: 'ashlar';
  readonly control: SharedArrayBuffer;
  readonly shards: readonly SharedArrayBuffer[];
}

export interface KeyspaceOptions {
  /** Bytes for everything that is stored, over all shards. */
  maxMemory: number;
  /** Bytes of address space, over all shards, up to which maxMemory can be raised later; default maxMemory. */
  reserve?: number;
  shards: number;
  /** Logical databases, 1..48. */
  databases: number;
  /** Index in POLICIES. */
  policy: number;
  /** Hash key; random when left out. */
  hashKey?: readonly [number, number];
}

export class Keyspace {
  readonly handle: KeyspaceHandle;
  readonly control: Control;
  readonly shards: readonly Shard[];
  readonly clock: Clock;
  readonly registry: ThreadRegistry;
  /** Uniform in [0, 1): whatever is to be chosen at random is chosen by it. */
  readonly random: () => number;
  /** Shards whose locks this thread has, the first `heldCount` of it. */
  private readonly held: Shard[];
  private heldCount = 0;
  private operations = 0;
  /** Shards that are still to be entered before the locks of several are kept again, because another thread wanted one. */
  private sharing = 0;
  /** Where this thread notes on which shard it works. */
  private readonly workWord: number;
  /** Within `withShards`, whose shards are all that is worked on. */
  private isSet = false;
  private readonly identity: number;
  private readonly shardCount: number;

  private constructor(handle: KeyspaceHandle, clock: Clock, random: () => number, advice: MemoryAdvice | undefined) {
    this.handle = handle;
    this.clock = clock;
    this.random = random;
    this.control = new Control(handle.control);
    if (!this.control.valid) throw new AshlarError('ERR_BAD_HANDLE', 'the handle is not one of an Ashlar cache');
    this.registry = new ThreadRegistry(this.control.words, this.control.registryWord);
    this.identity = this.registry.join();
    if (this.identity === 0)
      throw new AshlarError('ERR_TOO_MANY_THREADS', 'too many threads are attached to this cache');
    this.workWord = this.registry.workWord(this.identity);
    this.shards = handle.shards.map((buffer, number) => {
      const makeLock = (words: Int32Array): ShardLock => new ShardLock(words, this.registry, this.identity, number + 1);
      return new Shard(buffer, this.control.shardOffset(number), this.control, clock, random, makeLock);
    });
    this.shardCount = this.shards.length;
    this.held = [...this.shards];
    for (const shard of this.shards) shard.pool.advice = advice;
  }

  /**
   * Makes the shards of a new cache.
   * @param random uniform in [0, 1)
   * @param advice the operating system's ear, where there is a native core
   * @throws AshlarError ERR_TOO_LITTLE_MEMORY when a shard would be too small or the address space cannot be had
   */
  static create(options: KeyspaceOptions, clock: Clock, random: () => number, advice?: MemoryAdvice): Keyspace {
    const budget = Math.floor(options.maxMemory / options.shards / PAGE_BYTES);
    const wanted = Math.floor(Math.max(options.reserve ?? 0, options.maxMemory) / options.shards / PAGE_BYTES);
    const capacity = Math.min(Math.max(wanted, SHARD_PAGES_MIN), SHARD_BYTES_MAX / PAGE_BYTES);
    if (budget < budgetMin(capacity)) {
      const least = Math.ceil((budgetMin(capacity) * options.shards * PAGE_BYTES) / 2 ** 20);
      throw new AshlarError(
        'ERR_TOO_LITTLE_MEMORY',
        `maxmemory is too small: ${options.shards} shards need at least ${least} MB`,
      );
    }
    assert(budget <= capacity, 'Keyspace: budget above the largest shard');
    const key = options.hashKey ?? randomKey();
    const control = Control.create(options.shards, options.databases, key);
    control.policy = options.policy;
    control.shardPages = capacity;
    const shards: SharedArrayBuffer[] = [];
    // Where there is an operating system to be advised, a shard begins where a huge page does, and that is somewhere in the first EXTENT_BYTES.
    const slack = advice === undefined ? 0 : EXTENT_BYTES;
    try {
      for (let i = 0; i < options.shards; i++) {
        shards.push(new SharedArrayBuffer(capacity * PAGE_BYTES + slack));
        control.setShardOffset(i, advice?.bytesToBoundary(new Uint8Array(shards[i]), EXTENT_BYTES) ?? 0);
      }
    } catch (error) {
      throw new AshlarError(
        'ERR_TOO_LITTLE_MEMORY',
        `cannot reserve ${options.shards} shards of ${capacity * PAGE_BYTES} bytes`,
        {
          cause: error,
        },
      );
    }
    const keyspace = new Keyspace({ kind: 'ashlar', control: control.buffer, shards }, clock, random, advice);
    for (const shard of keyspace.shards) {
      advice?.adviseHugePages(shard.bytes, 0, shard.bytes.length);
      Shard.prepare(shard, budget);
    }
    keyspace.pinMemory = PIN_MEMORY;
    return keyspace;
  }

  /** Attaches this thread to a cache that another thread made. */
  static attach(handle: KeyspaceHandle, clock: Clock, random: () => number, advice?: MemoryAdvice): Keyspace {
    if (handle?.kind !== 'ashlar') throw new AshlarError('ERR_BAD_HANDLE', 'the handle is not one of an Ashlar cache');
    return new Keyspace(handle, clock, random, advice);
  }

  /** Detaches this thread. The cache lives while any thread holds its handle. */
  detach(): void {
    this.leave();
    this.registry.leave(this.identity);
  }

  // ---------------------------------------------------------------------------------------------- locks

  /** Shard of a slot. */
  shardOfSlot(slot: number): Shard {
    return this.shards[this.shardCount === 1 ? 0 : slot % this.shardCount];
  }

  /** Number of the shard of a key. */
  shardNumber(key: Uint8Array, offset: number, length: number): number {
    return this.shardCount === 1 ? 0 : slotOf(key, offset, length) % this.shardCount;
  }

  /**
   * Locks a shard for an operation; others that were locked before may be given up. Until another shard is entered, or
   * `leave` or `yield` is called, the shard stays locked: what an operation found in it stays true.
   */
  enter(shard: Shard): Shard {
    if (shard.isHeld) {
      if (!this.isSet) this.turnTo(shard);
      return shard;
    }
    assert(!this.isSet, 'Keyspace: a shard is entered that was not locked with the others');
    if (!this.takeAnother(shard)) {
      this.leave();
      this.take(shard);
    }
    this.turnTo(shard);
    return shard;
  }

  /** Between two operations: lets others have the shards after a number of operations. */
  yield(): void {
    if (++this.operations < KEEP_LOCK_OPERATIONS) return;
    this.operations = 0;
    this.leave();
  }

  /** Gives up all locks. */
  leave(): void {
    for (; this.heldCount > 0; this.heldCount--) {
      const shard = this.held[this.heldCount - 1];
      if (shard.lock.release()) this.sharing = SHARE_ENTRIES;
      shard.isHeld = false;
    }
  }

  /**
   * Locks a shard for nothing that matters to those who read without the lock, if this thread has no other and that needs no waiting. `leave` gives the
   * lock up.
   */
  tryEnterQuietly(shard: Shard): boolean {
    if (this.isBusy) return false;
    this.note(shard);
    if (shard.lock.tryAcquireQuietly()) return true;
    this.forget(shard);
    return false;
  }

  /** Waits for a lock. */
  private take(shard: Shard): void {
    this.note(shard);
    if (!shard.lock.tryAcquire()) {
      this.sharing = SHARE_ENTRIES;
      if (!shard.lock.acquire()) {
        this.control.repair();
        shard.resetTorn();
      }
    }
    // Others may have changed everything since this thread was here.
    shard.entry = 0;
  }

  /** Takes a lock beside others, if nobody else wants any and it needs no waiting. */
  private takeAnother(shard: Shard): boolean {
    if (this.heldCount === 0) return false;
    if (this.sharing > 0) {
      this.sharing--;
      return false;
    }
    this.note(shard);
    if (shard.lock.tryAcquire()) {
      shard.entry = 0;
      return true;
    }
    this.sharing = SHARE_ENTRIES;
    this.forget(shard);
    return false;
  }

  /** Before a lock is taken: whatever happens from here on, `abandon` finds it. */
  private note(shard: Shard): void {
    this.held[this.heldCount++] = shard;
    shard.isHeld = true;
  }

  /** The lock that was noted last was not to be had. */
  private forget(shard: Shard): void {
    shard.isHeld = false;
    this.heldCount--;
  }

  /** Of the shards that are locked, the next operation is on this one: if this thread dies in it, the others are whole. */
  private turnTo(shard: Shard): void {
    this.control.words[this.workWord] = shard.lock.place;
  }

  /**
   * Locks several shards at once, runs `work`, and unlocks them. If `work` throws, it may have stopped in the middle of a change: the
   * shards are reset then.
   * @param numbers shard numbers, ascending, each once
   */
  withShards<T>(numbers: readonly number[], work: () => T): T {
    if (this.isSet) return work();
    this.leave();
    this.control.words[this.workWord] = EVERY_SHARD;
    this.isSet = true;
    let whole = false;
    try {
      for (const number of numbers) this.take(this.shards[number]);
      const result = work();
      whole = true;
      return result;
    } finally {
      if (!whole) this.abandon();
      this.isSet = false;
      this.leave();
    }
  }

  /** Whether this thread is in the middle of an operation. Between operations it means that one was broken off: `abandon`. */
  get isBusy(): boolean {
    return this.heldCount > 0 || this.isSet;
  }

  /**
   * Resets what an operation changed that was broken off, and unlocks everything: after an exception, perhaps one that left no stack to clean up with,
   * or the time limit of a `vm` script, after which nothing of the operation runs any more, though the thread lives.
   */
  abandon(): void {
    for (; this.heldCount > 0; this.heldCount--) {
      const shard = this.held[this.heldCount - 1];
      if (shard.lock.heldByMe) {
        if (!shard.lock.isQuiet && this.registry.workedOn(this.identity, shard.lock.place)) {
          this.control.repair();
          shard.resetTorn();
        }
        shard.lock.release();
      }
      shard.isHeld = false;
    }
    this.isSet = false;
  }

  /** Locks every shard, runs `work`, and unlocks them. */
  withAll<T>(work: () => T): T {
    return this.withShards(
      this.shards.map((_, number) => number),
      work,
    );
  }

  // ---------------------------------------------------------------------------------------------- databases

  /** Keys of a logical database, as they are counted (expired ones included until they are removed). Read without locks. */
  size(database: number): number {
    return this.sum(database, (shard, internal) => shard.ledger.keysIn(internal));
  }

  /** Items of a logical database: keys, and placeholders of leases. Read without locks. */
  items(database: number): number {
    return this.sum(database, (shard, internal) => shard.ledger.itemsIn(internal));
  }

  /** Keys with a deadline of a logical database. Read without locks. */
  expiring(database: number): number {
    return this.sum(database, (shard, internal) => shard.ledger.expiringIn(internal));
  }

  /** Milliseconds that a logical database's keys with a deadline have left, on average; 0 when there are none. Read without locks. The clock has been read. */
  averageTtl(database: number): number {
    const expiring = this.expiring(database);
    if (expiring === 0) return 0;
    const deadlines = this.sum(database, (shard, internal) => shard.ledger.deadlinesIn(internal));
    return Math.max(0, Math.round(deadlines / expiring - this.clock.now));
  }

  private sum(database: number, figure: (shard: Shard, internal: number) => number): number {
    for (;;) {
      const internal = this.control.internal(database);
      let sum = 0;
      for (const shard of this.shards) sum += figure(shard, internal);
      // If the number has become another database's meanwhile, what was counted may be that one's.
      if (this.control.internal(database) === internal) return sum;
    }
  }

  /** Removes every key of every database. */
  flushAll(): void {
    this.withAll(() => {
      for (const shard of this.shards) shard.clear();
      this.control.resetDatabases();
    });
  }

  /** Removes every key of a database: at once for whoever looks, their memory is freed by upkeep. */
  flushDatabase(database: number): void {
    this.withAll(() => {
      const internal = this.control.internal(database);
      const others = this.shards.some((shard) => shard.ledger.items !== shard.ledger.itemsIn(internal));
      if (!others) for (const shard of this.shards) shard.clear();
      else if (this.control.detach(database) === -1) for (const shard of this.shards) shard.removeDatabase(internal);
    });
  }

  /**
   * Has database 0 emptied at some time: Memcached's flush_all with a delay.
   * @param time milliseconds since 1970; 0 = not at all, whatever was asked for before
   */
  flushLater(time: number): void {
    this.withAll(() => {
      this.control.flushAt = time;
    });
  }

  /** Empties database 0 if it is time; called by upkeep. */
  flushIfDue(): void {
    if (!this.isFlushDue()) return;
    this.withAll(() => {
      if (!this.isFlushDue()) return;
      this.control.flushAt = 0;
      this.flushDatabase(0);
    });
  }

  private isFlushDue(): boolean {
    const { flushAt } = this.control;
    return flushAt !== 0 && flushAt <= this.clock.now;
  }

  /** Exchanges two databases. */
  swapDatabases(a: number, b: number): void {
    this.withAll(() => this.control.swap(a, b));
  }

  /** Lets the numbers of emptied databases be used again; called by upkeep now and then. */
  releaseEmptied(): void {
    if (!this.control.hasZombies) return;
    this.withAll(() => {
      for (let internal = 0; internal < 64; internal++) {
        if (this.control.isZombie(internal) && this.shards.every((shard) => shard.ledger.itemsIn(internal) === 0))
          this.control.release(internal);
      }
    });
  }

  // ---------------------------------------------------------------------------------------------- memory and figures

  /** Bytes of address space reserved: `maxMemory` can be raised up to here. */
  get reserve(): number {
    return this.shards.reduce((sum, shard) => sum + shard.pool.capacity * PAGE_BYTES, 0);
  }

  /** Bytes with which the shards work at least: their tables are made for the address space. */
  get leastMemory(): number {
    return this.shards.reduce((sum, shard) => sum + budgetMin(shard.pool.capacity) * PAGE_BYTES, 0);
  }

  /** Bytes that may be in use, at least `leastMemory`. Every shard has the same part of them. */
  get maxMemory(): number {
    return this.shards[0].pool.budget * this.shardCount * PAGE_BYTES;
  }

  /** Changes the budget of every shard. Upkeep brings those above it under it. */
  set maxMemory(bytes: number) {
    const budget = this.budgetOf(bytes);
    this.withAll(() => {
      for (const shard of this.shards) shard.pool.budget = budget;
      this.sharePins(this.control.pinMemory);
    });
  }

  /** What pinned items may take: bytes, or, below zero, percent of `maxMemory`. Never more than half of it. */
  get pinMemory(): number {
    return this.control.pinMemory;
  }

  set pinMemory(memory: number) {
    this.withAll(() => {
      this.control.pinMemory = memory;
      this.sharePins(memory);
    });
  }

  /** Every shard has the same part of what pins may take. */
  private sharePins(memory: number): void {
    const bytes = Math.min(shareOf(memory, this.maxMemory), this.maxMemory * PIN_PART_MAX);
    this.control.pinBytesMax = Math.floor(bytes / this.shardCount);
  }

  /** Whether the limit is what `maxMemory = bytes` makes it: whole pages of each shard. */
  isLimitedTo(bytes: number): boolean {
    return this.shards[0].pool.budget === this.budgetOf(bytes);
  }

  /** Pages of each shard. */
  private budgetOf(bytes: number): number {
    return Math.max(budgetMin(this.shards[0].pool.capacity), Math.floor(bytes / this.shardCount / PAGE_BYTES));
  }

  /** Figures of all shards together. Read without locks: each figure is right, their sum is of about one moment. */
  figures(): ShardFigures {
    const sum = readFigures(this.shards[0]);
    for (let i = 1; i < this.shardCount; i++) {
      const figures = readFigures(this.shards[i]);
      for (const name of Object.keys(sum) as (keyof ShardFigures)[]) sum[name] += figures[name];
    }
    return sum;
  }

  /** How late expired items were removed in the last one to two minutes. The clock has been read. */
  expiryLag(): ExpiryLag {
    const records = this.shards.map((shard) => shard.lag);
    return summarize(records, this.clock.now);
  }

  /** Oldest deadline of an item that is due and not removed yet, in milliseconds since 1970, 0 = none. */
  oldestDue(): number {
    let oldest = 0;
    for (const shard of this.shards) {
      const due = shard.deadlines.oldestDue();
      if (due !== 0 && (oldest === 0 || due < oldest)) oldest = due;
    }
    return oldest;
  }
}

function randomKey(): [number, number] {
  const key = randomFillSync(new Int32Array(2));
  return [key[0], key[1]];
}

/**
 * How many shards a cache of this size gets.
 * @param maxMemory bytes
 * @param threads threads that will work on it
 * @param reserve bytes of address space wanted
 */
export function defaultShards(maxMemory: number, threads: number, reserve: number): number {
  const needed = Math.ceil(Math.max(maxMemory, reserve) / SHARD_BYTES_MAX);
  const affordable = Math.max(1, Math.floor(maxMemory / (16 * 2 ** 20)));
  return Math.min(SHARDS_MAX, Math.max(needed, Math.min(threads, affordable)));
}

/** Address space reserved by default: room to double `maxmemory`, within the machine's memory. */
export function defaultReserve(maxMemory: number): number {
  return Math.max(maxMemory, Math.min(maxMemory * 2, totalmem()));
}
