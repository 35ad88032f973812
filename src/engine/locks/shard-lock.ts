/**
 * A shard's lock: one word in its header, which holds a sequence while it is free, for those who read without the lock.
 *
 * ```
 *  word 16   0 | sequence (31 bits)                                               free
 *            1 | waiters (1 bit) | quiet (1 bit) | generation 14 | slot + 1 (8)   held, and by whom
 *  word 17   the sequence of the last time that it was free
 * ```
 *
 * A taker spins briefly, then waits on the word. Critical sections are short and never wait for anything, so a lock that is held for
 * milliseconds is held by a thread that is descheduled, or dead. A waiter asks the registry, and takes the lock of a dead thread over. If that thread
 * worked on this shard, the waiter is told so: the shard may be torn, and must be reset before it is used.
 *
 * **Reading without the lock.** The word is a seqlock: who gives the lock up raises the sequence. A *quiet* holder, who keeps others from the lock but writes
 * nothing that a reader makes anything of, does not, and readers need not mind it.
 *
 * ```
 *  writer                           reader
 *  W1  word = me                    R1  word = free, s?    (quiet: s = word 17, then the word once more: not held otherwise?)   else not now
 *  W2  look at the word             R2  read the shard
 *  W3  change the shard             R3  fence
 *  W4  word 17 = s + 1              R4  word = free, s?    (quiet: word 17 = s?)   else R2 is worth nothing
 *  W5  word = free, s + 1
 * ```
 *
 * Why that is enough. Of a turn that had ended at R1, everything is seen: who sees what W5 wrote, or what was written to the word after it, sees what came before W5.
 * Of any other turn, let R2 see something of W3. It was written after W1, so R4 sees the word as W1 made it or later: held; or free with a higher sequence;
 * or held quietly, and then word 17 is higher, by a W4 that came before a W5 that came before. When R1 met a quiet holder, s may be what a W4 wrote whose W5 is still to
 * come: but that turn's W1 was before it, so the second look sees the lock held, or W5.
 *
 * This needs W1 before W3, W3 and W4 before W5, R1 before R2 before R4. Compilers keep plain and atomic accesses in order in the code they make. Of processors, x86 keeps
 * these orders anyway. Arm64 keeps behind an atomic load what follows it, before an atomic store what precedes it, and atomic accesses in their order;
 * so W5 and R1 are as they should be. W3 may overtake W1's store: hence W2, an atomic load. And R4 may overtake R2: hence R3, an atomic store to a word of
 * the thread's own. JavaScript's memory model promises less, but that each word that is read is one that somebody wrote there.
 *
 * The sequence comes round after 2^31 turns: a reader would have to be held up for minutes, and for exactly so many.
 */

import type { ThreadRegistry } from './thread-registry.js';

const HELD = 1 << 31;
const WAITERS = 1 << 30;
const QUIET = 1 << 29;
const FLAGS = WAITERS | QUIET;
const SEQUENCE_MASK = 0x7fffffff;
const SPINS = 100;
const WAIT_MS = 2;

/** Header word of the lock: in the cache line of the hits and misses, so that a look-up takes one line from other processors, and not two. */
export const LOCK_WORD = 16;
/** Header word of the sequence, while the lock is held too. */
export const SEQUENCE_WORD = 17;

/** In the place of a sequence: somebody may be changing the shard. */
export const NOT_NOW = -1;

/** Whether the processor lets loads overtake loads, and stores stores. */
const NEEDS_FENCES = process.arch !== 'x64' && process.arch !== 'ia32';
/** What the reader's fence writes to. Nobody reads it. */
const fence = new Int32Array(new SharedArrayBuffer(4));

export class ShardLock {
  private readonly words: Int32Array;
  private readonly registry: ThreadRegistry;
  /** The lock word while this thread has the lock. */
  private readonly mine: number;
  /** The shard, as the registry's `noteWork` names it. */
  readonly place: number;

  constructor(words: Int32Array, registry: ThreadRegistry, identity: number, place: number) {
    this.words = words;
    this.registry = registry;
    this.mine = identity | HELD;
    this.place = place;
  }

  /**
   * Takes the lock.
   * @returns false when it was taken over from a thread that died working on the shard: it must be reset
   */
  acquire(): boolean {
    if (this.tryAcquire()) return true;
    return this.acquireSlowly();
  }

