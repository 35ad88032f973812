/**
 * A shard's memory: one SharedArrayBuffer cut into pages of 64 KiB, and the table that says what each page is for.
 *
 * ```
 *  page 0          pages 1..d        pages ..h                          pages h..capacity
 *  ┌────────────┐ ┌──────────────┐ ┌────────────────┬───────────────┐ ┌──────────────────────────────────────┐
 *  │ header     │ │ index        │ │ page table,    │ deadline table│ │ index segments │ slabs │ runs │ free │
 *  │ words      │ │ directory    │ │ 8 words a page │               │ │                                      │
 *  └────────────┘ └──────────────┘ └────────────────┴───────────────┘ └──────────────────────────────────────┘
 * ```
 *
 * The pool hands out single pages (for segments of the index and for slabs) and runs of adjacent pages (for values that
 * are larger than a page). `used` never passes `budget`: that is how `maxmemory` is kept, by construction. The buffer can be
 * larger than the budget: address space costs nothing until it is touched, and it lets `maxmemory` be raised while serving.
 *
 * An entry of the page table:
 *
 * | word | slab | segment | run | free |
 * |---|---|---|---|---|
 * | 0 | kind, size class << 8 | kind | kind | kind |
 * | 1 | live cells | entries | pages of the run | |
 * | 2 | first free cell (byte offset, 0 = none) | | | 1: its memory was given back |
 * | 3 | next page of the class with room | | | next free page |
 * | 4 | previous page of the class with room | hash prefix | | previous free page |
 * | 5 | cells ever cut from this page | local depth | | |
 *
 * The deadline table is deadline-table.ts. All state is in the buffer, so that every thread that attaches sees the same; the object holds only views.
 */

import { assert } from '../../base/assert.js';
import { ByteArena } from '../../base/bytes.js';
import { DEADLINE_BYTES, DeadlineTable } from './deadline-table.js';
import { PAGE_BYTES } from './size-classes.js';

export const PAGE_FREE = 0;
export const PAGE_SEGMENT = 1;
export const PAGE_SLAB = 2;
export const PAGE_RUN = 3;
export const PAGE_RUN_TAIL = 4;
/** Held free while the pages beside it are emptied. */
export const PAGE_CLAIMED = 5;

const PAGE_SHIFT = 16;
const ENTRY_SHIFT = 3;
const ENTRY_WORDS = 8;
const KIND = 0;
const COUNT = 1;
const STATE = 2;
const NEXT = 3;
const PREVIOUS = 4;

// Words of the header that belong to the pool.
const CAPACITY = 2;
const BUDGET = 3;
const USED = 4;
const FREE_HEAD = 5;
const HIGH_WATER = 6;

/** First word of the header that is the pool's user's to assign. */
export const HEADER_WORDS_RESERVED = 8;

/** Pages of the directory (two entries a page) and of the tables, and the header page itself. */
function overheadPages(capacity: number): number {
  return (
    1 +
    Math.ceil((directoryEntriesMax(capacity) * 4) / PAGE_BYTES) +
    Math.ceil((capacity * (ENTRY_WORDS * 4 + DEADLINE_BYTES)) / PAGE_BYTES)
  );
}

/** Entries of the largest directory that a shard of `capacity` pages can need: twice its pages, a power of two. */
export function directoryEntriesMax(capacity: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(2, capacity * 2)));
}

/** Smallest number of pages a shard works with: its overhead, two segments, and a few pages of slabs. */
export const SHARD_PAGES_MIN = 16;

/** What the operating system can be told about a shard's memory, where there is a native core to tell it. */
export interface MemoryAdvice {
  /** The span is worth huge pages. */
  adviseHugePages(bytes: Uint8Array, offset: number, length: number): boolean;
  /** The span's contents are not needed any more. */
  discardPages(bytes: Uint8Array, offset: number, length: number): boolean;
}

/** Freed runs of at least this many pages are given back to the operating system. */
const DISCARD_RUN_PAGES = 4;
const KEPT = 0;
const DISCARDED = 1;

export class PagePool {
  /** Set where there is a native core. */
  advice: MemoryAdvice | undefined;
  readonly bytes: ByteArena;
  readonly words: Int32Array;
  /** Pages of the buffer. */
  readonly capacity: number;
  /** Word index of the index directory. */
  readonly directoryWord: number;
  /** Word index of the page table. */
  readonly tableWord: number;
  /** When something in the pages is due. */
  readonly deadlines: DeadlineTable;
  /** First page that is handed out. */
  readonly firstPage: number;

  constructor(buffer: SharedArrayBuffer) {
    this.bytes = new ByteArena(buffer);
    this.words = new Int32Array(buffer);
    this.capacity = buffer.byteLength >>> PAGE_SHIFT;
    assert(this.capacity >= SHARD_PAGES_MIN, 'PagePool: buffer too small');
    const directoryPages = Math.ceil((directoryEntriesMax(this.capacity) * 4) / PAGE_BYTES);
    this.directoryWord = PAGE_BYTES >>> 2;
    this.tableWord = ((1 + directoryPages) * PAGE_BYTES) >>> 2;
    const deadlinesWord = this.tableWord + this.capacity * ENTRY_WORDS;
    this.deadlines = new DeadlineTable(buffer, deadlinesWord * 4, this.capacity);
    this.firstPage = overheadPages(this.capacity);
  }

  /** Makes every page free again. The budget stays. */
  format(): void {
    const words = this.words;
    // Only entries below the mark were ever written: a new buffer's table is not touched (and not committed).
    const mark = Math.max(words[HIGH_WATER], this.firstPage);
    words.fill(0, this.tableWord, this.tableWord + (mark << ENTRY_SHIFT));
    this.discard(this.firstPage, mark - this.firstPage);
    words[CAPACITY] = this.capacity;
    words[USED] = this.firstPage;
    words[FREE_HEAD] = 0;
    words[HIGH_WATER] = this.firstPage;
  }

