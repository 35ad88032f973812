/** Upkeep by a clock that is set by hand: how often it looks, who does it, and what becomes of the lag. */

import { describe, expect, test } from 'vitest';
import { Clock } from '../../../src/base/clock.js';
import { Keyspace } from '../../../src/engine/keyspace.js';
import { resetFigures } from '../../../src/engine/shard-figures.js';
import { Upkeep } from '../../../src/engine/upkeep.js';
import { auditKeyspace } from './audit.js';
import { SmallCache } from './small-cache.js';

/** One more thread of a cache: what it sees of it, and its part of the upkeep. */
function attach(cache: SmallCache): { keyspace: Keyspace; upkeep: Upkeep } {
  const keyspace = Keyspace.attach(cache.keyspace.handle, new Clock(() => cache.now), Math.random);
  return { keyspace, upkeep: new Upkeep(keyspace) };
}

/** Counts how often a shard is claimed through a keyspace. */
function countClaims(keyspace: Keyspace, shard = 0): () => number {
  const counted = keyspace.shards[shard];
  const claim = counted.claimUpkeep.bind(counted);
  let claims = 0;
  counted.claimUpkeep = (now, restMs) => {
    const claimed = claim(now, restMs);
    if (claimed) claims++;
    return claimed;
  };
  return () => claims;
}

/** Lets time pass, and asks after each millisecond. */
function pass(cache: SmallCache, milliseconds: number, ask: () => void): void {
  for (let i = 0; i < milliseconds; i++) {
    cache.advance(1);
    ask();
  }
}

describe('the pace', () => {
  test('is ten times a second while nothing has a deadline, sixty times as soon as something has', () => {
    const cache = new SmallCache({ shards: 2, megabytes: 8 });
    const upkeep = new Upkeep(cache.keyspace);
    const claims = countClaims(cache.keyspace, 1);
    cache.set('key', 'x');
    pass(cache, 1000, () => upkeep.poll());
    expect(claims()).toBeGreaterThanOrEqual(9);
    expect(claims()).toBeLessThanOrEqual(12);
    cache.set('volatile', 'x', 0, cache.now + 60_000);
    const before = claims();
    pass(cache, 1000, () => upkeep.poll());
    expect(claims() - before).toBeGreaterThan(50);
    expect(claims() - before).toBeLessThan(65);
    cache.remove('volatile');
    cache.keyspace.leave();
    const then = claims();
    pass(cache, 1000, () => upkeep.poll());
    expect(claims() - then).toBeLessThan(12);
  });

  test('is that of `restMs` where this is faster', () => {
    const cache = new SmallCache({ shards: 1, megabytes: 8 });
    const upkeep = new Upkeep(cache.keyspace);
    upkeep.restMs = 10;
    const claims = countClaims(cache.keyspace);
    cache.set('volatile', 'x', 0, cache.now + 60_000);
    pass(cache, 1000, () => upkeep.poll());
    expect(claims()).toBeGreaterThan(90);
  });

  test.each([
    ['an hour', 3_600_000],
    ['thirty years', 30 * 365 * 86_400_000],
  ])('survives a clock that is set back by %s', (_, jump) => {
    const cache = new SmallCache({ shards: 2, megabytes: 8 });
    const upkeep = new Upkeep(cache.keyspace);
    cache.set('before', 'x', 0, cache.now + 1000);
    pass(cache, 100, () => upkeep.poll());
    cache.advance(-jump);
    for (let i = 0; i < 1000; i++) cache.set(`key:${i}`, 'x', 0, cache.now + 100 + i);
    cache.keyspace.leave();
    pass(cache, 1200, () => upkeep.poll());
    expect(cache.keyspace.size(0)).toBe(1);
    expect(cache.keyspace.expiryLag().max).toBeLessThanOrEqual(32);
  });
});

