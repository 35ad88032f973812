/**
 * The server as the main thread sees it: makes the keyspace, starts the workers, listens, and stops in order.
 */

import { randomBytes } from 'node:crypto';
import { Clock } from '../base/clock.js';
import { AshlarError } from '../base/errors.js';
import { POLICIES } from '../engine/control.js';
import { defaultReserve, defaultShards, Keyspace, SHARD_BYTES_MAX } from '../engine/keyspace.js';
import { loadAddon } from '../native/addon.js';
import type { Door } from '../transport/transport.js';
import { Acceptor } from './acceptor.js';
import { Administration, fitClients } from './administration.js';
import type { Config } from './config/config.js';
import { addressesOf, type Doors, doorsOf, openDoors, portOf } from './doors.js';
import { EngineSettings } from './engine-settings.js';
import type { ServerEvents } from './events.js';
import { Fleet } from './fleet.js';
import { type Accepted, Handover } from './handover.js';
import type { Logger } from './logger.js';
import { CONNECTED, Statistics } from './statistics.js';
import { VERSION } from './version.js';
import {
  REJECTED_CONNECTIONS,
  SERVER_WORDS,
  type ServerFacts,
  WORKERS_REPLACED,
  type WorkerData,
  withhold,
} from './worker-data.js';

/** How long a stop waits for replies to be read by their clients. */
const STOP_GRACE_MS = 8000;

export interface RunningServer {
  /** One line: addresses, threads, shards, memory limit, policy, native core. */
  readonly banner: string;
  /** TCP ports of the Redis door and of the Memcached door, 0 when there is none. */
  readonly port: number;
  readonly memcachedPort: number;
  /** Stops accepting, answers what has been read, closes. */
  stop(): Promise<void>;
}

/**
 * Starts a server.
 * @throws AshlarError ERR_ADDRESS_IN_USE, ERR_ADDRESS_UNAVAILABLE, ERR_TOO_LITTLE_MEMORY, ERR_NATIVE_UNAVAILABLE
 */
export async function startServer(config: Config, logger: Logger, events: ServerEvents): Promise<RunningServer> {
  const keyspace = createKeyspace(config);
  new EngineSettings(config, keyspace).apply();
  const server = await serve(keyspace, config, logger, events);
  return {
    ...server,
    stop: async () => {
      await server.stop();
      keyspace.detach();
    },
  };
}

/**
 * Starts a server on a keyspace that is there already.
 * @param wanted where it listens, when that is not what the configuration says
 */
