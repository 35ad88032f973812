/** Memory that has to change hands: from expired keys to new ones, from small items to large ones, from many small holes to one large value. */

import { describe, expect, test } from 'vitest';
import { Random } from '../../../src/base/random.js';
import type { PolicyName } from '../../../src/engine/control.js';
import { CELL_BYTES, classOf, classTable, PAGE_BYTES } from '../../../src/engine/memory/size-classes.js';
import { ModelledCache } from './modelled-cache.js';

/** Those of a small shard. */
const CLASSES_USED = classTable(1);

const MIB = 2 ** 20;

const makeCache = (policy: PolicyName, megabytes: number, shards = 1): ModelledCache =>
  new ModelledCache({ policy, shards, megabytes, seed: 11 });

const usedBytes = (cache: ModelledCache): number => cache.keyspace.figures().usedBytes;

/** Bytes of slab pages of the class that holds items of `bytes`. */
function classBytes(cache: ModelledCache, bytes: number): number {
  const sizeClass = classOf(CLASSES_USED, bytes);
  return cache.keyspace.shards.reduce((sum, shard) => sum + shard.slabs.classPages(sizeClass) * PAGE_BYTES, 0);
}

describe('expiry', () => {
  test('a million keys that expire in the same second are gone with their memory soon after it', {
    timeout: 60_000,
  }, () => {
    const cache = makeCache('noeviction', 256, 2);
    const empty = usedBytes(cache);
    for (let i = 0; i < 1_000_000; i++) cache.set(`key:${i}`, 60, 1000 + (i % 1000));
    const full = cache.keyspace.figures();
    expect(full.items).toBe(1_000_000);

    cache.advance(2000);
    let slices = 0;
    while (cache.tend()) slices++;
    const left = cache.keyspace.figures();
    expect(left.items).toBe(0);
    expect(left.expiredBySweep).toBe(1_000_000);
    // A slice is 0.4 ms for each shard: with the pauses between them this is a few seconds on a slow machine.
    expect(slices).toBeLessThan(3000);
    // Only the index keeps its pages.
    expect(left.usedBytes - empty).toBeLessThanOrEqual(full.segments * PAGE_BYTES);
    cache.flushAll();
    expect(usedBytes(cache)).toBe(empty);
  });

  test('the lag is that of the oldest key that is due, and 0 when none is', () => {
    const cache = makeCache('noeviction', 4);
    for (let i = 0; i < 1000; i++) cache.set(`key:${i}`, 10, 5000);
    cache.set('later', 10, 60_000);
    expect(cache.keyspace.oldestDue()).toBe(0);
    cache.advance(4999);
    expect(cache.keyspace.oldestDue()).toBe(0);
    cache.advance(8);
    expect(cache.now - cache.keyspace.oldestDue()).toBe(7);
    while (cache.tend());
    expect(cache.keyspace.oldestDue()).toBe(0);
    expect(cache.keyspace.size(0)).toBe(1);
  });

  test('deadlines far away, long past, and moved about', () => {
    const cache = makeCache('noeviction', 4);
    const years = 365 * 86_400_000;
    cache.set('far', 10, 100 * years);
    cache.set('near', 10, 100);
    cache.set('moved', 10, 100);
    cache.expire('moved', 2 * years);
    cache.set('kept', 10, 200);
    cache.expire('kept', 0);
    cache.advance(years);
    while (cache.tend());
    cache.checkAll();
    expect(cache.names.sort()).toEqual(['far', 'kept', 'moved']);
    cache.advance(98 * years);
    while (cache.tend());
    cache.checkAll();
    expect(cache.names.sort()).toEqual(['far', 'kept']);
  });
});

