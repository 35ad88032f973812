/**
 * Memcached clients that Node applications use: memjs, which speaks the binary protocol, and memcached, which speaks text. On our server what they
 * store is what Redis clients read, and the other way round; the real memcached shows that the expectations are right.
 */

import { Redis } from 'ioredis';
import Memcached from 'memcached';
import { Client as Memjs, type Serializer } from 'memjs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { BinaryClient, flush } from '../conformance/memcached-binary-client.js';
import { availableMemcached, type MemcachedServer, startMemcached } from '../conformance/memcached-servers.js';
import { eventually } from './server-helpers.js';

const LARGE = 'large '.repeat(150_000);
const PASSWORD = 'open sesame';
const FLAGS = 0x12345678;

/** Stores what it is given with FLAGS, and shows the flags that it finds. */
const flagged: Serializer<string, string | null> = {
  serialize: (_, value, extras) => {
    extras.writeUInt32BE(FLAGS, 0);
    return { value, extras };
  },
  deserialize: (_, value, extras) => ({ value: value === null ? null : `${value} ${extras.readUInt32BE(0)}`, extras }),
};

/** memcached's callbacks as promises. */
function done<T>(begin: (callback: (error: unknown, result: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    begin((error, result) => {
      if (error === undefined || error === null) resolve(result);
      else reject(error instanceof Error ? error : new Error(String(error)));
    });
  });
}

