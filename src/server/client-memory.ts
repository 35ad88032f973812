/**
 * What clients' buffers take of `maxmemory`.
 *
 * ```
 *  maxmemory   ├──────────────── data ────────────────┤◀── gives way ──┤── buffers ──┤
 *                                                              at most: maxmemory-clients
 * ```
 *
 * What the buffers of all clients take, beyond what the fixed part of the process has room for, the data may not have: its limit is lowered by it ten times a second, and upkeep makes room. When the buffers of
 * this worker have grown by STEP_BYTES since, that is too late, and room is made before the next batch is received: so buffers grow no faster
 * than data gives way.
 *
 * Above `maxmemory-clients` the largest clients are closed: in turns, in which workers agree on whose is the largest; or at once, when buffers
 * grow fast. A client's pending output stops it from being served long before.
 */

import type { Keyspace } from '../engine/keyspace.js';
import { PAGE_BYTES } from '../engine/memory/size-classes.js';
import { makeRoom } from '../engine/upkeep.js';
import type { Transport } from '../transport/transport.js';
import type { Clients, SizedClient } from './clients.js';
import type { Config } from './config/config.js';
import type { FleetFigures } from './fleet-figures.js';
import { clientBytesMax, withheldBytes } from './memory-limits.js';
import { usedByClients } from './memory-report.js';
import { BUFFERS, EVICTED_CLIENTS, LARGEST_CLIENT, type Statistics } from './statistics.js';
import { withhold } from './worker-data.js';

/** A client is not served while this part of what all buffers may take waits for it. */
const THROTTLE_PART = 16;
/** Buffers of a worker may grow by this much before room is made for them. */
const STEP_BYTES = 4 * 2 ** 20;
/** So much must the buffers of a worker have shrunk, for what is left of them to be given back. */
const RELEASE_BYTES = 16 * 2 ** 20;
/** When clients are closed at once, so much of the limit is made free: looking at all of them costs something. */
const CLOSED_MORE = 1 / 16;
/** From this part of the limit on workers tell each other of their largest clients. */
const NEAR = 3 / 4;

export interface ClientMemoryParts {
  readonly config: Config;
  readonly keyspace: Keyspace;
  /** Words that all threads of the server share (worker-data.ts). */
  readonly shared: Int32Array;
  readonly fleet: FleetFigures;
  readonly statistics: Statistics;
  /** Number of this worker. */
  readonly worker: number;
  readonly transport: Transport;
  readonly clients: Clients;
}

export class ClientMemory {
  private readonly parts: ClientMemoryParts;
  private readonly collect: () => void;
  /** Whether the other workers know of this one's largest client. */
  private told = false;
  /** Most bytes of this worker's buffers since memory was given back. */
  private most = 0;

  /** @param collect brings this worker's statistics up to date */
  constructor(parts: ClientMemoryParts, collect: () => void) {
    this.parts = parts;
    this.collect = collect;
    this.withhold();
  }

  /** Ten times a second, when the statistics are up to date. */
  turn(): void {
    this.evictInTurn();
    this.withhold();
    this.release();
  }

  /** What the allocator keeps of buffers that are gone goes back to the system when it is much. */
  private release(): void {
    const { statistics, transport } = this.parts;
    const buffers = statistics.get(BUFFERS);
    this.most = Math.max(this.most, buffers);
    if (this.most - buffers < RELEASE_BYTES) return;
    this.most = buffers;
    transport.releaseMemory();
  }

  /**
   * While all clients together take more than they may, the largest is closed. Each worker tells the others how large its largest is, and closes it
   * only when none of theirs is larger. What it closed it goes on telling until its next turn: by then the others can see that it is gone. In the
   * first turn near the limit nobody has told anything yet, so that nothing is closed.
   */
  private evictInTurn(): void {
    const { config, fleet, statistics } = this.parts;
    const limit = clientBytesMax(config);
    const told = this.told;
    // Looking at every client costs something, and mostly they are far from the limit.
    this.told = limit > 0 && usedByClients(fleet) > limit * NEAR;
    if (!this.told) {
      statistics.values[LARGEST_CLIENT] = 0;
      return;
    }
    const bySize = this.parts.clients.bySize();
    statistics.values[LARGEST_CLIENT] = bySize[0]?.bytes ?? 0;
    if (told) this.close(bySize, usedByClients(fleet) - limit, this.largestElsewhere());
  }

  /**
   * This worker's buffers have changed by STEP_BYTES: others must know at once, lest they close clients for memory that is free again; and when they have
   * grown, room is made.
   * @param inBatch in the middle of one, where no data can go, but clients can
   */
  changed(inBatch: boolean): void {
    this.collect();
    this.closeOwn();
    if (inBatch) return;
    this.withhold();
    makeRoom(this.parts.keyspace);
  }

  /** When all clients together take more than they may, and this worker's more than its part of that: closes the largest of them. */
  private closeOwn(): void {
    const { config, fleet, statistics, clients } = this.parts;
    const limit = clientBytesMax(config);
    if (limit === 0) return;
    const over = usedByClients(fleet) - limit;
    const ownOver = statistics.get(BUFFERS) - limit / fleet.blocks.length;
    if (over <= 0 || ownOver <= 0) return;
    this.close(clients.bySize(), Math.min(over, ownOver) + limit * CLOSED_MORE, 0);
  }

  /** Closes the largest clients, for `excess` bytes at least; none that is smaller than `least`. */
  private close(bySize: readonly SizedClient[], excess: number, least: number): void {
    const { clients, statistics } = this.parts;
    let left = excess;
    for (const { client, bytes } of bySize) {
      if (left <= 0 || bytes < least) break;
      clients.close(client);
      left -= bytes;
      statistics.add(EVICTED_CLIENTS, 1);
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

  /** Tells the shards what they may not have, which is the same whichever worker tells it; and has the transport tell when that has become more. */
  private withhold(): void {
    const { config, keyspace, shared, fleet, statistics, transport } = this.parts;
    const bytes = withheldBytes(usedByClients(fleet));
    withhold(keyspace.control, shared, Math.ceil(bytes / keyspace.shards.length / PAGE_BYTES));
    const throttleAbove = Math.floor(clientBytesMax(config) / THROTTLE_PART);
    const buffers = statistics.get(BUFFERS);
    transport.setBufferWatch(Math.max(0, buffers - STEP_BYTES), buffers + STEP_BYTES, throttleAbove);
  }
}
