/**
 * The classes of items by size, as memcached numbers them: from 1 up. Values that are larger than a cell are in runs of pages of their own; these are the
 * last class.
 */

import type { Keyspace } from '../../engine/keyspace.js';
import { PAGE_RUN } from '../../engine/memory/page-pool.js';
import { CELL_BYTES, CELLS_PER_PAGE, CLASSES, PAGE_BYTES } from '../../engine/memory/size-classes.js';
import type { Shard } from '../../engine/shard.js';
import { RUN_CLASS } from './counters.js';

/** A class, over all shards. */
export interface SlabClass {
  readonly number: number;
  readonly chunkBytes: number;
  /** 0 of chunks that are larger than a page. */
  readonly chunksPerPage: number;
  readonly pages: number;
  readonly chunks: number;
  /** Chunks that are taken. */
  readonly used: number;
  readonly items: number;
}

/** Class of an item. */
export function slabClassOf(shard: Shard, item: number): number {
  const page = Math.floor(item / PAGE_BYTES);
  return shard.pool.kind(page) === PAGE_RUN ? RUN_CLASS : shard.slabs.pageClass(page) + 1;
}

/** All classes, by their numbers; most have no pages. */
export function slabClasses({ shards }: Keyspace): SlabClass[] {
  const classes: SlabClass[] = [];
  for (let sizeClass = 0; sizeClass < CLASSES; sizeClass++) {
    let pages = 0;
    let chunks = 0;
    let used = 0;
    for (const { slabs } of shards) {
      pages += slabs.classPages(sizeClass);
      chunks += slabs.classCells(sizeClass);
      used += slabs.classLive(sizeClass);
    }
    const chunkBytes = CELL_BYTES[sizeClass];
    const chunksPerPage = CELLS_PER_PAGE[sizeClass];
    classes.push({ number: sizeClass + 1, chunkBytes, chunksPerPage, pages, chunks, used, items: used });
  }
  const lengths = runLengths(shards);
  const pages = lengths.reduce((sum, length) => sum + length, 0);
  const items = lengths.length;
  classes.push({
    number: RUN_CLASS,
    chunkBytes: PAGE_BYTES,
    chunksPerPage: 1,
    pages,
    chunks: pages,
    used: pages,
    items,
  });
  return classes;
}

/** How many items there are of each size, in steps of 32 bytes, by the chunks that they take. */
export function itemSizes(keyspace: Keyspace): Map<number, number> {
  const sizes = new Map<number, number>();
  const add = (bytes: number, items: number): void => {
    const size = Math.ceil(bytes / SIZE_STEP) * SIZE_STEP;
    sizes.set(size, (sizes.get(size) ?? 0) + items);
  };
  for (const { number, chunkBytes, items } of slabClasses(keyspace))
    if (number !== RUN_CLASS && items > 0) add(chunkBytes, items);
  for (const pages of runLengths(keyspace.shards)) add(pages * PAGE_BYTES, 1);
  return sizes;
}

const SIZE_STEP = 32;

/** Pages of every run. */
function runLengths(shards: readonly Shard[]): number[] {
  return shards.flatMap(({ pool }) => {
    const lengths: number[] = [];
    for (let page = pool.firstPage; page < pool.highWater; page++)
      if (pool.kind(page) === PAGE_RUN) lengths.push(pool.runPages(page));
    return lengths;
  });
}
