/**
 * Upkeep of some shards, in slices: removing what has expired, emptying flushed databases, coming under a lowered budget; and a flush that was asked for
 * a later time.
 *
 * A slice works for at most SLICE_MS, on one shard after the other, under the lock of the one it is at: so long, and no longer, a request
 * can have to wait behind it. A pass is as many slices, PAUSE_MS apart, as it takes until no shard has work left.
 *
 * Passes follow each other every PASS_MS while any item has a deadline. That is the bound of the expiry lag, as long as a pass needs no
 * more than that: it costs a few nanoseconds for each page, and about a microsecond for each item that is due (expiry/deadlines.ts). When more is
 * due than that, because a million items have the same deadline or the clock was set forward, slices follow each other until it is gone.
 * While no item has a deadline the shards rest for `restMs` between passes.
 */

import { performance } from 'node:perf_hooks';
import type { Keyspace } from './keyspace.js';
import type { Shard } from './shard.js';

/** Time between two passes while there are deadlines. */
export const PASS_MS = 16;
const SLICE_MS = 0.4;
const PAUSE_MS = 1;
/** Pages freed in one slice when a shard is above its budget. */
const SHRINK_PAGES = 4;

const monotonic = (): number => performance.now();

/**
 * One slice of upkeep for one shard, of at most SLICE_MS. The clock has been read.
 * @param until when it is to be over at the latest, by performance.now()
 * @returns whether work is left
 */
export function tendShard(keyspace: Keyspace, shard: Shard, until = Infinity): boolean {
  keyspace.flushIfDue();
  keyspace.enter(shard);
  let left = shard.sweep(Math.min(until, monotonic() + SLICE_MS), monotonic);
  if (shard.pool.used > shard.pool.budget) {
    const before = shard.pool.used;
    if (!shard.memory.shrink(SHRINK_PAGES) && shard.pool.used < before) left = true;
  }
  keyspace.leave();
  shard.noteUpkeep(keyspace.clock.now);
  return left;
}

export class Upkeep {
  private readonly keyspace: Keyspace;
  private readonly shards: readonly Shard[];
  /** Milliseconds between passes while nothing has a deadline; if it is less than PASS_MS, between all. */
  restMs: number;
  /** Slices in a row while work is left, before this thread's requests get their turn. */
  effort = 1;
  /** The shard whose turn is next, and how many in a row before it had no work left. */
  private next = 0;
  private done = 0;
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;

  /**
   * @param shards the shards that this thread looks after
   * @param restMs as the field
   */
  constructor(keyspace: Keyspace, shards: readonly Shard[], restMs: number) {
    this.keyspace = keyspace;
    this.shards = shards;
    this.restMs = restMs;
  }

  /** Begins. The timer does not keep the thread alive. */
  start(): void {
    this.schedule(PASS_MS);
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  /** One slice. Returns whether the pass has to go on. */
  slice(): boolean {
    this.keyspace.clock.tick();
    const until = monotonic() + SLICE_MS;
    while (this.done < this.shards.length) {
      const left = tendShard(this.keyspace, this.shards[this.next], until);
      this.done = left ? 0 : this.done + 1;
      this.next = (this.next + 1) % this.shards.length;
      if (monotonic() >= until) break;
    }
    if (this.done < this.shards.length) return true;
    this.done = 0;
    this.keyspace.releaseEmptied();
    return false;
  }

  private schedule(delay: number): void {
    this.timer = setTimeout(() => {
      let left = this.slice();
      for (let slices = 1; left && slices < this.effort; slices++) left = this.slice();
      if (!this.stopped) this.schedule(left ? PAUSE_MS : this.pace());
    }, delay);
    this.timer.unref();
  }

  private pace(): number {
    return this.shards.some((shard) => shard.hasDeadlines()) ? Math.min(PASS_MS, this.restMs) : this.restMs;
  }
}