  /** Takes the lock if that needs no waiting. Returns false when it is held. */
  tryAcquire(): boolean {
    const word = this.words[LOCK_WORD];
    return word >= 0 && this.exchange(word, this.mine);
  }

  /** Takes the lock, if that needs no waiting, for nothing that matters to those who read without it. */
  tryAcquireQuietly(): boolean {
    const word = this.words[LOCK_WORD];
    return word >= 0 && this.exchange(word, this.mine | QUIET);
  }

  /** Gives the lock up. Returns whether somebody waited for it. */
  release(): boolean {
    const words = this.words;
    if ((words[LOCK_WORD] & QUIET) === 0) words[SEQUENCE_WORD] = (words[SEQUENCE_WORD] + 1) & SEQUENCE_MASK;
    if ((Atomics.exchange(words, LOCK_WORD, words[SEQUENCE_WORD]) & WAITERS) === 0) return false;
    Atomics.notify(words, LOCK_WORD, 1);
    return true;
  }

  /** Whether this thread holds it. */
  get heldByMe(): boolean {
    return (Atomics.load(this.words, LOCK_WORD) & ~FLAGS) === this.mine;
  }

  /** Whether it is held quietly. */
  get isQuiet(): boolean {
    return isQuiet(Atomics.load(this.words, LOCK_WORD));
  }

  /** Begins to read without the lock. Returns the sequence, for `isUnchanged`, or NOT_NOW. */
  beginRead(): number {
    const word = Atomics.load(this.words, LOCK_WORD);
    return word >= 0 ? word : this.beginBesideQuiet(word);
  }

  /** Whether nobody has changed the shard since `beginRead` returned this sequence, so that what was read is true. */
  isUnchanged(sequence: number): boolean {
    if (NEEDS_FENCES) Atomics.store(fence, 0, 0);
    const word = Atomics.load(this.words, LOCK_WORD);
    return word === sequence || (isQuiet(word) && Atomics.load(this.words, SEQUENCE_WORD) === sequence);
  }

  /** The sequence, while this thread has the lock and has changed nothing. */
  get sequence(): number {
    return this.words[SEQUENCE_WORD];
  }

  private beginBesideQuiet(word: number): number {
    if (!isQuiet(word)) return NOT_NOW;
    const sequence = Atomics.load(this.words, SEQUENCE_WORD);
    const now = Atomics.load(this.words, LOCK_WORD);
    return now >= 0 || isQuiet(now) ? sequence : NOT_NOW;
  }

  private acquireSlowly(): boolean {
    const words = this.words;
    for (let spin = 0; spin < SPINS; spin++) {
      const word = Atomics.load(words, LOCK_WORD);
      if (word >= 0 && this.exchange(word, this.mine)) return true;
    }
    for (;;) {
      const held = Atomics.load(words, LOCK_WORD);
      if (held >= 0) {
        // Others may be waiting still: keep the bit, one needless notify is the price.
        if (this.exchange(held, this.mine | WAITERS)) return true;
        continue;
      }
      const waited = held | WAITERS;
      if (held !== waited && Atomics.compareExchange(words, LOCK_WORD, held, waited) !== held) continue;
      if (Atomics.wait(words, LOCK_WORD, waited, WAIT_MS) !== 'timed-out') continue;
      const holder = held & ~(HELD | FLAGS);
      if (!this.registry.isDead(holder)) continue;
      // Who held it quietly changed nothing that could be torn.
      if (this.exchange(waited, this.mine | WAITERS))
        return isQuiet(waited) || !this.registry.workedOn(holder, this.place);
    }
  }

  /** Makes the lock word this thread's, if it is what is expected. */
  private exchange(expected: number, mine: number): boolean {
    const words = this.words;
    if (Atomics.compareExchange(words, LOCK_WORD, expected, mine) !== expected) return false;
    // W2 above: it is never anything else.
    return !NEEDS_FENCES || Atomics.load(words, LOCK_WORD) < 0;
  }
}

/** Whether a lock word says that the lock is held by somebody whom readers need not mind. */
function isQuiet(word: number): boolean {
  return word < 0 && (word & QUIET) !== 0;
}
