/** Locks and the registry of threads, with threads that died: here they are words in memory; real ones are in test/integration/threads.test.ts. */

import { afterEach, describe, expect, test } from 'vitest';
import { Clock } from '../../../src/base/clock.js';
import { Keyspace } from '../../../src/engine/keyspace.js';
import { LOCK_WORD, NOT_NOW, SEQUENCE_WORD, ShardLock } from '../../../src/engine/locks/shard-lock.js';
import { REGISTRY_WORDS, THREADS_MAX, ThreadRegistry } from '../../../src/engine/locks/thread-registry.js';
import { auditKeyspace } from './audit.js';

/** No thread of this process has it. */
const DEAD_THREAD = 0x7ffffff0;

function makeRegistry(): { words: Int32Array; registry: ThreadRegistry } {
  const words = new Int32Array(new SharedArrayBuffer(REGISTRY_WORDS * 4));
  return { words, registry: new ThreadRegistry(words, 0) };
}

/** Word index of an identity's slot: its owner, then the kernel's number of that. */
const slotOf = (identity: number): number => ((identity & 0xff) - 1) * (REGISTRY_WORDS / THREADS_MAX);

/** Makes the thread of an identity one that has ended. */
function kill(words: Int32Array, identity: number, first = 0): void {
  words[first + slotOf(identity) + 1] = DEAD_THREAD;
}

describe('registry', () => {
  test('a thread that joins is alive until it leaves', () => {
    const { registry } = makeRegistry();
    const me = registry.join();
    expect(registry.isDead(me)).toBe(false);
    expect(registry.count()).toBe(1);
    registry.leave(me);
    expect(registry.count()).toBe(0);
    const again = registry.join();
    expect(again).not.toBe(me);
    expect(registry.isDead(me)).toBe(true);
    registry.leave(again);
  });

  test('it is full when all are alive, and takes the places of those that ended without a word', () => {
    const { words, registry } = makeRegistry();
    const identities = Array.from({ length: THREADS_MAX }, () => registry.join());
    expect(new Set(identities).size).toBe(THREADS_MAX);
    expect(registry.join()).toBe(0);
    kill(words, identities[17]);
    expect(registry.isDead(identities[17])).toBe(true);
    expect(registry.count()).toBe(THREADS_MAX - 1);
    const next = registry.join();
    expect(next & 0xff).toBe(identities[17] & 0xff);
    expect(registry.isDead(next)).toBe(false);
    expect(registry.isDead(identities[17])).toBe(true);
    expect(registry.join()).toBe(0);
    registry.leave(next);
  });

  test('who frees the place of a thread that has ended does not free its next owner’s', () => {
    const { words, registry } = makeRegistry();
    const first = registry.join();
    words[slotOf(first)] = 1234 + 1;
    registry.leave(first);
    const next = registry.join();
    expect(slotOf(next)).toBe(slotOf(first));
    // The exit of a thread is heard of after it has left.
    registry.markDead(1234);
    expect(registry.isDead(next)).toBe(false);
  });

  test('a place is nobody else’s while a thread joins, and is free when that ends meanwhile', () => {
    const { words, registry } = makeRegistry();
    const identities = Array.from({ length: THREADS_MAX }, () => registry.join());
    kill(words, identities[17]);
    words[slotOf(identities[17])] = -(1234 + 1);
    expect(registry.join()).toBe(0);
    // A lock with the identity is the former owner's: who joins has none.
    expect(registry.isDead(identities[17])).toBe(true);
    registry.markDead(1234);
    expect(slotOf(registry.join())).toBe(slotOf(identities[17]));
  });

  test('generations go round, and are still told apart', () => {
    const { registry } = makeRegistry();
    let last = registry.join();
    for (let i = 0; i < 40_000; i++) {
      registry.leave(last);
      const next = registry.join();
      if (next === last || !registry.isDead(last)) throw new Error('a generation came twice in a row');
      last = next;
    }
    registry.leave(last);
  });
});

