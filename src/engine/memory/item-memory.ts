/**
 * Memory for items: a cell of a slab, or a run of pages.
 *
 * ```
 *  up to 4 KiB                  a cell of a page class
 *  above, many of that size     a cell of the tight class, in a slab of several pages    few: a cell of a page class, up to a page; a run above it
 *  above 292 KiB                a run
 * ```
 *
 * When none is free, room is made: by the evictor, and by removing items that nobody can find any more but that upkeep has not come to yet;
 * they must not be the reason for which a write is refused. What is refused is counted.
 */

import { type Control, POLICY_EVICTS_ANY, POLICY_NOEVICTION } from '../control.js';
import type { Evictor } from '../eviction/evictor.js';
import { VALUE_BYTES_MAX } from '../item.js';
import type { Ledger } from '../ledger.js';
import type { Compaction } from './compaction.js';
import { PAGE_RUN, type PagePool } from './page-pool.js';
import { clearAligned, clearRun } from './run-window.js';
import {
  CELL_BYTES,
  CELLS_PER_PAGE,
  CLASSES,
  type ClassTable,
  classOf,
  classTable,
  PAGE_BYTES,
  TIGHT_BYTES_MAX,
  TIGHT_FROM,
  tightClassOf,
} from './size-classes.js';
import { bestOrder, leastOrder, NO_SLAB } from './slab-choice.js';
import type { Slabs } from './slabs.js';

const PAGE_SHIFT = 16;
/** An item that becomes shorter keeps its cell while it fills this share of it. */
const KEEP_SHARE = 0.8;
/** How much larger a cell may be than an item's own, when memory is used up: one that is free, or one that is made free. */
const BORROW_FREE = 1.5;
const BORROW_EVICTED = 2;
/** Pages that are made free by choosing the items that go one by one. */
const FEW_PAGES = 2;
/** How often a run is looked for, each time with as many more free pages as it has, and at least so many. */
const RUN_TRIES = 8;
const MORE_PAGES_MIN = 8;
/** Bytes of an index entry. */
const ENTRY_BYTES = 8;
/** Pages of the largest value with the longest key. */
const RUN_PAGES_MAX = Math.ceil((VALUE_BYTES_MAX + (1 << 20)) / PAGE_BYTES) + 1;

/** What the memory asks of the shard. */
export interface MemoryUser {
  /** Item that allocations must neither evict nor move; 0 = none. */
  readonly pinned: number;
  /** Removes items that are dead already, of one page that has some. False when there are none. */
  removeDead(): boolean;
  /** Moves a segment of the index to another page. False when there is none. */
  moveSegment(page: number): boolean;
  readonly ledger: Ledger;
}

export class ItemMemory {
  private readonly pool: PagePool;
  private readonly slabs: Slabs;
  private readonly evictor: Evictor;
  private readonly compaction: Compaction;
  private readonly control: Control;
  private readonly user: MemoryUser;
  private readonly classes: ClassTable;

  constructor(
    pool: PagePool,
    slabs: Slabs,
    evictor: Evictor,
    compaction: Compaction,
    control: Control,
    user: MemoryUser,
  ) {
    this.pool = pool;
    this.slabs = slabs;
    this.evictor = evictor;
    this.compaction = compaction;
    this.control = control;
    this.user = user;
    this.classes = classTable(pool.capacity);
  }

  /** Class of the cells that items of `bytes` get if there is memory enough; CLASSES where that is a run of pages. */
  classOf(bytes: number): number {
    if (bytes > TIGHT_FROM && bytes <= TIGHT_BYTES_MAX) {
      const tight = tightClassOf(bytes);
      if (this.slabs.classPages(tight) > 0) return tight;
    }
    return bytes <= PAGE_BYTES ? classOf(this.classes, bytes) : CLASSES;
  }

