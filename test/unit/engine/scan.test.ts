/** A scan returns every key that is there from its begin to its end, whatever happens to the keyspace in between. */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PolicyName } from '../../../src/engine/control.js';
import { randomKey } from '../../../src/engine/random-item.js';
import { SCAN_END, SCAN_START, Scan } from '../../../src/engine/scan.js';
import type { Shard } from '../../../src/engine/shard.js';
import { keyText, SmallCache } from './small-cache.js';

const WORK = 16_384;

/** One step of SCAN: appends the keys to `into` and returns the next cursor. */
function scanStep(cache: SmallCache, cursor: number, count: number, into: string[], database = 0): number {
  const scan = new Scan(cache.keyspace, database, (shard, item) => {
    if (!shard.removeExpired(item)) into.push(keyText(shard, item));
  });
  scan.items = count;
  scan.work = WORK;
  const next = scan.walk(cursor);
  cache.keyspace.leave();
  return next;
}

/** A whole scan. */
function scanAll(cache: SmallCache, count: number, database = 0, between: () => void = () => {}): string[] {
  const keys: string[] = [];
  let cursor = SCAN_START;
  do {
    cursor = scanStep(cache, cursor, count, keys, database);
    between();
  } while (cursor !== SCAN_END);
  return keys;
}

function fill(cache: SmallCache, prefix: string, count: number, database = 0): string[] {
  const names = Array.from({ length: count }, (_, i) => `${prefix}${i}`);
  for (const name of names) expect(cache.set(name, 'value', database)).toBe(true);
  return names;
}

/** Joins segments of a shard's index here and there, where they can be. */
function joinSome(cache: SmallCache, shard: Shard): void {
  cache.keyspace.enter(shard);
  for (let i = 0; i < 3; i++) shard.joinSegments(cache.random.below(1 << shard.index.depth));
  cache.keyspace.leave();
}

describe('a keyspace that nobody changes', () => {
  for (const [shards, count] of [
    [1, 0],
    [1, 1],
    [3, 100],
    [1, 30_000],
    [4, 50_000],
  ]) {
    test(`${count} keys in ${shards} shards come exactly once`, () => {
      const cache = new SmallCache({ shards, megabytes: shards * 8 });
      const names = fill(cache, 'key:', count);
      for (const each of [1, 10, 1000, 1_000_000]) {
        if (each === 1 && count > 1000) continue;
        expect(scanAll(cache, each).sort()).toEqual([...names].sort());
      }
    });
  }

  test('only the keys of the database come', () => {
    const cache = new SmallCache({ shards: 2, megabytes: 16 });
    const names = [0, 1, 2].map((database) => fill(cache, `db${database}:`, 5000 * database, database));
    for (const database of [0, 1, 2]) expect(scanAll(cache, 10, database).sort()).toEqual(names[database].sort());
    cache.keyspace.swapDatabases(1, 2);
    expect(scanAll(cache, 100, 1).sort()).toEqual(names[2].sort());
    cache.keyspace.flushDatabase(1);
    expect(scanAll(cache, 100, 1)).toEqual([]);
    expect(scanAll(cache, 100, 2).sort()).toEqual(names[1].sort());
  });

  test('a step of count n brings about n keys', () => {
    const cache = new SmallCache({ shards: 2, megabytes: 32 });
    fill(cache, 'k', 60_000);
    let cursor = SCAN_START;
    do {
      const keys: string[] = [];
      cursor = scanStep(cache, cursor, 10, keys);
      expect(keys.length).toBeLessThan(10 + 40);
      if (cursor !== SCAN_END) expect(keys.length).toBeGreaterThanOrEqual(10);
    } while (cursor !== SCAN_END);
  });

  test('a step does a bounded amount of work where other databases have all the keys', () => {
    const cache = new SmallCache({ shards: 1, megabytes: 16 });
    fill(cache, 'k', 60_000, 0);
    cache.set('lonely', '', 1);
    const keys: string[] = [];
    let steps = 0;
    let cursor = SCAN_START;
    do {
      cursor = scanStep(cache, cursor, 10, keys, 1);
      steps++;
    } while (cursor !== SCAN_END);
    expect(keys).toEqual(['lonely']);
    expect(steps).toBeGreaterThan((60_000 * 8) / WORK - 1);
    expect(steps).toBeLessThan((60_000 * 16) / WORK);
  });

  test('few keys come in one step', () => {
    const cache = new SmallCache({ shards: 8, megabytes: 16 });
    const names = fill(cache, 'k', 9);
    const keys: string[] = [];
    expect(scanStep(cache, SCAN_START, 10, keys)).toBe(SCAN_END);
    expect(keys.sort()).toEqual(names);
  });
});

