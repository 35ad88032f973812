/** Values that are made when they are missed: by one of all callers, in this thread, in others, and in other processes through the doors. */

import { once } from 'node:events';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Ashlar as AshlarClass } from '../../src/index.js';
import { MemcachedWire } from './memcached-wire.js';
import { eventually } from './server-helpers.js';
import { audit, loadBuilt } from './threads-helpers.js';

const Ashlar = await loadBuilt();
const WORKER = fileURLToPath(new URL('./loading-worker.mjs', import.meta.url));
const MANY = 1000;
/** A value as JSON. */
const VALUE = '"made once"';

let cache: AshlarClass;
beforeEach(() => {
  cache = Ashlar.create({ maxMemory: '32mb' });
});
afterEach(() => {
  audit(cache);
  cache.close();
});

/** A loader that ends when it is told to. */
class Source<T> {
  calls = 0;
  resolve: (value: T) => void = () => {};
  reject: (error: unknown) => void = () => {};
  readonly load = (): Promise<T> => {
    this.calls++;
    return new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  };
}

describe('in one thread', () => {
  test('a value is made once, stored, and found', async () => {
    const source = new Source<{ name: string }>();
    const calls = Array.from({ length: MANY }, () => cache.getOrLoad('k', source.load, { ttl: 60_000 }));
    expect(source.calls).toBe(1);
    source.resolve({ name: 'Ada' });
    for (const value of await Promise.all(calls)) expect(value).toEqual({ name: 'Ada' });
    expect(await cache.getOrLoad('k', source.load)).toEqual({ name: 'Ada' });
    expect(cache.getValue('k')).toEqual({ name: 'Ada' });
    expect(cache.ttl('k')).toBeGreaterThan(50_000);
    expect(source.calls).toBe(1);
  });

  test('keys of bytes, empty values and null', async () => {
    const key = Buffer.from([0, 255, 13]);
    const loading = cache.getOrLoad(key, async () => {
      await turn();
      return null;
    });
    key.fill(7);
    expect(await loading).toBeNull();
    expect(await cache.getOrLoad(Buffer.from([0, 255, 13]), () => 'other')).toBeNull();
    expect(await cache.getOrLoad('empty', () => '')).toBe('');
    expect(await cache.getOrLoad('empty', () => 'other')).toBe('');
  });

  test('undefined is returned and not stored', async () => {
    expect(await cache.getOrLoad('k', () => undefined)).toBeUndefined();
    expect(await cache.getOrLoad('k', () => 'value')).toBe('value');
  });

  test('an error is that of all who waited, and nothing is kept', async () => {
    const source = new Source<string>();
    const calls = Array.from({ length: 10 }, () => cache.getOrLoad('k', source.load));
    source.reject(new Error('no connection'));
    for (const call of calls) await expect(call).rejects.toThrow('no connection');
    expect(source.calls).toBe(1);
    await expect(
      cache.getOrLoad('k', () => {
        throw new Error('thrown at once');
      }),
    ).rejects.toThrow('thrown at once');
    expect(await cache.getOrLoad('k', () => 'value')).toBe('value');
  });

  test.each([
    ['deleted', () => cache.delete('k')],
    ['invalidated', () => cache.invalidate('k')],
    ['written', () => cache.setValue('k', 'written')],
    ['cleared', () => cache.clear()],
  ])('what was loaded before the key was %s is not stored', async (_, change) => {
    const before = new Source<string>();
    const after = new Source<string>();
    const early = cache.getOrLoad('k', before.load);
    change();
    const late = cache.getOrLoad('k', after.load);
    before.resolve('old');
    expect(await early).toBe('old');
    after.resolve('new');
    expect(await late).toBe(cache.getValue('k'));
    expect(cache.getValue('k')).not.toBe('old');
  });

  test('an invalidated value will do for others while one makes a new one', async () => {
    cache.setValue('k', 'old', { ttl: 60_000 });
    expect(cache.invalidate('k')).toBe(true);
    const source = new Source<string>();
    const winner = cache.getOrLoad('k', source.load);
    expect(await cache.getOrLoad('k', source.load)).toBe('old');
    const fussy = cache.getOrLoad('k', source.load, { stale: false });
    expect(source.calls).toBe(1);
    source.resolve('new');
    expect([await winner, await fussy]).toEqual(['new', 'new']);
    expect(cache.getValue('k')).toBe('new');
  });

  test('an invalidated value will do if the loader fails', async () => {
    cache.setValue('k', 'old');
    cache.invalidate('k');
    const errors: unknown[] = [];
    const fail = (): never => {
      throw new Error('no connection');
    };
    expect(await cache.getOrLoad('k', fail, { onError: (error) => errors.push(error) })).toBe('old');
    expect(String(errors)).toBe('Error: no connection');
    await expect(cache.getOrLoad('k', fail, { stale: false })).rejects.toThrow('no connection');
    expect(await cache.getOrLoad('k', () => 'new')).toBe('new');
  });

  test('an invalidated value is gone after its grace', async () => {
    cache.setValue('k', 'old');
    cache.invalidate('k', { grace: 50 });
    await eventually('it is gone', () => !cache.has('k'));
    expect(cache.invalidate('k')).toBe(false);
    expect(await cache.getOrLoad('k', () => 'new')).toBe('new');
  });

  test('a value that is about to expire is made anew behind the back of its callers', async () => {
    cache.setValue('k', 'old', { ttl: 1000 });
    const source = new Source<string>();
    const options = { ttl: 60_000, early: 5000 };
    for (let i = 0; i < 10; i++) expect(await cache.getOrLoad('k', source.load, options)).toBe('old');
    expect(source.calls).toBe(1);
    source.resolve('new');
    await eventually('the new one', async () => (await cache.getOrLoad('k', source.load, options)) === 'new');
    expect(source.calls).toBe(1);
    cache.setValue('k', 'old', { ttl: 1000 });
    const errors: unknown[] = [];
    const failing = { ...options, onError: (error: unknown) => errors.push(error) };
    expect(await cache.getOrLoad('k', () => Promise.reject(new Error('no connection')), failing)).toBe('old');
    await eventually('the error', () => errors.length === 1);
  });

  test('a loader that takes longer than its lease is replaced, and its value not stored', async () => {
    const slow = new Source<string>();
    const quick = new Source<string>();
    const first = cache.getOrLoad('k', slow.load, { lease: 50 });
    await sleep(60);
    const second = cache.getOrLoad('k', quick.load);
    expect(quick.calls).toBe(1);
    slow.resolve('slow');
    expect(await first).toBe('slow');
    expect(cache.has('k')).toBe(false);
    quick.resolve('quick');
    expect(await second).toBe('quick');
    expect(cache.getValue('k')).toBe('quick');
  });

  test('a loader that never ends holds up who came with it for as long as its lease, and no longer', async () => {
    const never = new Source<string>();
    void cache.getOrLoad('k', never.load, { lease: 50 });
    const next = new Source<string>();
    const others = Array.from({ length: 3 }, () => cache.getOrLoad('k', next.load, { lease: 5000 }));
    await eventually('another is asked', () => next.calls === 1);
    next.resolve('next');
    expect(await Promise.all(others)).toEqual(['next', 'next', 'next']);
    expect(next.calls).toBe(1);

    cache.invalidate('k');
    const wanted = { lease: 50, stale: false };
    void cache.getOrLoad('k', never.load, wanted);
    // On a value that is there, a lease is counted in seconds.
    expect(await cache.getOrLoad('k', () => 'new', wanted)).toBe('new');
  });

  test('who no longer waits is told so, and the loader goes on', async () => {
    const source = new Source<string>();
    const winner = cache.getOrLoad('k', source.load);
    const abort = new AbortController();
    const waiting = cache.getOrLoad('k', source.load, { signal: abort.signal });
    abort.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    await expect(cache.getOrLoad('k', source.load, { signal: abort.signal })).rejects.toThrow('enough');
    source.resolve('value');
    expect(await winner).toBe('value');
  });

  test('a value that cannot be stored is returned all the same', async () => {
    const errors: { code?: string }[] = [];
    const onError = (error: unknown): void => {
      errors.push(error as { code?: string });
    };
    const large = 'x'.repeat(64 << 20);
    expect(await cache.getOrLoad('k', () => large, { onError })).toBe(large);
    expect(errors.map(({ code }) => code)).toEqual(['ERR_VALUE_TOO_LARGE']);
    expect(await cache.getOrLoad('k', () => 'small')).toBe('small');
  });

  test('a full cache that removes nothing loads and stores nothing', async () => {
    const full = Ashlar.create({ maxMemory: '2mb', shards: 1, policy: 'noeviction' });
    const fill = (bytes: number): void => {
      try {
        for (let i = 0; ; i++) full.set(`${bytes}:${i}`, 'x'.repeat(bytes));
      } catch (error) {
        expect(error).toMatchObject({ code: 'ERR_OUT_OF_MEMORY' });
      }
    };
    for (const bytes of [1000, 100, 10, 1]) fill(bytes);
    expect(await full.getOrLoad('one more', () => 'value')).toBe('value');
    expect(full.has('one more')).toBe(false);
    full.close();
  });

  test('what is asked wrongly is refused', async () => {
    const load = (): string => 'value';
    for (const options of [
      { lease: 0 },
      { lease: 300_001 },
      { lease: Number.NaN },
      { early: -1 },
      { ttl: 100, early: 100 },
      { ttl: 0 },
    ])
      await expect(cache.getOrLoad('k', load, options)).rejects.toMatchObject({ code: 'ERR_BAD_OPTION' });
    await expect(cache.getOrLoad('k'.repeat(2 ** 20), load)).rejects.toMatchObject({ code: 'ERR_KEY_TOO_LARGE' });
    await expect(cache.getOrLoad(5 as never, load)).rejects.toMatchObject({ code: 'ERR_BAD_ARGUMENT' });
    expect(cache.has('k')).toBe(false);
  });

  test('a cache that is closed meanwhile stores nothing, and the value comes out', async () => {
    const other = Ashlar.attach(cache.handle);
    const good = new Source<string>();
    const bad = new Source<string>();
    const loading = other.getOrLoad('k', good.load);
    const failing = other.getOrLoad('l', bad.load);
    other.close();
    good.resolve('value');
    bad.reject(new Error('no connection'));
    expect(await loading).toBe('value');
    await expect(failing).rejects.toThrow('no connection');
    await expect(other.getOrLoad('k', good.load)).rejects.toMatchObject({ code: 'ERR_CLOSED' });
    expect(cache.has('k')).toBe(false);
  });
});

