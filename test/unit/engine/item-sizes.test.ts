/** The sizes of items and the largest of them, from the memory's books, against what was stored. */

import { describe, expect, test } from 'vitest';
import { largestItems, sizeHistogram } from '../../../src/engine/item-sizes.js';
import { SmallCache } from './small-cache.js';

function names(cache: SmallCache, count: number): string[] {
  return largestItems(cache.keyspace, count).map(({ key }) => Buffer.from(key).toString('latin1'));
}

/** What the histogram must be, from what the memory says of each key. */
function counted(cache: SmallCache, keys: readonly string[]): number[] {
  const buckets = new Array<number>(32).fill(0);
  for (const key of keys) {
    const { shard } = cache.at(key);
    // Without the index entry.
    buckets[Math.floor(Math.log2(shard.memory.bytesOf(cache.find(key)) - 8))]++;
  }
  return buckets;
}

describe('the histogram', () => {
  test('counts every item by the memory that it takes, through all changes', () => {
    const cache = new SmallCache({ shards: 3, megabytes: 96, seed: 7 });
    const stored = new Set<string>();
    for (let i = 0; i < 3000; i++) {
      const key = `k${Math.floor(cache.random.float() * 800)}`;
      if (cache.random.float() < 0.3) {
        cache.remove(key);
        stored.delete(key);
      } else if (cache.set(key, 'x'.repeat(Math.floor(2 ** (cache.random.float() * 18))))) stored.add(key);
      else throw new Error('there should be room');
      if (i % 500 === 499) expect([...sizeHistogram(cache.keyspace)]).toEqual(counted(cache, [...stored]));
    }
    cache.keyspace.flushAll();
    expect(sizeHistogram(cache.keyspace).every((items) => items === 0)).toBe(true);
  });
});

describe('the largest items', () => {
  test('are those of all shards and databases, by size', () => {
    const cache = new SmallCache({ shards: 4, megabytes: 64 });
    const sizes = [10, 200, 3000, 50_000, 60_000, 65_000, 70_000, 1_000_000, 1_500_000];
    sizes.forEach((size, i) => {
      expect(cache.set(`n${size}`, 'x'.repeat(size), i % 3)).toBe(true);
    });
    const largestFirst = [...sizes].reverse().map((size) => `n${size}`);
    for (const count of [1, 2, 5, 9, 100]) expect(names(cache, count)).toEqual(largestFirst.slice(0, count));
    expect(largestItems(cache.keyspace, 2)).toMatchObject([
      { database: 2, valueBytes: 1_500_000, bytes: 23 * 65_536 + 8 },
      { database: 1, valueBytes: 1_000_000, bytes: 16 * 65_536 + 8 },
    ]);
  });

  test('are found among very many small ones', () => {
    const cache = new SmallCache({ shards: 2, megabytes: 64 });
    for (let i = 0; i < 100_000; i++) cache.set(`small${i}`, 'x'.repeat(100));
    for (let i = 0; i < 20; i++) cache.set(`medium${i}`, 'x'.repeat(200 + 20 * i));
    cache.set('large', 'x'.repeat(5000));
    expect(names(cache, 5)).toEqual(['large', 'medium19', 'medium18', 'medium17', 'medium16']);
    const all = names(cache, 1000);
    expect(all).toHaveLength(1000);
    expect(all.slice(0, 21)).toEqual(['large', ...Array.from({ length: 20 }, (_, i) => `medium${19 - i}`)]);
    expect(all.slice(21).every((name) => name.startsWith('small'))).toBe(true);
  });

  test('are found whether they are in cells of their own size or in those of a page', () => {
    const cache = new SmallCache({ shards: 1, megabytes: 64 });
    // Few of a size have whole pages, many of a size slabs of several.
    for (let i = 0; i < 12; i++) cache.set(`few${i}`, 'x'.repeat(33_000 + 20 * i));
    for (let i = 0; i < 100; i++) cache.set(`many${i}`, 'x'.repeat(40_000 + i));
    expect(names(cache, 10)).toEqual(Array.from({ length: 10 }, (_, i) => `many${99 - i}`));
    expect(names(cache, 112).slice(100)).toEqual(Array.from({ length: 12 }, (_, i) => `few${11 - i}`));
  });

  test('do not include what clients cannot see', () => {
    const cache = new SmallCache({ shards: 1, megabytes: 32 });
    cache.set('due', 'x'.repeat(5000), 0, cache.now + 10);
    cache.set('flushed', 'x'.repeat(6000), 1);
    cache.set('lease', 'x'.repeat(7000));
    cache.set('there', 'x'.repeat(10));
    cache.at('lease').shard.makePlaceholder(cache.find('lease'));
    cache.keyspace.leave();
    cache.keyspace.flushDatabase(1);
    cache.advance(20);
    expect(names(cache, 10)).toEqual(['there']);
  });
});
