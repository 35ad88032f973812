/** What the tests of several threads have in common. They run on dist/, because a worker thread cannot load TypeScript. */

import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { Clock } from '../../src/base/clock.js';
import { Keyspace } from '../../src/engine/keyspace.js';
import type { Ashlar as AshlarClass } from '../../src/index.js';
import { auditKeyspace } from '../unit/engine/audit.js';

const WORKER = fileURLToPath(new URL('./threads-worker.mjs', import.meta.url));
const DIST = new URL('../../dist/index.js', import.meta.url).href;

/** The library as it was built: the same code that the workers have. */
export async function loadBuilt(): Promise<typeof AshlarClass> {
  const { Ashlar } = (await import(DIST)) as { Ashlar: typeof AshlarClass };
  return Ashlar;
}

export type Task =
  | 'mix'
  | 'write'
  | 'read'
  | 'churn'
  | 'reuse'
  | 'check'
  | 'times'
  | 'return'
  | 'exit'
  | 'throw'
  | 'close';

/** A worker that does a task on a cache, and tells when it finds something wrong. */
export class TaskWorker {
  readonly worker: Worker;
  /** What it found to be wrong. */
  wrong: string | undefined;
  operations = 0;
  readonly ended: Promise<unknown>;

  constructor(cache: AshlarClass, task: Task, seed: number, more: object = {}) {
    this.worker = new Worker(WORKER, { workerData: { handle: cache.handle, seed, task, ...more }, stderr: true });
    this.worker.on('message', (message: { wrong?: string; operations?: number }) => {
      this.wrong ??= message.wrong;
      this.operations = message.operations ?? this.operations;
    });
    this.worker.on('error', (error) => {
      if (error.message !== 'thrown on purpose') this.wrong ??= error.stack;
    });
    // Not `once`: it would reject at an 'error'.
    this.ended = new Promise((resolve) => this.worker.on('exit', resolve));
  }

  /** Waits for its first message. */
  async ready(): Promise<this> {
    await once(this.worker, 'message');
    return this;
  }

  /** Lets it end by itself. */
  async finish(): Promise<void> {
    this.worker.postMessage('finish');
    await this.ended;
  }
}

/** Audits every byte of a cache's shards, which nobody else is changing. A shard that a terminated thread left locked is reset first. */
export function audit(cache: AshlarClass): void {
  const keyspace = Keyspace.attach(cache.handle, new Clock(), Math.random);
  keyspace.withAll(() => auditKeyspace(keyspace));
  keyspace.detach();
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
