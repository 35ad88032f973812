/**
 * Compaction: moving items so that slabs come free, without losing any.
 *
 * ```
 *  class of 4 cells a slab     [a b c .] [d . . .] [e . f .]      as many free cells as a slab has: d moves to the first slab with room,
 *                              [a b c d]           [e . f .]      and its own is the pool's again
 * ```
 *
 * - A class that has as many free cells as one of its slabs has in all moves the items of its emptiest slab together with the others.
 * - A class that has only one slab and little in it gives it up: its items move into free cells of somewhat larger classes.
 * - A slab of several pages in which few items are left is exchanged for a smaller one.
 */

import type { Ledger } from '../ledger.js';
import type { PagePool } from './page-pool.js';
import { CELL_BYTES, CELLS_PER_PAGE, CLASSES, IS_WIDE } from './size-classes.js';
import { type Slabs, slabCells } from './slabs.js';

const PAGE_SHIFT = 16;
/** Slabs of a class among which the emptiest is chosen. */
const COMPACT_LOOK = 64;
/** How much larger the cells may be into which the items of a class move that has little in its only slab. */
const MERGE_MOST = 2;
/** No slab of a class can be emptied. */
export const NONE = -1;

/** Whose items these are: the shard. */
export interface ItemMover {
  /** The item's bytes have been copied to another cell: its index entry is to follow. */
  relocated(from: number, to: number): void;
  /** Item that must stay in place for now; 0 = none. */
  readonly pinned: number;
  readonly ledger: Ledger;
}

export class Compaction {
  private readonly pool: PagePool;
  private readonly slabs: Slabs;
  private readonly owner: ItemMover;

  constructor(pool: PagePool, slabs: Slabs, owner: ItemMover) {
    this.pool = pool;
    this.slabs = slabs;
    this.owner = owner;
  }

  /** Whether the item that must stay is in the slab or run of a page. */
  isHeld(page: number): boolean {
    return this.slabs.slabOf(page) === this.slabs.slabOf(this.owner.pinned >>> PAGE_SHIFT);
  }

  /** Moves the items of one nearly empty slab together with others of its class. False when no class has a slab to spare. */
  compact(): boolean {
    for (let sizeClass = 0; sizeClass < CLASSES; sizeClass++) if (this.compactIfRoom(sizeClass)) return true;
    return false;
  }

  /** Empties a slab of a class that has as many free cells as it has in all. */
  compactIfRoom(sizeClass: number): boolean {
    const slab = this.slabToSpare(sizeClass);
    return slab !== 0 && !this.isHeld(slab) && this.vacate(slab);
  }

  /** The emptiest slab that is found of a class and whose items have room in the others; 0 = none. */
  private slabToSpare(sizeClass: number): number {
    const free = this.slabs.classFree(sizeClass);
    return free < CELLS_PER_PAGE[sizeClass] ? 0 : this.slabs.emptiestSlab(sizeClass, COMPACT_LOOK, free);
  }

  /**
   * Frees the slab of a class that has only one and little in it: its items move into free cells of somewhat larger classes. In a small cache
   * there are as many classes as pages. False when there is no such class.
   */
  merge(): boolean {
    for (let sizeClass = 0; sizeClass < CLASSES; sizeClass++) {
      const live = this.slabs.classLive(sizeClass);
      if (live === 0 || live * 2 > this.slabs.classCells(sizeClass) || !this.hasOneSlab(sizeClass)) continue;
      // One that was begun with just now is about to be filled.
      if (IS_WIDE[sizeClass] && this.owner.ledger.itemsOfClass(sizeClass) > this.slabs.classCells(sizeClass)) continue;
      if (live <= this.slabs.lendable(sizeClass, CELL_BYTES[sizeClass] * MERGE_MOST) && this.moveUp(sizeClass))
        return true;
    }
    return false;
  }

  private hasOneSlab(sizeClass: number): boolean {
    const slab = this.slabs.firstWithRoom(sizeClass);
    return slab !== 0 && this.slabs.classPages(sizeClass) === 1 << this.slabs.slabOrder(slab);
  }

  /** Moves the items of a class's one slab into cells of larger classes, which have enough of them. False when one must stay. */
  private moveUp(sizeClass: number): boolean {
    const slab = this.slabs.firstWithRoom(sizeClass);
    if (this.isHeld(slab)) return false;
    const size = CELL_BYTES[sizeClass];
    const end = this.slabs.slabEnd(slab);
    const { used } = this.pool;
    for (let cell = slab << PAGE_SHIFT; this.pool.used === used && cell < end; cell += size) {
      if (this.pool.words[cell >>> 2] === 0) continue;
      this.moveCell(cell, this.slabs.borrow(sizeClass, size * MERGE_MOST));
      this.slabs.free(cell);
    }
    return true;
  }

  /**
   * Moves items out of the emptiest slab that is found of a class and that has room for them elsewhere.
   * @param most items
   * @returns the pages that came free: 0 when there are more items in it; NONE when there is no such slab
   */
  compactClass(sizeClass: number, most: number): number {
    const slab = this.slabToSpare(sizeClass) || this.slabToNarrow(sizeClass);
    if (slab === 0) return NONE;
    const pages = 1 << this.slabs.slabOrder(slab);
    return this.vacate(slab, most) ? pages : 0;
  }

  /** A slab of several pages with few items, for which the class has just got a smaller one; 0 = none. */
  private slabToNarrow(sizeClass: number): number {
    const { slabs } = this;
    const slab = slabs.emptiestSlab(sizeClass, COMPACT_LOOK);
    for (let order = 0; slab !== 0 && order < slabs.slabOrder(slab); order++)
      if (slabCells(sizeClass, order) >= slabs.liveCells(slab)) return slabs.grow(sizeClass, order, order) ? slab : 0;
    return 0;
  }

  /**
   * Moves every item of a slab to other slabs of its class.
   * @param most items
   * @param mayGrow whether the class may take other pages for them
   * @returns false when they have no room for all of them, or there are more; the slab is in use still, but emptier
   */
  vacate(slab: number, most = Infinity, mayGrow = false): boolean {
    const slabs = this.slabs;
    const sizeClass = slabs.pageClass(slab);
    const order = slabs.slabOrder(slab);
    if (slabs.hasRoom(slab)) slabs.detach(slab);
    const size = CELL_BYTES[sizeClass];
    const end = slabs.slabEnd(slab);
    let moved = 0;
    for (let cell = slab << PAGE_SHIFT; cell < end; cell += size) {
      if (this.pool.words[cell >>> 2] === 0) continue;
      let to = moved++ < most ? slabs.allocate(sizeClass) : 0;
      if (to === 0 && mayGrow && slabs.grow(sizeClass, order)) to = slabs.allocate(sizeClass);
      if (to === 0) {
        if (slabs.hasRoom(slab)) slabs.attach(slab);
        return false;
      }
      this.moveCell(cell, to);
      if (slabs.freeDetached(cell)) return true;
    }
    return true;
  }

  private moveCell(from: number, to: number): void {
    const bytes = this.pool.bytes;
    const size = CELL_BYTES[this.slabs.classOfCell(from)];
    bytes.copyWithin(to, from, from + size);
    this.owner.relocated(from, to);
  }
}
