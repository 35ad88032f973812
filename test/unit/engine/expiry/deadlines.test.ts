/**
 * Active expiry by a clock that is set by hand: what is due is removed in the slices it takes, and nothing else is, whatever the clock does and
 * whatever happens to the items in between.
 */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Random } from '../../../../src/base/random.js';
import { expiryOf } from '../../../../src/engine/item.js';
import { CELL_BYTES, PAGE_BYTES } from '../../../../src/engine/memory/size-classes.js';
import type { Shard } from '../../../../src/engine/shard.js';
import { readFigures } from '../../../../src/engine/shard-figures.js';
import { auditKeyspace } from '../audit.js';
import { ModelledCache } from '../modelled-cache.js';
import { SmallCache } from '../small-cache.js';

const YEAR_MS = 365 * 86_400_000;
/** Time between two passes of the upkeep. */
const PASS_MS = 16;

/** A sweep everywhere. */
function sweepAll(cache: { keyspace: ModelledCache['keyspace'] }): void {
  for (const shard of cache.keyspace.shards) expect(shard.sweep(Infinity, () => 0)).toBe(false);
}

/** How many slices it takes until nothing is left: each of `looks` looks at the time. */
function slicesOf(shard: Shard, looks: number): number {
  let slices = 0;
  for (let left = true; left; slices++) {
    let looked = 0;
    left = shard.sweep(looks, () => ++looked);
  }
  return slices;
}

/** Milliseconds for which the item that is longest past its deadline has been; 0 when none is. Looks at the items themselves. */
function worstLag(cache: { keyspace: ModelledCache['keyspace']; now: number }): number {
  let worst = 0;
  for (const { pool, slabs, words } of cache.keyspace.shards) {
    for (let page = pool.firstPage; page < pool.highWater; page++) {
      const isRun = pool.kind(page) === 3;
      if (!isRun && pool.kind(page) !== 2) continue;
      const size = isRun ? PAGE_BYTES : CELL_BYTES[slabs.pageClass(page)];
      const start = page * PAGE_BYTES;
      for (let item = start; item < (isRun ? start + size : slabs.slabEnd(page)); item += size) {
        if (words[item >>> 2] === 0 || expiryOf(words, item) === 0) continue;
        worst = Math.max(worst, cache.now - expiryOf(words, item));
      }
    }
  }
  return worst;
}

describe('every key with the same deadline', () => {
  test('none dies a millisecond early, all are gone with their memory in the slices that it takes', () => {
    const keys = 200_000;
    const cache = new SmallCache({ shards: 1, megabytes: 64 });
    const [shard] = cache.keyspace.shards;
    const empty = shard.pool.used;
    const deadline = cache.now + 60_000;
    for (let i = 0; i < keys; i++) cache.set(`key:${i}`, 'x'.repeat(100), 0, deadline);
    const { segments } = readFigures(shard);

    cache.advance(59_999);
    sweepAll(cache);
    expect(shard.ledger.items).toBe(keys);
    expect(cache.keyspace.oldestDue()).toBe(0);

    cache.advance(1);
    expect(cache.keyspace.oldestDue()).toBe(deadline);
    // Some thirty items go between two looks at the time, so that a slice ends when it is to.
    const slices = slicesOf(shard, 50);
    expect(slices).toBeGreaterThan(keys / 50 / 60);
    expect(slices).toBeLessThan(keys / 50 / 15);
    expect(shard.ledger.items).toBe(0);
    expect(cache.keyspace.oldestDue()).toBe(0);
    // The index keeps its segments.
    expect(shard.pool.used - empty).toBeLessThanOrEqual(segments);
    auditKeyspace(cache.keyspace);
  });

  test('what is not due stays where it is among them', () => {
    const cache = new SmallCache({ shards: 2, megabytes: 32 });
    for (let i = 0; i < 50_000; i++) {
      const expiry = i % 100 === 0 ? 0 : cache.now + (i % 100 === 1 ? 60_001 : 60_000);
      cache.set(`key:${i}`, String(i), 0, expiry);
    }
    cache.advance(60_000);
    sweepAll(cache);
    expect(cache.keyspace.size(0)).toBe(1000);
    for (let i = 0; i < 50_000; i += 100) {
      expect(cache.get(`key:${i}`)?.value).toBe(String(i));
      expect(cache.get(`key:${i + 1}`)?.value).toBe(String(i + 1));
    }
    cache.advance(1);
    sweepAll(cache);
    expect(cache.keyspace.size(0)).toBe(500);
    auditKeyspace(cache.keyspace);
  });
});