  /**
   * Memory for an item of `bytes`, evicting if the policy allows.
   * @returns its byte offset, or 0
   */
  allocate(bytes: number): number {
    if (bytes > TIGHT_FROM) return this.allocateLarge(bytes);
    const sizeClass = classOf(this.classes, bytes);
    const cell = this.slabs.allocate(sizeClass);
    return cell !== 0 ? cell : this.allocateSlowly(sizeClass);
  }

  /**
   * Memory for an item that may have a cell of a wide class. When no cell is free, that is the time to look whether there are so many of its size that
   * the next slab should be one of their own.
   */
  private allocateLarge(bytes: number): number {
    if (bytes > TIGHT_BYTES_MAX) return this.allocateRun(bytes);
    const { slabs, pool } = this;
    const tight = tightClassOf(bytes);
    const isOpen = slabs.classPages(tight) > 0;
    const fitsPage = CELL_BYTES[tight] <= PAGE_BYTES;
    const sizeClass = isOpen || !fitsPage ? tight : classOf(this.classes, bytes);
    const cell = slabs.allocate(sizeClass);
    if (cell !== 0) return cell;
    const items = this.user.ledger.itemsOfClass(tight) + 1;
    const pages = bytes > PAGE_BYTES ? Math.ceil(bytes / PAGE_BYTES) : 1 / CELLS_PER_PAGE[classOf(this.classes, bytes)];
    const least = leastOrder(tight, items, pages);
    const order = least === NO_SLAB ? 0 : bestOrder(tight, items);
    if (least !== NO_SLAB && this.growWide(tight, order, least)) return slabs.allocate(tight);
    if (fitsPage) return this.allocateSlowly(sizeClass, isOpen ? order : 0);
    // A class whose cells are larger than a page cannot grow by single pages: no page that is made free would help it.
    const evicted = pool.available < pages && this.evictor.evictFrom(tight, order);
    if (evicted && least !== NO_SLAB && pool.available > 0) this.growWide(tight, order, least);
    return slabs.allocate(tight) || this.allocateOtherwise(bytes);
  }

  /** Memory for an item as if there were no wide classes: a run, or a cell of a page class. */
  private allocateOtherwise(bytes: number): number {
    if (bytes > PAGE_BYTES) return this.allocateRun(bytes);
    const sizeClass = classOf(this.classes, bytes);
    return this.slabs.allocate(sizeClass) || this.allocateSlowly(sizeClass);
  }

  /**
   * Gives a wide class a slab of 2^order pages, or of fewer; a class that has none yet has pages made free for it.
   * @param least order of the smallest slab that will do
   */
  private growWide(sizeClass: number, order: number, least: number): boolean {
    const { slabs, pool } = this;
    if (slabs.grow(sizeClass, order, least)) return true;
    if (slabs.classPages(sizeClass) === 0 && !this.evictor.freePages(1 << least)) return false;
    const most = Math.min(order, 31 - Math.clz32(pool.available));
    if (most < least || !clearAligned(pool, slabs, this.compaction, this.user, most, this.pinnedPage)) return false;
    return slabs.grow(sizeClass, most, most);
  }

  private get pinnedPage(): number {
    return this.user.pinned >>> PAGE_SHIFT;
  }

  /** Whether an item of `bytes` belongs into the cell that `item` has; a run is made to fit where it stands, if it can be. */
  fit(item: number, bytes: number): boolean {
    const page = item >>> PAGE_SHIFT;
    if (this.pool.kind(page) !== PAGE_RUN) return this.fitsCell(bytes, this.slabs.pageClass(page));
    if (bytes <= PAGE_BYTES) return false;
    const pages = Math.ceil(bytes / PAGE_BYTES);
    return pages === this.pool.runPages(page) || this.pool.resizeRun(page, pages);
  }

  /** Whether an item of `bytes` may have a cell of the class: one of its own class, or a little larger. */
  private fitsCell(bytes: number, sizeClass: number): boolean {
    const cell = CELL_BYTES[sizeClass];
    if (bytes > cell) return false;
    return cell * KEEP_SHARE <= bytes || (bytes <= PAGE_BYTES && classOf(this.classes, bytes) === sizeClass);
  }

