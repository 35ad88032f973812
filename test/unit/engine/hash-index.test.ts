/** The index by itself, against a Map from item to hash: hashes are chosen here, so that buckets overflow and segments split at will. */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Random } from '../../../src/base/random.js';
import { directoryEntriesMax, PagePool } from '../../../src/engine/memory/page-pool.js';
import { PAGE_BYTES } from '../../../src/engine/memory/size-classes.js';
import { HashIndex, HOME_ENTRIES_MAX, SEGMENT_BUCKETS } from '../../../src/engine/table/hash-index.js';

const PAGES = 64;
const BUCKET_WORDS = 16;
const PASSED_MAX = 15;
/** Items need not exist: an address is as good as any other. */
const ITEM = 8;

class IndexModel {
  readonly pool: PagePool;
  readonly index: HashIndex;
  readonly hashes = new Map<number, number>();
  private nextItem = ITEM;

  constructor(budget = PAGES) {
    const pages = Math.max(PAGES, budget);
    this.pool = new PagePool(new SharedArrayBuffer(pages * PAGE_BYTES));
    this.pool.budget = budget;
    this.pool.format();
    this.index = new HashIndex(this.pool, directoryEntriesMax(pages));
    this.index.format();
  }

  /** Returns the item, or 0 when the index has no room. */
  insert(hash: number): number {
    if (!this.index.reserve(hash)) return 0;
    const item = (this.nextItem += ITEM);
    this.index.insert(hash, item);
    this.hashes.set(item, hash);
    return item;
  }

  remove(item: number): void {
    const entry = this.index.findItem(this.hashes.get(item) as number, item);
    this.index.remove(entry);
    this.hashes.delete(item);
  }

  move(item: number): number {
    const hash = this.hashes.get(item) as number;
    const to = (this.nextItem += ITEM);
    this.index.replace(this.index.findItem(hash, item), to);
    this.hashes.delete(item);
    this.hashes.set(to, hash);
    return to;
  }

  join(position: number): void {
    this.index.join(position % (1 << this.index.depth));
  }

  /** Joins whatever can be. */
  joinAll(): void {
    for (let position = 0; position < 1 << this.index.depth; ) {
      if (!this.index.join(position)) position = this.index.rangeEnd(position);
    }
  }

  check(): void {
    for (const [item, hash] of this.hashes) {
      const entry = this.index.findItem(hash, item);
      if (entry === 0 || this.index.itemAt(entry) !== item || this.index.hashAt(entry) !== hash) {
        throw new Error(`item ${item} with hash ${hash} is not found`);
      }
    }
    const walked = this.walk();
    expect(walked.length).toBe(this.hashes.size);
    expect(new Set(walked).size).toBe(this.hashes.size);
    this.checkPassed();
  }

  /** Items in the order of a scan: by directory position, then by home bucket. */
  walk(): number[] {
    const { index } = this;
    const found = new Int32Array(HOME_ENTRIES_MAX);
    const items: number[] = [];
    for (let position = 0; position < 1 << index.depth; position = index.rangeEnd(position)) {
      for (let bucket = 0; bucket < SEGMENT_BUCKETS; bucket++) {
        const count = index.entriesOfHome(position, bucket, found);
        for (const entry of found.subarray(0, count)) items.push(index.itemAt(entry));
      }
    }
    return items;
  }

  /** Each bucket counts the entries that went past it. */
  private checkPassed(): void {
    const { index, pool } = this;
    for (let position = 0; position < 1 << index.depth; position = index.rangeEnd(position)) {
      const segment = index.bucketAt(position, 0);
      const passed = new Int32Array(SEGMENT_BUCKETS);
      for (let bucket = 0; bucket < SEGMENT_BUCKETS; bucket++) {
        for (let i = 0; i < BUCKET_WORDS; i += 2) {
          const entry = segment + bucket * BUCKET_WORDS + i;
          if (index.itemAt(entry) === 0) continue;
          const home = index.hashAt(entry) & (SEGMENT_BUCKETS - 1);
          for (let at = home; at !== bucket; at = (at + 1) % SEGMENT_BUCKETS) passed[at]++;
        }
      }
      for (let bucket = 0; bucket < SEGMENT_BUCKETS; bucket++) {
        const counter = pool.words[segment + bucket * BUCKET_WORDS + 1] >>> 28;
        if (counter < PASSED_MAX) expect(counter).toBe(passed[bucket]);
      }
    }
  }
}

