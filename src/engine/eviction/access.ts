/**
 * What an item's access word says of when and how often the item was used; its meaning is the policy's.
 *
 * ```
 *  lru, random, ttl, noeviction:  | eighths 3 | marks 5 | seconds since 1970, 24 bits (194 days)           |
 *  keystone:                      | queue 3   | marks 5 | stamp 11 | time of the last use 13              |
 *  lfu:                           | queue 3   | marks 5 | stamp 11 | period 5 | logarithmic counter 8     |
 * ```
 *
 * Queue and stamp are those of queues.ts, the time is that of use-time.ts. The counter is Redis's, for OBJECT FREQ: it goes up with a probability that falls as it grows, and
 * down by one for every `lfu-decay-time` minutes (a period) without an access; 255 stands for about a million accesses at the default factor.
 */

import type { Clock } from '../../base/clock.js';
import { type Control, POLICIES } from '../control.js';
import type { Ghosts } from './ghosts.js';
import type { Queues } from './queues.js';
import { secondsSince, USE_TIME_BITS, useTime } from './use-time.js';

/** Counter of a new item: it is not the first to go. */
const LFU_INITIAL = 5;
const COUNTER_BITS = 0xff;
const PERIOD_SHIFT = 8;
const PERIOD_MASK = 0x1f;
const PERIOD_BITS = PERIOD_MASK << PERIOD_SHIFT;
const SECONDS_BITS = 0xffffff;
const EIGHTHS_SHIFT = 29;
const TIME_BITS = (7 << EIGHTHS_SHIFT) | SECONDS_BITS;

const IS_LFU = POLICIES.map((name) => name.endsWith('-lfu'));
const HAS_QUEUES = POLICIES.map((name) => name.endsWith('-lfu') || name.endsWith('-keystone'));

export class AccessClock {
  private readonly control: Control;
  private readonly clock: Clock;
  private readonly random: () => number;
  private readonly queues: Queues;
  private readonly ghosts: Ghosts;

  /** @param random uniform in [0, 1) */
  constructor(control: Control, clock: Clock, random: () => number, queues: Queues, ghosts: Ghosts) {
    this.control = control;
    this.clock = clock;
    this.random = random;
    this.queues = queues;
    this.ghosts = ghosts;
  }

  /** Whether the policy counts frequency and not time: Redis's lfu. */
  get countsFrequency(): boolean {
    return IS_LFU[this.control.policy];
  }

  /** Whether the policy has queues. */
  get hasQueues(): boolean {
    return HAS_QUEUES[this.control.policy];
  }

  /**
   * Access word of a new item.
   * @param hash salted hash of its key
   * @param bytes what it takes
   * @param items items in the shard
   */
  fresh(hash: number, bytes: number, items: number): number {
    if (!this.hasQueues) return this.time();
    const place = this.queues.enter(bytes, this.queues.comesBack(this.ghosts.take(hash, items), items));
    return place | (this.countsFrequency ? (this.period() << PERIOD_SHIFT) | LFU_INITIAL : useTime(this.clock));
  }

  /**
   * A key is evicted, under a policy with queues.
   * @param hash its salted hash
   * @param items items in the shard
   */
  leaves(hash: number, onProbation: boolean, items: number): void {
    this.queues.leaves(onProbation);
    this.ghosts.add(hash, onProbation, items);
  }

  /** Access word after one more access; what is not the policy's stays. */
  touched(word: number): number {
    if (!this.hasQueues) return (word & ~TIME_BITS) | this.time();
    const hit = this.queues.hit(word);
    if (!this.countsFrequency) return (hit & ~USE_TIME_BITS) | useTime(this.clock);
    const counter = this.counter(word);
    const next = counter < COUNTER_BITS && this.random() < this.chance(counter) ? counter + 1 : counter;
    return (hit & ~(COUNTER_BITS | PERIOD_BITS)) | (this.period() << PERIOD_SHIFT) | next;
  }

  /** Whether one more access changes an access word; where that is left to chance, whether it may. */
  mayChange(word: number): boolean {
    // Looks at the time first: queues are a cache line that is written with each new item.
    if (this.hasUseTimes && (word & USE_TIME_BITS) !== useTime(this.clock)) return true;
    return this.countsFrequency || this.touched(word) !== word;
  }

  /** Frequency counter (0..255), decayed to now. */
  counter(word: number): number {
    const counter = word & COUNTER_BITS;
    if (this.control.lfuDecayMinutes === 0) return counter;
    return Math.max(0, counter - ((this.period() - (word >>> PERIOD_SHIFT)) & PERIOD_MASK));
  }

  /** Seconds since the last access; keystone tells whole minutes, and two days at most, when that is a while ago; lfu knows nothing (0). */
  idleSeconds(word: number): number {
    if (!this.hasQueues) return (this.clock.seconds - word) & SECONDS_BITS;
    return this.countsFrequency ? 0 : secondsSince(word & USE_TIME_BITS, this.clock);
  }

  /** Whether times of last use come round, and must be aged. */
  get hasUseTimes(): boolean {
    return this.hasQueues && !this.countsFrequency;
  }

  /** Eighths of a second since the last access, for the policies without queues. */
  idleEighths(word: number): number {
    return ((this.clock.seconds - word) & SECONDS_BITS) * 8 + this.clock.eighths - (word >>> EIGHTHS_SHIFT);
  }

  private time(): number {
    return (this.clock.eighths << EIGHTHS_SHIFT) | this.clock.seconds;
  }

  private chance(counter: number): number {
    return 1 / (Math.max(0, counter - LFU_INITIAL) * this.control.lfuLogFactor + 1);
  }

  private period(): number {
    return Math.floor(this.clock.minutes / Math.max(1, this.control.lfuDecayMinutes)) & PERIOD_MASK;
  }
}
