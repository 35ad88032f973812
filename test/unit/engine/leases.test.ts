/** Leases: one of all who miss a key makes its value; a winner that dies is replaced; a value that was read before a change never gets in after it. */

import { describe, expect, test } from 'vitest';
import { clearMarks, expiryOf, MARK_LEASED, MARK_STALE, marksOf } from '../../../src/engine/item.js';
import {
  acquire,
  endLease,
  grantLease,
  holdsLease,
  invalidate,
  isLeased,
  LEASE_HELD,
  LEASE_HIT,
  LEASE_MS_MAX,
  LEASE_NO_MEMORY,
  LEASE_WON,
  Lease,
} from '../../../src/engine/leases.js';
import { randomKey } from '../../../src/engine/random-item.js';
import { tendShard } from '../../../src/engine/upkeep.js';
import { auditKeyspace } from './audit.js';
import { SmallCache } from './small-cache.js';

const LEASE_MS = 3000;
const TICK_MS = 1000;

class Leased extends SmallCache {
  readonly lease = new Lease();

  acquire(name: string, leaseMs = LEASE_MS, earlyMs = 0): number {
    const { shard, hash, key, internal } = this.at(name);
    return acquire(shard, hash, key, 0, key.length, internal, leaseMs, earlyMs, this.now, this.lease);
  }

  /** What a client with the last token would do. */
  fill(name: string, value: string, low = this.lease.low, high = this.lease.high): boolean {
    if (!holdsLease(this.at(name).shard, this.find(name), low, high)) return false;
    return this.set(name, value);
  }

  invalidate(name: string, deadline = 0): number {
    return invalidate(this.at(name).shard, this.find(name), deadline);
  }

  /** Whether the last `acquire` found a value. */
  hasValue(name: string): boolean {
    return this.lease.hasValue(this.at(name).shard);
  }
}

function cache(policy: 'noeviction' | 'allkeys-lfu' = 'noeviction'): Leased {
  return new Leased({ shards: 2, megabytes: 8, policy });
}

describe('a key that is not there', () => {
  test('is leased to the first who asks, until it is filled', () => {
    const c = cache();
    expect(c.acquire('k')).toBe(LEASE_WON);
    expect(c.hasValue('k')).toBe(false);
    const { low, high } = c.lease;
    for (let i = 0; i < 1000; i++) expect(c.acquire('k')).toBe(LEASE_HELD);
    expect(c.hasValue('k')).toBe(false);
    expect(c.fill('k', 'value', low, high)).toBe(true);
    expect(c.acquire('k')).toBe(LEASE_HIT);
    expect(c.get('k')?.value).toBe('value');
    auditKeyspace(c.keyspace);
  });

  test('is leased again when the winner is late, who is not let in then', () => {
    const c = cache();
    c.acquire('k');
    const { low, high } = c.lease;
    c.advance(LEASE_MS - 1);
    expect(c.acquire('k')).toBe(LEASE_HELD);
    c.advance(1);
    expect(c.fill('k', 'late', low, high)).toBe(false);
    expect(c.acquire('k')).toBe(LEASE_WON);
    expect(c.fill('k', 'late', low, high)).toBe(false);
    expect(c.fill('k', 'new')).toBe(true);
    expect(c.get('k')?.value).toBe('new');
  });

  test('is leased again when the winner gives the lease back, or the key is deleted', () => {
    const c = cache();
    c.acquire('k');
    endLease(c.at('k').shard, c.find('k'));
    expect(c.find('k')).toBe(0);
    expect(c.acquire('k')).toBe(LEASE_WON);
    const { low, high } = c.lease;
    expect(c.remove('k')).toBe(true);
    expect(c.fill('k', 'old', low, high)).toBe(false);
    expect(c.acquire('k')).toBe(LEASE_WON);
    expect(c.invalidate('k')).toBe(0);
    expect(c.fill('k', 'old')).toBe(false);
    auditKeyspace(c.keyspace);
  });

  test('has a lease of five minutes at most', () => {
    const c = cache();
    c.acquire('k', Number.MAX_SAFE_INTEGER);
    c.advance(LEASE_MS_MAX - 1);
    expect(c.acquire('k')).toBe(LEASE_HELD);
    c.advance(1);
    expect(c.acquire('k')).toBe(LEASE_WON);
  });

  test('is not leased without memory for it', () => {
    const c = new Leased({ shards: 1, megabytes: 1 });
    let stored = 0;
    while (c.set(`key:${stored}`, 'v'.repeat(1000))) stored++;
    let small = 0;
    while (c.set(`small:${small}`, '')) small++;
    expect(c.acquire('one more')).toBe(LEASE_NO_MEMORY);
    expect(c.find('one more')).toBe(0);
  });
});

