/** Random numbers: the same from the same seed, and spread as they should be. */

import { describe, expect, it } from 'vitest';
import { Random } from '../../../src/base/random.js';

describe('Random', () => {
  it('repeats itself from its seed', () => {
    const a = new Random(42, 7);
    const b = new Random(42, 7);
    for (let i = 0; i < 100; i++) expect(a.nextUint32()).toBe(b.nextUint32());
  });

  it('differs from seed to seed', () => {
    const first = Array.from({ length: 1000 }, (_, seed) => new Random(seed).nextUint32());
    expect(new Set(first).size).toBe(1000);
    expect(new Random(1, 0).nextUint32()).not.toBe(new Random(0, 1).nextUint32());
  });

  it('keeps its ranges', () => {
    const random = new Random(1);
    for (let i = 0; i < 10_000; i++) {
      const signed = random.nextInt32();
      expect(signed).toBe(signed | 0);
      const unsigned = random.nextUint32();
      expect(unsigned).toBe(unsigned >>> 0);
      const float = random.float();
      expect(float >= 0 && float < 1).toBe(true);
      const n = 1 + random.below(2 ** 32);
      const below = random.below(n);
      expect(below >= 0 && below < n && Number.isInteger(below)).toBe(true);
    }
    expect(random.below(1)).toBe(0);
  });

  it('has every value about equally often', () => {
    const random = new Random(3);
    const counts = new Array<number>(16).fill(0);
    let sum = 0;
    for (let i = 0; i < 160_000; i++) {
      counts[random.below(16)]++;
      sum += random.float();
    }
    // Standard deviations are 97 and 0.0007.
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(600);
    expect(Math.abs(sum / 160_000 - 0.5)).toBeLessThan(0.005);
  });
});
