/**
 * What commands can ask of the server (ServerPort), in a worker: what concerns this thread at once, the rest over the bus from the main thread.
 *
 * This file puts the parts together; each tells its own story: clients, slow log, latency monitor, monitor feed, pause, figures.
 */

import { Client } from '../commands/client.js';
import type {
  ClientFacts,
  ClientFilter,
  CommandHistogram,
  CommandLogEntry,
  CommandLogKind,
  ConfigPair,
  HotKey,
  LatencyEvent,
  MemcachedFigures,
  MemoryFigures,
  ServerPort,
} from '../commands/server-port.js';
import type { CommandTable } from '../commands/table.js';
import type { Keyspace } from '../engine/keyspace.js';
import { CLOSE_OUTPUT_LIMIT, CLOSE_QUERY_LIMIT, SPEAKS_RESP } from '../protocol/descriptors.js';
import type { Transport } from '../transport/transport.js';
import type { Bus, Handler } from './bus.js';
import { Clients } from './clients.js';
import type { Config } from './config/config.js';
import { type Dispatcher, type DispatcherHooks, GATE_PAUSED } from './dispatcher.js';
import { fullText } from './doors.js';
import { EngineSettings } from './engine-settings.js';
import { FleetFigures } from './fleet-figures.js';
import { collectGarbage } from './garbage.js';
import type { Accepted } from './handover.js';
import { infoText } from './info.js';
import { commandHistograms } from './info-commands.js';
import type { InfoSources } from './info-sources.js';
import { memcachedFigures } from './memcached-figures.js';
import { argumentBytesMax } from './memory-limits.js';
import { memoryFigures } from './memory-report.js';
import { Pause, type PauseState } from './pause.js';
import { Routine } from './routine.js';
import {
  AUTH_FAILURES,
  CONNECTED,
  MEMCACHED_CONNECTED,
  MEMCACHED_CONNECTIONS,
  OUTPUT_LIMIT_CLOSES,
  QUERY_LIMIT_CLOSES,
  type Statistics,
  TOTAL_CONNECTIONS,
} from './statistics.js';
import { MEMCACHED_VERSION, REDIS_VERSION } from './version.js';
import { Watch } from './watch.js';
import { NEXT_CLIENT, REJECTED_CONNECTIONS, type ServerFacts, type WorkerData } from './worker-data.js';

/** How long a stop waits for commands that answer later. */
const STOP_PATIENCE_MS = 1000;
const STOP_POLL_MS = 2;
/** Free pages that MEMORY PURGE gives back while it holds a shard's lock. */
const PURGE_PAGES = 256;

export interface WorkerParts {
  readonly data: WorkerData;
  readonly config: Config;
  readonly keyspace: Keyspace;
  readonly table: CommandTable;
  readonly statistics: Statistics;
  readonly bus: (handlers: Readonly<Record<string, Handler>>) => Bus;
}

/** What the main thread may ask of the composition. */
export interface WorkerActions {
  adopt(socket: Accepted): void;
  listen(door: never): Promise<number>;
  stop(): Promise<void>;
  configChanged(changes: never): void;
}

export class WorkerServer implements ServerPort {
  readonly table: CommandTable;
  readonly redisVersion = REDIS_VERSION;
  readonly memcachedVersion = MEMCACHED_VERSION;
  readonly memcachedCounters: Float64Array;
  /** The client of requests that come from nobody. */
  readonly nobody: Client;
  readonly hooks: DispatcherHooks;
  private readonly data: WorkerData;
  private readonly config: Config;
  private readonly keyspace: Keyspace;
  private readonly statistics: Statistics;
  private readonly settings: EngineSettings;
  private readonly makeBus: WorkerParts['bus'];
  private readonly shared: Int32Array;
  private readonly fleet: FleetFigures;
  private readonly pausing: Pause;
  private facts: ServerFacts;
  private dispatcher!: Dispatcher;
  private transport!: Transport;
  private clientsHere!: Clients;
  private routine!: Routine;
  private watch!: Watch;
  private bus!: Bus;

