/**
 * An audit of a shard's bytes: page table, extent table, slabs, runs, index, counters, deadlines must all say the same thing. It reads the
 * words as ARCHITECTURE.md and the heads of the engine's files describe them, so it holds the layout too; check-shard.ts asks the engine.
 * The lock is held, or nobody else is there.
 */

import { hashBytes } from '../../../src/base/hash.js';
import { saltOf } from '../../../src/engine/control.js';
import {
  databaseOf,
  expiryOf,
  isPinned,
  isPlaceholder,
  keyLength,
  keyOffset,
  sizeOf,
  typeOf,
} from '../../../src/engine/item.js';
import type { Keyspace } from '../../../src/engine/keyspace.js';
import { directoryEntriesMax } from '../../../src/engine/memory/page-pool.js';
import { CELL_BYTES, CLASSES, IS_WIDE, PAGE_BYTES } from '../../../src/engine/memory/size-classes.js';
import type { Shard } from '../../../src/engine/shard.js';
import { readFigures } from '../../../src/engine/shard-figures.js';

const FREE = 0;
const SEGMENT = 1;
const SLAB = 2;
const RUN = 3;
const RUN_TAIL = 4;
const SLAB_TAIL = 6;

// Header words.
const PAGE_LIMIT = 5;
const DIRECTORY_DEPTH = 7;
const DATABASE_KEYS = 128;
const DATABASE_EXPIRING = 192;
const SLAB_RECORDS = 256;
const DATABASE_PLACEHOLDERS = 4096;
const ITEMS_BY_SIZE = 4160;

const EXTENT_PAGES = 32;
const DEADLINE_BLOCKS = 16;
const DEADLINE_BLOCK_BYTES = 4096;
const DATABASES = 64;
const BUCKETS = 1024;
const BUCKET_WORDS = 16;
const REACH = 32;
const PASSED_MAX = 15;

/** What is in a shard, as the walk found it. */
interface Contents {
  /** Items by their byte offset; value: whether the index points there. */
  readonly items: Map<number, boolean>;
  pagesInUse: number;
}

/** @throws Error that says what is wrong */
export function auditKeyspace(keyspace: Keyspace): void {
  for (const shard of keyspace.shards) auditShard(shard, keyspace.control.hashKey);
}

/** @throws Error that says what is wrong */
export function auditShard(shard: Shard, hashKey: readonly [number, number]): void {
  const contents: Contents = { items: new Map(), pagesInUse: shard.pool.overhead };
  auditPages(shard, contents);
  auditExtents(shard);
  auditSlabLists(shard);
  auditIndex(shard, contents, hashKey);
  auditCounters(shard, contents);
}

function must(condition: boolean, what: string, ...figures: unknown[]): void {
  if (!condition) throw new Error(`shard is inconsistent: ${what} (${figures.map(String).join(', ')})`);
}

const equal = (a: unknown, b: unknown, what: string): void => must(a === b, what, a, b);

function entryOf(shard: Shard, page: number): Int32Array {
  const at = shard.pool.tableWord + page * 8;
  return shard.words.subarray(at, at + 8);
}

const kindOf = (shard: Shard, page: number): number => entryOf(shard, page)[0] & 0xff;
const classOfPage = (shard: Shard, page: number): number => (entryOf(shard, page)[0] >>> 8) & 0xffff;
/** Pages of the slab that a page belongs to. */
const slabPages = (shard: Shard, page: number): number => 1 << (entryOf(shard, page)[0] >>> 24);
const cellsOf = (shard: Shard, slab: number): number => entryOf(shard, slab)[6];

// ------------------------------------------------------------------------------------------------ pages

