/**
 * Choosing a key at random, so that every key is as likely.
 *
 * The shard is chosen by its share of the keys, then an entry of its index: a segment, a bucket and a place in it, each uniformly, again and
 * again until that is a key of the database. Where keys are too sparse for that, a segment is walked and one of all its keys chosen.
 */

import { databaseOf, isPlaceholder, keyLength, keyOffset } from './item.js';
import type { Keyspace } from './keyspace.js';
import { positionCursor, SCAN_END, SCAN_START, Scan } from './scan.js';
import type { Shard } from './shard.js';
import { SEGMENT_BUCKETS } from './table/hash-index.js';

const TRIES = 48;
const BUCKET_ENTRIES = 8;

/** A copy of the key of a random item of a database (logical number); undefined when it has none. Expired ones that are met are removed. */
export function randomKey(keyspace: Keyspace, database: number): Uint8Array | undefined {
  const internal = keyspace.control.internal(database);
  const number = randomShard(keyspace, internal);
  if (number === -1) return undefined;
  const shard = keyspace.enter(keyspace.shards[number]);
  // What was emptied since is not looked through: its number may become another database's.
  const item = keyspace.control.isUsed(internal) ? randomEntry(shard, internal, keyspace.random) : 0;
  const key = item === 0 ? undefined : keyOf(shard, item);
  const start = positionCursor(keyspace, number, randomSegment(shard, keyspace.random));
  keyspace.leave();
  return key ?? walkForKey(keyspace, database, start);
}

/** Number of a shard, by the share of the database's items that it has; -1 when there are none. */
function randomShard(keyspace: Keyspace, database: number): number {
  const counts = keyspace.shards.map((shard) => shard.ledger.keysIn(database));
  let left = keyspace.random() * counts.reduce((sum, count) => sum + count, 0);
  let last = -1;
  for (let number = 0; number < counts.length; number++) {
    if (counts[number] <= 0) continue;
    last = number;
    left -= counts[number];
    if (left < 0) return number;
  }
  return last;
}

/** An item that was hit by chance, or 0. */
function randomEntry(shard: Shard, database: number, random: () => number): number {
  const index = shard.index;
  for (let tries = 0; tries < TRIES; tries++) {
    const bucket = index.bucketAt(randomSegment(shard, random), Math.floor(random() * SEGMENT_BUCKETS));
    const item = index.itemAt(bucket + 2 * Math.floor(random() * BUCKET_ENTRIES));
    if (item === 0 || databaseOf(shard.words, item) !== database || shard.removeExpired(item)) continue;
    if (!isPlaceholder(shard.words, item)) return item;
  }
  return 0;
}

/** First directory position of a random segment. */
function randomSegment({ index }: Shard, random: () => number): number {
  for (;;) {
    const position = Math.floor(random() * (1 << index.depth));
    // A segment has several positions; only its first one counts, so that every segment is as likely as any other.
    if (index.rangeStart(position) === position) return position;
  }
}

/** Walks from a segment on, round the keyspace, until a segment has keys, and chooses one of them. */
function walkForKey(keyspace: Keyspace, database: number, start: number): Uint8Array | undefined {
  let chosen: Uint8Array | undefined;
  let seen = 0;
  const scan = new Scan(keyspace, database, (shard, item) => {
    if (shard.removeExpired(item)) return;
    if (keyspace.random() * ++seen < 1) chosen = keyOf(shard, item);
  });
  let cursor = start;
  let wrapped = false;
  while (chosen === undefined && !(wrapped && cursor >= start)) {
    cursor = scan.step(cursor);
    if (cursor !== SCAN_END) continue;
    if (wrapped) break;
    wrapped = true;
    cursor = SCAN_START;
    if (start === SCAN_START) break;
  }
  return chosen;
}

function keyOf(shard: Shard, item: number): Uint8Array {
  const at = keyOffset(shard.words, item);
  return shard.bytes.slice(at, at + keyLength(shard.words, item));
}
