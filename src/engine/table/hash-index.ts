/**
 * The index of a shard: from the hash of a key to its item, by extendible hashing.
 *
 * WHAT IT IS. A directory of 2^depth words points at segments; a segment is one page of 1,024 buckets; a bucket is one cache
 * line of 8 entries; an entry is the key's whole 32-bit hash (the tag) and the item's address.
 *
 * ```
 *  hash:  [ top `depth` bits: directory ] ............ [ low 10 bits: home bucket ]
 *  entry: word 0: tag     word 1: address in 8-byte units (28 bits) | passed (4 bits, in a bucket's first entry only)
 * ```
 *
 * HOW IT WORKS. An entry goes to its home bucket, or, if that is full, to the nearest of the next REACH buckets that has room;
 * each bucket that it passed counts it. A look-up reads the home bucket and goes on only while buckets have been passed:
 * nearly always one cache line. The count saturates at 15 and then stays until the segment splits.
 *
 * GROWTH. A segment that is full is split alone, by the next bit of the tags it holds: no item is touched, and the work is one page
 * (some 50 microseconds), so the index grows without a pause. When a segment is split that is as deep as the directory, the directory
 * doubles first. Segments are never joined, which is what lets a scan's cursor stay valid; an emptied shard starts anew.
 *
 * LIMITATIONS. More than 8 * (REACH + 1) keys with the same 32-bit hash cannot be stored; the hash is keyed, so nobody can choose them.
 */

import { assert } from '../../base/assert.js';
import type { ByteArena } from '../../base/bytes.js';
import { HEADER_BYTES_MAX, identity, matches } from '../item.js';
import { PAGE_SEGMENT, type PagePool } from '../memory/page-pool.js';
import { PAGE_BYTES } from '../memory/size-classes.js';

const BUCKETS = 1024;
const BUCKET_MASK = BUCKETS - 1;
const BUCKET_WORDS = 16;
const BUCKET_SHIFT = 4;
const SEGMENT_WORDS = PAGE_BYTES >>> 2;
const SEGMENT_SHIFT = 14;
const ADDRESS_MASK = 0x0fffffff;
const PASSED_ONE = 1 << 28;
const PASSED_MAX = 15;
/** How many buckets past its home an entry may go. */
const REACH = 8;
/** Entries at which a segment splits even if there is room: look-ups stay short. */
const SEGMENT_ENTRIES_MAX = Math.floor(BUCKETS * 8 * 0.9);

const COUNT = 1;
const PREFIX = 4;
const DEPTH = 5;

/** Header word of the directory's depth: the native prefetch reads it too. */
export const DIRECTORY_DEPTH_WORD = 7;

/** Buckets of a segment, which a scan visits one by one. */
export const SEGMENT_BUCKETS = BUCKETS;
/** Most entries that have one bucket as their home. */
export const HOME_ENTRIES_MAX = 8 * (REACH + 1);

/** Entries of the segment being split. */
const scratch = new Int32Array(SEGMENT_WORDS);

/** First bucket of the segment in `scratch` whose predecessor passed nothing on to it; 0 when there is none. */
function unpassedBucket(): number {
  for (let bucket = 0; bucket < BUCKETS; bucket++) {
    if (scratch[(((bucket - 1) & BUCKET_MASK) << BUCKET_SHIFT) + 1] >>> 28 === 0) return bucket;
  }
  return 0;
}

export class HashIndex {
  private readonly pool: PagePool;
  private readonly words: Int32Array;
  private readonly bytes: ByteArena;
  private readonly directory: number;
  private readonly depthMax: number;

  constructor(pool: PagePool, directoryEntries: number) {
    this.pool = pool;
    this.words = pool.words;
    this.bytes = pool.bytes;
    this.directory = pool.directoryWord;
    this.depthMax = Math.log2(directoryEntries);
  }

  /** Makes an empty index of one segment. The pool has just been formatted. */
  format(): void {
    const words = this.words;
    words[DIRECTORY_DEPTH_WORD] = 1;
    const segment = this.takeSegment(0, 0);
    words[this.directory] = segment;
    words[this.directory + 1] = segment;
  }

  /** Bits of the hash that the directory uses. */
  get depth(): number {
    return this.words[DIRECTORY_DEPTH_WORD];
  }

