/** The figures of a cache. */

import { POLICIES, type PolicyName } from '../engine/control.js';
import type { ExpiryLag } from '../engine/expiry/lag.js';
import type { Keyspace } from '../engine/keyspace.js';

export interface CacheStats {
  /** Keys of all databases, those included that have expired and are not removed yet. */
  items: number;
  /** Limit of memory in bytes. */
  maxMemory: number;
  /** Bytes of it that are in use, in pages. */
  usedMemory: number;
  /** Bytes of the items alone: keys, values and their headers. */
  itemBytes: number;
  hits: number;
  misses: number;
  /** Keys that were removed because their time was over. */
  expired: number;
  /** Keys that were removed to make room. */
  evicted: number;
  /** Writes that found no room. */
  refused: number;
  /** Times a shard was emptied because a thread ended in the middle of a change. */
  resets: number;
  /** For how many milliseconds the oldest key that has expired and not been removed has been due. It cannot be read any more, it only takes room. */
  expiryLag: number;
  /** For how long the keys that expired in the last one to two minutes had been due when their memory came back, in milliseconds. */
  expiryLags: ExpiryLag;
  shards: number;
  /** Threads that are attached. */
  threads: number;
  policy: PolicyName;
}

/** Figures over all shards. The clock has been read. */
export function readStats(keyspace: Keyspace): CacheStats {
  const figures = keyspace.figures();
  const due = keyspace.oldestDue();
  return {
    items: figures.keys,
    maxMemory: figures.budgetBytes,
    usedMemory: figures.usedBytes,
    itemBytes: figures.itemBytes,
    hits: figures.hits,
    misses: figures.misses,
    expired: figures.expired,
    evicted: figures.evicted,
    refused: figures.refused,
    resets: figures.resets,
    expiryLag: due === 0 ? 0 : Math.max(0, keyspace.clock.now - due),
    expiryLags: keyspace.expiryLag(),
    shards: keyspace.shards.length,
    threads: keyspace.registry.count(),
    policy: POLICIES[keyspace.control.policy],
  };
}
