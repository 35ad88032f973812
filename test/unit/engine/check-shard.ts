/**
 * Checks that a shard is consistent in itself: every page is accounted for, slabs and their lists agree, index entries and items are one to one,
 * counters are those of what is there, and no page or block knows a later deadline than one of its items has.
 */

import { databaseOf, expiryOf, keyLength, keyOffset, marksOf, sizeOf, typeOf } from '../../../src/engine/item.js';
import {
  PAGE_FREE,
  PAGE_RUN,
  PAGE_RUN_TAIL,
  PAGE_SEGMENT,
  PAGE_SLAB,
  PAGE_SLAB_TAIL,
} from '../../../src/engine/memory/page-pool.js';
import { CELL_BYTES, CLASSES, PAGE_BYTES } from '../../../src/engine/memory/size-classes.js';
import type { Shard } from '../../../src/engine/shard.js';
import { readFigures } from '../../../src/engine/shard-figures.js';
import { SEGMENT_BUCKETS } from '../../../src/engine/table/hash-index.js';

const PAGE_SHIFT = 16;

function must(condition: boolean, what: string): void {
  if (!condition) throw new Error(`inconsistent shard: ${what}`);
}

/** Every item of the shard's pages, by its byte offset; checks the pages on the way. */
function itemsOfPages(shard: Shard): Set<number> {
  const { pool, slabs, words } = shard;
  const items = new Set<number>();
  const live = new Array<number>(CLASSES).fill(0);
  const pages = new Array<number>(CLASSES).fill(0);
  let used = pool.overhead;
  let segments = 0;
  let foundInSlab = 0;
  for (let page = pool.firstPage; page < pool.highWater; page++) {
    const kind = pool.kind(page);
    if (kind !== PAGE_FREE) used++;
    if (kind === PAGE_SEGMENT) segments++;
    if (kind === PAGE_RUN) {
      items.add(page << PAGE_SHIFT);
      for (let tail = 1; tail < pool.runPages(page); tail++)
        must(pool.kind(page + tail) === PAGE_RUN_TAIL, 'a run has a hole');
    }
    if (kind !== PAGE_SLAB && kind !== PAGE_SLAB_TAIL) continue;
    const sizeClass = slabs.pageClass(page);
    const slab = slabs.slabOf(page);
    pages[sizeClass]++;
    must(pool.kind(slab) === PAGE_SLAB, 'a page of a slab that is not there');
    let found = 0;
    for (let at = slabs.firstCell(page); at < slabs.cellsEnd(page); at += CELL_BYTES[sizeClass]) {
      must(at >>> PAGE_SHIFT === page, 'a cell does not begin in its page');
      if (words[at >>> 2] === 0) continue;
      found++;
      items.add(at);
      must(sizeOf(words, at) <= CELL_BYTES[sizeClass], 'an item is larger than its cell');
    }
    foundInSlab = slab === page ? found : foundInSlab + found;
    live[sizeClass] += found;
    if (page + 1 < slab + (1 << slabs.slabOrder(slab))) continue;
    must(
      foundInSlab === slabs.liveCells(slab),
      `slab ${slab} counts ${slabs.liveCells(slab)} items and has ${foundInSlab}`,
    );
    must(foundInSlab > 0, 'an empty slab was not given back');
  }
  must(used === pool.used, `pages in use: counted ${pool.used}, found ${used}`);
  must(segments === shard.index.segments(), 'a segment is lost');
  for (let sizeClass = 0; sizeClass < CLASSES; sizeClass++) {
    must(live[sizeClass] === slabs.classLive(sizeClass), 'live cells of a class');
    must(pages[sizeClass] === slabs.classPages(sizeClass), 'pages of a class');
  }
  return items;
}

/** Throws when the shard is not consistent. */
export function checkShard(shard: Shard): void {
  const { pool, index, words, bytes } = shard;
  const items = itemsOfPages(shard);
  const databases = new Map<number, number>();
  const entries = new Int32Array(SEGMENT_BUCKETS);
  const indexed = new Set<number>();
  let itemBytes = 0;
  for (let position = 0; position < 1 << index.depth; position = index.rangeEnd(position)) {
    for (let bucket = 0; bucket < SEGMENT_BUCKETS; bucket++) {
      const count = index.entriesOfHome(position, bucket, entries);
      for (const entry of entries.subarray(0, count)) {
        const item = index.itemAt(entry);
        const database = databaseOf(words, item);
        must(items.has(item), 'an entry points at no item');
        must(!indexed.has(item), 'two entries point at one item');
        indexed.add(item);
        must(typeOf(words, item) !== 0 && marksOf(words, item) === 0, 'a header is damaged');
        const hash = shard.hash(bytes, keyOffset(words, item), keyLength(words, item), database);
        must(hash === index.hashAt(entry), 'an entry has the tag of another key');
        must(index.findItem(hash, item) === entry, 'an entry cannot be found by its item');
        databases.set(database, (databases.get(database) ?? 0) + 1);
        itemBytes += sizeOf(words, item);
        if (expiryOf(words, item) === 0) continue;
        must(
          pool.deadlines.pages[item >>> PAGE_SHIFT] <= expiryOf(words, item),
          'a deadline is not noted for its page',
        );
        must(pool.deadlines.blocks[item >>> 12] <= expiryOf(words, item), 'a deadline is not noted for its block');
      }
    }
  }
  const figures = readFigures(shard);
  must(indexed.size === items.size, `the index has ${indexed.size} of ${items.size} items`);
  must(figures.keys === items.size && figures.items === items.size, 'the figures are not those of the items');
  must(figures.itemBytes === itemBytes, 'the figures are not those of the items');
  for (const [database, count] of databases)
    must(shard.ledger.keysIn(database) === count && shard.ledger.itemsIn(database) === count, 'keys of a database');
  must(pool.used * PAGE_BYTES <= pool.budget * PAGE_BYTES, 'more is used than the budget allows');
}
