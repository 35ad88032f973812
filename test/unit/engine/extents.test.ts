/** Free pages and their memory: what is handed out is nobody else's, what is given back is in use by nobody, and what is resident is known. */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EXTENT_PAGES } from '../../../src/engine/memory/extents.js';
import { PAGE_FREE, PAGE_SLAB, PagePool } from '../../../src/engine/memory/page-pool.js';
import { PAGE_BYTES } from '../../../src/engine/memory/size-classes.js';
import { FakeKernel } from './fake-kernel.js';

/** Five extents, of which the last has 20 pages. */
const PAGES = 4 * EXTENT_PAGES + 20;

/** A pool over a fake operating system; pages that are in use hold their number, and are looked after. */
class Bench {
  readonly kernel = new FakeKernel();
  readonly pool: PagePool;
  readonly singles: number[] = [];
  readonly runs = new Map<number, number>();
  /** Pages of slabs of several, by their first. */
  readonly slabs = new Map<number, number>();
  /** Short slabs, by their first page. */
  readonly shortSlabs = new Map<number, { order: number; touched: number }>();

  constructor(budget = PAGES, pages = PAGES) {
    this.pool = new PagePool(new SharedArrayBuffer(pages * PAGE_BYTES));
    this.pool.advice = this.kernel;
    this.pool.budget = budget;
    this.kernel.adviseHugePages(this.pool.bytes, 0, pages * PAGE_BYTES);
    this.kernel.calls.length = 0;
    this.kernel.touch(0);
    this.pool.format();
  }

  take(): number {
    const page = this.pool.take(PAGE_SLAB);
    if (page === 0) return 0;
    this.singles.push(page);
    this.use(page, 1);
    return page;
  }

  takeAll(): void {
    while (this.take() !== 0);
  }

  free(page: number): void {
    this.singles.splice(this.singles.indexOf(page), 1);
    this.pool.free(page);
  }

  takeSlab(order: number): void {
    const first = this.pool.takeSlab(order);
    if (first === 0) return;
    this.slabs.set(first, 1 << order);
    this.use(first, 1 << order);
  }

  freeSlab(first: number): void {
    this.pool.freeSlab(first, Math.log2(this.slabs.get(first) as number));
    this.slabs.delete(first);
  }

  /** Takes a slab that is touched only in part, and shortens it to that. */
  takeShortSlab(order: number, touched: number): void {
    const first = this.pool.takeSlab(order);
    if (first === 0) return;
    this.use(first, touched);
    expect(this.pool.shortenSlab(first, order, (1 << order) - touched)).toBe(true);
    this.shortSlabs.set(first, { order, touched });
  }

  /** Touches the next page of a short slab. */
  fillShortSlab(first: number): void {
    const slab = this.shortSlabs.get(first) as { order: number; touched: number };
    this.use(first + slab.touched++, 1);
    if (slab.touched < 1 << slab.order) return;
    this.shortSlabs.delete(first);
    this.slabs.set(first, 1 << slab.order);
    this.pool.endShortSlab(first);
  }

  freeShortSlab(first: number): void {
    const { order, touched } = this.shortSlabs.get(first) as { order: number; touched: number };
    this.shortSlabs.delete(first);
    this.pool.freeShortSlab(first, order, touched);
  }

  takeRun(count: number): void {
    const start = this.pool.takeRun(count);
    if (start === 0) return;
    this.runs.set(start, count);
    this.use(start, count);
  }

  resizeRun(start: number, count: number): void {
    if (!this.pool.resizeRun(start, count)) return;
    this.runs.set(start, count);
    this.use(start, count);
  }

  freeRun(start: number): void {
    this.runs.delete(start);
    this.pool.freeRun(start);
  }

  /** Pages in use that lie in an extent. */
  inUse(extent: number): number[] {
    return this.singles.filter((page) => Math.floor(page / EXTENT_PAGES) === extent);
  }

