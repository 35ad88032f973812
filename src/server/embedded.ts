/**
 * The doors of a cache that an application made: a server on shards that are there already.
 */

import { AshlarError } from '../base/errors.js';
import type { Keyspace } from '../engine/keyspace.js';
import { Config } from './config/config.js';
import type { ParameterName } from './config/schema.js';
import { ValueError } from './config/values.js';
import { doorsOf } from './doors.js';
import { EngineSettings } from './engine-settings.js';
import type { ServerEvents } from './events.js';
import { createLogger } from './logger.js';
import { type RunningServer, serve } from './server.js';

export interface ListenOptions {
  /** TCP port of the Redis door; 0, the default, takes a free one. */
  port?: number;
  /** TCP port of the Memcached door, 0 = a free one; left out, there is no such door. */
  memcachedPort?: number;
  /** Address; default 127.0.0.1. */
  host?: string;
  /** Paths of unix sockets to listen on as well, for Redis clients and for Memcached clients. */
  path?: string;
  memcachedPath?: string;
  /** Worker threads that serve; default 1. */
  threads?: number;
  /** Password that clients must give. */
  password?: string;
}

export interface Listening {
  /** TCP port of the Redis door. */
  readonly port: number;
  /** TCP port of the Memcached door, 0 = there is none. */
  readonly memcachedPort: number;
  /** Stops serving; the cache stays. */
  close(): Promise<void>;
}

/**
 * Opens the doors of a keyspace.
 * @throws AshlarError ERR_BAD_OPTION, ERR_ADDRESS_IN_USE, ERR_ADDRESS_UNAVAILABLE
 */
export async function listenOn(keyspace: Keyspace, options: ListenOptions): Promise<Listening> {
  const config = new Config();
  const settings: [ParameterName, string][] = [
    ['port', String(options.port ?? 0)],
    ['memcached-port', String(options.memcachedPort ?? 0)],
    ['memcached-unixsocket', options.memcachedPath ?? ''],
    ['bind', options.host ?? '127.0.0.1'],
    ['unixsocket', options.path ?? ''],
    ['threads', String(options.threads ?? 1)],
    ['requirepass', options.password ?? ''],
    ['databases', String(keyspace.control.databases)],
    ['loglevel', 'warning'],
  ];
  for (const [name, value] of settings) configure(config, name, value);
  new EngineSettings(config, keyspace).follow();
  const logger = createLogger(config);
  let server: RunningServer | undefined;
  const events: ServerEvents = {
    onShutdown: (error) => {
      logger.warn(
        error === undefined
          ? 'a client asked for SHUTDOWN: the door is closed'
          : `the door is closed: ${error.message}`,
      );
      void server?.stop();
    },
  };
  const doors = doorsOf(config);
  // Here 0 is a free port, for both doors.
  const memcached = options.memcachedPort === 0 ? { ...doors.memcached, port: 0 } : doors.memcached;
  const redis = { ...doors.redis, port: config.port };
  const running = await serve(keyspace, config, logger, events, { redis, memcached });
  server = running;
  return { port: running.port, memcachedPort: running.memcachedPort, close: () => running.stop() };
}

function configure(config: Config, name: ParameterName, value: string): void {
  try {
    config.configure(name, [value]);
  } catch (error) {
    if (error instanceof ValueError) throw new AshlarError('ERR_BAD_OPTION', `${name}: ${error.message}`);
    throw error;
  }
}