describe('lock', () => {
  test('is taken, refused to others, given back', () => {
    const { registry } = makeRegistry();
    const words = new Int32Array(new SharedArrayBuffer(128));
    const [mine, other] = [registry.join(), registry.join()].map(
      (identity) => new ShardLock(words, registry, identity, 1),
    );
    expect(mine.acquire()).toBe(true);
    expect(mine.heldByMe).toBe(true);
    expect(other.heldByMe).toBe(false);
    expect(other.tryAcquire()).toBe(false);
    mine.release();
    expect(other.acquire()).toBe(true);
    other.release();
    expect(words[LOCK_WORD]).toBeGreaterThanOrEqual(0);
  });

  test('of a dead thread is taken over, which is told', () => {
    const { words: registryWords, registry } = makeRegistry();
    const words = new Int32Array(new SharedArrayBuffer(128));
    const dead = registry.join();
    const me = new ShardLock(words, registry, registry.join(), 1);
    expect(new ShardLock(words, registry, dead, 1).acquire()).toBe(true);
    kill(registryWords, dead);
    const began = performance.now();
    expect(me.acquire()).toBe(false);
    expect(performance.now() - began).toBeLessThan(1000);
    expect(me.heldByMe).toBe(true);
    me.release();
    expect(me.acquire()).toBe(true);
    me.release();
  });

  test('has a sequence, which goes on with every turn but quiet ones', () => {
    const { registry } = makeRegistry();
    const words = new Int32Array(new SharedArrayBuffer(128));
    const [mine, other] = [registry.join(), registry.join()].map(
      (identity) => new ShardLock(words, registry, identity, 1),
    );
    // Before it comes round.
    words[SEQUENCE_WORD] = 2 ** 31 - 2;
    words[LOCK_WORD] = 2 ** 31 - 2;
    for (let turn = 0; turn < 5; turn++) {
      const { sequence } = other;
      expect(other.beginRead()).toBe(other.sequence);
      expect(other.isUnchanged(sequence)).toBe(true);
      if (turn % 2 === 0) mine.acquire();
      else expect(mine.tryAcquire()).toBe(true);
      expect(other.beginRead()).toBe(NOT_NOW);
      expect(other.isUnchanged(sequence)).toBe(false);
      mine.release();
      expect(other.beginRead()).toBe(other.sequence);
      expect(other.isUnchanged(sequence)).toBe(false);
    }
    const { sequence } = other;
    expect(mine.tryAcquireQuietly()).toBe(true);
    expect(mine.heldByMe).toBe(true);
    expect([other.tryAcquire(), other.tryAcquireQuietly()]).toEqual([false, false]);
    expect(other.beginRead()).toBe(other.sequence);
    expect(other.isUnchanged(sequence)).toBe(true);
    mine.release();
    expect(other.isUnchanged(sequence)).toBe(true);
    expect(words[LOCK_WORD]).toBe(sequence);
  });

  test('of a dead thread that had it quietly is taken over, and nothing is torn', () => {
    const { words: registryWords, registry } = makeRegistry();
    const words = new Int32Array(new SharedArrayBuffer(128));
    const dead = registry.join();
    const me = new ShardLock(words, registry, registry.join(), 1);
    expect(new ShardLock(words, registry, dead, 1).tryAcquireQuietly()).toBe(true);
    kill(registryWords, dead);
    const { sequence } = me;
    expect(me.acquire()).toBe(true);
    expect(me.heldByMe).toBe(true);
    // Whoever takes it over may change things.
    expect(me.beginRead()).toBe(NOT_NOW);
    me.release();
    expect(me.isUnchanged(sequence)).toBe(false);
  });

  test('held by the former owner of a place is not taken for its next owner’s', () => {
    const { words: registryWords, registry } = makeRegistry();
    const words = new Int32Array(new SharedArrayBuffer(128));
    const dead = registry.join();
    new ShardLock(words, registry, dead, 1).acquire();
    const me = registry.join();
    kill(registryWords, dead);
    registry.markDead(registryWords[slotOf(dead)] - 1);
    const next = registry.join();
    expect(next & 0xff).toBe(dead & 0xff);
    expect(new ShardLock(words, registry, me, 1).acquire()).toBe(false);
  });
});

