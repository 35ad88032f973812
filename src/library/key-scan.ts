/**
 * Walking through the keys of a cache while others change it: every key that is there from the first step to the last comes at least once
 * (scan.ts in the engine says why). Keys are copied a batch at a time, and handed out without a lock, so that the application can
 * do what it likes between two of them.
 */

import { globMatch } from '../base/glob.js';
import { keyLength, keyOffset } from '../engine/item.js';
import { SCAN_END, SCAN_START, Scan } from '../engine/scan.js';
import type { Shard } from '../engine/shard.js';
import type { Attachment } from './attachment.js';

export interface ScanOptions {
  /** Glob pattern as in Redis: `user:*`, `h?llo`, `[ab]c`. */
  match?: string;
  /** Keys looked at under one lock; default 100. */
  count?: number;
}

const COUNT_DEFAULT = 100;
/** Buckets (and eight times the items) looked at under one lock. */
const WORK = 16_384;

/**
 * Yields the keys of a database; each may come more than once while the cache grows.
 * @param checkOpen throws when the cache object has been closed: the walk's owner may do that between two keys, and a thread that is no longer attached must
 * not take a lock
 */
export function* scanKeys(
  attachment: Attachment,
  database: number,
  options: ScanOptions,
  checkOpen: () => void,
): Generator<Buffer, void, undefined> {
  const pattern = options.match === undefined ? undefined : Buffer.from(options.match);
  const count = options.count ?? COUNT_DEFAULT;
  let cursor = SCAN_START;
  do {
    const keys: Buffer[] = [];
    checkOpen();
    cursor = scanBatch(attachment, database, cursor, count, (key) => {
      if (pattern === undefined || globMatch(pattern, 0, pattern.length, key, 0, key.length, false)) keys.push(key);
    });
    yield* keys;
  } while (cursor !== SCAN_END);
}

/** One batch, with copies of its keys. Returns the next cursor. */
function scanBatch(
  attachment: Attachment,
  database: number,
  cursor: number,
  count: number,
  found: (key: Buffer) => void,
): number {
  attachment.begin();
  attachment.clock.tick();
  const { keyspace } = attachment;
  const scan = new Scan(keyspace, database, (shard, item) => {
    if (!shard.removeExpired(item)) found(keyOf(shard, item));
  });
  scan.items = count;
  scan.work = WORK;
  try {
    return scan.walk(cursor);
  } catch (error) {
    keyspace.abandon();
    throw error;
  }
}

function keyOf(shard: Shard, item: number): Buffer {
  const at = keyOffset(shard.words, item);
  const copy = Buffer.allocUnsafe(keyLength(shard.words, item));
  copy.set(shard.bytes.subarray(at, at + copy.length));
  return copy;
}
