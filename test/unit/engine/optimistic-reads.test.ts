/**
 * Reads without the lock, with what others do in the middle of them: two keyspaces in one thread, of which one gets its turn at a chosen moment of the other's
 * read. Real threads are in test/integration/threads.test.ts.
 */

import fc from 'fast-check';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { Clock } from '../../../src/base/clock.js';
import { hashBytes } from '../../../src/base/hash.js';
import type { PolicyName } from '../../../src/engine/control.js';
import { accessOf, MARK_FETCHED, marksOf, writeHeader } from '../../../src/engine/item.js';
import { Keyspace } from '../../../src/engine/keyspace.js';
import { ABSENT, OptimisticReads, UNSURE } from '../../../src/engine/optimistic-reads.js';
import type { Shard } from '../../../src/engine/shard.js';
import { auditKeyspace } from './audit.js';
import { SmallCache } from './small-cache.js';

/** Accesses that fit into the notes of a shard. */
const NOTES = 62;
const LONGEST = 4096;

let open: Keyspace[] = [];
afterEach(() => {
  vi.restoreAllMocks();
  for (const keyspace of open) keyspace.detach();
  open = [];
});

/** A cache of one shard, which others work on, and a thread that reads it without the lock. */
class Reader {
  readonly cache: SmallCache;
  readonly keyspace: Keyspace;
  readonly shard: Shard;
  readonly reads: OptimisticReads;
  /** Called when a value has been found and not been copied. */
  beforeCopy = (): void => {};

  constructor(policy: PolicyName = 'noeviction', random: () => number = Math.random) {
    this.cache = new SmallCache({ shards: 1, megabytes: 8, policy });
    this.keyspace = Keyspace.attach(this.cache.keyspace.handle, new Clock(() => this.cache.now), random);
    this.shard = this.keyspace.shards[0];
    this.reads = new OptimisticReads(this.keyspace);
    open.push(this.cache.keyspace, this.keyspace);
  }

  /** What others do, from the lock to its release. */
  others<T>(work: (cache: SmallCache) => T): T {
    const result = work(this.cache);
    this.cache.keyspace.leave();
    return result;
  }

  set(name: string, value: string, expiry = 0): void {
    this.others((cache) => expect(cache.set(name, value, 0, expiry)).toBe(true));
  }

  /** @returns the value, ABSENT or UNSURE */
  read(name: string, database = 0): string | number {
    const { key, hash } = this.hashed(name);
    const length = this.reads.find(0, hash, key, key.length, database);
    if (length < 0) return length;
    this.beforeCopy();
    const { at } = this.reads;
    const value = Buffer.from(this.shard.bytes.slice(at, at + length)).toString('latin1');
    return this.reads.confirm() ? value : UNSURE;
  }

  look(name: string): number {
    const { key, hash } = this.hashed(name);
    return this.reads.look(0, hash, key, key.length, 0);
  }

  private hashed(name: string): { key: Buffer; hash: number } {
    const key = Buffer.from(name, 'latin1');
    return { key, hash: hashBytes(key, 0, key.length, ...this.keyspace.control.hashKey) };
  }

  /** Hits and misses as they are written down. */
  get counted(): [number, number] {
    return [this.shard.ledger.hits, this.shard.ledger.misses];
  }

  /** Access word of a key's item. */
  accessOf(name: string): number {
    return this.others((cache) => accessOf(this.shard.words, cache.find(name)));
  }
}

