/**
 * How large the items are, and which are the largest, without a scan: the memory's own books say it.
 *
 * ```
 *  class records:   cells of 272 bytes: 12,310 live     histogram: a sum over some hundred records
 *  page table:      [ run of 40 pages ][ slab ][ segment ][ slab, class 130 ] ...
 *                     └─ a large item            └─ items of the largest cells: only these pages are read
 * ```
 *
 * Nothing is counted when an item is written. A histogram costs a look at the page table (which has the runs) of each shard: 32 bytes for each page of
 * 64 KiB. The largest items cost as much, and the reading of the pages with the largest cells in use.
 */

import { databaseOf, isPlaceholder, keyLength, keyOffset, sizeOf, valueLength } from './item.js';
import type { Keyspace } from './keyspace.js';
import { PAGE_RUN, PAGE_SLAB, PAGE_SLAB_TAIL, type PagePool } from './memory/page-pool.js';
import { CELL_BYTES, CELLS_PER_PAGE, CLASSES, PAGE_BYTES, TIGHT_FROM } from './memory/size-classes.js';
import type { Shard } from './shard.js';

const PAGE_SHIFT = 16;
/** Powers of two up to the largest shard. */
export const SIZE_BUCKETS = 32;
/** Cells looked at in a shard, of the lowest of the size classes that are needed, beyond one for each item wanted: it may hold all items there are. */
const LOWEST_CLASS_LOOK = 512;
/** Cells looked at before others get a chance to lock the shard; a page of the table counts as a part of one. */
const SLICE_CELLS = 256;
const CELLS_FOR_PAGE = 1 / 64;

/** An item as it was when it was looked at. */
export interface LargeItem {
  readonly key: Uint8Array;
  /** Logical database. */
  readonly database: number;
  /** Bytes of memory that it takes: its cell or its pages, and its index entry. */
  readonly bytes: number;
  readonly valueBytes: number;
}

interface Candidate extends LargeItem {
  /** Bytes without rounding. */
  readonly size: number;
}

/**
 * Items by the memory that they take: bucket i counts those of 2^i to 2^(i+1) - 1 bytes, of all databases, those included that have expired and are not
 * removed yet. Read without locks, as all figures are.
 */
export function sizeHistogram({ shards }: Keyspace): Float64Array {
  const buckets = new Float64Array(SIZE_BUCKETS);
  for (const { slabs, pool } of shards) {
    for (let sizeClass = 0; sizeClass < CLASSES; sizeClass++)
      buckets[bucketOf(CELL_BYTES[sizeClass])] += slabs.classLive(sizeClass);
    for (let page = nextRun(pool, pool.firstPage); page !== 0; page = nextRun(pool, page + 1))
      buckets[bucketOf(pool.runPages(page) * PAGE_BYTES)]++;
  }
  return buckets;
}

/**
 * The lowest class that may have items as large as some of a class or a larger one. Above 4 KiB that is not the class itself: in the cells of a page class
 * there are items that are smaller by up to one of so many in a page, and those of wide classes lie between.
 */
function lowestBeside(sizeClass: number): number {
  const cells = CELLS_PER_PAGE[sizeClass];
  if (CELL_BYTES[sizeClass] <= TIGHT_FROM || cells === 0) return sizeClass;
  let lowest = sizeClass;
  while (CELL_BYTES[lowest - 1] > PAGE_BYTES / (cells + 1)) lowest--;
  return lowest;
}

function bucketOf(bytes: number): number {
  return Math.max(0, 31 - Math.clz32(bytes));
}

/** The first run that begins at `page` or behind it, 0 = none. */
function nextRun(pool: PagePool, page: number): number {
  const end = pool.highWater;
  for (let at = page; at < end; at++) if (pool.kind(at) === PAGE_RUN) return at;
  return 0;
}

/**
 * The largest items of all databases, largest first. Exact down to the size class that the last of them is in; within that class, any.
 * The shards are locked one after the other, and given up now and then: what changes meanwhile may be missed.
 * @param count how many, at most
 */
