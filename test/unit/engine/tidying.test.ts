/** What upkeep gives back on its own: pages that nobody needs for some seconds, cells between few items; and what it leaves alone. */

import { describe, expect, test } from 'vitest';
import { Random } from '../../../src/base/random.js';
import { EXTENT_PAGES } from '../../../src/engine/memory/extents.js';
import { CELLS_PER_PAGE, classOf, classTable, PAGE_BYTES } from '../../../src/engine/memory/size-classes.js';
import { FakeKernel } from './fake-kernel.js';
import { ModelledCache } from './modelled-cache.js';

/** Those of a small shard. */
const CLASSES_USED = classTable(1);

const MIB = 2 ** 20;
const ITEM_BYTES = 128;

/** A cache of one shard over a fake operating system. */
class TidyCache extends ModelledCache {
  readonly kernel: FakeKernel;

  constructor(megabytes: number, kernel = new FakeKernel()) {
    super({ policy: 'noeviction', shards: 1, megabytes, seed: 5, advice: kernel });
    this.kernel = kernel;
  }

  fill(first: number, end: number, length = 100): void {
    for (let i = first; i < end; i++) if (!this.set(`key:${i}`, length, 0)) throw new Error('the test wants room');
  }

  /** Lets time pass, with upkeep every tenth of a second: as many slices as it wants, if those are no more than `most`. */
  pass(seconds: number, most = 50): void {
    for (let i = 0; i < seconds * 10; i++) {
      this.advance(100);
      // As long as a slice wants to go on, it is gone on with.
      for (let slices = 0; slices < most; slices++) this.tend();
    }
  }

  /** Pages that are free and have memory. */
  get freePages(): number {
    return this.keyspace.figures().freeResidentBytes / PAGE_BYTES;
  }

  get freeCells(): number {
    return this.shard.slabs.classFree(classOf(CLASSES_USED, ITEM_BYTES));
  }

  get cells(): number {
    return (
      this.shard.slabs.classPages(classOf(CLASSES_USED, ITEM_BYTES)) * CELLS_PER_PAGE[classOf(CLASSES_USED, ITEM_BYTES)]
    );
  }

  get shard() {
    return this.keyspace.shards[0];
  }
}

/** The numbers up to `count` by chance, each with a probability. */
function chosen(count: number, probability: number): number[] {
  const random = new Random(7, 8, 9);
  return Array.from({ length: count }, (_, i) => i).filter(() => random.float() < probability);
}

describe('cells between items', () => {
  test('are gathered when they were free for some seconds, and the pages go back to the system', () => {
    const cache = new TidyCache(64);
    cache.fill(0, 100_000);
    for (const i of chosen(100_000, 0.6)) cache.remove(`key:${i}`);
    const { usedBytes, segments } = cache.keyspace.figures();
    expect(cache.freeCells / cache.cells).toBeGreaterThan(0.5);
    cache.pass(1.5);
    expect(cache.keyspace.figures().compactedBytes).toBe(0);
    cache.pass(25);
    expect(cache.freeCells / cache.cells).toBeLessThan(1 / 8 + 0.01);
    const after = cache.keyspace.figures();
    const joined = (segments - after.segments) * PAGE_BYTES;
    expect(usedBytes - after.usedBytes).toBe(after.compactedBytes + joined);
    expect(after.compactedBytes).toBeGreaterThan(5 * MIB);
    expect(after.givenBackBytes).toBeGreaterThan(3 * MIB);
    expect(after.freeResidentBytes).toBeLessThan((after.usedBytes + after.freeResidentBytes) / 8);
    cache.checkAll();
  });

  test('stay while items come and go', () => {
    const cache = new TidyCache(32);
    cache.fill(0, 40_000);
    for (let round = 0; round < 20; round++) {
      // A quarter of the items is always missing at one time or another, and never for long.
      for (let i = round % 4; i < 40_000; i += 4) cache.remove(`key:${i}`);
      cache.pass(0.5);
      for (let i = round % 4; i < 40_000; i += 4) cache.set(`key:${i}`, 100, 0);
      cache.pass(0.1);
    }
    expect(cache.keyspace.figures().compactedBytes).toBe(0);
  });

  test('are gathered without a pause while nobody works on the shard, and between requests bit by bit', () => {
    const cache = new TidyCache(32);
    cache.fill(0, 40_000);
    for (const i of chosen(40_000, 0.5)) cache.remove(`key:${i}`);
    const { freeCells } = cache;
    for (let i = 0; i < 50 && cache.freeCells === freeCells; i++) cache.pass(0.1, 1);
    expect(cache.tend()).toBe(true);
    cache.get('key:0');
    expect(cache.tend()).toBe(false);
    expect(cache.shard.tidying.isBusy).toBe(true);
    for (let slices = 0; cache.tend(); slices++) if (slices > 1000) throw new Error('no end of it');
    expect(cache.shard.tidying.isBusy).toBe(false);
    expect(cache.freeCells).toBeLessThan(cache.cells / 10);
  });

  test('of the smallest items are gathered in portions', () => {
    const cache = new TidyCache(16);
    for (let i = 0; i < 20_000; i++) cache.set(String(i), 0, 0);
    for (const i of chosen(20_000, 0.6)) cache.remove(String(i));
    const { tidying } = cache.shard;
    const moves: number[] = [];
    let most = 0;
    // A clock by which each look takes a millisecond: one portion is done in each call.
    for (let second = 0; second < 30; second++) {
      cache.advance(1000);
      for (let call = 0; call < 20; call++) {
        const before = cache.shard.slabs.classPages(classOf(CLASSES_USED, 17));
        let now = 0;
        tidying.tidy(1, () => now++, cache.shard.lock.sequence);
        moves.push(before - cache.shard.slabs.classPages(classOf(CLASSES_USED, 17)));
        most = Math.max(most, now);
      }
    }
    expect(most).toBeLessThanOrEqual(2);
    expect(Math.max(...moves)).toBeLessThanOrEqual(1);
    expect(moves.reduce((sum, pages) => sum + pages, 0)).toBeGreaterThan(1);
    cache.checkAll();
  });
});