describe('a read without the lock', () => {
  test('finds what is there, and what is not', () => {
    const reader = new Reader();
    for (let i = 0; i < 300; i++) reader.set(`key:${i}`, `value ${i} `.repeat(i));
    for (let i = 0; i < 300; i++) expect(reader.read(`key:${i}`)).toBe(`value ${i} `.repeat(i));
    for (let i = 300; i < 400; i++) expect(reader.read(`key:${i}`)).toBe(ABSENT);
    expect(reader.read('key:1', 1)).toBe(ABSENT);
    reader.set('empty', '');
    expect(reader.read('empty')).toBe('');
    reader.set('longest', 'x'.repeat(LONGEST));
    expect(reader.read('longest')).toBe('x'.repeat(LONGEST));
  });

  test('is of one database, whatever number that has', () => {
    const reader = new Reader();
    const set = (name: string, database: number): boolean => reader.others((cache) => cache.set(name, name, database));
    set('zero', 0);
    set('one', 1);
    expect(['zero', 'one'].map((name) => reader.read(name, 1))).toEqual([ABSENT, 'one']);
    reader.others((cache) => cache.keyspace.swapDatabases(0, 1));
    expect(['zero', 'one'].map((name) => reader.read(name, 0))).toEqual([ABSENT, 'one']);
    expect(['zero', 'one'].map((name) => reader.read(name, 1))).toEqual(['zero', ABSENT]);
    reader.others((cache) => cache.keyspace.flushDatabase(1));
    expect(reader.read('zero', 1)).toBe(ABSENT);
    set('again', 1);
    expect(reader.read('again', 1)).toBe('again');
  });

  test('takes no lock', () => {
    const reader = new Reader();
    reader.set('key', 'value');
    const taken = ['acquire', 'tryAcquire', 'tryAcquireQuietly'] as const;
    const spies = taken.map((name) => vi.spyOn(reader.shard.lock, name));
    for (let i = 0; i < NOTES - 1; i++) expect(reader.read('key')).toBe('value');
    expect(reader.read('other')).toBe(ABSENT);
    expect(reader.look('key')).toBeGreaterThan(0);
    for (const spy of spies) expect(spy).not.toHaveBeenCalled();
  });

  test('cannot tell while somebody has the lock, but for one who has it quietly', () => {
    const reader = new Reader();
    reader.set('key', 'value');
    reader.cache.find('key');
    expect(reader.read('key')).toBe(UNSURE);
    expect(reader.read('none')).toBe(UNSURE);
    expect(reader.look('key')).toBe(UNSURE);
    reader.cache.keyspace.leave();
    expect(reader.read('key')).toBe('value');
    expect(reader.cache.keyspace.tryEnterQuietly(reader.cache.keyspace.shards[0])).toBe(true);
    expect(reader.read('key')).toBe('value');
    expect(reader.read('none')).toBe(ABSENT);
    reader.cache.keyspace.leave();
  });

  test('leaves what is not an ordinary string to those who have the lock', () => {
    const reader = new Reader();
    const { cache, shard } = reader;
    reader.set('long', 'x'.repeat(LONGEST + 1));
    expect(reader.read('long')).toBe(UNSURE);
    expect(reader.look('long')).toBeGreaterThan(0);
    reader.set('later', 'value', cache.now + 1000);
    expect(reader.read('later')).toBe('value');
    cache.now += 1000;
    expect(reader.read('later')).toBe(UNSURE);
    expect(reader.look('later')).toBe(UNSURE);
    reader.set('lease', '');
    reader.others(() => cache.at('lease').shard.makePlaceholder(cache.find('lease')));
    expect(reader.read('lease')).toBe(UNSURE);
    expect(reader.look('lease')).toBe(UNSURE);
    reader.set('list', 'value');
    reader.others(() => writeHeader(shard.words, cache.find('list'), 4, 5, 0, 2, false, 0));
    expect(reader.read('list')).toBe(UNSURE);
    expect(reader.look('list')).toBeGreaterThan(0);
    reader.reads.settle(true);
    expect(reader.counted).toEqual([1, 0]);
  });
});