  constructor({ data, config, keyspace, table, statistics, bus }: WorkerParts) {
    this.data = data;
    this.config = config;
    this.keyspace = keyspace;
    this.table = table;
    this.statistics = statistics;
    this.settings = new EngineSettings(config, keyspace);
    this.memcachedCounters = statistics.counters;
    this.makeBus = bus;
    this.facts = data.facts;
    this.shared = new Int32Array(data.shared);
    this.fleet = new FleetFigures(data.statistics);
    this.nobody = new Client(0, 0, data.index, '', '', -1, 0, true);
    this.pausing = new Pause((paused) => this.onPause(paused));
    this.hooks = {
      log: (level, message) => this.bus.send('log', { level, message }),
      closed: (client, reason) => this.onClosed(client, reason),
      monitored: (request, entry) => this.watch.onMonitored(request, entry),
      slow: (request, entry, microseconds) => this.watch.onSlow(request, entry, microseconds),
      large: (request, entry, replyBytes) => this.watch.onLarge(request, entry, replyBytes),
      mustWait: (entry) => this.pausing.holds(entry),
    };
  }

  // ---------------------------------------------------------------------------------------------- life

  /** Connects the parts that need each other, and says that this worker serves. */
  start(dispatcher: Dispatcher, transport: Transport, actions: WorkerActions): void {
    this.dispatcher = dispatcher;
    this.transport = transport;
    this.clientsHere = new Clients(this.config, this.table, dispatcher, transport);
    const { config, keyspace, fleet, statistics, data, shared } = this;
    this.watch = new Watch({ config, statistics, dispatcher, shared, bus: () => this.bus });
    this.routine = new Routine({
      config,
      keyspace,
      shared,
      fleet,
      statistics,
      worker: data.index,
      transport,
      clients: this.clientsHere,
      warn: (message) => this.log(message),
      followEngine: () => this.followEngine(),
    });
    this.followConfig();
    this.bus = this.makeBus({
      ...this.handlers(),
      ...this.watch.handlers,
      ...(actions as unknown as Record<string, Handler>),
    });
    this.pausing.set(data.pause);
    this.watch.setMonitors(data.monitors);
    this.routine.start();
    this.bus.send('serving');
  }

  /** What the main thread may call, beyond the composition's own actions. */
  private handlers(): Record<string, Handler> {
    // Between batches the clock stands still.
    const now = (): number => {
      this.keyspace.clock.tick();
      return this.keyspace.clock.now;
    };
    return {
      facts: (facts: ServerFacts) => {
        this.facts = facts;
      },
      clients: (filter: ClientFilter) =>
        this.clientsHere.matching(filter, now()).map((client) => this.clientFacts(client)),
      killClients: ({ filter, selfId }: { filter: ClientFilter; selfId: number }) =>
        this.clientsHere.kill(filter, selfId, now()),
      pause: (state: PauseState) => this.pausing.set(state),
      resetStatistics: () => this.statistics.reset(),
      purgeMemory: () => this.releaseMemory(),
      hotKeys: () => this.dispatcher.hotKeys.report(),
      hotKeysReset: () => this.dispatcher.hotKeys.clear(),
    } as Record<string, Handler>;
  }

  /** Brings this worker in line with the configuration, now and after each change. */
  private followConfig(): void {
    const { config, transport } = this;
    const applyLimits = (): void => {
      this.dispatcher.memoryBoundsArguments = argumentBytesMax(config) < config.protoMaxBulkLen;
      for (const client of this.clientsHere.open) this.clientsHere.applyLimits(client);
    };
    config.onChange('maxmemory', applyLimits);
    config.onChange('protoMaxBulkLen', applyLimits);
    config.onChange('memcachedItemSizeMax', applyLimits);
    config.onChange('clientOutputBufferLimit', applyLimits);
    config.onChange('clientQueryBufferLimit', (bytes) => transport.setQueryBufferLimit(bytes));
    config.onChange('tcpKeepalive', (seconds) => {
      for (const client of this.clientsHere.open) transport.setKeepAlive(client.connection, seconds);
    });
    config.onChange('requirepass', (password) => this.onPasswordChanged(password));
    config.onChange('latencyTracking', (on) => {
      this.statistics.histogramWeight = on ? 1 : 0;
    });
    config.onChange('hotkeysSample', (every) => {
      this.dispatcher.hotKeys.rate = every;
    });
    this.dispatcher.hotKeys.rate = config.hotkeysSample;
    applyLimits();
    transport.setQueryBufferLimit(config.clientQueryBufferLimit);
    this.statistics.histogramWeight = config.latencyTracking ? 1 : 0;
  }

