/** The histogram of lags: percentiles as exact as they are said to be, of the recent past only. */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LAG_DOUBLES, LagRecord, summarize } from '../../../../src/engine/expiry/lag.js';

const NOW = 1_700_000_000_000;
const NOTHING = { p50: 0, p99: 0, max: 0 };

const record = (): LagRecord => new LagRecord(new Float64Array(LAG_DOUBLES));

/** The least lag that at least `share` of them do not pass. */
function exact(lags: readonly number[], share: number): number {
  const sorted = [...lags].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)];
}

describe('percentiles', () => {
  test('are never too short, and at most an eighth too long', () => {
    const lags = fc.array(fc.oneof(fc.nat(20), fc.nat(1000), fc.nat(2 ** 31 - 2)), { minLength: 1, maxLength: 300 });
    fc.assert(
      fc.property(lags, (lags) => {
        // Of two shards.
        const records = [record(), record()];
        lags.forEach((lag, i) => {
          records[i % 2].add(lag, NOW);
        });
        const { p50, p99, max } = summarize(records, NOW);
        expect(max).toBe(Math.max(...lags));
        for (const [figure, share] of [
          [p50, 0.5],
          [p99, 0.99],
        ]) {
          expect(figure).toBeGreaterThanOrEqual(exact(lags, share));
          expect(figure).toBeLessThanOrEqual(exact(lags, share) * 1.125);
        }
      }),
    );
  });

  test('of lags that are longer than any bucket, and of none at all', () => {
    const long = record();
    expect(summarize([long], NOW)).toEqual(NOTHING);
    long.add(1e12, NOW);
    expect(summarize([long, record()], NOW)).toEqual({ p50: 1e12, p99: 1e12, max: 1e12 });
    // An item is never early; a clock of another thread may be.
    const early = record();
    early.add(-3, NOW);
    expect(summarize([early], NOW)).toEqual(NOTHING);
  });
});

describe('the recent past', () => {
  test('is the last one to two minutes', () => {
    const lags = record();
    lags.add(500, NOW);
    for (let second = 1; second <= 59; second++) lags.add(5, NOW + second * 1000);
    expect(summarize([lags], NOW + 59_000).max).toBe(500);
    // The minute after: still known.
    for (let second = 60; second <= 119; second++) lags.add(7, NOW + second * 1000);
    expect(summarize([lags], NOW + 119_000)).toEqual({ p50: 7, p99: 7, max: 500 });
    // And the next: forgotten.
    lags.add(7, NOW + 120_000);
    expect(summarize([lags], NOW + 120_000)).toEqual({ p50: 7, p99: 7, max: 7 });
  });

  test('ends also when nothing expires any more', () => {
    const lags = record();
    lags.add(500, NOW);
    lags.add(7, NOW + 60_000);
    expect(summarize([lags], NOW + 119_999).max).toBe(500);
    expect(summarize([lags], NOW + 120_000).max).toBe(7);
    expect(summarize([lags], NOW + 180_000)).toEqual(NOTHING);
    // What comes after a long time is alone.
    lags.add(3, NOW + 1_000_000);
    expect(summarize([lags], NOW + 1_000_000)).toEqual({ p50: 3, p99: 3, max: 3 });
  });

  test('begins anew when the clock is set back, and when it is reset', () => {
    const lags = record();
    lags.add(500, NOW);
    lags.add(3, NOW - 3_600_000);
    lags.add(3, NOW - 3_600_000 + 60_000);
    expect(summarize([lags], NOW - 3_600_000 + 60_000)).toEqual({ p50: 3, p99: 3, max: 3 });
    lags.reset();
    expect(summarize([lags], NOW)).toEqual(NOTHING);
  });
});
