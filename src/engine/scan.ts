/**
 * Walking through the keyspace in steps, while others change it.
 *
 * A cursor is a place in an order that never changes: shard, then the top 16 bits of the salted hash (its prefix), then, within a range of prefixes,
 * the home bucket.
 *
 * ```
 *  cursor:  [ shard: 10 bits ][ first prefix of a range: 16 ][ home bucket: 10 ][ end of the range: 16 ]
 * ```
 *
 * Cursor (s, p, b, e) says: visited are the shards before s, in shard s every key whose prefix is below p, and, of those with a prefix from p to before e,
 * every key whose home bucket is below b. Where b is 0, e says nothing. The hash of a key never changes, and an entry that lies away
 * from its home bucket is visited with its home bucket. So whoever is there from the first step to the last is visited at least once.
 *
 * A step takes the segment that has prefix p now, and visits what of it has a prefix from p to before e: a segment that has been split since, or moved, or
 * joined with another, has other bounds than the range that was begun with. If it ends before e, what follows it is visited from bucket 0, some keys of
 * it for the second time. The directory doubling changes how many bits are looked at, not their order. Items move without their entries moving;
 * removed entries leave the others where they are. A flush (or the reset of a torn shard) leaves no key from before that could be missed.
 *
 * The lock is given up after each segment, so that a long walk stops nobody else.
 */

import { databaseOf, isPlaceholder } from './item.js';
import type { Keyspace } from './keyspace.js';
import { DIRECTORY_DEPTH_MAX } from './memory/page-pool.js';
import type { Shard } from './shard.js';
import { HOME_ENTRIES_MAX, SEGMENT_BUCKETS } from './table/hash-index.js';

/** Where a walk begins, and what a step returns when it has come to the end. */
export const SCAN_START = 0;
export const SCAN_END = 0;

const BUCKETS = SEGMENT_BUCKETS;
const PREFIX_BITS = DIRECTORY_DEPTH_MAX;
const PREFIXES = 1 << PREFIX_BITS;
/** Cursors with the same prefix, and those of a shard. */
const CURSORS_OF_PREFIX = BUCKETS * PREFIXES;
const CURSORS_OF_SHARD = PREFIXES * CURSORS_OF_PREFIX;
/** What looking at an item costs, against a bucket: it lies elsewhere in memory. */
const ITEM_WORK = 8;

/** Entries of the bucket being visited; then, in the same places, the items: an entry that is removed lets others move. */
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
    const prefix = Math.floor(within / CURSORS_OF_PREFIX);
    const position = prefix >>> shift;
    const from = Math.floor(within / PREFIXES) % BUCKETS;
    let end = index.rangeEnd(position) << shift;
    // The end of the last range is the first prefix behind all, of which the cursor has no room for the highest bit.
    const begunWith = within % PREFIXES || PREFIXES;
    if (from > 0 && begunWith > prefix) end = Math.min(end, begunWith);
    this.work--;
    if (!index.isSegmentEmpty(position)) {
      const bucket = this.buckets(shard, position, from, prefix, end);
      if (bucket < BUCKETS) return first + prefix * CURSORS_OF_PREFIX + bucket * PREFIXES + (end % PREFIXES);
    }
    const next = first + end * CURSORS_OF_PREFIX;
    return this.nextShard(Math.floor(next / CURSORS_OF_SHARD)) === this.keyspace.shards.length ? SCAN_END : next;
  }

  /** Visits buckets of a segment from one on, of them the keys with a prefix from `prefix` to before `end`; returns the next bucket. */
  private buckets(shard: Shard, position: number, from: number, prefix: number, end: number): number {
    const { words, index } = shard;
    let bucket = from;
    do {
      const entries = index.entriesOfHome(position, bucket++, found);
      let items = 0;
      for (let i = 0; i < entries; i++) {
        const of = index.hashAt(found[i]) >>> (32 - PREFIX_BITS);
        if (of >= prefix && of < end) found[items++] = index.itemAt(found[i]);
      }
      for (let i = 0; i < items; i++) {
        const item = found[i];
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

/** Cursor of a shard from a directory position on. */
export function positionCursor(keyspace: Keyspace, shard: number, position: number): number {
  const shift = PREFIX_BITS - keyspace.shards[shard].index.depth;
  return shard * CURSORS_OF_SHARD + (position << shift) * CURSORS_OF_PREFIX;
}
