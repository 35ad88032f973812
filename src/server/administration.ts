/**
 * Administration: what workers ask of the main thread, because it concerns all of them or the process. The one configuration that can be set is
 * here, and so is what every worker must know of CLIENT PAUSE and MONITOR, also one that replaces another.
 */

import { readFileSync } from 'node:fs';
import { AshlarError } from '../base/errors.js';
import { parseBytes } from '../base/units.js';
import type {
  ClientFacts,
  ClientFilter,
  CommandLogEntry,
  CommandLogKind,
  ConfigPair,
  LatencyEvent,
} from '../commands/server-port.js';
import type { Keyspace } from '../engine/keyspace.js';
import { resetFigures } from '../engine/shard-figures.js';
import { logLengthOf, mergeCommandLogs } from './command-log.js';
import type { Config } from './config/config.js';
import { rewriteConfigFile } from './config/file.js';
import { EngineSettings } from './engine-settings.js';
import type { ServerEvents } from './events.js';
import type { Fleet } from './fleet.js';
import { type HotKeyReport, mergeHotKeys } from './hot-keys.js';
import { mergeLatencyEvents } from './latency.js';
import type { Logger, LogLevel } from './logger.js';
import { mergePause, NO_PAUSE, type PauseState } from './pause.js';
import { REJECTED_CONNECTIONS } from './worker-data.js';

/** File descriptors that are not connections: standard streams, epoll sets, listeners, files. */
const OTHER_DESCRIPTORS = 64;

type Handlers = Readonly<Record<string, (worker: number, payload: never) => unknown>>;

export class Administration {
  fleet!: Fleet;
  /** By name, what workers may call; the first argument is the worker's number. */
  readonly handlers: Handlers;
  private readonly config: Config;
  private readonly keyspace: Keyspace;
  private readonly shared: Int32Array;
  private readonly settings: EngineSettings;
  private pauseState = NO_PAUSE;
  /** Monitors by worker. */
  private readonly monitors: number[] = [];

  /** @param shared words that all threads share (worker-data.ts) */
  constructor(config: Config, keyspace: Keyspace, shared: Int32Array, logger: Logger, events: ServerEvents) {
    this.config = config;
    this.keyspace = keyspace;
    this.shared = shared;
    this.settings = new EngineSettings(config, keyspace);
    this.followConfig();
    this.handlers = {
      log: (_worker, { level, message }: { level: LogLevel; message: string }) => logger[level](message),
      shutdown: () => events.onShutdown(),
      configSet: (_worker, pairs: readonly ConfigPair[]) => this.configSet(pairs),
      engineChanged: () => this.settings.follow(),
      configRewrite: () => errorText(rewriteConfigFile(config)),
      resetStatistics: () => this.resetStatistics(),
      clients: (_worker, filter: ClientFilter) => this.fleet.callAll<ClientFacts[]>('clients', filter),
      killClients: (_worker, payload: unknown) => this.killClients(payload),
      pause: (_worker, asked: PauseState) => this.pause(asked),
      monitors: (worker, count: number) => this.setMonitors(worker, count),
      monitorLines: (worker, lines: string) => this.forwardLines(worker, lines),
      commandLog: async (_worker, kind: CommandLogKind) =>
        mergeCommandLogs(await this.fleet.callAll<CommandLogEntry[]>('commandLog', kind), logLengthOf(config, kind)),
      commandLogReset: (_worker, kind: CommandLogKind) => this.onAll('commandLogReset', kind),
      hotKeys: async () => mergeHotKeys(await this.fleet.callAll<HotKeyReport>('hotKeys'), config.hotkeysSample),
      hotKeysReset: () => this.onAll('hotKeysReset'),
      latencyEvents: async () => mergeLatencyEvents(await this.fleet.callAll<LatencyEvent[]>('latencyEvents')),
      latencyReset: async (_worker, names: readonly string[]) =>
        new Set((await this.fleet.callAll<string[]>('latencyReset', names)).flat()).size,
      purgeMemory: () => this.onAll('purgeMemory'),
    };
  }

  /** What a worker that starts must know. */
  get state(): { pause: PauseState; monitors: number } {
    return { pause: this.pauseState, monitors: this.monitorCount };
  }

