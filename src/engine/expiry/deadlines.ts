/**
 * Active expiry: removing items whose deadline has passed, though nobody asks for them.
 *
 * The deadline table (memory/deadline-table.ts) knows the earliest deadline of each page and of each block of 4 KiB. A sweep
 * walks over the pages' deadlines, one double after the other; in a page that is due it reads only the blocks that are; what is due there it removes,
 * and on the way it learns the block's next deadline.
 *
 * So the work follows what expires and not what is there: an item that is due costs the look at its neighbours in the block and its removal, about
 * a microsecond in all, most of it cache misses; a page in which nothing is due costs a few nanoseconds. That is what lets a sweep run every few
 * milliseconds (upkeep.ts), which bounds the lag. An item pays for it with the eight bytes of its deadline and nothing else; it can move
 * freely; and a million items that expire together are removed page by page, at a third of the cost.
 *
 * A sweep works until its time is up, and the next one goes on there, so that all blocks get their turn however much there is to do.
 */

import type { Clock } from '../../base/clock.js';
import { databaseOf, expiryOf } from '../item.js';
import { BLOCK_BYTES, BLOCKS, type DeadlineTable } from '../memory/deadline-table.js';
import { PAGE_RUN, PAGE_SLAB, PAGE_SLAB_TAIL, type PagePool } from '../memory/page-pool.js';
import { CELL_BYTES, PAGE_BYTES } from '../memory/size-classes.js';
import type { Slabs } from '../memory/slabs.js';

const PAGE_SHIFT = 16;
/** What is done between two looks at the time, which cost 40 ns: as many cells read, of which a removal is worth REMOVAL_WORK. */
const WORK_MAX = 512;
const REMOVAL_WORK = 24;

/** What the sweep does to items: the shard does it. */
export interface ItemRemover {
  /** Removes an item that has expired, and counts it. */
  expire(item: number): void;
  /** Whether the item's database is being emptied. */
  isOrphan(item: number): boolean;
  /** Removes an item of a database that is being emptied. */
  removeOrphan(item: number): void;
}

/** Whether items may begin in a page of the kind. */
function holdsItems(kind: number): boolean {
  return kind === PAGE_SLAB || kind === PAGE_SLAB_TAIL || kind === PAGE_RUN;
}

const noTime = (): number => 0;

export class Deadlines {
  private readonly pool: PagePool;
  private readonly table: DeadlineTable;
  private readonly slabs: Slabs;
  private readonly clock: Clock;
  private readonly remover: ItemRemover;
  /** Header word of the block at which the next sweep begins, so that every block gets its turn, whatever is due again and again in others. */
  private readonly cursor: number;
  // The sweep that is running.
  private until = 0;
  private time: () => number = noTime;
  private work = 0;
  private removed = 0;

  /** @param cursor header word in which a sweep notes where the next one is to go on; 0 = anywhere */
  constructor(pool: PagePool, slabs: Slabs, clock: Clock, cursor: number, remover: ItemRemover) {
    this.pool = pool;
    this.table = pool.deadlines;
    this.slabs = slabs;
    this.clock = clock;
    this.cursor = cursor;
    this.remover = remover;
  }

  /** Notes that an item has a deadline, in milliseconds since 1970. */
  note(item: number, expiry: number): void {
    this.table.note(item, expiry);
  }

  /**
   * Walks on through the pages, removing what is to go, until `until` (by `time`) or once round.
   * @param time monotonic milliseconds, with fractions
   * @param expired whether items that have expired are to go
   * @param orphans whether items of databases that are being emptied are: every item is looked at for them
   * @returns whether something may be left
   */
  sweep(until: number, time: () => number, expired: boolean, orphans: boolean): boolean {
    if (!expired && !orphans) return false;
    this.until = until;
    this.time = time;
    this.work = 0;
    const { words, firstPage, highWater } = this.pool;
    const cursor = Math.min(highWater * BLOCKS, Math.max(firstPage * BLOCKS, words[this.cursor]));
    // The page of the cursor comes last once more: for the blocks before it.
    return (
      !this.sweepPages(cursor, highWater, expired, orphans) ||
      !this.sweepPages(firstPage * BLOCKS, Math.min(highWater, Math.floor(cursor / BLOCKS) + 1), expired, orphans)
    );
  }

  /** Sweeps from a block on, up to a page. Returns false when the time was up before. */
  private sweepPages(from: number, end: number, expired: boolean, orphans: boolean): boolean {
    const { pages } = this.table;
    const { now } = this.clock;
    let page = Math.floor(from / BLOCKS);
    for (let block = from % BLOCKS; page < end; page++, block = 0)
      if ((pages[page] <= now || orphans) && !this.sweepPage(page, block, expired, orphans)) return false;
    return true;
  }