export function largestItems(keyspace: Keyspace, count: number): LargeItem[] {
  const found: Candidate[] = [];
  for (const shard of keyspace.shards) {
    keyspace.enter(shard);
    new Search(keyspace, shard, count, found).run();
    keyspace.leave();
  }
  // An item that moved while the lock was given up may have been seen twice.
  const names = new Set<string>();
  return found.filter(({ key, database }) => {
    const name = `${database} ${Buffer.from(key).toString('latin1')}`;
    return !names.has(name) && names.add(name);
  });
}

/** The search in one shard; `found` is what was found in others too. */
class Search {
  private readonly keyspace: Keyspace;
  private readonly shard: Shard;
  private readonly count: number;
  private readonly found: Candidate[];
  private work = 0;

  constructor(keyspace: Keyspace, shard: Shard, count: number, found: Candidate[]) {
    this.keyspace = keyspace;
    this.shard = shard;
    this.count = count;
    this.found = found;
  }

  run(): void {
    const { pool, slabs } = this.shard;
    const lowest = this.lowestClass();
    let look = this.count + LOWEST_CLASS_LOOK;
    for (let page = pool.firstPage; page < pool.highWater; page++) {
      this.pause();
      const kind = pool.kind(page);
      if (kind === PAGE_RUN) this.offer(page << PAGE_SHIFT);
      if (kind !== PAGE_SLAB && kind !== PAGE_SLAB_TAIL) continue;
      const sizeClass = slabs.pageClass(page);
      if (sizeClass < lowest || CELL_BYTES[sizeClass] <= this.least) continue;
      if (sizeClass > lowest) this.offerPage(page);
      else if (look > 0) look -= this.offerPage(page);
    }
  }

  /** Lets others lock the shard, when there was enough work. */
  private pause(): void {
    this.work += CELLS_FOR_PAGE;
    if (this.work < SLICE_CELLS) return;
    this.work = 0;
    this.keyspace.leave();
    this.keyspace.enter(this.shard);
  }

  /** The classes from here up hold as many items as are wanted, and all others that are as large as the smallest of these. */
  private lowestClass(): number {
    let items = 0;
    for (let sizeClass = CLASSES - 1; sizeClass > 0; sizeClass--) {
      items += this.shard.slabs.classLive(sizeClass);
      if (items >= this.count) return lowestBeside(sizeClass);
    }
    return 0;
  }

  /** Items that are not larger than this need not be looked at. */
  private get least(): number {
    return this.found.length < this.count ? 0 : this.found[this.found.length - 1].size;
  }

  /** Offers every item that begins in a page of a slab; returns how many cells it looked at. */
  private offerPage(page: number): number {
    const { slabs, words } = this.shard;
    const size = CELL_BYTES[slabs.pageClass(page)];
    const end = slabs.cellsEnd(page);
    let cells = 0;
    for (let cell = slabs.firstCell(page); cell < end; cell += size, cells++)
      if (words[cell >>> 2] !== 0) this.offer(cell);
    this.work += cells;
    return cells;
  }

  private offer(item: number): void {
    const { shard, found } = this;
    const { words } = shard;
    const size = sizeOf(words, item);
    if (size <= this.least || isPlaceholder(words, item) || shard.isExpired(item)) return;
    const database = this.keyspace.control.logical(databaseOf(words, item));
    if (database === -1) return;
    const at = keyOffset(words, item);
    found.splice(this.place(size), 0, {
      key: shard.bytes.slice(at, at + keyLength(words, item)),
      database,
      bytes: shard.memory.bytesOf(item),
      valueBytes: valueLength(words, item),
      size,
    });
    if (found.length > this.count) found.pop();
  }

  /** Where an item of this size belongs in `found`: behind those that are as large. */
  private place(size: number): number {
    let low = 0;
    let high = this.found.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.found[middle].size < size) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
