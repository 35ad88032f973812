/** Several threads on one cache: nobody ever sees half a value, and nothing is lost but what a thread was changing when it was terminated. */

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Random } from '../../src/base/random.js';
import type { Ashlar as AshlarClass } from '../../src/index.js';
import { audit, loadBuilt, sleep, type Task, TaskWorker } from './threads-helpers.js';

const Ashlar = await loadBuilt();

let cache: AshlarClass;
let workers: TaskWorker[] = [];

beforeEach(() => {
  cache = Ashlar.create({ maxMemory: '64mb', shards: 4 });
});
afterEach(async () => {
  await Promise.all(workers.map((worker) => worker.worker.terminate()));
  workers = [];
  cache.close();
});

async function start(task: Task, seed: number, more: object = {}): Promise<TaskWorker> {
  const worker = new TaskWorker(cache, task, seed, more);
  workers.push(worker);
  return worker.ready();
}

describe('values of 64 bytes to a mebibyte', () => {
  test('are never torn, whoever writes and reads them', async () => {
    await Promise.all([start('write', 1), start('write', 2), start('read', 3), start('read', 4), start('mix', 5)]);
    await sleep(3000);
    await Promise.all(workers.map((worker) => worker.finish()));
    expect(workers.map((worker) => worker.wrong)).toEqual(workers.map(() => undefined));
    for (const worker of workers) expect(worker.operations).toBeGreaterThan(100);
    expect(cache.stats().resets).toBe(0);
    audit(cache);
  });

  test('nor while the index grows and pages change hands', async () => {
    await Promise.all([start('churn', 1), start('churn', 2), start('mix', 3)]);
    await sleep(3000);
    await Promise.all(workers.map((worker) => worker.finish()));
    expect(workers.map((worker) => worker.wrong)).toEqual(workers.map(() => undefined));
    expect(cache.stats().resets).toBe(0);
    audit(cache);
  });
});

describe('values of a few keys whose memory goes from one to another', () => {
  test('are whole, and those of their keys', async () => {
    cache.close();
    cache = Ashlar.create({ maxMemory: '8mb', shards: 1 });
    await Promise.all([start('reuse', 1), start('check', 2), start('check', 3), start('reuse', 4)]);
    await sleep(3000);
    const { hits, misses } = cache.stats();
    expect(hits).toBeGreaterThan(1000);
    expect(misses).toBeGreaterThan(1000);
    await Promise.all(workers.map((worker) => worker.finish()));
    expect(workers.map((worker) => worker.wrong)).toEqual(workers.map(() => undefined));
    for (const worker of workers) expect(worker.operations).toBeGreaterThan(1000);
    expect(cache.stats().resets).toBe(0);
    audit(cache);
  });

  test('also when those who write are terminated in the middle', async () => {
    cache.close();
    cache = Ashlar.create({ maxMemory: '8mb', shards: 1 });
    const random = new Random(9);
    const readers = [await start('check', 1), await start('check', 2)];
    let terminated = 0;
    for (const until = Date.now() + 5000; Date.now() < until && terminated < 60; terminated++) {
      const writer = new TaskWorker(cache, 'reuse', random.nextInt32());
      workers.push(writer);
      await writer.ready();
      await sleep(random.below(15));
      await writer.worker.terminate();
    }
    expect(terminated).toBeGreaterThan(10);
    for (const reader of readers) {
      await reader.finish();
      expect(reader.wrong).toBeUndefined();
      expect(reader.operations).toBeGreaterThan(1000);
    }
    audit(cache);
    cache.set('after', 'all');
    expect(cache.get('after')).toBe('all');
  }, 20_000);
});

describe('counters', () => {
  test('lose no increment', async () => {
    const times = 50_000;
    await Promise.all([1, 2, 3, 4].map((seed) => start('times', seed, { times })));
    expect(cache.get('counter')).toBe(String(4 * times));
  });
});

describe('threads that are terminated', () => {
  test('at random moments under load: the others go on, and no value is torn', async () => {
    const random = new Random(7);
    const lasting = [await start('mix', 100), await start('read', 101)];
    const tasks: Task[] = ['mix', 'write', 'churn', 'mix'];
    const began = Date.now();
    let terminated = 0;
    // Four chains, each of which starts a worker and terminates it in the middle of whatever it does.
    const chain = async (task: Task): Promise<void> => {
      while (terminated < 100 && Date.now() - began < 14_000) {
        const worker = new TaskWorker(cache, task, random.nextInt32());
        workers.push(worker);
        await worker.ready();
        await sleep(random.below(12));
        await worker.worker.terminate();
        terminated++;
        expect(worker.wrong).toBeUndefined();
      }
    };
    await Promise.all(tasks.map(chain));
    expect(terminated).toBeGreaterThan(30);

    const { resets } = cache.stats();
    expect(resets).toBeGreaterThan(0);
    expect(resets).toBeLessThanOrEqual(terminated);
    for (const worker of lasting) {
      await worker.finish();
      expect(worker.wrong).toBeUndefined();
      expect(worker.operations).toBeGreaterThan(1000);
    }
    // Only the lasting ones were attached at the end, and this thread.
    expect(cache.stats().threads).toBe(1);
    audit(cache);
    cache.set('after', 'all');
    expect(cache.get('after')).toBe('all');
  }, 40_000);

  test('with the lock in their hands: the next one has it at once, and an empty shard', async () => {
    cache.close();
    cache = Ashlar.create({ maxMemory: '16mb', shards: 1 });
    const random = new Random(8);
    let slowest = 0;
    for (let round = 0; round < 12; round++) {
      cache.set('key', 'value');
      const worker = await start('churn', random.nextInt32());
      await sleep(random.below(5));
      const ended = worker.worker.terminate();
      // This thread does not return to its event loop: it hears of the end from the lock only.
      for (const until = Date.now() + 30; Date.now() < until; ) {
        const before = performance.now();
        const value = cache.get('key');
        slowest = Math.max(slowest, performance.now() - before);
        expect(value === undefined || value === 'value').toBe(true);
      }
      await ended;
      expect(cache.set('key', 'value')).toBe(true);
    }
    expect(slowest).toBeLessThan(1500);
  });
});

describe('places in the registry', () => {
  test('are free again however a thread ends', async () => {
    const endings: Task[] = ['return', 'exit', 'throw', 'close'];
    let started = 0;
    const chain = async (): Promise<void> => {
      while (started < 300) {
        const worker = new TaskWorker(cache, endings[started++ % endings.length], 1);
        await worker.ended;
        expect(worker.wrong).toBeUndefined();
      }
    };
    await Promise.all([chain(), chain(), chain(), chain()]);
    expect(cache.get('attached')).toBe('300');
    expect(cache.stats()).toMatchObject({ threads: 1, resets: 0 });
  }, 60_000);
});
