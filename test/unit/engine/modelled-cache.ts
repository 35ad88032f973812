/**
 * A cache beside a plain Map that says what must be in it. Every operation is done on both and compared. What eviction may remove, the model
 * forgets when it is found missing; what it may not remove must be there; and what is there must be the last value written.
 */

import { Clock } from '../../../src/base/clock.js';
import { Random } from '../../../src/base/random.js';
import { POLICIES, type PolicyName } from '../../../src/engine/control.js';
import { expiryOf, isPinned, isPlaceholder, valueLength, valueOffset } from '../../../src/engine/item.js';
import { Keyspace } from '../../../src/engine/keyspace.js';
import { acquire, Lease } from '../../../src/engine/leases.js';
import type { MemoryAdvice } from '../../../src/engine/memory/extents.js';
import type { Shard } from '../../../src/engine/shard.js';
import { tendShard } from '../../../src/engine/upkeep.js';
import { auditKeyspace } from './audit.js';

export interface ModelOptions {
  readonly policy: PolicyName;
  readonly shards: number;
  readonly megabytes: number;
  readonly seed: number;
  /** Bytes of address space, where it is to be more than the budget. */
  readonly reserveMegabytes?: number;
  /** An operating system that takes memory back; none by default. */
  readonly advice?: MemoryAdvice;
}

interface Expected {
  value: Buffer;
  deadline: number;
  /** Eviction must leave it alone. */
  pinned?: boolean;
}

const DATABASES = 3;

export class ModelledCache {
  readonly keyspace: Keyspace;
  readonly policy: PolicyName;
  now = 1_700_000_000_000;
  /** Writes that found no room. */
  refused = 0;
  /** Keys that eviction was seen to have removed. */
  lost = 0;
  private readonly random: Random;
  private expected: Map<string, Expected>[] = Array.from({ length: DATABASES }, () => new Map());
  private readonly taken = new Lease();
  private version = 0;
  private usedBefore = 0;

  constructor(options: ModelOptions) {
    this.random = new Random(options.seed, 17);
    this.policy = options.policy;
    this.keyspace = Keyspace.create(
      {
        maxMemory: options.megabytes * 2 ** 20,
        reserve: (options.reserveMegabytes ?? options.megabytes) * 2 ** 20,
        shards: options.shards,
        databases: DATABASES,
        policy: POLICIES.indexOf(options.policy),
        hashKey: [this.random.nextInt32(), this.random.nextInt32()],
      },
      new Clock(() => this.now),
      () => this.random.float(),
      options.advice,
    );
  }

  // ---------------------------------------------------------------------------------------------- operations

  /** @param ttl milliseconds, 0 = none, -1 = keep */
  set(name: string, length: number, ttl: number, database = 0): boolean {
    const wasThere = this.has(name, database);
    const before = this.live(name, database);
    const { shard, hash, key, internal } = this.at(name, database);
    const pins = shard.pins.refused;
    const value = this.makeValue(name, length);
    const deadline = ttl > 0 ? this.now + ttl : ttl;
    const stored = shard.setString(hash, key, 0, key.length, internal, value, 0, length, deadline);
    const kept = (wasThere && before?.deadline) || 0;
    if (stored) {
      const pinned = (wasThere && before?.pinned) === true;
      this.expected[database].set(name, { value, deadline: ttl === -1 ? kept : deadline, pinned });
      this.followPin(name, database, pins);
    } else this.refused++;
    if (!stored && wasThere) this.mustHold(name, database);
    this.checkBudget(shard);
    return stored;
  }

  /** Reads a key: an access, as policies count them. */
  get(name: string, database = 0): void {
    this.compare(name, database);
    const { shard, item } = this.find(name, database);
    if (item !== 0) shard.touch(item);
  }

  remove(name: string, database = 0): void {
    const { shard, item } = this.find(name, database);
    if (item !== 0) shard.remove(item);
    this.notice(name, database, item !== 0);
    this.expected[database].delete(name);
  }

