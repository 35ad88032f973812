/**
 * The engine against a plain Map: random operations under every eviction policy, with time, sizes and memory pressure. What is found must be
 * what was stored last; what the policy may not remove must be there; and the shards must be consistent in themselves.
 */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { POLICIES, type PolicyName } from '../../../src/engine/control.js';
import { CELLS_PER_PAGE, classOf, classTable, PAGE_BYTES } from '../../../src/engine/memory/size-classes.js';
import { readFigures } from '../../../src/engine/shard-figures.js';
import { checkShard } from './check-shard.js';
import { SmallCache } from './small-cache.js';

/** Those of a small shard. */
const CLASSES_USED = classTable(1);

interface Known {
  value: string;
  expiry: number;
}

const RUNS = Number(process.env.SOAK_RUNS ?? 6);

class Model {
  readonly cache: SmallCache;
  readonly known = new Map<string, Known>();
  readonly policy: PolicyName;
  refused = 0;

  constructor(policy: PolicyName, seed: number, shards: number, megabytes: number) {
    this.policy = policy;
    this.cache = new SmallCache({ shards, megabytes, policy, seed });
  }

  /** Whether this key, which the model knows, may be missing in the cache. */
  mayBeGone(entry: Known): boolean {
    if (entry.expiry !== 0 && entry.expiry <= this.cache.now) return true;
    if (this.policy === 'noeviction') return false;
    return !this.policy.startsWith('volatile-') || entry.expiry !== 0;
  }

  check(name: string): void {
    const found = this.cache.get(name);
    const entry = this.known.get(name);
    if (found === undefined) {
      if (entry !== undefined) expect(this.mayBeGone(entry), `${name} is gone`).toBe(true);
      this.known.delete(name);
      return;
    }
    expect(entry, `${name} is there, and should not be`).toBeDefined();
    expect(found.value === entry?.value && found.expiry === entry.expiry, `${name} has another value`).toBe(true);
    expect(found.expiry === 0 || found.expiry > this.cache.now).toBe(true);
  }

  step(): void {
    const { cache, known } = this;
    const random = cache.random;
    const name = `key:${random.below(1500)}`;
    const what = random.below(100);
    if (what < 45) this.set(name);
    else if (what < 70) this.check(name);
    else if (what < 78) {
      cache.remove(name);
      known.delete(name);
    } else if (what < 86) this.resize(name);
    else if (what < 94) this.expire(name);
    else if (what < 99) cache.advance(random.below(400));
    else for (const shard of cache.keyspace.shards) shard.sweep(Number.POSITIVE_INFINITY, () => 0);
  }

  private set(name: string): void {
    const random = this.cache.random;
    const length = this.length();
    const value = String.fromCharCode(97 + random.below(26)).repeat(length);
    const expiry = random.below(3) === 0 ? this.cache.now + 1 + random.below(20_000) : 0;
    if (this.cache.set(name, value, 0, expiry)) this.known.set(name, { value, expiry });
    else this.refused++;
  }

  private length(): number {
    const random = this.cache.random;
    const kind = random.below(100);
    if (kind < 2) return random.below(300_000);
    return random.below(kind < 12 ? 9000 : 300);
  }

  private resize(name: string): void {
    const item = this.cache.find(name);
    const entry = this.known.get(name);
    if (item === 0 || entry === undefined) return;
    const { shard } = this.cache.at(name);
    const length = this.cache.random.below(4) === 0 ? this.length() : entry.value.length + this.cache.random.below(40);
    if (shard.resizeString(item, length) === 0) this.refused++;
    else entry.value = entry.value.slice(0, length).padEnd(length, '\0');
  }

  private expire(name: string): void {
    const item = this.cache.find(name);
    const entry = this.known.get(name);
    if (item === 0 || entry === undefined) return;
    const expiry = this.cache.random.below(4) === 0 ? 0 : this.cache.now + 1 + this.cache.random.below(10_000);
    if (this.cache.at(name).shard.setExpiry(item, expiry) === 0) this.refused++;
    else entry.expiry = expiry;
  }

  checkAll(): void {
    for (const name of [...this.known.keys()]) this.check(name);
    for (const shard of this.cache.keyspace.shards) checkShard(shard);
  }
}

describe('the engine is a map that forgets what its policy allows', () => {
  test.each(POLICIES)('%s', (policy) => {
    fc.assert(
      fc.property(fc.nat(), fc.constantFrom(1, 2), (seed, shards) => {
        const model = new Model(policy, seed, shards, 6 * shards);
        for (let round = 0; round < 4; round++) {
          for (let i = 0; i < 2500; i++) model.step();
          model.checkAll();
        }
      }),
      { numRuns: RUNS, endOnFailure: true },
    );
  });
});

