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
 * nearly always one cache line. Where an entry is taken out, one that passed it takes its place, and another that one's: so entries stay as near to
 * their homes as if only those had been put in that are there, however many have come and gone. The count saturates at 15 and then stays until
 * nothing is found that passed.
 *
 * GROWTH. A segment has a range of the directory. One that is full is split alone: no item is touched, and the work is one page (some 50
 * microseconds), so the index grows without a pause. When a range is too short to be split well, the directory doubles first.
 *
 * The two parts of a range are *not* equal. Hashes are spread so evenly that equal segments would all be full within the same few thousand keys: all of
 * them would split then, and the index be half empty, and twice as large as a moment before. With a share of LOWER_SHARE ranges have many
 * lengths, there is always one that is about to be full, and the index takes 13 to 15 bytes a key whatever their number (with equal parts 9 to 18).
 *
 * ```
 *  equal parts     |   a   |   b   |   c   |   d   |     all at 90 %, or all at 45 %
 *  these           |  a  |    b    |   c   |   d    |    some at 90 %, some at 40 %, and all between
 * ```
 *
 * SHRINKING. Two neighbours whose entries fit one segment well can be joined; upkeep does that where there is much room (memory/tidying.ts).
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
const REACH = 32;
/** Entries at which a segment splits even if there is room: look-ups stay short. */
const SEGMENT_ENTRIES_MAX = Math.floor(BUCKETS * 8 * 0.9);

/** Entries of two segments that are joined at most: what follows must grow by a quarter before it is split. */
const JOINED_ENTRIES_MAX = Math.floor(BUCKETS * 8 * 0.7);
/** How full all segments together are when some are joined, and how full they are to be then. */
const SPARSE_SHARE = 0.5;
const DENSE_SHARE = 0.625;
/** The part of a range that the lower of its two halves gets. */
const LOWER_SHARE = 0.41;
/** Directory positions with which a range is split at LOWER_SHARE, or near it. */
const SPLIT_SPAN_MIN = 8;

// Words of a segment's entry in the page table. Start and length of its range count positions of the largest directory that there can be.
const COUNT = 1;
const START = 4;
const LENGTH = 5;

/** Header word of the directory's depth: the native prefetch reads it too. */
export const DIRECTORY_DEPTH_WORD = 7;

/** Buckets of a segment, which a scan visits one by one. */
export const SEGMENT_BUCKETS = BUCKETS;
/** Most entries that have one bucket as their home. */
export const HOME_ENTRIES_MAX = 8 * (REACH + 1);

