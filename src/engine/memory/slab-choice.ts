/**
 * How large a slab of larger cells is to be, and whether it pays to have one.
 *
 * A slab of several pages loses less at its end than one of a page does, but it is more that can be partly empty:
 *
 * ```
 *  an item of 40,996 bytes (a value of 40 KiB, say)     page    2 pages   4 pages   8 pages   16 pages   32 pages
 *  takes so many pages                                   1        .67       .67       .67        .64        .63
 *  and of a slab are free, as a rule                     1/8      1/4       1/2        1          2          4
 * ```
 *
 * So the more items of a size there are, the larger the slabs of their tight class are; and where there are few, they have cells of a page class, together
 * with items of other sizes, or (above a page) runs of pages.
 */

import { SLAB_ORDER_MAX } from './size-classes.js';
import { slabCells } from './slabs.js';

/** Of a slab, what is free as a rule. */
const FREE_SHARE = 1 / 8;
/** A tight class is begun with when it saves so many pages. */
const SAVED_MIN = 2;

/** No slab of a tight class. */
export const NO_SLAB = -1;

/** Pages that `items` of a wide class take, with slabs of 2^order pages. */
function pagesTaken(sizeClass: number, items: number, order: number): number {
  const pages = 1 << order;
  return (items * pages) / slabCells(sizeClass, order) + pages * FREE_SHARE;
}

/**
 * Order of the slabs with which the items of a wide class take the fewest pages.
 * @param items that are there, at least 1
 */
export function bestOrder(sizeClass: number, items: number): number {
  let best = 0;
  for (let order = 1; order <= SLAB_ORDER_MAX; order++)
    if (pagesTaken(sizeClass, items, order) < pagesTaken(sizeClass, items, best)) best = order;
  return best;
}

/**
 * Order of the smallest slabs of a wide class that are better than what its items have otherwise; NO_SLAB when none are, or there are too few items for it.
 * @param itemPages pages that an item takes otherwise
 * @param items that are there
 */
export function leastOrder(sizeClass: number, items: number, itemPages: number): number {
  for (let order = 0; order <= SLAB_ORDER_MAX; order++)
    if (items * itemPages - pagesTaken(sizeClass, items, order) >= SAVED_MIN) return order;
  return NO_SLAB;
}