describe('pages move between size classes', () => {
  test.each(['allkeys-lru', 'allkeys-lfu', 'allkeys-random', 'allkeys-keystone'] as const)(
    '%s: from 100 bytes to 1,000 bytes, and back',
    { timeout: 120_000 },
    (policy) => {
      const cache = makeCache(policy, 16);
      for (let i = 0; i < 150_000; i++) cache.set(`small:${i}`, 100, 0);
      expect(classBytes(cache, 100 + 12 + 12)).toBeGreaterThan(12 * MIB);

      for (let i = 0; i < 60_000; i++) {
        if (i % 1000 === 0) cache.advance(60_000);
        cache.set(`large:${i}`, 1000, 0);
      }
      const large = classBytes(cache, 1000 + 12 + 11);
      // Where sizes count, small items that nobody wants keep their place a little longer than large ones.
      expect(large).toBeGreaterThan((policy === 'allkeys-lru' || policy === 'allkeys-random' ? 7 : 5) * MIB);

      for (let i = 0; i < 300_000; i++) {
        if (i % 5000 === 0) cache.advance(60_000);
        cache.set(`again:${i}`, 100, 0);
      }
      expect(classBytes(cache, 1000 + 12 + 11)).toBeLessThan(large / 2);
      cache.checkAll();
    },
  );

  test('volatile-lru moves what it may: items with a deadline', () => {
    const cache = makeCache('volatile-lru', 16);
    for (let i = 0; i < 20_000; i++) cache.set(`kept:${i}`, 100, 0);
    for (let i = 0; i < 150_000; i++) cache.set(`small:${i}`, 100, 1_000_000);
    for (let i = 0; i < 20_000; i++) expect(cache.set(`large:${i}`, 1000, 1_000_000)).toBe(true);
    for (let i = 0; i < 20_000; i++) cache.get(`kept:${i}`);
    expect(classBytes(cache, 1000 + 12 + 11 + 8)).toBeGreaterThan(4 * MIB);
    cache.checkAll();
  });

  test('noeviction gives pages that became empty to whoever needs them', () => {
    const cache = makeCache('noeviction', 8);
    let stored = 0;
    while (cache.set(`small:${stored}`, 100, 0)) stored++;
    for (let i = 0; i < stored; i++) cache.remove(`small:${i}`);
    let large = 0;
    while (cache.set(`large:${large}`, 1000, 0)) large++;
    expect(large * 1000).toBeGreaterThan(6 * MIB);
    cache.checkAll();
  });

  test('noeviction moves the items of half-empty pages together', () => {
    const cache = makeCache('noeviction', 8);
    let stored = 0;
    while (cache.set(`small:${stored}`, 100, 0)) stored++;
    const random = new Random(3);
    for (let i = 0; i < stored; i++) if (random.below(2) === 0) cache.remove(`small:${i}`);
    let large = 0;
    while (cache.set(`large:${large}`, 1000, 0)) large++;
    // Half of the memory was free, in holes of one small item.
    expect(large * CELL_BYTES[classOf(CLASSES_USED, 1023)]).toBeGreaterThan(2.5 * MIB);
    cache.checkAll();
  });
});

describe('large values', () => {
  test.each([1, 8, 64])('%i MiB: stored, overwritten by longer and shorter ones, resized, removed', (megabytes) => {
    const cache = makeCache('noeviction', 4 * megabytes + 8);
    const empty = usedBytes(cache);
    const length = megabytes * MIB;
    expect(cache.set('value', length, 0)).toBe(true);
    cache.checkAll();
    expect(cache.set('value', length + 100_000, 5000)).toBe(true);
    expect(cache.set('value', length - 100_000, 5000)).toBe(true);
    cache.checkAll();
    cache.resize('value', length + 300_000);
    cache.resize('value', 70_000);
    cache.resize('value', 100);
    cache.resize('value', length);
    cache.checkAll();
    cache.expire('value', 10);
    cache.checkAll();
    cache.advance(1000);
    while (cache.tend());
    expect(usedBytes(cache)).toBe(empty);
  });

  test('one that cannot fit is refused at once, and nothing is evicted for it', () => {
    const cache = makeCache('allkeys-lru', 8);
    for (let i = 0; i < 10_000; i++) cache.set(`key:${i}`, 100, 0);
    expect(cache.set('huge', 9 * MIB, 0)).toBe(false);
    expect(cache.keyspace.figures().evicted).toBe(0);
    cache.checkAll();
    expect(cache.size).toBe(10_000);
  });

  test.each(['allkeys-lru', 'allkeys-random', 'noeviction'] as const)(
    '%s: room for one is made among small items',
    (policy) => {
      const cache = makeCache(policy, 32);
      let stored = 0;
      while (stored < 200_000 && cache.set(`small:${stored}`, 150, 0)) stored++;
      const random = new Random(4);
      for (let i = 0; i < stored; i++) if (random.below(3) > 0) cache.remove(`small:${i}`);
      for (let i = 0; i < 3; i++) expect(cache.set(`large:${i}`, 3 * MIB, 0)).toBe(true);
      cache.checkAll();
      for (let i = 0; i < 3; i++) expect(cache.has(`large:${i}`)).toBe(true);
    },
  );

  test('runs of all lengths come and go among small items', () => {
    const cache = makeCache('allkeys-lru', 24);
    const random = new Random(5);
    for (let round = 0; round < 3000; round++) {
      for (let i = 0; i < 10; i++) cache.set(`small:${random.below(30_000)}`, random.below(500), 0);
      const name = `run:${random.below(12)}`;
      if (random.below(4) === 0) cache.remove(name);
      else expect(cache.set(name, 65_000 + random.below(3_000_000), 0)).toBe(true);
      if (round % 500 === 0) cache.checkAll();
    }
    cache.checkAll();
  });
});

describe('keys', () => {
  test('the longest key there can be is stored; a longer one is refused', () => {
    const cache = makeCache('noeviction', 16);
    const longest = 'k'.repeat(2 ** 20 - 1);
    expect(cache.set(longest, 1000, 0)).toBe(true);
    cache.expire(longest, 1000);
    cache.checkAll();
    expect(cache.set(`${longest}k`, 1000, 0)).toBe(false);
    expect(cache.has(`${longest}k`)).toBe(false);
    cache.checkAll();
  });
});
