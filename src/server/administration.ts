/**
 * Administration: what workers ask of the main thread, because it concerns all of them or the process.
 */

import type { Keyspace } from '../engine/keyspace.js';
import type { Config } from './config/config.js';
import type { Fleet } from './fleet.js';
import type { Logger } from './logger.js';
import type { ServerEvents } from './server.js';

export class Administration {
  fleet!: Fleet;
  /** By name, what workers may call; the first argument is the worker's number. */
  readonly handlers: Readonly<Record<string, (worker: number, payload: never) => unknown>>;

  constructor(config: Config, keyspace: Keyspace, logger: Logger, events: ServerEvents) {
    void config;
    void keyspace;
    void events;
    this.handlers = {
      log: (_worker, entry: { level: 'warn' | 'error'; message: string }) => logger[entry.level](entry.message),
    };
  }

  workerReplaced(_worker: number): void {}
}
