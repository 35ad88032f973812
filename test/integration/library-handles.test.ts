/** The ways a handle goes to another thread, and the doors to the same keys. On dist/, because a worker thread cannot load TypeScript. */

import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { Redis } from 'ioredis';
import { Piscina } from 'piscina';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Ashlar as AshlarClass } from '../../src/index.js';
import { MemcachedWire } from './memcached-wire.js';
import { eventually } from './server-helpers.js';
import { audit, loadBuilt, TaskWorker } from './threads-helpers.js';

const Ashlar = await loadBuilt();
const TASK = fileURLToPath(new URL('./library-task.mjs', import.meta.url));

let cache: AshlarClass;
beforeEach(() => {
  cache = Ashlar.create({ maxMemory: '32mb' });
});
afterEach(() => cache.close());

describe('a handle', () => {
  test('goes through workerData', async () => {
    const worker = await new TaskWorker(cache, 'times', 1, { times: 10 }).ready();
    await worker.ended;
    expect(cache.get('counter')).toBe('10');
  });

  test('is taken by CommonJS', async () => {
    const program = `
      const { Ashlar } = require('ashlar');
      const { workerData } = require('node:worker_threads');
      const cache = Ashlar.attach(workerData);
      cache.set('answer', 'from CommonJS');
      cache.close();`;
    await once(new Worker(program, { eval: true, workerData: cache.handle }), 'exit');
    expect(cache.get('answer')).toBe('from CommonJS');
  });

  test('goes through postMessage', async () => {
    cache.set('key', 'from the main thread');
    const worker = new Worker(TASK, { workerData: 'by message' });
    worker.postMessage(cache.handle);
    const [answer] = await once(worker, 'message');
    expect(answer).toEqual({ seen: 'from the main thread', codec: 'json', set: true });
    expect(cache.get('answer')).toBe('from a worker');
    await worker.terminate();
  });

  test('is an argument of a Piscina task', async () => {
    const pool = new Piscina({ filename: TASK, maxThreads: 2 });
    const names = ['Ada', 'Grace', 'Barbara', 'Hedy'];
    for (const [i, name] of names.entries()) cache.setValue(`user:${i}`, { name });
    const counts = await Promise.all(names.map((_, i) => pool.run({ handle: cache.handle, key: String(i) })));
    expect(counts.sort()).toEqual([1, 2, 3, 4]);
    expect(names.map((_, i) => cache.get(`greeting:${i}`))).toEqual(names.map((name) => `Hello ${name}`));
    await pool.destroy();
  });
});

/** A worker that makes a cache, tells its handle, and ends. */
const MAKER = `
  const { parentPort, workerData } = require('node:worker_threads');
  import(workerData.library).then(({ Ashlar }) => {
    const cache = Ashlar.create({ maxMemory: '8mb', shards: 2 });
    cache.set('from', 'the maker');
    cache.set('short', 'lived', { ttl: 50 });
    parentPort.postMessage(cache.handle);
  });
`;

describe('a cache whose maker has ended', () => {
  test('lives on with threads that come and go: keys expire, and what has no room makes some', async () => {
    const library = new URL('../../dist/index.js', import.meta.url).href;
    const maker = new Worker(MAKER, { eval: true, workerData: { library } });
    const [[handle]] = await Promise.all([once(maker, 'message'), once(maker, 'exit')]);
    const attached = Ashlar.attach(handle);
    expect(attached.get('from')).toBe('the maker');
    expect(attached.stats()).toMatchObject({ threads: 1, resets: 0 });
    await eventually('the key to expire, and its memory to come back', () => attached.size === 1);
    for (const seed of [1, 2, 3]) {
      const worker = await new TaskWorker(attached, 'churn', seed).ready();
      await eventually('eviction', () => attached.stats().evicted > seed * 1000);
      await worker.finish();
      expect(worker.wrong).toBeUndefined();
      audit(attached);
    }
    expect(attached.stats()).toMatchObject({ threads: 1, resets: 0 });
    attached.close();
  });
});

