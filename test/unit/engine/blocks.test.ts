/** The optional blocks of an item: deadline, version and client flags come and go in any order, and nothing else of the item changes. */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  BLOCK_FLAGS,
  BLOCK_VERSION,
  clientFlagsOf,
  expiryOf,
  hasVersion,
  isPlaceholder,
  MARK_FETCHED,
  MARK_LEASED,
  MARK_STALE,
  marksOf,
  setClientFlags,
  setMarks,
  valueOffset,
  versionHigh,
  versionLow,
} from '../../../src/engine/item.js';
import { readFigures } from '../../../src/engine/shard-figures.js';
import { auditKeyspace } from './audit.js';
import { SmallCache } from './small-cache.js';

interface Model {
  value: string;
  expiry: number;
  flags: number;
  /** Undefined when the item has none. */
  version: string | undefined;
}

/** Stores a string with what blocks are asked for. */
function store(cache: SmallCache, name: string, model: Model, versioned: boolean): void {
  const { shard, hash, key, internal } = cache.at(name);
  const bytes = Buffer.from(model.value, 'latin1');
  const blocks = (model.flags === 0 ? 0 : BLOCK_FLAGS) | (versioned ? BLOCK_VERSION : 0);
  const item = shard.prepareString(hash, key, 0, key.length, internal, bytes.length, model.expiry, blocks);
  expect(item).not.toBe(0);
  shard.bytes.set(bytes, valueOffset(shard.words, item));
  if (model.flags !== 0) setClientFlags(shard.words, item, model.flags);
  if (versioned) shard.freshVersion(item);
}

function versionOf(cache: SmallCache, name: string): string | undefined {
  const { words } = cache.at(name).shard;
  const item = cache.find(name);
  return hasVersion(words, item) ? `${versionHigh(words, item)}:${versionLow(words, item)}` : undefined;
}

function check(cache: SmallCache, name: string, model: Model): void {
  const item = cache.find(name);
  const { words } = cache.at(name).shard;
  expect(cache.get(name)?.value).toBe(model.value);
  expect(expiryOf(words, item)).toBe(model.expiry);
  expect(clientFlagsOf(words, item)).toBe(model.flags);
  expect(versionOf(cache, name)).toBe(model.version);
}

const name = fc.integer({ min: 0, max: 5 }).map((n) => `key${'x'.repeat(n * 37)}`);
const length = fc.oneof(fc.nat(60), fc.integer({ min: 1900, max: 2100 }), fc.integer({ min: 65_000, max: 70_000 }));
const flags = fc.constantFrom(0, 1, 0xffffffff);
const step = fc.oneof(
  fc.record({ what: fc.constant('store' as const), name, length, flags, expiry: fc.nat(1), versioned: fc.boolean() }),
  fc.record({ what: fc.constant('version' as const), name }),
  fc.record({ what: fc.constant('expire' as const), name, expiry: fc.nat(1) }),
  fc.record({ what: fc.constant('replace' as const), name, length }),
  fc.record({ what: fc.constant('rename' as const), name, to: name }),
  fc.record({ what: fc.constant('copy' as const), name, to: name }),
);

describe('optional blocks', () => {
  test('keep what they hold, whatever else happens to the item', { timeout: 60_000 }, () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 20, maxLength: 120 }), (steps) => {
        const cache = new SmallCache({ shards: 1, megabytes: 32 });
        const models = new Map<string, Model>();
        const seen = new Set<string>();
        let serial = 0;
        const text = (bytes: number): string => `${serial++}:`.padEnd(bytes, 'abcdefghij').slice(0, bytes);
        const takeVersion = (key: string, model: Model): void => {
          model.version = versionOf(cache, key);
          expect(seen.has(model.version ?? '')).toBe(false);
          if (model.version !== undefined) seen.add(model.version);
        };
        for (const each of steps) {
          const model = models.get(each.name);
          if (each.what === 'store') {
            const fresh = { value: text(each.length), expiry: each.expiry * (cache.now + 1000), flags: each.flags };
            const next: Model = { ...fresh, version: undefined };
            store(cache, each.name, next, each.versioned);
            if (each.versioned) takeVersion(each.name, next);
            models.set(each.name, next);
          } else if (model !== undefined) {
            const { shard, hash, key, internal } = cache.at(
              each.what === 'rename' || each.what === 'copy' ? each.to : each.name,
            );
            const item = cache.find(each.name);
            if (each.what === 'version') {
              const had = model.version;
              expect(shard.giveVersion(item)).not.toBe(0);
              if (had === undefined) takeVersion(each.name, model);
            } else if (each.what === 'expire') {
              model.expiry = each.expiry * (cache.now + 2000);
              expect(shard.setExpiry(item, model.expiry)).not.toBe(0);
            } else if (each.what === 'replace') {
              model.value = text(each.length);
              const at = shard.replaceValue(item, each.length);
              shard.bytes.set(Buffer.from(model.value, 'latin1'), valueOffset(shard.words, at));
              if (model.version !== undefined) takeVersion(each.name, model);
            } else if (each.to !== each.name) {
              const renamed =
                each.what === 'rename' && shard.relocation.rename(item, hash, key, 0, key.length, internal);
              if (renamed) models.delete(each.name);
              else expect(shard.relocation.addCopy(shard, item, hash, key, 0, key.length, internal)).toBe(true);
              models.set(each.to, { ...model, version: undefined });
            }
          }
        }
        for (const [key, model] of models) check(cache, key, model);
        auditKeyspace(cache.keyspace);
      }),
      { numRuns: 200 },
    );
  });

  test('versions go on where they were when the shard is cleared', () => {
    const cache = new SmallCache({ shards: 1, megabytes: 4 });
    const model = { value: 'v', expiry: 0, flags: 0, version: undefined };
    store(cache, 'k', model, true);
    const before = versionOf(cache, 'k');
    cache.at('k').shard.clear();
    store(cache, 'k', model, true);
    expect(versionOf(cache, 'k')).not.toBe(before);
  });
});

describe('marks', () => {
  test('a read sets fetched and leaves the others; a write clears all; a change in place those of leases', () => {
    const cache = new SmallCache({ shards: 1, megabytes: 4 });
    const { shard, hash, key, internal } = cache.at('k');
    const marks = (): number => marksOf(shard.words, cache.find('k'));
    cache.set('k', 'value');
    expect(marks()).toBe(0);
    setMarks(shard.words, cache.find('k'), MARK_STALE | MARK_LEASED);
    shard.read(hash, key, 0, key.length, internal);
    expect(marks()).toBe(MARK_STALE | MARK_LEASED | MARK_FETCHED);
    shard.changed(cache.find('k'));
    expect(marks()).toBe(MARK_FETCHED);
    setMarks(shard.words, cache.find('k'), MARK_STALE);
    cache.set('k', 'VALUE');
    expect(marks()).toBe(0);
    setMarks(shard.words, cache.find('k'), MARK_STALE);
    cache.set('k', 'a longer value');
    expect(marks()).toBe(0);
  });

  test('a placeholder is a miss to readers', () => {
    const cache = new SmallCache({ shards: 1, megabytes: 4 });
    const { shard, hash, key, internal } = cache.at('k');
    cache.set('k', '');
    shard.makePlaceholder(cache.find('k'));
    expect(isPlaceholder(shard.words, cache.find('k'))).toBe(true);
    expect(shard.read(hash, key, 0, key.length, internal)).toBe(0);
    expect(readFigures(shard)).toMatchObject({ hits: 0, misses: 1 });
    cache.set('k', 'v');
    expect(shard.read(hash, key, 0, key.length, internal)).not.toBe(0);
  });
});
