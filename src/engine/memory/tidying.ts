/**
 * Tidying: what upkeep does so that memory that nobody needs any more goes back to the system, though nothing asks for it.
 *
 * ```
 *  cells that are free ────compaction──▶ pages that are free ──giving back──▶ pages without memory
 *  room in the index ──joining segments──▶
 * ```
 *
 * What is free this moment may be needed the next. So the shard is watched for WINDOW_MS at a time: what was free all through that, less what is
 * left as a reserve, is what may go in the time that follows. A cache under steady traffic, or one that is full, has nothing to tidy, and pays nothing
 * but a look at its classes.
 *
 * The reserve of free pages is as many as changed hands in a window, taken or freed, but no more than an extent's worth and a part in 32 of those in
 * use; and half of it from one window to the next while fewer do. So steady traffic finds the pages that it needs now and then. After a window in which
 * none changed hands there is none: a page that is needed now and then can as well be got from the system.
 *
 * ```
 *  pages that changed hands   400   40   5    5   1   0
 *  reserve (600 in use)        50   40   20   10  5   0
 * ```
 *
 * - Compaction moves the items of a class's sparsest slabs together, when more than an eighth of its cells were free, until it is a 32nd. Pages that
 *   come free by it may go at once: it was seen before that they are not needed.
 * - Segments of the index that are neighbours are joined when all together are less than half full (table/hash-index.ts).
 * - Giving back takes one extent after the other, as long as what is left is the reserve or more. One with fewer than GIVEN_MIN pages to give keeps
 *   them: cutting up a huge page costs more than that is worth. Above the limit nothing is left.
 *
 * All of them work in portions, of which each is some tens of microseconds under the shard's lock; giving back an extent may be some hundred. Between
 * requests it has a hundredth of the time; when nobody has had the lock since the last slice of upkeep, slices follow each other until all is done.
 *
 * The end of a large slab that is being filled has not been touched, and is resident only because the kernel makes a huge page of the slab. Where it
 * keeps being filled that is what is wanted; where it is not, from one look to the next, its end is given back at once (slabs.ts): LOOK_MS is short,
 * because nothing is lost by it but a few small pages where the filling goes on.
 *
 * The record in the shard's header: 0 when the window began (milliseconds, low 32 bits)   1 pages to be given back   2 classes to be compacted
 * 3 pages emptied   4 when slabs were looked at   5 segments that the index has too many   6 directory position from which they are looked at
 * 7 reserve   8 free pages with memory when the window began, less what was given back since   9 turn of the shard's lock in which it was tidied last
 * then for each class: [fewest free cells in this window][pages to be emptied]
 */

import type { Clock } from '../../base/clock.js';
import type { HashIndex } from '../table/hash-index.js';
import type { Compaction } from './compaction.js';
import { EXTENT_PAGES } from './extents.js';
import type { PagePool } from './page-pool.js';
import { CELLS_PER_PAGE, CLASSES, IS_WIDE } from './size-classes.js';
import type { Slabs } from './slabs.js';

/** For so long must memory have been free, at least; at most for twice as long. */
const WINDOW_MS = 1000;
/** Time between two looks at slabs that are being filled. */
const LOOK_MS = 100;
/** Free cells of a class, as parts of all its cells: from which on it is compacted, and until when. */
const SPARSE_SHIFT = 3;
const DENSE_SHIFT = 5;
/** Free pages that stay resident at most, as a part of those in use, beside an extent's worth. */
const RESERVE_SHIFT = 5;
/** An extent with fewer pages to give keeps them, unless more is resident than the limit allows. */
const GIVEN_MIN = 4;
/** Items moved under the lock at a time, and no more than a page's worth. */
const PORTION_ITEMS = 128;
/** Segments that are looked at, until two can be joined. */
const PORTION_SEGMENTS = 64;

const BEGAN = 0;
const PAGES = 1;
const SPARSE_CLASSES = 2;
const EMPTIED = 3;
const LOOKED = 4;
const TO_JOIN = 5;
const JOIN_FROM = 6;
const RESERVE = 7;
const FREE = 8;
const TURN = 9;
const CLASS_RECORDS = 10;
const CLASS_WORDS = 2;
const FEWEST_CELLS = 0;
const TO_EMPTY = 1;

