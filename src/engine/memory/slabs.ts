/**
 * Slabs: pages cut into cells of one size class, and for each class the list of its slabs that have room.
 *
 * A slab is one page; of a wide class, 2^order adjacent pages, which begin at a multiple of their number. The first page's
 * entry of the page table has the slab's books, and every page's entry says what leads to it:
 *
 * ```
 *  page table:  [ slab, class 90, order 0 ][ slab, class 200, order 2 ][ tail, 200, 2 ][ tail, 200, 2 ][ tail, 200, 2 ]
 *                                            page 8: cells, free cells, links           page 10: (10 >>> 2) << 2 = 8
 * ```
 *
 * Each slab keeps its own chain of free cells, so that one whose last cell is freed goes back to the pool whole, and its pages
 * can serve another class (or the index, or a large value) next. Cells are cut from a fresh slab one by one, so that a slab's
 * memory is touched only as far as it is filled.
 *
 * ```
 *  class record in the header: [first slab with room][pages][live cells][cells]
 *  free cell:  word 0 = 0 (a live item's word 0 is never 0)   word 1 = byte offset of the next free cell of this slab
 * ```
 *
 * How far it is filled is all that is resident of a slab of several pages when it is not filled further: the kernel makes a huge page of all of it, and
 * upkeep gives back the end of one from which no cell was cut between two looks. It is *short* then, until it is full.
 *
 * A slab is named by its first page. An item belongs to the page in which it begins.
 */

import type { PagePool } from './page-pool.js';
import { CELL_BYTES, CLASSES, PAGE_BYTES } from './size-classes.js';

const PAGE_SHIFT = 16;
const LIVE = 1;
const FREE_CELL = 2;
const NEXT = 3;
const PREVIOUS = 4;
const CUT = 5;
const CELLS = 6;
const SEEN = 7;

/** In place of the cells that were cut when a slab was looked at: the slab is short. */
const IS_SHORT = -1;
/** Pages at the end of a slab that are worth a huge page. */
const SHORT_PAGES_MIN = 4;
/** Slabs of a class among which one is looked for that can be shortened. */
const SHORTEN_LOOK = 16;

const CLASS_SHIFT = 8;
const CLASS_MASK = 0xffff;
const ORDER_SHIFT = 24;

const CLASS_WORDS = 4;
const CLASS_ROOM = 0;
const CLASS_PAGES = 1;
const CLASS_LIVE = 2;
const CLASS_CELLS = 3;

/** Words of the header that the class records take. */
export const SLAB_HEADER_WORDS = CLASSES * CLASS_WORDS;

/** Cells of a slab of 2^order pages. */
export function slabCells(sizeClass: number, order: number): number {
  return Math.floor((PAGE_BYTES << order) / CELL_BYTES[sizeClass]);
}

export class Slabs {
  private readonly pool: PagePool;
  private readonly words: Int32Array;
  /** Word index of the class records. */
  private readonly records: number;

  /** @param records word index, in the shard's header, of SLAB_HEADER_WORDS words */
  constructor(pool: PagePool, records: number) {
    this.pool = pool;
    this.words = pool.words;
    this.records = records;
  }

  /** Forgets all cells: the pool has been formatted. */
  format(): void {
    this.words.fill(0, this.records, this.records + SLAB_HEADER_WORDS);
  }

  /** Takes a cell of a slab that has room; 0 when no slab of the class has. */
  allocate(sizeClass: number): number {
    const words = this.words;
    const record = this.records + sizeClass * CLASS_WORDS;
    const slab = words[record + CLASS_ROOM];
    if (slab === 0) return 0;
    const entry = this.pool.entry(slab);
    let cell = words[entry + FREE_CELL];
    if (cell !== 0) words[entry + FREE_CELL] = words[(cell >>> 2) + 1];
    else {
      cell = (slab << PAGE_SHIFT) + words[entry + CUT]++ * CELL_BYTES[sizeClass];
      // Whatever lay here before: the cell holds no item until its header is written.
      words[cell >>> 2] = 0;
    }
    words[record + CLASS_LIVE]++;
    if (++words[entry + LIVE] === words[entry + CELLS]) {
      this.unlink(slab, sizeClass);
      if (words[entry + SEEN] === IS_SHORT) this.endShort(slab);
    }
    return cell;
  }