describe('the lag', () => {
  test('is that of a pass while keys expire at random times', () => {
    const cache = new SmallCache({ shards: 4, megabytes: 32 });
    const upkeep = new Upkeep(cache.keyspace);
    let key = 0;
    pass(cache, 12_000, () => {
      for (let i = 0; i < 5; i++)
        cache.set(`key:${key++}`, 'x'.repeat(80), 0, cache.now + 1 + cache.random.below(8000));
      cache.keyspace.leave();
      upkeep.poll();
    });
    const { p50, p99 } = cache.keyspace.expiryLag();
    expect(cache.keyspace.figures().expiredBySweep).toBeGreaterThan(35_000);
    expect(p50).toBeLessThanOrEqual(16);
    expect(p99).toBeLessThanOrEqual(30);
    auditKeyspace(cache.keyspace);
  });

  test('of keys with the same deadline is what the slices take, and requests get their turn in between', () => {
    const cache = new SmallCache({ shards: 2, megabytes: 64 });
    const upkeep = new Upkeep(cache.keyspace);
    const deadline = cache.now + 30_000;
    for (let i = 0; i < 100_000; i++) cache.set(`key:${i}`, 'x'.repeat(100), 0, deadline);
    cache.keyspace.leave();
    cache.advance(29_999);
    upkeep.poll();
    expect(cache.keyspace.size(0)).toBe(100_000);
    let slices = 0;
    for (let left = 100_000; left > 0; slices++) {
      expect(slices).toBeLessThan(5000);
      cache.advance(1);
      // A request: what is due is gone for whoever asks, whether a slice has been there or not.
      expect(cache.find(`key:${slices}`)).toBe(0);
      cache.keyspace.leave();
      upkeep.poll();
      // The next look is soon, as long as there is work; when the last is gone it is of no interest.
      left = cache.keyspace.size(0);
    }
    // A slice cannot have removed them all.
    expect(slices).toBeGreaterThan(10);
    expect(cache.keyspace.expiryLag().max).toBeLessThanOrEqual(slices + 16);
    auditKeyspace(cache.keyspace);
    expect(cache.keyspace.figures().sweepMs).toBeGreaterThan(0);
    for (const shard of cache.keyspace.shards) resetFigures(shard);
    expect(cache.keyspace.figures().sweepMs).toBe(0);
  });
});

describe('upkeep that has fallen behind', () => {
  test('does not pause any more until it has caught up', () => {
    const cache = new SmallCache({ shards: 1, megabytes: 64 });
    const upkeep = new Upkeep(cache.keyspace);
    const deadline = cache.now + 30_000;
    for (let i = 0; i < 100_000; i++) cache.set(`key:${i}`, 'x'.repeat(100), 0, deadline);
    cache.keyspace.leave();
    const items = (): number => cache.keyspace.size(0);
    cache.advance(30_000);
    upkeep.poll();
    const first = items();
    expect(first).toBeLessThan(100_000);
    // The same millisecond: a pause.
    upkeep.poll();
    expect(items()).toBe(first);
    cache.advance(100);
    upkeep.poll();
    let slices = 0;
    for (let before = items(); before > 0; before = items(), slices++) {
      upkeep.poll();
      expect(items()).toBeLessThan(before);
    }
    expect(slices).toBeGreaterThan(5);
  });
});

describe('threads that share it', () => {
  test('do it once, together', () => {
    const cache = new SmallCache({ shards: 2, megabytes: 8 });
    const threads = Array.from({ length: 4 }, () => attach(cache));
    const claims = threads.map(({ keyspace }) => countClaims(keyspace));
    cache.set('volatile', 'x', 0, cache.now + 60_000);
    cache.keyspace.leave();
    pass(cache, 1000, () => {
      for (const { keyspace, upkeep } of threads) {
        keyspace.clock.tick();
        upkeep.poll();
      }
    });
    const total = claims.reduce((sum, count) => sum + count(), 0);
    expect(total).toBeGreaterThan(50);
    expect(total).toBeLessThan(130);
    for (const { keyspace } of threads) keyspace.detach();
  });

  test('go on when one of them ends: no shard belongs to one of them', () => {
    const cache = new SmallCache({ shards: 4, megabytes: 16 });
    const threads = [attach(cache), attach(cache)];
    const askBoth = (): void => {
      for (const { keyspace, upkeep } of threads) {
        keyspace.clock.tick();
        upkeep.poll();
      }
    };
    pass(cache, 100, askBoth);
    for (let i = 0; i < 5000; i++) cache.set(`key:${i}`, 'x', 0, cache.now + 100 + (i % 1000));
    cache.keyspace.leave();
    pass(cache, 500, askBoth);
    threads.shift()?.keyspace.detach();
    pass(cache, 700, askBoth);
    expect(cache.keyspace.size(0)).toBe(0);
    expect(cache.keyspace.figures().expiredBySweep).toBe(5000);
    expect(cache.keyspace.expiryLag().max).toBeLessThanOrEqual(40);
    threads[0].keyspace.detach();
  });
});