describe('a clock that jumps', () => {
  const fill = (cache: SmallCache): void => {
    for (let i = 0; i < 20_000; i++) cache.set(`key:${i}`, 'x'.repeat(i % 300), 0, cache.now + 1000 + i);
    cache.set('stays', 'x');
  };

  test.each([
    ['an hour', 3_600_000],
    ['thirty years', 30 * YEAR_MS],
  ])('forwards by %s: all is due at once, and gone in the slices that it takes', (_, jump) => {
    const cache = new SmallCache({ shards: 1, megabytes: 32 });
    fill(cache);
    cache.advance(jump);
    expect(slicesOf(cache.keyspace.shards[0], 20)).toBeLessThan(20_000 / 20 / 8);
    expect(cache.keyspace.size(0)).toBe(1);
    auditKeyspace(cache.keyspace);
  });

  test.each([
    ['an hour', 3_600_000],
    ['thirty years', 30 * YEAR_MS],
  ])('backwards by %s: nothing dies early, and all dies when it is time', (_, jump) => {
    const cache = new SmallCache({ shards: 2, megabytes: 32 });
    const start = cache.now;
    fill(cache);
    cache.advance(-jump);
    sweepAll(cache);
    expect(cache.keyspace.size(0)).toBe(20_001);
    // What is written now has its deadline by the clock as it is now.
    for (let i = 0; i < 5000; i++) cache.set(`early:${i}`, 'x', 0, cache.now + 1 + i);
    cache.advance(2500);
    sweepAll(cache);
    expect(cache.keyspace.size(0)).toBe(20_001 + 2500);
    cache.advance(2500);
    sweepAll(cache);
    expect(cache.keyspace.size(0)).toBe(20_001);
    cache.advance(start + 11_000 - cache.now);
    expect(worstLag(cache)).toBe(10_000);
    sweepAll(cache);
    expect(worstLag(cache)).toBe(0);
    expect(cache.keyspace.size(0)).toBe(20_001 - 10_001);
    cache.advance(YEAR_MS);
    sweepAll(cache);
    expect(cache.keyspace.size(0)).toBe(1);
    auditKeyspace(cache.keyspace);
  });

  test('to and fro while keys come and go: none is early, none is forgotten', () => {
    const cache = new SmallCache({ shards: 2, megabytes: 8, seed: 5 });
    const { random } = cache;
    const deadlines = new Map<string, number>();
    for (let round = 0; round < 300; round++) {
      for (let i = 0; i < 50; i++) {
        const name = `key:${random.below(2000)}`;
        const expiry = cache.now + 1 + random.below(5000);
        expect(cache.set(name, 'x'.repeat(random.below(400)), 0, expiry)).toBe(true);
        deadlines.set(name, expiry);
      }
      cache.advance(random.below(3) === 0 ? -random.below(20_000) : random.below(6000));
      sweepAll(cache);
      expect(worstLag(cache)).toBe(0);
      for (const [name, expiry] of deadlines) if (expiry <= cache.now) deadlines.delete(name);
      expect(cache.keyspace.size(0)).toBe(deadlines.size);
    }
    for (const [name, expiry] of deadlines) expect(cache.get(name)?.expiry).toBe(expiry);
    auditKeyspace(cache.keyspace);
  });
});

describe('where an item lies', () => {
  test('of every size: it goes when it is due, and not before', () => {
    const cache = new SmallCache({ shards: 1, megabytes: 64 });
    const sizes = [1, 40, 100, 230, 500, 1000, 2000, 3900, 4100, 9000, 20_000, 40_000, 65_000, 66_000, 300_000];
    const random = new Random(3);
    const keys: [name: string, expiry: number][] = [];
    for (const size of sizes) {
      for (let i = 0; i < Math.min(3000, Math.ceil(2_000_000 / size)); i++) {
        const expiry = cache.now + 1 + random.below(2000);
        expect(cache.set(`${size}:${i}`, 'x'.repeat(size), 0, expiry)).toBe(true);
        keys.push([`${size}:${i}`, expiry]);
      }
    }
    const end = cache.now + 2000;
    while (cache.now < end) {
      cache.advance(1 + random.below(100));
      sweepAll(cache);
      expect(cache.keyspace.size(0)).toBe(keys.filter(([, expiry]) => expiry > cache.now).length);
    }
    auditKeyspace(cache.keyspace);
  });

  test('a shard that was reset knows no deadline of before', () => {
    const cache = new SmallCache({ shards: 1, megabytes: 8 });
    for (let i = 0; i < 10_000; i++) cache.set(`key:${i}`, 'x'.repeat(100), 0, cache.now + 1000);
    cache.keyspace.shards[0].resetTorn();
    for (let i = 0; i < 10_000; i++) cache.set(`key:${i}`, 'x'.repeat(100), 0, i % 2 === 0 ? cache.now + 5000 : 0);
    cache.advance(2000);
    expect(cache.keyspace.oldestDue()).toBe(0);
    cache.advance(3000);
    sweepAll(cache);
    expect(cache.keyspace.size(0)).toBe(5000);
    auditKeyspace(cache.keyspace);
  });
});