describe('a keyspace that changes', () => {
  interface Plan {
    shards: number;
    policy: PolicyName;
    before: number;
    count: number;
    seed: number;
    addedEachStep: number;
    removedEachStep: number;
    expiring: number;
  }

  const plans: fc.Arbitrary<Plan> = fc.record({
    shards: fc.integer({ min: 1, max: 3 }),
    policy: fc.constantFrom<PolicyName>('noeviction', 'allkeys-lru', 'allkeys-random'),
    before: fc.integer({ min: 0, max: 20_000 }),
    count: fc.integer({ min: 20, max: 3000 }),
    seed: fc.integer(),
    addedEachStep: fc.integer({ min: 0, max: 1500 }),
    removedEachStep: fc.integer({ min: 0, max: 300 }),
    expiring: fc.integer({ min: 0, max: 2000 }),
  });

  /** Scans while keys come, go, expire, are evicted, grow and move. */
  function run(plan: Plan): void {
    const cache = new SmallCache({
      shards: plan.shards,
      megabytes: plan.shards * 3,
      policy: plan.policy,
      seed: plan.seed,
    });
    const alive = new Set<string>();
    let serial = 0;
    const add = (database: number): void => {
      const name = `${serial++}`;
      if (cache.set(name, 'v'.repeat(cache.random.below(30)), database) && database === 0) alive.add(name);
    };
    for (let i = 0; i < plan.before; i++) add(i % 4 === 0 ? 1 : 0);
    for (let i = 0; i < plan.expiring; i++) cache.set(`e${i}`, '', 0, cache.now + 1 + cache.random.below(50));
    const names = [...alive];
    const seen = new Set(
      scanAll(cache, plan.count, 0, () => {
        cache.advance(1);
        for (let i = 0; i < plan.addedEachStep && serial < 60_000; i++) add(i % 8 === 0 ? 1 : 0);
        for (let i = 0; i < plan.removedEachStep; i++) {
          const name = names[cache.random.below(names.length)];
          if (name !== undefined && cache.remove(name)) alive.delete(name);
        }
        // Values that change their size move from cell to cell.
        for (let i = 0; i < 50 && names.length > 0; i++) {
          const name = names[cache.random.below(names.length)];
          if (cache.find(name) !== 0) cache.set(name, 'w'.repeat(cache.random.below(200)));
        }
        for (const shard of cache.keyspace.shards) joinSome(cache, shard);
      }),
    );
    expect(names.filter((name) => alive.has(name) && cache.find(name) !== 0 && !seen.has(name))).toEqual([]);
  }

  test('whoever was there from begin to end has been returned', { timeout: 60_000 }, () => {
    fc.assert(fc.property(plans, run), { numRuns: 30 });
  });

  test('segments that are joined, with the one before and the one behind, at every step', () => {
    for (const count of [20, 700, 4000]) {
      const cache = new SmallCache({ shards: 1, megabytes: 24 });
      const names = fill(cache, 'k', 100_000);
      const left = names.filter((_, i) => i % 8 === 0);
      for (const [i, name] of names.entries()) if (i % 8 !== 0) cache.remove(name);
      const [shard] = cache.keyspace.shards;
      const before = shard.index.segments();
      const keys = scanAll(cache, count, 0, () => joinSome(cache, shard));
      expect(shard.index.segments()).toBeLessThan(before / 2);
      expect(keys.length).toBeLessThan(1.5 * left.length);
      expect([...new Set(keys)].sort()).toEqual([...left].sort());
    }
  });

  test('a walk that was begun in a segment goes on behind it when that has become a part of a larger one', () => {
    const cache = new SmallCache({ shards: 1, megabytes: 24 });
    const names = fill(cache, 'k', 30_000);
    for (const [i, name] of names.entries()) if (i % 8 !== 0) cache.remove(name);
    const { index } = cache.keyspace.shards[0];
    const keys: string[] = [];
    const second = index.rangeEnd(0);
    const walk = new Scan(cache.keyspace, 0, (shard, item) => void keys.push(keyText(shard, item)));
    let cursor = walk.step(SCAN_START);
    // And into the second one.
    walk.items = 20;
    cursor = walk.step(cursor);
    expect(index.join(second)).toBe(true);
    expect(index.join(0)).toBe(true);
    walk.items = Infinity;
    while (cursor !== SCAN_END) cursor = walk.step(cursor);
    expect(keys.length).toBe(30_000 / 8);
    expect(new Set(keys).size).toBe(keys.length);
  });

  test('segments that split at every step', () => {
    const cache = new SmallCache({ shards: 1, megabytes: 24 });
    const names = fill(cache, 'first:', 5000);
    let batch = 0;
    const before = cache.keyspace.shards[0].index.segments();
    const seen = new Set(
      scanAll(cache, 300, 0, () => {
        if (batch < 25) fill(cache, `batch${batch++}:`, 6000);
      }),
    );
    expect(before).toBe(1);
    expect(cache.keyspace.shards[0].index.segments()).toBeGreaterThan(20);
    expect(names.filter((name) => !seen.has(name))).toEqual([]);
  });

  test('a flush in the middle ends well', () => {
    const cache = new SmallCache({ shards: 2, megabytes: 24 });
    fill(cache, 'a', 40_000);
    const keys: string[] = [];
    let cursor = scanStep(cache, SCAN_START, 30_000, keys);
    expect(cursor).not.toBe(SCAN_END);
    cache.keyspace.flushAll();
    fill(cache, 'b', 5000);
    for (let steps = 0; cursor !== SCAN_END; steps++) {
      cursor = scanStep(cache, cursor, 10, keys);
      expect(steps).toBeLessThan(3000);
    }
  });

  test('any number is a cursor that leads to the end', () => {
    const cache = new SmallCache({ shards: 3, megabytes: 12 });
    fill(cache, 'k', 20_000);
    const numbers = fc.oneof(
      fc.nat(3 * 2 ** 16).map((n) => n * 2 ** 26 + (n % 7919)),
      fc.maxSafeNat(),
      fc.constantFrom(2 ** 42 - 1, 2 ** 42, 2 ** 64),
    );
    fc.assert(
      fc.property(numbers, (start) => {
        let cursor = start;
        const keys: string[] = [];
        do {
          const next = scanStep(cache, cursor, 5000, keys);
          expect(next === SCAN_END || next > cursor).toBe(true);
          expect(next).toBeLessThan(2 ** 53);
          cursor = next;
        } while (cursor !== SCAN_END);
      }),
    );
  });
});