for (const name of availableMemcached()) {
  describe(`on ${name}`, () => {
    let server: MemcachedServer;

    beforeAll(async () => {
      server = await startMemcached(name, { ashlar: ['--maxmemory', '256mb'] });
    });
    afterAll(() => server.stop());

    beforeEach(async () => {
      const client = await BinaryClient.open(server.port);
      await client.ask(flush('flush'));
      client.close();
    });

    describe('memjs', () => {
      let client: Memjs<string, Buffer | null>;

      beforeEach(() => {
        client = Memjs.create(`127.0.0.1:${server.port}`, { retries: 1 });
      });
      afterEach(() => client.close());

      test('stores, reads, replaces and deletes', async () => {
        expect(await client.set('k', 'v', {})).toBe(true);
        expect(String((await client.get('k')).value)).toBe('v');
        expect((await client.get('none')).value).toBeNull();
        expect(await client.add('k', 'w', {})).toBe(false);
        expect(await client.replace('k', 'w', {})).toBe(true);
        expect(await client.append('k', '>')).toBe(true);
        expect(String((await client.get('k')).value)).toBe('w>');
        expect(await client.delete('k')).toBe(true);
        expect(await client.delete('k')).toBe(false);
      });

      test('counts', async () => {
        expect(await client.increment('n', 5, { initial: 10 })).toMatchObject({ success: true, value: 10 });
        expect(await client.increment('n', 5, {})).toMatchObject({ success: true, value: 15 });
        expect(await client.decrement('n', 20, {})).toMatchObject({ success: true, value: 0 });
      });

      test('keeps large values, and many at once', async () => {
        await client.set('large', LARGE, {});
        expect(String((await client.get('large')).value)).toBe(LARGE);
        const keys = Array.from({ length: 500 }, (_, i) => `key:${i}`);
        await Promise.all(keys.map((key) => client.set(key, `of ${key}`, {})));
        const values = await Promise.all(keys.map(async (key) => String((await client.get(key)).value)));
        expect(values).toEqual(keys.map((key) => `of ${key}`));
      });

      test('lets values expire', async () => {
        await client.set('short', 'v', { expires: 1 });
        await client.set('touched', 'v', {});
        await client.touch('touched', 1);
        await eventually('both are gone', async () => {
          const [a, b] = [await client.get('short'), await client.get('touched')];
          return a.value === null && b.value === null;
        });
      });

      test('keeps flags', async () => {
        const other = Memjs.create<string, string | null>(`127.0.0.1:${server.port}`, { serializer: flagged });
        await other.set('k', 'v', {});
        expect((await other.get('k')).value).toBe(`v ${FLAGS}`);
        other.close();
      });

      test('shows statistics', async () => {
        await client.set('k', 'v', {});
        const found = await new Promise<Record<string, string> | null>((resolve, reject) => {
          client.stats((error, _, stats) => (error === null ? resolve(stats) : reject(error)));
        });
        expect(found).toMatchObject({ curr_items: '1', version: expect.stringMatching(/^\d+\.\d+/) });
      });
    });

    describe('memcached', () => {
      let client: Memcached;

      beforeEach(() => {
        client = new Memcached(`127.0.0.1:${server.port}`, { retries: 1 });
      });
      afterEach(() => client.end());

      test('stores, reads, replaces and deletes', async () => {
        expect(await done((d) => client.set('k', 'v', 0, d))).toBe(true);
        expect(await done((d) => client.get('k', d))).toBe('v');
        expect(await done((d) => client.get('none', d))).toBeUndefined();
        await expect(done((d) => client.add('k', 'w', 0, d))).rejects.toThrow('not stored');
        expect(await done((d) => client.replace('k', 'w', 0, d))).toBe(true);
        expect(await done((d) => client.append('k', '>', d))).toBe(true);
        expect(await done((d) => client.prepend('k', '<', d))).toBe(true);
        expect(await done((d) => client.getMulti(['k', 'none'], d))).toEqual({ k: '<w>' });
        expect(await done((d) => client.del('k', d))).toBe(true);
        expect(await done((d) => client.del('k', d))).toBe(false);
      });

      test('counts, and knows types by flags', async () => {
        await done((d) => client.set('n', 10, 0, d));
        expect(await done((d) => client.incr('n', 5, d))).toBe(15);
        expect(await done((d) => client.decr('n', 20, d))).toBe(0);
        expect(await done((d) => client.incr('none', 1, d))).toBe(false);
        await done((d) => client.set('json', { a: [1, 2] }, 0, d));
        expect(await done((d) => client.get('json', d))).toEqual({ a: [1, 2] });
        await done((d) => client.set('bytes', Buffer.from([0, 13, 10, 255]), 0, d));
        expect(await done((d) => client.get('bytes', d))).toEqual(Buffer.from([0, 13, 10, 255]));
      });

      test('writes under a condition', async () => {
        await done((d) => client.set('k', 'v', 0, d));
        const { cas } = await done<{ cas: string }>((d) => client.gets('k', d));
        expect(await done((d) => client.cas('k', 'w', cas, 0, d))).toBe(true);
        expect(await done((d) => client.cas('k', 'x', cas, 0, d))).toBe(false);
        expect(await done((d) => client.get('k', d))).toBe('w');
      });

      test('keeps large values, and many at once', async () => {
        await done((d) => client.set('large', LARGE, 0, d));
        expect(await done((d) => client.get('large', d))).toBe(LARGE);
        const keys = Array.from({ length: 300 }, (_, i) => `key:${i}`);
        await Promise.all(keys.map((key) => done((d) => client.set(key, `of ${key}`, 0, d))));
        expect(await done((d) => client.getMulti(keys, d))).toEqual(
          Object.fromEntries(keys.map((key) => [key, `of ${key}`])),
        );
      });

      test('lets values expire', async () => {
        await done((d) => client.set('short', 'v', 1, d));
        await done((d) => client.set('touched', 'v', 0, d));
        await done<void>((d) => client.touch('touched', 1, (error) => d(error, undefined)));
        await eventually('both are gone', async () => {
          return Object.keys(await done<object>((d) => client.getMulti(['short', 'touched'], d))).length === 0;
        });
      });

      test('shows statistics', async () => {
        const [found] = await done<Memcached.StatusData[]>((d) => client.stats(d));
        expect(found).toMatchObject({ version: expect.stringMatching(/^\d+\.\d+/), threads: expect.any(Number) });
      });
    });

    test('what one client stores, the others read', async () => {
      const binary = Memjs.create(`127.0.0.1:${server.port}`);
      const text = new Memcached(`127.0.0.1:${server.port}`);
      await binary.set('a', 'from binary', {});
      await done((d) => text.set('b', 'from text', 0, d));
      expect(await done((d) => text.get('a', d))).toBe('from binary');
      expect(String((await binary.get('b')).value)).toBe('from text');
      if (server.redisPort !== 0) {
        const redis = new Redis({ port: server.redisPort });
        await redis.set('c', 'from redis', 'EX', 100);
        expect(await redis.mget('a', 'b')).toEqual(['from binary', 'from text']);
        expect(String((await binary.get('c')).value)).toBe('from redis');
        expect(await done((d) => text.get('c', d))).toBe('from redis');
        await binary.set('d', '1', { expires: 100 });
        expect(await redis.incrby('d', 41)).toBe(42);
        expect(await binary.increment('d', 1, {})).toMatchObject({ value: 43 });
        expect(await redis.ttl('d')).toBeGreaterThan(90);
        await redis.del('a', 'b');
        expect((await binary.get('a')).value).toBeNull();
        await redis.quit();
      }
      binary.close();
      text.end();
    });
  });
}

describe('a password', () => {
  test('is asked of binary clients by SASL', async () => {
    const server = await startMemcached('ashlar', { ashlar: ['--requirepass', PASSWORD] });
    try {
      const logger = { log: (): void => {} };
      const common = { retries: 0, logger, username: 'default' };
      const right = Memjs.create(`127.0.0.1:${server.port}`, { ...common, password: PASSWORD });
      expect(await right.set('k', 'v', {})).toBe(true);
      expect(String((await right.get('k')).value)).toBe('v');
      right.close();
      const wrong = Memjs.create(`127.0.0.1:${server.port}`, { ...common, password: 'wrong' });
      await expect(wrong.get('k')).rejects.toThrow();
      wrong.close();
      const none = Memjs.create(`127.0.0.1:${server.port}`, { retries: 0, logger });
      await expect(none.get('k')).rejects.toThrow();
      none.close();
    } finally {
      await server.stop();
    }
  });
});
