/** Slabs of several adjacent pages: what larger items are kept in where there are many of a size, and how their pages come and go. */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Random } from '../../../src/base/random.js';
import { POLICIES, type PolicyName } from '../../../src/engine/control.js';
import { expiryOf, keyLength, keyOffset } from '../../../src/engine/item.js';
import { EXTENT_PAGES } from '../../../src/engine/memory/extents.js';
import {
  CELL_BYTES,
  CLASSES,
  IS_WIDE,
  PAGE_BYTES,
  TIGHT_BYTES_MAX,
  TIGHT_FROM,
  tightClassOf,
} from '../../../src/engine/memory/size-classes.js';
import { bestOrder, leastOrder, NO_SLAB } from '../../../src/engine/memory/slab-choice.js';
import { slabCells } from '../../../src/engine/memory/slabs.js';
import { FakeKernel } from './fake-kernel.js';
import { ModelledCache, type ModelOptions } from './modelled-cache.js';

const MIB = 2 ** 20;
/** Header, deadline, and the keys that the tests have. */
const BESIDE_VALUE = 12 + 8 + 16;

class WideCache extends ModelledCache {
  constructor(options: Partial<ModelOptions> & { policy: PolicyName; megabytes: number }) {
    super({ shards: 1, seed: 3, ...options });
  }

  get shard() {
    return this.keyspace.shards[0];
  }

  get usedBytes(): number {
    return this.keyspace.figures().usedBytes;
  }

  /** Pages of slabs of several pages. */
  get widePages(): number {
    return this.slabs().reduce((sum, { pages }) => sum + (pages > 1 ? pages : 0), 0);
  }

  /** All slabs of wide classes. */
  slabs(): { slab: number; pages: number; sizeClass: number; live: number }[] {
    const { pool, slabs } = this.shard;
    const found = [];
    for (let page = pool.firstPage; page < pool.highWater; page++) {
      if (pool.kind(page) !== 2 || !IS_WIDE[slabs.pageClass(page)]) continue;
      const pages = 1 << slabs.slabOrder(page);
      found.push({ slab: page, pages, sizeClass: slabs.pageClass(page), live: slabs.liveCells(page) });
    }
    return found;
  }

  /** Byte offset of every item in a slab of several pages, by its key. */
  places(): Map<string, number> {
    const { words, bytes, slabs } = this.shard;
    const places = new Map<string, number>();
    for (const { slab, pages, sizeClass } of this.slabs()) {
      if (pages === 1) continue;
      for (let item = slab * PAGE_BYTES; item < slabs.slabEnd(slab); item += CELL_BYTES[sizeClass]) {
        if (words[item >>> 2] === 0) continue;
        const at = keyOffset(words, item);
        places.set(Buffer.from(bytes.slice(at, at + keyLength(words, item))).toString(), item);
      }
    }
    return places;
  }

  fill(prefix: string, count: number, length: number, ttl = 0): void {
    for (let i = 0; i < count; i++) this.set(`${prefix}:${i}`, length, ttl);
  }
}

const makeCache = (policy: PolicyName, megabytes: number, more: Partial<ModelOptions> = {}): WideCache =>
  new WideCache({ policy, megabytes, ...more });

