/** Pins: what is pinned stays under every policy, whatever is done; pins are bounded; prefixes pin what is written. */

import { describe, expect, test } from 'vitest';
import { Random } from '../../../src/base/random.js';
import { POLICIES } from '../../../src/engine/control.js';
import { isPinned } from '../../../src/engine/item.js';
import { auditKeyspace } from './audit.js';
import { ModelledCache } from './modelled-cache.js';
import { SmallCache } from './small-cache.js';

const MIB = 2 ** 20;

function pinned(cache: SmallCache, name: string, database = 0): boolean {
  const item = cache.find(name, database);
  return item !== 0 && isPinned(cache.at(name, database).shard.words, item);
}

function prefixes(cache: SmallCache, ...texts: string[]): void {
  cache.keyspace.control.setPinPrefixes(texts.map((text) => Buffer.from(text)));
}

describe('what is pinned stays', () => {
  test.each(POLICIES.filter((policy) => policy !== 'noeviction'))('%s', (policy) => {
    const random = new Random(9);
    const cache = new ModelledCache({ policy, shards: 2, megabytes: 6, seed: 4 });
    const ttl = (): number => (policy.startsWith('volatile') ? 10_000_000 : 0);
    // Large and small ones, alone in their size class and among others.
    const kept: string[] = [];
    for (const length of [10, 100, 100, 100, 1000, 3000, 30_000, 70_000, 130_000]) {
      const name = `kept:${kept.length}`;
      cache.set(name, length, ttl());
      if (cache.pin(name, true)) kept.push(name);
    }
    expect(kept.length).toBeGreaterThan(6);
    for (let i = 0; i < 12_000; i++) {
      const scale = [120, 3000, 100, 200_000][Math.floor(i / 3000)];
      cache.set(`k${random.below(5000)}`, random.below(i % 50 === 0 ? 200_000 : scale), ttl());
      if (i % 100 === 0) cache.set(kept[random.below(kept.length)], random.below(2000), ttl());
      if (i % 2000 === 0) cache.checkAll();
    }
    cache.checkAll();
    expect(cache.lost).toBeGreaterThan(0);
    for (const name of kept) expect(cache.has(name), name).toBe(true);
    // The volatile policies have no right to empty pages for large values.
    if (policy.startsWith('allkeys')) expect(cache.refused).toBe(0);
  });

  test('also when the budget is lowered', () => {
    const cache = new ModelledCache({ policy: 'allkeys-lru', shards: 1, megabytes: 8, seed: 2 });
    for (let i = 0; i < 20_000; i++) {
      cache.set(`k${i}`, 300, 0);
      if (i % 20 === 0) cache.pin(`k${i}`, true);
    }
    expect(cache.budget(3)).toBe(true);
    cache.checkAll();
  });
});

describe('the limit', () => {
  test('is a tenth of the memory, and counts the bytes of items', () => {
    const cache = new SmallCache({ shards: 1, megabytes: 16 });
    const { pins } = cache.keyspace.shards[0];
    let count = 0;
    for (; ; count++) {
      cache.set(`k${count}`, 'x'.repeat(10_000));
      if (!cache.at('').shard.pins.pin(cache.find(`k${count}`))) break;
    }
    expect(pins.bytes).toBeGreaterThan(1.5 * MIB);
    expect(pins.bytes).toBeLessThanOrEqual(1.6 * MIB);
    expect([pins.items, pins.refused, pinned(cache, `k${count}`)]).toEqual([count, 1, false]);
    auditKeyspace(cache.keyspace);
    cache.remove('k0');
    expect(pins.items).toBe(count - 1);
    expect(pins.pin(cache.find(`k${count}`))).toBe(true);
    cache.keyspace.flushAll();
    expect([pins.items, pins.bytes]).toEqual([0, 0]);
  });

  test('takes the pin of a key that is made too large, not the write', () => {
    const cache = new SmallCache({ shards: 1, megabytes: 16 });
    const { pins } = cache.keyspace.shards[0];
    for (const name of ['a', 'b', 'c']) {
      cache.set(name, 'x');
      expect(pins.pin(cache.find(name))).toBe(true);
    }
    expect(cache.set('a', 'x'.repeat(2 * MIB))).toBe(true);
    expect(cache.at('b').shard.resizeString(cache.find('b'), 2 * MIB)).not.toBe(0);
    // In the run that it has already.
    expect(cache.set('c', 'x'.repeat(MIB))).toBe(true);
    expect(pinned(cache, 'c')).toBe(true);
    expect(cache.at('c').shard.resizeString(cache.find('c'), 3 * MIB)).not.toBe(0);
    for (const name of ['a', 'b', 'c']) expect(pinned(cache, name), name).toBe(false);
    expect([pins.items, pins.bytes, pins.refused]).toEqual([0, 0, 3]);
    auditKeyspace(cache.keyspace);
  });
});

