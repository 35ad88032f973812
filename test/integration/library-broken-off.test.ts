/**
 * An operation that is broken off in the middle, in a thread that lives on: no lock may stay behind, no value may be half a value. Other threads
 * are in threads.test.ts.
 */

import { createContext, Script } from 'node:vm';
import { afterEach, describe, expect, test } from 'vitest';
import { Ashlar } from '../../src/index.js';

let cache: Ashlar;
afterEach(() => cache.close());

/** Values that tell their own length and content. */
const textOf = (i: number): string => `${i}:`.repeat(1 + (i % 900));

function isWhole(value: string | undefined): boolean {
  if (value === undefined) return true;
  const i = Number.parseInt(value, 10);
  return value === textOf(i);
}

/** Every key is whole or gone, and the cache takes new ones. */
function checkUsable(keys: number): void {
  for (let i = 0; i < keys; i++) expect(isWhole(cache.get(`key:${i}`))).toBe(true);
  for (let i = 0; i < keys; i++) expect(cache.set(`key:${i}`, textOf(i))).toBe(true);
  for (let i = 0; i < keys; i++) expect(cache.get(`key:${i}`) === textOf(i)).toBe(true);
}

describe('a stack that is used up', () => {
  test('at every depth: what was not done is not half done', () => {
    cache = Ashlar.create({ maxMemory: '64mb', shards: 2 });
    let overflows = 0;
    const dive = (depth: number): void => {
      const i = depth % 500;
      try {
        dive(depth + 1);
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        overflows++;
      }
      // On the way back the stack is nearly used up, a little less each time.
      if (overflows < 3000) {
        cache.set(`key:${i}`, textOf(i));
        cache.get(`key:${(i * 7) % 500}`);
        if (i % 5 === 0) cache.delete(`key:${i}`);
      }
    };
    dive(0);
    expect(overflows).toBeGreaterThan(0);
    expect(cache.stats().resets).toBeGreaterThan(0);
    checkUsable(500);
  });
});

describe('the time limit of a vm script', () => {
  test('ends an operation anywhere, and the next one finds the shard usable', () => {
    cache = Ashlar.create({ maxMemory: '64mb', shards: 2 });
    const context = createContext({ cache, textOf });
    const script = new Script(`
      for (let i = 0; ; i = (i + 1) % 500) {
        cache.set('key:' + i, textOf(i));
        cache.get('key:' + (i * 7) % 500);
        if (i % 5 === 0) cache.delete('key:' + i);
      }
    `);
    for (let round = 0; round < 60; round++) {
      expect(() => script.runInContext(context, { timeout: 2 + (round % 9) })).toThrow('timed out');
      for (let i = 0; i < 500; i += 50) expect(isWhole(cache.get(`key:${i}`))).toBe(true);
    }
    expect(cache.stats().resets).toBeGreaterThan(0);
    checkUsable(500);
  });

  test('upkeep finds a lock that was left behind, though nobody uses the cache', async () => {
    cache = Ashlar.create({ maxMemory: '8mb', shards: 1 });
    const { keyspace } = (
      cache as unknown as { attachment: { keyspace: import('../../src/engine/keyspace.js').Keyspace } }
    ).attachment;
    keyspace.enter(keyspace.shards[0]);
    expect(keyspace.shards[0].lock.heldByMe).toBe(true);
    await expect.poll(() => keyspace.shards[0].lock.heldByMe).toBe(false);
    expect(cache.stats().resets).toBe(1);
    cache.set('key', 'value');
    expect(cache.get('key')).toBe('value');
  });
});