describe('sizes', () => {
  test('the tight class of an item is the smallest wide one that holds it', () => {
    const wide = CELL_BYTES.filter((_, sizeClass) => IS_WIDE[sizeClass]);
    expect(new Set(CELL_BYTES).size).toBe(CLASSES);
    for (const bytes of [TIGHT_FROM + 1, 4132, 4136, 4137, 20_000, 65_536, 65_537, TIGHT_BYTES_MAX])
      expect(CELL_BYTES[tightClassOf(bytes)]).toBe(wide.find((cell) => cell >= bytes));
  });

  test('values of a power of two lose next to nothing, others three percent at most, up to a page', () => {
    for (let value = 4096; value < 65_536; value *= 2)
      expect(CELL_BYTES[tightClassOf(value + BESIDE_VALUE)] - value - BESIDE_VALUE).toBeLessThanOrEqual(8);
    for (let bytes = TIGHT_FROM + 1; bytes < 64_000; bytes += 41)
      expect(CELL_BYTES[tightClassOf(bytes)] / bytes).toBeLessThan(1.033);
  });

  test('the slabs are the larger, the more items there are; and few items have none', () => {
    for (const bytes of [4136, 10_276, 40_996, 71_716]) {
      const sizeClass = tightClassOf(bytes);
      const itemPages = bytes > PAGE_BYTES ? 2 : 1 / Math.floor(PAGE_BYTES / bytes);
      let before = NO_SLAB;
      for (let items = 1; items < 1e6; items *= 2) {
        const least = leastOrder(sizeClass, items, itemPages);
        const order = bestOrder(sizeClass, items);
        expect(least).toBeLessThanOrEqual(order);
        if (least === NO_SLAB) continue;
        expect(order).toBeGreaterThanOrEqual(before);
        // What is saved is more than what a slab has.
        expect(items * itemPages - (items << least) / slabCells(sizeClass, least)).toBeGreaterThan(2);
        before = order;
      }
      expect(before).toBeGreaterThanOrEqual(3);
      expect(leastOrder(sizeClass, 3, itemPages)).toBe(NO_SLAB);
    }
  });
});

describe('what an item takes', () => {
  test.each([
    [4096, 6000, 48],
    [10_240, 3000, 400],
    [20_480, 1500, 700],
    [40_960, 800, 1500],
    [71_680, 500, 2500],
  ])('%i bytes: %i items cost at most %i bytes more each', (length, count, most) => {
    const cache = makeCache('noeviction', 64);
    const before = cache.usedBytes - cache.keyspace.figures().segments * PAGE_BYTES;
    cache.fill('key', count, length);
    const { usedBytes, segments } = cache.keyspace.figures();
    // A last slab that is hardly filled is not what an item costs.
    const bytes = usedBytes - segments * PAGE_BYTES - before - EXTENT_PAGES * PAGE_BYTES;
    expect(bytes / count - length).toBeLessThan(most);
    expect(cache.widePages).toBeGreaterThan(0);
    cache.checkAll();
  });

  test('single items of many sizes have no slabs of their own', () => {
    const cache = makeCache('noeviction', 64);
    for (let i = 0; i < 300; i++) cache.set(`key:${i}`, 4200 + i * 200, 0);
    expect(cache.widePages).toBe(0);
    cache.checkAll();
  });

  test('one item that comes and goes does not look like many', () => {
    const cache = makeCache('noeviction', 16);
    for (let i = 0; i < 2000; i++) {
      cache.set('key', 40_000 + (i % 2) * 40_000, 0);
      cache.remove('key');
    }
    cache.set('key', 40_000, 0);
    expect(cache.widePages).toBe(0);
  });
});

describe('an item that is written anew', () => {
  test.each([4096, 30_000, 70_000])('stays in its cell, wherever in a slab it begins (%i bytes)', (length) => {
    const cache = makeCache('noeviction', 64);
    cache.fill('key', Math.ceil((24 * MIB) / length), length);
    const before = cache.places();
    expect(before.size).toBeGreaterThan(200);
    for (const change of ['write', 'resize', 'expire']) {
      for (const name of before.keys()) {
        if (change === 'write') cache.set(name, length - 5, 0);
        else if (change === 'resize') cache.resize(name, length - 20);
        else cache.expire(name, 10_000);
      }
      expect(cache.places()).toEqual(before);
    }
    cache.checkAll();
  });

  test('leaves it when it is much shorter, or longer', () => {
    const cache = makeCache('noeviction', 64);
    cache.fill('key', 400, 70_000);
    const [name, ...others] = [...cache.places().keys()];
    cache.set(name, 100, 0);
    cache.resize(others[0], 50_000);
    cache.resize(others[1], 600_000);
    expect([...cache.places().keys()].sort()).toEqual(others.slice(2).sort());
    cache.checkAll();
  });
});

