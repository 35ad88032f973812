/**
 * Clearing a window: when enough pages are free for a large value, or for a slab of several pages, but not side by side.
 *
 * The window of pages with the least in its way is chosen. What is in it moves to the pages that are free elsewhere: the items of a slab, and
 * segments of the index. Large values do not move; where the policy allows, one that stands in the way of the cheapest window is evicted. The item that
 * must stay for the moment, and large values that clients have pinned (pins.ts), are never in a window. Where something cannot move, another window is tried.
 */

import { isPinned } from '../item.js';
import type { Compaction } from './compaction.js';
import {
  PAGE_CLAIMED,
  PAGE_FREE,
  PAGE_RUN,
  PAGE_RUN_TAIL,
  PAGE_SEGMENT,
  PAGE_SLAB,
  PAGE_SLAB_TAIL,
  type PagePool,
} from './page-pool.js';
import { SLAB_ORDER_MAX } from './size-classes.js';
import type { Slabs } from './slabs.js';

const IMPOSSIBLE = 2 ** 40;
/** Cost of evicting a page of a large value, or of a slab, against one of moving a small item. */
const RUN_PAGE_COST = 10_000;
/** Cost of moving a segment of the index. */
const SEGMENT_COST = 100;
const WINDOWS_TRIED = 4;
/** Items that are moved to make room for a slab, at most. */
const MOVED_MAX = 2048;
/** Items in a page that are so few that no better window is looked for. */
const FEW_ITEMS = 4;
const PAGE_SHIFT = 16;

/** Who evicts what is in a page. */
export interface PageEmptier {
  empty(page: number): boolean;
}

/** Who moves segments of the index. */
export interface SegmentMover {
  moveSegment(page: number): boolean;
}

/**
 * Empties a window of `count` adjacent pages and takes it as a run.
 * @param emptier evicts what cannot be moved; without it, items are moved only
 * @param pinnedPage page of an item that must stay, 0 = none
 * @returns first page of the run, or 0
 */
export function clearRun(
  pool: PagePool,
  slabs: Slabs,
  compaction: Compaction,
  mover: SegmentMover,
  emptier: PageEmptier | undefined,
  count: number,
  pinnedPage: number,
): number {
  const terms = termsOf(pool, slabs, emptier, SLAB_ORDER_MAX, pinnedPage);
  for (let tries = 0; tries < WINDOWS_TRIED; tries++) {
    const start = cheapestWindow(pool, slabs, count, terms);
    if (start === 0) return 0;
    clearWindow(pool, slabs, compaction, mover, start, count, terms);
    const run = pool.takeRun(count);
    if (run !== 0 || emptier === undefined) return run;
  }
  return 0;
}

/**
 * Empties a window of 2^order pages, which begins at a multiple of their number, for a slab, by moving what is in its way. No more than MOVED_MAX items
 * are moved, and no slabs that are as large.
 * @param pinnedPage page of an item that must stay, 0 = none
 * @returns whether the pages are free now
 */
export function clearAligned(
  pool: PagePool,
  slabs: Slabs,
  compaction: Compaction,
  mover: SegmentMover,
  order: number,
  pinnedPage: number,
): boolean {
  const count = 1 << order;
  const terms = termsOf(pool, slabs, undefined, order - 1, pinnedPage);
  const start = cheapestAligned(pool, slabs, count, terms);
  if (start === 0) return false;
  clearWindow(pool, slabs, compaction, mover, start, count, terms);
  for (let page = start; page < Math.min(start + count, pool.highWater); page++)
    if (pool.kind(page) !== PAGE_FREE) return false;
  return true;
}

/** Empties the pages of a window, and notes which of them cannot be emptied. */
function clearWindow(
  pool: PagePool,
  slabs: Slabs,
  compaction: Compaction,
  mover: SegmentMover,
  start: number,
  count: number,
  terms: Terms,
): void {
  const { emptier } = terms;
  // Pages behind the mark are free, and not in the list of free pages.
  const end = Math.min(start + count, pool.highWater);
  const held: number[] = [];
  // The window's free pages are held, so that what is moved out does not move back in.
  for (let page = start; page < end; page++) if (pool.kind(page) === PAGE_FREE && pool.claim(page)) held.push(page);
  for (let page = start; page < end; page++) {
    const kind = pool.kind(page);
    if (kind === PAGE_SLAB || kind === PAGE_SLAB_TAIL) {
      if (!compaction.vacate(slabs.slabOf(page), Infinity, true)) emptier?.empty(page);
    } else if (kind === PAGE_SEGMENT) mover.moveSegment(page);
    else if (kind === PAGE_RUN || kind === PAGE_RUN_TAIL) emptier?.empty(runHead(pool, page));
    if (pool.kind(page) === PAGE_FREE) {
      if (pool.claim(page)) held.push(page);
    } else if (pool.kind(page) !== PAGE_CLAIMED) terms.fixed.add(page);
  }
  for (const page of held) pool.unclaim(page);
}

