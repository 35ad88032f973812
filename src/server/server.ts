/**
 * The server as the main thread sees it: makes the keyspace, starts the workers, listens, and stops in order.
 */

import { randomBytes } from 'node:crypto';
import { Clock } from '../base/clock.js';
import { AshlarError } from '../base/errors.js';
import { COMMANDS } from '../commands/all.js';
import { POLICIES } from '../engine/control.js';
import { defaultReserve, defaultShards, Keyspace, SHARD_BYTES_MAX } from '../engine/keyspace.js';
import { loadAddon } from '../native/addon.js';
import { Acceptor } from './acceptor.js';
import { Administration, applyEngineSettings, fitClients } from './administration.js';
import type { Config } from './config/config.js';
import type { ServerEvents } from './events.js';
import { Fleet } from './fleet.js';
import { Handover } from './handover.js';
import type { Logger } from './logger.js';
import { CONNECTED, Statistics } from './statistics.js';
import { VERSION } from './version.js';
import {
  REJECTED_CONNECTIONS,
  SERVER_WORDS,
  type ServerFacts,
  WORKERS_REPLACED,
  type WorkerData,
} from './worker-data.js';

/** How long a stop waits for replies to be read by their clients. */
const STOP_GRACE_MS = 8000;

export interface RunningServer {
  /** One line: address, threads, shards, memory limit, policy, native core. */
  readonly banner: string;
  /** TCP port, 0 when there is none. */
  readonly port: number;
  /** Stops accepting, answers what has been read, closes. */
  stop(): Promise<void>;
}

/**
 * Starts a server.
 * @throws AshlarError ERR_ADDRESS_IN_USE, ERR_ADDRESS_UNAVAILABLE, ERR_TOO_LITTLE_MEMORY, ERR_NATIVE_UNAVAILABLE
 */
export async function startServer(config: Config, logger: Logger, events: ServerEvents): Promise<RunningServer> {
  const keyspace = createKeyspace(config);
  const server = await serve(keyspace, config, logger, events);
  return {
    ...server,
    stop: async () => {
      await server.stop();
      keyspace.detach();
    },
  };
}

/** Starts a server on a keyspace that is there already. */
export async function serve(
  keyspace: Keyspace,
  config: Config,
  logger: Logger,
  events: ServerEvents,
): Promise<RunningServer> {
  const { addon, reason } = config.native === 'off' ? { addon: undefined, reason: 'switched off' } : loadAddon();
  if (addon === undefined && config.native === 'required')
    throw new AshlarError('ERR_NATIVE_UNAVAILABLE', `the native core is required, but ${reason}`);
  if (addon === undefined)
    logger.warn(`running without the native core (${reason}): correct, but slower, and one thread serves`);
  fitClients(config, logger);
  const threads = config.threads;
  const statistics = Array.from({ length: threads }, () => Statistics.allocate(COMMANDS.entries.length));
  const blocks = statistics.map((block) => new Statistics(block, COMMANDS.entries.length));
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
      for (const fd of handover.takeBack(worker)) {
        if (fleet.alive.length > 0) handOver(fd);
        else addon?.reject(fd, '');
      }
    },
    replaced: (worker) => {
      Atomics.add(words, WORKERS_REPLACED, 1);
      logger.warn(`worker ${worker} has been replaced`);
      if (addon === undefined && worker === 0) {
        // Where it was before, also when that was any free port.
        const again = { ...listenOptions, port: facts.port === 0 ? listenOptions.port : facts.port };
        fleet.call(0, 'listen', again).catch((error: Error) => events.onShutdown(error));
      }
    },
    hopeless: (error) => events.onShutdown(error),
  });
  administration.fleet = fleet;
  applyEngineSettings(keyspace, config);
  await fleet.start(threads);

  const listenOptions = {
    hosts: config.bind,
    port: config.port === 0 && config.unixsocket !== '' ? -1 : config.port,
    unixPath: config.unixsocket,
    unixMode: config.unixsocketperm,
    backlog: config.tcpBacklog,
  };
  const load = (worker: number): number => blocks[worker].get(CONNECTED) + handover.pending(worker);
  const leastLoaded = (): number => fleet.alive.reduce((best, worker) => (load(worker) < load(best) ? worker : best));
  const handOver = (fd: number): void => {
    const worker = leastLoaded();
    handover.sent(worker, fd);
    fleet.send(worker, 'adopt', fd);
  };
  let acceptor: Acceptor | undefined;
  try {
    if (addon === undefined) facts.port = await fleet.call<number>(0, 'listen', listenOptions);
    else {
      acceptor = new Acceptor(addon, {
        mayAccept: () => fleet.alive.length > 0 && connections() < config.maxclients,
        accepted: handOver,
        refused: () => void Atomics.add(words, REJECTED_CONNECTIONS, 1),
        trouble: (message) => logger.warn(message),
      });
      facts.port = acceptor.listen(listenOptions);
    }
  } catch (error) {
    await fleet.stop(0);
    throw error instanceof AshlarError
      ? error
      : new AshlarError('ERR_ADDRESS_IN_USE', (error as Error).message, { cause: error });
  }
  fleet.sendAll('facts', facts);
  const connections = (): number => blocks.reduce((sum, _, worker) => sum + load(worker), 0);
  let stopping: Promise<void> | undefined;
  return {
    banner: banner(config, keyspace, facts.port, addon !== undefined),
    port: facts.port,
    stop: () => {
      stopping ??= (async () => {
        acceptor?.close();
        await fleet.stop(STOP_GRACE_MS);
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

function banner(config: Config, keyspace: Keyspace, port: number, native: boolean): string {
  const addresses = port > 0 ? config.bind.map((host) => `${host.replace(/^-/, '')}:${port}`) : [];
  if (config.unixsocket !== '') addresses.push(config.unixsocket);
  const memory = `${Math.floor(keyspace.maxMemory / 2 ** 20)} MB`;
  const parts = [
    `${config.threads} thread${config.threads === 1 ? '' : 's'}`,
    `${keyspace.shards.length} shard${keyspace.shards.length === 1 ? '' : 's'}`,
    `maxmemory ${memory}`,
    config.maxmemoryPolicy,
    native ? 'native core' : 'no native core',
  ];
  return `Ashlar ${VERSION} ready on ${addresses.join(', ')} (${parts.join(', ')})`;
}
