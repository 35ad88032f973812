/** What a worker does ten times a second beside its requests: figures for INFO, and the limits that take time to be exceeded. */

import type { Keyspace } from '../engine/keyspace.js';
import type { Transport } from '../transport/transport.js';
import type { Clients } from './clients.js';
import type { Config } from './config/config.js';
import { shareOf } from './config/values.js';
import type { FleetFigures } from './fleet-figures.js';
import { notePeak, usedByClients } from './memory-report.js';
import { Sampler } from './sampler.js';
import {
  EVICTED_CLIENTS,
  LARGEST_CLIENT,
  OUTPUT_LIMIT_CLOSES,
  PENDING_INPUT,
  PENDING_OUTPUT,
  RECENT_MAX_INPUT,
  RECENT_MAX_OUTPUT,
  type Statistics,
  TIMED_OUT_CLIENTS,
} from './statistics.js';

const PERIOD_MS = 100;
const TURNS_PER_SECOND = 1000 / PERIOD_MS;
/** Seconds for which a client's largest buffers are remembered. */
const RECENT_SECONDS = 8;

export interface RoutineParts {
  readonly config: Config;
  readonly keyspace: Keyspace;
  readonly fleet: FleetFigures;
  readonly statistics: Statistics;
  /** Number of this worker. */
  readonly worker: number;
  readonly transport: Transport;
  readonly clients: Clients;
}

export class Routine {
  private readonly parts: RoutineParts;
  private readonly sampler: Sampler;
  private turn = 0;
  /** Whether the other workers know of this one's largest client. */
  private largestTold = false;
  private second = 0;
  /** Largest buffers in this span of RECENT_SECONDS, and in the one before. */
  private recent = { input: 0, output: 0 };
  private previous = { input: 0, output: 0 };

  constructor(parts: RoutineParts) {
    this.parts = parts;
    this.sampler = new Sampler(parts.statistics, parts.transport, performance.now());
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
    const { keyspace, clients, statistics, fleet, worker } = this.parts;
    keyspace.clock.tick();
    const now = keyspace.clock.now;
    this.sampler.sample(performance.now());
    notePeak(keyspace, fleet, worker);
    this.evictClients();
    if (this.turn++ % TURNS_PER_SECOND !== 0) return;
    statistics.add(TIMED_OUT_CLIENTS, clients.closeIdle(now));
    this.noteBuffers();
    // Looking at every client costs something, and mostly nobody has anything pending.
    if (statistics.get(PENDING_OUTPUT) === 0) clients.noSlowReaders();
    else statistics.add(OUTPUT_LIMIT_CLOSES, clients.closeSlowReaders(now));
  }

  /**
   * `maxmemory-clients`: while all clients together take more, the largest is closed. Each worker tells the others how large its largest is, and closes it
   * only when none of theirs is larger. What it closed it goes on telling until its next turn: by then the others can see that it is gone. In the
   * first turn with a limit nobody has told anything yet, so that nothing is closed.
   */
  private evictClients(): void {
    const { config, fleet, statistics, clients } = this.parts;
    const limit = shareOf(config.maxmemoryClients, config.maxmemory);
    const told = this.largestTold;
    this.largestTold = limit > 0;
    if (limit === 0) return;
    const others = this.largestElsewhere();
    let used = usedByClients(fleet);
    let largest = clients.largest();
    statistics.values[LARGEST_CLIENT] = largest?.bytes ?? 0;
    while (told && largest !== undefined && used > limit && largest.bytes >= others) {
      clients.close(largest.client);
      used -= largest.bytes;
      statistics.add(EVICTED_CLIENTS, 1);
      largest = clients.largest();
    }
    this.collect();
  }

  /** Bytes of the largest client of the other workers. */
  private largestElsewhere(): number {
    const { fleet, worker } = this.parts;
    return Math.max(
      0,
      ...fleet.blocks.filter((_, other) => other !== worker).map((block) => block.get(LARGEST_CLIENT)),
    );
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
