/**
 * The access clock of an item: 24 bits whose meaning is the policy's.
 *
 * ```
 *  lru policies:  seconds since 1970, 24 bits (194 days)
 *  lfu policies:  minutes since 1970, 16 bits | logarithmic counter, 8 bits
 * ```
 *
 * The counter goes up with a probability that falls as it grows, and down by one for every `lfu-decay-time` minutes without an access:
 * 255 stands for about a million accesses at the default factor, as in Redis.
 */

import type { Clock } from '../../base/clock.js';
import { type Control, POLICIES } from '../control.js';

/** Counter of a new item: it is not the first to go. */
const LFU_INITIAL = 5;

const IS_LFU = POLICIES.map((name) => name.endsWith('-lfu'));

export class AccessClock {
  private readonly control: Control;
  private readonly clock: Clock;
  private readonly random: () => number;

  /** @param random uniform in [0, 1) */
  constructor(control: Control, clock: Clock, random: () => number) {
    this.control = control;
    this.clock = clock;
    this.random = random;
  }

  /** Whether the clock counts frequency. */
  get frequency(): boolean {
    return IS_LFU[this.control.policy];
  }

  /** Access clock of a new item. */
  fresh(): number {
    return this.frequency ? (this.minutes() << 8) | LFU_INITIAL : this.clock.seconds;
  }

  /** Access clock after one more access. */
  touched(access: number): number {
    if (!this.frequency) return this.clock.seconds;
    const counter = this.counter(access);
    return (this.minutes() << 8) | (counter < 255 && this.random() < this.chance(counter) ? counter + 1 : counter);
  }

  /** Frequency counter (0..255), decayed to now. */
  counter(access: number): number {
    const decay = this.control.lfuDecayMinutes;
    return decay === 0 ? access & 0xff : Math.max(0, (access & 0xff) - Math.floor(this.idleMinutes(access) / decay));
  }

  /** Seconds since the last access, in the lru policies. */
  idleSeconds(access: number): number {
    return (this.clock.seconds - access) & 0xffffff;
  }

  /** Minutes since the last access, in the lfu policies. */
  idleMinutes(access: number): number {
    return (this.minutes() - (access >>> 8)) & 0xffff;
  }

  private chance(counter: number): number {
    return 1 / (Math.max(0, counter - LFU_INITIAL) * this.control.lfuLogFactor + 1);
  }

  private minutes(): number {
    return Math.floor(this.clock.now / 60_000) & 0xffff;
  }
}