/** One random step: a few sizes, so that there are many of each. */
function step(cache: WideCache, random: Random, sizes: readonly number[]): void {
  const name = `key:${random.below(700)}`;
  const length = random.below(6) === 0 ? random.below(2000) : sizes[random.below(sizes.length)] - random.below(30);
  const what = random.below(100);
  if (what < 50) cache.set(name, length, random.below(3) === 0 ? 1 + random.below(20_000) : 0);
  else if (what < 60) cache.get(name);
  else if (what < 68) cache.remove(name);
  else if (what < 74) cache.expire(name, random.below(2) * random.below(20_000));
  else if (what < 80) cache.resize(name, length);
  else if (what < 84) cache.pin(name, random.below(3) === 0);
  else if (what < 86) cache.set(`large:${random.below(3)}`, 200_000 + random.below(800_000), 0);
  else if (what < 95) cache.advance(random.below(300));
  else cache.tend();
}

describe('any history', () => {
  test.each(POLICIES)('%s', (policy) => {
    let seen = 0;
    fc.assert(
      fc.property(fc.integer(), fc.constantFrom(8, 14), (seed, megabytes) => {
        const cache = makeCache(policy, megabytes, { seed, reserveMegabytes: 16 });
        const random = new Random(seed, 5);
        for (const sizes of [
          [4096, 65_500],
          [40_000, 10_000],
          [20_000, 140_000, 4096],
        ]) {
          for (let i = 0; i < 1200; i++) step(cache, random, sizes);
          cache.checkAll();
          seen += cache.widePages;
          if (sizes.length === 2) cache.budget(random.below(2) === 0 ? megabytes : 6);
          cache.checkAll();
        }
      }),
      { numRuns: 4, endOnFailure: true },
    );
    expect(seen).toBeGreaterThan(0);
  });
});

describe('a full cache', () => {
  test.each(POLICIES.filter((policy) => policy !== 'noeviction'))(
    '%s: no write costs more than some slabs, whatever its size',
    (policy) => {
      const cache = makeCache(policy, 40, { seed: 8 });
      const random = new Random(8);
      // Around the end of a page, and sizes of which there are many.
      const usual = [4096, 64_735, 65_500, 67_000, 140_000, 30_000];
      let most = 0;
      for (let i = 0; i < 6000; i++) {
        if (i % 100 === 0) cache.advance(1000);
        const length = random.below(3) === 0 ? 1 + random.below(2 ** (6 + random.below(13))) : usual[random.below(6)];
        const before = cache.shard.ledger.itemBytes;
        expect(cache.set(`key:${random.below(5000)}`, length, 1e9)).toBe(true);
        most = Math.max(most, before - cache.shard.ledger.itemBytes);
      }
      expect(cache.widePages).toBeGreaterThan(0);
      expect(most).toBeLessThan(8 * MIB);
      cache.checkAll();
    },
  );

  test.each(['allkeys-lru', 'allkeys-keystone', 'allkeys-random', 'volatile-lru'] as const)(
    '%s: sizes shift from 100 bytes to 10 KB and back',
    { timeout: 120_000 },
    (policy) => {
      const cache = makeCache(policy, 24);
      cache.fill('small', 200_000, 100, 1e9);
      expect(cache.widePages).toBe(0);
      for (let round = 0; round < 6; round++) {
        cache.advance(100_000);
        cache.fill('large', 1500, 10_000, 1e9);
      }
      const { widePages } = cache;
      expect(widePages * PAGE_BYTES).toBeGreaterThan(3 * MIB);
      cache.checkAll();
      for (let round = 0; round < 6; round++) {
        cache.advance(100_000);
        cache.fill('again', 150_000, 100, 1e9);
      }
      expect(cache.widePages).toBeLessThan(widePages / 2);
      cache.checkAll();
      if (policy.startsWith('allkeys')) expect(cache.refused).toBe(0);
    },
  );

  test('large values find room among slabs of several pages', () => {
    const cache = makeCache('allkeys-lru', 24);
    cache.fill('key', 1000, 40_000);
    expect(cache.widePages * PAGE_BYTES).toBeGreaterThan(10 * MIB);
    for (let i = 0; i < 5; i++) expect(cache.set(`large:${i}`, (i + 1) * MIB, 0)).toBe(true);
    for (let i = 0; i < 5; i++) expect(cache.has(`large:${i}`)).toBe(true);
    expect(cache.widePages).toBeGreaterThan(0);
    cache.checkAll();
  });

  test('under noeviction, windows are cleared for large values where items have room elsewhere', () => {
    const cache = makeCache('noeviction', 32);
    let stored = 0;
    while (cache.set(`key:${stored}`, 20_000, 0)) stored++;
    const random = new Random(4);
    for (let i = 0; i < stored; i++) if (random.below(2) === 0) cache.remove(`key:${i}`);
    expect(cache.widePages).toBeGreaterThan(200);
    for (let i = 0; i < 3; i++) expect(cache.set(`large:${i}`, 2 * MIB, 0)).toBe(true);
    cache.checkAll();
  });

  test('comes under a lowered limit', () => {
    for (const policy of ['allkeys-lru', 'allkeys-keystone', 'volatile-ttl'] as const) {
      const cache = makeCache(policy, 32);
      cache.fill('key', 8000, 4096, 1e9);
      cache.fill('wide', 200, 70_000, 1e9);
      expect(cache.widePages).toBeGreaterThan(100);
      expect(cache.budget(10)).toBe(true);
      expect(cache.size).toBeGreaterThan(500);
      cache.checkAll();
      cache.fill('more', 1000, 4096, 1e9);
      cache.checkAll();
    }
  });

  test('has pinned items of a slab moved when its pages are wanted', () => {
    const cache = makeCache('allkeys-keystone', 32);
    cache.fill('key', 6000, 4096);
    const names = cache.names.filter((_, i) => i % 300 === 0);
    for (const name of names) cache.pin(name, true);
    for (let i = 0; i < 12; i++) expect(cache.set(`large:${i}`, 2 * MIB, 0)).toBe(true);
    for (const name of names) expect(cache.has(name)).toBe(true);
    cache.checkAll();
  });
});

