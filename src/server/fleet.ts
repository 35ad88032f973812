/**
 * The fleet: the worker threads of a server, and their buses.
 *
 * A worker that dies (an uncaught exception, a heap that is full) is reported and replaced: its connections are gone, and the shards that it held a lock of are
 * reset by whoever wants them next; everything else goes on. A worker that dies again and again within seconds of its start ends the server.
 */

import { Worker } from 'node:worker_threads';
import { Bus, type Handler } from './bus.js';
import { GONE_WITH_THE_WORKER, Statistics } from './statistics.js';
import type { WorkerData } from './worker-data.js';

/** A worker that lives less than this counts as one that cannot start. */
const EARLY_DEATH_MS = 5000;
const EARLY_DEATHS_MAX = 5;
/**
 * Room for a worker's new JavaScript objects. Requests make hardly any, but what a start leaves behind would have a worker keep 8 MB for them for ever.
 */
const YOUNG_GENERATION_MB = 3;

export interface FleetEvents {
  /** Called by workers, by name; the first argument is the worker's number. */
  readonly handlers: Readonly<Record<string, (worker: number, payload: never) => unknown>>;
  died(worker: number, error: Error | undefined): void;
  /** A replacement serves. */
  replaced(worker: number): void;
  /** Workers cannot be kept alive. */
  hopeless(error: Error): void;
}

interface Member {
  thread: Worker;
  bus: Bus;
  startedAt: number;
}

export class Fleet {
  private readonly members: (Member | undefined)[] = [];
  private readonly dataFor: (index: number) => WorkerData;
  private readonly events: FleetEvents;
  private stopping = false;
  private earlyDeaths = 0;

  /** @param dataFor what a worker is given; asked again for each replacement */
  constructor(dataFor: (index: number) => WorkerData, events: FleetEvents) {
    this.dataFor = dataFor;
    this.events = events;
  }

  /** Starts `threads` workers; resolves when all of them serve. */
  async start(threads: number): Promise<void> {
    await Promise.all(Array.from({ length: threads }, (_, index) => this.spawn(index)));
  }

  /** Workers that serve now. */
  get alive(): number[] {
    return this.members.flatMap((member, index) => (member === undefined ? [] : [index]));
  }

  /** Calls a handler of one worker. */
  call<T>(index: number, name: string, payload?: unknown): Promise<T> {
    const member = this.members[index];
    return member === undefined ? Promise.reject(new Error('the worker is gone')) : member.bus.call<T>(name, payload);
  }

  /** Calls a handler of every worker; results of workers that die meanwhile are left out. */
  async callAll<T>(name: string, payload?: unknown): Promise<T[]> {
    const results = await Promise.allSettled(this.alive.map((index) => this.call<T>(index, name, payload)));
    return results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  }

  send(index: number, name: string, payload?: unknown): void {
    this.members[index]?.bus.send(name, payload);
  }

  sendAll(name: string, payload?: unknown): void {
    for (const index of this.alive) this.send(index, name, payload);
  }

  /** Lets every worker finish what it has read, then ends it. Those that are not done after `graceMs` are terminated. */
  async stop(graceMs: number): Promise<void> {
    this.stopping = true;
    const threads = this.members.flatMap((member) => (member === undefined ? [] : [member.thread]));
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, graceMs);
    });
    await Promise.race([this.callAll('stop'), late]);
    clearTimeout(timer);
    await Promise.all(threads.map((thread) => thread.terminate()));
  }

  private spawn(index: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const data = this.dataFor(index);
      const thread = new Worker(new URL('./worker.js', import.meta.url), {
        workerData: data,
        name: `ashlar-${index}`,
        resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
      });
      const handlers: Record<string, Handler> = { serving: () => resolve() };
      for (const [name, handler] of Object.entries(this.events.handlers))
        handlers[name] = (payload) => handler(index, payload);
      const bus = new Bus(thread, handlers);
      this.members[index] = { thread, bus, startedAt: Date.now() };
      let failure: Error | undefined;
      thread.on('error', (error) => {
        failure = error as Error;
      });
      thread.on('exit', () => {
        reject(failure ?? new Error('a worker thread ended before it served'));
        this.onExit(index, bus, data, failure);
      });
    });
  }

  private onExit(index: number, bus: Bus, data: WorkerData, error: Error | undefined): void {
    const member = this.members[index];
    this.members[index] = undefined;
    bus.close();
    if (this.stopping || member === undefined) return;
    // Its connections went with it: what it counted as being there is not.
    const statistics = new Statistics(data.statistics[index]);
    for (const figure of GONE_WITH_THE_WORKER) statistics.values[figure] = 0;
    this.events.died(index, error);
    this.earlyDeaths = Date.now() - member.startedAt < EARLY_DEATH_MS ? this.earlyDeaths + 1 : 0;
    if (this.earlyDeaths > EARLY_DEATHS_MAX) {
      this.events.hopeless(error ?? new Error('worker threads end as soon as they start'));
      return;
    }
    this.spawn(index).then(
      () => this.events.replaced(index),
      () => {},
    );
  }
}
