/**
 * When an item was last used, in the thirteen bits that the keystone policies have for it:
 *
 * ```
 *  | 0 | seconds since 1970, 12 bits (68 minutes) |      an access writes this
 *  | 1 | minutes since 1970, 12 bits (68 hours)   |      of items that were not used for a while
 * ```
 *
 * Both come round. Before they do, a pass over all items in slices of upkeep makes minutes of the seconds, a quarter of an hour after the access, and holds
 * minutes at two days: an item that was idle for longer is shown so. A pass begins PASS_SECONDS after the last one did; an item that is
 * moved out of its way is seen by the next one, or the one after that.
 */

import type { Clock } from '../../base/clock.js';
import { accessWord } from '../item.js';
import { PAGE_RUN, PAGE_SLAB, PAGE_SLAB_TAIL, type PagePool } from '../memory/page-pool.js';
import { CELL_BYTES } from '../memory/size-classes.js';
import type { Slabs } from '../memory/slabs.js';

export const USE_TIME_BITS = 0x1fff;
const TIME_BITS = 0xfff;
const IN_MINUTES = 0x1000;
/** Seconds become minutes after this time without an access. */
const MINUTES_FROM_SECONDS = 960;
/** The longest that is told: two days, in minutes. */
const HELD_MINUTES = 2 * 24 * 60;
const PASS_SECONDS = 960;
const SECONDS_BITS = 0xffffff;
const PAGE_SHIFT = 16;

// Words of the shard's header.
const PASS_BEGAN = 81;
/** The page that the pass has come to; 0 = none is under way. */
const PASS_PAGE = 82;

/** The time of an access that happens now. */
export function useTime({ seconds }: Clock): number {
  return seconds & TIME_BITS;
}

/** Seconds since the access at a time; whole minutes when that was more than a quarter of an hour ago. */
export function secondsSince(time: number, { seconds, minutes }: Clock): number {
  return (time & IN_MINUTES) === 0 ? (seconds - time) & TIME_BITS : ((minutes - time) & TIME_BITS) * 60;
}

/** The same time in a form that will not come round soon. */
function aged(time: number, clock: Clock): number {
  const idle = secondsSince(time, clock);
  if (idle < MINUTES_FROM_SECONDS) return time;
  return IN_MINUTES | ((clock.minutes - Math.min(HELD_MINUTES, Math.floor(idle / 60))) & TIME_BITS);
}

/** The passes over a shard. */
export class UseTimes {
  private readonly pool: PagePool;
  private readonly words: Int32Array;
  private readonly slabs: Slabs;
  private readonly clock: Clock;

  constructor(pool: PagePool, slabs: Slabs, clock: Clock) {
    this.pool = pool;
    this.words = pool.words;
    this.slabs = slabs;
    this.clock = clock;
  }

  /** The shard has been emptied. */
  format(): void {
    this.words[PASS_BEGAN] = this.clock.seconds;
    this.words[PASS_PAGE] = 0;
  }

  /**
   * Begins a pass when it is time, and goes on with it. The clock has been read.
   * @param until by `time`: no page is begun after it
   * @param time monotonic milliseconds, with fractions
   */
  age(until: number, time: () => number): void {
    const { words, pool } = this;
    if (words[PASS_PAGE] === 0) {
      if (((this.clock.seconds - words[PASS_BEGAN]) & SECONDS_BITS) < PASS_SECONDS) return;
      words[PASS_BEGAN] = this.clock.seconds;
      words[PASS_PAGE] = pool.firstPage;
    }
    while (words[PASS_PAGE] < pool.highWater) {
      this.agePage(words[PASS_PAGE]++);
      if (time() >= until) return;
    }
    words[PASS_PAGE] = 0;
  }

  private agePage(page: number): void {
    const kind = this.pool.kind(page);
    if (kind === PAGE_RUN) this.ageItem(page << PAGE_SHIFT);
    if (kind !== PAGE_SLAB && kind !== PAGE_SLAB_TAIL) return;
    const size = CELL_BYTES[this.slabs.pageClass(page)];
    const end = this.slabs.cellsEnd(page);
    for (let cell = this.slabs.firstCell(page); cell < end; cell += size)
      if (this.words[cell >>> 2] !== 0) this.ageItem(cell);
  }

  private ageItem(item: number): void {
    const word = accessWord(item);
    const before = this.words[word];
    const time = before & USE_TIME_BITS;
    const after = aged(time, this.clock);
    if (after !== time) this.words[word] = (before & ~USE_TIME_BITS) | after;
  }
}