function auditPages(shard: Shard, contents: Contents): void {
  const { pool } = shard;
  let pagesOfItems = 0;
  for (let page = pool.firstPage; page < pool.highWater; page++) {
    const kind = kindOf(shard, page);
    must(kind <= RUN_TAIL || kind === SLAB_TAIL, 'a page that is free, or of a segment, a slab or a run', page, kind);
    if (kind !== FREE) contents.pagesInUse++;
    if (kind !== FREE && kind !== SEGMENT) pagesOfItems++;
    auditDeadlines(shard, page);
    if (kind === SLAB) auditSlab(shard, page, contents);
    if (kind === SLAB_TAIL) auditSlabTail(shard, page);
    if (kind === RUN) auditRun(shard, page, contents);
    if (kind === RUN_TAIL) must([RUN, RUN_TAIL].includes(kindOf(shard, page - 1)), 'a tail behind its run', page);
  }
  equal(pool.used, contents.pagesInUse, 'pages in use');
  equal(readFigures(shard).slabBytes, pagesOfItems * PAGE_BYTES, 'bytes of pages with items');
  const limit = shard.words[PAGE_LIMIT];
  must(pool.used <= limit && (limit === pool.budget || pool.used > pool.budget), 'pages are limited', pool.used, limit);
  must(pool.highWater <= pool.capacity, 'the mark is within the buffer', pool.highWater, pool.capacity);
}

function auditSlab(shard: Shard, page: number, contents: Contents): void {
  const { words } = shard;
  const [, live, , , , cut, cells] = entryOf(shard, page);
  const sizeClass = classOfPage(shard, page);
  const size = CELL_BYTES[sizeClass];
  const pages = slabPages(shard, page);
  must(pages === 1 || (IS_WIDE[sizeClass] && pages <= EXTENT_PAGES && page % pages === 0), 'a slab', page, pages);
  for (let tail = page + 1; tail < page + pages; tail++) equal(kindOf(shard, tail), SLAB_TAIL, `tail of slab ${page}`);
  equal(cells, Math.floor((pages * PAGE_BYTES) / size), `cells of slab ${page}`);
  must(cut <= cells, 'cells cut from a slab', page, cut);
  let found = 0;
  for (let cell = page * PAGE_BYTES, i = 0; i < cut; i++, cell += size) {
    if (words[cell >>> 2] === 0) continue;
    found++;
    must(sizeOf(words, cell) <= size, 'an item fits its cell', cell, sizeOf(words, cell), size);
    addItem(shard, cell, contents);
  }
  equal(found, live, `live cells of page ${page}`);
  must(live > 0, 'a slab holds something', page);
  auditFreeCells(shard, page, size, cut - live);
}

/** A page of a slab that is not its first says the same as that one. */
function auditSlabTail(shard: Shard, page: number): void {
  const pages = slabPages(shard, page);
  const slab = page - (page % pages);
  must(slab !== page && kindOf(shard, slab) === SLAB, 'a tail behind its slab', page, slab);
  equal(slabPages(shard, slab), pages, `pages of the slab of tail ${page}`);
  equal(classOfPage(shard, slab), classOfPage(shard, page), `class of tail ${page}`);
}

function auditFreeCells(shard: Shard, page: number, size: number, expected: number): void {
  const { words } = shard;
  let free = 0;
  for (let cell = entryOf(shard, page)[2]; cell !== 0; cell = words[(cell >>> 2) + 1]) {
    const at = cell - page * PAGE_BYTES;
    must(at >= 0 && at < cellsOf(shard, page) * size && at % size === 0, 'a free cell of its slab', page, cell);
    equal(words[cell >>> 2], 0, 'word 0 of a free cell');
    must(++free <= expected, 'free cells of a page', page, expected);
  }
  equal(free, expected, `free cells of page ${page}`);
}

function auditRun(shard: Shard, page: number, contents: Contents): void {
  const pages = entryOf(shard, page)[1];
  for (let tail = page + 1; tail < page + pages; tail++) equal(kindOf(shard, tail), RUN_TAIL, `tail of run ${page}`);
  if (page + pages < shard.pool.highWater) must(kindOf(shard, page + pages) !== RUN_TAIL, 'a run ends', page, pages);
  const item = page * PAGE_BYTES;
  equal(Math.ceil(sizeOf(shard.words, item) / PAGE_BYTES), pages, `pages of run ${page}`);
  must(pages > 1, 'a run is longer than a page', page);
  addItem(shard, item, contents);
}

