/**
 * Upkeep without a server: the threads that are attached to a cache share it.
 *
 * Each of them has a timer that does not keep it alive, and looks at the clock now and then between operations, so that a thread
 * that never returns to its event loop does its part too. A word in each shard says when its last slice was; whoever finds that
 * long ago claims the next one. So it is done once however many threads there are, and goes on when any of them ends.
 *
 * As in a server (engine/upkeep.ts), the shards are looked at every PASS_MS while a key has a deadline, which bounds the expiry lag, and
 * every REST_MS otherwise.
 */

import { performance } from 'node:perf_hooks';
import type { Keyspace } from '../engine/keyspace.js';
import type { Shard } from '../engine/shard.js';
import { PASS_MS, tendShard } from '../engine/upkeep.js';

/** Time between looks at shards in which nothing has a deadline. */
const REST_MS = 100;
/** Time after which a shard can be claimed again: less than PASS_MS, because timers are not exact. */
const CLAIM_MS = PASS_MS / 2;
/** Time between runs while there is work left. */
const PAUSE_MS = 1;
/** Time after which a run ends, whatever is left. */
const RUN_MS = 1;

export class SharedUpkeep {
  private readonly keyspace: Keyspace;
  private timer: NodeJS.Timeout | undefined;
  /** Where the next run begins, so that every shard gets its turn. */
  private next = 0;
  /** When this thread looks for work again, by the keyspace's clock. */
  private dueAt = 0;

  constructor(keyspace: Keyspace) {
    this.keyspace = keyspace;
  }

  start(): void {
    this.schedule(REST_MS);
  }

  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  /** Called between operations when the clock has just been read: does a run if it is time. */
  poll(): void {
    const now = this.keyspace.clock.now;
    // A clock that was set back would otherwise stop upkeep until it has caught up.
    if (now >= this.dueAt || now < this.dueAt - REST_MS) this.run();
  }

  /** Slices for the shards that nobody has looked after lately, for RUN_MS. Returns when the next run is due, in milliseconds. */
  private run(): number {
    const { shards, clock } = this.keyspace;
    const until = performance.now() + RUN_MS;
    let left = false;
    for (let i = 0; i < shards.length; i++) {
      if (performance.now() >= until) {
        left = true;
        break;
      }
      const shard = shards[this.next];
      this.next = (this.next + 1) % shards.length;
      if (shard.claimUpkeep(clock.now, CLAIM_MS) && this.tend(shard, until)) left = true;
    }
    if (!left) this.keyspace.releaseEmptied();
    const pause = left ? PAUSE_MS : this.pace();
    this.dueAt = clock.now + pause;
    return pause;
  }

  private pace(): number {
    return this.keyspace.shards.some((shard) => shard.hasDeadlines()) ? PASS_MS : REST_MS;
  }

  private tend(shard: Shard, until: number): boolean {
    try {
      if (!tendShard(this.keyspace, shard, until)) return false;
    } catch (error) {
      this.keyspace.abandon();
      throw error;
    }
    // There is more to do: it can be claimed again at once.
    shard.noteUpkeep(this.keyspace.clock.now - CLAIM_MS);
    return true;
  }

  private schedule(delay: number): void {
    this.timer = setTimeout(() => {
      if (this.keyspace.isBusy) this.keyspace.abandon();
      this.keyspace.clock.tick();
      this.schedule(this.run());
    }, delay);
    this.timer.unref();
  }
}
