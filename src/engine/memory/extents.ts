/**
 * Which pages of a shard are free, and which of those have memory of the system's behind them.
 *
 * Pages are grouped in extents of 2 MiB: 32 pages, a bit each, and the size of a huge page of the processor. The shard's memory begins at a
 * multiple of that (keyspace.ts sees to it), so that an extent is one huge page exactly.
 *
 * ```
 *  words of the table:  0 free pages that are resident   1 the fewest of them since `noteFewest`   2 extent in use   3 pages given back in all
 *  then four for each extent:  [free pages][resident pages][1 = cut up][slabs that are short]      bit i of a word: page 32 * extent + i
 * ```
 *
 * Pages are taken from the extents that have the fewest free ones. So as the load shrinks, some extents become wholly free, and those
 * are given back to the system first: one call each, and no huge page is cut up for it. Only when that is not enough single pages are given back,
 * of the extent that has most to give; it is then made of small pages, until it is wholly free or wholly in use again. (Without that the
 * kernel would fill the gaps in order to make a huge page of it.) So it is too when a slab is *short*: the pages at its end, which no cell has been
 * cut from yet, have been given back although they are in use. What is cut from them then has small pages, until the slab is full.
 *
 * Whether a page is resident is known as far as this process can know it: one that was touched is; so are all of an extent whose first page
 * is touched, because the kernel makes a huge page of it where it can.
 */

import type { ByteArena } from '../../base/bytes.js';
import { PAGE_BYTES } from './size-classes.js';

/** Pages of an extent. */
export const EXTENT_PAGES = 32;
/** Bytes of an extent: 2 MiB. */
export const EXTENT_BYTES = EXTENT_PAGES * PAGE_BYTES;

const EXTENT_SHIFT = 5;
const PAGE_MASK = EXTENT_PAGES - 1;
const HEAD_WORDS = 4;
const RECORD_SHIFT = 2;
const RECORD_WORDS = 1 << RECORD_SHIFT;
const ALL = -1;
/** Bits at the multiples of 2^i. */
const ALIGNED = [ALL, 0x55555555, 0x11111111, 0x01010101, 0x00010001, 1];

const RESIDENT_COUNT = 0;
const FEWEST = 1;
const IN_USE = 2;
const GIVEN_BACK = 3;
const RESIDENT = 1;
const CUT_UP = 2;
const SHORT = 3;

/** What the operating system can be told about a shard's memory, where there is a native core to tell it. */
export interface MemoryAdvice {
  /** Bytes from the array's first byte on to the next address that is a multiple of `boundary`. */
  bytesToBoundary(bytes: Uint8Array, boundary: number): number;
  /** The span is worth huge pages. */
  adviseHugePages(bytes: Uint8Array, offset: number, length: number): boolean;
  /** The span is to be made of small pages. */
  adviseSmallPages(bytes: Uint8Array, offset: number, length: number): boolean;
  /** The span's contents are not needed any more. */
  discardPages(bytes: Uint8Array, offset: number, length: number): boolean;
}

/** Words of the table for so many pages. */
export function extentWords(pages: number): number {
  return HEAD_WORDS + (Math.ceil(pages / EXTENT_PAGES) << RECORD_SHIFT);
}