  check(): void {
    const { pool, kernel } = this;
    for (const page of this.singles) this.mustHold(page, 1);
    for (const [start, count] of [...this.runs, ...this.slabs]) this.mustHold(start, count);
    for (const [start, { touched }] of this.shortSlabs) this.mustHold(start, touched);
    let resident = 0;
    for (let page = pool.firstPage; page < pool.capacity; page++)
      if (kernel.resident.has(page) && pool.kind(page) === PAGE_FREE) resident++;
    // Pages behind the mark are not counted, and none of them has memory.
    expect(pool.freeResident).toBe(resident);
    expect(pool.used + pool.freeResident).toBeLessThanOrEqual(pool.budget + EXTENT_PAGES);
  }

  private use(start: number, count: number): void {
    for (let page = start; page < start + count; page++) {
      this.kernel.touch(page);
      this.pool.words[(page * PAGE_BYTES) >>> 2] = page;
      this.pool.words[((page + 1) * PAGE_BYTES - 4) >>> 2] = page;
    }
  }

  private mustHold(start: number, count: number): void {
    for (let page = start; page < start + count; page++) {
      const { words } = this.pool;
      if (words[(page * PAGE_BYTES) >>> 2] !== page || words[((page + 1) * PAGE_BYTES - 4) >>> 2] !== page)
        throw new Error(`page ${page} is in use and was given back`);
      if (!this.kernel.resident.has(page)) throw new Error(`page ${page} is in use and has no memory`);
    }
  }
}

describe('any history', () => {
  type Step = (bench: Bench) => void;
  const index = fc.nat(1000);
  const pick = <T>(list: readonly T[], n: number): T | undefined => list[n % Math.max(1, list.length)];
  const step = (weight: number, make: (n: number, count: number) => Step) => ({
    weight,
    arbitrary: fc.tuple(index, fc.integer({ min: 2, max: 40 })).map(([n, count]) => make(n, count)),
  });
  const steps = fc.oneof(
    step(6, () => (bench) => void bench.take()),
    step(5, (n) => (bench) => {
      const page = pick(bench.singles, n);
      if (page !== undefined) bench.free(page);
    }),
    step(2, (n) => (bench) => bench.takeSlab(1 + (n % 5))),
    step(2, (n) => (bench) => {
      const first = pick([...bench.slabs.keys()], n);
      if (first !== undefined) bench.freeSlab(first);
    }),
    step(2, (n, count) => (bench) => {
      const order = 1 + (n % 5);
      bench.takeShortSlab(order, 1 + (count % ((1 << order) - 1)));
    }),
    step(4, (n) => (bench) => {
      const first = pick([...bench.shortSlabs.keys()], n);
      if (first !== undefined) bench.fillShortSlab(first);
    }),
    step(1, (n) => (bench) => {
      const first = pick([...bench.shortSlabs.keys()], n);
      if (first !== undefined) bench.freeShortSlab(first);
    }),
    step(2, (_, count) => (bench) => bench.takeRun(count)),
    step(2, (n, count) => (bench) => {
      const start = pick([...bench.runs.keys()], n);
      if (start !== undefined) bench.resizeRun(start, count);
    }),
    step(2, (n) => (bench) => {
      const start = pick([...bench.runs.keys()], n);
      if (start !== undefined) bench.freeRun(start);
    }),
    step(3, (_, count) => (bench) => void bench.pool.giveBack(count)),
    step(1, (n) => (bench) => {
      bench.pool.budget = Math.max(bench.pool.used, 16 + (n % PAGES));
      bench.pool.giveBack(Math.max(0, bench.pool.surplus));
    }),
  );

  test('what is in use keeps its memory, and what is resident is known', () => {
    fc.assert(
      fc.property(fc.array(steps, { maxLength: 120, size: 'max' }), (history) => {
        const bench = new Bench();
        for (const each of history) {
          each(bench);
          bench.check();
        }
      }),
      { numRuns: 40 },
    );
  });
});

