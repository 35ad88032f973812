/**
 * Traces of our own making, each one pattern that separates policies. The same each time: the random numbers are seeded.
 *
 *   zipf      popular keys stay popular: frequency is all
 *   scan      zipf, and now and then a run through keys that never come back: they should displace nothing
 *   loop      the same keys in the same order, again and again: more than fit, so the oldest is just what comes next
 *   shifting  zipf over keys that change all the time: who counts frequency without forgetting stays behind
 *   phases    all of a working set is asked for alike, and now and then another one takes its place: what was wanted is in the way then
 *   sizes     zipf over values of all sizes from 32 bytes to 256 KiB, each size as frequent as another on a logarithmic scale
 *   one-hit   half of the requests are for keys that never come back, between those of zipf
 *   recent    new keys, and those that were new lately, the latest the most: the oldest are wanted least, how often they were asked for says nothing
 *   again     each key comes once more, after many others, and then never: who waits for a second request before keeping a key is always too late
 */

import { TraceBuilder } from './traces.mjs';

const ZIPF_EXPONENT = 0.9;
const SCANS = 10;
/** Part of the keys that the popular ones move on by, over the whole trace. */
const SHIFT_SHARE = 0.5;
const SIZES = [64, 200, 500, 1200, 4000];
/** Logarithms to base 2 of the smallest and largest of the sizes of `sizes`. */
const LOG_SIZES = [5, 18];
const PHASES = 10;
/** Part of the requests of `recent` that are for a new key. */
const NEW_SHARE = 0.25;
/** A key comes again when this part of the keys has come behind it. */
const AGAIN_SHARE = 0.1;

/** Each takes the number of the request and draws a key's number; `fresh()` is a key that never came before, `newest()` the last of those. */
const PATTERNS = {
  zipf: ({ zipf }) => zipf(),
  scan: ({ zipf, fresh, count }, i) => ((i * SCANS) % count < count / 3 ? fresh() : zipf()),
  loop: ({ keys }, i) => i % keys,
  shifting: ({ zipf, keys, count }, i) => zipf() + Math.floor((i / count) * keys * SHIFT_SHARE),
  phases: ({ keys, count, random }, i) => Math.floor((Math.floor((i * PHASES) / count) + random()) * (keys / PHASES)),
  sizes: ({ zipf }) => zipf(),
  'one-hit': ({ zipf, fresh, random }) => (random() < 0.5 ? fresh() : zipf()),
  recent: ({ fresh, newest, keys, random }) =>
    random() < NEW_SHARE ? fresh() : newest() - Math.floor(random() ** 3 * keys),
  again: ({ fresh, newest, keys }, i) => (i % 2 === 0 ? fresh() : newest() - Math.floor(AGAIN_SHARE * keys)),
};

export const PATTERN_NAMES = Object.keys(PATTERNS);

/**
 * @param {string} name of PATTERN_NAMES
 * @param {number} count requests
 * @returns {import('./traces.mjs').Trace} over about a tenth as many keys, besides those that never come back
 */
export function generateTrace(name, count) {
  const random = randomOf(1);
  const keys = Math.ceil(count / 10);
  let next = keys * 2;
  const context = { zipf: zipfOf(keys, random), fresh: () => next++, newest: () => next - 1, random, keys, count };
  const builder = new TraceBuilder();
  for (let i = 0; i < count; i++) {
    const key = PATTERNS[name](context, i);
    // Which size a key has doesn't go with how popular it is.
    builder.add(`key:${key}`, name === 'sizes' ? anySize(key) : SIZES[mixed(key) % SIZES.length]);
  }
  return builder.finish(name);
}

/** Sixteen bits that differ from key to key. */
function mixed(key) {
  return Math.imul(key + 1, 0x9e3779b1) >>> 16;
}

function anySize(key) {
  const [low, high] = LOG_SIZES;
  return Math.round(2 ** (low + ((high - low) * mixed(key)) / 2 ** 16));
}

/** Draws 0 .. keys - 1, the k-th with a weight of 1 / (k + 1)^ZIPF_EXPONENT. */
function zipfOf(keys, random) {
  const sums = new Float64Array(keys);
  let sum = 0;
  for (let key = 0; key < keys; key++) {
    sum += 1 / (key + 1) ** ZIPF_EXPONENT;
    sums[key] = sum;
  }
  return () => {
    const wanted = random() * sum;
    let [low, high] = [0, keys - 1];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (sums[middle] < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}

/** Uniform in [0, 1); mulberry32. */
export function randomOf(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