  /** Whether a page would let the segment of `hash` be split; if not, more memory does not help it when it is full. */
  canSplit(hash: number): boolean {
    const segment = this.pool.entry(this.segmentOf(hash) >>> SEGMENT_SHIFT);
    return this.words[segment + DEPTH] < this.depthMax;
  }

  /**
   * Finds the entry of a key.
   * @param hash the salted hash
   * @param database internal number of the database
   * @returns word index of the entry, or 0
   */
  find(hash: number, key: Uint8Array, offset: number, length: number, database: number): number {
    const words = this.words;
    const wanted = identity(length, database);
    const segment = words[this.directory + ((hash >>> 1) >>> (31 - words[DIRECTORY_DEPTH_WORD]))];
    let home = hash & BUCKET_MASK;
    for (let distance = 0; ; distance++) {
      const bucket = segment + (home << BUCKET_SHIFT);
      for (let entry = bucket; entry < bucket + BUCKET_WORDS; entry += 2) {
        if (words[entry] !== hash) continue;
        const address = words[entry + 1] & ADDRESS_MASK;
        if (address !== 0 && matches(words, this.bytes, address << 3, wanted, key, offset, length)) return entry;
      }
      if (words[bucket + 1] >>> 28 === 0 || distance === REACH) return 0;
      home = (home + 1) & BUCKET_MASK;
    }
  }

  /**
   * As `find`, without the lock: whatever others write meanwhile, it ends, throws nothing, and reads nothing but the shard. What it finds is true if the
   * shard is unchanged afterwards (locks/shard-lock.ts).
   * @returns byte offset of the item, with room for a header and the key behind it; or 0
   */
  findUnlocked(hash: number, key: Uint8Array, offset: number, length: number, database: number): number {
    const { words, bytes } = this;
    const wanted = identity(length, database);
    const last = bytes.length - HEADER_BYTES_MAX - length;
    const segment = words[this.directory + ((hash >>> 1) >>> (31 - words[DIRECTORY_DEPTH_WORD]))];
    let home = hash & BUCKET_MASK;
    for (let distance = 0; ; distance++) {
      const bucket = segment + (home << BUCKET_SHIFT);
      for (let entry = bucket; entry < bucket + BUCKET_WORDS; entry += 2) {
        if (words[entry] !== hash) continue;
        const item = (words[entry + 1] & ADDRESS_MASK) << 3;
        if (item !== 0 && item <= last && matches(words, bytes, item, wanted, key, offset, length)) return item;
      }
      if (words[bucket + 1] >>> 28 === 0 || distance === REACH) return 0;
      home = (home + 1) & BUCKET_MASK;
    }
  }

  /** Finds the entry that points at `item` (byte offset) by the item's hash; 0 when there is none. */
  findItem(hash: number, item: number): number {
    const words = this.words;
    const address = item >>> 3;
    const segment = this.segmentOf(hash);
    let home = hash & BUCKET_MASK;
    for (let distance = 0; ; distance++) {
      const bucket = segment + (home << BUCKET_SHIFT);
      for (let entry = bucket; entry < bucket + BUCKET_WORDS; entry += 2) {
        if ((words[entry + 1] & ADDRESS_MASK) === address && words[entry] === hash) return entry;
      }
      if (words[bucket + 1] >>> 28 === 0 || distance === REACH) return 0;
      home = (home + 1) & BUCKET_MASK;
    }
  }

  /** Byte offset of the item that an entry points at. */
  itemAt(entry: number): number {
    return (this.words[entry + 1] & ADDRESS_MASK) << 3;
  }

  /** Hash of the key that an entry points at. */
  hashAt(entry: number): number {
    return this.words[entry];
  }

  /** Points an entry at another place of the same key. */
  replace(entry: number, item: number): void {
    assert(entry !== 0, 'HashIndex: an item has no entry');
    const word = entry + 1;
    this.words[word] = (this.words[word] & ~ADDRESS_MASK) | (item >>> 3);
  }

  /**
   * Makes sure that one more entry with this hash has room, splitting segments as needed.
   * @returns false when the segment is full and no page is left to split it: free one and try again
   */
  reserve(hash: number): boolean {
    while (!this.hasRoom(this.segmentOf(hash), hash)) if (!this.split(hash)) return false;
    return true;
  }