/** Words of the header that the record takes. */
export const TIDYING_WORDS = CLASS_RECORDS + CLASSES * CLASS_WORDS;

/** Whose index it is: the shard. */
export interface SegmentJoiner {
  readonly index: HashIndex;
  /** Joins a segment with the one behind it, if both fit one. */
  joinSegments(position: number): boolean;
}

export class Tidying {
  private readonly pool: PagePool;
  private readonly slabs: Slabs;
  private readonly compaction: Compaction;
  private readonly clock: Clock;
  private readonly joiner: SegmentJoiner;
  private readonly words: Int32Array;
  private readonly record: number;

  /** @param record word index, in the shard's header, of TIDYING_WORDS words */
  constructor(
    pool: PagePool,
    slabs: Slabs,
    compaction: Compaction,
    joiner: SegmentJoiner,
    clock: Clock,
    record: number,
  ) {
    this.pool = pool;
    this.slabs = slabs;
    this.compaction = compaction;
    this.joiner = joiner;
    this.clock = clock;
    this.words = pool.words;
    this.record = record;
  }

  /** Forgets what was to be done: the shard has been emptied. */
  format(): void {
    const emptied = this.emptiedPages;
    this.words.fill(0, this.record, this.record + TIDYING_WORDS);
    this.words[this.record + BEGAN] = this.clock.now | 0;
    this.words[this.record + EMPTIED] = emptied;
  }

  /** Whether there is something to be done. */
  get isBusy(): boolean {
    const { words, record } = this;
    if (words[record + TO_JOIN] > 0 || words[record + SPARSE_CLASSES] > 0) return true;
    return words[record + PAGES] > 0 || this.mustGiveBack;
  }

  /** Pages that were emptied by compaction. */
  get emptiedPages(): number {
    return this.words[this.record + EMPTIED];
  }

  /**
   * Does a part of what is to be done. The clock has been read.
   * @param until by `time`: no portion begins after it
   * @param time monotonic milliseconds, with fractions
   * @param turn the number of this turn of the shard's lock: is it the one after the last, nobody has worked on the shard in between
   * @returns whether it is to be gone on with at once: nobody has, and something is left to be done; or more memory is resident than the limit allows
   */
  tidy(until: number, time: () => number, turn: number): boolean {
    const isResting = turn === this.words[this.record + TURN] + 1;
    this.words[this.record + TURN] = turn;
    this.watch();
    this.look(until, time);
    while (this.isBusy && time() < until) {
      if (this.words[this.record + TO_JOIN] > 0) this.join();
      else if (this.words[this.record + SPARSE_CLASSES] > 0) this.compact();
      else if (!this.giveBack()) return false;
    }
    return isResting ? this.isBusy : this.mustGiveBack;
  }

  /** More memory is resident than the limit allows. Less than an extent is none: memory comes and goes by extents. */
  private get mustGiveBack(): boolean {
    return this.pool.surplus > EXTENT_PAGES && this.pool.freeResident > 0 && this.pool.canGiveBack;
  }

  /** Looks how much is free; and at the window's end, what of it may go. */
  private watch(): void {
    const { words, record } = this;
    const elapsed = (this.clock.now - words[record + BEGAN]) | 0;
    // A clock that was set back ends it too.
    const over = elapsed >= WINDOW_MS || elapsed < 0;
    let sparse = 0;
    for (let sizeClass = 0, at = record + CLASS_RECORDS; sizeClass < CLASSES; sizeClass++, at += CLASS_WORDS) {
      const free = this.slabs.classFree(sizeClass);
      if (free < words[at + FEWEST_CELLS]) words[at + FEWEST_CELLS] = free;
      if (!over) continue;
      words[at + TO_EMPTY] = this.pagesToEmpty(sizeClass, words[at + FEWEST_CELLS]);
      words[at + FEWEST_CELLS] = free;
      if (words[at + TO_EMPTY] > 0) sparse++;
    }
    if (!over) return;
    words[record + BEGAN] = this.clock.now | 0;
    words[record + SPARSE_CLASSES] = sparse;
    words[record + TO_JOIN] = this.joiner.index.surplusSegments();
    words[record + PAGES] = this.pagesToGiveBack();
  }