  /** Frees an item's memory; the index no longer knows it. */
  release(item: number): void {
    const page = item >>> PAGE_SHIFT;
    if (this.pool.kind(page) === PAGE_RUN) this.pool.freeRun(page);
    else this.slabs.free(item);
  }

  /** Makes a page free. False when nothing can go. */
  freePage(): boolean {
    return this.evictor.freePage() || this.user.removeDead();
  }

  /** Bytes of memory that an item takes, its cell or run and its index entry included. */
  bytesOf(item: number): number {
    const page = item >>> PAGE_SHIFT;
    if (this.pool.kind(page) === PAGE_RUN) return this.pool.runPages(page) * PAGE_BYTES + ENTRY_BYTES;
    return CELL_BYTES[this.slabs.pageClass(page)] + ENTRY_BYTES;
  }

  /**
   * Comes under the limit after that was lowered, some pages at a time.
   * @returns whether it is under it now
   */
  shrink(pages: number): boolean {
    const { pool } = this;
    let more = true;
    for (let i = 0; i < pages && more && pool.used > pool.limit; i++) more = this.evictor.freePage();
    pool.settle();
    return pool.used <= pool.limit;
  }

  /** Whether an item of `bytes` can be had at all, whatever else must go for it. */
  canHold(bytes: number): boolean {
    const pages = Math.ceil(bytes / PAGE_BYTES);
    return pages <= this.pool.budget - this.pool.overhead && pages <= RUN_PAGES_MAX;
  }

  /** Whether the policy lets an item be evicted. */
  isEvictable(item: number): boolean {
    return this.control.policy !== POLICY_NOEVICTION && this.evictor.mayGo(item);
  }

  /**
   * A cell of a class, for which room is made.
   * @param sizeClass one whose cells fit a page
   * @param order of the slab that it is to have next
   */
  private allocateSlowly(sizeClass: number, order = 0): number {
    for (;;) {
      if (this.slabs.grow(sizeClass)) return this.slabs.allocate(sizeClass);
      const borrowed = this.slabs.borrow(sizeClass, CELL_BYTES[sizeClass] * BORROW_FREE);
      if (borrowed !== 0) return borrowed;
      const from = this.evictor.lender(sizeClass, CELL_BYTES[sizeClass] * BORROW_EVICTED);
      // What is made free is a cell of the class, or a page.
      if (!this.evictor.freeCell(from, order) && !this.user.removeDead()) return this.refuse();
      if (order > 0 && this.pool.available > 0) this.growWide(sizeClass, order, 0);
      const cell = this.slabs.allocate(from) || this.slabs.allocate(sizeClass);
      if (cell !== 0) return cell;
    }
  }

  private allocateRun(bytes: number): number {
    if (!this.canHold(bytes)) return this.refuse();
    const pages = Math.ceil(bytes / PAGE_BYTES);
    for (let missing = pages - this.pool.available; missing > 0; missing = pages - this.pool.available) {
      if (!(missing > FEW_PAGES ? this.evictor.freePageQuickly() : this.evictor.freePage()) && !this.user.removeDead())
        return this.refuse();
    }
    for (let tries = 0; tries < RUN_TRIES; tries++) {
      const page = this.pool.takeRun(pages) || this.clearRun(pages);
      if (page !== 0) return page << PAGE_SHIFT;
      // With more free pages, more can be moved out of a window.
      if (!this.evictor.freePages(this.pool.available + Math.max(pages, MORE_PAGES_MIN))) break;
    }
    return this.refuse();
  }

  private clearRun(pages: number): number {
    const emptier = POLICY_EVICTS_ANY[this.control.policy] ? this.evictor : undefined;
    return clearRun(this.pool, this.slabs, this.compaction, this.user, emptier, pages, this.pinnedPage);
  }

  private refuse(): number {
    this.user.ledger.refuse();
    return 0;
  }
}