  /** Adds an entry for a key that is not in the index, after `reserve` has made room for it. */
  insert(hash: number, item: number): void {
    const placed = this.place(this.segmentOf(hash), hash, item >>> 3);
    assert(placed, 'HashIndex: insert without reserve');
  }

  /** Takes an entry out. */
  remove(entry: number): void {
    const words = this.words;
    const hash = words[entry];
    const segment = entry & ~(SEGMENT_WORDS - 1);
    const bucket = (entry & (SEGMENT_WORDS - 1)) >>> BUCKET_SHIFT;
    words[entry + 1] &= ~ADDRESS_MASK;
    words[entry] = 0;
    for (let passed = hash & BUCKET_MASK; passed !== bucket; passed = (passed + 1) & BUCKET_MASK) {
      const word = segment + (passed << BUCKET_SHIFT) + 1;
      if (words[word] >>> 28 !== PASSED_MAX) words[word] -= PASSED_ONE;
    }
    words[this.pool.entry(segment >>> SEGMENT_SHIFT) + COUNT]--;
  }

  /**
   * Writes the entries whose home is bucket `bucket` of directory entry `position` into `out`.
   * @param position directory index, at the current depth
   * @returns how many entries (word indexes) were written
   */
  entriesOfHome(position: number, bucket: number, out: Int32Array): number {
    const words = this.words;
    const segment = words[this.directory + position];
    let count = 0;
    let at = bucket;
    for (let distance = 0; ; distance++) {
      const first = segment + (at << BUCKET_SHIFT);
      for (let entry = first; entry < first + BUCKET_WORDS; entry += 2) {
        if ((words[entry + 1] & ADDRESS_MASK) !== 0 && (words[entry] & BUCKET_MASK) === bucket) out[count++] = entry;
      }
      if (words[first + 1] >>> 28 === 0 || distance === REACH) return count;
      at = (at + 1) & BUCKET_MASK;
    }
  }

  /** Directory positions that share the segment of `position`: the size of its range, from its first position on. */
  segmentSpan(position: number): number {
    const page = this.words[this.directory + position] >>> SEGMENT_SHIFT;
    return 1 << (this.depth - this.words[this.pool.entry(page) + DEPTH]);
  }

  /** Whether the segment of directory entry `position` has no entries: a scan need not look at its buckets. */
  isSegmentEmpty(position: number): boolean {
    return this.words[this.pool.entry(this.words[this.directory + position] >>> SEGMENT_SHIFT) + COUNT] === 0;
  }

  /** Segments in use. Read without the lock too: while a segment is being split, its span may be anything. */
  segments(): number {
    let count = 0;
    for (let position = 0; position < 1 << this.depth; position += Math.max(1, this.segmentSpan(position))) count++;
    return count;
  }

  /** Word index of the first entry of a bucket, for sampling. */
  bucketAt(position: number, bucket: number): number {
    return this.words[this.directory + position] + (bucket << BUCKET_SHIFT);
  }

  private segmentOf(hash: number): number {
    return this.words[this.directory + ((hash >>> 1) >>> (31 - this.words[DIRECTORY_DEPTH_WORD]))];
  }

  /** Puts an entry into a segment if it has room within reach of the home bucket. */
  private place(segment: number, hash: number, address: number): boolean {
    const words = this.words;
    const count = this.pool.entry(segment >>> SEGMENT_SHIFT) + COUNT;
    if (words[count] >= SEGMENT_ENTRIES_MAX) return false;
    const home = hash & BUCKET_MASK;
    let at = home;
    for (let distance = 0; distance <= REACH; distance++) {
      const bucket = segment + (at << BUCKET_SHIFT);
      for (let entry = bucket; entry < bucket + BUCKET_WORDS; entry += 2) {
        if ((words[entry + 1] & ADDRESS_MASK) !== 0) continue;
        words[entry] = hash;
        words[entry + 1] |= address;
        words[count]++;
        this.countPassed(segment, home, at);
        return true;
      }
      at = (at + 1) & BUCKET_MASK;
    }
    return false;
  }