  /** Without a password everybody is let in, those too who have tried in vain before. A new password is asked of new clients only. */
  private onPasswordChanged(password: string): void {
    if (password !== '') return;
    for (const client of this.clientsHere.open) {
      client.authenticated = true;
      this.clientChanged(client);
    }
  }

  // ---------------------------------------------------------------------------------------------- connections

  /** Text with which a new connection is refused, in the words of what it speaks; empty when it may come in. */
  refusal(speaks: number): string {
    if (this.fleet.sum(CONNECTED) < this.config.maxclients) return '';
    Atomics.add(this.shared, REJECTED_CONNECTIONS, 1);
    return fullText(speaks);
  }

  /** A connection, which is among those CONNECTED, can be served; `speaks` (SPEAKS_*) is spoken on it. */
  connected(connection: number, speaks: number): void {
    const { transport, data, config } = this;
    const id = Atomics.add(this.shared, NEXT_CLIENT, 1) + 1;
    const client = this.clientsHere.introduce(id, connection, data.index, speaks);
    this.dispatcher.clients[connection] = client;
    this.statistics.add(TOTAL_CONNECTIONS, 1);
    if (client.speaks !== SPEAKS_RESP) {
      this.statistics.add(MEMCACHED_CONNECTED, 1);
      this.statistics.add(MEMCACHED_CONNECTIONS, 1);
    }
    if (config.tcpKeepalive > 0) transport.setKeepAlive(connection, config.tcpKeepalive);
    this.clientChanged(client);
  }

  clientChanged(client: Client): void {
    client.updateGate();
    if (!client.monitor) this.watch.remove(client);
    this.transport.arrays.databases[client.connection] = client.database;
    this.clientsHere.applyLimits(client);
  }

  /** The buffers of this worker's connections have grown. */
  buffersChanged(inBatch: boolean): void {
    this.routine.memory.changed(inBatch);
  }

  private onClosed(client: Client, reason: number): void {
    this.statistics.add(CONNECTED, -1);
    if (client.speaks !== SPEAKS_RESP) this.statistics.add(MEMCACHED_CONNECTED, -1);
    if (reason === CLOSE_OUTPUT_LIMIT) this.statistics.add(OUTPUT_LIMIT_CLOSES, 1);
    if (reason === CLOSE_QUERY_LIMIT) this.statistics.add(QUERY_LIMIT_CLOSES, 1);
    this.watch.remove(client);
  }

  async clients(filter: ClientFilter): Promise<ClientFacts[]> {
    const lists = await this.bus.call<ClientFacts[][]>('clients', filter);
    return lists.flat().sort((a, b) => a.id - b.id);
  }

  clientFacts(client: Client): ClientFacts {
    return this.clientsHere.facts(client, this.keyspace.clock.now);
  }

  killClients(filter: ClientFilter, self: Client): Promise<{ killed: number; self: boolean }> {
    return this.bus.call('killClients', { filter, selfId: self.id });
  }

  async pause(until: number, all: boolean): Promise<void> {
    await this.bus.call('pause', { until, all });
  }

  private onPause(paused: boolean): void {
    this.dispatcher.setGate(GATE_PAUSED, paused);
    if (!paused) this.dispatcher.unpause();
  }

  // ---------------------------------------------------------------------------------------------- configuration

  get requirePassword(): string {
    return this.config.requirepass;
  }