describe('in several threads', () => {
  const THREADS = 4;
  let workers: Worker[];

  beforeEach(async () => {
    workers = Array.from({ length: THREADS }, () => new Worker(WORKER, { workerData: cache.handle }));
    await Promise.all(workers.map((worker) => once(worker, 'message')));
  });
  afterEach(async () => {
    await Promise.all(workers.map((worker) => worker.terminate()));
  });

  /** Has a worker call `getOrLoad`; returns the different values that it got. */
  async function call(worker: Worker, task: object): Promise<string[]> {
    worker.postMessage(task);
    const [values] = (await once(worker, 'message')) as [string[]];
    return values;
  }

  test(`${MANY} callers get what one loader makes, key by key`, async () => {
    for (let round = 1; round <= 5; round++) {
      const key = `key:${round}`;
      const all = await Promise.all(workers.map((worker) => call(worker, { key, calls: MANY / THREADS, ms: 30 })));
      expect(new Set(all.flat())).toEqual(new Set([`made by load ${round}`]));
      expect(cache.get('loads')).toBe(String(round));
    }
  });

  test('a thread that dies while it loads is replaced after its lease', async () => {
    const [first, ...others] = workers;
    first.postMessage({ key: 'k', calls: 1, ms: 0, hang: true, options: { lease: 300 } });
    await eventually('it loads', () => cache.get('loads') === '1');
    const rest = others.map((worker) => call(worker, { key: 'k', calls: 50, ms: 10 }));
    await first.terminate();
    expect(new Set((await Promise.all(rest)).flat())).toEqual(new Set(['made by load 2']));
  });

  test('a value is stale for all threads while one of them makes a new one', async () => {
    cache.setValue('k', 'old');
    cache.invalidate('k');
    const source = new Source<string>();
    const mine = cache.getOrLoad('k', source.load);
    for (const worker of workers) expect(await call(worker, { key: 'k', calls: 10, ms: 10 })).toEqual(['old']);
    const waiting = call(workers[0], { key: 'k', calls: 10, ms: 10, options: { stale: false } });
    source.resolve('new');
    expect(await mine).toBe('new');
    expect(await waiting).toEqual(['new']);
    expect(cache.has('loads')).toBe(false);
  });
});

