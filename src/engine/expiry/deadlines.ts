/**
 * Active expiry: removing items whose deadline has passed, though nobody asks for them.
 *
 * Each page of items keeps the earliest deadline that an item in it can have (in the page table, one word). Upkeep walks the page table
 * and scans only pages in which something is due, in memory order; a scan removes what is due and sets the word anew. So an item with a
 * deadline costs nothing beyond its eight bytes, items can move freely, a million items that expire in the same second are
 * removed page by page, and the lag is known exactly: it is the oldest due deadline in the table.
 *
 * The word counts units of 128 ms since the shard was made, rounded down: 8 years. Deadlines beyond are looked at again when it gets there.
 */

import type { Clock } from '../../base/clock.js';
import { databaseOf, expiryOf } from '../item.js';
import { NO_DEADLINE, PAGE_RUN, PAGE_SLAB, type PagePool } from '../memory/page-pool.js';
import { CELL_BYTES } from '../memory/size-classes.js';
import type { Slabs } from '../memory/slabs.js';

const PAGE_SHIFT = 16;
const DEADLINE = 6;
const UNIT_MS = 128;
const UNITS_MAX = NO_DEADLINE - 1;

/** What the sweep does to items: the shard does it. */
export interface ItemRemover {
  /** Removes an item that has expired, and counts it. */
  expire(item: number): void;
  /** Whether the item's database is being emptied. */
  isOrphan(item: number): boolean;
  /** Removes an item of a database that is being emptied. */
  removeOrphan(item: number): void;
}

export class Deadlines {
  private readonly pool: PagePool;
  private readonly slabs: Slabs;
  private readonly clock: Clock;
  private readonly remover: ItemRemover;
  /** Time, in the clock's milliseconds, from which deadlines are counted. */
  private readonly base: () => number;

  constructor(pool: PagePool, slabs: Slabs, clock: Clock, base: () => number, remover: ItemRemover) {
    this.pool = pool;
    this.slabs = slabs;
    this.clock = clock;
    this.base = base;
    this.remover = remover;
  }

  /** Time from which the deadlines of pages are counted, in milliseconds since 1970. */
  get timeBase(): number {
    return this.base();
  }

  /** Notes that an item has a deadline, in milliseconds since 1970. */
  note(item: number, expiry: number): void {
    const word = this.pool.entry(item >>> PAGE_SHIFT) + DEADLINE;
    const units = this.units(expiry);
    if (units < this.pool.words[word]) this.pool.words[word] = units;
  }

  /** Whether anything in the page is due. */
  isDue(page: number): boolean {
    return this.pool.words[this.pool.entry(page) + DEADLINE] < this.units(this.clock.now);
  }

  /** Removes what is due in a page. */
  sweepPage(page: number): void {
    this.scan(page, false);
  }

  /** Removes the items of databases that are being emptied from a page, and what is due. */
  sweepOrphans(page: number): void {
    this.scan(page, true);
  }

  /** Oldest deadline that is due and whose item may still be there, in milliseconds since 1970; 0 when none is. Reads the page table only. */
  oldestDue(): number {
    const words = this.pool.words;
    let oldest = NO_DEADLINE;
    for (let page = this.pool.firstPage, end = this.pool.highWater; page < end; page++) {
      const kind = this.pool.kind(page);
      if (kind !== PAGE_SLAB && kind !== PAGE_RUN) continue;
      oldest = Math.min(oldest, words[this.pool.entry(page) + DEADLINE]);
    }
    return oldest < this.units(this.clock.now) ? oldest * UNIT_MS + this.base() : 0;
  }

  /** Removes every item of a database from a page. */
  removeWhere(page: number, database: number): void {
    this.forEachItem(page, (item) => {
      if (databaseOf(this.pool.words, item) === database) this.remover.removeOrphan(item);
    });
  }

  /** Calls `visit` for each item of a page; it may remove the item. */
  forEachItem(page: number, visit: (item: number) => void): void {
    const words = this.pool.words;
    const kind = this.pool.kind(page);
    if (kind !== PAGE_SLAB && kind !== PAGE_RUN) return;
    const first = page << PAGE_SHIFT;
    const size = kind === PAGE_RUN ? 1 : CELL_BYTES[this.slabs.pageClass(page)];
    const end = kind === PAGE_RUN ? first + 1 : first + this.slabs.cutCells(page) * size;
    for (let item = first; item < end; item += size) {
      if (words[item >>> 2] !== 0) visit(item);
      if (this.pool.kind(page) !== kind) return;
    }
  }

  private units(expiry: number): number {
    return Math.max(0, Math.min(UNITS_MAX, Math.floor((expiry - this.base()) / UNIT_MS)));
  }

  private scan(page: number, orphans: boolean): void {
    const words = this.pool.words;
    const now = this.clock.now;
    const kind = this.pool.kind(page);
    let earliest = NO_DEADLINE;
    this.forEachItem(page, (item) => {
      const expiry = expiryOf(words, item);
      if (expiry !== 0 && expiry <= now) this.remover.expire(item);
      else if (orphans && this.remover.isOrphan(item)) this.remover.removeOrphan(item);
      else if (expiry !== 0) earliest = Math.min(earliest, this.units(expiry));
    });
    if (this.pool.kind(page) === kind) words[this.pool.entry(page) + DEADLINE] = earliest;
  }
}