describe('what others do in the middle of a read', () => {
  const deeds: [string, (reader: Reader) => void][] = [
    ['write the value', (reader) => reader.set('key', 'VALUE')],
    ['write a longer one', (reader) => reader.set('key', 'a longer value'.repeat(50))],
    ['remove the key', (reader) => reader.others((cache) => cache.remove('key'))],
    [
      'give its cell to another key',
      (reader) =>
        reader.others((cache) => {
          const before = cache.find('key');
          cache.remove('key');
          cache.set('yek', 'value');
          expect(cache.find('yek')).toBe(before);
        }),
    ],
    [
      'give the key a deadline',
      (reader) => reader.others((c) => c.at('key').shard.setExpiry(c.find('key'), c.now + 1)),
    ],
    ['empty the cache', (reader) => reader.others((cache) => cache.keyspace.flushAll())],
    ['empty the database beside others', (reader) => emptyBesideOthers(reader)],
    ['exchange databases', (reader) => reader.others((cache) => cache.keyspace.swapDatabases(0, 1))],
    ['reset the shard', (reader) => reader.others((cache) => cache.at('key').shard.resetTorn())],
    ['have the lock still', (reader) => void reader.cache.find('key')],
  ];

  function emptyBesideOthers(reader: Reader): void {
    reader.others((cache) => cache.set('other', 'value', 1));
    reader.others((cache) => cache.keyspace.flushDatabase(0));
  }

  /** Has others do something before the reader makes sure that nobody did anything. */
  function beforeCheck(reader: Reader, deed: () => void): void {
    const { lock } = reader.shard;
    const isUnchanged = lock.isUnchanged.bind(lock);
    vi.spyOn(lock, 'isUnchanged').mockImplementationOnce((sequence) => {
      deed();
      return isUnchanged(sequence);
    });
  }

  /** Has others do something when the reader has found the item in the index, and not looked at it. */
  function afterFinding(reader: Reader, deed: () => void): void {
    const { index } = reader.shard;
    const find = index.findUnlocked.bind(index);
    vi.spyOn(index, 'findUnlocked').mockImplementationOnce((...key) => {
      const item = find(...key);
      deed();
      return item;
    });
  }

  for (const [name, deed] of deeds) {
    test(`${name}: the reader notices`, () => {
      for (const moment of ['found', 'before the copy', 'copied']) {
        const reader = new Reader();
        reader.set('key', 'value');
        if (moment === 'found') afterFinding(reader, () => deed(reader));
        else if (moment === 'copied') beforeCheck(reader, () => deed(reader));
        else reader.beforeCopy = () => deed(reader);
        expect(reader.read('key'), moment).toBe(UNSURE);
        vi.restoreAllMocks();
        reader.cache.keyspace.leave();
        reader.reads.settle(true);
        expect(reader.counted).toEqual([0, 0]);
        auditKeyspace(reader.keyspace);
      }
    });
  }

  test('add the key that is missed: the reader notices', () => {
    const reader = new Reader();
    beforeCheck(reader, () => reader.set('key', 'value'));
    expect(reader.read('key')).toBe(UNSURE);
    expect(reader.read('key')).toBe('value');
    const other = new Reader();
    beforeCheck(other, () => other.set('key', 'value'));
    expect(other.look('key')).toBe(UNSURE);
    expect(other.look('key')).toBeGreaterThan(0);
  });

  test('remove the key that is looked for: the reader notices', () => {
    const reader = new Reader();
    reader.set('key', 'value');
    beforeCheck(reader, () => reader.others((cache) => cache.remove('key')));
    expect(reader.look('key')).toBe(UNSURE);
    expect(reader.look('key')).toBe(ABSENT);
  });

  test('have the lock quietly and then change something: the reader notices', () => {
    const reader = new Reader();
    reader.set('key', 'value');
    const [shard] = reader.cache.keyspace.shards;
    expect(reader.cache.keyspace.tryEnterQuietly(shard)).toBe(true);
    const deed = (): void => {
      reader.cache.keyspace.leave();
      reader.set('key', 'VALUE');
      expect(reader.cache.keyspace.tryEnterQuietly(shard)).toBe(true);
    };
    afterFinding(reader, deed);
    expect(reader.read('key')).toBe(UNSURE);
    expect(reader.read('key')).toBe('VALUE');
    reader.cache.keyspace.leave();
  });

  test('write down what they have read: the reader is not disturbed', () => {
    const reader = new Reader('allkeys-keystone');
    reader.set('key', 'value');
    const another = new OptimisticReads(reader.cache.keyspace);
    const key = Buffer.from('key');
    const hash = hashBytes(key, 0, key.length, ...reader.keyspace.control.hashKey);
    const readAndSettle = (): void => {
      expect(another.find(0, hash, key, key.length, 0)).toBe(5);
      expect(another.confirm()).toBe(true);
      another.settle(true);
    };
    beforeCheck(reader, readAndSettle);
    expect(reader.read('key')).toBe('value');
    reader.beforeCopy = readAndSettle;
    expect(reader.read('key')).toBe('value');
    reader.reads.settle(true);
    expect(reader.counted).toEqual([4, 0]);
  });
});