  /** Pages that may be in use, the shard's overhead included. */
  get budget(): number {
    return this.words[BUDGET];
  }

  set budget(pages: number) {
    this.words[BUDGET] = Math.min(pages, this.capacity);
  }

  get used(): number {
    return this.words[USED];
  }

  /** One past the last page ever used. */
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

  /** Notes that no item of the page has a deadline. */
  clearDeadline(page: number): void {
    this.deadlines.clear(page);
  }

  /** Takes one page for `kind`; 0 when the budget is used up. The page's bytes are whatever they were. */
  take(kind: number): number {
    const words = this.words;
    if (words[USED] >= words[BUDGET]) return 0;
    let page = words[FREE_HEAD];
    if (page !== 0) this.unlinkFree(page);
    else if (words[HIGH_WATER] < this.capacity) page = words[HIGH_WATER]++;
    else return 0;
    words[USED]++;
    this.initialise(page, kind, 0);
    return page;
  }

  /** Gives one page back. */
  free(page: number): void {
    const words = this.words;
    assert(page >= this.firstPage && this.kind(page) !== PAGE_FREE, 'PagePool: page freed twice');
    this.linkFree(page);
    words[USED]--;
  }

  /** Takes `count` adjacent pages; returns the first, or 0 when the budget or the adjacency does not allow it. */
  takeRun(count: number): number {
    const words = this.words;
    if (words[USED] + count > words[BUDGET]) return 0;
    const start = this.findFreeRun(count);
    if (start === 0) return 0;
    // Pages that were never touched are taken although touched ones are free: those are given back, so that the process does not grow.
    if (start + count > words[HIGH_WATER]) this.discardFree(start + count - words[HIGH_WATER]);
    for (let page = start; page < start + count; page++) {
      if (page < words[HIGH_WATER]) this.unlinkFree(page);
      this.initialise(page, page === start ? PAGE_RUN : PAGE_RUN_TAIL, 0);
    }
    if (start + count > words[HIGH_WATER]) words[HIGH_WATER] = start + count;
    words[this.entry(start) + COUNT] = count;
    words[USED] += count;
    return start;
  }

  /** Pages of the run that begins at `start`. */
  runPages(start: number): number {
    return this.words[this.entry(start) + COUNT];
  }

  /** Makes a run longer or shorter where it stands. Returns false when the pages behind it are not free, or the budget is used up. */
  resizeRun(start: number, count: number): boolean {
    const words = this.words;
    const old = this.runPages(start);
    if (count > old) {
      if (words[USED] + count - old > words[BUDGET] || start + count > this.capacity) return false;
      const mark = words[HIGH_WATER];
      for (let page = start + old; page < start + count && page < mark; page++)
        if (this.kind(page) !== PAGE_FREE) return false;
      for (let page = start + old; page < start + count; page++) {
        if (page < mark) this.unlinkFree(page);
        this.initialise(page, PAGE_RUN_TAIL, 0);
      }
      if (start + count > mark) words[HIGH_WATER] = start + count;
    } else {
      for (let page = start + count; page < start + old; page++) this.linkFree(page);
    }
    words[USED] += count - old;
    words[this.entry(start) + COUNT] = count;
    return true;
  }

  /** Gives a run back. */
  freeRun(start: number): void {
    const count = this.runPages(start);
    for (let page = start; page < start + count; page++) this.linkFree(page);
    this.words[USED] -= count;
    if (count >= DISCARD_RUN_PAGES && this.discard(start, count)) {
      for (let page = start; page < start + count; page++) this.words[this.entry(page) + STATE] = DISCARDED;
    }
  }

  /** Gives the memory of up to `count` free pages back to the operating system. Returns of how many. */
  discardFree(count: number): number {
    if (this.advice === undefined) return 0;
    let given = 0;
    for (let page = this.words[FREE_HEAD]; page !== 0 && given < count; page = this.words[this.entry(page) + NEXT]) {
      const state = this.entry(page) + STATE;
      if (this.words[state] === DISCARDED || !this.discard(page, 1)) continue;
      this.words[state] = DISCARDED;
      given++;
    }
    return given;
  }

  private discard(page: number, count: number): boolean {
    return this.advice?.discardPages(this.bytes, page * PAGE_BYTES, count * PAGE_BYTES) === true;
  }

  /** Takes one particular free page out of use (it counts as used); false when the budget does not allow it. */
  claim(page: number): boolean {
    if (this.words[USED] >= this.words[BUDGET]) return false;
    this.unlinkFree(page);
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
    words[entry + NEXT] = 0;
    words[entry + PREVIOUS] = 0;
    words[entry + 5] = 0;
    this.deadlines.clear(page);
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

  private linkFree(page: number): void {
    const words = this.words;
    const head = words[FREE_HEAD];
    const entry = this.entry(page);
    words[entry + KIND] = PAGE_FREE;
    words[entry + STATE] = KEPT;
    words[entry + NEXT] = head;
    words[entry + PREVIOUS] = 0;
    this.deadlines.retire(page);
    if (head !== 0) words[this.entry(head) + PREVIOUS] = page;
    words[FREE_HEAD] = page;
  }

  private unlinkFree(page: number): void {
    const words = this.words;
    const entry = this.entry(page);
    const next = words[entry + NEXT];
    const previous = words[entry + PREVIOUS];
    if (previous === 0) words[FREE_HEAD] = next;
    else words[this.entry(previous) + NEXT] = next;
    if (next !== 0) words[this.entry(next) + PREVIOUS] = previous;
  }
}