function addItem(shard: Shard, item: number, contents: Contents): void {
  const page = Math.floor(item / PAGE_BYTES);
  const type = typeOf(shard.words, item);
  must(type >= 1 && type <= 6, 'type of an item', item, type);
  contents.items.set(item, false);
  const expiry = expiryOf(shard.words, item);
  if (expiry === 0) return;
  const { earliest, blocks } = deadlinesOf(shard, page);
  must(earliest <= expiry, 'deadline of a page is not after an item’s', page, item, earliest, expiry);
  const noted = blocks[Math.floor((item % PAGE_BYTES) / DEADLINE_BLOCK_BYTES)];
  must(noted <= expiry, 'deadline of a block is not after an item’s', page, item, noted, expiry);
}

/** Word of the extent table, which lies behind the page table: four words, and four for each extent. */
function extentTable({ pool }: Shard): number {
  return pool.tableWord + pool.capacity * 8;
}

/** A page's words of the deadline table, which lies behind the extent table: a double for each page, then those of the blocks. */
function deadlinesOf(shard: Shard, page: number): { earliest: number; blocks: Float64Array } {
  const { capacity, words } = shard.pool;
  const table = extentTable(shard) + 4 + 4 * Math.ceil(capacity / EXTENT_PAGES);
  const doubles = new Float64Array(words.buffer, words.byteOffset + table * 4, capacity * (1 + DEADLINE_BLOCKS));
  const first = capacity + page * DEADLINE_BLOCKS;
  return { earliest: doubles[page], blocks: doubles.subarray(first, first + DEADLINE_BLOCKS) };
}

function auditDeadlines(shard: Shard, page: number): void {
  const { earliest, blocks } = deadlinesOf(shard, page);
  // Without a deadline the blocks are whatever they were.
  if (earliest !== Infinity) equal(earliest, Math.min(...blocks), `earliest deadline of page ${page}`);
  const kind = kindOf(shard, page);
  if (kind !== SLAB && kind !== SLAB_TAIL && kind !== RUN)
    equal(earliest, Infinity, `deadline of page ${page}, which holds no items`);
}

function auditExtents(shard: Shard): void {
  const { pool, words } = shard;
  const table = extentTable(shard);
  let free = 0;
  let resident = 0;
  for (let page = 0; page < pool.capacity; page++) {
    const record = table + 4 + 4 * Math.floor(page / EXTENT_PAGES);
    const isFree = ((words[record] >>> (page % EXTENT_PAGES)) & 1) === 1;
    const expected = page >= pool.firstPage && page < pool.highWater && kindOf(shard, page) === FREE;
    must(isFree === expected, 'the bit of a free page', page, isFree, kindOf(shard, page));
    if (!isFree) continue;
    free++;
    resident += (words[record + 1] >>> (page % EXTENT_PAGES)) & 1;
  }
  auditShortSlabs(shard, table);
  equal(free, pool.highWater - pool.firstPage - (pool.used - pool.overhead), 'free pages');
  equal(words[table], resident, 'free pages that are resident');
  must(words[table + 1] <= resident, 'the fewest of them', words[table + 1], resident);
}

/** Of each extent: how many slabs in it have given back their end. It is cut up while there are any. */
function auditShortSlabs(shard: Shard, table: number): void {
  const { pool, words } = shard;
  const short = new Int32Array(Math.ceil(pool.capacity / EXTENT_PAGES));
  for (let page = pool.firstPage; page < pool.highWater; page++) {
    if (kindOf(shard, page) !== SLAB || entryOf(shard, page)[7] !== -1) continue;
    short[Math.floor(page / EXTENT_PAGES)]++;
    must(entryOf(shard, page)[1] < cellsOf(shard, page), 'a slab that is short is full', page);
  }
  short.forEach((count, extent) => {
    equal(words[table + 4 + 4 * extent + 3], count, `short slabs of extent ${extent}`);
    must(count === 0 || words[table + 4 + 4 * extent + 2] === 1, 'an extent with a short slab is not cut up', extent);
  });
}

// ------------------------------------------------------------------------------------------------ slabs