  /**
   * Takes a free cell of a somewhat larger class, of at most `most` bytes; 0 when there is none. Better a cell with some room to spare than an
   * eviction, or a page for a few items.
   */
  borrow(sizeClass: number, most: number): number {
    for (let larger = sizeClass + 1; larger < CLASSES && CELL_BYTES[larger] <= most; larger++) {
      if (this.words[this.records + larger * CLASS_WORDS + CLASS_ROOM] !== 0) return this.allocate(larger);
    }
    return 0;
  }

  /** How many cells `borrow` can give. */
  lendable(sizeClass: number, most: number): number {
    let cells = 0;
    for (let larger = sizeClass + 1; larger < CLASSES && CELL_BYTES[larger] <= most; larger++)
      cells += this.classFree(larger);
    return cells;
  }

  /**
   * Gives the class a fresh slab from the pool, of 2^order pages, or of fewer where so many are not free side by side.
   * @param least order of the smallest slab that will do
   * @returns false when there is none
   */
  grow(sizeClass: number, order = 0, least = 0): boolean {
    for (let each = order; each >= least; each--) {
      const cells = slabCells(sizeClass, each);
      const slab = cells === 0 ? 0 : this.pool.takeSlab(each);
      if (slab === 0) continue;
      const { words } = this;
      const about = (sizeClass << CLASS_SHIFT) | (each << ORDER_SHIFT);
      for (let page = slab; page < slab + (1 << each); page++) words[this.pool.entry(page)] |= about;
      words[this.pool.entry(slab) + CELLS] = cells;
      words[this.records + sizeClass * CLASS_WORDS + CLASS_PAGES] += 1 << each;
      words[this.records + sizeClass * CLASS_WORDS + CLASS_CELLS] += cells;
      this.link(slab, sizeClass);
      return true;
    }
    return false;
  }

  /** Frees a cell; its slab goes back to the pool with the last one. */
  free(cell: number): void {
    const words = this.words;
    const slab = this.slabOf(cell >>> PAGE_SHIFT);
    const entry = this.pool.entry(slab);
    const sizeClass = (words[entry] >>> CLASS_SHIFT) & CLASS_MASK;
    const live = --words[entry + LIVE];
    words[this.records + sizeClass * CLASS_WORDS + CLASS_LIVE]--;
    if (live === words[entry + CELLS] - 1) this.link(slab, sizeClass);
    if (live === 0) {
      this.unlink(slab, sizeClass);
      this.giveUp(slab, sizeClass);
      return;
    }
    words[cell >>> 2] = 0;
    words[(cell >>> 2) + 1] = words[entry + FREE_CELL];
    words[entry + FREE_CELL] = cell;
  }

  /** The slab that a page belongs to: its first page. */
  slabOf(page: number): number {
    const order = this.words[this.pool.entry(page)] >>> ORDER_SHIFT;
    return (page >>> order) << order;
  }

  /** Size class of the slab that holds `cell`. */
  classOfCell(cell: number): number {
    return this.pageClass(cell >>> PAGE_SHIFT);
  }

  /** Size class of the slab that a page belongs to. */
  pageClass(page: number): number {
    return (this.words[this.pool.entry(page)] >>> CLASS_SHIFT) & CLASS_MASK;
  }

  /** Pages of a slab, as a power of two. */
  slabOrder(slab: number): number {
    return this.words[this.pool.entry(slab)] >>> ORDER_SHIFT;
  }