describe('expiry', () => {
  test('items go when they are due, and no others, wherever in a slab they begin', () => {
    for (const length of [4096, 30_000, 100_000]) {
      const cache = makeCache('noeviction', 64);
      const count = Math.floor((40 * MIB) / length);
      const random = new Random(9);
      for (let i = 0; i < count; i++) cache.set(`key:${i}`, length, 1 + random.below(10_000));
      expect(cache.widePages * PAGE_BYTES).toBeGreaterThan(20 * MIB);
      for (let now = 0; now < 10_000; now += 500) {
        cache.advance(500);
        while (cache.tend());
        const { pool, slabs, words } = cache.shard;
        for (let page = pool.firstPage; page < pool.highWater; page++) {
          if (pool.kind(page) !== 2) continue;
          const size = CELL_BYTES[slabs.pageClass(page)];
          for (let item = page * PAGE_BYTES; item < slabs.slabEnd(page); item += size)
            if (words[item >>> 2] !== 0) expect(expiryOf(words, item)).toBeGreaterThan(cache.now);
        }
        cache.checkAll();
      }
      expect(cache.size).toBe(0);
      expect(cache.shard.slabs.classPages(tightClassOf(length + BESIDE_VALUE))).toBe(0);
    }
  });

  test('a database that is emptied leaves the slabs of the others', () => {
    const cache = makeCache('noeviction', 32);
    for (let i = 0; i < 3000; i++) cache.set(`key:${i}`, 4096, 0, i % 2);
    cache.flush(0);
    while (cache.tend());
    expect(cache.size).toBe(1500);
    cache.checkAll();
  });
});

describe('a thread that died', () => {
  test('leaves a shard that is reset, slabs of several pages included', () => {
    const cache = makeCache('noeviction', 32);
    const empty = cache.usedBytes;
    cache.fill('key', 3000, 4096);
    expect(cache.widePages).toBeGreaterThan(0);
    const { slab } = cache.slabs().find(({ pages }) => pages > 1) as { slab: number };
    // Half of a slab's pages were given back.
    cache.shard.words[cache.shard.pool.entry(slab + 1)] = 0;
    cache.shard.resetTorn();
    expect(cache.usedBytes).toBe(empty);
    cache.flushAll();
    cache.fill('key', 3000, 4096);
    cache.checkAll();
  });
});