describe('a database whose number changes during a walk', () => {
  function walkWhile(change: (cache: SmallCache) => void): string[] {
    const cache = new SmallCache({ shards: 2, megabytes: 16 });
    fill(cache, 'mine', 20_000);
    fill(cache, 'other', 20_000, 1);
    const keys: string[] = [];
    const scan = new Scan(cache.keyspace, 0, (shard, item) => void keys.push(keyText(shard, item)));
    let cursor = scan.step(SCAN_START);
    change(cache);
    while (cursor !== SCAN_END) cursor = scan.step(cursor);
    return keys;
  }

  test('has no more keys when it was emptied', () => {
    const keys = walkWhile(({ keyspace }) => keyspace.flushDatabase(0));
    expect(keys.length).toBeGreaterThan(0);
    expect(keys.length).toBeLessThan(20_000);
  });

  test('is walked to its end when it was swapped: no key of the other comes', () => {
    const keys = walkWhile(({ keyspace }) => keyspace.swapDatabases(0, 1));
    expect(new Set(keys.map((key) => key.slice(0, 4)))).toEqual(new Set(['mine']));
    expect(keys.length).toBe(20_000);
  });
});

describe('the only key of a database, which others may look for at any moment', () => {
  test('is counted all the time that it is written, moved, renamed', () => {
    const cache = new SmallCache({ shards: 1, megabytes: 8 });
    cache.set('key', 'short');
    const { shard } = cache.at('key');
    const sizes = new Set<number>();
    const { ledger } = shard;
    const measure = ledger.measure.bind(ledger);
    ledger.measure = (item, sign) => {
      measure(item, sign);
      sizes.add(cache.keyspace.size(0));
    };
    cache.set('key', 'much longer'.repeat(100), 0, cache.now + 1000);
    shard.setExpiry(cache.find('key'), cache.now + 2000);
    shard.giveVersion(cache.find('key'));
    shard.resizeString(cache.find('key'), 5000);
    const { key, hash, internal } = cache.at('other');
    shard.relocation.rename(cache.find('key'), hash, key, 0, key.length, internal);
    shard.relocation.addCopy(shard, cache.find('other'), hash, key, 0, key.length, internal);
    expect([...sizes]).toEqual([1]);
    expect(cache.keyspace.size(0)).toBe(1);
  });
});