  /**
   * Removes what nobody can find any more from the first page that has some.
   * @param orphans as in `sweep`
   * @returns whether there was any
   */
  removeSome(orphans: boolean): boolean {
    const { firstPage, highWater } = this.pool;
    this.until = Infinity;
    this.time = noTime;
    this.removed = 0;
    for (let page = firstPage; page < highWater && this.removed === 0; page++)
      if (orphans || this.table.pages[page] <= this.clock.now) this.sweepPage(page, 0, true, orphans);
    return this.removed > 0;
  }

  /** Oldest deadline that is due and whose item may still be there, in milliseconds since 1970; 0 when none is. Reads the table only. */
  oldestDue(): number {
    const { pages } = this.table;
    let oldest = Infinity;
    for (let page = this.pool.firstPage, end = this.pool.highWater; page < end; page++)
      if (pages[page] < oldest) oldest = pages[page];
    return oldest <= this.clock.now ? oldest : 0;
  }

  /** Removes every item of a database from a page. */
  removeWhere(page: number, database: number): void {
    const { words } = this.pool;
    const kind = this.pool.kind(page);
    if (!holdsItems(kind)) return;
    const size = this.cellBytes(page, kind);
    const end = this.cellsEnd(page, kind);
    for (let item = this.firstItem(page, kind, 0); item < end && this.pool.kind(page) === kind; item += size)
      if (words[item >>> 2] !== 0 && databaseOf(words, item) === database) this.remover.removeOrphan(item);
  }

  /** Sweeps one page, from one of its blocks on. Returns false when the time was up; the cursor says where to go on then. */
  private sweepPage(page: number, from: number, expired: boolean, orphans: boolean): boolean {
    const kind = this.pool.kind(page);
    if (!holdsItems(kind)) return true;
    const { blocks } = this.table;
    const { now } = this.clock;
    const end = (page + 1) * BLOCKS;
    let inTime = true;
    for (let block = page * BLOCKS + from; block < end && inTime; block++) {
      if (!orphans && blocks[block] > now) continue;
      if (!this.sweepBlock(page, kind, block, expired, orphans)) return true;
      if (this.work < WORK_MAX) continue;
      this.work = 0;
      inTime = this.time() < this.until;
      if (!inTime) this.pool.words[this.cursor] = block + 1;
    }
    this.table.settle(page);
    return inTime;
  }

  /** Sweeps one block, and notes its next deadline. Returns false when the page's last item went with it: the page is free. */
  private sweepBlock(page: number, kind: number, block: number, expired: boolean, orphans: boolean): boolean {
    const { words } = this.pool;
    const { now } = this.clock;
    const size = this.cellBytes(page, kind);
    const offset = (block % BLOCKS) * BLOCK_BYTES;
    const end = Math.min(this.cellsEnd(page, kind), (page << PAGE_SHIFT) + offset + BLOCK_BYTES);
    let earliest = Infinity;
    for (let item = this.firstItem(page, kind, offset); item < end; item += size) {
      this.work++;
      if (words[item >>> 2] === 0) continue;
      const expiry = expiryOf(words, item);
      if (expired && expiry !== 0 && expiry <= now) this.remover.expire(item);
      else if (orphans && this.remover.isOrphan(item)) this.remover.removeOrphan(item);
      else {
        if (expiry !== 0 && expiry < earliest) earliest = expiry;
        continue;
      }
      this.removed++;
      this.work += REMOVAL_WORK;
      if (this.pool.kind(page) !== kind) return false;
    }
    this.table.correct(block, earliest);
    return true;
  }

  private cellBytes(page: number, kind: number): number {
    return kind === PAGE_RUN ? PAGE_BYTES : CELL_BYTES[this.slabs.pageClass(page)];
  }

  /** The first place of an item at or behind an offset in a page: in a slab of several pages, cells do not begin where pages do. */
  private firstItem(page: number, kind: number, offset: number): number {
    const at = (page << PAGE_SHIFT) + offset;
    if (kind === PAGE_RUN) return offset === 0 ? at : at + PAGE_BYTES;
    const start = this.slabs.slabOf(page) << PAGE_SHIFT;
    const size = this.cellBytes(page, kind);
    return start + Math.ceil((at - start) / size) * size;
  }

  /** One past the last cell that begins in a page and may hold an item (byte offset). */
  private cellsEnd(page: number, kind: number): number {
    return kind === PAGE_RUN ? (page << PAGE_SHIFT) + PAGE_BYTES : this.slabs.cellsEnd(page);
  }
}