export async function serve(
  keyspace: Keyspace,
  config: Config,
  logger: Logger,
  events: ServerEvents,
  wanted: Doors = doorsOf(config),
): Promise<RunningServer> {
  const { addon, reason } = config.native === 'off' ? { addon: undefined, reason: 'switched off' } : loadAddon();
  if (addon === undefined && config.native === 'required')
    throw new AshlarError('ERR_NATIVE_UNAVAILABLE', `the native core is required, but ${reason}`);
  if (addon === undefined)
    logger.warn(`running without the native core (${reason}): correct, but slower, and one thread serves`);
  fitClients(config, logger);
  const threads = config.threads;
  const statistics = Array.from({ length: threads }, () => Statistics.allocate());
  const blocks = statistics.map((block) => new Statistics(block));
  const handover = new Handover(blocks);
  const shared = new SharedArrayBuffer(SERVER_WORDS * 4);
  const words = new Int32Array(shared);
  const facts = {
    startedAt: Date.now(),
    runId: randomBytes(20).toString('hex'),
    replicationId: randomBytes(20).toString('hex'),
    version: VERSION,
    port: 0,
    memcachedPort: 0,
    executable: process.execPath,
  };
  const dataFor = (index: number): WorkerData => ({
    index,
    threads,
    keyspace: keyspace.handle,
    config: config.toObject(),
    configFile: config.file,
    statistics,
    shared,
    facts: facts as ServerFacts,
    native: addon !== undefined,
    ...administration.state,
  });
  const administration = new Administration(config, keyspace, words, logger, events);
  const fleet = new Fleet(dataFor, {
    handlers: administration.handlers,
    died: (worker, error) => {
      logger.error(`worker ${worker} died: ${error?.stack ?? 'no reason given'}; its connections are closed`);
      administration.workerEnded(worker);
      for (const socket of handover.takeBack(worker)) {
        if (fleet.alive.length > 0) handOver(socket);
        else addon?.reject(socket.fd, '');
      }
    },
    replaced: (worker) => {
      Atomics.add(words, WORKERS_REPLACED, 1);
      logger.warn(`worker ${worker} has been replaced`);
      if (addon === undefined && worker === 0) {
        // Where it was before, also when that was any free port.
        openDoors(doors, listen).catch((error: Error) => events.onShutdown(error));
      }
    },
    hopeless: (error) => events.onShutdown(error),
  });
  administration.fleet = fleet;
  try {
    await fleet.start(threads);
  } catch (error) {
    await fleet.stop(0);
    throw error;
  }

  // In this order: a socket that is adopted in between is counted twice, and never not at all.
  const load = (worker: number): number => handover.pending(worker) + blocks[worker].get(CONNECTED);
  const leastLoaded = (): number => fleet.alive.reduce((best, worker) => (load(worker) < load(best) ? worker : best));
  const connections = (): number => blocks.reduce((sum, _, worker) => sum + load(worker), 0);
  const handOver = (socket: Accepted): void => {
    const worker = leastLoaded();
    handover.sent(worker, socket);
    fleet.send(worker, 'adopt', socket);
  };
  const acceptor =
    addon &&
    new Acceptor(addon, {
      mayAccept: () => fleet.alive.length > 0 && connections() < config.maxclients,
      accepted: handOver,
      refused: () => void Atomics.add(words, REJECTED_CONNECTIONS, 1),
      trouble: (message) => logger.warn(message),
    });
  // Without the native core the worker that serves listens by itself.
  const listen = (door: Door): number | Promise<number> => acceptor?.listen(door) ?? fleet.call(0, 'listen', door);
  let doors = wanted;
  try {
    doors = await openDoors(wanted, listen);
  } catch (error) {
    acceptor?.close();
    await fleet.stop(0);
    throw error;
  }
  facts.port = portOf(doors.redis);
  facts.memcachedPort = portOf(doors.memcached);
  fleet.sendAll('facts', facts);
  let stopping: Promise<void> | undefined;
  return {
    banner: banner(config, keyspace, doors, addon !== undefined),
    port: facts.port,
    memcachedPort: facts.memcachedPort,
    stop: () => {
      stopping ??= (async () => {
        acceptor?.close();
        await fleet.stop(STOP_GRACE_MS);
        // The keyspace may live on, in the application's threads and behind other doors.
        withhold(keyspace.control, words, 0);
      })();
      return stopping;
    },
  };
}

function createKeyspace(config: Config): Keyspace {
  const reserve =
    config.maxmemoryReserve > 0
      ? Math.max(config.maxmemoryReserve, config.maxmemory)
      : defaultReserve(config.maxmemory);
  const shards = config.shards > 0 ? config.shards : defaultShards(config.maxmemory, config.threads, reserve);
  if (config.maxmemory / shards > SHARD_BYTES_MAX) {
    throw new AshlarError(
      'ERR_BAD_OPTION',
      `${shards} shards hold at most ${(shards * SHARD_BYTES_MAX) / 2 ** 30} GB: more shards are needed for maxmemory ${config.maxmemory}`,
    );
  }
  return Keyspace.create(
    {
      maxMemory: config.maxmemory,
      reserve,
      shards,
      databases: config.databases,
      policy: POLICIES.indexOf(config.maxmemoryPolicy),
    },
    new Clock(),
    Math.random,
    config.native === 'off' ? undefined : loadAddon().addon,
  );
}

function banner(config: Config, keyspace: Keyspace, { redis, memcached }: Doors, native: boolean): string {
  const addresses = [
    ...addressesOf(redis).map((address) => `${address} (Redis)`),
    ...addressesOf(memcached).map((address) => `${address} (Memcached)`),
  ];
  const memory = `${Math.floor(keyspace.maxMemory / 2 ** 20)} MB`;
  // Without the native core one of them serves.
  const threads = native ? config.threads : 1;
  const parts = [
    `${threads} thread${threads === 1 ? '' : 's'}`,
    `${keyspace.shards.length} shard${keyspace.shards.length === 1 ? '' : 's'}`,
    `maxmemory ${memory}`,
    config.maxmemoryPolicy,
    native ? 'native core' : 'no native core',
  ];
  return `Ashlar ${VERSION} ready on ${addresses.join(', ')}: ${parts.join(', ')}`;
}