describe('growth', () => {
  test('a segment splits alone, and every entry is found at every size', () => {
    const model = new IndexModel();
    const random = new Random(1);
    for (let count = 1; count <= 120_000; count++) {
      expect(model.insert(random.nextInt32()) === 0).toBe(false);
      if (count % 20_000 === 0) model.check();
    }
    expect(model.index.segments()).toBeGreaterThanOrEqual(Math.ceil(120_000 / (SEGMENT_BUCKETS * 8)));
    expect(model.index.segments()).toBeLessThan(40);
  });

  test('hashes that differ in their last bits only split as deep as the directory goes, then are refused', () => {
    const model = new IndexModel();
    let stored = 0;
    // All belong to one segment however often it splits.
    while (model.insert(stored & 0x3fff) !== 0) stored++;
    expect(stored).toBeGreaterThan(0.85 * SEGMENT_BUCKETS * 8);
    expect(model.index.depth).toBe(Math.log2(directoryEntriesMax(PAGES)));
    model.check();
  });

  test('the same hash is held as often as the home bucket and those in reach have room', () => {
    const model = new IndexModel();
    let stored = 0;
    while (model.insert(0x12345678) !== 0) stored++;
    expect(stored).toBe(HOME_ENTRIES_MAX);
    model.check();
    for (const item of [...model.hashes.keys()]) model.remove(item);
    model.check();
    expect(model.insert(0x12345678)).not.toBe(0);
  });

  test('without pages a full index refuses, and takes more when there are some', () => {
    const model = new IndexModel(20);
    const random = new Random(2);
    let hash = random.nextInt32();
    while (model.insert(hash) !== 0) hash = random.nextInt32();
    expect(model.pool.used).toBe(20);
    model.check();
    model.pool.budget = 40;
    expect(model.insert(hash)).not.toBe(0);
    model.check();
  });

  test('the last bucket of a segment goes on in the first', () => {
    const model = new IndexModel();
    for (let i = 0; i < 40; i++) expect(model.insert((i << 10) | (SEGMENT_BUCKETS - 1))).not.toBe(0);
    model.check();
    const [first] = model.hashes.keys();
    model.remove(first);
    model.check();
  });
});