describe('pages without deadlines', () => {
  /** The blocks' deadlines, as they lie there. */
  const blocksOf = (cache: SmallCache): Float64Array => cache.keyspace.shards[0].pool.deadlines.blocks;

  test('do not touch the table of blocks, whatever is written, flushed and swept', () => {
    const cache = new SmallCache({ shards: 1, megabytes: 32 });
    for (let i = 0; i < 20_000; i++) cache.set(`key:${i}`, 'x'.repeat(i % 500), i % 2);
    cache.set('large', 'x'.repeat(300_000));
    cache.keyspace.flushDatabase(1);
    sweepAll(cache);
    for (let i = 0; i < 20_000; i += 2) cache.set(`key:${i}`, 'x'.repeat(i % 700));
    expect(cache.keyspace.shards[0].ledger.items).toBe(10_001);
    expect(blocksOf(cache).every((deadline) => deadline === 0)).toBe(true);
    auditKeyspace(cache.keyspace);
    cache.set('due', 'x', 0, cache.now + 1);
    expect(blocksOf(cache).filter((deadline) => deadline !== 0)).toHaveLength(16);
  });

  test('know nothing of the deadlines that were there before', () => {
    const cache = new SmallCache({ shards: 1, megabytes: 32 });
    const fill = (expiry: number): void => {
      for (let i = 0; i < 5000; i++) cache.set(`key:${i}`, 'x'.repeat(100), i % 2, expiry);
    };
    // Due long ago, if anybody looked.
    blocksOf(cache).fill(1);
    fill(0);
    cache.keyspace.flushDatabase(1);
    // In slices, so that a page is left half-way.
    let looked = 0;
    while (cache.keyspace.shards[0].sweep(++looked, () => looked));
    expect(cache.keyspace.oldestDue()).toBe(0);
    expect(cache.keyspace.size(0)).toBe(2500);
    auditKeyspace(cache.keyspace);
    fill(cache.now + 1000);
    expect(cache.keyspace.oldestDue()).toBe(0);
    cache.advance(1000);
    expect(cache.keyspace.oldestDue()).toBe(cache.now);
    sweepAll(cache);
    expect(cache.keyspace.size(0) + cache.keyspace.size(1)).toBe(0);
    auditKeyspace(cache.keyspace);
  });
});

describe('items that are moved together', () => {
  test('take their deadlines along', () => {
    const cache = new SmallCache({ shards: 1, megabytes: 16 });
    const [shard] = cache.keyspace.shards;
    const deadline = cache.now + 60_000;
    // Pages of items with a deadline, which become nearly empty; and pages of others with a little room.
    for (let i = 0; i < 5000; i++) cache.set(`volatile:${i}`, 'x'.repeat(100), 0, deadline + i);
    for (let i = 0; i < 5000; i++) cache.set(`lasting:${i}`, 'x'.repeat(108));
    expect(cache.keyspace.averageTtl(0)).toBe(60_000 + 2500);
    cache.advance(1000);
    expect(cache.keyspace.averageTtl(0)).toBe(59_000 + 2500);
    expect(cache.keyspace.averageTtl(1)).toBe(0);
    for (let i = 0; i < 5000; i++) {
      if (i % 20 !== 0) cache.remove(`volatile:${i}`);
      if (i % 10 === 0) cache.remove(`lasting:${i}`);
    }
    const before = shard.pool.used;
    while (shard.memory.freePage());
    expect(shard.pool.used).toBeLessThan(before - 5);
    auditKeyspace(cache.keyspace);
    for (let i = 0; i < 5000; i += 500) {
      cache.advance(deadline + i - cache.now);
      sweepAll(cache);
      expect(worstLag(cache)).toBe(0);
      expect(cache.keyspace.expiring(0)).toBe((5000 - i) / 20 - 1);
    }
    auditKeyspace(cache.keyspace);
  });
});

