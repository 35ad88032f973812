/**
 * What library.mjs compares. A subject is { name, kind, step }: `step` does one operation with the next key and returns something
 * whose length is known, so that nobody can leave the work out. A maker fills its store with all keys and returns its subjects and
 * a way to close it.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isInstalled } from '../common/processes.mjs';
import { startServer, usualServer } from '../common/servers.mjs';
import { loadAshlar } from './ashlar.mjs';

const VALUE_BYTES = 100;
const TTL_MS = 3_600_000;
const PIPELINE = 100;

/**
 * @typedef {{ name: string, kind: 'get' | 'set', step: () => unknown, operations?: number, isRemote?: boolean }} Subject
 *   operations: how many one step does; isRemote: another process does most of the work
 * @typedef {{ keys: string[], values: string[], lookups: string[] }} Data
 */

/** @returns {() => number} 0, 1, ... count - 1, 0, ... */
function cycle(count) {
  let i = count - 1;
  return () => (i = i + 1 === count ? 0 : i + 1);
}

/** @param {Data} data */
export function makeMap({ keys, values, lookups }) {
  const map = new Map(keys.map((key, i) => [key, values[i]]));
  const next = cycle(keys.length);
  const nextSet = cycle(keys.length);
  const step = () => {
    const i = nextSet();
    return map.set(lookups[i], values[i]).size;
  };
  return {
    subjects: [
      { name: 'Map.get', kind: 'get', step: () => map.get(lookups[next()]).length },
      { name: 'Map.set', kind: 'set', step },
    ],
    close() {},
  };
}

/** @param {Data} data */
export function makeLruCache(data) {
  return lruCache(data, {}, '');
}

/** @param {Data} data */
export function makeTimedLruCache(data) {
  return lruCache(data, { ttl: TTL_MS }, ', with TTL');
}

async function lruCache({ keys, values, lookups }, options, suffix) {
  const { LRUCache } = await import('lru-cache');
  const cache = new LRUCache({ max: keys.length * 2, ...options });
  for (const [i, key] of keys.entries()) cache.set(key, values[i]);
  const next = cycle(keys.length);
  const nextSet = cycle(keys.length);
  const set = (i) => cache.set(lookups[i], values[i]).size;
  return {
    subjects: [
      { name: `lru-cache get${suffix}`, kind: 'get', step: () => cache.get(lookups[next()]).length },
      { name: `lru-cache set${suffix}`, kind: 'set', step: () => set(nextSet()) },
    ],
    close() {},
  };
}

/** @param {Data} data @returns nothing when the library isn't built */
export async function makeAshlar({ keys, values, lookups }) {
  const Ashlar = await loadAshlar();
  if (Ashlar === undefined) return undefined;
  const cache = Ashlar.create({ maxMemory: '1gb' });
  for (const [i, key] of keys.entries()) cache.set(key, values[i]);
  const target = Buffer.alloc(VALUE_BYTES * 2);
  const [next, nextBuffer, nextInto, nextSet, nextTimed] = Array.from({ length: 5 }, () => cycle(keys.length));
  const set = (i, options) => cache.set(lookups[i], values[i], options);
  const options = { ttl: TTL_MS };
  return {
    subjects: [
      { name: 'Ashlar get', kind: 'get', step: () => cache.get(lookups[next()]).length },
      { name: 'Ashlar getBuffer', kind: 'get', step: () => cache.getBuffer(lookups[nextBuffer()]).length },
      { name: 'Ashlar getInto', kind: 'get', step: () => cache.getInto(lookups[nextInto()], target) },
      { name: 'Ashlar set', kind: 'set', step: () => set(nextSet()) },
      { name: 'Ashlar set, with TTL', kind: 'set', step: () => set(nextTimed(), options) },
    ],
    close: () => cache.close(),
  };
}

/** @param {Data} data */
export async function makeLmdb({ keys, values, lookups }) {
  const { open } = await import('lmdb');
  const folder = mkdtempSync(join(tmpdir(), 'ashlar-bench-'));
  const store = open({ path: join(folder, 'data'), encoding: 'string', noSync: true });
  store.transactionSync(() => {
    for (const [i, key] of keys.entries()) store.putSync(key, values[i]);
  });
  const next = cycle(keys.length);
  const nextBinary = cycle(keys.length);
  return {
    subjects: [
      { name: 'lmdb get', kind: 'get', step: () => store.get(lookups[next()]).length },
      { name: 'lmdb getBinary', kind: 'get', step: () => store.getBinary(lookups[nextBinary()]).length },
    ],
    async close() {
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Redis over the loopback, one GET after the other and a hundred under way. @param {Data} data */
export async function makeRedis({ keys, values, lookups }) {
  if (!isInstalled('redis-server')) {
    process.stderr.write('without ioredis: redis-server is not installed\n');
    return undefined;
  }
  const { Redis } = await import('ioredis');
  const server = await startServer(usualServer('redis'));
  const redis = new Redis(server.port, '127.0.0.1');
  for (let from = 0; from < keys.length; from += 1000) {
    await redis.mset(keys.slice(from, from + 1000).flatMap((key, i) => [key, values[from + i]]));
  }
  const next = cycle(keys.length);
  const many = () => Promise.all(Array.from({ length: PIPELINE }, () => redis.get(lookups[next()])));
  return {
    subjects: [
      { name: 'ioredis GET', kind: 'get', isRemote: true, step: async () => (await redis.get(lookups[next()])).length },
      {
        name: `ioredis GET, ${PIPELINE} under way`,
        kind: 'get',
        step: async () => (await many()).length,
        operations: PIPELINE,
        isRemote: true,
      },
    ],
    async close() {
      redis.disconnect();
      await server.stop();
    },
  };
}