  countAuthFailure(): void {
    this.statistics.add(AUTH_FAILURES, 1);
  }

  get valueBytesMax(): number {
    return this.config.protoMaxBulkLen;
  }

  get memcachedValueBytesMax(): number {
    return this.config.memcachedItemSizeMax;
  }

  /** An application or another server of the cache may have changed its settings: the main thread is to know as well. */
  private followEngine(): void {
    if (this.settings.follow()) this.bus.send('engineChanged');
  }

  configGet(name: string): string | undefined {
    this.followEngine();
    return this.config.format(name);
  }

  configNames(): readonly string[] {
    return this.config.names();
  }

  configSet(pairs: readonly ConfigPair[]): Promise<string | undefined> {
    return this.bus.call('configSet', pairs);
  }

  configRewrite(): Promise<string | undefined> {
    return this.bus.call('configRewrite');
  }

  // ---------------------------------------------------------------------------------------------- figures

  private get sources(): InfoSources {
    const { config, keyspace, table, fleet, facts, shared, data } = this;
    return { config, keyspace, table, fleet, facts, shared, native: data.native };
  }

  async resetStatistics(): Promise<void> {
    await this.bus.call('resetStatistics');
  }

  info(sections: readonly string[]): string {
    this.followEngine();
    this.routine.collect();
    return infoText(this.sources, sections);
  }

  latencyHistogram(names: readonly string[]): CommandHistogram[] {
    return commandHistograms(this.sources, names);
  }

  memcached(): MemcachedFigures {
    this.routine.collect();
    return memcachedFigures(this.sources);
  }

  memory(): MemoryFigures {
    this.routine.collect();
    return memoryFigures(this.keyspace, this.fleet);
  }

  async purgeMemory(): Promise<void> {
    await this.bus.call('purgeMemory');
  }

  log(message: string): void {
    this.bus.send('log', { level: 'warn', message });
  }

  /** This thread's part of MEMORY PURGE: its shards, its own heap, and that of buffers. */
  private releaseMemory(): void {
    const { keyspace, data } = this;
    keyspace.shards.forEach((shard, number) => {
      if (number % data.threads !== data.index) return;
      // In portions, so that no request waits for the lock until all is done.
      for (let released = PURGE_PAGES; released >= PURGE_PAGES; keyspace.leave()) {
        released = keyspace.enter(shard).pool.giveBack(PURGE_PAGES);
      }
    });
    collectGarbage();
    this.transport.releaseMemory();
  }

  // ---------------------------------------------------------------------------------------------- watching

  hotKeys(): Promise<HotKey[]> {
    return this.bus.call('hotKeys');
  }

  async hotKeysReset(): Promise<void> {
    await this.bus.call('hotKeysReset');
  }

  commandLog(kind: CommandLogKind): Promise<CommandLogEntry[]> {
    return this.bus.call('commandLog', kind);
  }

  async commandLogReset(kind: CommandLogKind): Promise<void> {
    await this.bus.call('commandLogReset', kind);
  }

  latencyEvents(): Promise<LatencyEvent[]> {
    return this.bus.call('latencyEvents');
  }

  latencyReset(names: readonly string[]): Promise<number> {
    return this.bus.call('latencyReset', names);
  }

  async monitor(client: Client): Promise<void> {
    client.monitor = true;
    this.clientChanged(client);
    await this.watch.add(client);
  }

  // ---------------------------------------------------------------------------------------------- the end

  shutdown(): void {
    this.bus.send('shutdown');
  }

  /**
   * The server stops: resolves when all that has been received is answered, or has taken too long. A command that answers later may have others
   * behind it, which answer later in their turn.
   */
  async stopped(): Promise<void> {
    const deadline = performance.now() + STOP_PATIENCE_MS;
    while (this.transport.catchUp() || this.dispatcher.unanswered > 0) {
      if (performance.now() >= deadline) return;
      await new Promise((resolve) => setTimeout(resolve, STOP_POLL_MS));
    }
  }
}