  /** A worker has ended, and its clients with it. */
  workerEnded(worker: number): void {
    void this.setMonitors(worker, 0);
  }

  /** Calls every worker and waits for all of them. */
  private async onAll(name: string, payload?: unknown): Promise<void> {
    await this.fleet.callAll(name, payload);
  }

  // ---------------------------------------------------------------------------------------------- configuration

  /** Parameters that this thread acts upon. A listener that throws refuses the value. */
  private followConfig(): void {
    const { config, keyspace } = this;
    config.onChange('maxmemory', (bytes) => {
      const least = keyspace.leastMemory;
      const most = keyspace.reserve;
      if (bytes < least) throw refused(`${keyspace.shards.length} shards need at least ${least} bytes`);
      if (bytes > most)
        throw refused(`at most ${most} bytes of address space were reserved at the start (maxmemory-reserve)`);
    });
    config.onChange('maxclients', (clients) => {
      const most = connectionsMax();
      if (clients > most) {
        throw refused(`The operating system is not able to handle the specified number of clients, try with ${most}`);
      }
    });
    // Behind those that may refuse.
    this.settings.lead();
  }

  /** @returns an error text, or undefined */
  private configSet(pairs: readonly ConfigPair[]): Promise<string | undefined> {
    return errorText(this.applyPairs(pairs));
  }

  private async applyPairs(pairs: readonly ConfigPair[]): Promise<void> {
    // Pairs are compared with what is now.
    this.settings.follow();
    // As in Redis, 0 takes the limit away; what then limits is the address space that there is.
    const unlimited = String(this.keyspace.reserve);
    const meant = pairs.map(
      ([name, value]): ConfigPair =>
        name.toLowerCase() === 'maxmemory' && parseBytes(value ?? '') === 0 ? [name, unlimited] : [name, value],
    );
    await this.onAll('configChanged', this.config.set(meant));
  }

  private async resetStatistics(): Promise<void> {
    const { keyspace } = this;
    for (const shard of keyspace.shards) {
      keyspace.enter(shard);
      resetFigures(shard);
    }
    keyspace.leave();
    Atomics.store(this.shared, REJECTED_CONNECTIONS, 0);
    await this.onAll('resetStatistics');
  }

  // ---------------------------------------------------------------------------------------------- clients

  private async killClients(payload: unknown): Promise<{ killed: number; self: boolean }> {
    const results = await this.fleet.callAll<{ killed: number; self: boolean }>('killClients', payload);
    return { killed: results.reduce((sum, { killed }) => sum + killed, 0), self: results.some(({ self }) => self) };
  }

  private async pause(asked: PauseState): Promise<void> {
    this.pauseState = mergePause(this.pauseState, asked, Date.now());
    await this.onAll('pause', this.pauseState);
  }

  private get monitorCount(): number {
    return this.monitors.reduce((sum, count) => sum + (count ?? 0), 0);
  }

  private async setMonitors(worker: number, count: number): Promise<void> {
    this.monitors[worker] = count;
    await this.onAll('monitors', this.monitorCount);
  }

  private forwardLines(from: number, lines: string): void {
    this.monitors.forEach((count, worker) => {
      if (worker !== from && count > 0) this.fleet.send(worker, 'monitorLines', lines);
    });
  }
}

/** Lowers `maxclients` to what the system allows: a client that is refused is told so, and does not wait for a descriptor. */
export function fitClients(config: Config, logger: Logger): void {
  const most = Math.max(1, connectionsMax());
  if (config.maxclients <= most) return;
  logger.warn(
    `maxclients is ${config.maxclients}, but this process may have only ${most} connections (ulimit -n): ${most} it is`,
  );
  config.configure('maxclients', [String(most)]);
}

function refused(reason: string): AshlarError {
  return new AshlarError('ERR_BAD_OPTION', reason);
}

/** The message of the AshlarError with which work fails, undefined when it does not. */
async function errorText(work: Promise<unknown>): Promise<string | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    if (error instanceof AshlarError) return error.message;
    throw error;
  }
}

/** Connections that this process may have for the limit of open files; Infinity where that cannot be told. */
function connectionsMax(): number {
  try {
    const limit = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
    return limit === undefined ? Number.POSITIVE_INFINITY : Number(limit) - OTHER_DESCRIPTORS;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