describe('what a read counts', () => {
  test('is written down by settle, all of it', () => {
    const reader = new Reader();
    for (let i = 0; i < 200; i++) reader.set(`key:${i}`, 'value');
    for (let i = 0; i < 30; i++) reader.read(`key:${i}`);
    for (let i = 0; i < 70; i++) reader.read('none');
    expect(reader.counted).toEqual([0, 0]);
    reader.reads.settle(false);
    expect(reader.counted).toEqual([30, 70]);
    for (let i = 0; i < 200; i++) reader.read(`key:${i}`);
    reader.reads.settle(false);
    reader.reads.settle(true);
    expect(reader.counted).toEqual([230, 70]);
    for (let i = 0; i < 200; i++) {
      const marks = reader.others((cache) => marksOf(reader.shard.words, cache.find(`key:${i}`)));
      expect(marks & MARK_FETCHED).toBe(MARK_FETCHED);
    }
    auditKeyspace(reader.keyspace);
  });

  test('waits for the lock when others have it, and when there is no room left the lock is waited for', () => {
    const reader = new Reader();
    for (let i = 0; i < 100; i++) reader.set(`key:${i}`, 'value');
    const { lock } = reader.shard;
    const refuse = vi.spyOn(lock, 'tryAcquireQuietly').mockReturnValue(false);
    for (let i = 0; i < NOTES; i++) expect(reader.read(`key:${i}`)).toBe('value');
    expect(refuse).toHaveBeenCalledTimes(1);
    expect(reader.keyspace.isBusy).toBe(false);
    expect(reader.read('key:99')).toBe(UNSURE);
    reader.reads.settle(false);
    expect(reader.counted).toEqual([0, 0]);
    reader.reads.settle(true);
    expect(reader.counted).toEqual([NOTES, 0]);
    expect(reader.keyspace.isBusy).toBe(false);
    refuse.mockRestore();
    for (let i = 0; i < NOTES; i++) expect(reader.read(`key:${i}`)).toBe('value');
    expect(reader.read('key:99')).toBe('value');
  });

  test('is written down by who has the lock anyway', () => {
    const reader = new Reader();
    reader.set('key', 'value');
    reader.read('key');
    reader.reads.settleHeld(reader.keyspace.enter(reader.shard), 0);
    reader.keyspace.leave();
    expect(reader.counted).toEqual([1, 0]);
  });

  test.each(['noeviction', 'allkeys-lru', 'allkeys-keystone', 'allkeys-lfu'] as const)(
    'makes the same of an access word as a read under the lock: %s',
    (policy) => {
      const [reader, locked] = [new Reader(policy, () => 0), new Reader(policy, () => 0)];
      for (const { cache } of [reader, locked]) vi.spyOn(cache.keyspace as { random: unknown }, 'random', 'get');
      for (const each of [reader, locked]) each.set('key', 'value');
      for (let step = 0; step < 40; step++) {
        for (const { cache, keyspace } of [reader, locked]) {
          cache.now += step * 700;
          keyspace.clock.tick();
        }
        for (const each of [reader, locked])
          for (let i = 0; i < 20; i++) each.set(`other:${step}:${i}`, 'x'.repeat(300));
        for (let i = 0; i < step % 4; i++) reader.read('key');
        reader.reads.settle(true);
        for (let i = 0; i < step % 4; i++) {
          const shard = locked.keyspace.enter(locked.shard);
          const { hash, key, internal } = locked.cache.at.call({ keyspace: locked.keyspace }, 'key');
          shard.read(hash, key, 0, key.length, internal);
          locked.keyspace.leave();
        }
        expect(reader.accessOf('key')).toBe(locked.accessOf('key'));
      }
      expect(reader.counted).toEqual(locked.counted);
    },
  );

  test('is of no account for an item that has made way for something else', () => {
    const reader = new Reader('allkeys-lru');
    reader.set('key', 'value');
    const item = reader.others((cache) => cache.find('key'));
    expect(reader.read('key')).toBe('value');
    reader.others((cache) => cache.remove('key'));
    reader.set('yek', 'value');
    expect(reader.others((cache) => cache.find('yek'))).toBe(item);
    reader.cache.advance(5000);
    reader.keyspace.clock.tick();
    const before = Buffer.from(reader.shard.bytes.slice(item, item + 64));
    reader.reads.settle(true);
    expect(Buffer.from(reader.shard.bytes.slice(item, item + 64))).toEqual(before);
    expect(reader.counted).toEqual([1, 0]);
    auditKeyspace(reader.keyspace);
  });

  test('is not noted where nothing would change', () => {
    const reader = new Reader('allkeys-keystone');
    reader.set('key', 'value');
    for (let i = 0; i < 5; i++) reader.set(`other:${i}`, 'x'.repeat(300_000));
    for (let i = 0; i < 10; i++) reader.read('key');
    reader.reads.settle(true);
    const touch = vi.spyOn(reader.shard, 'touch');
    for (let i = 0; i < 500; i++) expect(reader.read('key')).toBe('value');
    reader.reads.settle(true);
    expect(touch).not.toHaveBeenCalled();
    reader.cache.advance(1000);
    reader.keyspace.clock.tick();
    reader.read('key');
    reader.reads.settle(true);
    expect(touch).toHaveBeenCalledTimes(1);
  });

  test('lost what was noted when it was broken off, and goes on', () => {
    const reader = new Reader();
    reader.set('key', 'value');
    for (let i = 0; i < NOTES - 1; i++) reader.read('key');
    vi.spyOn(reader.shard, 'touch').mockImplementationOnce(() => {
      throw new Error('broken off');
    });
    expect(() => reader.read('key')).toThrow('broken off');
    expect(reader.keyspace.isBusy).toBe(true);
    reader.keyspace.abandon();
    expect(reader.shard.ledger.resets).toBe(0);
    expect(reader.read('key')).toBe(UNSURE);
    reader.reads.settle(true);
    for (let i = 0; i < 3 * NOTES; i++) expect(reader.read('key')).toBe('value');
    auditKeyspace(reader.keyspace);
  });
});

describe('an index that is anything', () => {
  test('is searched to an end, without an error', () => {
    const { keyspace } = new SmallCache({ shards: 1, megabytes: 2 });
    open.push(keyspace);
    const [shard] = keyspace.shards;
    const { index, words } = shard;
    const key = Buffer.alloc(200, 'k');
    const [segment] = [index.bucketAt(0, 0)];
    fc.assert(
      fc.property(fc.integer(), fc.nat(1023), fc.boolean(), (hash, bucket, nearEnd) => {
        const tag = (hash & ~1023) | bucket;
        for (let word = 0; word < 1024 * 16; word += 2) {
          words[segment + word] = tag;
          words[segment + word + 1] = nearEnd
            ? (((shard.bytes.length >>> 3) - ((word >>> 1) % 64)) & 0x0fffffff) | (7 << 28)
            : Math.imul(word + 1, hash | 1);
        }
        for (const length of [0, 1, 3, 16, 200]) {
          const item = index.findUnlocked(tag, key, 0, length, 0);
          expect(item).toBeGreaterThanOrEqual(0);
          expect(item).toBeLessThan(shard.bytes.length);
        }
      }),
      { numRuns: 200 },
    );
  });
});
