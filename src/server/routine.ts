/** What a worker does ten times a second beside its requests: figures for INFO, and the limits that take time to be exceeded. */

import { POLICY_NOEVICTION } from '../engine/control.js';
import { ClientMemory, type ClientMemoryParts } from './client-memory.js';
import { clientBytesMax } from './memory-limits.js';
import { notePeak, usedByClients, usedByShards } from './memory-report.js';
import { MemoryWarnings } from './memory-warnings.js';
import { Sampler } from './sampler.js';
import {
  OUTPUT_LIMIT_CLOSES,
  PENDING_INPUT,
  PENDING_OUTPUT,
  RECENT_MAX_INPUT,
  RECENT_MAX_OUTPUT,
  TIMED_OUT_CLIENTS,
} from './statistics.js';

const PERIOD_MS = 100;
const TURNS_PER_SECOND = 1000 / PERIOD_MS;
/** Seconds for which a client's largest buffers are remembered. */
const RECENT_SECONDS = 8;

export interface RoutineParts extends ClientMemoryParts {
  /** Writes a warning to the log. */
  readonly warn: (message: string) => void;
  /** Has the configuration follow settings of the cache that it did not make. */
  readonly followEngine: () => void;
}

export class Routine {
  readonly memory: ClientMemory;
  private readonly parts: RoutineParts;
  private readonly sampler: Sampler;
  private readonly warnings: MemoryWarnings;
  private turn = 0;
  private second = 0;
  /** Largest buffers in this span of RECENT_SECONDS, and in the one before. */
  private recent = { input: 0, output: 0 };
  private previous = { input: 0, output: 0 };

  constructor(parts: RoutineParts) {
    this.parts = parts;
    this.sampler = new Sampler(parts.statistics, parts.transport, performance.now());
    this.memory = new ClientMemory(parts, () => this.collect());
    this.warnings = new MemoryWarnings(parts.warn);
  }

  /** Begins. The timer does not keep the thread alive. */
  start(): void {
    setInterval(() => this.run(), PERIOD_MS).unref();
  }

  /** Brings the statistics block up to date. */
  collect(): void {
    this.sampler.collect();
  }

  private run(): void {
    const { keyspace, clients, statistics, fleet, worker, followEngine } = this.parts;
    followEngine();
    keyspace.clock.tick();
    const now = keyspace.clock.now;
    this.sampler.sample(performance.now());
    notePeak(keyspace, fleet, worker);
    this.memory.turn();
    if (this.turn++ % TURNS_PER_SECOND !== 0) return;
    statistics.add(TIMED_OUT_CLIENTS, clients.closeIdle(now));
    this.noteBuffers();
    if (worker === 0) this.warnIfNearLimit();
    // Looking at every client costs something, and mostly nobody has anything pending.
    if (statistics.get(PENDING_OUTPUT) === 0) clients.noSlowReaders();
    else statistics.add(OUTPUT_LIMIT_CLOSES, clients.closeSlowReaders(now));
  }

  /** One of the workers looks for all. */
  private warnIfNearLimit(): void {
    const { config, keyspace, fleet } = this.parts;
    const clients = usedByClients(fleet);
    this.warnings.look({
      used: usedByShards(keyspace) + clients,
      maxmemory: config.maxmemory,
      refuses: keyspace.control.policy === POLICY_NOEVICTION,
      clients,
      clientsMax: clientBytesMax(config),
    });
  }

  /** INFO's `client_recent_max_...`: the largest buffers of a client in the last seconds. */
  private noteBuffers(): void {
    const { clients, transport, statistics } = this.parts;
    if (this.second++ % RECENT_SECONDS === 0) {
      this.previous = this.recent;
      this.recent = { input: 0, output: 0 };
    }
    const pending = statistics.get(PENDING_INPUT) + statistics.get(PENDING_OUTPUT) > 0;
    for (const { connection } of pending ? clients.open : []) {
      this.recent.input = Math.max(this.recent.input, transport.pendingInput(connection));
      this.recent.output = Math.max(this.recent.output, transport.pendingOutput(connection));
    }
    statistics.values[RECENT_MAX_INPUT] = Math.max(this.recent.input, this.previous.input);
    statistics.values[RECENT_MAX_OUTPUT] = Math.max(this.recent.output, this.previous.output);
  }
}
