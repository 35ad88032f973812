/** The engine against a plain Map: whatever is done, in whatever order, under every policy, no value is ever wrong. */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Random } from '../../../src/base/random.js';
import { POLICIES, type PolicyName } from '../../../src/engine/control.js';
import { ModelledCache } from './modelled-cache.js';

/** Multiplies the work, for a soak: `SOAK=50 npm test -- test/unit/engine/histories`. */
const SOAK = Number(process.env.SOAK ?? 1);

type Step = (cache: ModelledCache) => void;

const names = fc.oneof(
  { weight: 8, arbitrary: fc.nat(60).map((n) => `k${n}`) },
  { weight: 1, arbitrary: fc.nat(5).map((n) => `${'long'.repeat(500)}${n}`) },
  { weight: 1, arbitrary: fc.constant('') },
);
const lengths = fc.oneof(
  { weight: 6, arbitrary: fc.nat(300) },
  { weight: 3, arbitrary: fc.nat(5000) },
  { weight: 2, arbitrary: fc.nat(300_000) },
  { weight: 1, arbitrary: fc.constantFrom(0, 2036, 2037, 2048, 65_507, 65_508, 65_515, 65_516, 65_517, 131_052) },
);
const ttls = fc.oneof(fc.constant(0), fc.constant(-1), fc.integer({ min: 1, max: 5000 }));
const databases = fc.nat(2);

const steps: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.tuple(names, lengths, ttls, databases).map(([name, length, ttl, database]): Step => {
      return (cache) => void cache.set(name, length, ttl, database);
    }),
  },
  {
    weight: 4,
    arbitrary: fc.tuple(names, databases).map(
      ([name, database]): Step =>
        (cache) =>
          cache.get(name, database),
    ),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(names, databases).map(
      ([name, database]): Step =>
        (cache) =>
          cache.remove(name, database),
    ),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(names, fc.nat(4000), databases).map(([name, ttl, database]): Step => {
      return (cache) => cache.expire(name, ttl, database);
    }),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(names, lengths, databases).map(([name, length, database]): Step => {
      return (cache) => cache.resize(name, length, database);
    }),
  },
  {
    weight: 3,
    arbitrary: fc.nat(1500).map(
      (ms): Step =>
        (cache) =>
          cache.advance(ms),
    ),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(names, fc.boolean(), databases).map(([name, on, database]): Step => {
      return (cache) => void cache.pin(name, on, database);
    }),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(names, fc.integer({ min: 1, max: 3000 }), databases).map(([name, ms, database]): Step => {
      return (cache) => cache.takeLease(name, ms, database);
    }),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(names, lengths, databases).map(([name, length, database]): Step => {
      return (cache) => cache.fillLease(name, length, database);
    }),
  },
  { weight: 2, arbitrary: fc.constant<Step>((cache) => void cache.tend()) },
  {
    weight: 1,
    arbitrary: databases.map(
      (database): Step =>
        (cache) =>
          cache.flush(database),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(databases, databases).map(
      ([a, b]): Step =>
        (cache) =>
          cache.swap(a, b),
    ),
  },
  { weight: 1, arbitrary: fc.constant<Step>((cache) => cache.checkAll()) },
);

describe('short histories, which shrink when they fail', () => {
  for (const policy of POLICIES) {
    test(policy, () => {
      const histories = fc.record({
        seed: fc.integer(),
        shards: fc.constantFrom(1, 3),
        steps: fc.array(steps, { maxLength: 200, size: 'max' }),
      });
      fc.assert(
        fc.property(histories, ({ seed, shards, steps }) => {
          const cache = new ModelledCache({ policy, shards, megabytes: shards * 1.5, seed });
          for (const step of steps) step(cache);
          cache.checkAll();
        }),
        { numRuns: 40 * SOAK },
      );
    });
  }
});

/** One random step of a long history; sizes and lifetimes drift, so that memory has to change hands. */
function randomStep(cache: ModelledCache, random: Random, era: number): void {
  const name = `key:${random.below(era % 2 === 0 ? 4000 : 900)}`;
  const scale = [120, 1500, 60, 20_000, 400][era % 5];
  const length = random.below(100) === 0 ? random.below(300_000) : random.below(scale);
  const choice = random.below(100);
  const database = random.below(20) === 0 ? 1 : 0;
  if (choice < 55) cache.set(name, length, random.below(3) === 0 ? 1 + random.below(20_000) : 0, database);
  else if (choice < 75) cache.get(name, database);
  else if (choice < 83) cache.remove(name, database);
  else if (choice < 88) cache.expire(name, random.below(2) * random.below(30_000), database);
  else if (choice < 93) cache.resize(name, length, database);
  else if (choice < 99) cache.advance(random.below(200));
  else cache.tend();
}

function longHistory(policy: PolicyName, seed: number, length: number): ModelledCache {
  const random = new Random(seed, 3);
  const cache = new ModelledCache({ policy, shards: 2, megabytes: 6, reserveMegabytes: 8, seed });
  for (let i = 0; i < length; i++) {
    randomStep(cache, random, Math.floor((i * 10) / length));
    if (i % Math.ceil(length / 20) === 0) cache.checkAll();
  }
  cache.checkAll();
  return cache;
}

describe('long histories under too little memory', () => {
  for (const policy of POLICIES) {
    test(policy, () => {
      for (let seed = 1; seed <= SOAK; seed++) {
        const cache = longHistory(policy, seed, 30_000);
        if (policy.startsWith('allkeys')) expect(cache.refused).toBe(0);
        if (policy === 'noeviction') expect(cache.refused).toBeGreaterThan(0);
        else expect(cache.lost).toBeGreaterThan(0);
      }
    });
  }
});

describe('budget', () => {
  test.each(POLICIES.filter((policy) => policy.startsWith('allkeys')))(
    '%s comes under a lowered budget and loses only what it must',
    (policy) => {
      const cache = new ModelledCache({ policy, shards: 2, megabytes: 12, seed: 5 });
      for (let i = 0; i < 40_000; i++) cache.set(`key:${i}`, 150, 0);
      cache.checkAll();
      expect(cache.budget(6)).toBe(true);
      cache.checkAll();
      const left = cache.size;
      expect(left).toBeGreaterThan(15_000);
      expect(cache.budget(12)).toBe(true);
      for (let i = 0; i < 40_000; i++) cache.set(`more:${i}`, 150, 0);
      cache.checkAll();
    },
  );

  test('noeviction keeps everything above a lowered budget, and refuses to add to it', () => {
    const cache = new ModelledCache({ policy: 'noeviction', shards: 1, megabytes: 8, seed: 5 });
    for (let i = 0; i < 20_000; i++) expect(cache.set(`key:${i}`, 150, 0)).toBe(true);
    expect(cache.budget(2)).toBe(false);
    expect(cache.size).toBe(20_000);
    expect(cache.set('another', 150_000, 0)).toBe(false);
    cache.checkAll();
  });

  test('the budget can be raised up to the address space', () => {
    const cache = new ModelledCache({ policy: 'noeviction', shards: 1, megabytes: 2, reserveMegabytes: 8, seed: 5 });
    let stored = 0;
    while (cache.set(`key:${stored}`, 1000, 0)) stored++;
    cache.budget(8);
    let more = 0;
    while (cache.set(`more:${more}`, 1000, 0)) more++;
    expect(more).toBeGreaterThan(3 * stored);
    cache.checkAll();
  });
});