describe('expiry', () => {
  test('a hundred thousand keys of the same second are gone, with their memory, after one sweep', () => {
    const cache = new SmallCache({ shards: 1, megabytes: 64 });
    const before = cache.keyspace.figures().usedBytes;
    for (let i = 0; i < 100_000; i++) cache.set(`key:${i}`, 'x'.repeat(100), 0, cache.now + 1000 + (i % 1000));
    const full = cache.keyspace.figures();
    expect(full.items).toBe(100_000);
    cache.advance(1500);
    expect(cache.keyspace.oldestDue()).toBeGreaterThan(0);
    for (const shard of cache.keyspace.shards) shard.sweep(Number.POSITIVE_INFINITY, () => 0);
    expect(cache.keyspace.figures().items).toBeLessThan(60_000);
    cache.advance(1000);
    for (const shard of cache.keyspace.shards) shard.sweep(Number.POSITIVE_INFINITY, () => 0);
    const empty = cache.keyspace.figures();
    expect(empty.items).toBe(0);
    expect(empty.expired).toBe(100_000);
    expect(cache.keyspace.oldestDue()).toBe(0);
    // The index keeps its segments.
    expect(empty.usedBytes - before).toBeLessThanOrEqual(full.segments * PAGE_BYTES);
    checkShard(cache.keyspace.shards[0]);
  });

  test('a sweep stops when its time is up, and goes on where it stopped', () => {
    const cache = new SmallCache({ shards: 1, megabytes: 32 });
    for (let i = 0; i < 20_000; i++) cache.set(`key:${i}`, 'x'.repeat(100), 0, cache.now + 10);
    cache.advance(500);
    const [shard] = cache.keyspace.shards;
    let slices = 0;
    // One page a slice: the time is always up.
    while (shard.sweep(0, () => 1)) slices++;
    expect(slices).toBeGreaterThan(20);
    expect(shard.ledger.items).toBe(0);
  });
});

describe('memory', () => {
  test('pages move to the class that needs them', () => {
    const cache = new SmallCache({ shards: 1, megabytes: 16, policy: 'allkeys-lru' });
    for (let i = 0; i < 200_000; i++) cache.set(`small:${i}`, 'x'.repeat(100));
    cache.advance(10_000);
    for (let i = 0; i < 40_000; i++) {
      if (i % 1000 === 0) cache.advance(1000);
      cache.set(`large:${i}`, 'y'.repeat(1000));
    }
    let large = 0;
    for (let i = 0; i < 40_000; i++) if (cache.find(`large:${i}`) !== 0) large++;
    const pages = large / CELLS_PER_PAGE[classOf(CLASSES_USED, 1030)];
    expect(pages * PAGE_BYTES).toBeGreaterThan(0.6 * 16 * 2 ** 20);
    checkShard(cache.keyspace.shards[0]);
  });

  test('a large value finds room among small ones', () => {
    const cache = new SmallCache({ shards: 1, megabytes: 32, policy: 'noeviction' });
    let stored = 0;
    while (cache.set(`small:${stored}`, 'x'.repeat(200))) stored++;
    // Every other one goes: half of each page is free, but no page is.
    for (let i = 0; i < stored; i += 2) cache.remove(`small:${i}`);
    const value = 'v'.repeat(4 * 2 ** 20);
    expect(cache.set('large', value)).toBe(true);
    expect(cache.get('large')?.value).toBe(value);
    for (let i = 1; i < stored; i += 2) expect(cache.get(`small:${i}`)?.value).toBe('x'.repeat(200));
    checkShard(cache.keyspace.shards[0]);
  });

  test('what is refused leaves everything as it was', () => {
    const cache = new SmallCache({ shards: 1, megabytes: 8, policy: 'noeviction' });
    cache.set('key', 'before');
    expect(cache.set('key', 'x'.repeat(9 * 2 ** 20))).toBe(false);
    expect(cache.get('key')?.value).toBe('before');
    let stored = 0;
    while (cache.set(`fill:${stored}`, 'x'.repeat(500))) stored++;
    expect(cache.set('key', 'x'.repeat(3000))).toBe(false);
    expect(cache.get('key')?.value).toBe('before');
    expect(cache.keyspace.figures().refused).toBeGreaterThan(0);
    checkShard(cache.keyspace.shards[0]);
  });

  test('a lowered budget is reached', () => {
    const cache = new SmallCache({ shards: 1, megabytes: 32, policy: 'allkeys-lru' });
    for (let i = 0; i < 150_000; i++) cache.set(`key:${i}`, 'x'.repeat(100));
    cache.keyspace.maxMemory = 8 * 2 ** 20;
    const [shard] = cache.keyspace.shards;
    for (let i = 0; i < 10_000 && !shard.memory.shrink(4); i++);
    expect(shard.pool.used).toBeLessThanOrEqual(shard.pool.budget);
    checkShard(shard);
  });

  test('a write after the budget was lowered makes room for itself, and not for all that is too much', () => {
    for (const policy of ['allkeys-lru', 'allkeys-keystone', 'volatile-ttl'] as const) {
      const cache = new SmallCache({ shards: 1, megabytes: 32, policy });
      for (let i = 0; i < 150_000; i++) cache.set(`key:${i}`, 'x'.repeat(100), 0, cache.now + 1_000_000);
      const [shard] = cache.keyspace.shards;
      cache.keyspace.maxMemory = 8 * 2 ** 20;
      const { used } = shard.pool;
      expect(cache.set('another class', 'y'.repeat(5000))).toBe(true);
      expect(cache.set('a large value', 'z'.repeat(200_000))).toBe(true);
      expect(shard.pool.used).toBeLessThanOrEqual(used);
      expect(readFigures(shard).evicted).toBeLessThan(5000);
      for (let i = 0; i < 10_000 && !shard.memory.shrink(4); i++);
      expect(shard.pool.used).toBeLessThanOrEqual(shard.pool.budget);
      checkShard(shard);
    }
  });

  test('a flushed database is no reason to refuse a write', () => {
    const cache = new SmallCache({ shards: 1, megabytes: 8, policy: 'noeviction' });
    cache.set('other', 'x', 1);
    let stored = 0;
    while (cache.set(`fill:${stored}`, 'x'.repeat(500))) stored++;
    cache.keyspace.flushDatabase(0);
    expect(cache.get('fill:1')).toBeUndefined();
    for (let i = 0; i < stored; i++) expect(cache.set(`again:${i}`, 'y'.repeat(500))).toBe(true);
    expect(cache.get('other', 1)?.value).toBe('x');
    checkShard(cache.keyspace.shards[0]);
  });
});