describe('the Redis door', () => {
  test('has the same keys, values, deadlines and databases', async () => {
    const second = Ashlar.attach(cache.handle, { database: 1 });
    const door = await cache.listen();
    const client = new Redis(door.port, '127.0.0.1');
    try {
      cache.set('key', 'from the library', { ttl: 60_000 });
      expect(await client.get('key')).toBe('from the library');
      expect(await client.pttl('key')).toBeGreaterThan(59_000);
      await client.set('other', 'from a client', 'PX', 50_000);
      expect(cache.get('other')).toBe('from a client');
      expect(cache.ttl('other')).toBeGreaterThan(49_000);
      await client.incrby('counter', 5);
      expect(cache.incrementBy('counter', 2)).toBe(7);
      second.set('key', 'in database 1');
      await client.select(1);
      expect(await client.get('key')).toBe('in database 1');
      await client.swapdb(0, 1);
      expect(cache.get('key')).toBe('in database 1');
      expect(second.get('key')).toBe('from the library');
      await client.flushdb();
      expect(second.size).toBe(0);
      expect(cache.get('key')).toBe('in database 1');
    } finally {
      client.disconnect();
      await door.close();
      await door.close();
      second.close();
    }
    expect(cache.get('key')).toBe('in database 1');
  });

  test('has the limit of memory that the cache has now, whoever changed it last', async () => {
    const resized = Ashlar.create({ maxMemory: '8mb', reserve: '32mb', shards: 2 });
    const [door, other] = [await resized.listen({ threads: 2 }), await resized.listen()];
    const client = new Redis(door.port, '127.0.0.1');
    const through = new Redis(other.port, '127.0.0.1');
    const limits = async (redis: Redis): Promise<unknown[]> => {
      const info = /^maxmemory:(\d+)/m.exec(await redis.info('memory'))?.[1];
      return [...((await redis.config('GET', 'maxmemory')) as string[]), info];
    };
    try {
      resized.resize('16mb');
      expect(await limits(client)).toEqual(['maxmemory', '16777216', '16777216']);
      await client.config('SET', 'maxmemory', '12mb');
      expect(resized.stats().maxMemory).toBe(12 * 2 ** 20);
      expect(await limits(through)).toEqual(['maxmemory', '12582912', '12582912']);
      resized.resize('32mb');
      // To the door it is a change, though 12 MB is what it was last told.
      await client.config('SET', 'maxmemory', '12mb');
      expect(resized.stats().maxMemory).toBe(12 * 2 ** 20);
      expect(await limits(client)).toEqual(['maxmemory', '12582912', '12582912']);
    } finally {
      client.disconnect();
      through.disconnect();
      await Promise.all([door.close(), other.close()]);
      resized.close();
    }
  });

  test('has the settings that the cache has now, whichever door changed them last', async () => {
    const shared = Ashlar.create({ maxMemory: '8mb', reserve: '32mb', shards: 2 });
    const door = await shared.listen({ threads: 2 });
    const client = new Redis(door.port, '127.0.0.1');
    const settings = {
      'maxmemory-policy': 'volatile-ttl',
      'maxmemory-samples': '7',
      'lfu-log-factor': '3',
      'lfu-decay-time': '9',
      'pin-memory-max': '20%',
      'pin-prefixes': 'session: user:',
    };
    const shown = (redis: Redis): Promise<unknown> =>
      redis.config('GET', ...(Object.keys(settings) as [string, ...string[]])).then((pairs) => {
        const words = pairs as string[];
        return Object.fromEntries(words.flatMap((name, i) => (i % 2 === 0 ? [[name, words[i + 1]]] : [])));
      });
    const infoOf = async (redis: Redis, field: string): Promise<string | undefined> =>
      new RegExp(`^${field}:(.*?)\\r?$`, 'm').exec(await redis.info('everything'))?.[1];
    await client.config('SET', ...(Object.entries(settings).flat() as [string, string]));
    // A door that is opened later takes nothing back.
    const later = await shared.listen();
    const through = new Redis(later.port, '127.0.0.1');
    try {
      expect(await shown(through)).toEqual(settings);
      expect(await shown(client)).toEqual(settings);
      shared.set('user:1', 'value');
      expect(await infoOf(through, 'ashlar_pinned_keys')).toBe('1');
      await through.config('SET', 'maxmemory-policy', 'noeviction', 'pin-prefixes', '', 'maxmemory', '16mb');
      expect(await shown(client)).toEqual({ ...settings, 'maxmemory-policy': 'noeviction', 'pin-prefixes': '' });
      expect(await infoOf(client, 'maxmemory_policy')).toBe('noeviction');
      // A share of the limit stays one, whoever changes the limit.
      shared.resize('10mb');
      expect(await infoOf(client, 'ashlar_pinned_bytes_max')).toBe(String(2 * 2 ** 20));
      // To this door it is a change, though it set the same before.
      await client.config('SET', 'maxmemory-policy', 'volatile-ttl');
      expect(await infoOf(through, 'maxmemory_policy')).toBe('volatile-ttl');
    } finally {
      client.disconnect();
      through.disconnect();
      await Promise.all([door.close(), later.close()]);
      shared.close();
    }
  });

  test('stays open when the object that opened it is closed, and keeps the cache', async () => {
    cache.set('key', 'value');
    const door = await cache.listen({ threads: 2, password: 'secret' });
    cache.close();
    const client = new Redis(door.port, '127.0.0.1', { password: 'secret' });
    try {
      expect(await client.get('key')).toBe('value');
    } finally {
      client.disconnect();
      await door.close();
    }
  });

  test('is for Memcached clients too, when it is asked for', async () => {
    const closed = await cache.listen();
    expect(closed.memcachedPort).toBe(0);
    await closed.close();
    const door = await cache.listen({ memcachedPort: 0 });
    const memcached = await MemcachedWire.open(door.memcachedPort);
    try {
      cache.set('key', 'value');
      expect(await memcached.ask('get key\r\n', 'END\r\n')).toBe('VALUE key 0 5\r\nvalue\r\nEND\r\n');
      expect(await memcached.ask('set key 0 0 5\r\nother\r\n')).toBe('STORED\r\n');
      expect(cache.get('key')).toBe('other');
      await expect(cache.listen({ memcachedPort: door.memcachedPort })).rejects.toMatchObject({
        code: 'ERR_ADDRESS_IN_USE',
        message: expect.stringContaining('Memcached'),
      });
    } finally {
      memcached.close();
      await door.close();
    }
  });

  test('with options that are none is an error, and holds nothing', async () => {
    for (const wrong of [
      { port: -1 },
      { port: 70_000 },
      { memcachedPort: 1.5 },
      { threads: 1000 },
      { port: 'x' as never },
    ])
      await expect(cache.listen(wrong)).rejects.toMatchObject({ code: 'ERR_BAD_OPTION' });
  });

  test('on a port that is taken is an error, and another can be opened', async () => {
    const door = await cache.listen();
    await expect(cache.listen({ port: door.port })).rejects.toMatchObject({ code: 'ERR_ADDRESS_IN_USE' });
    const another = await cache.listen();
    expect(another.port).not.toBe(door.port);
    await another.close();
    await door.close();
    cache.set('key', 'value');
    expect(cache.get('key')).toBe('value');
  });
});
