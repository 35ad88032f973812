/**
 * The registry of the threads that work on a cache: who holds a lock is told by a slot number, and the registry tells
 * whether that thread is still alive.
 *
 * A thread can be terminated anywhere, also while it holds a lock. Nobody tells the others at that moment, so a thread that has waited
 * a while for a lock asks: is the holder dead? On Linux each slot holds the kernel's number of the thread, and the question is whether
 * /proc/self/task/<number> is there: that needs no help from the dead, and is right a moment after it ended. Everywhere, a thread that starts
 * a worker also hears of its exit, and marks the slot.
 *
 * A slot: [owner][kernel thread number][generation][work], in a cache line of its own
 *
 * The owner is 0, or Node's number of the thread plus one; it is negative while that thread is joining and the other words may still be those of the
 * slot's previous owner. A slot is taken and freed by one exchange of this word, so who frees a dead thread's slot cannot free its next owner's. The
 * generation goes up each time the slot is taken, and is part of the lock word, so that a lock held by a slot's previous owner is not taken for its
 * next owner's.
 *
 * A thread may have the locks of several shards and work on one of them. Which one it is it notes in `work`, so that the others are not reset when it dies.
 */

import { existsSync, readlinkSync } from 'node:fs';
import { threadId, type Worker } from 'node:worker_threads';

const SLOTS = 255;
/** A cache line: each thread writes its own often. */
const SLOT_WORDS = 16;
const OWNER = 0;
const KERNEL_THREAD = 1;
const GENERATION = 2;
const WORK = 3;

const NOBODY = 0;
/** Work on all the shards that a thread has locked. */
export const EVERY_SHARD = 0;

const GENERATION_MASK = 0x3fff;

/** Words of the registry in the control block. */
export const REGISTRY_WORDS = SLOTS * SLOT_WORDS;

/** Most threads that can be attached to one cache at a time. */
export const THREADS_MAX = SLOTS;

/** Registries that this thread has joined: all hear of the end of the workers that it starts. */
const joined = new Set<ThreadRegistry>();

function onWorker(worker: Worker): void {
  const id = worker.threadId;
  worker.once('exit', () => {
    for (const registry of joined) registry.markDead(id);
  });
}

export class ThreadRegistry {
  private readonly words: Int32Array;
  private readonly first: number;

  /** @param first word index of the registry in `words` */
  constructor(words: Int32Array, first: number) {
    this.words = words;
    this.first = first;
  }

  /**
   * Takes a slot for this thread.
   * @returns the identity that goes into lock words: generation << 8 | slot + 1; 0 when all slots are taken
   */
  join(): number {
    const me = ownerOf(threadId);
    for (let pass = 0; pass < 2; pass++) {
      for (let slot = 0; slot < SLOTS; slot++) {
        const at = this.first + slot * SLOT_WORDS;
        const owner = Atomics.load(this.words, at + OWNER);
        // In the second pass nothing was free: places of threads that ended without a word are.
        if (owner !== NOBODY && (pass === 0 || this.lives(at))) continue;
        if (Atomics.compareExchange(this.words, at + OWNER, owner, -me) !== owner) continue;
        const generation = (Atomics.add(this.words, at + GENERATION, 1) + 1) & GENERATION_MASK;
        Atomics.store(this.words, at + KERNEL_THREAD, kernelThread());
        Atomics.store(this.words, at + WORK, EVERY_SHARD);
        Atomics.store(this.words, at + OWNER, me);
        if (joined.size === 0) process.on('worker', onWorker);
        joined.add(this);
        return (generation << 8) | (slot + 1);
      }
    }
    return 0;
  }

  /** Gives the slot back. The thread holds no lock. */
  leave(identity: number): void {
    joined.delete(this);
    if (joined.size === 0) process.off('worker', onWorker);
    Atomics.store(this.words, this.entry(identity) + OWNER, NOBODY);
  }

  /** Whether the thread with this identity has ended. */
  isDead(identity: number): boolean {
    const at = this.entry(identity);
    if ((Atomics.load(this.words, at + GENERATION) & GENERATION_MASK) !== identity >>> 8) return true;
    // Who is joining has no lock: it was the slot's previous owner's.
    return Atomics.load(this.words, at + OWNER) <= NOBODY || !this.lives(at);
  }

  /**
   * Word index at which a thread notes on which of the shards that it has locked it works: the shard's number, from 1 on, or EVERY_SHARD. It is a plain
   * store, made for each operation; whoever reads it has seen before that the thread has ended.
   */
  workWord(identity: number): number {
    return this.entry(identity) + WORK;
  }

  /** Whether the thread with this identity, which has ended with the lock of a shard, worked on that shard then. */
  workedOn(identity: number, place: number): boolean {
    const at = this.entry(identity);
    const work = Atomics.load(this.words, at + WORK);
    // If another thread has the slot by now, nobody knows.
    const known = (Atomics.load(this.words, at + GENERATION) & GENERATION_MASK) === identity >>> 8;
    return !known || work === EVERY_SHARD || work === place;
  }

  /** Threads attached. */
  count(): number {
    let count = 0;
    for (let slot = 0; slot < SLOTS; slot++) if (this.lives(this.first + slot * SLOT_WORDS)) count++;
    return count;
  }

  /** Notes that a thread has ended, by Node's number of it. */
  markDead(nodeThread: number): void {
    const owner = ownerOf(nodeThread);
    for (let slot = 0; slot < SLOTS; slot++) {
      const at = this.first + slot * SLOT_WORDS + OWNER;
      Atomics.compareExchange(this.words, at, owner, NOBODY);
      Atomics.compareExchange(this.words, at, -owner, NOBODY);
    }
  }

  private entry(identity: number): number {
    return this.first + ((identity & 0xff) - 1) * SLOT_WORDS;
  }

  /** Whether a slot's owner, if it has one, is a thread that has not ended. */
  private lives(at: number): boolean {
    const owner = Atomics.load(this.words, at + OWNER);
    if (owner <= NOBODY) return owner !== NOBODY;
    const thread = Atomics.load(this.words, at + KERNEL_THREAD);
    return thread === 0 || existsSync(`/proc/self/task/${thread}`);
  }
}

/** What a slot's first word says of the thread that has it. */
function ownerOf(nodeThread: number): number {
  return nodeThread + 1;
}

/** The kernel's number of this thread; 0 where there is no /proc. */
function kernelThread(): number {
  try {
    return Number(readlinkSync('/proc/thread-self').split('/').pop());
  } catch {
    return 0;
  }
}
