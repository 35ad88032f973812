/**
 * A shard's memory: one SharedArrayBuffer cut into pages of 64 KiB, and the table that says what each page is for.
 *
 * ```
 *  page 0          pages 1..d        pages ..g                                        pages ..h   pages h..capacity
 *  ┌────────────┐ ┌──────────────┐ ┌────────────────┬──────────────┬────────────────┐ ┌────────┐ ┌──────────────────────────────────────┐
 *  │ header     │ │ index        │ │ page table,    │ extent table │ deadline table │ │ ghosts │ │ index segments │ slabs │ runs │ free │
 *  │ words      │ │ directory    │ │ 8 words a page │              │                │ │        │ │                                      │
 *  └────────────┘ └──────────────┘ └────────────────┴──────────────┴────────────────┘ └────────┘ └──────────────────────────────────────┘
 * ```
 *
 * The pool hands out single pages (for segments of the index and for slabs), several side by side that are aligned (for slabs of larger cells) and runs of adjacent
 * pages (for values that are larger than a cell). `used` is never raised above `limit`, which is the budget less what is withheld for the buffers of connections: that is how
 * `maxmemory` is kept, by construction. The buffer can be larger than the budget: address space costs nothing until it is touched, and it lets `maxmemory`
 * be raised while serving.
 *
 * When the limit is lowered below what is in use, upkeep frees pages bit by bit (`settle`). Until they are enough, a page can be taken for one that was
 * freed: whoever writes meanwhile makes room for that, and not for all that is too much.
 *
 * An entry of the page table:
 *
 * | word | slab | segment | run | free |
 * |---|---|---|---|---|
 * | 0 | kind, size class << 8, order << 24 | kind | kind | kind |
 * | 1 | live cells | entries | pages of the run | |
 * | 2 | first free cell (byte offset, 0 = none) | | | |
 * | 3 | next slab of the class with room | | | |
 * | 4 | previous slab of the class with room | start of its range | | |
 * | 5 | cells ever cut from this slab | length of its range | | |
 * | 6 | cells of this slab | | | |
 * | 7 | cells cut when it was looked at; -1: it is short | | | |
 *
 * A slab of several pages has its books with the first of them; of the others only word 0 is used.
 *
 * The deadline table is deadline-table.ts; which pages are free, and which of them have memory, extents.ts. All state is in the buffer, so that
 * every thread that attaches sees the same; the object holds only views.
 */

import { assert } from '../../base/assert.js';
import { ByteArena } from '../../base/bytes.js';
import { DEADLINE_BYTES, DeadlineTable } from './deadline-table.js';
import { EXTENT_BYTES, EXTENT_PAGES, Extents, extentWords, type MemoryAdvice } from './extents.js';
import { PAGE_BYTES } from './size-classes.js';

export const PAGE_FREE = 0;
export const PAGE_SEGMENT = 1;
export const PAGE_SLAB = 2;
export const PAGE_RUN = 3;
export const PAGE_RUN_TAIL = 4;
/** Held free while the pages beside it are emptied. */
export const PAGE_CLAIMED = 5;
/** A page of a slab that is not its first. */
export const PAGE_SLAB_TAIL = 6;

const PAGE_SHIFT = 16;
const ENTRY_SHIFT = 3;
const ENTRY_WORDS = 8;
const EXTENT_WORDS = EXTENT_BYTES >>> 2;
const KIND = 0;
const COUNT = 1;

// Words of the header that belong to the pool.
const CAPACITY = 2;
const BUDGET = 3;
const USED = 4;
/** Pages that may be in use this moment: the limit; more after it was lowered, until upkeep has freed what is too much. */
const ALLOWED = 5;
const HIGH_WATER = 6;
/** The budget less what is withheld: behind the figures of the shard. */
const LIMIT = 80;

/** First word of the header that is the pool's user's to assign. */
export const HEADER_WORDS_RESERVED = 8;

/** Pages of the directory and of the tables, and the header page itself. */
function overheadPages(capacity: number): number {
  return (
    1 +
    Math.ceil((directoryEntriesMax(capacity) * 4) / PAGE_BYTES) +
    Math.ceil((capacity * (ENTRY_WORDS * 4 + DEADLINE_BYTES) + extentWords(capacity) * 4) / PAGE_BYTES)
  );
}

/** Bytes that keys which were evicted are remembered in (eviction/ghosts.ts), for each page that may be in use: 512 fingerprints. */
export const GHOST_BYTES = 1024;

/** Pages of that memory, for `pages` that may be in use. */
function ghostPages(pages: number): number {
  return Math.ceil((pages * GHOST_BYTES) / PAGE_BYTES);
}

