/**
 * Clearing a window: when enough pages are free for a large value, but not side by side.
 *
 * The window of pages with the least in its way is chosen. What is in it moves to the pages that are free elsewhere: the items of a slab, and
 * segments of the index. Large values do not move; where the policy allows, one that stands in the way of the cheapest window is evicted. The item that
 * must stay for the moment, and large values that clients have pinned (pins.ts), are never in a window. Where something cannot move, another window is tried.
 */

import { isPinned } from '../item.js';
import {
  PAGE_FREE,
  PAGE_RUN,
  PAGE_RUN_TAIL,
  PAGE_SEGMENT,
  PAGE_SLAB,
  PAGE_SLAB_TAIL,
  type PagePool,
} from './page-pool.js';
import type { Slabs } from './slabs.js';

const IMPOSSIBLE = 2 ** 40;
/** Cost of evicting a whole large value, against one of moving a small item. */
const RUN_PAGE_COST = 10_000;
/** Cost of moving a segment of the index. */
const SEGMENT_COST = 100;
const WINDOWS_TRIED = 4;
const PAGE_SHIFT = 16;

/** The parts of the evictor that empty pages. */
export interface PageEmptier {
  vacate(slab: number, most: number, mayGrow: boolean): boolean;
  empty(page: number): boolean;
}

/** Who moves segments of the index. */
export interface SegmentMover {
  moveSegment(page: number): boolean;
}

/**
 * Empties a window of `count` adjacent pages and takes it as a run.
 * @param mayEvict whether any item may be evicted to empty a page; if not, items are moved only
 * @param pinnedPage page of an item that must stay, 0 = none
 * @returns first page of the run, or 0
 */
export function clearRun(
  pool: PagePool,
  slabs: Slabs,
  emptier: PageEmptier,
  mover: SegmentMover,
  mayEvict: boolean,
  count: number,
  pinnedPage: number,
): number {
  const terms = termsOf(pool, slabs, mayEvict, pinnedPage);
  for (let tries = 0; tries < WINDOWS_TRIED; tries++) {
    const start = cheapestWindow(pool, slabs, count, terms);
    if (start === 0) return 0;
    clearWindow(pool, slabs, emptier, mover, start, count, terms);
    const run = pool.takeRun(count);
    if (run !== 0 || !mayEvict) return run;
  }
  return 0;
}

/** Empties the pages of a window, and notes which of them cannot be emptied. */
function clearWindow(
  pool: PagePool,
  slabs: Slabs,
  emptier: PageEmptier,
  mover: SegmentMover,
  start: number,
  count: number,
  terms: Terms,
): void {
  const { mayEvict } = terms;
  // Pages behind the mark are free, and not in the list of free pages.
  const end = Math.min(start + count, pool.highWater);
  const held: number[] = [];
  // The window's free pages are held, so that what is moved out does not move back in.
  for (let page = start; page < end; page++) if (pool.kind(page) === PAGE_FREE && pool.claim(page)) held.push(page);
  for (let page = start; page < end; page++) {
    const kind = pool.kind(page);
    if (kind === PAGE_SLAB || kind === PAGE_SLAB_TAIL) {
      if (!emptier.vacate(slabs.slabOf(page), Infinity, true) && mayEvict) emptier.empty(page);
    } else if (kind === PAGE_SEGMENT) mover.moveSegment(page);
    else if ((kind === PAGE_RUN || kind === PAGE_RUN_TAIL) && mayEvict) emptier.empty(runHead(pool, page));
    if (pool.kind(page) !== PAGE_FREE) terms.fixed.add(page);
    else if (pool.claim(page)) held.push(page);
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
  readonly mayEvict: boolean;
  /** Pages of the slab or run with the item that must stay: this one, and those up to the end. */
  readonly pinnedPage: number;
  readonly pinnedEnd: number;
  /** Pages that cannot be emptied: those of large values that clients have pinned, and those that were tried in vain. */
  readonly fixed: Set<number>;
}

function termsOf(pool: PagePool, slabs: Slabs, mayEvict: boolean, pinned: number): Terms {
  const pinnedPage = slabs.slabOf(pinned);
  const isRun = pinned !== 0 && pool.kind(pinned) === PAGE_RUN;
  const pinnedEnd = pinnedPage + (isRun ? pool.runPages(pinned) : 1 << slabs.slabOrder(pinnedPage));
  return { mayEvict, pinnedPage, pinnedEnd, fixed: mayEvict ? pinnedRuns(pool) : new Set() };
}

function pinnedRuns(pool: PagePool): Set<number> {
  const pages = new Set<number>();
  for (let page = pool.firstPage; page < pool.highWater; page++) {
    if (pool.kind(page) !== PAGE_RUN || !isPinned(pool.words, page << PAGE_SHIFT)) continue;
    for (let at = page; at < page + pool.runPages(page); at++) pages.add(at);
  }
  return pages;
}

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

function pageCost(pool: PagePool, slabs: Slabs, page: number, terms: Terms): number {
  if (page >= pool.highWater) return 0;
  if ((page >= terms.pinnedPage && page < terms.pinnedEnd) || terms.fixed.has(page)) return IMPOSSIBLE;
  const kind = pool.kind(page);
  if (kind === PAGE_FREE) return 0;
  // A slab is emptied wholly, or not at all.
  if (kind === PAGE_SLAB || kind === PAGE_SLAB_TAIL) return slabs.liveCells(slabs.slabOf(page));
  if (kind === PAGE_SEGMENT) return SEGMENT_COST;
  if (kind === PAGE_RUN || kind === PAGE_RUN_TAIL) return terms.mayEvict ? RUN_PAGE_COST : IMPOSSIBLE;
  return IMPOSSIBLE;
}