function auditSlabLists(shard: Shard): void {
  const { pool, words } = shard;
  const slabs = Array.from({ length: CLASSES }, () => new Set<number>());
  const pages = new Int32Array(CLASSES);
  const live = new Int32Array(CLASSES);
  const cells = new Int32Array(CLASSES);
  for (let page = pool.firstPage; page < pool.highWater; page++) {
    if (kindOf(shard, page) !== SLAB) continue;
    const sizeClass = classOfPage(shard, page);
    slabs[sizeClass].add(page);
    pages[sizeClass] += slabPages(shard, page);
    live[sizeClass] += entryOf(shard, page)[1];
    cells[sizeClass] += cellsOf(shard, page);
  }
  for (let sizeClass = 0; sizeClass < CLASSES; sizeClass++) {
    const [room, count, liveCount, cellCount] = words.subarray(SLAB_RECORDS + sizeClass * 4);
    equal(count, pages[sizeClass], `pages of class ${sizeClass}`);
    equal(liveCount, live[sizeClass], `live cells of class ${sizeClass}`);
    equal(cellCount, cells[sizeClass], `cells of class ${sizeClass}`);
    auditRoomList(shard, sizeClass, room, slabs[sizeClass]);
  }
}

/** The list of a class's slabs with room has each of them once, and no other. */
function auditRoomList(shard: Shard, sizeClass: number, first: number, slabs: Set<number>): void {
  const withRoom = new Set([...slabs].filter((slab) => entryOf(shard, slab)[1] < cellsOf(shard, slab)));
  let listed = 0;
  let previous = 0;
  for (let page = first; page !== 0; page = entryOf(shard, page)[3]) {
    must(withRoom.has(page), 'a slab with room of its class', sizeClass, page);
    equal(entryOf(shard, page)[4], previous, `previous of slab ${page}`);
    previous = page;
    must(++listed <= withRoom.size, 'slabs with room', sizeClass);
  }
  equal(listed, withRoom.size, `slabs with room of class ${sizeClass}`);
}

// ------------------------------------------------------------------------------------------------ index

function auditIndex(shard: Shard, contents: Contents, hashKey: readonly [number, number]): void {
  const { pool, words } = shard;
  const depth = words[DIRECTORY_DEPTH];
  const granule = directoryEntriesMax(pool.capacity) / 2 ** depth;
  const seen = new Set<number>();
  for (let position = 0; position < 1 << depth; ) {
    const segment = words[pool.directoryWord + position];
    const page = (segment * 4) / PAGE_BYTES;
    must(Number.isInteger(page) && kindOf(shard, page) === SEGMENT, 'the directory points at a segment', position);
    must(!seen.has(page), 'a segment has one range', page);
    seen.add(page);
    const [, , , , start, length] = entryOf(shard, page);
    equal(start / granule, position, `begin of the range of segment ${page}`);
    const span = length / granule;
    must(Number.isInteger(span) && span > 0, 'length of the range of a segment', page, length);
    const range = words.subarray(pool.directoryWord + position, pool.directoryWord + position + span);
    must(
      range.every((word) => word === segment),
      'the range of a segment',
      position,
      span,
    );
    auditSegment(shard, page, contents, hashKey);
    position += span;
  }
  for (let page = pool.firstPage; page < pool.highWater; page++) {
    if (kindOf(shard, page) === SEGMENT) must(seen.has(page), 'a segment is in the directory', page);
  }
  for (const [item, isIndexed] of contents.items) must(isIndexed, 'an item is in the index', item);
}

function auditSegment(shard: Shard, page: number, contents: Contents, hashKey: readonly [number, number]): void {
  const { words } = shard;
  const segment = (page * PAGE_BYTES) / 4;
  const passed = new Int32Array(BUCKETS);
  let entries = 0;
  for (let entry = segment; entry < segment + BUCKETS * BUCKET_WORDS; entry += 2) {
    const isFirst = entry % BUCKET_WORDS === 0;
    if (!isFirst) equal(words[entry + 1] >>> 28, 0, `top bits of entry ${entry}`);
    if ((words[entry + 1] & 0x0fffffff) === 0) continue;
    entries++;
    auditEntry(shard, page, entry, contents, hashKey);
    const bucket = (entry - segment) >> 4;
    for (let at = words[entry] & (BUCKETS - 1); at !== bucket; at = (at + 1) % BUCKETS) passed[at]++;
  }
  equal(entries, entryOf(shard, page)[1], `entries of segment ${page}`);
  for (let bucket = 0; bucket < BUCKETS; bucket++) {
    const counter = words[segment + bucket * BUCKET_WORDS + 1] >>> 28;
    if (counter < PASSED_MAX) equal(counter, passed[bucket], `passed counter of bucket ${bucket} of segment ${page}`);
  }
}