/** Bits of the hash that the largest directory uses; a scan's cursor has room for them (scan.ts). */
export const DIRECTORY_DEPTH_MAX = 16;
/** Entries of a directory for each page, so that its segments' ranges have many lengths. */
const DIRECTORY_ENTRIES_A_PAGE = 8;

/** Entries of the largest directory of a shard of `capacity` pages, a power of two. */
export function directoryEntriesMax(capacity: number): number {
  const depth = Math.ceil(Math.log2(Math.max(1, capacity) * DIRECTORY_ENTRIES_A_PAGE));
  return 2 ** Math.min(DIRECTORY_DEPTH_MAX, depth);
}

/** The least that a shard needs beside its overhead: two segments, and a few pages of slabs. */
const WORKING_PAGES_MIN = 12;
/** Smallest number of pages that a shard's buffer has. */
export const SHARD_PAGES_MIN = 16;

/** The smallest budget, in pages, with which a shard works that has address space for `capacity` pages. */
export function budgetMin(capacity: number): number {
  return overheadPages(capacity) + ghostPages(SHARD_PAGES_MIN) + WORKING_PAGES_MIN;
}

export class PagePool {
  readonly bytes: ByteArena;
  readonly words: Int32Array;
  /** Pages of the buffer. */
  readonly capacity: number;
  /** Word index of the index directory. */
  readonly directoryWord: number;
  /** Word index of the page table. */
  readonly tableWord: number;
  /** Word index of the deadline table. */
  private readonly deadlineWord: number;
  /** When something in the pages is due. */
  readonly deadlines: DeadlineTable;
  /** Which pages are free. */
  private readonly extents: Extents;
  /** Word index of the memory of keys that were evicted. */
  readonly ghostWord: number;
  /** First page that is handed out. */
  readonly firstPage: number;

  /**
   * @param offset byte offset in the buffer of the pool's first page
   * @param capacity pages
   */
  constructor(buffer: SharedArrayBuffer, offset = 0, capacity = buffer.byteLength >>> PAGE_SHIFT) {
    assert(capacity >= SHARD_PAGES_MIN, 'PagePool: buffer too small');
    this.bytes = new ByteArena(buffer, offset, capacity * PAGE_BYTES);
    this.words = new Int32Array(buffer, offset, (capacity * PAGE_BYTES) >>> 2);
    this.capacity = capacity;
    const directoryPages = Math.ceil((directoryEntriesMax(capacity) * 4) / PAGE_BYTES);
    this.directoryWord = PAGE_BYTES >>> 2;
    this.tableWord = ((1 + directoryPages) * PAGE_BYTES) >>> 2;
    // What every shard touches lies together, in the first extent; the blocks of the deadline table, which are the largest, only where there are deadlines.
    const extents = this.tableWord + capacity * ENTRY_WORDS;
    this.extents = new Extents(this.bytes, this.words, extents, capacity);
    this.deadlineWord = extents + extentWords(capacity);
    this.deadlines = new DeadlineTable(buffer, offset + this.deadlineWord * 4, capacity);
    const ghosts = overheadPages(capacity);
    this.ghostWord = (ghosts * PAGE_BYTES) >>> 2;
    this.firstPage = ghosts + ghostPages(capacity);
  }

  /** Has the operating system told what memory is needed, and which is not. */
  set advice(advice: MemoryAdvice | undefined) {
    this.extents.advice = advice;
  }

  /** Makes every page free again. The budget stays. */
  format(): void {
    const words = this.words;
    // Only entries below the mark were ever written: a new buffer's table is not touched (and not committed).
    const mark = Math.max(words[HIGH_WATER], this.firstPage);
    words.fill(0, this.tableWord, this.tableWord + (mark << ENTRY_SHIFT));
    words[CAPACITY] = this.capacity;
    words[USED] = this.overhead;
    this.settle();
    words[HIGH_WATER] = this.extents.format(this.firstPage, mark);
    this.deadlines.clear(0, words[HIGH_WATER]);
    this.extents.adviseTables(Math.ceil(this.ghostWord / EXTENT_WORDS));
  }

  /** Pages that may be in use, the shard's overhead included. */
  get budget(): number {
    return this.words[BUDGET];
  }

  set budget(pages: number) {
    const before = this.overhead;
    this.words[BUDGET] = Math.min(pages, this.capacity);
    this.words[LIMIT] = this.words[BUDGET];
    this.words[USED] += this.overhead - before;
    this.settle();
  }

  /** Pages that may be in use: the budget less what is withheld. There are more for a while after it was lowered. */
  get limit(): number {
    return this.words[LIMIT];
  }

  /** Lowers the limit below the budget, by so many pages as the smallest shard can do without; or raises it again. */
  withhold(pages: number): void {
    const budget = this.words[BUDGET];
    this.words[LIMIT] = Math.max(Math.min(budget, budgetMin(this.capacity)), budget - pages);
    this.settle();
  }

