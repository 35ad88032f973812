/** The figures of a shard in one object: for INFO, the library's `stats` and reports. */

import { PAGE_BYTES } from './memory/size-classes.js';
import type { Shard } from './shard.js';

/** Figures of a shard, or of several together. */
export interface ShardFigures {
  /** Keys, and placeholders of leases. */
  items: number;
  keys: number;
  /** Pages in use, in bytes: what counts against the budget. */
  usedBytes: number;
  /** Those of them that are for items, slabs and runs, in bytes: neither tables nor the index. */
  slabBytes: number;
  budgetBytes: number;
  /** Pages that are free and still resident, in bytes. */
  freeResidentBytes: number;
  /** Pages given back to the operating system so far, in bytes. */
  givenBackBytes: number;
  /** Pages that compaction emptied so far, in bytes. */
  compactedBytes: number;
  /** Bytes of the items themselves, without rounding. */
  itemBytes: number;
  hits: number;
  misses: number;
  expired: number;
  expiredBySweep: number;
  /** Time that was spent on looking for what has expired, in milliseconds. */
  sweepMs: number;
  evicted: number;
  /** Strings that were written, each whole. */
  stored: number;
  /** Writes refused for want of memory. */
  refused: number;
  pinnedItems: number;
  pinnedBytes: number;
  /** Items that were not pinned, or lost their pins, because the share of the memory for pins was used up. */
  pinsRefused: number;
  /** Times the shard was reset because a thread died in the middle of a change. */
  resets: number;
  segments: number;
}

/** Reads a shard's figures. That needs no lock: each figure is right, all together are of about one moment. */
export function readFigures({ ledger, pool, tidying, pins, index }: Shard): ShardFigures {
  return {
    items: ledger.items,
    keys: ledger.keys,
    usedBytes: pool.used * PAGE_BYTES,
    slabBytes: (pool.used - pool.overhead - index.segments()) * PAGE_BYTES,
    budgetBytes: pool.budget * PAGE_BYTES,
    freeResidentBytes: pool.freeResident * PAGE_BYTES,
    givenBackBytes: pool.givenBack * PAGE_BYTES,
    compactedBytes: tidying.emptiedPages * PAGE_BYTES,
    itemBytes: ledger.itemBytes,
    hits: ledger.hits,
    misses: ledger.misses,
    expired: ledger.expired,
    expiredBySweep: ledger.expiredBySweep,
    sweepMs: ledger.sweepMs,
    evicted: ledger.evicted,
    stored: ledger.stored,
    refused: ledger.refused,
    pinnedItems: pins.items,
    pinnedBytes: pins.bytes,
    pinsRefused: pins.refused,
    resets: ledger.resets,
    segments: index.segments(),
  };
}

/** CONFIG RESETSTAT. */
export function resetFigures({ ledger, lag }: Shard): void {
  ledger.forget();
  lag.reset();
}
