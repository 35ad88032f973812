/**
 * Upkeep, in slices: removing what has expired, emptying flushed databases, coming under a lowered limit, giving back memory that nobody
 * needs (memory/tidying.ts), keeping times of last use from coming round (eviction/use-time.ts); and a flush that was asked for a later time.
 *
 * All threads that are attached to a cache share it, workers of a server as well as threads of an application. Each has a timer, which does not
 * keep it alive, and is asked between batches or operations too (`poll`), so that a thread that does not return to its event loop does its part. A
 * word in each shard says when its last slice was; whoever finds that CLAIM_MS ago claims the next one. So it is done once however many
 * threads there are, and goes on when one of them ends, or is busy with something long.
 *
 * A slice works for at most SLICE_MS, on one shard after the other, under the lock of the one it is at: so long, and no longer, can a request
 * have to wait behind it. When that was not enough, the next one follows PAUSE_MS later.
 *
 * While any item has a deadline, the shards are looked at every PASS_MS. That is the bound of the expiry lag, as long as what falls due in
 * that time can be removed in it: looking costs a few nanoseconds for each page, removing about a microsecond for each item (expiry/deadlines.ts).
 * When more is due, because a million items have the same deadline or the clock was set forward, slices follow each other until it is gone:
 * with a pause in between at first, and after each batch of requests once the lag is more than BEHIND_MS, which may halve what a busy thread
 * serves. While no item has a deadline, and nothing is to be tidied, the threads rest for `restMs`.
 */

import { performance } from 'node:perf_hooks';
import type { Keyspace } from './keyspace.js';
import { EXTENT_PAGES } from './memory/extents.js';
import type { Shard } from './shard.js';

/** Time between two looks at a shard while there are deadlines. */
const PASS_MS = 16;
/** Time after which a shard can be claimed again: less than PASS_MS, because timers are not exact. */
const CLAIM_MS = 8;
const SLICE_MS = 0.4;
/** Of a slice, what tidying may take. */
const TIDY_MS = 0.2;
/** And the pass over the times of last use. */
const AGE_MS = 0.1;
const PAUSE_MS = 1;
const BEHIND_MS = 50;
const REST_MS = 100;
/** Pages freed in one slice when a shard is above its limit. */
const SHRINK_PAGES = 4;
/** How long making room may take at a time. */
const MAKE_ROOM_MS = 25;

const monotonic = (): number => performance.now();

/**
 * One slice of upkeep for one shard, of at most SLICE_MS. The clock has been read.
 * @param until when it is to be over at the latest, by performance.now()
 * @returns whether work is left
 */
export function tendShard(keyspace: Keyspace, shard: Shard, until = Infinity): boolean {
  keyspace.flushIfDue();
  keyspace.enter(shard);
  const begun = monotonic();
  let left = shard.sweep(Math.min(until, begun + SLICE_MS), monotonic);
  shard.ledger.sweepTook(monotonic() - begun);
  shard.pool.withhold(keyspace.control.withheldPages);
  if (shard.pool.used > shard.pool.limit) {
    const before = shard.pool.used;
    if (!shard.memory.shrink(SHRINK_PAGES) && shard.pool.used < before) left = true;
  }
  shard.ageUseTimes(Math.min(until, monotonic() + AGE_MS), monotonic);
  if (shard.tidying.tidy(Math.min(until, monotonic() + TIDY_MS), monotonic, shard.lock.sequence)) left = true;
  keyspace.leave();
  // What is left can be claimed at once.
  shard.noteUpkeep(left ? keyspace.clock.now - CLAIM_MS : keyspace.clock.now);
  return left;
}

/**
 * Brings the shards under their limits at once, and what that frees back to the system: for whoever takes memory beside the shards, faster than slices of
 * upkeep would make room. Called without a lock. The clock has been read.
 */
