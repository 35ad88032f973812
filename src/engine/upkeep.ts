/**
 * Upkeep of some shards, in slices: removing what has expired, emptying flushed databases, coming under a lowered budget; and a flush that was asked for
 * a later time.
 *
 * A slice works for at most SLICE_MS on one shard under its lock, so that no request waits longer behind it. When work is left, the next
 * slice follows PAUSE_MS later; when there is none, the shards rest until the next tick.
 */

import { performance } from 'node:perf_hooks';
import type { Keyspace } from './keyspace.js';
import type { Shard } from './shard.js';

const SLICE_MS = 0.4;
const PAUSE_MS = 1;
/** Pages freed in one slice when a shard is above its budget. */
const SHRINK_PAGES = 4;

const monotonic = (): number => performance.now();

/**
 * One slice of upkeep for one shard. The clock has been read.
 * @returns whether work is left
 */
export function tendShard(keyspace: Keyspace, shard: Shard): boolean {
  keyspace.flushIfDue();
  keyspace.enter(shard);
  let left = shard.sweep(monotonic() + SLICE_MS, monotonic);
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
  /** Milliseconds between ticks when there is nothing to do: the bound of the expiry lag of an idle cache. */
  restMs: number;
  /** Slices in a row while work is left, before this thread's requests get their turn. */
  effort = 1;
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
    this.schedule(this.restMs);
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  /** One slice for each shard. Returns whether any has work left. */
  slice(): boolean {
    this.keyspace.clock.tick();
    let left = false;
    for (const shard of this.shards) if (tendShard(this.keyspace, shard)) left = true;
    if (!left) this.keyspace.releaseEmptied();
    return left;
  }

  private schedule(delay: number): void {
    this.timer = setTimeout(() => {
      let left = this.slice();
      for (let slices = 1; left && slices < this.effort; slices++) left = this.slice();
      if (!this.stopped) this.schedule(left ? PAUSE_MS : this.restMs);
    }, delay);
    this.timer.unref();
  }
}
