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
 *  clock of a queue: goes on with every byte that enters it   an item's stamp: the clock when it entered, 11 bits
 *  age of an item = clock - stamp                             the front of the queue: whoever is oldest of a sample
 * ```
 *
 * So a hit writes two bits and no link, items can move, and any thread can count. The two queues are compared by one measure, the age; that of
 * the probation queue counts twelvefold at first, which makes it less than a tenth of the whole.
 *
 * How long probation should be depends on what is asked for. Where most keys come once, short; where a key comes again once, after a while, and never
 * after that, most of the memory, because the main queue is of no use. Those who come back soon after they have left tell: when more of those that left on
 * probation do than of those that left the main queue, probation was too short for them, and grows at the main queue's cost; else it shrinks.
 *
 * ```
 *  comes back, left on probation      share of probation + half a step
 *  comes back, left the main queue    share of probation - a step * evictions on probation / evictions from the main queue
 * ```
 *
 * Ages differ by orders of magnitude, because small items are kept for longer than large ones. So both clocks go as fast as lets the oldest victims be
 * some hundreds of units old: stamps are as fine as their eleven bits allow, and do not come round.
 *
 * ```
 *  access word:  keystone  | main 1 | frequency 2 | marks 5 | stamp 11 | time of the last use 13 |
 *                lfu       | main 1 | frequency 2 | marks 5 | stamp 11 | period 5 | counter 8    |
 * ```
 */

import type { PagePool } from '../memory/page-pool.js';
import { PAGE_BYTES } from '../memory/size-classes.js';
import { LEFT_LATELY, LEFT_PROBATION, NOT_REMEMBERED } from './ghosts.js';

const STAMP_SHIFT = 13;
const STAMP_VALUES = 2048;
const STAMP_BITS = (STAMP_VALUES - 1) << STAMP_SHIFT;
const FREQUENCY_ONE = 1 << 29;
const FREQUENCY_BITS = 3 << 29;
const MAIN = 1 << 31;
const QUEUE_BITS = STAMP_BITS | FREQUENCY_BITS | MAIN;
/** Accesses on probation that make an item one for the main queue. */
const PROMOTING = FREQUENCY_ONE;
/** More accesses do not count: who was wanted by many once is not kept for long. */
const FREQUENCY_MAX = 2 * FREQUENCY_ONE;
/** An item is new until this part of the memory has entered behind it: what is asked for again at once is one request in several pieces. */
const NEW_SHARE = 1 / 48;
/** What a unit of age on probation counts, beside one in the main queue, at first and at most: so many times as long is the main queue. */
const PROBATION_WEIGHT = 12;
/** Part of both queues that probation has at least, and at most: a main queue that is shorter could not show that it is wanted. */
const SHARE_MIN = 1 / (1 + PROBATION_WEIGHT);
const SHARE_MAX = 0.8;
/** Steps are of so many items' part of the memory. */
const STEP_ITEMS = 2;
/**
 * Steps towards a longer probation are this part of one. A key that comes back would have been hit once more by a longer probation; those of the main
 * queue are hit often, and who would leave it for that does not show yet.
 */
const GROWTH = 0.5;
/** Items in a shard that steps are made for, at least: what few items tell in a short time is believed slowly. */
const ITEMS_MIN = 8192;
/** When next to nothing leaves the main queue, one that comes back counts for so many, and no more. */
const RATIO_MAX = 200;
/** How many of the evictions are from the main queue is told by about so many. */
const EVICTIONS_SEEN = 1024;
/** An item that is older is left over from another time: however small, it is not worth keeping. */
const STALE_UNITS = 1536;
const STALE_WEIGHT = 256;

/** Units that the clocks go on by, both together, between two looks at how fast they go. */
const LOOK_UNITS = 256;
/** How old the oldest victims are to be. */
const OLDEST_MIN = 512;
const OLDEST_MAX = 1024;
/** By how much the clocks get faster or slower at a time. */
const CHANGE = 1.25;
/** Units for as many bytes as the budget has: at the beginning, and at least and at most. */
const SPEED = 256;
const SPEED_MIN = 2;
const SPEED_MAX = 4096;

// Words of the shard's header: the queues' clocks in whole units.
const PROBATION_CLOCK = 14;
const MAIN_CLOCK = 15;

/** What `Queues` needs of the header's doubles. */
export const QUEUE_DOUBLES = 8;
// Fractions of a unit, by clock.
const FRACTIONS = 0;
/** Units for as many bytes as the budget has. */
const SPEED_NOW = 2;
/** Units that the clocks will go on by until the next look. */
const UNTIL_LOOK = 3;
/** Age of the oldest victim since the last look. */
const OLDEST = 4;
/** Units for which an item on probation is new. */
const NEW_UNITS = 5;
/** What a unit of age on probation counts now; 0 = as at first. */
const WEIGHT = 6;
/** Part of the last evictions that were from the main queue. */
const FROM_MAIN = 7;

export class Queues {
  private readonly pool: PagePool;
  private readonly words: Int32Array;
  private readonly figures: Float64Array;

  /** @param figures QUEUE_DOUBLES of the shard's header */
  constructor(pool: PagePool, figures: Float64Array) {
    this.pool = pool;
    this.words = pool.words;
    this.figures = figures;
  }

  /** An item of `bytes` enters the probation queue, or (`main`) the main queue. Returns its queue bits. */
  enter(bytes: number, main: boolean): number {
    const clock = main ? MAIN_CLOCK : PROBATION_CLOCK;
    this.advance(clock, bytes);
    return this.stamp(clock) | (main ? MAIN : 0);
  }

  /** Access word after one more access. */
  hit(word: number): number {
    if ((word & MAIN) === 0 && this.units(word) <= this.figures[NEW_UNITS]) return word;
    return (word & FREQUENCY_BITS) >>> 0 >= FREQUENCY_MAX ? word : word + FREQUENCY_ONE;
  }

  /** How old an item is in its queue, so that ages of both queues compare. */
  age(word: number): number {
    const units = this.units(word);
    const age = units < STALE_UNITS ? units : units * STALE_WEIGHT;
    return (word & MAIN) !== 0 ? age : age * this.weight;
  }

  /** An item is evicted. */
  leaves(onProbation: boolean): void {
    const { figures } = this;
    figures[FROM_MAIN] += ((onProbation ? 0 : 1) - figures[FROM_MAIN]) / EVICTIONS_SEEN;
  }

  /**
   * An item is new, and perhaps was here before. Returns whether it is one for the main queue.
   * @param how what ghosts.ts says of it
   * @param items items in the shard
   */
  comesBack(how: number, items: number): boolean {
    if (how === NOT_REMEMBERED) return false;
    const wasOnProbation = (how & LEFT_PROBATION) !== 0;
    if ((how & LEFT_LATELY) !== 0)
      this.lengthen((STEP_ITEMS * (wasOnProbation ? GROWTH : -this.ratio)) / Math.max(ITEMS_MIN, items));
    return wasOnProbation;
  }

  /** Notes that an item was the oldest that was found. */
  noteOldest(word: number): void {
    this.figures[OLDEST] = Math.max(this.figures[OLDEST], this.units(word));
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

  /** What a unit of age on probation counts. */
  private get weight(): number {
    return this.figures[WEIGHT] || PROBATION_WEIGHT;
  }

  /** Evictions on probation for each from the main queue. */
  private get ratio(): number {
    const fromMain = this.figures[FROM_MAIN];
    return Math.min(RATIO_MAX, (1 - fromMain) / fromMain);
  }

  /** Gives probation more of the memory, or less (below 0). */
  private lengthen(share: number): void {
    const wanted = 1 / (1 + this.weight) + share;
    this.figures[WEIGHT] = 1 / Math.min(SHARE_MAX, Math.max(SHARE_MIN, wanted)) - 1;
  }

  /** Age in its queue, in units of the clock. */
  private units(word: number): number {
    const now = this.stamp((word & MAIN) !== 0 ? MAIN_CLOCK : PROBATION_CLOCK);
    return (((now - (word & STAMP_BITS)) & STAMP_BITS) >>> STAMP_SHIFT) + 1;
  }

  private stamp(clock: number): number {
    return (this.words[clock] << STAMP_SHIFT) & STAMP_BITS;
  }

  private advance(clock: number, bytes: number): void {
    const { figures } = this;
    if (figures[UNTIL_LOOK] <= 0) this.adjust();
    const units = (bytes * figures[SPEED_NOW]) / (this.pool.budget * PAGE_BYTES);
    const fraction = FRACTIONS + clock - PROBATION_CLOCK;
    figures[fraction] += units;
    figures[UNTIL_LOOK] -= units;
    if (figures[fraction] < 1) return;
    const whole = Math.floor(figures[fraction]);
    this.words[clock] += whole;
    figures[fraction] -= whole;
  }

  /** Has the clocks go faster or slower. */
  private adjust(): void {
    const { figures } = this;
    const speed = figures[SPEED_NOW];
    if (speed === 0) figures[SPEED_NOW] = SPEED;
    else if (figures[OLDEST] > OLDEST_MAX) figures[SPEED_NOW] = Math.max(SPEED_MIN, speed / CHANGE);
    else if (figures[OLDEST] > 0 && figures[OLDEST] < OLDEST_MIN)
      figures[SPEED_NOW] = Math.min(SPEED_MAX, speed * CHANGE);
    figures[NEW_UNITS] = figures[SPEED_NOW] * NEW_SHARE;
    figures[OLDEST] = 0;
    figures[UNTIL_LOOK] = LOOK_UNITS;
  }
}