/** Entries of the segment being split, or of the lower of those being joined. */
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
    const segment = this.takeSegment(0, 1 << this.depthMax);
    words[this.directory] = segment;
    words[this.directory + 1] = segment;
  }

  /** Bits of the hash that the directory uses. */
  get depth(): number {
    return this.words[DIRECTORY_DEPTH_WORD];
  }

  /** Whether a page would let the segment of `hash` be split; if not, more memory does not help it when it is full. */
  canSplit(hash: number): boolean {
    return this.words[this.pageEntry(this.segmentOf(hash)) + LENGTH] > 1;
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
    const segment = this.segmentOf(hash);
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

  /** Takes an entry out. Others of its segment may have another place then. */
  remove(entry: number): void {
    const words = this.words;
    const segment = entry & ~(SEGMENT_WORDS - 1);
    let bucket = (entry & (SEGMENT_WORDS - 1)) >>> BUCKET_SHIFT;
    this.countPassed(segment, words[entry] & BUCKET_MASK, bucket, -PASSED_ONE);
    words[this.pageEntry(segment) + COUNT]--;
    let hole = entry;
    while (words[segment + (bucket << BUCKET_SHIFT) + 1] >>> 28 !== 0) {
      const from = this.passer(segment, bucket);
      if (from === 0) {
        words[segment + (bucket << BUCKET_SHIFT) + 1] &= ADDRESS_MASK;
        break;
      }
      words[hole] = words[from];
      words[hole + 1] = (words[hole + 1] & ~ADDRESS_MASK) | (words[from + 1] & ADDRESS_MASK);
      const left = (from & (SEGMENT_WORDS - 1)) >>> BUCKET_SHIFT;
      this.countPassed(segment, bucket, left, -PASSED_ONE);
      hole = from;
      bucket = left;
    }
    words[hole] = 0;
    words[hole + 1] &= ~ADDRESS_MASK;
  }

  /** The nearest entry that has passed a bucket; 0 when there is none. */
  private passer(segment: number, bucket: number): number {
    const words = this.words;
    for (let distance = 1; distance <= REACH; distance++) {
      const at = (bucket + distance) & BUCKET_MASK;
      const first = segment + (at << BUCKET_SHIFT);
      for (let entry = first; entry < first + BUCKET_WORDS; entry += 2) {
        if ((words[entry + 1] & ADDRESS_MASK) === 0) continue;
        // Its home is the bucket, or before it.
        if (((at - words[entry]) & BUCKET_MASK) >= distance) return entry;
      }
    }
    return 0;
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

  /** First directory position of the segment that has `position`. */
  rangeStart(position: number): number {
    return this.words[this.entryAt(position) + START] >>> this.granularity;
  }

  /** One past the last directory position of the segment that has `position`. */
  rangeEnd(position: number): number {
    const entry = this.entryAt(position);
    return (this.words[entry + START] + this.words[entry + LENGTH]) >>> this.granularity;
  }

  /** Whether the segment of directory entry `position` has no entries: a scan need not look at its buckets. */
  isSegmentEmpty(position: number): boolean {
    return this.words[this.entryAt(position) + COUNT] === 0;
  }

  /** Segments in use. Read without the lock too: while a segment is being split, its range may be anything. */
  segments(): number {
    let count = 0;
    for (let position = 0; position < 1 << this.depth; position = Math.max(position + 1, this.rangeEnd(position)))
      count++;
    return count;
  }

  /** How many segments there are too many: 0 while they are half full, all in all; else those beyond what would do if they were fuller. */
  surplusSegments(): number {
    let segments = 0;
    let entries = 0;
    for (let position = 0; position < 1 << this.depth; position = this.rangeEnd(position)) {
      segments++;
      entries += this.words[this.entryAt(position) + COUNT];
    }
    const filled = entries / (BUCKETS * 8);
    return filled >= segments * SPARSE_SHARE ? 0 : segments - Math.max(1, Math.ceil(filled / DENSE_SHARE));
  }

  /** Word index of the first entry of a bucket, for sampling. */
  bucketAt(position: number, bucket: number): number {
    return this.words[this.directory + position] + (bucket << BUCKET_SHIFT);
  }

  /** Of a word in a segment, where the page table tells of that. */
  private pageEntry(word: number): number {
    return this.pool.entry(word >>> SEGMENT_SHIFT);
  }

  /** Where the page table tells of the segment of a directory position. */
  private entryAt(position: number): number {
    return this.pageEntry(this.words[this.directory + position]);
  }

  /** What a directory position is worth in positions of the largest directory, as a power of two. */
  private get granularity(): number {
    return this.depthMax - this.depth;
  }

  private segmentOf(hash: number): number {
    return this.words[this.directory + ((hash >>> 1) >>> (31 - this.words[DIRECTORY_DEPTH_WORD]))];
  }

  /** Puts an entry into a segment if it has room within reach of the home bucket. */
  private place(segment: number, hash: number, address: number): boolean {
    const words = this.words;
    const count = this.pageEntry(segment) + COUNT;
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
        this.countPassed(segment, home, at, PASSED_ONE);
        return true;
      }
      at = (at + 1) & BUCKET_MASK;
    }
    return false;
  }

  private hasRoom(segment: number, hash: number): boolean {
    const words = this.words;
    if (words[this.pageEntry(segment) + COUNT] >= SEGMENT_ENTRIES_MAX) return false;
    let at = hash & BUCKET_MASK;
    for (let distance = 0; distance <= REACH; distance++) {
      const bucket = segment + (at << BUCKET_SHIFT);
      for (let entry = bucket; entry < bucket + BUCKET_WORDS; entry += 2)
        if ((words[entry + 1] & ADDRESS_MASK) === 0) return true;
      at = (at + 1) & BUCKET_MASK;
    }
    return false;
  }

  /** An entry has passed the buckets from `home` to before `bucket` (`by` PASSED_ONE), or has no more (-PASSED_ONE). */
  private countPassed(segment: number, home: number, bucket: number, by: number): void {
    const words = this.words;
    for (let passed = home; passed !== bucket; passed = (passed + 1) & BUCKET_MASK) {
      const word = segment + (passed << BUCKET_SHIFT) + 1;
      if (words[word] >>> 28 !== PASSED_MAX) words[word] += by;
    }
  }

  /** Moves the segment that is in a page to another one. Its entries have other places then. False when there is no page. */
  moveSegment(page: number): boolean {
    const words = this.words;
    const entry = this.pool.entry(page);
    const to = this.takeSegment(words[entry + START], words[entry + LENGTH]);
    if (to === 0) return false;
    const from = page << SEGMENT_SHIFT;
    words.copyWithin(to, from, from + SEGMENT_WORDS);
    words[this.pageEntry(to) + COUNT] = words[entry + COUNT];
    this.point(to);
    this.pool.free(page);
    return true;
  }

  /**
   * Joins the segment of directory entry `position` with the one behind it, if both together leave room enough in one. Entries have other
   * places then, and a page is free.
   * @returns whether it was done
   */
  join(position: number): boolean {
    const words = this.words;
    const end = this.rangeEnd(position);
    if (end === 1 << this.depth) return false;
    const segment = words[this.directory + position];
    const next = words[this.directory + end];
    const entry = this.pageEntry(segment);
    const entries = words[entry + COUNT];
    if (entries + words[this.pageEntry(next) + COUNT] > JOINED_ENTRIES_MAX) return false;
    this.empty(segment);
    if (!this.placeAll(scratch, 0, segment) || !this.placeAll(words, next, segment)) {
      // Too many for a few buckets: everything stays as it was.
      words.set(scratch, segment);
      words[entry + COUNT] = entries;
      return false;
    }
    words[entry + LENGTH] += words[this.pageEntry(next) + LENGTH];
    this.point(segment);
    this.pool.free(next >>> SEGMENT_SHIFT);
    return true;
  }

  /** Puts the entries of a segment, which begins at a word of `from`, into another. False when one has no room. */
  private placeAll(from: Int32Array, first: number, to: number): boolean {
    for (let entry = first; entry < first + SEGMENT_WORDS; entry += 2) {
      const address = from[entry + 1] & ADDRESS_MASK;
      if (address !== 0 && !this.place(to, from[entry], address)) return false;
    }
    return true;
  }

  /** Splits the range of the segment of `hash`. False when there is no page, or it has only one position of a directory as deep as it can be. */
  private split(hash: number): boolean {
    const words = this.words;
    const old = this.segmentOf(hash);
    const entry = this.pageEntry(old);
    const start = words[entry + START];
    const length = words[entry + LENGTH];
    while (length >>> this.granularity < SPLIT_SPAN_MIN && this.doubleDirectory());
    const span = length >>> this.granularity;
    if (span < 2) return false;
    const lower = Math.round(span * LOWER_SHARE) << this.granularity;
    const upper = this.takeSegment(start + lower, length - lower);
    if (upper === 0) return false;
    this.empty(old);
    words[entry + LENGTH] = lower;
    this.point(upper);
    this.deal(old, upper, start + lower);
    return true;
  }

  /** Takes the entries of a segment into `scratch`. */
  private empty(segment: number): void {
    const words = this.words;
    scratch.set(words.subarray(segment, segment + SEGMENT_WORDS));
    words.fill(0, segment, segment + SEGMENT_WORDS);
    words[this.pageEntry(segment) + COUNT] = 0;
  }

  /**
   * Deals the entries in `scratch` to the two parts of a segment by where the range of the upper one begins.
   *
   * In the order of the old segment, beginning where no entry has been passed on, every entry finds room no further from its
   * home than where it was: those dealt before it are a part of those that lay before it.
   */
  private deal(lower: number, upper: number, start: number): void {
    const first = unpassedBucket() << BUCKET_SHIFT;
    const shift = 31 - this.depthMax;
    for (let i = 0; i < SEGMENT_WORDS; i += 2) {
      const entry = (first + i) & (SEGMENT_WORDS - 1);
      const address = scratch[entry + 1] & ADDRESS_MASK;
      if (address === 0) continue;
      const hash = scratch[entry];
      const placed = this.place((hash >>> 1) >>> shift < start ? lower : upper, hash, address);
      assert(placed, 'HashIndex: no room in a part of a segment');
    }
  }

  /** Points the directory at a segment, in all of its range. */
  private point(segment: number): void {
    const words = this.words;
    const entry = this.pageEntry(segment);
    const first = this.directory + (words[entry + START] >>> this.granularity);
    words.fill(segment, first, first + (words[entry + LENGTH] >>> this.granularity));
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

  /** An empty segment with a range, which the directory does not point at yet; 0 when there is no page. */
  private takeSegment(start: number, length: number): number {
    const page = this.pool.take(PAGE_SEGMENT);
    if (page === 0) return 0;
    const entry = this.pool.entry(page);
    this.words[entry + START] = start;
    this.words[entry + LENGTH] = length;
    const segment = page << SEGMENT_SHIFT;
    this.words.fill(0, segment, segment + SEGMENT_WORDS);
    return segment;
  }
}
