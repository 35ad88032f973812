/** What stays when memory is short: whoever is asked for again, and what is small; and room for a large value without losing much more than its size. */

import { describe, expect, test } from 'vitest';
import { Random } from '../../../src/base/random.js';
import type { PolicyName } from '../../../src/engine/control.js';
import { ModelledCache } from './modelled-cache.js';

const MIB = 2 ** 20;
const EVICTING: readonly PolicyName[] = ['allkeys-keystone', 'allkeys-lfu', 'allkeys-lru', 'allkeys-random'];

const makeCache = (policy: PolicyName, megabytes: number): ModelledCache =>
  new ModelledCache({ policy, shards: 1, megabytes, seed: 3 });

/** Asks for a key as a cache-aside application does. Returns whether it was there. */
function ask(cache: ModelledCache, name: string, bytes: number): boolean {
  if (cache.has(name)) {
    cache.get(name);
    return true;
  }
  cache.set(name, bytes, 0);
  return false;
}

describe('keys that come once', () => {
  test.each(['allkeys-keystone', 'allkeys-lfu'] as const)('%s: do not displace those that come back', (policy) => {
    const cache = makeCache(policy, 4);
    for (let round = 0; round < 5; round++) for (let i = 0; i < 5000; i++) ask(cache, `wanted:${i}`, 200);
    for (let i = 0; i < 100_000; i++) {
      ask(cache, `once:${i}`, 200);
      if (i % 4 === 0) ask(cache, `wanted:${(i / 4) % 5000}`, 200);
    }
    let kept = 0;
    for (let i = 0; i < 5000; i++) if (cache.has(`wanted:${i}`)) kept++;
    expect(kept).toBeGreaterThan(4500);
    cache.checkAll();
  });
});

describe('keys that come again once, after a while', () => {
  const AFTER = 5000;
  const COUNT = 60_000;

  /** Asks for new keys, and for each once more when AFTER others have come; returns which part of the second half was there then. */
  function askTwice(cache: ModelledCache): number {
    let hits = 0;
    for (let i = 0; i < COUNT; i++) {
      ask(cache, `twice:${i}`, 200);
      if (i >= AFTER && ask(cache, `twice:${i - AFTER}`, 200) && i >= COUNT / 2) hits++;
    }
    return hits / (COUNT / 2);
  }

  test.each(['allkeys-keystone', 'allkeys-lfu'] as const)('%s: wait for it where there is room for them', (policy) => {
    const cache = makeCache(policy, 4);
    expect(askTwice(cache)).toBeGreaterThan(0.95);
    cache.checkAll();
  });

  test.each(['allkeys-keystone', 'allkeys-lfu'] as const)('%s: are in nobody’s way afterwards', (policy) => {
    const cache = makeCache(policy, 4);
    askTwice(cache);
    let hits = 0;
    for (let i = 0; i < 200_000; i++) {
      ask(cache, `once:${i}`, 200);
      if (ask(cache, `wanted:${i % 9000}`, 200) && i >= 100_000) hits++;
    }
    expect(hits / 100_000).toBeGreaterThan(0.8);
    cache.checkAll();
  });
});

describe('another working set', () => {
  test.each(['allkeys-keystone', 'allkeys-lfu'] as const)('%s: takes the place of the one before', (policy) => {
    const cache = makeCache(policy, 4);
    const random = new Random(4);
    let [hits, asked] = [0, 0];
    for (let phase = 0; phase < 5; phase++) {
      for (let i = 0; i < 60_000; i++) {
        const isThere = ask(cache, `${phase}:${random.below(8000)}`, 200);
        if (i < 30_000) continue;
        asked++;
        if (isThere) hits++;
      }
    }
    expect(hits / asked).toBeGreaterThan(0.99);
    cache.checkAll();
  });
});

describe('sizes', () => {
  test.each(['allkeys-keystone', 'allkeys-lfu'] as const)('%s: what is small stays longer', (policy) => {
    const cache = makeCache(policy, 8);
    const random = new Random(2);
    for (let i = 0; i < 200_000; i++) {
      const key = random.below(10_000);
      ask(cache, `key:${key}`, key % 2 === 0 ? 100 : 4000);
    }
    const kept = [0, 0];
    for (let key = 0; key < 10_000; key++) if (cache.has(`key:${key}`)) kept[key % 2]++;
    // All the small ones take an eighth of the memory.
    expect(kept[0]).toBeGreaterThan(4500);
    expect(kept[1]).toBeGreaterThan(1000);
    cache.checkAll();
  });

  test.each(EVICTING)('%s: a small cache is full of items whatever their sizes', (policy) => {
    const cache = makeCache(policy, 4);
    const random = new Random(6);
    // More size classes than pages.
    for (let i = 0; i < 30_000; i++) cache.set(`key:${i}`, Math.floor(2 ** (4 + 10 * random.float())), 0);
    const { itemBytes, budgetBytes } = cache.keyspace.figures();
    expect(itemBytes / budgetBytes).toBeGreaterThan(0.55);
    cache.checkAll();
  });
});

describe('large values in a full cache', () => {
  test.each(EVICTING)('%s: half of the memory is found, though the index lies in the way', (policy) => {
    for (const megabytes of [2, 4, 8, 16]) {
      const cache = makeCache(policy, megabytes);
      for (let i = 0; i < megabytes * 6000; i++) cache.set(`key:${i}`, 100, 0);
      for (let i = 0; i < 5; i++) {
        expect(cache.set(`large:${i}`, Math.floor((megabytes * MIB) / 2.2), 0)).toBe(true);
        expect(cache.has(`large:${i}`)).toBe(true);
        for (let j = 0; j < 300; j++) expect(cache.set(`key:${i}:${j}`, 100, 0)).toBe(true);
      }
      cache.checkAll();
    }
  });

  test.each(EVICTING)('%s: no more goes for one than a few times its size', (policy) => {
    const cache = makeCache(policy, 32);
    for (let i = 0; i < 200_000; i++) cache.set(`key:${i}`, 100 + (i % 100), 0);
    const before = cache.keyspace.figures().itemBytes;
    expect(cache.set('large', 4 * MIB, 0)).toBe(true);
    expect(before + 4 * MIB - cache.keyspace.figures().itemBytes).toBeLessThan(10 * MIB);
    expect(cache.keyspace.figures().refused).toBe(0);
    cache.checkAll();
  });
});