  /** After the limit was lowered: what has been freed since is not to be taken again. */
  settle(): void {
    this.words[ALLOWED] = Math.max(this.words[LIMIT], this.words[USED]);
  }

  /** Pages that can be taken. */
  get available(): number {
    return Math.max(0, this.words[ALLOWED] - this.words[USED]);
  }

  /** Pages in use when nothing is stored. Of the memory for evicted keys no more is used, and counted, than is right for the budget. */
  get overhead(): number {
    return overheadPages(this.capacity) + ghostPages(this.words[BUDGET]);
  }

  get used(): number {
    return this.words[USED];
  }

  /** One past the last page that may be in use. */
  get highWater(): number {
    return this.words[HIGH_WATER];
  }

  /** Word index of a page's entry in the page table. */
  entry(page: number): number {
    return this.tableWord + (page << ENTRY_SHIFT);
  }

  kind(page: number): number {
    return this.words[this.entry(page) + KIND] & 0xff;
  }

  /** Whether an item of the page may have a deadline. */
  mayHaveDeadline(page: number): boolean {
    return this.deadlines.pages[page] !== Infinity;
  }

  /** Pages that are free and still have memory. */
  get freeResident(): number {
    return this.extents.resident;
  }

  /** Pages whose memory was given back to the operating system, as often as it was. */
  get givenBack(): number {
    return this.extents.givenBack;
  }

  /** Takes one page for `kind`; 0 when the limit is reached. The page's bytes are whatever they were. */
  take(kind: number): number {
    const words = this.words;
    if (words[USED] >= words[ALLOWED]) return 0;
    let page = this.extents.find(words[HIGH_WATER]);
    if (page === 0) {
      if (words[HIGH_WATER] === this.capacity) return 0;
      page = words[HIGH_WATER];
      this.extend(page + 1);
    }
    this.extents.remove(page);
    words[USED]++;
    this.initialise(page, kind, 0);
    return page;
  }

  /**
   * Takes 2^order adjacent pages for a slab, which begin at a multiple of their number.
   * @returns the first, or 0 when the limit is reached, or no such pages are free
   */
  takeSlab(order: number): number {
    if (order === 0) return this.take(PAGE_SLAB);
    const words = this.words;
    const count = 1 << order;
    if (words[USED] + count > words[ALLOWED]) return 0;
    let first = this.extents.findAligned(order, words[HIGH_WATER]);
    if (first === 0) {
      // The mark is where an extent begins.
      first = words[HIGH_WATER];
      if (first + count > this.capacity) return 0;
      this.extend(first + count);
    }
    this.occupy(first, count, PAGE_SLAB, PAGE_SLAB_TAIL);
    return first;
  }

  /** Gives the pages of a slab back. */
  freeSlab(first: number, order: number): void {
    assert(this.kind(first) === PAGE_SLAB, 'PagePool: not a slab');
    this.release(first, 1 << order);
  }

  /** Gives the pages of a short slab back, of which only the first `touched` have memory. */
  freeShortSlab(first: number, order: number, touched: number): void {
    assert(this.kind(first) === PAGE_SLAB, 'PagePool: not a slab');
    this.release(first, 1 << order, touched);
    this.extents.endShort(first);
  }

  /**
   * Gives back the memory of a slab's last `count` pages, which nothing lies in yet: it is short from now on.
   * @returns false when the system does not take it
   */
  shortenSlab(first: number, order: number, count: number): boolean {
    return this.extents.shorten(first + (1 << order) - count, count);
  }

  /** A short slab is full: all its pages have memory. */
  endShortSlab(first: number): void {
    this.extents.endShort(first);
  }

  /** Gives one page back. */
  free(page: number): void {
    assert(page >= this.firstPage && this.kind(page) !== PAGE_FREE, 'PagePool: page freed twice');
    this.release(page, 1);
  }

  /** Takes `count` adjacent pages; returns the first, or 0 when the limit or the adjacency does not allow it. */
  takeRun(count: number): number {
    const words = this.words;
    if (words[USED] + count > words[ALLOWED]) return 0;
    const start = this.findFreeRun(count);
    if (start === 0) return 0;
    this.extend(start + count);
    this.occupy(start, count, PAGE_RUN, PAGE_RUN_TAIL);
    words[this.entry(start) + COUNT] = count;
    return start;
  }

  /** Pages of the run that begins at `start`. */
  runPages(start: number): number {
    return this.words[this.entry(start) + COUNT];
  }