describe('pages are taken', () => {
  test('from the extent that has the fewest free ones', () => {
    const bench = new Bench();
    bench.takeAll();
    for (const [extent, count] of [
      [1, 20],
      [2, 3],
      [3, 10],
    ])
      for (const page of bench.inUse(extent).slice(0, count)) bench.free(page);
    const taken = Array.from({ length: 33 }, () => Math.floor(bench.take() / EXTENT_PAGES));
    expect(taken).toEqual([...Array(3).fill(2), ...Array(10).fill(3), ...Array(20).fill(1)]);
    expect(bench.take()).toBe(0);
  });

  test('with memory before those without', () => {
    const bench = new Bench();
    bench.takeAll();
    const [given, kept] = [bench.inUse(1), bench.inUse(2)];
    for (const page of given.slice(0, 3)) bench.free(page);
    bench.pool.giveBack(3);
    for (const page of kept.slice(0, 20)) bench.free(page);
    for (let i = 0; i < 20; i++) expect(kept).toContain(bench.take());
    expect(given).toContain(bench.take());
  });
});

describe('the end of a slab', () => {
  test('has no memory while the slab is short, and the extent is made of small pages until it is full', () => {
    const bench = new Bench();
    bench.takeShortSlab(5, 30);
    expect([...bench.shortSlabs.keys()]).toEqual([32]);
    expect(bench.kernel.calls).toEqual(['discard 62 2', 'small 32 32']);
    expect(bench.pool.givenBack).toBe(2);
    bench.fillShortSlab(32);
    expect(bench.kernel.resident.has(62)).toBe(true);
    expect(bench.kernel.resident.has(63)).toBe(false);
    expect(bench.kernel.calls).toHaveLength(2);
    bench.fillShortSlab(32);
    expect(bench.kernel.calls.slice(2)).toEqual(['huge 32 32']);
    bench.check();
  });

  test('keeps an extent of small pages that is wholly in use', () => {
    const bench = new Bench();
    bench.takeSlab(4);
    bench.takeShortSlab(4, 10);
    bench.takeShortSlab(4, 15);
    expect([...bench.shortSlabs.keys()]).toEqual([32, 48]);
    bench.fillShortSlab(48);
    expect(bench.kernel.calls).not.toContain('huge 32 32');
    for (let page = 10; page < 16; page++) bench.fillShortSlab(32);
    expect(bench.kernel.calls.at(-1)).toBe('huge 32 32');
    bench.check();
  });

  test('is free without memory when the slab is given up before', () => {
    const bench = new Bench();
    bench.takeShortSlab(5, 3);
    const before = bench.pool.freeResident;
    bench.freeShortSlab(32);
    expect(bench.pool.freeResident).toBe(before + 3);
    expect(bench.kernel.calls).not.toContain('huge 32 32');
    bench.check();
    bench.pool.giveBack(1);
    expect(bench.kernel.calls.slice(-2)).toEqual(['discard 32 32', 'huge 32 32']);
    bench.check();
  });

  test('stays where nobody takes it', () => {
    const bench = new Bench();
    const slab = bench.pool.takeSlab(5);
    bench.kernel.willing = false;
    expect(bench.pool.shortenSlab(slab, 5, 8)).toBe(false);
    bench.pool.advice = undefined;
    expect(bench.pool.shortenSlab(slab, 5, 8)).toBe(false);
    expect(bench.kernel.calls).toEqual([]);
  });
});

describe('the tables of a large shard', () => {
  test('are a huge page and, behind what every shard touches, small ones', () => {
    const pages = 2 ** 15;
    const bench = new Bench(pages, pages);
    // The deadlines of blocks begin in the first extent and end in the third.
    expect(bench.kernel.calls).toEqual(['small 32 64']);
    expect(bench.pool.deadlines.blocks.byteOffset).toBeLessThan(EXTENT_PAGES * PAGE_BYTES);
    while (bench.pool.highWater < pages) bench.pool.take(PAGE_SLAB);
    expect(bench.kernel.calls).toEqual(['small 32 64']);
  });

  test('of a small one lie in one huge page', () => {
    const bench = new Bench();
    bench.takeAll();
    expect(bench.kernel.calls).toEqual([]);
  });
});