describe('together with clients of the doors', () => {
  test('a herd through all of them makes a value once', async () => {
    const door = await cache.listen({ memcachedPort: 0, threads: 2 });
    const worker = new Worker(WORKER, { workerData: cache.handle });
    await once(worker, 'message');
    const redis = Array.from({ length: 50 }, () => new Redis(door.port, '127.0.0.1'));
    const memcached = await Promise.all(Array.from({ length: 50 }, () => MemcachedWire.open(door.memcachedPort)));
    await Promise.all(redis.map((client) => client.ping()));
    let loads = 0;
    const asked = redis.map(async (client) => {
      const [state, , token] = (await client.call('CACHE.GET', 'k', 'LEASE', '10000')) as string[];
      if (state === 'lease') await client.call('CACHE.SET', 'k', VALUE, 'LEASE', token);
      return state;
    });
    const metaAsked = memcached.map(async (wire) => {
      const won = (await wire.ask('mg k N10\r\n')).includes('W');
      if (won) await wire.ask(`ms k ${VALUE.length}\r\n${VALUE}\r\n`);
      return won ? 'lease' : 'wait';
    });
    const mine = cache.getOrLoad('k', async () => {
      await turn();
      loads++;
      return JSON.parse(VALUE);
    });
    const states = await Promise.all([...asked, ...metaAsked]);
    expect(await mine).toBe(JSON.parse(VALUE));
    expect(states.filter((state) => state === 'lease').length + loads).toBe(1);
    worker.postMessage({ key: 'k', calls: 50, ms: 20 });
    const [values] = (await once(worker, 'message')) as [string[]];
    expect(values).toEqual([JSON.parse(VALUE)]);
    expect(await redis[0].call('CACHE.GET', 'k', 'LEASE', '10000')).toEqual(['hit', VALUE, null]);
    expect(await memcached[0].ask('mg k v\r\n', `${VALUE}\r\n`)).toBe(`VA ${VALUE.length}\r\n${VALUE}\r\n`);
    for (const client of redis) client.disconnect();
    for (const wire of memcached) wire.close();
    await worker.terminate();
    await door.close();
  });
});
