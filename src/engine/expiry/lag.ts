/**
 * How late expired items were removed, in the recent past: a histogram in a shard's header.
 *
 * ```
 *  double 0: when the current window began    1: which of the two it is    2, 3: longest lag of each    4..: counts of window 0, of window 1
 * ```
 *
 * Every removal of an item that has expired is counted, by the time from its deadline to its memory's return, whether the sweep came by or somebody
 * asked for the item. Two windows of a minute take turns, so the figures are of the last one to two minutes and cost a few additions. A bucket is a
 * millisecond wide below 16, and an eighth of its power of two above: a percentile is the upper end of its bucket, at most an eighth
 * too long. The lag is by the clock that the deadlines are by: when that is set forward by an hour, what was due in the hour was late.
 */

const STARTED = 0;
const CURRENT = 1;
const LONGEST = 2;
const COUNTS = 4;

const WINDOW_MS = 60_000;
const EXACT = 16;
const EXACT_BITS = 4;
/** Buckets for each power of two. */
const STEPS = 8;
const STEP_BITS = 3;
const LAG_MAX = 0x7fffffff;
const BUCKETS = EXACT + (31 - EXACT_BITS) * STEPS;

/** Doubles that a record takes. */
export const LAG_DOUBLES = COUNTS + 2 * BUCKETS;

/** Lags of the last one to two minutes, in milliseconds; all 0 when nothing expired. */
export interface ExpiryLag {
  /** Half of what expired was removed within this time of its deadline. */
  p50: number;
  /** 99 of 100 were. */
  p99: number;
  max: number;
}

export class LagRecord {
  private readonly doubles: Float64Array;

  /** @param doubles view of the record: LAG_DOUBLES, of which it is one's own to make them 0 at first */
  constructor(doubles: Float64Array) {
    this.doubles = doubles;
  }

  /** Counts the removal of an item. Both in milliseconds. */
  add(lag: number, now: number): void {
    const doubles = this.doubles;
    const age = now - doubles[STARTED];
    if (age >= WINDOW_MS || age < 0) this.turn(age, now);
    const window = doubles[CURRENT];
    doubles[COUNTS + window * BUCKETS + bucketOf(lag)]++;
    if (lag > doubles[LONGEST + window]) doubles[LONGEST + window] = lag;
  }

  /** Adds the recent counts to `sum`, by bucket. Returns the longest lag among them. */
  collect(sum: Float64Array, now: number): number {
    const doubles = this.doubles;
    const age = now - doubles[STARTED];
    let longest = 0;
    for (let window = 0; window < 2; window++) {
      if (age >= (window === doubles[CURRENT] ? 2 * WINDOW_MS : WINDOW_MS)) continue;
      const counts = COUNTS + window * BUCKETS;
      for (let bucket = 0; bucket < BUCKETS; bucket++) sum[bucket] += doubles[counts + bucket];
      longest = Math.max(longest, doubles[LONGEST + window]);
    }
    return longest;
  }

  reset(): void {
    this.doubles.fill(0);
  }

  /** Begins another window. The one before stays, if it has not been over for as long as it took. */
  private turn(age: number, now: number): void {
    const doubles = this.doubles;
    if (age >= 2 * WINDOW_MS) this.clear(doubles[CURRENT]);
    doubles[CURRENT] = 1 - doubles[CURRENT];
    this.clear(doubles[CURRENT]);
    doubles[STARTED] = now;
  }

  private clear(window: number): void {
    const counts = COUNTS + window * BUCKETS;
    this.doubles.fill(0, counts, counts + BUCKETS);
    this.doubles[LONGEST + window] = 0;
  }
}

/** The lag figures of several shards together. */
export function summarize(records: readonly LagRecord[], now: number): ExpiryLag {
  const sum = new Float64Array(BUCKETS);
  const max = records.reduce((longest, record) => Math.max(longest, record.collect(sum, now)), 0);
  const total = sum.reduce((a, b) => a + b, 0);
  return { p50: Math.min(max, percentile(sum, total / 2)), p99: Math.min(max, percentile(sum, total * 0.99)), max };
}

/** Upper end of the bucket up to which `count` removals are counted. */
function percentile(sum: Float64Array, count: number): number {
  let seen = 0;
  for (let bucket = 0; bucket < BUCKETS; bucket++) {
    seen += sum[bucket];
    if (sum[bucket] > 0 && seen >= count) return upperEnd(bucket);
  }
  return 0;
}

function bucketOf(lag: number): number {
  const whole = Math.max(0, Math.min(LAG_MAX, Math.floor(lag)));
  if (whole < EXACT) return whole;
  const power = 31 - Math.clz32(whole);
  return EXACT + (power - EXACT_BITS) * STEPS + ((whole >>> (power - STEP_BITS)) & (STEPS - 1));
}

function upperEnd(bucket: number): number {
  if (bucket < EXACT) return bucket;
  const power = EXACT_BITS + Math.floor((bucket - EXACT) / STEPS);
  const step = (bucket - EXACT) % STEPS;
  // The last bucket holds whatever is longer, too.
  return bucket === BUCKETS - 1 ? Infinity : (STEPS + step + 1) * 2 ** (power - STEP_BITS) - 1;
}