describe('a placeholder is no key', () => {
  /** Keys, keys with a deadline, and items. */
  const counts = (c: Leased): number[] => {
    auditKeyspace(c.keyspace);
    return [c.keyspace.size(0), c.keyspace.expiring(0), c.keyspace.items(0)];
  };

  test('until it is written', () => {
    const c = cache();
    c.acquire('k');
    expect(counts(c)).toEqual([0, 0, 1]);
    c.keyspace.leave();
    expect(randomKey(c.keyspace, 0)).toBeUndefined();
    c.fill('k', '');
    expect(counts(c)).toEqual([1, 0, 1]);
    c.acquire('l');
    c.set('l', 'in another cell'.repeat(100), 0, c.now + 1000);
    expect(counts(c)).toEqual([2, 1, 2]);
    c.acquire('m');
    c.at('m').shard.changed(c.find('m'));
    expect(counts(c)).toEqual([3, 2, 3]);
    expect(c.keyspace.figures()).toMatchObject({ keys: 3, items: 3 });
  });

  test('whose deadline is to be kept: it was the lease’s', () => {
    const c = cache();
    c.acquire('k');
    c.set('k', 'v', 0, -1);
    expect(c.get('k')).toMatchObject({ value: 'v', expiry: 0 });
    expect(counts(c)).toEqual([1, 0, 1]);
  });

  test('however it goes', () => {
    const c = new Leased({ shards: 1, megabytes: 4 });
    for (const name of ['expired', 'deleted', 'given back', 'copied over', 'renamed over']) c.acquire(name);
    c.set('first source', 'v');
    expect(counts(c)).toEqual([1, 0, 6]);
    c.remove('deleted');
    endLease(c.at('given back').shard, c.find('given back'));
    expect(counts(c)).toEqual([1, 0, 4]);
    const { shard, internal } = c.at('first source');
    const over = (name: string): [number, Uint8Array, number, number, number] => {
      const { hash, key } = c.at(name);
      return [hash, key, 0, key.length, internal];
    };
    expect(shard.relocation.addCopy(shard, c.find('first source'), ...over('copied over'))).toBe(true);
    expect(counts(c)).toEqual([2, 0, 4]);
    expect(shard.relocation.rename(c.find('first source'), ...over('renamed over'))).toBe(true);
    expect(counts(c)).toEqual([2, 0, 3]);
    c.advance(LEASE_MS);
    expect(c.find('expired')).toBe(0);
    expect(counts(c)).toEqual([2, 0, 2]);
    c.acquire('flushed');
    c.set('elsewhere', 'v', 1);
    c.keyspace.leave();
    c.keyspace.flushDatabase(0);
    expect(counts(c)).toEqual([0, 0, 0]);
    while (tendShard(c.keyspace, shard));
    expect(counts(c)).toEqual([0, 0, 0]);
    expect(c.keyspace.figures()).toMatchObject({ keys: 1, items: 1 });
  });
});

describe('a value that is no longer right', () => {
  test('is served while one makes a new one', () => {
    const c = cache();
    c.set('k', 'old');
    expect(c.invalidate('k')).not.toBe(0);
    expect(c.acquire('k')).toBe(LEASE_WON);
    const { low, high } = c.lease;
    expect(c.hasValue('k')).toBe(true);
    expect(c.acquire('k')).toBe(LEASE_HELD);
    expect(c.hasValue('k')).toBe(true);
    expect(c.fill('k', 'new', low, high)).toBe(true);
    expect(c.acquire('k')).toBe(LEASE_HIT);
    const item = c.find('k');
    expect(marksOf(c.at('k').shard.words, item) & (MARK_STALE | MARK_LEASED)).toBe(0);
    auditKeyspace(c.keyspace);
  });

  test.each(['noeviction', 'allkeys-lfu'] as const)('finds another winner when the first is late (%s)', (policy) => {
    const c = cache(policy);
    c.set('k', 'old', 0, c.now + 10 * LEASE_MS_MAX);
    c.invalidate('k');
    c.acquire('k');
    const { low, high } = c.lease;
    c.advance(LEASE_MS - 1);
    expect(c.acquire('k')).toBe(LEASE_HELD);
    c.advance(TICK_MS + 1);
    expect(c.acquire('k')).toBe(LEASE_WON);
    expect(c.fill('k', 'late', low, high)).toBe(false);
    expect(c.get('k')?.value).toBe('old');
    expect(c.fill('k', 'new')).toBe(true);
  });

  test('finds another winner whenever somebody asks, however long nobody did', () => {
    for (let after = LEASE_MS + TICK_MS; after < 3 * 1024 * TICK_MS; after += 7919) {
      const c = cache();
      c.set('k', 'old');
      c.invalidate('k');
      c.acquire('k');
      c.advance(after);
      expect(c.acquire('k'), `${after} ms later`).toBe(LEASE_WON);
    }
  });

  test('changes once more: who makes a value already is not let in', () => {
    const c = cache();
    c.set('k', 'old');
    c.invalidate('k');
    c.acquire('k');
    const { low, high } = c.lease;
    c.invalidate('k');
    expect(c.fill('k', 'wrong', low, high)).toBe(false);
    expect(c.acquire('k')).toBe(LEASE_WON);
    expect(c.fill('k', 'wrong', low, high)).toBe(false);
    expect(c.fill('k', 'new')).toBe(true);
  });

  test('goes when its time has come, sooner if that is wanted, and never later', () => {
    const c = cache();
    c.set('k', 'old', 0, c.now + 10_000);
    c.invalidate('k', c.now + 20_000);
    expect(c.get('k')?.expiry).toBe(c.now + 10_000);
    c.invalidate('k', c.now + 5000);
    expect(c.get('k')?.expiry).toBe(c.now + 5000);
    c.set('l', 'old');
    c.invalidate('l', c.now + 5000);
    c.advance(5000);
    expect([c.find('k'), c.find('l')]).toEqual([0, 0]);
    expect(c.acquire('k')).toBe(LEASE_WON);
    expect(c.hasValue('k')).toBe(false);
  });

  test('is lent again when the lease is given back', () => {
    const c = cache();
    c.set('k', 'old');
    c.invalidate('k');
    c.acquire('k');
    endLease(c.at('k').shard, c.find('k'));
    expect(c.acquire('k')).toBe(LEASE_WON);
    expect(c.get('k')?.value).toBe('old');
  });
});

