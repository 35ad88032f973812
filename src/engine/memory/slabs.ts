/**
 * Slabs: pages cut into cells of one size class, and for each class the list of its pages that have room.
 *
 * Each page keeps its own chain of free cells, so that a page whose last cell is freed goes back to the pool whole, and
 * can serve another class (or the index, or a large value) next. Cells are cut from a fresh page one by one, so that a page's
 * memory is touched only as far as it is filled.
 *
 * ```
 *  class record in the header: [first page with room][pages][live cells][victim counter]
 *  free cell:  word 0 = 0 (a live item's word 0 is never 0)   word 1 = byte offset of the next free cell of this page
 * ```
 */

import { PAGE_SLAB, type PagePool } from './page-pool.js';
import { CELL_BYTES, CELLS_PER_PAGE, CLASSES } from './size-classes.js';

const PAGE_SHIFT = 16;
const LIVE = 1;
const FREE_CELL = 2;
const NEXT = 3;
const PREVIOUS = 4;
const CUT = 5;

const CLASS_WORDS = 4;
const CLASS_ROOM = 0;
const CLASS_PAGES = 1;
const CLASS_LIVE = 2;

/** Words of the header that the class records take. */
export const SLAB_HEADER_WORDS = CLASSES * CLASS_WORDS;

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

  /** Takes a cell of a page that has room; 0 when no page of the class has. */
  allocate(sizeClass: number): number {
    const words = this.words;
    const page = words[this.records + sizeClass * CLASS_WORDS + CLASS_ROOM];
    if (page === 0) return 0;
    const entry = this.pool.entry(page);
    let cell = words[entry + FREE_CELL];
    if (cell !== 0) words[entry + FREE_CELL] = words[(cell >>> 2) + 1];
    else {
      cell = (page << PAGE_SHIFT) + words[entry + CUT]++ * CELL_BYTES[sizeClass];
      // Whatever lay here before: the cell holds no item until its header is written.
      words[cell >>> 2] = 0;
    }
    words[entry + LIVE]++;
    words[this.records + sizeClass * CLASS_WORDS + CLASS_LIVE]++;
    if (words[entry + LIVE] === CELLS_PER_PAGE[sizeClass]) this.unlink(page, sizeClass);
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

  /** Gives the class a fresh page from the pool; false when there is none. */
  grow(sizeClass: number): boolean {
    const page = this.pool.take(PAGE_SLAB);
    if (page === 0) return false;
    this.words[this.pool.entry(page)] = PAGE_SLAB | (sizeClass << 8);
    this.words[this.records + sizeClass * CLASS_WORDS + CLASS_PAGES]++;
    this.link(page, sizeClass);
    return true;
  }

  /** Frees a cell; its page goes back to the pool with the last one. */
  free(cell: number): void {
    const words = this.words;
    const page = cell >>> PAGE_SHIFT;
    const entry = this.pool.entry(page);
    const sizeClass = words[entry] >>> 8;
    const record = this.records + sizeClass * CLASS_WORDS;
    words[record + CLASS_LIVE]--;
    const live = --words[entry + LIVE];
    if (live === CELLS_PER_PAGE[sizeClass] - 1) this.link(page, sizeClass);
    if (live === 0) {
      this.unlink(page, sizeClass);
      words[record + CLASS_PAGES]--;
      this.pool.free(page);
      return;
    }
    words[cell >>> 2] = 0;
    words[(cell >>> 2) + 1] = words[entry + FREE_CELL];
    words[entry + FREE_CELL] = cell;
  }

  /** Size class of the page that holds `cell`. */
  classOfCell(cell: number): number {
    return this.words[this.pool.entry(cell >>> PAGE_SHIFT)] >>> 8;
  }

  pageClass(page: number): number {
    return this.words[this.pool.entry(page)] >>> 8;
  }

  /** Cells of a page that may hold an item (word 0 tells): those behind were never cut. */
  cutCells(page: number): number {
    return this.words[this.pool.entry(page) + CUT];
  }

  liveCells(page: number): number {
    return this.words[this.pool.entry(page) + LIVE];
  }

  /** Pages of a class. */
  classPages(sizeClass: number): number {
    return this.words[this.records + sizeClass * CLASS_WORDS + CLASS_PAGES];
  }

  /** Live cells of a class. */
  classLive(sizeClass: number): number {
    return this.words[this.records + sizeClass * CLASS_WORDS + CLASS_LIVE];
  }

  /** Cells of a class that are free in pages it already has. */
  classFree(sizeClass: number): number {
    return this.classPages(sizeClass) * CELLS_PER_PAGE[sizeClass] - this.classLive(sizeClass);
  }

  /** Page with room that has the fewest live cells, among the first `lookAt` of the class. 0 when none has room. */
  emptiestPage(sizeClass: number, lookAt: number): number {
    const words = this.words;
    let best = 0;
    let page = words[this.records + sizeClass * CLASS_WORDS + CLASS_ROOM];
    for (let seen = 0; page !== 0 && seen < lookAt; seen++) {
      if (best === 0 || this.liveCells(page) < this.liveCells(best)) best = page;
      page = words[this.pool.entry(page) + NEXT];
    }
    return best;
  }

  /**
   * Takes a page out of its class's list, so that `allocate` does not hand out its cells while it is being emptied.
   * The page must have room. `free` of its cells links it again, so the caller frees with `freeDetached`.
   */
  detach(page: number): void {
    this.unlink(page, this.pageClass(page));
  }

  /** Puts a detached page back that has not been emptied: behind the one whose cells are handed out now, so that it is not filled again. */
  attach(page: number): void {
    const words = this.words;
    const sizeClass = this.pageClass(page);
    const head = words[this.records + sizeClass * CLASS_WORDS + CLASS_ROOM];
    if (head === 0) {
      this.link(page, sizeClass);
      return;
    }
    const entry = this.pool.entry(page);
    const next = words[this.pool.entry(head) + NEXT];
    words[entry + NEXT] = next;
    words[entry + PREVIOUS] = head;
    if (next !== 0) words[this.pool.entry(next) + PREVIOUS] = page;
    words[this.pool.entry(head) + NEXT] = page;
  }

  /** Frees a cell of a detached page. Returns true when that was the last one: the page is the pool's again. */
  freeDetached(cell: number): boolean {
    const words = this.words;
    const page = cell >>> PAGE_SHIFT;
    const entry = this.pool.entry(page);
    const record = this.records + (words[entry] >>> 8) * CLASS_WORDS;
    words[record + CLASS_LIVE]--;
    words[cell >>> 2] = 0;
    words[(cell >>> 2) + 1] = words[entry + FREE_CELL];
    words[entry + FREE_CELL] = cell;
    if (--words[entry + LIVE] > 0) return false;
    words[record + CLASS_PAGES]--;
    this.pool.free(page);
    return true;
  }

  /** True when the page is in its class's list of pages with room. */
  hasRoom(page: number): boolean {
    return this.liveCells(page) < CELLS_PER_PAGE[this.pageClass(page)];
  }

  private link(page: number, sizeClass: number): void {
    const words = this.words;
    const record = this.records + sizeClass * CLASS_WORDS;
    const head = words[record + CLASS_ROOM];
    const entry = this.pool.entry(page);
    words[entry + NEXT] = head;
    words[entry + PREVIOUS] = 0;
    if (head !== 0) words[this.pool.entry(head) + PREVIOUS] = page;
    words[record + CLASS_ROOM] = page;
  }

  private unlink(page: number, sizeClass: number): void {
    const words = this.words;
    const entry = this.pool.entry(page);
    const next = words[entry + NEXT];
    const previous = words[entry + PREVIOUS];
    if (previous === 0) words[this.records + sizeClass * CLASS_WORDS + CLASS_ROOM] = next;
    else words[this.pool.entry(previous) + NEXT] = next;
    if (next !== 0) words[this.pool.entry(next) + PREVIOUS] = previous;
  }
}