  /** Gives back the ends of slabs that are not filled further: of one of them however late it is. */
  private look(until: number, time: () => number): void {
    const { words, record, slabs } = this;
    const elapsed = (this.clock.now - words[record + LOOKED]) | 0;
    if (!this.pool.canGiveBack || (elapsed >= 0 && elapsed < LOOK_MS)) return;
    words[record + LOOKED] = this.clock.now | 0;
    for (let sizeClass = 0; sizeClass < CLASSES; sizeClass++)
      if (IS_WIDE[sizeClass] && slabs.shortenIdle(sizeClass) && time() >= until) return;
  }

  private pagesToEmpty(sizeClass: number, free: number): number {
    const cells = this.slabs.classCells(sizeClass);
    if (free < CELLS_PER_PAGE[sizeClass] + (cells >>> SPARSE_SHIFT)) return 0;
    return Math.floor(((free - (cells >>> DENSE_SHIFT)) * this.slabs.classPages(sizeClass)) / cells);
  }

  /** Of the pages that were free all through the window that ends, those beyond the reserve. */
  private pagesToGiveBack(): number {
    const { pool, words, record } = this;
    const unneeded = pool.unneeded();
    const free = pool.freeResident;
    const changed = Math.max(words[record + FREE], free) - unneeded;
    const most = EXTENT_PAGES + (pool.used >>> RESERVE_SHIFT);
    const reserve = changed === 0 ? 0 : Math.min(most, Math.max(changed, words[record + RESERVE] >>> 1));
    words[record + RESERVE] = reserve;
    words[record + FREE] = free;
    return pool.canGiveBack ? Math.max(0, unneeded - reserve) : 0;
  }

  /** Joins two segments of the index; at its end all is done that can be. */
  private join(): void {
    const { words, record, joiner } = this;
    for (let looks = 0; looks < PORTION_SEGMENTS; looks++) {
      const position = words[record + JOIN_FROM];
      if (position >= 1 << joiner.index.depth) {
        words[record + TO_JOIN] = 0;
        words[record + JOIN_FROM] = 0;
        return;
      }
      if (joiner.joinSegments(position)) {
        words[record + TO_JOIN]--;
        return;
      }
      words[record + JOIN_FROM] = joiner.index.rangeEnd(position);
    }
  }

  /** Moves some items of the first class that has pages to be emptied. */
  private compact(): void {
    const { words, record } = this;
    for (let sizeClass = 0, at = record + CLASS_RECORDS; sizeClass < CLASSES; sizeClass++, at += CLASS_WORDS) {
      if (words[at + TO_EMPTY] === 0) continue;
      const most = Math.min(PORTION_ITEMS, Math.max(1, CELLS_PER_PAGE[sizeClass]));
      const emptied = this.compaction.compactClass(sizeClass, most);
      if (emptied === 0) return;
      // What was free may have been filled since: then no slab can be emptied.
      const pages = Math.max(0, emptied);
      words[record + EMPTIED] += pages;
      words[record + PAGES] += pages;
      words[at + TO_EMPTY] = pages > 0 ? Math.max(0, words[at + TO_EMPTY] - pages) : 0;
      if (words[at + TO_EMPTY] === 0) words[record + SPARSE_CLASSES]--;
      return;
    }
    words[record + SPARSE_CLASSES] = 0;
  }

  /** Gives the free pages of an extent back. Returns false when no extent is worth it, or the system does not take them. */
  private giveBack(): boolean {
    const { pool, words, record } = this;
    const next = pool.nextToGiveBack(GIVEN_MIN);
    const isWorthIt = next > 0 && next <= words[record + PAGES];
    const given = isWorthIt || this.mustGiveBack ? pool.giveBack(1) : 0;
    words[record + PAGES] = given === 0 ? 0 : Math.max(0, words[record + PAGES] - given);
    words[record + FREE] -= given;
    return given > 0;
  }
}