  private hasRoom(segment: number, hash: number): boolean {
    const words = this.words;
    if (words[this.pool.entry(segment >>> SEGMENT_SHIFT) + COUNT] >= SEGMENT_ENTRIES_MAX) return false;
    let at = hash & BUCKET_MASK;
    for (let distance = 0; distance <= REACH; distance++) {
      const bucket = segment + (at << BUCKET_SHIFT);
      for (let entry = bucket; entry < bucket + BUCKET_WORDS; entry += 2)
        if ((words[entry + 1] & ADDRESS_MASK) === 0) return true;
      at = (at + 1) & BUCKET_MASK;
    }
    return false;
  }

  private countPassed(segment: number, home: number, bucket: number): void {
    const words = this.words;
    for (let passed = home; passed !== bucket; passed = (passed + 1) & BUCKET_MASK) {
      const word = segment + (passed << BUCKET_SHIFT) + 1;
      if (words[word] >>> 28 !== PASSED_MAX) words[word] += PASSED_ONE;
    }
  }

  /** Moves the segment that is in a page to another one. Its entries have other places then. False when there is no page. */
  moveSegment(page: number): boolean {
    const words = this.words;
    const entry = this.pool.entry(page);
    const depth = words[entry + DEPTH];
    const prefix = words[entry + PREFIX];
    const to = this.takeSegment(depth, prefix);
    if (to === 0) return false;
    const from = page << SEGMENT_SHIFT;
    words.copyWithin(to, from, from + SEGMENT_WORDS);
    words[this.pool.entry(to >>> SEGMENT_SHIFT) + COUNT] = words[entry + COUNT];
    const span = 1 << (this.depth - depth);
    const first = this.directory + prefix * span;
    words.fill(to, first, first + span);
    this.pool.free(page);
    return true;
  }

  /** Splits the segment of `hash` by one more bit. False when there is no page, or the directory is as deep as it can be. */
  private split(hash: number): boolean {
    const words = this.words;
    const old = this.segmentOf(hash);
    const oldEntry = this.pool.entry(old >>> SEGMENT_SHIFT);
    const depth = words[oldEntry + DEPTH];
    if (depth === this.depth && !this.doubleDirectory()) return false;
    const prefix = words[oldEntry + PREFIX];
    const twin = this.takeSegment(depth + 1, (prefix << 1) | 1);
    if (twin === 0) return false;
    scratch.set(words.subarray(old, old + SEGMENT_WORDS));
    words.fill(0, old, old + SEGMENT_WORDS);
    words[oldEntry + COUNT] = 0;
    words[oldEntry + DEPTH] = depth + 1;
    words[oldEntry + PREFIX] = prefix << 1;
    const span = 1 << (this.depth - depth - 1);
    const first = this.directory + ((prefix << 1) | 1) * span;
    words.fill(twin, first, first + span);
    this.deal(old, twin, 31 - depth);
    return true;
  }

  /**
   * Deals the entries in `scratch` to the two halves of a segment by bit `bit` of their tags.
   *
   * In the order of the old segment, beginning where no entry has been passed on, every entry finds room no further from its
   * home than where it was: those dealt before it are a part of those that lay before it.
   */
  private deal(zero: number, one: number, bit: number): void {
    const first = unpassedBucket() << BUCKET_SHIFT;
    for (let i = 0; i < SEGMENT_WORDS; i += 2) {
      const entry = (first + i) & (SEGMENT_WORDS - 1);
      const address = scratch[entry + 1] & ADDRESS_MASK;
      if (address === 0) continue;
      const hash = scratch[entry];
      const placed = this.place((hash >>> bit) & 1 ? one : zero, hash, address);
      assert(placed, 'HashIndex: no room in half a segment');
    }
  }

  private doubleDirectory(): boolean {
    const words = this.words;
    const depth = this.depth;
    if (depth === this.depthMax) return false;
    const directory = this.directory;
    for (let i = (1 << depth) - 1; i >= 0; i--) {
      const segment = words[directory + i];
      words[directory + 2 * i] = segment;
      words[directory + 2 * i + 1] = segment;
    }
    words[DIRECTORY_DEPTH_WORD] = depth + 1;
    return true;
  }

  private takeSegment(depth: number, prefix: number): number {
    const page = this.pool.take(PAGE_SEGMENT);
    if (page === 0) return 0;
    const entry = this.pool.entry(page);
    this.words[entry + DEPTH] = depth;
    this.words[entry + PREFIX] = prefix;
    const segment = page << SEGMENT_SHIFT;
    this.words.fill(0, segment, segment + SEGMENT_WORDS);
    return segment;
  }
}