describe('segments of the index', () => {
  test('are joined when they are hardly a third full, and split again when there are more keys', () => {
    const cache = new TidyCache(64);
    const { index } = cache.shard;
    cache.fill(0, 100_000, 10);
    const full = index.segments();
    cache.pass(10);
    expect(index.segments()).toBe(full);
    for (const i of chosen(100_000, 0.6)) cache.remove(`key:${i}`);
    cache.pass(0.9);
    expect(index.segments()).toBe(full);
    cache.pass(3);
    expect(index.segments()).toBeLessThan(full * 0.65);
    expect(index.surplusSegments()).toBeLessThanOrEqual(1);
    expect(cache.shard.tidying.isBusy).toBe(false);
    cache.checkAll();
    cache.fill(0, 100_000, 10);
    cache.checkAll();
    expect(index.segments()).toBeGreaterThan(full * 0.8);
  });

  test('of an index that has a few keys left are one in the end', () => {
    const cache = new TidyCache(64);
    cache.fill(0, 100_000, 10);
    for (let i = 3; i < 100_000; i++) cache.remove(`key:${i}`);
    cache.pass(20);
    expect(cache.shard.index.segments()).toBe(1);
    cache.checkAll();
  });
});

describe('pages without items', () => {
  test('keep their memory for some seconds', () => {
    const cache = new TidyCache(64);
    cache.fill(0, 3000, 10_000);
    for (let i = 0; i < 3000; i++) cache.remove(`key:${i}`);
    const { freeResidentBytes } = cache.keyspace.figures();
    expect(freeResidentBytes).toBeGreaterThan(28 * MIB);
    cache.pass(0.9);
    expect(cache.keyspace.figures().freeResidentBytes).toBe(freeResidentBytes);
    cache.pass(1.2);
    expect(cache.keyspace.figures().freeResidentBytes).toBe(0);
    // Only that huge page was cut up for it in which the shard's tables lie.
    expect(cache.kernel.calls.filter((call) => call.startsWith('small'))).toEqual(['small 0 32']);
    cache.checkAll();
  });

  test('keep it for as long as they are needed now and then', () => {
    const cache = new TidyCache(64);
    for (let round = 0; round < 10; round++) {
      cache.fill(0, 1000, 10_000);
      cache.pass(0.5);
      for (let i = 0; i < 1000; i++) cache.remove(`key:${i}`);
      cache.pass(0.5);
    }
    expect(cache.keyspace.figures().givenBackBytes).toBe(0);
  });

  test('are kept for as many as change hands, go bit by bit when fewer do, and all when none do', () => {
    const cache = new TidyCache(64);
    const change = (pages: number): void => {
      // Values of a page each.
      for (let i = 0; i < pages; i++) cache.set(`more:${i}`, 65_000, 0);
      for (let i = 0; i < pages; i++) cache.remove(`more:${i}`);
    };
    // Half of the pages are free, but no extent is as a whole.
    for (let i = 0; i < 400; i++) cache.set(`key:${i}`, 65_000, 0);
    for (let i = 0; i < 400; i += 2) cache.remove(`key:${i}`);
    for (let round = 0; round < 20; round++) {
      change(20);
      cache.pass(1);
    }
    expect(cache.freePages).toBeGreaterThanOrEqual(20);
    expect(cache.freePages).toBeLessThanOrEqual(2 * EXTENT_PAGES);
    const { givenBackBytes } = cache.keyspace.figures();
    for (let round = 0; round < 20; round++) {
      change(20);
      cache.pass(1);
    }
    // Nobody gives back what is taken again.
    expect(cache.keyspace.figures().givenBackBytes).toBe(givenBackBytes);
    change(1);
    cache.pass(1);
    change(1);
    cache.pass(1);
    expect(cache.freePages).toBeGreaterThanOrEqual(10);
    cache.pass(3);
    expect(cache.freePages).toBeLessThan(4);
    cache.checkAll();
  });

  test('keep it where a huge page would be cut up for few', () => {
    const cache = new TidyCache(64);
    for (let i = 0; i < 400; i++) cache.set(`key:${i}`, 65_000, 0);
    cache.pass(30);
    const { length } = cache.kernel.calls;
    // Two or three in each extent.
    for (let i = 0; i < 400; i += 14) cache.remove(`key:${i}`);
    const before = cache.freePages;
    expect(before).toBeGreaterThan(20);
    cache.pass(30);
    expect(cache.freePages).toBe(before);
    expect(cache.kernel.calls).toHaveLength(length);
  });

  test('lose it though others of which little is left to give have come free as a whole', () => {
    const cache = new TidyCache(64);
    for (let i = 0; i < 400; i++) cache.set(`key:${i}`, 65_000, 0);
    // Of these extents all is given back but two or three pages that are in use still.
    for (let i = 0; i < 200; i++) if (i % 14 > 0) cache.remove(`key:${i}`);
    cache.pass(5);
    expect(cache.freePages).toBe(0);
    for (let i = 0; i < 200; i += 14) cache.remove(`key:${i}`);
    for (let i = 200; i < 400; i += 4) cache.remove(`key:${i}`);
    expect(cache.freePages).toBeGreaterThan(50);
    cache.pass(5);
    // Some have fewer than are worth it.
    expect(cache.freePages).toBeLessThan(10);
    cache.checkAll();
  });

  test('lose it at once when the budget was lowered', () => {
    const cache = new TidyCache(64);
    cache.fill(0, 5000, 10_000);
    for (let i = 0; i < 4800; i++) cache.remove(`key:${i}`);
    cache.keyspace.leave();
    cache.keyspace.maxMemory = 8 * MIB;
    for (let slices = 0; cache.tend(); slices++) if (slices > 1000) throw new Error('no end of it');
    const { usedBytes, freeResidentBytes } = cache.keyspace.figures();
    expect(usedBytes + freeResidentBytes).toBeLessThanOrEqual(8 * MIB + EXTENT_PAGES * PAGE_BYTES);
    cache.checkAll();
  });

  test('keep it where the system does not take it, and upkeep does not try for ever', () => {
    const kernel = new FakeKernel();
    kernel.willing = false;
    const cache = new TidyCache(64, kernel);
    cache.fill(0, 3000, 10_000);
    for (let i = 0; i < 3000; i++) cache.remove(`key:${i}`);
    cache.pass(10);
    expect(cache.keyspace.figures().freeResidentBytes).toBeGreaterThan(28 * MIB);
    expect(cache.tend()).toBe(false);
    expect(cache.shard.tidying.isBusy).toBe(false);
  });
});

describe('a flood of one size class', () => {
  test('leaves no traces when it is gone', () => {
    const cache = new TidyCache(128);
    cache.fill(0, 50_000);
    cache.pass(5);
    const before = cache.keyspace.figures();
    for (let i = 0; i < 50_000; i += 5) cache.set(`key:${i}`, 10_000, 0);
    expect(cache.keyspace.figures().usedBytes).toBeGreaterThan(before.usedBytes + 90 * MIB);
    for (let i = 0; i < 50_000; i += 5) cache.set(`key:${i}`, 100, 0);
    cache.pass(15);
    const after = cache.keyspace.figures();
    expect(after.usedBytes).toBeLessThan(before.usedBytes * 1.15);
    expect(after.freeResidentBytes).toBeLessThan(5 * MIB);
    cache.checkAll();
  });
});
