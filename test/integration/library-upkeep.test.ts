/** Expired keys go, and their memory comes back, though there is no server: by a timer, or by a thread that is always busy. */

import { afterEach, describe, expect, test } from 'vitest';
import { Ashlar } from '../../src/index.js';

let cache: Ashlar;
afterEach(() => cache.close());

describe('upkeep', () => {
  test('removes expired keys that nobody asks for', async () => {
    cache = Ashlar.create({ maxMemory: '64mb', shards: 4 });
    const empty = cache.stats().usedMemory;
    for (let i = 0; i < 50_000; i++) cache.set(`key:${i}`, 'x'.repeat(100), { ttl: 4000 + (i % 100) });
    cache.set('stays', 'x');
    expect(cache.stats().usedMemory).toBeGreaterThan(empty + 4 * 2 ** 20);
    await expect.poll(() => cache.size, { timeout: 15_000 }).toBe(1);
    const { expired, expiryLag, usedMemory } = cache.stats();
    expect({ expired, expiryLag }).toEqual({ expired: 50_000, expiryLag: 0 });
    // The index keeps its segments, and a page holds the one that stays.
    expect(usedMemory).toBeLessThan(empty + 2 ** 20);
  });

  test('is done by a thread that does not return to its event loop', () => {
    cache = Ashlar.create({ maxMemory: '64mb', shards: 4 });
    for (let i = 0; i < 20_000; i++) cache.set(`key:${i}`, 'x'.repeat(100), { ttl: 20 });
    const until = Date.now() + 5000;
    while (cache.size > 0 && Date.now() < until) cache.has('another');
    expect(cache.size).toBe(0);
  });

  test('brings the cache under a lowered limit', async () => {
    cache = Ashlar.create({ maxMemory: '32mb', shards: 2 });
    for (let i = 0; i < 300_000; i++) cache.set(`key:${i}`, 'x'.repeat(100));
    expect(cache.stats().usedMemory).toBeGreaterThan(24 * 2 ** 20);
    cache.resize('8mb');
    await expect.poll(() => cache.stats().usedMemory, { timeout: 10_000 }).toBeLessThanOrEqual(8 * 2 ** 20);
    expect(cache.size).toBeGreaterThan(20_000);
  });

  test('frees the memory of a database that was cleared beside others', async () => {
    cache = Ashlar.create({ maxMemory: '64mb', shards: 2, databases: 2 });
    const other = Ashlar.attach(cache.handle, { database: 1 });
    other.set('stays', 'x');
    for (let round = 0; round < 100; round++) {
      for (let i = 0; i < 500; i++) cache.set(`key:${i}`, 'x'.repeat(1000));
      cache.clear();
      expect(cache.size).toBe(0);
    }
    await expect.poll(() => cache.stats().items, { timeout: 5000 }).toBe(1);
    expect(other.get('stays')).toBe('x');
    other.close();
  });
});