  /** Byte offset of the first cell that begins in a page of a slab. */
  firstCell(page: number): number {
    const slab = this.slabOf(page);
    if (slab === page) return page << PAGE_SHIFT;
    const size = CELL_BYTES[this.pageClass(page)];
    return (slab << PAGE_SHIFT) + Math.ceil(((page - slab) << PAGE_SHIFT) / size) * size;
  }

  /** One past the last cell that begins in a page and may hold an item (word 0 tells): those behind were never cut. Byte offset. */
  cellsEnd(page: number): number {
    return Math.min((page << PAGE_SHIFT) + PAGE_BYTES, this.slabEnd(this.slabOf(page)));
  }

  /** One past the last cell of a slab that may hold an item. Byte offset. */
  slabEnd(slab: number): number {
    const entry = this.pool.entry(slab);
    return (slab << PAGE_SHIFT) + this.words[entry + CUT] * CELL_BYTES[this.pageClass(slab)];
  }

  liveCells(slab: number): number {
    return this.words[this.pool.entry(slab) + LIVE];
  }

  /** Pages of a class. */
  classPages(sizeClass: number): number {
    return this.words[this.records + sizeClass * CLASS_WORDS + CLASS_PAGES];
  }

  /** Live cells of a class. */
  classLive(sizeClass: number): number {
    return this.words[this.records + sizeClass * CLASS_WORDS + CLASS_LIVE];
  }

  /** Cells of all slabs of a class. */
  classCells(sizeClass: number): number {
    return this.words[this.records + sizeClass * CLASS_WORDS + CLASS_CELLS];
  }

  /** Cells of a class that are free in slabs it already has. */
  classFree(sizeClass: number): number {
    return this.classCells(sizeClass) - this.classLive(sizeClass);
  }

  /**
   * The slab with room that is the emptiest for its size, among the first `lookAt` of the class. 0 when none has room.
   * @param most cells that it may have
   */
  emptiestSlab(sizeClass: number, lookAt: number, most = Infinity): number {
    const words = this.words;
    let best = 0;
    let bestShare = 1;
    let slab = this.firstWithRoom(sizeClass);
    for (let seen = 0; slab !== 0 && seen < lookAt; seen++) {
      const entry = this.pool.entry(slab);
      const share = words[entry + LIVE] / words[entry + CELLS];
      if (share < bestShare && words[entry + CELLS] <= most) {
        best = slab;
        bestShare = share;
      }
      slab = words[entry + NEXT];
    }
    return best;
  }

  /** The slab of a class that is filled next; 0 when none has room. */
  firstWithRoom(sizeClass: number): number {
    return this.words[this.records + sizeClass * CLASS_WORDS + CLASS_ROOM];
  }

  /**
   * Takes a slab out of its class's list, so that `allocate` does not hand out its cells while it is being emptied.
   * The slab must have room. `free` of its cells links it again, so the caller frees with `freeDetached`.
   */
  detach(slab: number): void {
    this.unlink(slab, this.pageClass(slab));
  }

  /** Puts a detached slab back that has not been emptied: behind the one whose cells are handed out now, so that it is not filled again. */
  attach(slab: number): void {
    const words = this.words;
    const sizeClass = this.pageClass(slab);
    const head = this.firstWithRoom(sizeClass);
    if (head === 0) {
      this.link(slab, sizeClass);
      return;
    }
    const entry = this.pool.entry(slab);
    const next = words[this.pool.entry(head) + NEXT];
    words[entry + NEXT] = next;
    words[entry + PREVIOUS] = head;
    if (next !== 0) words[this.pool.entry(next) + PREVIOUS] = slab;
    words[this.pool.entry(head) + NEXT] = slab;
  }