describe('a value that is about to expire', () => {
  test('is made anew by one, and good for all others', () => {
    const c = cache();
    c.set('k', 'v', 0, c.now + 10_000);
    expect(c.acquire('k', LEASE_MS, 4000)).toBe(LEASE_HIT);
    c.advance(7000);
    expect(c.acquire('k', LEASE_MS, 2000)).toBe(LEASE_HIT);
    expect(c.acquire('k', LEASE_MS, 4000)).toBe(LEASE_WON);
    const { low, high } = c.lease;
    expect(c.hasValue('k')).toBe(true);
    expect(c.acquire('k', LEASE_MS, 4000)).toBe(LEASE_HIT);
    expect(c.fill('k', 'w', low, high)).toBe(true);
    expect(c.acquire('k', LEASE_MS, 4000)).toBe(LEASE_HIT);
  });
});

describe('the end of a lease', () => {
  test('stays with the item when it gets a version or another deadline', () => {
    const c = cache();
    c.set('k', 'v');
    const { shard } = c.at('k');
    let item = grantLease(shard, c.find('k'), LEASE_MS, c.now);
    item = shard.giveVersion(item);
    item = shard.setExpiry(item, c.now + 2 ** 45);
    expect(expiryOf(shard.words, item)).toBe(c.now + 2 ** 45);
    expect(isLeased(shard, item, c.now)).toBe(true);
    c.advance(LEASE_MS + TICK_MS);
    expect(isLeased(shard, item, c.now)).toBe(false);
    expect(c.get('k')).toMatchObject({ value: 'v', expiry: c.now - LEASE_MS - TICK_MS + 2 ** 45 });
    auditKeyspace(c.keyspace);
  });

  test('leaves a deadline of 63 bits where there is no lease, and brings it within 53 where there is', () => {
    const c = cache();
    const far = 2 ** 63 - 1024;
    c.set('k', 'v', 0, far);
    expect(c.get('k')?.expiry).toBe(far);
    const { shard } = c.at('k');
    const item = grantLease(shard, c.find('k'), LEASE_MS, c.now);
    const kept = 2 ** 53 - 1024;
    expect(c.get('k')?.expiry).toBe(kept);
    expect(isLeased(shard, item, c.now)).toBe(true);
    shard.setExpiry(item, far);
    expect(c.get('k')?.expiry).toBe(kept);
    shard.setExpiry(item, 0);
    expect([c.get('k')?.expiry, isLeased(shard, item, c.now)]).toEqual([0, true]);
    c.set('k', 'w', 0, far);
    expect(c.get('k')?.expiry).toBe(far);
    auditKeyspace(c.keyspace);
  });

  test('does not outlive the mark', () => {
    const c = cache();
    c.set('k', 'v');
    const { shard } = c.at('k');
    const item = grantLease(shard, c.find('k'), LEASE_MS, c.now);
    clearMarks(shard.words, item, MARK_LEASED);
    expect(isLeased(shard, item, c.now)).toBe(false);
  });
});
