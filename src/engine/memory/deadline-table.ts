/**
 * When something in a shard's pages is due: the earliest deadline of an item in each page, and in each sixteenth of a page.
 *
 * ```
 *  by page                          by block: 4 KiB of a page
 *  ┌────────┬────────┬──── ─ ─┐     ┌──────────────────────────────┬──────────────────────────────┬─── ─ ─┐
 *  │ page 0 │ page 1 │ ...    │     │ page 0: block 0, 1, ... 15   │ page 1: block 0, 1, ... 15   │ ...   │
 *  └────────┴────────┴──── ─ ─┘     └──────────────────────────────┴──────────────────────────────┴─── ─ ─┘
 *   a double each: milliseconds since 1970, Infinity = none
 * ```
 *
 * An item belongs to the block in which it begins. A page's deadline is never after its blocks', a block's never after its items': both can
 * be too early, because what is removed, moved, or given more time does not correct them; whoever then looks there does.
 *
 * Of a page without a deadline the blocks say nothing: they are whatever they were, and are filled when the first deadline is noted. So where
 * nothing has one, they are never touched and have no memory.
 *
 * Deadlines are kept as they are, not as steps from some beginning: no clock that jumps, however far, can turn one into another. The price is
 * 136 bytes for 64 KiB, a fifth of a percent, whatever the number of items; and 8 where none has a deadline.
 */

import { PAGE_BYTES } from './size-classes.js';

const PAGE_SHIFT = 16;
const BLOCK_SHIFT = 12;
const BLOCKS_SHIFT = PAGE_SHIFT - BLOCK_SHIFT;
const DOUBLE_BYTES = 8;

/** Blocks of a page. */
export const BLOCKS = 1 << BLOCKS_SHIFT;
/** Bytes of a block. */
export const BLOCK_BYTES = PAGE_BYTES / BLOCKS;
/** The table's bytes for each page. */
export const DEADLINE_BYTES = DOUBLE_BYTES * (1 + BLOCKS);

export class DeadlineTable {
  /** Earliest deadline by page: what a sweep walks over. */
  readonly pages: Float64Array;
  /** Earliest deadline by block: BLOCKS for each page. Means something only where the page has a deadline. */
  readonly blocks: Float64Array;

  /**
   * @param offset byte offset of the table in the shard's buffer, a multiple of 8
   * @param capacity pages of the buffer
   */
  constructor(buffer: SharedArrayBuffer, offset: number, capacity: number) {
    this.pages = new Float64Array(buffer, offset, capacity);
    this.blocks = new Float64Array(buffer, offset + capacity * DOUBLE_BYTES, capacity << BLOCKS_SHIFT);
  }

  /** Notes that an item (byte offset) has a deadline, in milliseconds since 1970. */
  note(item: number, expiry: number): void {
    const page = item >>> PAGE_SHIFT;
    const earliest = this.pages[page];
    if (earliest === Infinity) this.blocks.fill(Infinity, page << BLOCKS_SHIFT, (page + 1) << BLOCKS_SHIFT);
    const block = item >>> BLOCK_SHIFT;
    if (expiry >= this.blocks[block]) return;
    this.blocks[block] = expiry;
    if (expiry < earliest) this.pages[page] = expiry;
  }

  /** Notes that no item of the pages from `first` to before `end` has a deadline. */
  clear(first: number, end: number): void {
    this.pages.fill(Infinity, first, end);
  }

  /** Notes the earliest deadline in a block, whose items have been looked at. Its page has a deadline, or this is none. */
  correct(block: number, earliest: number): void {
    if (this.pages[block >>> BLOCKS_SHIFT] !== Infinity) this.blocks[block] = earliest;
  }

  /** Brings a page's deadline up to date after its blocks' have been. */
  settle(page: number): void {
    if (this.pages[page] === Infinity) return;
    const first = page << BLOCKS_SHIFT;
    let earliest = Infinity;
    for (let block = first; block < first + BLOCKS; block++) earliest = Math.min(earliest, this.blocks[block]);
    this.pages[page] = earliest;
  }
}
