/** The page pool against a plain array of pages: single pages, slabs of several and runs, taken, resized and freed in any order. */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  directoryEntriesMax,
  PAGE_FREE,
  PAGE_RUN,
  PAGE_SLAB,
  PAGE_SLAB_TAIL,
  PagePool,
  SHARD_PAGES_MIN,
} from '../../../src/engine/memory/page-pool.js';
import { PAGE_BYTES } from '../../../src/engine/memory/size-classes.js';

const PAGES = 40;

function makePool(budget = PAGES, pages = PAGES): PagePool {
  const pool = new PagePool(new SharedArrayBuffer(pages * PAGE_BYTES));
  pool.budget = budget;
  pool.format();
  return pool;
}

/** Which pages are taken, as the model knows it. */
class PoolModel {
  readonly pool: PagePool;
  readonly singles: number[] = [];
  readonly runs = new Map<number, number>();
  /** First page and order. */
  readonly slabs: [number, number][] = [];
  private readonly owner: string[] = Array.from({ length: PAGES }, () => '');

  constructor(budget: number) {
    this.pool = makePool(budget);
  }

  get used(): number {
    return this.pool.overhead + this.owner.filter((owner) => owner !== '').length;
  }

  take(): void {
    const page = this.pool.take(PAGE_SLAB);
    if (page === 0) {
      expect(this.used).toBe(this.pool.budget);
      return;
    }
    this.own(page, 1, 'single');
    this.singles.push(page);
  }

  free(n: number): void {
    if (this.singles.length === 0) return;
    const [page] = this.singles.splice(n % this.singles.length, 1);
    this.pool.free(page);
    this.owner[page] = '';
  }

  takeSlab(order: number): void {
    const first = this.pool.takeSlab(order);
    if (first === 0) {
      expect(this.used + (1 << order) > this.pool.budget || !this.hasFreeAligned(1 << order)).toBe(true);
      return;
    }
    expect(first % (1 << order)).toBe(0);
    this.own(first, 1 << order, 'slab');
    this.slabs.push([first, order]);
    expect(this.pool.kind(first)).toBe(PAGE_SLAB);
    for (let page = first + 1; page < first + (1 << order); page++) expect(this.pool.kind(page)).toBe(PAGE_SLAB_TAIL);
  }

  freeSlab(n: number): void {
    if (this.slabs.length === 0) return;
    const [[first, order]] = this.slabs.splice(n % this.slabs.length, 1);
    this.pool.freeSlab(first, order);
    this.owner.fill('', first, first + (1 << order));
  }

  takeRun(count: number): void {
    const start = this.pool.takeRun(count);
    if (start === 0) {
      expect(this.used + count > this.pool.budget || !this.hasFree(count)).toBe(true);
      return;
    }
    this.own(start, count, 'run');
    this.runs.set(start, count);
  }

  resizeRun(n: number, count: number): void {
    const start = [...this.runs.keys()][n % Math.max(1, this.runs.size)];
    if (start === undefined) return;
    const old = this.runs.get(start) as number;
    if (!this.pool.resizeRun(start, count)) {
      expect(count).toBeGreaterThan(old);
      return;
    }
    for (let page = start; page < start + old; page++) this.owner[page] = '';
    this.own(start, count, 'run');
    this.runs.set(start, count);
  }

  freeRun(n: number): void {
    const start = [...this.runs.keys()][n % Math.max(1, this.runs.size)];
    if (start === undefined) return;
    this.pool.freeRun(start);
    this.owner.fill('', start, start + (this.runs.get(start) as number));
    this.runs.delete(start);
  }

  check(): void {
    expect(this.pool.used).toBe(this.used);
    expect(this.pool.used).toBeLessThanOrEqual(this.pool.budget);
    for (let page = this.pool.firstPage; page < this.pool.highWater; page++) {
      expect(this.pool.kind(page) === PAGE_FREE).toBe(this.owner[page] === '');
    }
    for (const [start, count] of this.runs) expect(this.pool.runPages(start)).toBe(count);
  }

  private own(start: number, count: number, owner: string): void {
    for (let page = start; page < start + count; page++) {
      expect(page).toBeGreaterThanOrEqual(this.pool.firstPage);
      expect(page).toBeLessThan(PAGES);
      expect(this.owner[page]).toBe('');
      this.owner[page] = owner;
    }
  }

  private hasFreeAligned(count: number): boolean {
    for (let first = 0; first + count <= PAGES; first += count) {
      const pages = Array.from({ length: count }, (_, i) => first + i);
      if (pages.every((page) => page >= this.pool.firstPage && this.owner[page] === '')) return true;
    }
    return false;
  }

