/** Items that get another key, database or shard keep their value, deadline and encoding; what does not fit leaves everything as it was. */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isRaw, markRaw, sizeOf } from '../../../src/engine/item.js';
import { SmallCache, type Stored } from './small-cache.js';

/** What RENAME, COPY and MOVE do, with the engine's means. */
function transfer(cache: SmallCache, from: string, fromDb: number, to: string, toDb: number, keep: boolean): boolean {
  const item = cache.find(from, fromDb);
  const source = cache.at(from, fromDb).shard;
  const { shard, hash, key, internal } = cache.at(to, toDb);
  if (!keep && source === shard && shard.relocation.rename(item, hash, key, 0, key.length, internal)) return true;
  if (!shard.relocation.addCopy(source, item, hash, key, 0, key.length, internal)) return false;
  if (!keep) source.remove(item);
  return true;
}

/** Every shard's figures are those of the items that can be found. */
function checkFigures(cache: SmallCache, model: Map<string, Stored>): void {
  let bytes = 0;
  const items = [0, 0, 0, 0];
  const expiring = [0, 0, 0, 0];
  for (const [id, stored] of model) {
    const database = Number(id[0]);
    const item = cache.find(id.slice(1), database);
    bytes += sizeOf(cache.at(id.slice(1), database).shard.words, item);
    items[database]++;
    if (stored.expiry !== 0) expiring[database]++;
  }
  const figures = cache.keyspace.figures();
  expect(figures.items).toBe(model.size);
  expect(figures.itemBytes).toBe(bytes);
  for (const database of [0, 1, 2, 3]) {
    expect(cache.keyspace.size(database)).toBe(items[database]);
    expect(cache.keyspace.expiring(database)).toBe(expiring[database]);
  }
}

