/**
 * Walking through the keyspace in steps, while others change it.
 *
 * A cursor is a place in an order that never changes: shard, then the top bits of the salted hash, then the home bucket.
 *
 * ```
 *  cursor:  [ shard ][ prefix: 16 bits, left-aligned ][ home bucket: 10 bits ]
 * ```
 *
 * Cursor (s, p, b) says: visited are the shards before s, in shard s every key whose hash is below prefix p, and, in the segment that begins at p,
 * every key whose home bucket is below b. The hash of a key never changes, and an entry that lies away from its home bucket is
 * visited with its home bucket. So whoever is there from the first step to the last is visited at least once:
 *
 * - A segment only ever splits. When that happens at (p, b), p begins the lower half, of which the buckets below b are visited, and the
 *   upper half follows from bucket 0: its keys below b are visited twice, none is missed.
 * - The directory doubling changes how many bits are looked at, not their order: the prefix is left-aligned.
 * - Items move without their entries moving. Removed entries leave the others where they are.
 * - A flush (or the reset of a torn shard) empties the index. Then p may lie within a segment, but no key from before is left to be missed.
 *
 * The lock is given up after each segment, so that a long walk stops nobody else.
 */

import { databaseOf, isPlaceholder } from './item.js';
import type { Keyspace } from './keyspace.js';
import type { Shard } from './shard.js';
import { HOME_ENTRIES_MAX, SEGMENT_BUCKETS } from './table/hash-index.js';

/** Where a walk begins, and what a step returns when it has come to the end. */
export const SCAN_START = 0;
export const SCAN_END = 0;

const BUCKETS = SEGMENT_BUCKETS;
/** Bits of the directory of the largest shard. */
const PREFIX_BITS = 16;
const CURSORS_OF_SHARD = (1 << PREFIX_BITS) * BUCKETS;
/** What looking at an item costs, against a bucket: it lies elsewhere in memory. */
const ITEM_WORK = 8;

/** Entries of the bucket being visited. */
const found = new Int32Array(HOME_ENTRIES_MAX);

/** Called for an item that is no placeholder, under its shard's lock. It may remove the item; it must not allocate, nor remove others. */
export type Visit = (shard: Shard, item: number) => void;

export class Scan {
  /** Items that may still be visited; the walk pauses when a bucket brings it to 0 or below. */
  items = Number.POSITIVE_INFINITY;
  /** Buckets, and eight times the items (of other databases too), that may still be looked at. */
  work = Number.POSITIVE_INFINITY;
  private readonly keyspace: Keyspace;
  /** Internal number of the database as the walk began. */
  private readonly database: number;
  private readonly visit: Visit;

  /**
   * @param database logical number of the database whose items are visited, expired ones included
   */
  constructor(keyspace: Keyspace, database: number, visit: Visit) {
    this.keyspace = keyspace;
    this.database = keyspace.control.internal(database);
    this.visit = visit;
  }

  /**
   * Walks on until `items` or `work` is used up, or to the end. At least one bucket is visited.
   * @returns the cursor to go on from, or SCAN_END
   */
  walk(cursor: number): number {
    let at = this.step(cursor);
    while (at !== SCAN_END && this.items > 0 && this.work > 0) at = this.step(at);
    return at;
  }

  /** Walks on as `walk` does, but no further than to the end of a segment. */
  step(cursor: number): number {
    const next = this.stepLocked(cursor);
    this.keyspace.leave();
    return next;
  }

  private stepLocked(cursor: number): number {
    const number = this.nextShard(Math.floor(cursor / CURSORS_OF_SHARD));
    if (number === this.keyspace.shards.length) return SCAN_END;
    const first = number * CURSORS_OF_SHARD;
    const within = Math.max(0, cursor - first);
    const shard = this.keyspace.enter(this.keyspace.shards[number]);
    // A database that has been emptied since has no key that was there all along, and its number may become another's.
    if (!this.keyspace.control.isUsed(this.database)) return SCAN_END;
    const index = shard.index;
    const shift = PREFIX_BITS - index.depth;
    const position = Math.floor(within / BUCKETS) >>> shift;
    const bucket = index.isSegmentEmpty(position) ? BUCKETS : this.buckets(shard, position, within % BUCKETS);
    this.work--;
    if (bucket < BUCKETS) return first + within - (within % BUCKETS) + bucket;
    const span = index.segmentSpan(position);
    const end = first + (((position & ~(span - 1)) + span) << shift) * BUCKETS;
    return this.nextShard(Math.floor(end / CURSORS_OF_SHARD)) === this.keyspace.shards.length ? SCAN_END : end;
  }

  /** Visits buckets of a segment from one on; returns the next one. */
  private buckets(shard: Shard, position: number, from: number): number {
    const { words, index } = shard;
    let bucket = from;
    do {
      const entries = index.entriesOfHome(position, bucket++, found);
      for (let i = 0; i < entries; i++) {
        const item = index.itemAt(found[i]);
        if (databaseOf(words, item) !== this.database || isPlaceholder(words, item)) continue;
        this.items--;
        this.visit(shard, item);
      }
      this.work -= 1 + entries * ITEM_WORK;
    } while (bucket < BUCKETS && this.items > 0 && this.work > 0);
    return bucket;
  }

  /** First shard from `number` on that has items of the database. */
  private nextShard(number: number): number {
    const shards = this.keyspace.shards;
    let next = Math.min(number, shards.length);
    while (next < shards.length && shards[next].ledger.keysIn(this.database) === 0) next++;
    return next;
  }
}

/** Cursor of the segment of a shard that has a directory position. */
export function segmentCursor(keyspace: Keyspace, shard: number, position: number): number {
  const shift = PREFIX_BITS - keyspace.shards[shard].index.depth;
  return shard * CURSORS_OF_SHARD + (position << shift) * BUCKETS;
}