  /** Sets or clears (0) a deadline. */
  expire(name: string, ttl: number, database = 0): void {
    const { shard, item } = this.find(name, database);
    this.notice(name, database, item !== 0);
    if (item === 0) return;
    const expected = this.expected[database].get(name) as Expected;
    const pins = shard.pins.refused;
    if (shard.setExpiry(item, ttl === 0 ? 0 : this.now + ttl) === 0) this.refused++;
    else expected.deadline = ttl === 0 ? 0 : this.now + ttl;
    this.followPin(name, database, pins);
    this.checkBudget(shard);
    this.mustHold(name, database);
  }

  resize(name: string, length: number, database = 0): void {
    const { shard, item } = this.find(name, database);
    this.notice(name, database, item !== 0);
    if (item === 0) return;
    const expected = this.expected[database].get(name) as Expected;
    const pins = shard.pins.refused;
    if (shard.resizeString(item, length) === 0) this.refused++;
    else {
      const value = Buffer.alloc(length);
      expected.value.copy(value);
      expected.value = value;
    }
    this.followPin(name, database, pins);
    this.checkBudget(shard);
    this.mustHold(name, database);
  }

  /** Asks for a key as one who would make its value: where there is none, a placeholder takes its place, which is no key. */
  takeLease(name: string, ms: number, database = 0): void {
    const { shard, hash, key, internal } = this.at(name, database);
    acquire(shard, hash, key, 0, key.length, internal, ms, 0, this.now, this.taken);
    this.notice(name, database, this.taken.hasValue(shard));
    this.checkBudget(shard);
  }

  /** Writes into a placeholder, if there is one, as APPEND of Memcached does. */
  fillLease(name: string, length: number, database = 0): void {
    const { shard, hash, key, internal } = this.at(name, database);
    const item = shard.find(hash, key, 0, key.length, internal);
    if (item === 0 || !isPlaceholder(shard.words, item)) return;
    this.notice(name, database, false);
    const deadline = expiryOf(shard.words, item);
    const filled = shard.resizeString(item, length);
    this.checkBudget(shard);
    if (filled === 0) {
      this.refused++;
      return;
    }
    shard.changed(filled);
    this.expected[database].set(name, { value: Buffer.alloc(length), deadline });
  }

  /** Pins or unpins. Returns whether the key is pinned now. */
  pin(name: string, on: boolean, database = 0): boolean {
    const { shard, item } = this.find(name, database);
    this.notice(name, database, item !== 0);
    if (item === 0) return false;
    const pinned = on && shard.pins.pin(item);
    if (!on) shard.pins.unpin(item);
    (this.expected[database].get(name) as Expected).pinned = pinned;
    must(isPinned(shard.words, item) === pinned, `pin of ${name}`);
    return pinned;
  }

  /** A write keeps a pin, unless there are too many. @param refused pins that had been refused before */
  private followPin(name: string, database: number, refused: number): void {
    const { shard, item } = this.find(name, database);
    const expected = this.expected[database].get(name);
    if (item === 0 || expected?.pinned !== true || isPinned(shard.words, item)) return;
    must(shard.pins.refused > refused, `${name} has lost its pin`);
    expected.pinned = false;
  }

  flush(database: number): void {
    this.keyspace.flushDatabase(database);
    this.expected[database].clear();
    must(this.keyspace.size(database) === 0, 'a flushed database is empty');
  }

  flushAll(): void {
    this.keyspace.flushAll();
    for (const keys of this.expected) keys.clear();
    must(this.keyspace.figures().items === 0, 'a flushed keyspace is empty');
  }

  swap(a: number, b: number): void {
    this.keyspace.swapDatabases(a, b);
    [this.expected[a], this.expected[b]] = [this.expected[b], this.expected[a]];
  }

  advance(milliseconds: number): void {
    this.now += milliseconds;
    this.keyspace.clock.tick();
  }

  /** One slice of upkeep for every shard. */
  tend(): boolean {
    this.keyspace.leave();
    let left = false;
    for (const shard of this.keyspace.shards) if (tendShard(this.keyspace, shard)) left = true;
    if (!left) this.keyspace.releaseEmptied();
    return left;
  }

  /** Lowers or raises the budget, and has upkeep bring the cache under it. Returns whether it got there. */
  budget(megabytes: number): boolean {
    this.keyspace.leave();
    this.keyspace.maxMemory = megabytes * 2 ** 20;
    for (let i = 0; i < 10_000 && this.tend(); i++);
    return this.keyspace.shards.every((shard) => shard.pool.used <= shard.pool.budget);
  }

