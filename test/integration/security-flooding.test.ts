/**
 * Keys that are chosen to collide: whoever does not know the key of the hash cannot make the index slower.
 *
 * What is counted is the work of a look-up (entries in a bucket, equal tags, segments of the index), not its time.
 */

import { describe, expect, test } from 'vitest';
import { hashBytes } from '../../src/base/hash.js';
import { SmallCache } from '../unit/engine/small-cache.js';

const KEYS = 1 << 17;

/** Keys that are all the same to h = 31 * h + byte, and so to every unkeyed hash of that kind (Java, and with other pairs DJB2). */
function equalUnderTimes31(): string[] {
  return Array.from({ length: KEYS }, (_, number) => {
    let key = '';
    for (let bit = 0; bit < 17; bit++) key += (number >> bit) & 1 ? 'Aa' : 'BB';
    return key;
  });
}

/** Multiples of a power of two, which a table that takes the low bits of an integer puts into one chain. */
function integers(): string[] {
  return Array.from({ length: KEYS }, (_, number) => String(number * 65_536));
}

function consecutive(): string[] {
  return Array.from({ length: KEYS }, (_, number) => String(number));
}

/** The same letters in other places, which sums and exclusive ors cannot tell apart. */
function permutations(): string[] {
  return Array.from({ length: KEYS }, (_, number) => {
    const key = new Array<string>(40).fill('a');
    for (let bit = 0; bit < 17; bit++) key[((number >> bit) & 1) + 2 * bit] = 'b';
    return key.join('');
  });
}

function random(): string[] {
  return Array.from({ length: KEYS }, () => Math.random().toString(36) + Math.random().toString(36));
}

const FAMILIES: [string, () => string[]][] = [
  ['equal under an unkeyed hash', equalUnderTimes31],
  ['integers that are multiples of a power of two', integers],
  ['consecutive integers', consecutive],
  ['permutations', permutations],
];

function times31(key: string): number {
  let hash = 0;
  for (let i = 0; i < key.length; i++) hash = (Math.imul(hash, 31) + key.charCodeAt(i)) | 0;
  return hash;
}

/** How keys lie in an index of 256 segments: the fullest home bucket, and pairs whose whole hash is the same. */
function spread(keys: readonly string[]): { fullest: number; equal: number } {
  const [k0, k1] = [Math.floor(Math.random() * 2 ** 32) | 0, Math.floor(Math.random() * 2 ** 32) | 0];
  const buckets = new Uint16Array(1 << 18);
  const seen = new Set<number>();
  let fullest = 0;
  for (const key of keys) {
    const bytes = Buffer.from(key);
    const hash = hashBytes(bytes, 0, bytes.length, k0, k1);
    seen.add(hash);
    const bucket = ((hash >>> 24) << 10) | (hash & 1023);
    fullest = Math.max(fullest, ++buckets[bucket]);
  }
  return { fullest, equal: keys.length - seen.size };
}

function segmentsOf(keys: readonly string[], seed: number): number {
  const cache = new SmallCache({ shards: 1, megabytes: 64, seed });
  for (const key of keys) if (!cache.set(key)) throw new Error('no memory');
  for (const key of keys) if (cache.find(key) === 0) throw new Error(`${key} is lost`);
  return cache.keyspace.figures().segments;
}

test('the keys do collide where no key is used', () => {
  expect(new Set(equalUnderTimes31().map(times31)).size).toBe(1);
});

describe.each(FAMILIES)('%s', (_, keysOf) => {
  test('spread as random keys do', () => {
    const keys = keysOf();
    expect(new Set(keys).size).toBe(KEYS);
    const { fullest, equal } = spread(keys);
    // On average half a key lies in a bucket and 2 pairs of hashes are equal; a bucket has room for eight.
    expect(fullest).toBeLessThanOrEqual(10);
    expect(equal).toBeLessThan(20);
  });

  test('need no more segments than random keys', () => {
    expect(segmentsOf(keysOf(), 7)).toBeLessThanOrEqual(segmentsOf(random(), 8) * 1.5);
  });
});

test('another server has another key', () => {
  const bytes = Buffer.from('some key');
  const hashes = [1, 2, 3, 4].map((seed) => {
    const [k0, k1] = new SmallCache({ shards: 1, megabytes: 4, seed }).keyspace.control.hashKey;
    return hashBytes(bytes, 0, bytes.length, k0, k1);
  });
  expect(new Set(hashes).size).toBe(4);
});