describe('an index that grows and shrinks', () => {
  /** Bytes of segments for an entry. */
  const bytesEach = (model: IndexModel): number => (model.index.segments() * PAGE_BYTES) / model.hashes.size;

  test('takes about as much for an entry at any size: its segments are not all full at one time', () => {
    const model = new IndexModel(2048);
    const random = new Random(4);
    let least = Infinity;
    let most = 0;
    for (let count = 1; count <= 500_000; count++) {
      model.insert(random.nextInt32());
      if (count < 100_000 || count % 1000 !== 0) continue;
      least = Math.min(least, bytesEach(model));
      most = Math.max(most, bytesEach(model));
    }
    expect(least).toBeGreaterThan(8 / 0.9);
    // With equal parts it would come to twice the least.
    expect(most).toBeLessThan(least * 1.25);
    expect(most).toBeLessThan(15);
  });

  test('joins segments until few are left, and finds every entry all the while', () => {
    const model = new IndexModel();
    const random = new Random(5);
    while (model.hashes.size < 120_000) model.insert(random.nextInt32());
    const grown = model.index.segments();
    expect(model.index.surplusSegments()).toBeLessThanOrEqual(0);
    for (const share of [0.5, 0.1, 0]) {
      for (const item of [...model.hashes.keys()]) if (random.nextUint32() >= share * 2 ** 32) model.remove(item);
      const { used } = model.pool;
      const before = model.index.segments();
      expect(model.index.surplusSegments()).toBeGreaterThan(0);
      model.joinAll();
      expect(model.index.segments()).toBeLessThan(before);
      expect(model.pool.used - used).toBe(model.index.segments() - before);
      model.check();
    }
    expect(model.index.segments()).toBe(1);
    while (model.hashes.size < 120_000) model.insert(random.nextInt32());
    expect(Math.abs(model.index.segments() - grown)).toBeLessThan(grown / 4);
    model.check();
  });

  test('leaves segments as they are that would be full, or have no neighbour', () => {
    const model = new IndexModel();
    const random = new Random(6);
    expect(model.index.join(0)).toBe(false);
    while (model.index.segments() < 2) model.insert(random.nextInt32());
    expect(model.index.join(0)).toBe(false);
    expect(model.index.join((1 << model.index.depth) - 1)).toBe(false);
    model.check();
  });

  test('leaves segments as they are whose buckets would not hold all', () => {
    const model = new IndexModel();
    const random = new Random(7);
    while (model.index.segments() < 2) model.insert(random.nextInt32());
    for (const item of [...model.hashes.keys()]) model.remove(item);
    const top = (position: number): number => position << (32 - model.index.depth);
    // More of both together have the same bucket as their home than is held there and in reach.
    for (let i = 0; i < HOME_ENTRIES_MAX - 10; i++) {
      expect(model.insert(top(0) | (i << 10) | 5)).not.toBe(0);
      expect(model.insert(top(model.index.rangeEnd(0)) | (i << 10) | 5)).not.toBe(0);
    }
    expect(model.index.join(0)).toBe(false);
    model.check();
    expect(model.index.segments()).toBe(2);
  });
});

describe('the order of a scan', () => {
  test('is by hash prefix, at every size', () => {
    const model = new IndexModel();
    const random = new Random(3);
    for (const size of [30_000, 60_000, 120_000]) {
      while (model.hashes.size < size) model.insert(random.nextInt32());
      const { index } = model;
      const found = new Int32Array(HOME_ENTRIES_MAX);
      for (let position = 0; position < 1 << index.depth; position = index.rangeEnd(position)) {
        expect(index.rangeStart(position)).toBe(position);
        for (let bucket = 0; bucket < SEGMENT_BUCKETS; bucket++) {
          const count = index.entriesOfHome(position, bucket, found);
          for (const entry of found.subarray(0, count)) {
            const prefix = index.hashAt(entry) >>> (32 - index.depth);
            if (prefix < position || prefix >= index.rangeEnd(position)) throw new Error('an entry in another range');
          }
        }
      }
      model.check();
    }
  });
});

describe('any history', () => {
  // Few prefixes, few buckets: they overflow, wrap round and split.
  const hashes = fc.oneof(
    fc.tuple(fc.nat(7), fc.nat(6)).map(([top, bucket]) => (top << 29) | ((bucket + 1020) & 1023)),
    fc.integer(),
  );
  const steps = fc.oneof(
    {
      weight: 6,
      arbitrary: hashes.map(
        (hash) =>
          (model: IndexModel): void =>
            void model.insert(hash),
      ),
    },
    {
      weight: 4,
      arbitrary: fc.nat().map((n) => (model: IndexModel): void => {
        const items = [...model.hashes.keys()];
        if (items.length > 0) model.remove(items[n % items.length]);
      }),
    },
    {
      weight: 1,
      arbitrary: fc.nat().map((n) => (model: IndexModel): void => {
        const items = [...model.hashes.keys()];
        if (items.length > 0) model.move(items[n % items.length]);
      }),
    },
    {
      weight: 1,
      arbitrary: fc.nat().map(
        (n) =>
          (model: IndexModel): void =>
            model.join(n),
      ),
    },
  );

  test('finds what was inserted and nothing else', () => {
    fc.assert(
      fc.property(fc.array(steps, { maxLength: 600, size: 'max' }), (history) => {
        const model = new IndexModel();
        for (const step of history) step(model);
        model.check();
      }),
      { numRuns: 60 },
    );
  });
});