  // ---------------------------------------------------------------------------------------------- checking

  /** Every key, both ways, and the shards' memory. */
  checkAll(): void {
    this.keyspace.leave();
    auditKeyspace(this.keyspace);
    for (let database = 0; database < DATABASES; database++) {
      for (const name of [...this.expected[database].keys()]) this.compare(name, database);
      const keys = [...this.expected[database].values()];
      must(this.keyspace.size(database) === keys.length, 'no key is there that was never written');
      const expiring = keys.filter(({ deadline }) => deadline !== 0).length;
      must(this.keyspace.expiring(database) === expiring, 'keys with a deadline');
    }
    this.keyspace.leave();
  }

  get size(): number {
    return this.expected.reduce((sum, keys) => sum + keys.size, 0);
  }

  get names(): string[] {
    return [...this.expected[0].keys()];
  }

  /** Whether a key is there now. */
  has(name: string, database = 0): boolean {
    return this.find(name, database).item !== 0;
  }

  private compare(name: string, database: number): void {
    const { shard, item } = this.find(name, database);
    this.notice(name, database, item !== 0);
    if (item === 0) return;
    const { words, bytes } = shard;
    const expected = this.expected[database].get(name) as Expected;
    const at = valueOffset(words, item);
    must(valueLength(words, item) === expected.value.length, `length of ${name}`);
    must(expected.value.equals(bytes.subarray(at, at + expected.value.length)), `value of ${name}`);
    must(expiryOf(words, item) === expected.deadline, `deadline of ${name}`);
    must(isPinned(words, item) === (expected.pinned === true), `pin of ${name}`);
  }

  /** Whether a key is there has been seen: the model agrees, or eviction explains it. */
  private notice(name: string, database: number, isThere: boolean): void {
    const expected = this.live(name, database);
    if (isThere) must(expected !== undefined, `${name} is there but must not be`);
    else if (expected !== undefined) {
      must(this.mayGo(expected), `${name} is gone but must not be`);
      this.lost++;
    }
    if (!isThere) this.expected[database].delete(name);
  }

  /** What an operation worked on, or was refused for, is still there. */
  private mustHold(name: string, database: number): void {
    must(this.has(name, database), `${name} must still be there`);
    this.compare(name, database);
  }

  private mayGo(expected: Expected): boolean {
    if (this.policy === 'noeviction' || expected.pinned === true) return false;
    return this.policy.startsWith('allkeys') || expected.deadline !== 0;
  }

  private live(name: string, database: number): Expected | undefined {
    const expected = this.expected[database].get(name);
    return expected !== undefined && (expected.deadline === 0 || expected.deadline > this.now) ? expected : undefined;
  }

  /** No operation makes a shard larger than its budget; one above a lowered budget does not grow. */
  private checkBudget(shard: Shard): void {
    const most = Math.max(shard.pool.budget, this.usedBefore);
    must(shard.pool.used <= most, `${shard.pool.used} pages are in use, ${most} may be`);
    this.usedBefore = 0;
  }

  /** The item of a key. A placeholder is none. */
  private find(name: string, database: number): { shard: Shard; item: number } {
    const { shard, hash, key, internal } = this.at(name, database);
    const item = shard.find(hash, key, 0, key.length, internal);
    return { shard, item: item !== 0 && isPlaceholder(shard.words, item) ? 0 : item };
  }

  private at(name: string, database: number): { shard: Shard; hash: number; key: Uint8Array; internal: number } {
    const key = Buffer.from(name);
    const shard = this.keyspace.enter(this.keyspace.shards[this.keyspace.shardNumber(key, 0, key.length)]);
    const internal = this.keyspace.control.internal(database);
    this.usedBefore = shard.pool.used;
    return { shard, hash: shard.hash(key, 0, key.length, internal), key, internal };
  }

  /** Bytes that no other write has. */
  private makeValue(name: string, length: number): Buffer {
    const value = Buffer.alloc(length, `${name}:${++this.version};`);
    if (length >= 4) value.writeInt32LE(this.version, length - 4);
    return value;
  }
}

/** An `expect` that costs nothing: these are called a million times. */
function must(condition: boolean, what: string): void {
  if (!condition) throw new Error(what);
}