  private hasFree(count: number): boolean {
    let length = 0;
    for (let page = this.pool.firstPage; page < PAGES; page++) {
      length = this.owner[page] === '' ? length + 1 : 0;
      if (length === count) return true;
    }
    return false;
  }
}

describe('any history', () => {
  const index = fc.nat(100);
  const lengths = fc.integer({ min: 2, max: 12 });
  const orders = fc.integer({ min: 1, max: 4 });
  const steps = fc.oneof(
    { weight: 4, arbitrary: fc.constant((model: PoolModel): void => model.take()) },
    {
      weight: 3,
      arbitrary: index.map(
        (n) =>
          (model: PoolModel): void =>
            model.free(n),
      ),
    },
    {
      weight: 3,
      arbitrary: orders.map(
        (order) =>
          (model: PoolModel): void =>
            model.takeSlab(order),
      ),
    },
    {
      weight: 3,
      arbitrary: index.map(
        (n) =>
          (model: PoolModel): void =>
            model.freeSlab(n),
      ),
    },
    {
      weight: 3,
      arbitrary: lengths.map(
        (count) =>
          (model: PoolModel): void =>
            model.takeRun(count),
      ),
    },
    {
      weight: 2,
      arbitrary: index.map(
        (n) =>
          (model: PoolModel): void =>
            model.freeRun(n),
      ),
    },
    {
      weight: 3,
      arbitrary: fc.tuple(index, lengths).map(
        ([n, count]) =>
          (model: PoolModel): void =>
            model.resizeRun(n, count),
      ),
    },
  );

  test('no page is handed out twice, and the budget is kept', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: SHARD_PAGES_MIN, max: PAGES }),
        fc.array(steps, { maxLength: 150, size: 'max' }),
        (budget, history) => {
          const model = new PoolModel(budget);
          for (const step of history) {
            step(model);
            model.check();
          }
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('single pages', () => {
  test('the budget ends them, and raising it gives more', () => {
    const pool = makePool(20);
    let taken = 0;
    while (pool.take(PAGE_SLAB) !== 0) taken++;
    expect(taken).toBe(20 - pool.overhead);
    pool.budget = 25;
    while (pool.take(PAGE_SLAB) !== 0) taken++;
    expect(pool.used).toBe(25);
    pool.budget = 1000;
    expect(pool.budget).toBe(PAGES);
  });

  test('a lowered budget lets a page be taken for one that was freed, and no more, until it is kept', () => {
    const pool = makePool(30);
    const pages: number[] = [];
    for (let page = pool.take(PAGE_SLAB); page !== 0; page = pool.take(PAGE_SLAB)) pages.push(page);
    const free = (): void => pool.free(pages.pop() as number);
    pool.budget = 25;
    expect([pool.used, pool.available, pool.take(PAGE_SLAB)]).toEqual([30, 0, 0]);
    free();
    expect(pool.available).toBe(1);
    expect(pool.take(PAGE_SLAB)).not.toBe(0);
    expect(pool.take(PAGE_SLAB)).toBe(0);
    free();
    pool.settle();
    expect([pool.used, pool.available, pool.takeRun(1)]).toEqual([29, 0, 0]);
    for (let i = 0; i < 4; i++) free();
    // Now it is kept, and for good.
    expect([pool.used, pool.available]).toEqual([25, 0]);
    free();
    expect([pool.used, pool.available]).toEqual([24, 1]);
  });

  test('a page that was freed is taken again before memory is touched that never was', () => {
    const pool = makePool();
    const page = pool.take(PAGE_SLAB);
    pool.take(PAGE_SLAB);
    const mark = pool.highWater;
    pool.free(page);
    expect(pool.take(PAGE_SLAB)).toBe(page);
    expect(pool.highWater).toBe(mark);
  });

  test('freeing a page twice is a mistake that is noticed', () => {
    const pool = makePool();
    const page = pool.take(PAGE_SLAB);
    pool.free(page);
    expect(() => pool.free(page)).toThrow('freed twice');
  });

  test('format makes everything free and keeps the budget', () => {
    const pool = makePool(30);
    pool.takeRun(5);
    while (pool.take(PAGE_SLAB) !== 0);
    pool.format();
    expect(pool.used).toBe(pool.overhead);
    expect(pool.budget).toBe(30);
    for (let page = pool.firstPage; page < PAGES; page++) expect(pool.kind(page)).toBe(PAGE_FREE);
    let taken = 0;
    while (pool.take(PAGE_SLAB) !== 0) taken++;
    expect(taken).toBe(30 - pool.overhead);
  });
});

describe('slabs of several pages', () => {
  test('a hole that is as large and aligned is used, one that is not aligned is not', () => {
    const pool = makePool(96, 96);
    const slabs = [pool.takeSlab(2), pool.takeSlab(2), pool.takeSlab(2)];
    pool.freeSlab(slabs[1], 2);
    expect(pool.takeSlab(2)).toBe(slabs[1]);
    pool.freeSlab(slabs[1], 2);
    while (pool.take(PAGE_SLAB) !== slabs[1]);
    expect(pool.takeSlab(2)).toBeGreaterThan(slabs[2]);
  });

  test('an extent is taken whole, and its pages can be used one by one when it is given back', () => {
    const pool = makePool(96, 96);
    const slab = pool.takeSlab(5);
    expect(slab).toBe(32);
    expect(pool.takeSlab(5)).toBe(64);
    expect(pool.takeSlab(5)).toBe(0);
    pool.freeSlab(slab, 5);
    for (let i = 0; i < 32; i++) expect(pool.take(PAGE_SLAB)).not.toBe(0);
  });

  test('freeing one twice is a mistake that is noticed', () => {
    const pool = makePool();
    const slab = pool.takeSlab(2);
    pool.freeSlab(slab, 2);
    expect(() => pool.freeSlab(slab, 2)).toThrow('not a slab');
  });
});

describe('runs', () => {
  test('a hole that is just as long is used', () => {
    const pool = makePool();
    const runs = [pool.takeRun(4), pool.takeRun(3), pool.takeRun(4)];
    pool.freeRun(runs[1]);
    expect(pool.takeRun(3)).toBe(runs[1]);
  });

  test('a hole that is too short is not', () => {
    const pool = makePool();
    const runs = [pool.takeRun(4), pool.takeRun(3), pool.takeRun(4)];
    pool.freeRun(runs[1]);
    expect(pool.takeRun(4)).toBeGreaterThan(runs[2]);
  });

  test('free pages below the mark and untouched ones behind it make one run', () => {
    const pool = makePool();
    const last = pool.takeRun(PAGES - pool.firstPage - 2);
    pool.freeRun(last);
    const most = PAGES - pool.firstPage;
    expect(pool.takeRun(most)).toBe(last);
    expect(pool.kind(last)).toBe(PAGE_RUN);
  });

  test('one becomes longer where it stands only if nothing is behind it', () => {
    const pool = makePool();
    const run = pool.takeRun(3);
    const page = pool.take(PAGE_SLAB);
    expect(pool.resizeRun(run, 4)).toBe(false);
    expect(pool.resizeRun(run, 2)).toBe(true);
    expect(pool.resizeRun(run, 3)).toBe(true);
    pool.free(page);
    expect(pool.resizeRun(run, 10)).toBe(true);
    expect(pool.runPages(run)).toBe(10);
    expect(pool.resizeRun(run, PAGES)).toBe(false);
  });
});

describe('size of the tables', () => {
  test('the directory has at least two entries a page, and the first pages hold all tables', () => {
    for (const pages of [SHARD_PAGES_MIN, 100, 1024, 32_768]) {
      const pool = new PagePool(new SharedArrayBuffer(pages * PAGE_BYTES));
      expect(directoryEntriesMax(pages)).toBeGreaterThanOrEqual(2 * pages);
      expect(pool.directoryWord * 4 + directoryEntriesMax(pages) * 4).toBeLessThanOrEqual(pool.tableWord * 4);
      expect(pool.tableWord * 4 + pages * 32).toBeLessThanOrEqual(pool.firstPage * PAGE_BYTES);
      expect(pool.firstPage).toBeLessThan(pages / 4 + 4);
    }
  });

  test('a buffer that is too small is refused', () => {
    expect(() => new PagePool(new SharedArrayBuffer(PAGE_BYTES))).toThrow('too small');
  });
});

describe('what is withheld', () => {
  test('lowers the limit and not the budget, and a budget that is set begins without', () => {
    const pool = makePool();
    pool.withhold(10);
    expect([pool.budget, pool.limit]).toEqual([PAGES, PAGES - 10]);
    while (pool.take(PAGE_SLAB) !== 0);
    expect(pool.used).toBe(PAGES - 10);
    expect(pool.takeRun(2)).toBe(0);
    pool.withhold(PAGES);
    expect(pool.limit).toBe(SHARD_PAGES_MIN);
    pool.withhold(0);
    expect(pool.take(PAGE_SLAB)).not.toBe(0);
    pool.withhold(5);
    pool.budget = PAGES - 1;
    expect(pool.limit).toBe(PAGES - 1);
  });
});