  /** Makes a run longer or shorter where it stands. Returns false when the pages behind it are not free, or the limit is reached. */
  resizeRun(start: number, count: number): boolean {
    const words = this.words;
    const old = this.runPages(start);
    if (count > old) {
      if (words[USED] + count - old > words[ALLOWED] || start + count > this.capacity) return false;
      const known = Math.min(start + count, words[HIGH_WATER]);
      for (let page = start + old; page < known; page++) if (this.kind(page) !== PAGE_FREE) return false;
      this.extend(start + count);
      this.occupy(start + old, count - old, PAGE_RUN_TAIL, PAGE_RUN_TAIL);
    } else this.release(start + count, old - count);
    words[this.entry(start) + COUNT] = count;
    return true;
  }

  /** Gives a run back. */
  freeRun(start: number): void {
    this.release(start, this.runPages(start));
  }

  /** Takes adjacent free pages, which are known, into use. */
  private occupy(first: number, count: number, kind: number, kindOfOthers: number): void {
    for (let page = first; page < first + count; page++) {
      this.extents.remove(page);
      this.initialise(page, page === first ? kind : kindOfOthers, 0);
    }
    this.words[USED] += count;
    this.giveBackFor(count);
  }

  /** Makes adjacent pages free, of which the first `touched` have memory. */
  private release(first: number, count: number, touched = count): void {
    const { words } = this;
    for (let page = first; page < first + count; page++) {
      words[this.entry(page) + KIND] = PAGE_FREE;
      if (page < first + touched) this.extents.add(page);
      else this.extents.addWithout(page);
    }
    this.deadlines.clear(first, first + count);
    words[USED] -= count;
    // Once under the limit, it is not passed again.
    if (words[USED] <= words[LIMIT]) words[ALLOWED] = words[LIMIT];
  }

  /**
   * Gives the memory of free pages back to the operating system.
   * @param most pages; up to an extent's worth more may be given
   * @returns of how many; 0 when there are none, or the system does not take it
   */
  giveBack(most: number): number {
    const given = this.extents.giveBack(most, this.words[HIGH_WATER]);
    if (given > 0) this.words[HIGH_WATER] = this.extents.forgetEnd(this.words[HIGH_WATER]);
    return given;
  }

  /**
   * Pages that are given back next, those of one extent; 0 when there are none.
   * @param least pages for which an extent is worth being cut up
   */
  nextToGiveBack(least: number): number {
    return this.extents.nextToGive(this.words[HIGH_WATER], least);
  }

  /** Whether there is an operating system that takes pages back. */
  get canGiveBack(): boolean {
    return this.extents.advice !== undefined;
  }

  /** Pages that have memory, in use or free, beyond the limit. */
  get surplus(): number {
    return this.words[USED] + this.extents.resident - this.words[LIMIT];
  }

  /** The fewest pages that were free and resident since the last call: so many were not needed. */
  unneeded(): number {
    const pages = this.extents.fewestResident;
    this.extents.noteFewest();
    return pages;
  }

  /** So many pages were taken, perhaps without memory although others have some: the process is not to grow beyond its limit. */
  private giveBackFor(pages: number): void {
    if (this.surplus > EXTENT_PAGES) this.giveBack(Math.min(pages, this.surplus));
  }

  /** Takes one particular free page out of use (it counts as used); false when the limit does not allow it. */
  claim(page: number): boolean {
    if (this.words[USED] >= this.words[ALLOWED]) return false;
    this.extents.remove(page);
    this.initialise(page, PAGE_CLAIMED, 0);
    this.words[USED]++;
    return true;
  }

  /** Frees a page that was claimed. */
  unclaim(page: number): void {
    this.free(page);
  }

  private initialise(page: number, kind: number, count: number): void {
    const words = this.words;
    const entry = this.entry(page);
    words[entry + KIND] = kind;
    words[entry + COUNT] = count;
    words[entry + 2] = 0;
    words[entry + 3] = 0;
    words[entry + 4] = 0;
    words[entry + 5] = 0;
    words[entry + 6] = 0;
    words[entry + 7] = 0;
  }

  /** First page of `count` free adjacent pages, looking below the mark first, so that memory that was touched is used again. */
  private findFreeRun(count: number): number {
    const words = this.words;
    const mark = words[HIGH_WATER];
    let length = 0;
    let page = this.firstPage;
    for (let entry = this.entry(page); page < mark; page++, entry += ENTRY_WORDS) {
      length = (words[entry + KIND] & 0xff) === PAGE_FREE ? length + 1 : 0;
      if (length === count) return page - count + 1;
    }
    // The free pages just below the mark, and untouched ones behind it.
    return mark - length + count <= this.capacity ? mark - length : 0;
  }

  /** Makes the pages up to `end` known, whole extents of them. */
  private extend(end: number): void {
    const words = this.words;
    while (words[HIGH_WATER] < end) {
      const mark = words[HIGH_WATER];
      words[HIGH_WATER] = this.extents.extend(mark);
      this.deadlines.clear(mark, words[HIGH_WATER]);
    }
  }
}
