/** When items were last used, as the default policy knows it: in seconds, then in minutes, and two days at most. */

import { describe, expect, test } from 'vitest';
import { TYPE_STRING, typeOf } from '../../../src/engine/item.js';
import { tendShard } from '../../../src/engine/upkeep.js';
import { SmallCache } from './small-cache.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

function cacheOf(keys: Record<string, number>): SmallCache {
  const cache = new SmallCache({ shards: 2, megabytes: 8, policy: 'allkeys-keystone' });
  for (const [key, bytes] of Object.entries(keys)) expect(cache.set(key, 'x'.repeat(bytes))).toBe(true);
  return cache;
}

function idleSeconds(cache: SmallCache, key: string): number {
  const { shard } = cache.at(key);
  const item = cache.find(key);
  expect(typeOf(shard.words, item)).toBe(TYPE_STRING);
  return shard.idleSeconds(item);
}

/** Lets time go by, with upkeep as often as `every`. */
function pass(cache: SmallCache, milliseconds: number, every: number): void {
  for (let gone = 0; gone < milliseconds; gone += every) {
    cache.advance(Math.min(every, milliseconds - gone));
    for (const shard of cache.keyspace.shards) tendShard(cache.keyspace, shard);
  }
}

describe('idle times', () => {
  test('are told to the second, and to the minute after a quarter of an hour', () => {
    const cache = cacheOf({ small: 1, large: 200_000 });
    for (const key of ['small', 'large']) expect(idleSeconds(cache, key)).toBe(0);
    cache.advance(7_300);
    for (const key of ['small', 'large']) expect(idleSeconds(cache, key)).toBe(7);
    pass(cache, 14 * MINUTE, MINUTE);
    for (const key of ['small', 'large']) expect(idleSeconds(cache, key)).toBe(847);
    for (const hours of [2, 5, 40]) {
      const before = idleSeconds(cache, 'small');
      pass(cache, hours * HOUR, MINUTE);
      for (const key of ['small', 'large']) {
        expect(idleSeconds(cache, key)).toBeGreaterThanOrEqual(before + (hours * HOUR) / 1000 - 120);
        expect(idleSeconds(cache, key)).toBeLessThanOrEqual(before + (hours * HOUR) / 1000 + 60);
      }
    }
  });

  test('never come round, whatever changes places meanwhile', () => {
    const cache = cacheOf({ old: 100 });
    for (let hours = 0; hours < 200; hours++) {
      pass(cache, HOUR, 16 * MINUTE);
      cache.set(`other${hours % 7}`, 'x'.repeat(1 + ((hours * 977) % 30_000)));
      expect(idleSeconds(cache, `other${hours % 7}`)).toBe(0);
      const least = Math.min(hours * 3600, 2 * 86_400);
      expect(idleSeconds(cache, 'old')).toBeGreaterThanOrEqual(least);
      expect(idleSeconds(cache, 'old')).toBeLessThanOrEqual(least + 2 * 3600);
    }
  });

  test('begin anew with an access', () => {
    const cache = cacheOf({ a: 1 });
    pass(cache, 3 * HOUR, 10 * MINUTE);
    const { shard } = cache.at('a');
    shard.touch(cache.find('a'));
    expect(idleSeconds(cache, 'a')).toBe(0);
    cache.advance(5_000);
    expect(idleSeconds(cache, 'a')).toBe(5);
  });
});