  /** Frees a cell of a detached slab. Returns true when that was the last one: the pages are the pool's again. */
  freeDetached(cell: number): boolean {
    const words = this.words;
    const slab = this.slabOf(cell >>> PAGE_SHIFT);
    const entry = this.pool.entry(slab);
    const sizeClass = this.pageClass(slab);
    words[this.records + sizeClass * CLASS_WORDS + CLASS_LIVE]--;
    words[cell >>> 2] = 0;
    words[(cell >>> 2) + 1] = words[entry + FREE_CELL];
    words[entry + FREE_CELL] = cell;
    if (--words[entry + LIVE] > 0) return false;
    this.giveUp(slab, sizeClass);
    return true;
  }

  /** True when the slab is in its class's list of slabs with room. */
  hasRoom(slab: number): boolean {
    const entry = this.pool.entry(slab);
    return this.words[entry + LIVE] < this.words[entry + CELLS];
  }

  /**
   * Looks at a wide class's slabs with room: of one from which no cell was cut since the last look, the pages at the end that no cell has been cut from
   * yet go back to the system. One slab at a time: the kernel has a huge page to cut up, which takes it more than a tenth of a millisecond.
   * @returns whether one was shortened
   */
  shortenIdle(sizeClass: number): boolean {
    const { words } = this;
    let slab = this.firstWithRoom(sizeClass);
    for (let seen = 0; slab !== 0 && seen < SHORTEN_LOOK; seen++) {
      if (this.shortenIfIdle(slab)) return true;
      slab = words[this.pool.entry(slab) + NEXT];
    }
    return false;
  }

  private shortenIfIdle(slab: number): boolean {
    const { words } = this;
    const entry = this.pool.entry(slab);
    const order = this.slabOrder(slab);
    const untouched = (1 << order) - this.touchedPages(slab);
    if (words[entry + SEEN] === IS_SHORT || untouched < SHORT_PAGES_MIN) return false;
    const isIdle = words[entry + SEEN] === words[entry + CUT];
    words[entry + SEEN] = words[entry + CUT];
    if (!isIdle || !this.pool.shortenSlab(slab, order, untouched)) return false;
    words[entry + SEEN] = IS_SHORT;
    return true;
  }

  /** A short slab is full. */
  private endShort(slab: number): void {
    this.words[this.pool.entry(slab) + SEEN] = 0;
    this.pool.endShortSlab(slab);
  }

  /** Pages of a slab that cells have been cut from. */
  private touchedPages(slab: number): number {
    return ((this.slabEnd(slab) + PAGE_BYTES - 1) >>> PAGE_SHIFT) - slab;
  }

  /** Gives a slab without items, which is in no list, back to the pool. */
  private giveUp(slab: number, sizeClass: number): void {
    const { words } = this;
    const order = this.slabOrder(slab);
    const entry = this.pool.entry(slab);
    words[this.records + sizeClass * CLASS_WORDS + CLASS_PAGES] -= 1 << order;
    words[this.records + sizeClass * CLASS_WORDS + CLASS_CELLS] -= words[entry + CELLS];
    if (words[entry + SEEN] === IS_SHORT) this.pool.freeShortSlab(slab, order, this.touchedPages(slab));
    else this.pool.freeSlab(slab, order);
  }

  private link(slab: number, sizeClass: number): void {
    const words = this.words;
    const record = this.records + sizeClass * CLASS_WORDS;
    const head = words[record + CLASS_ROOM];
    const entry = this.pool.entry(slab);
    words[entry + NEXT] = head;
    words[entry + PREVIOUS] = 0;
    if (head !== 0) words[this.pool.entry(head) + PREVIOUS] = slab;
    words[record + CLASS_ROOM] = slab;
  }

  private unlink(slab: number, sizeClass: number): void {
    const words = this.words;
    const entry = this.pool.entry(slab);
    const next = words[entry + NEXT];
    const previous = words[entry + PREVIOUS];
    if (previous === 0) words[this.records + sizeClass * CLASS_WORDS + CLASS_ROOM] = next;
    else words[this.pool.entry(previous) + NEXT] = next;
    if (next !== 0) words[this.pool.entry(next) + PREVIOUS] = previous;
  }
}
