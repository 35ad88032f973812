/** The sketch of the keys that are used most, against exact counts. */

import { describe, expect, test } from 'vitest';
import { Random } from '../../../src/base/random.js';
import { HeavyHitters } from '../../../src/engine/heavy-hitters.js';

const KEYS = 100_000;

/** A stand-in for the keyed hash: any mixing will do. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (const char of Buffer.from(text)) hash = Math.imul(hash ^ char, 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return hash ^ (hash >>> 13);
}

class Subject {
  readonly sketch = new HeavyHitters();
  readonly exact = new Map<string, number>();

  add(key: string, weight = 1, database = 0): void {
    const bytes = Buffer.from(`..${key}`);
    this.sketch.add(hashOf(key), database, bytes, 2, bytes.length - 2, weight);
    this.exact.set(key, (this.exact.get(key) ?? 0) + weight);
  }

  /** Keys and counts, largest first. */
  found(least = 0): [key: string, count: number][] {
    return this.sketch
      .list(least)
      .map(({ key, count }): [string, number] => [Buffer.from(key).toString(), count])
      .sort((a, b) => b[1] - a[1]);
  }
}

describe('counts', () => {
  test('are exact while there are few keys', () => {
    const subject = new Subject();
    for (let i = 0; i < 1000; i++) subject.add(`k${i % 20}`, 1 + (i % 3));
    expect(new Map(subject.found())).toEqual(subject.exact);
    expect(subject.sketch.total).toBe([...subject.exact.values()].reduce((a, b) => a + b));
  });

  test('are never too high, and the hottest keys are there in their order, after Zipf laws of twenty seeds', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = new Random(seed);
      const subject = new Subject();
      for (let i = 0; i < 20_000; i++) subject.add(`k${Math.floor(KEYS ** random.float())}`);
      for (const [key, count] of subject.found()) expect(count).toBeLessThanOrEqual(subject.exact.get(key) as number);
      const hottest = [...subject.exact].sort((a, b) => b[1] - a[1]).slice(0, 10);
      const found = new Map(subject.found());
      for (const [key, count] of hottest) expect(found.get(key), `${key}, seed ${seed}`).toBeGreaterThan(count * 0.8);
    }
  });

  test('of keys that are used alike stay low', () => {
    const random = new Random(5);
    const subject = new Subject();
    for (let i = 0; i < 50_000; i++) subject.add(`k${random.nextUint32() % KEYS}`);
    expect(subject.found(4)).toEqual([]);
  });

  test('of a key with half of everything are right among many others', () => {
    const random = new Random(6);
    const subject = new Subject();
    for (let i = 0; i < 20_000; i++) subject.add(i % 2 === 0 ? 'hot' : `k${random.nextUint32() % KEYS}`);
    const [[key, count]] = subject.found(4);
    expect(key).toBe('hot');
    expect(count).toBeGreaterThan(9900);
    expect(subject.found(4)).toHaveLength(1);
  });
});

test('keys of other databases are other keys, and long keys are told apart by what is not kept', () => {
  const { sketch } = new Subject();
  const bytes = Buffer.from('x'.repeat(300));
  for (let i = 0; i < 5; i++) sketch.add(1, 0, bytes, 0, 200, 1);
  for (let i = 0; i < 6; i++) sketch.add(1, 1, bytes, 0, 200, 1);
  for (let i = 0; i < 7; i++) sketch.add(1, 0, bytes, 0, 300, 1);
  const found = sketch.list(1).sort((a, b) => a.count - b.count);
  expect(found.map(({ database, length, count }) => [database, length, count])).toEqual([
    [0, 200, 5],
    [1, 200, 6],
    [0, 300, 7],
  ]);
  for (const { key } of found) expect(key).toHaveLength(128);
});

describe('fading', () => {
  test('keeps rates right from the first second on', () => {
    const subject = new Subject();
    for (let second = 1; second <= 20; second++) {
      for (let i = 0; i < 100; i++) subject.add('k');
      subject.sketch.fade(1);
      const [[, count]] = subject.found();
      expect(count / subject.sketch.seconds).toBeCloseTo(100, 3);
      expect(subject.sketch.total / subject.sketch.seconds).toBeCloseTo(100, 3);
    }
  });

  test('halves what was three seconds ago', () => {
    const subject = new Subject();
    subject.add('k', 800);
    for (let i = 0; i < 9; i++) subject.sketch.fade(1);
    expect(subject.found()[0][1]).toBeCloseTo(100, 3);
    subject.sketch.fade(60);
    expect(subject.found(1)).toEqual([]);
  });

  test('lets another key take over', () => {
    const subject = new Subject();
    for (let second = 0; second < 10; second++) {
      for (let i = 0; i < 1000; i++) subject.add('old');
      subject.sketch.fade(1);
    }
    for (let second = 0; second < 4; second++) {
      for (let i = 0; i < 1000; i++) subject.add('new');
      subject.sketch.fade(1);
    }
    expect(subject.found().map(([key]) => key)).toEqual(['new', 'old']);
  });
});

test('after clear there is nothing', () => {
  const subject = new Subject();
  subject.add('k', 100);
  subject.sketch.clear();
  expect(subject.found()).toEqual([]);
  expect(subject.sketch.total).toBe(0);
});
