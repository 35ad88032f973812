/**
 * The Redis door of a cache that an application made: a server on shards that are there already.
 */

import type { Keyspace } from '../engine/keyspace.js';
import { Config } from './config/config.js';
import type { ParameterName } from './config/schema.js';
import { createLogger } from './logger.js';
import { serve } from './server.js';

export interface ListenOptions {
  /** TCP port, 0 = a free one. */
  port?: number;
  /** Address; default 127.0.0.1. */
  host?: string;
  /** Path of a unix socket to listen on as well. */
  path?: string;
  /** Worker threads that serve; default 1. */
  threads?: number;
  /** Password that clients must give. */
  password?: string;
}

export interface Listening {
  /** TCP port. */
  readonly port: number;
  /** Stops serving; the cache stays. */
  close(): Promise<void>;
}

/**
 * Opens the Redis door on a keyspace.
 * @throws AshlarError ERR_ADDRESS_IN_USE, ERR_ADDRESS_UNAVAILABLE
 */
export async function listenOn(keyspace: Keyspace, options: ListenOptions): Promise<Listening> {
  const config = new Config();
  const settings: [ParameterName, string][] = [
    ['port', String(options.port ?? 0)],
    ['bind', options.host ?? '127.0.0.1'],
    ['unixsocket', options.path ?? ''],
    ['threads', String(options.threads ?? 1)],
    ['requirepass', options.password ?? ''],
    ['databases', String(keyspace.control.databases)],
    ['maxmemory', String(keyspace.maxMemory)],
    ['maxmemory-policy', keyspace.control.policyName],
    ['maxmemory-samples', String(keyspace.control.samples)],
    ['loglevel', 'warning'],
  ];
  for (const [name, value] of settings) config.configure(name, [value]);
  const logger = createLogger(config);
  const server = await serve(keyspace, config, logger, {
    onShutdown: (error) => {
      logger.warn(
        error === undefined
          ? 'a client asked for SHUTDOWN: the door is closed'
          : `the door is closed: ${error.message}`,
      );
      void server.stop();
    },
  });
  return { port: server.port, close: () => server.stop() };
}