describe('a random key', () => {
  function draw(cache: SmallCache, times: number, database = 0): Map<string, number> {
    const counts = new Map<string, number>();
    for (let i = 0; i < times; i++) {
      const key = randomKey(cache.keyspace, database);
      cache.keyspace.leave();
      if (key === undefined) continue;
      const name = Buffer.from(key).toString('latin1');
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    return counts;
  }

  test('there is none in an empty database', () => {
    const cache = new SmallCache({ shards: 2, megabytes: 8 });
    cache.set('other', '', 1);
    expect(randomKey(cache.keyspace, 0)).toBeUndefined();
    expect([...draw(cache, 5, 1).keys()]).toEqual(['other']);
  });

  test('few keys are drawn about equally often', () => {
    const cache = new SmallCache({ shards: 1, megabytes: 8 });
    fill(cache, 'k', 20);
    const counts = draw(cache, 10_000);
    expect(counts.size).toBe(20);
    for (const count of counts.values()) expect(Math.abs(count - 500)).toBeLessThan(150);
  });

  test('keys of segments of different depth are drawn about equally often', () => {
    const cache = new SmallCache({ shards: 2, megabytes: 16 });
    const names = fill(cache, 'k', 40_000);
    const counts = draw(cache, 80_000);
    let squares = 0;
    for (const name of names) squares += ((counts.get(name) ?? 0) - 2) ** 2;
    // The variance of a Poisson distribution is its mean.
    expect(squares / names.length).toBeGreaterThan(1.8);
    expect(squares / names.length).toBeLessThan(2.3);
  });

  test('expired keys are never drawn', () => {
    const cache = new SmallCache({ shards: 2, megabytes: 8 });
    for (let i = 0; i < 3000; i++) cache.set(`dying${i}`, '', 0, cache.now + 10);
    cache.set('alive');
    cache.advance(10);
    expect([...draw(cache, 50).keys()]).toEqual(['alive']);
    cache.remove('alive');
    expect(draw(cache, 10).size).toBe(0);
    expect(cache.keyspace.size(0)).toBe(0);
  });

  test('the one key of a database among many of another is found', () => {
    const cache = new SmallCache({ shards: 2, megabytes: 16 });
    fill(cache, 'k', 40_000);
    cache.set('lonely', '', 3);
    expect([...draw(cache, 20, 3).keys()]).toEqual(['lonely']);
  });
});