describe('renaming, copying and moving', () => {
  const name = fc.oneof(
    fc.integer({ min: 0, max: 12 }).map((n) => `k${n}`),
    fc.integer({ min: 0, max: 4 }).map((n) => `${n}`.repeat(300)),
  );
  const length = fc.oneof(fc.nat(60), fc.integer({ min: 1700, max: 2100 }), fc.integer({ min: 65_000, max: 200_000 }));
  const database = fc.nat(1);
  const command = fc.oneof(
    fc.record({ what: fc.constant('set' as const), name, database, length, expiry: fc.nat(1), raw: fc.boolean() }),
    fc.record({ what: fc.constant('rename' as const), name, database, to: name }),
    fc.record({ what: fc.constant('copy' as const), name, database, to: name, toDatabase: database }),
    fc.record({ what: fc.constant('move' as const), name, database }),
    fc.record({ what: fc.constant('persist' as const), name, database }),
  );

  test('is what a map does', { timeout: 60_000 }, () => {
    fc.assert(
      fc.property(
        fc.array(command, { minLength: 20, maxLength: 150 }),
        fc.integer({ min: 1, max: 3 }),
        (commands, shards) => {
          const cache = new SmallCache({ shards, megabytes: shards * 16 });
          const model = new Map<string, Stored>();
          let serial = 0;
          for (const each of commands) {
            const id = `${each.database}${each.name}`;
            const stored = model.get(id);
            if (each.what === 'set') {
              const value = `${serial++}:`.padEnd(each.length, 'abcdefghij').slice(0, each.length);
              const expiry = each.expiry * (cache.now + 1000 + serial);
              expect(cache.set(each.name, value, each.database, expiry)).toBe(true);
              const item = cache.find(each.name, each.database);
              if (each.raw) markRaw(cache.at(each.name, each.database).shard.words, item);
              model.set(id, { value, expiry, raw: each.raw });
            } else if (stored !== undefined && each.what === 'persist') {
              cache.at(each.name, each.database).shard.setExpiry(cache.find(each.name, each.database), 0);
              model.set(id, { ...stored, expiry: 0 });
            } else if (stored !== undefined && each.what !== 'persist') {
              const to = each.what === 'move' ? each.name : each.to;
              const target =
                each.what === 'copy' ? each.toDatabase : each.what === 'move' ? each.database ^ 1 : each.database;
              if (`${target}${to}` === id) continue;
              expect(transfer(cache, each.name, each.database, to, target, each.what === 'copy')).toBe(true);
              if (each.what !== 'copy') model.delete(id);
              model.set(`${target}${to}`, stored);
            }
          }
          for (const [id, stored] of model) expect(cache.get(id.slice(1), Number(id[0]))).toEqual(stored);
          checkFigures(cache, model);
        },
      ),
      { numRuns: 60 },
    );
  });

  test('a full cache says so, and keeps both items', () => {
    const cache = new SmallCache({ shards: 2, megabytes: 4 });
    cache.set('{a}source', 'x'.repeat(1000), 0, cache.now + 5000);
    cache.set('{a}other', 'y');
    cache.set('{b}other', 'z');
    // Every class of cells that a copy could take is filled up.
    let filler = 0;
    for (let bytes = 1600; bytes >= 0; bytes -= 8) {
      for (const tag of 'ab') while (cache.set(`{${tag}}${filler++}`, 'f'.repeat(bytes)));
    }
    const before = ['{a}source', '{a}other', '{b}other'].map((key) => cache.get(key));
    for (const target of ['{a}new', '{b}new', '{a}other', '{b}other']) {
      expect(transfer(cache, '{a}source', 0, target, 0, true)).toBe(false);
    }
    expect(transfer(cache, '{a}source', 0, `{a}${'long'.repeat(100)}`, 0, false)).toBe(false);
    expect(['{a}source', '{a}other', '{b}other'].map((key) => cache.get(key))).toEqual(before);
    // A name of the same length needs no memory.
    expect(transfer(cache, '{a}source', 0, '{a}foobar', 0, false)).toBe(true);
    expect(cache.get('{a}foobar')).toEqual(before[0]);
    expect(cache.get('{a}source')).toBeUndefined();
  });

  test('a full cache that evicts does not evict the source', () => {
    const cache = new SmallCache({ shards: 1, megabytes: 3, policy: 'allkeys-random' });
    for (let i = 0; i < 40_000; i++) cache.set(`filler${i}`, 'f'.repeat(i % 100));
    for (let round = 0; round < 300; round++) {
      cache.set('source', `${round}`.repeat(200), 0, cache.now + 1000);
      const stored = cache.get('source');
      expect(transfer(cache, 'source', 0, `copy${round}`, round & 1, true)).toBe(true);
      expect(cache.get('source')).toEqual(stored);
      expect(cache.get(`copy${round}`, round & 1)).toEqual(stored);
      expect(transfer(cache, 'source', 0, `renamed${'x'.repeat(round)}`, 0, false)).toBe(true);
      expect(cache.get(`renamed${'x'.repeat(round)}`)).toEqual(stored);
      expect(cache.get('source')).toBeUndefined();
    }
  });

  test('a key that is too long is refused', () => {
    const cache = new SmallCache({ shards: 1, megabytes: 8 });
    cache.set('k', 'v');
    for (const keep of [true, false]) expect(transfer(cache, 'k', 0, 'x'.repeat(2 ** 20), 0, keep)).toBe(false);
    expect(transfer(cache, 'k', 0, 'x'.repeat(2 ** 20 - 1), 0, false)).toBe(true);
    expect(cache.get('x'.repeat(2 ** 20 - 1))?.value).toBe('v');
    expect(cache.get('k')).toBeUndefined();
  });

  test('an item that is not raw does not become it', () => {
    const cache = new SmallCache({ shards: 1, megabytes: 8 });
    cache.set('k', '123');
    transfer(cache, 'k', 0, 'l', 1, false);
    expect(isRaw(cache.at('l', 1).shard.words, cache.find('l', 1))).toBe(false);
  });
});