describe('whatever happens to the items', () => {
  const policies = fc.constantFrom('noeviction', 'allkeys-lru', 'volatile-ttl', 'volatile-lru');

  test('after each pass nothing is left that was due, and what was not is there', () => {
    fc.assert(
      fc.property(fc.integer(), policies, (seed, policy) => {
        const cache = new ModelledCache({ policy, shards: 2, megabytes: 2.5, seed });
        const random = new Random(seed);
        for (let pass = 0; pass < 120; pass++) {
          for (let i = 0; i < 60; i++) change(cache, random);
          cache.advance(PASS_MS);
          sweepAll(cache);
          expect(worstLag(cache)).toBe(0);
        }
        cache.checkAll();
      }),
      { numRuns: 12 },
    );
  });

  test('in slices that are too short for all of it, every page gets its turn: the lag is bounded', () => {
    const cache = new ModelledCache({ policy: 'noeviction', shards: 1, megabytes: 16, seed: 9 });
    const [shard] = cache.keyspace.shards;
    const random = new Random(9);
    let key = 0;
    let worst = 0;
    let unfinished = 0;
    for (let pass = 0; pass < 1500; pass++) {
      // 1,250 keys a second: a slice can remove somewhat more.
      for (let i = 0; i < 20; i++) cache.set(`key:${key++}`, 100, 1 + random.below(8000));
      cache.advance(PASS_MS);
      let looked = 0;
      if (shard.sweep(3, () => ++looked)) unfinished++;
      if (pass % 10 === 0) worst = Math.max(worst, worstLag(cache));
    }
    expect(shard.ledger.items).toBeGreaterThan(2000);
    expect(unfinished).toBeGreaterThan(5);
    expect(worst).toBeLessThan(2 * PASS_MS);
    cache.checkAll();
  });

  test('what is due again and again in some pages does not keep the sweep from the others', () => {
    const cache = new SmallCache({ shards: 1, megabytes: 16 });
    const [shard] = cache.keyspace.shards;
    // In pages of their own, and before the others.
    const setHot = (): void => {
      for (let i = 0; i < 300; i++) cache.set(`hot:${i}`, 'x'.repeat(1000), 0, cache.now + 1 + (i % PASS_MS));
    };
    setHot();
    for (let i = 0; i < 20_000; i++) cache.set(`key:${i}`, 'x'.repeat(100), 0, cache.now + 100);
    let passes = 0;
    for (let looked = 0; shard.ledger.items > 300; passes++, looked = 0) {
      expect(passes).toBeLessThan(3000);
      cache.advance(PASS_MS);
      expect(shard.sweep(2, () => ++looked)).toBe(true);
      setHot();
    }
    expect(passes).toBeGreaterThan(100);
  });

  /** One change of a key that may be there: another value, size, deadline or place. */
  function change(cache: ModelledCache, random: Random): void {
    const name = `key:${random.below(1500)}`;
    const ttl = 1 + random.below(random.below(4) === 0 ? 100_000 : 600);
    const what = random.below(100);
    if (what < 50)
      cache.set(name, random.below(random.below(30) === 0 ? 100_000 : 600), random.below(3) === 0 ? 0 : ttl);
    else if (what < 65) cache.expire(name, ttl);
    else if (what < 75) cache.expire(name, 0);
    else if (what < 85) cache.resize(name, random.below(700));
    else if (what < 90) cache.set(name, random.below(600), -1);
    else if (what < 98) cache.remove(name);
    else cache.get(name);
  }
});

describe('active expiry that is switched off', () => {
  test('removes nothing, and the lag is true', () => {
    const cache = new SmallCache({ shards: 2, megabytes: 8 });
    for (let i = 0; i < 1000; i++) cache.set(`key:${i}`, 'x', 0, cache.now + 100 + i);
    cache.keyspace.control.activeExpire = false;
    cache.advance(5000);
    sweepAll(cache);
    expect(cache.keyspace.size(0)).toBe(1000);
    expect(cache.now - cache.keyspace.oldestDue()).toBe(4900);
    cache.keyspace.control.activeExpire = true;
    sweepAll(cache);
    expect(cache.keyspace.size(0)).toBe(0);
    const { p50, p99, max } = cache.keyspace.expiryLag();
    expect(max).toBe(4900);
    expect(p99).toBe(4900);
    expect(p50).toBeGreaterThanOrEqual(4400);
    expect(p50).toBeLessThan(4400 * 1.125);
  });

  test('does not keep a flushed database from being emptied', () => {
    const cache = new SmallCache({ shards: 1, megabytes: 8 });
    for (let i = 0; i < 5000; i++) cache.set(`key:${i}`, 'x'.repeat(50), 0, cache.now + 100 + (i % 500));
    for (let i = 0; i < 100; i++) cache.set(`other:${i}`, 'x', 1, cache.now + 100);
    cache.keyspace.control.activeExpire = false;
    cache.advance(300);
    cache.keyspace.flushDatabase(0);
    sweepAll(cache);
    expect(cache.keyspace.shards[0].ledger.items).toBe(100);
    auditKeyspace(cache.keyspace);
  });
});
