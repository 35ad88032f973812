/**
 * A shard's lock: one word in its header.
 *
 * ```
 *  0                                     free
 *  waiters (1 bit) | generation 14 bits | slot + 1 (8 bits)       held, and by whom
 * ```
 *
 * A taker spins briefly, then waits on the word. Critical sections are short and never wait for anything, so a lock that is held for
 * milliseconds is held by a thread that is descheduled, or dead. A waiter asks the registry, and takes the lock of a dead thread over. If that thread
 * worked on this shard, the waiter is told so: the shard may be torn, and must be reset before it is used.
 */

import type { ThreadRegistry } from './thread-registry.js';

const WAITERS = 1 << 30;
const SPINS = 100;
const WAIT_MS = 2;

/** Header word of the lock: in the cache line of the hits and misses, so that a look-up takes one line from other processors, and not two. */
export const LOCK_WORD = 16;

export class ShardLock {
  private readonly words: Int32Array;
  private readonly registry: ThreadRegistry;
  private readonly me: number;
  /** The shard, as the registry's `noteWork` names it. */
  readonly place: number;

  constructor(words: Int32Array, registry: ThreadRegistry, identity: number, place: number) {
    this.words = words;
    this.registry = registry;
    this.me = identity;
    this.place = place;
  }

  /**
   * Takes the lock.
   * @returns false when it was taken over from a thread that died working on the shard: it must be reset
   */
  acquire(): boolean {
    if (Atomics.compareExchange(this.words, LOCK_WORD, 0, this.me) === 0) return true;
    return this.acquireSlowly();
  }

  /** Takes the lock if that needs no waiting. Returns false when it is held. */
  tryAcquire(): boolean {
    return Atomics.compareExchange(this.words, LOCK_WORD, 0, this.me) === 0;
  }

  /** Gives the lock up. Returns whether somebody waited for it. */
  release(): boolean {
    if ((Atomics.exchange(this.words, LOCK_WORD, 0) & WAITERS) === 0) return false;
    Atomics.notify(this.words, LOCK_WORD, 1);
    return true;
  }

  /** Whether this thread holds it. */
  get heldByMe(): boolean {
    return (Atomics.load(this.words, LOCK_WORD) & ~WAITERS) === this.me;
  }

  private acquireSlowly(): boolean {
    const words = this.words;
    for (let spin = 0; spin < SPINS; spin++) {
      if (Atomics.load(words, LOCK_WORD) === 0 && Atomics.compareExchange(words, LOCK_WORD, 0, this.me) === 0)
        return true;
    }
    for (;;) {
      const held = Atomics.load(words, LOCK_WORD);
      if (held === 0) {
        // Others may be waiting still: keep the bit, one needless notify is the price.
        if (Atomics.compareExchange(words, LOCK_WORD, 0, this.me | WAITERS) === 0) return true;
        continue;
      }
      const waited = held | WAITERS;
      if (held !== waited && Atomics.compareExchange(words, LOCK_WORD, held, waited) !== held) continue;
      if (Atomics.wait(words, LOCK_WORD, waited, WAIT_MS) !== 'timed-out') continue;
      if (!this.registry.isDead(held & ~WAITERS)) continue;
      if (Atomics.compareExchange(words, LOCK_WORD, waited, this.me | WAITERS) === waited)
        return !this.registry.workedOn(held & ~WAITERS, this.place);
    }
  }
}
