/**
 * The two queues of the policies that count frequency (keystone and lfu), kept without any list.
 *
 * The idea is that of S3-FIFO: a new item is on *probation*, in a short queue; who is asked for again there is promoted to the *main* queue, where
 * an item that was used since it was last considered goes round once more. Most items are asked for once only, and leave without having displaced
 * anything; a small memory of those that have left (ghosts.ts) lets one that comes back go to the main queue at once.
 *
 * A queue is no more than a clock, and the time at which an item entered:
 *
 * ```
 *  clock of a queue: bytes that have ever entered it        an item's stamp: the clock when it entered, 11 bits
 *  age of an item = clock - stamp                           the front of the queue: whoever is oldest of a sample
 * ```
 *
 * So a hit writes two bits and no link, items can move, and any thread can count. The two queues are compared by one measure, the age; that of
 * the probation queue counts tenfold, which makes it about a tenth of the whole.
 *
 * A stamp's unit is a 128th of the budget, so that stamps are told apart for sixteen turnovers of the memory.
 *
 * ```
 *  access word:  keystone  | main 1 | frequency 2 | marks 5 | stamp 11 | minutes 13          |
 *                lfu       | main 1 | frequency 2 | marks 5 | stamp 11 | period 5 | counter 8 |
 * ```
 */

import type { PagePool } from '../memory/page-pool.js';

const STAMP_SHIFT = 13;
const STAMP_VALUES = 2048;
const STAMP_BITS = (STAMP_VALUES - 1) << STAMP_SHIFT;
const FREQUENCY_ONE = 1 << 29;
const FREQUENCY_BITS = 3 << 29;
const MAIN = 1 << 31;
const QUEUE_BITS = STAMP_BITS | FREQUENCY_BITS | MAIN;
/** Accesses on probation that make an item one for the main queue. */
const PROMOTING = 2 * FREQUENCY_ONE;
/** What a unit of age on probation counts, beside one in the main queue. */
const PROBATION_WEIGHT = 10;
/** An item that was left behind for twelve turnovers is left over from another time: however small, it is not worth keeping. */
const STALE_UNITS = 1536;
const STALE_WEIGHT = 256;

/** Bytes are counted in sixteens, so that a clock of 32 bits goes far. */
const BYTES_SHIFT = 4;
/** log2 of the bytes of a page, less BYTES_SHIFT, less log2 of the units (128) in the budget. */
const UNIT_SHIFT = 16 - BYTES_SHIFT - 7;

// Words of the shard's header.
const PROBATION_CLOCK = 14;
const MAIN_CLOCK = 15;

export class Queues {
  private readonly pool: PagePool;
  private readonly words: Int32Array;

  constructor(pool: PagePool) {
    this.pool = pool;
    this.words = pool.words;
  }

  /** An item of `bytes` enters the probation queue, or (`main`) the main queue. Returns its queue bits. */
  enter(bytes: number, main: boolean): number {
    const clock = main ? MAIN_CLOCK : PROBATION_CLOCK;
    this.words[clock] += (bytes + 15) >>> BYTES_SHIFT;
    return this.stamp(clock) | (main ? MAIN : 0);
  }

  /** Access word after one more access. */
  hit(word: number): number {
    return (word & FREQUENCY_BITS) === FREQUENCY_BITS ? word : word + FREQUENCY_ONE;
  }

  /** How old an item is in its queue, so that ages of both queues compare. */
  age(word: number): number {
    const main = (word & MAIN) !== 0;
    const now = this.stamp(main ? MAIN_CLOCK : PROBATION_CLOCK);
    const units = (((now - (word & STAMP_BITS)) & STAMP_BITS) >>> STAMP_SHIFT) + 1;
    const age = units < STALE_UNITS ? units : units * STALE_WEIGHT;
    return main ? age : age * PROBATION_WEIGHT;
  }

  /** Whether the item at the front of its queue is to go on: into the main queue, or round once more. */
  mayStay(word: number): boolean {
    const frequency = word & FREQUENCY_BITS;
    return (word & MAIN) !== 0 ? frequency !== 0 : frequency >= PROMOTING;
  }

  /** Access word of an item of `bytes` that goes on: at the end of the main queue, with one chance less. */
  goesOn(word: number, bytes: number): number {
    const frequency = (word & MAIN) !== 0 ? (word & FREQUENCY_BITS) - FREQUENCY_ONE : 0;
    return (word & ~QUEUE_BITS) | this.enter(bytes, true) | frequency;
  }

  /** Whether the item is on probation. */
  isOnProbation(word: number): boolean {
    return (word & MAIN) === 0;
  }

  private stamp(clock: number): number {
    const shift = UNIT_SHIFT + (31 - Math.clz32(this.pool.budget | 1));
    return ((this.words[clock] >>> shift) << STAMP_SHIFT) & STAMP_BITS;
  }
}