function auditEntry(
  shard: Shard,
  page: number,
  entry: number,
  contents: Contents,
  hashKey: readonly [number, number],
): void {
  const { words } = shard;
  const hash = words[entry];
  const item = (words[entry + 1] & 0x0fffffff) * 8;
  equal(contents.items.get(item), false, `item ${item} is there, and has one entry`);
  contents.items.set(item, true);
  equal(hash, hashOfItem(shard, item, hashKey), `tag of item ${item}`);
  const [, , , , start, length] = entryOf(shard, page);
  const place = (hash >>> 0) / (2 ** 32 / directoryEntriesMax(shard.pool.capacity));
  must(place >= start && place < start + length, 'tag within the range of its segment', item, hash);
  const bucket = (entry & 0x3fff) >> 4;
  const home = hash & (BUCKETS - 1);
  must((bucket - home + BUCKETS) % BUCKETS <= REACH, 'distance from home', home, bucket);
}

function hashOfItem(shard: Shard, item: number, [k0, k1]: readonly [number, number]): number {
  const { words, bytes } = shard;
  return hashBytes(bytes, keyOffset(words, item), keyLength(words, item), k0, k1) ^ saltOf(databaseOf(words, item));
}

// ------------------------------------------------------------------------------------------------ counters

function auditCounters(shard: Shard, contents: Contents): void {
  const { words } = shard;
  const keys = new Int32Array(DATABASES);
  const placeholders = new Int32Array(DATABASES);
  const expiring = new Int32Array(DATABASES);
  const deadlines = new Float64Array(DATABASES);
  const wideCells = CELL_BYTES.filter((_, sizeClass) => IS_WIDE[sizeClass]);
  const bySize = new Int32Array(wideCells.length);
  let bytes = 0;
  let pinned = 0;
  let pinnedBytes = 0;
  for (const item of contents.items.keys()) {
    const database = databaseOf(words, item);
    if (isPlaceholder(words, item)) placeholders[database]++;
    else {
      keys[database]++;
      if (expiryOf(words, item) !== 0) expiring[database]++;
      deadlines[database] += expiryOf(words, item);
    }
    bytes += sizeOf(words, item);
    const place = sizeOf(words, item) > 4096 ? wideCells.findIndex((cell) => cell >= sizeOf(words, item)) : -1;
    if (place >= 0) bySize[place]++;
    if (!isPinned(words, item)) continue;
    pinned++;
    pinnedBytes += sizeOf(words, item);
  }
  for (let database = 0; database < DATABASES; database++) {
    equal(words[DATABASE_KEYS + database], keys[database], `keys of database ${database}`);
    equal(words[DATABASE_EXPIRING + database], expiring[database], `keys with a deadline of database ${database}`);
    const summed = shard.ledger.deadlinesIn(database);
    must(Math.abs(summed - deadlines[database]) <= deadlines[database] * 1e-12, 'deadlines of a database', summed);
    equal(words[DATABASE_PLACEHOLDERS + database], placeholders[database], `placeholders of database ${database}`);
  }
  bySize.forEach((count, place) => {
    equal(words[ITEMS_BY_SIZE + place], count, `items of the wide class of ${wideCells[place]} bytes`);
  });
  equal(shard.ledger.items, contents.items.size, 'items');
  equal(readFigures(shard).itemBytes, bytes, 'bytes of the items');
  equal(shard.pins.items, pinned, 'pinned items');
  equal(shard.pins.bytes, pinnedBytes, 'bytes of pinned items');
}