describe('a keyspace whose threads die', () => {
  const open: Keyspace[] = [];
  afterEach(() => {
    for (const keyspace of open.splice(0)) keyspace.detach();
  });

  function twoThreads(): { mine: Keyspace; dead: Keyspace; die: () => void } {
    const options = { maxMemory: 2 ** 23, shards: 3, databases: 4, policy: 0 };
    const mine = Keyspace.create(options, new Clock(), Math.random);
    const dead = Keyspace.attach(mine.handle, new Clock(), Math.random);
    open.push(mine);
    return {
      mine,
      dead,
      die: () => {
        const { identity } = dead as unknown as { identity: number };
        kill(mine.control.words, identity, mine.control.registryWord);
      },
    };
  }

  function set(keyspace: Keyspace, name: string, database: number): void {
    const key = Buffer.from(name);
    const shard = keyspace.enter(keyspace.shards[keyspace.shardNumber(key, 0, key.length)]);
    const internal = keyspace.control.internal(database);
    shard.setString(shard.hash(key, 0, key.length, internal), key, 0, key.length, internal, key, 0, key.length, 0);
    keyspace.leave();
  }

  test('the shard that one was changing is reset, and counted; the others keep their keys', () => {
    const { mine, dead, die } = twoThreads();
    for (let i = 0; i < 300; i++) set(mine, `key:${i}`, 0);
    const before = mine.size(0);
    const lost = mine.shards[1].ledger.items;
    dead.enter(dead.shards[1]);
    die();
    mine.withAll(() => undefined);
    expect(mine.size(0)).toBe(before - lost);
    expect(mine.figures().resets).toBe(1);
    auditKeyspace(mine);
  });

  test('of the shards that one had locked, only that which it worked on is reset', () => {
    const { mine, dead, die } = twoThreads();
    for (let i = 0; i < 300; i++) set(mine, `key:${i}`, 0);
    const before = mine.size(0);
    const lost = mine.shards[2].ledger.items;
    for (const number of [0, 1, 2, 0, 2]) dead.enter(dead.shards[number]);
    for (const shard of dead.shards) expect(shard.lock.heldByMe).toBe(true);
    die();
    mine.withAll(() => undefined);
    expect(mine.size(0)).toBe(before - lost);
    expect(mine.figures().resets).toBe(1);
    auditKeyspace(mine);
  });

  test('of several that are kept, an operation that is broken off resets its own shard only', () => {
    const { mine } = twoThreads();
    for (let i = 0; i < 300; i++) set(mine, `key:${i}`, 0);
    const before = mine.size(0);
    const lost = mine.shards[1].ledger.items;
    for (const number of [0, 2, 1]) mine.enter(mine.shards[number]);
    mine.abandon();
    expect(mine.isBusy).toBe(false);
    expect(mine.size(0)).toBe(before - lost);
    expect(mine.figures().resets).toBe(1);
    for (const shard of mine.shards) expect(shard.lock.heldByMe).toBe(false);
  });

  test('locks are kept while nobody else wants one, and taken one by one for a while after that', () => {
    const { mine, dead: other } = twoThreads();
    mine.enter(mine.shards[0]);
    mine.enter(mine.shards[1]);
    expect(mine.shards[0].lock.heldByMe).toBe(true);
    mine.leave();
    for (const shard of mine.shards) expect(shard.lock.heldByMe).toBe(false);
    other.enter(other.shards[1]);
    mine.enter(mine.shards[0]);
    // It is held by another: to wait for it, all others are given up. Here there is nobody who would give it up meanwhile.
    expect((mine as unknown as { takeAnother: (shard: unknown) => boolean }).takeAnother(mine.shards[1])).toBe(false);
    other.leave();
    mine.enter(mine.shards[1]);
    expect(mine.shards[0].lock.heldByMe).toBe(false);
    expect(mine.shards[1].lock.heldByMe).toBe(true);
    mine.leave();
  });

  test('a shard that was not locked with the others is not entered', () => {
    const { mine } = twoThreads();
    expect(() => mine.withShards([0, 2], () => mine.enter(mine.shards[1]))).toThrow('not locked with the others');
    expect(mine.isBusy).toBe(false);
  });

  test('one that dies while it changes databases leaves none that share a number', () => {
    const { mine, dead, die } = twoThreads();
    for (let database = 0; database < 4; database++) for (let i = 0; i < 50; i++) set(mine, `key:${i}`, database);
    const words = mine.control.words;
    const DATABASES = 64;
    expect(() =>
      dead.withAll(() => {
        // As SWAPDB 0 2 is when it is half done.
        dead.control.swap(0, 2);
        words[10] = 1;
        words[DATABASES] = words[DATABASES + 1];
        die();
        // What the thread would have done next, it does not do: no lock is released.
        (dead as unknown as { heldCount: number }).heldCount = 0;
        throw new Error('ended');
      }),
    ).toThrow('ended');
    for (const shard of mine.shards) {
      mine.enter(shard);
      mine.leave();
    }
    const numbers = [0, 1, 2, 3].map((database) => mine.control.internal(database));
    expect(new Set(numbers).size).toBe(4);
    for (let database = 0; database < 4; database++) expect(mine.size(database)).toBe(0);
    for (let database = 0; database < 4; database++) set(mine, 'key', database);
    for (let database = 0; database < 4; database++) expect(mine.size(database)).toBe(1);
    auditKeyspace(mine);
  });

  test('an exception in the middle of work on several shards resets them and releases all', () => {
    const { mine } = twoThreads();
    for (let i = 0; i < 300; i++) set(mine, `key:${i}`, 0);
    const kept = mine.shards[1].ledger.items;
    expect(() =>
      mine.withShards([0, 2], () => {
        throw new Error('in the middle');
      }),
    ).toThrow('in the middle');
    expect(mine.isBusy).toBe(false);
    expect(mine.size(0)).toBe(kept);
    expect(mine.figures().resets).toBe(2);
    for (const shard of mine.shards) expect(shard.lock.heldByMe).toBe(false);
  });
});