describe('memory is given back', () => {
  test('of extents that are wholly free first, in one call each', () => {
    const bench = new Bench();
    bench.takeAll();
    for (const page of bench.inUse(1).slice(0, 31)) bench.free(page);
    for (const page of bench.inUse(3)) bench.free(page);
    expect(bench.pool.giveBack(1)).toBe(32);
    expect(bench.kernel.calls).toEqual(['discard 96 32']);
    expect(bench.pool.freeResident).toBe(31);
    expect(bench.pool.givenBack).toBe(32);
  });

  test('then of single pages, whose extent is made of small ones until it is wholly free', () => {
    const bench = new Bench();
    bench.takeAll();
    const pages = bench.inUse(1);
    for (const page of [32, 33, 34, 40, 63]) bench.free(page);
    expect(bench.pool.giveBack(1)).toBe(5);
    expect(bench.kernel.calls).toEqual(['small 32 32', 'discard 32 3', 'discard 40 1', 'discard 63 1']);
    bench.kernel.calls.length = 0;
    for (const page of pages.filter((each) => ![32, 33, 34, 40, 63].includes(each))) bench.free(page);
    expect(bench.pool.giveBack(1)).toBe(27);
    expect(bench.kernel.calls).toEqual(['discard 32 32', 'huge 32 32']);
    bench.check();
  });

  test('or until it is wholly in use', () => {
    const bench = new Bench();
    bench.takeAll();
    bench.free(40);
    bench.free(50);
    bench.pool.giveBack(2);
    bench.kernel.calls.length = 0;
    bench.take();
    expect(bench.kernel.calls).toEqual([]);
    bench.take();
    expect(bench.kernel.calls).toEqual(['huge 32 32']);
  });

  test('and the end of the shard is forgotten', () => {
    const bench = new Bench();
    bench.takeAll();
    expect(bench.pool.highWater).toBe(PAGES);
    for (const extent of [2, 4]) for (const page of bench.inUse(extent)) bench.free(page);
    bench.pool.giveBack(PAGES);
    expect(bench.pool.highWater).toBe(4 * EXTENT_PAGES);
    for (const page of bench.inUse(3)) bench.free(page);
    bench.pool.giveBack(PAGES);
    expect(bench.pool.highWater).toBe(2 * EXTENT_PAGES);
    bench.takeAll();
    expect(bench.pool.used).toBe(PAGES);
    bench.check();
  });

  test('not at all where nobody takes it', () => {
    const bench = new Bench();
    bench.takeAll();
    for (const page of bench.inUse(2)) bench.free(page);
    bench.kernel.willing = false;
    expect(bench.pool.giveBack(10)).toBe(0);
    expect(bench.pool.freeResident).toBe(32);
    bench.pool.advice = undefined;
    expect(bench.pool.canGiveBack).toBe(false);
    expect(bench.pool.giveBack(10)).toBe(0);
    bench.pool.format();
    expect(bench.pool.freeResident).toBe(PAGES - bench.pool.firstPage);
  });

  test('by a format, but for the extent with the tables', () => {
    const bench = new Bench();
    bench.takeAll();
    bench.pool.format();
    expect(bench.pool.freeResident).toBe(EXTENT_PAGES - bench.pool.firstPage);
    expect(bench.pool.highWater).toBe(EXTENT_PAGES);
    expect(bench.kernel.resident.size).toBe(EXTENT_PAGES);
  });

  test('for a large value that took pages without memory', () => {
    const bench = new Bench(3 * EXTENT_PAGES);
    bench.takeAll();
    for (const page of bench.singles.filter((each) => each % 2 === 0)) bench.free(page);
    bench.takeRun(30);
    // There is no hole of 30 pages, so that the run lies where nothing was yet.
    expect([...bench.runs.keys()][0]).toBeGreaterThanOrEqual(3 * EXTENT_PAGES - 1);
    bench.check();
  });
});