export function makeRoom(keyspace: Keyspace): void {
  const until = monotonic() + MAKE_ROOM_MS;
  for (const shard of keyspace.shards) {
    const { pool, memory } = keyspace.enter(shard);
    pool.withhold(keyspace.control.withheldPages);
    for (let before = -1; pool.used > pool.limit && pool.used !== before && monotonic() < until; ) {
      before = pool.used;
      memory.shrink(SHRINK_PAGES);
    }
    while (pool.surplus > EXTENT_PAGES && monotonic() < until) if (pool.giveBack(EXTENT_PAGES) === 0) break;
    keyspace.leave();
  }
}

export interface UpkeepOptions {
  /** Number of the shard to begin with: threads that begin at different ones do not get in each other's way. */
  first?: number;
  /** Called before each turn of the timer. */
  beforeTurn?: () => void;
}

/** A thread's part of the upkeep. */
export class Upkeep {
  /** Milliseconds between looks at the shards while nothing has a deadline; if it is less than PASS_MS, always. */
  restMs = REST_MS;
  /** Slices in a row while work is left, before this thread's requests get their turn. */
  effort = 1;
  private readonly keyspace: Keyspace;
  private readonly beforeTurn: (() => void) | undefined;
  /** Number of the shard whose turn is next, so that every shard gets its turn. */
  private next: number;
  /** When this thread looks for work again, by the keyspace's clock. */
  private dueAt = 0;
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;

  constructor(keyspace: Keyspace, { first = 0, beforeTurn }: UpkeepOptions = {}) {
    this.keyspace = keyspace;
    this.next = first % keyspace.shards.length;
    this.beforeTurn = beforeTurn;
  }

  /** Begins. */
  start(): void {
    this.schedule(PASS_MS);
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  /** Called between batches or operations, without a lock, when the clock has just been read: does a slice if it is time. */
  poll(): void {
    const { now } = this.keyspace.clock;
    // A clock that was set back would otherwise stop upkeep until it has caught up.
    if (now >= this.dueAt || now < this.dueAt - this.restMs) this.run();
  }

  /** A slice, or `effort` of them. Notes when the next is due, and returns in how many milliseconds that is; 0 = as soon as possible. */
  private run(): number {
    const { clock } = this.keyspace;
    let left = this.slice();
    for (let slices = 1; left && slices < this.effort; slices++) left = this.slice();
    if (!left) this.keyspace.releaseEmptied();
    const pause = left ? this.pause() : this.pace();
    this.dueAt = clock.now + pause;
    return pause;
  }

  private pause(): number {
    const oldest = this.keyspace.oldestDue();
    return oldest !== 0 && this.keyspace.clock.now - oldest > BEHIND_MS ? 0 : PAUSE_MS;
  }

  private pace(): number {
    const hasWork = this.keyspace.shards.some((shard) => shard.ledger.hasDeadlines() || shard.tidying.isBusy);
    return hasWork ? Math.min(PASS_MS, this.restMs) : this.restMs;
  }

  /** Tends the shards that nobody has tended lately. Returns whether there is work left. */
  private slice(): boolean {
    const { shards, clock } = this.keyspace;
    clock.tick();
    const until = monotonic() + SLICE_MS;
    for (let seen = 1, left = false; ; seen++) {
      const shard = shards[this.next];
      this.next = (this.next + 1) % shards.length;
      if (shard.claimUpkeep(clock.now, CLAIM_MS) && this.tend(shard, until)) left = true;
      if (seen === shards.length) return left;
      if (monotonic() >= until) return true;
    }
  }

  private tend(shard: Shard, until: number): boolean {
    try {
      return tendShard(this.keyspace, shard, until);
    } catch (error) {
      this.keyspace.abandon();
      throw error;
    }
  }

  private schedule(delay: number): void {
    this.timer = setTimeout(() => {
      this.beforeTurn?.();
      const pause = this.run();
      if (!this.stopped) this.schedule(pause);
    }, delay);
    this.timer.unref();
  }
}
