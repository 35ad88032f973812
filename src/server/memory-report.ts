/**
 * Where the memory is.
 *
 * "Used" is what `maxmemory` limits: pages of the shards that are in use, and what clients take. The JavaScript engine's own memory is not in it; the
 * resident size of the process is the figure that has everything.
 */

import { memoryUsage } from 'node:process';
import type { MemoryFigures } from '../commands/server-port.js';
import type { Keyspace } from '../engine/keyspace.js';
import { PAGE_BYTES } from '../engine/memory/size-classes.js';
import type { FleetFigures } from './fleet-figures.js';
import { CLIENT_BYTES } from './memory-limits.js';
import { BUFFERS, CONNECTED, PEAK_MEMORY, PENDING_INPUT, PENDING_OUTPUT } from './statistics.js';

/** Bytes of the shards' pages that are in use. */
export function usedByShards(keyspace: Keyspace): number {
  return keyspace.shards.reduce((sum, shard) => sum + shard.pool.used, 0) * PAGE_BYTES;
}

/** Bytes that the clients of all workers take. */
export function usedByClients(fleet: FleetFigures): number {
  return fleet.sum(CONNECTED) * CLIENT_BYTES + fleet.sum(BUFFERS);
}

/** Brings the highest memory that a worker saw up to date. */
export function notePeak(keyspace: Keyspace, fleet: FleetFigures, worker: number): void {
  const { values } = fleet.blocks[worker];
  values[PEAK_MEMORY] = Math.max(values[PEAK_MEMORY], usedByShards(keyspace) + usedByClients(fleet));
}

let lastResident = 0;

/** Resident memory of the process. Reading it takes a descriptor: while there is none, it is what it was. */
function residentBytes(): number {
  try {
    lastResident = memoryUsage.rss();
  } catch {
    // The next one who asks will see.
  }
  return lastResident;
}

export function memoryFigures(keyspace: Keyspace, fleet: FleetFigures): MemoryFigures {
  const figures = keyspace.figures();
  const clients = usedByClients(fleet);
  const used = figures.usedBytes + clients;
  return {
    used,
    peak: Math.max(used, fleet.max(PEAK_MEMORY)),
    startup: keyspace.shards.reduce((sum, shard) => sum + shard.pool.overhead, 0) * PAGE_BYTES,
    dataset: figures.itemBytes,
    clients,
    clientsInput: fleet.sum(PENDING_INPUT),
    clientsOutput: fleet.sum(PENDING_OUTPUT),
    keys: figures.keys,
    resident: residentBytes(),
    budget: keyspace.maxMemory,
    reserve: keyspace.reserve,
    refusedWrites: figures.refused,
  };
}