/** First page of the run that `page` is a part of. */
function runHead(pool: PagePool, page: number): number {
  while (pool.kind(page) === PAGE_RUN_TAIL) page--;
  return page;
}

/** What may be done to empty a window. */
interface Terms {
  readonly emptier: PageEmptier | undefined;
  /** Order of the largest slabs that may be emptied. */
  readonly slabOrderMax: number;
  /** Free pages. */
  readonly room: number;
  /** Pages of the slab or run with the item that must stay: this one, and those up to the end. */
  readonly pinnedPage: number;
  readonly pinnedEnd: number;
  /** Pages that cannot be emptied: those of large values that clients have pinned, and those that were tried in vain. */
  readonly fixed: Set<number>;
}

function termsOf(
  pool: PagePool,
  slabs: Slabs,
  emptier: PageEmptier | undefined,
  slabOrderMax: number,
  pinned: number,
): Terms {
  const pinnedPage = slabs.slabOf(pinned);
  const isRun = pinned !== 0 && pool.kind(pinned) === PAGE_RUN;
  const pinnedEnd = pinnedPage + (isRun ? pool.runPages(pinned) : 1 << slabs.slabOrder(pinnedPage));
  const fixed = emptier === undefined ? new Set<number>() : pinnedRuns(pool);
  return { emptier, slabOrderMax, room: pool.available, pinnedPage, pinnedEnd, fixed };
}

function pinnedRuns(pool: PagePool): Set<number> {
  const pages = new Set<number>();
  for (let page = pool.firstPage; page < pool.highWater; page++) {
    if (pool.kind(page) !== PAGE_RUN || !isPinned(pool.words, page << PAGE_SHIFT)) continue;
    for (let at = page; at < page + pool.runPages(page); at++) pages.add(at);
  }
  return pages;
}

/** First page of the window with the least in its way; 0 when there is none. */
function cheapestWindow(pool: PagePool, slabs: Slabs, count: number, terms: Terms): number {
  const first = pool.firstPage;
  let cost = 0;
  let best = 0;
  let bestCost = IMPOSSIBLE;
  for (let page = first; page < pool.capacity; page++) {
    cost += pageCost(pool, slabs, page, terms);
    if (page - first >= count) cost -= pageCost(pool, slabs, page - count, terms);
    if (page - first >= count - 1 && cost < bestCost) {
      bestCost = cost;
      best = page - count + 1;
    }
  }
  return best;
}

/** First page of a window that begins at a multiple of `count`, and has little in its way, or less than others; 0 when there is none. */
function cheapestAligned(pool: PagePool, slabs: Slabs, count: number, terms: Terms): number {
  let best = 0;
  let bestCost = MOVED_MAX;
  const first = Math.ceil(pool.firstPage / count) * count;
  for (let start = first; start + count <= pool.capacity && bestCost > count * FEW_ITEMS; start += count) {
    let cost = 0;
    for (let page = start; page < start + count && cost < bestCost; page++) cost += pageCost(pool, slabs, page, terms);
    if (cost >= bestCost) continue;
    bestCost = cost;
    best = start;
  }
  return best;
}

function pageCost(pool: PagePool, slabs: Slabs, page: number, terms: Terms): number {
  if (page >= pool.highWater) return 0;
  if ((page >= terms.pinnedPage && page < terms.pinnedEnd) || terms.fixed.has(page)) return IMPOSSIBLE;
  const kind = pool.kind(page);
  if (kind === PAGE_FREE) return 0;
  if (kind === PAGE_SLAB || kind === PAGE_SLAB_TAIL) return slabCost(slabs, slabs.slabOf(page), terms);
  if (kind === PAGE_SEGMENT) return SEGMENT_COST;
  if (kind === PAGE_RUN || kind === PAGE_RUN_TAIL) return terms.emptier === undefined ? IMPOSSIBLE : RUN_PAGE_COST;
  return IMPOSSIBLE;
}

/** A slab is emptied wholly, for whichever of its pages. If there are fewer free pages than it has, its items have no room elsewhere. */
function slabCost(slabs: Slabs, slab: number, terms: Terms): number {
  const order = slabs.slabOrder(slab);
  if (order > terms.slabOrderMax) return IMPOSSIBLE;
  if (1 << order <= terms.room) return slabs.liveCells(slab);
  return terms.emptier === undefined ? IMPOSSIBLE : RUN_PAGE_COST;
}