describe('tidying', () => {
  const pass = (cache: WideCache, seconds: number): void => {
    for (let i = 0; i < seconds * 10; i++) {
      cache.advance(100);
      for (let slices = 0; slices < 50; slices++) cache.tend();
    }
  };

  /** Sets items of 4 KiB until one of them begins a large slab. */
  const beginSlab = (cache: WideCache): { slab: number; pages: number } => {
    for (let i = 0; ; i++) {
      cache.fill(`${cache.usedBytes}:${i}`, 1, 4096);
      const begun = cache.slabs().find(({ pages, live }) => pages >= 16 && live === 1);
      if (begun !== undefined) return begun;
    }
  };

  test('gathers the items of sparse slabs, and their memory goes back to the system', () => {
    const cache = makeCache('noeviction', 64, { advice: new FakeKernel() });
    cache.fill('key', 8000, 4096);
    const random = new Random(6);
    for (let i = 0; i < 8000; i++) if (random.below(10) < 7) cache.remove(`key:${i}`);
    const sparse = cache.usedBytes;
    pass(cache, 12);
    const after = cache.keyspace.figures();
    expect(after.usedBytes).toBeLessThan(sparse / 2);
    expect(after.givenBackBytes).toBeGreaterThan(8 * MIB);
    cache.checkAll();
  });

  test('gives back the end of a slab that is not filled further, and fills it later', () => {
    const kernel = new FakeKernel();
    const cache = makeCache('noeviction', 64, { advice: kernel });
    const { slab, pages } = beginSlab(cache);
    const end = `discard ${slab + 1} ${pages - 1}`;
    // Not while it is being filled.
    kernel.calls.length = 0;
    const isGivenBack = (): boolean => kernel.calls.some((call) => call.startsWith('discard'));
    for (let look = 0; look < 3; look++) {
      pass(cache, 0.1);
      cache.fill(`more:${look}`, 1, 4096);
    }
    expect(isGivenBack()).toBe(false);
    pass(cache, 0.3);
    expect(kernel.calls.filter((call) => call.startsWith('discard'))).toEqual([end]);
    cache.checkAll();
    // Only once.
    kernel.calls.length = 0;
    pass(cache, 1);
    expect(isGivenBack()).toBe(false);
    const extent = slab - (slab % EXTENT_PAGES);
    beginSlab(cache);
    expect(kernel.calls).toContain(`huge ${extent} ${EXTENT_PAGES}`);
    cache.checkAll();
  });

  test('takes a slab whose end was given back for what it is, when it is emptied', () => {
    const cache = makeCache('noeviction', 64, { advice: new FakeKernel() });
    const { slab, pages } = beginSlab(cache);
    pass(cache, 0.3);
    const before = cache.keyspace.figures();
    const last = [...cache.places()].find(([, item]) => item === slab * PAGE_BYTES);
    cache.remove(last?.[0] as string);
    const after = cache.keyspace.figures();
    expect(before.usedBytes - after.usedBytes).toBe(pages * PAGE_BYTES);
    expect(after.freeResidentBytes - before.freeResidentBytes).toBe(PAGE_BYTES);
    cache.checkAll();
    beginSlab(cache);
    cache.checkAll();
  });

  test('moves the last few items of a large slab into a smaller one', () => {
    const cache = makeCache('noeviction', 64, { advice: new FakeKernel() });
    const empty = cache.usedBytes;
    cache.fill('key', 8000, 4096);
    const [largest] = cache.slabs().sort((a, b) => b.pages - a.pages);
    expect(largest.pages).toBeGreaterThanOrEqual(16);
    for (let i = 0; i < 7990; i++) cache.remove(`key:${i}`);
    pass(cache, 12);
    const { usedBytes, segments } = cache.keyspace.figures();
    expect(usedBytes - empty).toBeLessThanOrEqual(segments * PAGE_BYTES + 2 * PAGE_BYTES);
    cache.checkAll();
  });
});