describe('a pin', () => {
  test('stays with its key through every write, move and deadline, and goes with the key', () => {
    const cache = new SmallCache({ shards: 1, megabytes: 32 });
    const shard = cache.keyspace.shards[0];
    cache.set('k', 'x');
    shard.pins.pin(cache.find('k'));
    const steps: (() => unknown)[] = [
      () => cache.set('k', 'y'),
      () => cache.set('k', 'longer'.repeat(100)),
      () => cache.set('k', 'with a deadline', 0, cache.now + 1000),
      () => shard.setExpiry(cache.find('k'), 0),
      () => shard.giveVersion(cache.find('k')),
      () => shard.resizeString(cache.find('k'), 50_000),
      () => shard.resizeString(cache.find('k'), 200_000),
      () => cache.set('k', 'short again'),
    ];
    for (const step of steps) {
      step();
      expect(pinned(cache, 'k')).toBe(true);
      auditKeyspace(cache.keyspace);
    }
    const other = Buffer.from('l');
    const hash = shard.hash(other, 0, other.length, 0);
    expect(shard.relocation.rename(cache.find('k'), hash, other, 0, other.length, 0)).toBe(true);
    expect([pinned(cache, 'l'), shard.pins.items]).toEqual([true, 1]);
    cache.set('k', 'copied');
    expect(
      shard.relocation.addCopy(
        shard,
        cache.find('l'),
        shard.hash(Buffer.from('copy'), 0, 4, 0),
        Buffer.from('copy'),
        0,
        4,
        0,
      ),
    ).toBe(true);
    expect([pinned(cache, 'copy'), shard.pins.items]).toEqual([false, 1]);
    cache.set('l', 'expires', 0, cache.now + 10);
    cache.advance(20);
    expect(cache.find('l')).toBe(0);
    expect([shard.pins.items, shard.pins.bytes]).toEqual([0, 0]);
    auditKeyspace(cache.keyspace);
  });
});

describe('prefixes', () => {
  test('pin keys when they are written', () => {
    const cache = new SmallCache({ shards: 2, megabytes: 32 });
    cache.set('config:before', 'x');
    prefixes(cache, 'config:', 'a'.repeat(64));
    for (const name of ['config:', 'config:a', 'confi', 'a'.repeat(63), 'a'.repeat(64), 'a'.repeat(65)])
      cache.set(name, 'x');
    const names = ['config:before', 'config:', 'config:a', 'confi', 'a'.repeat(63), 'a'.repeat(64), 'a'.repeat(65)];
    expect(names.map((name) => pinned(cache, name))).toEqual([false, true, true, false, false, true, true]);
    cache.set('config:before', 'y');
    expect(pinned(cache, 'config:before')).toBe(true);
    prefixes(cache);
    cache.set('config:new', 'x');
    expect([pinned(cache, 'config:new'), pinned(cache, 'config:a')]).toEqual([false, true]);
    auditKeyspace(cache.keyspace);
  });

  test('cannot fill the memory: above the limit keys are stored and go as any others', () => {
    const cache = new SmallCache({ shards: 1, megabytes: 8, policy: 'allkeys-lru' });
    prefixes(cache, 'p:');
    for (let i = 0; i < 20_000; i++) expect(cache.set(`p:${i}`, 'x'.repeat(1000))).toBe(true);
    const { pins } = cache.keyspace.shards[0];
    expect(pins.bytes).toBeLessThanOrEqual(0.8 * MIB);
    expect(pins.items + pins.refused).toBe(20_000);
    for (let i = 0; i < pins.items; i++) expect(pinned(cache, `p:${i}`), String(i)).toBe(true);
    auditKeyspace(cache.keyspace);
  });
});