function countBits(bits: number): number {
  let count = bits - ((bits >>> 1) & 0x55555555);
  count = (count & 0x33333333) + ((count >>> 2) & 0x33333333);
  return Math.imul((count + (count >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/** Position of the lowest bit that is set. */
function lowestBit(bits: number): number {
  return 31 - Math.clz32(bits & -bits);
}

/** Of the bits at multiples of 2^order those that begin 2^order bits that are set. */
function alignedStarts(bits: number, order: number): number {
  let starts = bits;
  for (let step = 0; step < order; step++) starts &= starts >>> (1 << step);
  return starts & ALIGNED[order];
}

/** The lowest `count` bits. */
function lowBits(count: number): number {
  return count >= EXTENT_PAGES ? ALL : (1 << count) - 1;
}

export class Extents {
  /** Set where there is a native core. */
  advice: MemoryAdvice | undefined;
  private readonly bytes: ByteArena;
  private readonly words: Int32Array;
  /** Word index of the table's head, and of its first record. */
  private readonly head: number;
  private readonly records: number;
  /** Pages of the buffer. */
  private readonly capacity: number;

  /** @param table word index of the table, of `extentWords(capacity)` words */
  constructor(bytes: ByteArena, words: Int32Array, table: number, capacity: number) {
    this.bytes = bytes;
    this.words = words;
    this.head = table;
    this.records = table + HEAD_WORDS;
    this.capacity = capacity;
  }

  /**
   * Makes every page from `first` on free. The memory of those that were in use goes back to the system, but for the extent of the shard's tables.
   * @param mark one past the last page that was ever in use
   * @returns one past the last page that is known as free; those behind it have no memory
   */
  format(first: number, mark: number): number {
    const start = this.endOf(first >>> EXTENT_SHIFT);
    const given = start >= mark || this.discard(start, mark - start);
    const end = given ? start : mark;
    if (mark > start) this.advice?.adviseHugePages(this.bytes, 0, mark * PAGE_BYTES);
    this.words.fill(0, this.head, this.head + GIVEN_BACK);
    this.words.fill(0, this.records, this.record(Math.ceil(Math.max(mark, end) / EXTENT_PAGES)));
    for (let page = first; page < end; page++) this.add(page);
    this.words[this.head + IN_USE] = first >>> EXTENT_SHIFT;
    this.noteFewest();
    return end;
  }

  /** Of the shard's tables, which end before extent `end`, only the first extent is to be a huge page: little of the others is ever touched. */
  adviseTables(end: number): void {
    if (end > 1) this.advice?.adviseSmallPages(this.bytes, EXTENT_BYTES, (end - 1) * EXTENT_BYTES);
  }

  /** Pages that are free and resident. */
  get resident(): number {
    return this.words[this.head + RESIDENT_COUNT];
  }

  /** Pages that were given back, as often as they were. */
  get givenBack(): number {
    return this.words[this.head + GIVEN_BACK];
  }

  /** The fewest pages that were free and resident at any time since `noteFewest`: so many were not needed. */
  get fewestResident(): number {
    return this.words[this.head + FEWEST];
  }

  /** Begins to watch for the fewest anew. */
  noteFewest(): void {
    this.words[this.head + FEWEST] = this.resident;
  }

  /** A page is free from now on. Its memory is there. */
  add(page: number): void {
    const record = this.record(page >>> EXTENT_SHIFT);
    const bit = 1 << (page & PAGE_MASK);
    this.words[record] |= bit;
    this.words[record + RESIDENT] |= bit;
    this.words[this.head + RESIDENT_COUNT]++;
  }

  /** A page that is free from now on has no memory: it is of the end of a short slab. */
  addWithout(page: number): void {
    const record = this.record(page >>> EXTENT_SHIFT);
    const bit = 1 << (page & PAGE_MASK);
    this.words[record] |= bit;
    this.words[record + RESIDENT] &= ~bit;
  }

  /** A free page is in use from now on. */
  remove(page: number): void {
    const { words } = this;
    const extent = page >>> EXTENT_SHIFT;
    const record = this.record(extent);
    const bit = 1 << (page & PAGE_MASK);
    if (words[record + RESIDENT] === 0 && words[record + CUT_UP] === 0) this.touchAll(record);
    if ((words[record + RESIDENT] & bit) !== 0) this.countResident(-1);
    words[record + RESIDENT] |= bit;
    words[record] &= ~bit;
    if (words[record] === 0) this.joinUp(extent);
  }

  /**
   * Gives back the memory of pages in use that were not touched: the end of a slab, which is short from now on.
   * @returns false when the system does not take it
   */
  shorten(first: number, count: number): boolean {
    const extent = first >>> EXTENT_SHIFT;
    if (!this.discard(first, count)) return false;
    this.cutUp(extent);
    this.words[this.record(extent) + SHORT]++;
    this.words[this.head + GIVEN_BACK] += count;
    return true;
  }

  /** A short slab is full, or given up: its first page is `page`. */
  endShort(page: number): void {
    const extent = page >>> EXTENT_SHIFT;
    this.words[this.record(extent) + SHORT]--;
    this.joinUp(extent);
  }

  /**
   * Makes the pages of the next extent free, of which none has been in use yet.
   * @param mark one past the last page that is known
   * @returns one past the last page that is known now
   */
  extend(mark: number): number {
    const end = this.endOf(mark >>> EXTENT_SHIFT);
    for (let page = mark; page < end; page++) this.add(page);
    return end;
  }

  /**
   * A free page, which `remove` takes; 0 when none is.
   * @param mark one past the last page that is known
   */
  find(mark: number): number {
    const { words, head } = this;
    let record = this.record(words[head + IN_USE]);
    let bits = words[record] & words[record + RESIDENT];
    if (bits === 0) {
      const extent = this.densest(mark);
      if (extent < 0) return 0;
      words[head + IN_USE] = extent;
      record = this.record(extent);
      bits = words[record] & words[record + RESIDENT] || words[record];
    }
    return (((record - this.records) >>> RECORD_SHIFT) << EXTENT_SHIFT) + lowestBit(bits);
  }

  /**
   * The first of 2^order free pages side by side, which begin at a multiple of their number: of the extent with the fewest free pages that has such, with
   * memory where there are any; 0 when there are none.
   * @param mark one past the last page that is known
   */
  findAligned(order: number, mark: number): number {
    const { words } = this;
    let best = 0;
    let bestFree = Infinity;
    for (let extent = 0, record = this.records; extent << EXTENT_SHIFT < mark; extent++, record += RECORD_WORDS) {
      const bits = words[record];
      const starts = alignedStarts(bits, order);
      if (starts === 0) continue;
      const resident = alignedStarts(bits & words[record + RESIDENT], order);
      const free = countBits(bits) + (resident === 0 ? EXTENT_PAGES : 0);
      if (free >= bestFree) continue;
      best = (extent << EXTENT_SHIFT) + lowestBit(resident || starts);
      bestFree = free;
    }
    return best;
  }

  /**
   * Gives memory of free pages back to the system: of extents that are wholly free first.
   * @param most pages; up to an extent's worth more may be given
   * @returns of how many; 0 when there is none, or the system does not take it
   */
  giveBack(most: number, mark: number): number {
    let given = 0;
    while (given < most && this.advice !== undefined) {
      const extent = this.sparsest(mark);
      if (extent < 0) break;
      const pages = this.isFree(extent) ? this.giveExtent(extent) : this.givePages(extent);
      if (pages === 0) break;
      given += pages;
    }
    this.words[this.head + GIVEN_BACK] += given;
    return given;
  }

  /**
   * Pages of the extent that gives its memory back next; 0 when there is none.
   * @param least pages for which an extent is worth being cut up: one that is wholly free need not be
   */
  nextToGive(mark: number, least: number): number {
    const extent = this.sparsest(mark, least);
    if (extent < 0) return 0;
    const record = this.record(extent);
    return countBits(this.words[record] & this.words[record + RESIDENT]);
  }

  /** One past the last page that need be known: extents at the end that are wholly free, and without memory, are forgotten. */
  forgetEnd(mark: number): number {
    let end = mark;
    while (end > 0) {
      const extent = (end - 1) >>> EXTENT_SHIFT;
      const record = this.record(extent);
      if (!this.isFree(extent) || this.words[record + RESIDENT] !== 0) break;
      this.words[record] = 0;
      end = extent << EXTENT_SHIFT;
    }
    return end;
  }

  /** The extent with the fewest free pages; of those that have resident ones, where there are any. -1 when no page is free. */
  private densest(mark: number): number {
    const { words } = this;
    let best = -1;
    let bestFree = 0;
    for (let extent = 0, record = this.records; extent << EXTENT_SHIFT < mark; extent++, record += RECORD_WORDS) {
      const bits = words[record];
      if (bits === 0) continue;
      const free = countBits(bits) + ((bits & words[record + RESIDENT]) === 0 ? EXTENT_PAGES : 0);
      if (best >= 0 && free >= bestFree) continue;
      best = extent;
      bestFree = free;
    }
    return best;
  }

  /**
   * The extent whose free pages have most memory to give; one that is wholly free before all others. -1 when there is none.
   * @param least pages with memory that it has, if it is not wholly free
   */
  private sparsest(mark: number, least = 1): number {
    const { words } = this;
    let best = -1;
    let bestCount = least - 1;
    for (let extent = 0, record = this.records; extent << EXTENT_SHIFT < mark; extent++, record += RECORD_WORDS) {
      const bits = words[record] & words[record + RESIDENT];
      if (bits === 0) continue;
      const count = this.isFree(extent) ? EXTENT_PAGES + 1 : countBits(bits);
      if (count <= bestCount) continue;
      best = extent;
      bestCount = count;
    }
    return best;
  }

  private isFree(extent: number): boolean {
    return this.words[this.record(extent)] === this.allOf(extent);
  }

  private giveExtent(extent: number): number {
    const record = this.record(extent);
    if (!this.discard(extent << EXTENT_SHIFT, countBits(this.allOf(extent)))) return 0;
    const pages = countBits(this.words[record] & this.words[record + RESIDENT]);
    this.words[record + RESIDENT] = 0;
    this.countResident(-pages);
    if (this.words[record + CUT_UP] === 1) this.makeHuge(extent);
    return pages;
  }

  /** Gives single pages back, those that lie side by side together. */
  private givePages(extent: number): number {
    const { words } = this;
    const record = this.record(extent);
    const all = words[record] & words[record + RESIDENT];
    this.cutUp(extent);
    for (let bits = all; bits !== 0; ) {
      const start = lowestBit(bits);
      const beyond = ~(bits >>> start);
      const count = beyond === 0 ? EXTENT_PAGES : lowestBit(beyond);
      const span = lowBits(count) << start;
      if (!this.discard((extent << EXTENT_SHIFT) + start, count)) return 0;
      words[record + RESIDENT] &= ~span;
      this.countResident(-count);
      bits &= ~span;
    }
    return countBits(all);
  }

  /** One page of an extent without memory is about to be touched: where the kernel makes a huge page of it, all are. */
  private touchAll(record: number): void {
    this.words[record + RESIDENT] = ALL;
    this.countResident(countBits(this.words[record]));
  }

  /** An extent is made of small pages from now on. */
  private cutUp(extent: number): void {
    const record = this.record(extent);
    if (this.words[record + CUT_UP] === 1) return;
    this.words[record + CUT_UP] = 1;
    this.advice?.adviseSmallPages(this.bytes, extent * EXTENT_BYTES, countBits(this.allOf(extent)) * PAGE_BYTES);
  }

  /** An extent that is wholly in use need not be cut up any more, unless there is a short slab in it. */
  private joinUp(extent: number): void {
    const { words } = this;
    const record = this.record(extent);
    if (words[record] === 0 && words[record + CUT_UP] === 1 && words[record + SHORT] === 0) this.makeHuge(extent);
  }

  private makeHuge(extent: number): void {
    this.words[this.record(extent) + CUT_UP] = 0;
    this.advice?.adviseHugePages(this.bytes, extent * EXTENT_BYTES, countBits(this.allOf(extent)) * PAGE_BYTES);
  }

  private countResident(pages: number): void {
    const { words, head } = this;
    words[head + RESIDENT_COUNT] += pages;
    if (words[head + RESIDENT_COUNT] < words[head + FEWEST]) words[head + FEWEST] = words[head + RESIDENT_COUNT];
  }

  private discard(page: number, count: number): boolean {
    return this.advice?.discardPages(this.bytes, page * PAGE_BYTES, count * PAGE_BYTES) === true;
  }

  private record(extent: number): number {
    return this.records + (extent << RECORD_SHIFT);
  }

  /** Bits of the pages that an extent has: the last one may have fewer. */
  private allOf(extent: number): number {
    return lowBits(this.capacity - (extent << EXTENT_SHIFT));
  }

  /** One past an extent's last page. */
  private endOf(extent: number): number {
    return Math.min(this.capacity, (extent + 1) << EXTENT_SHIFT);
  }
}
