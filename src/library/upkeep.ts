/**
 * Upkeep without a server: the threads that are attached to a cache share it.
 *
 * Each of them has a timer that does not keep it alive, and looks at the clock now and then between operations, so that a thread
 * that never returns to its event loop does its part too. A word in each shard says when its last slice was; whoever finds that
 * REST_MS ago claims the next one. So it is done once however many threads there are, and goes on when any of them ends.
 */

import { performance } from 'node:perf_hooks';
import type { Keyspace } from '../engine/keyspace.js';
import type { Shard } from '../engine/shard.js';
import { tendShard } from '../engine/upkeep.js';

/** Time between slices of a shard with nothing to do. */
const REST_MS = 100;
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

  /** Slices for the shards that nobody has looked after lately, for RUN_MS. Returns whether there is work left. */
  private run(): boolean {
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
      if (shard.claimUpkeep(clock.now, REST_MS) && this.tend(shard)) left = true;
    }
    if (!left) this.keyspace.releaseEmptied();
    this.dueAt = clock.now + (left ? PAUSE_MS : REST_MS);
    return left;
  }

  private tend(shard: Shard): boolean {
    try {
      if (!tendShard(this.keyspace, shard)) return false;
    } catch (error) {
      this.keyspace.abandon();
      throw error;
    }
    // There is more to do: it can be claimed again at once.
    shard.noteUpkeep(this.keyspace.clock.now - REST_MS);
    return true;
  }

  private schedule(delay: number): void {
    this.timer = setTimeout(() => {
      if (this.keyspace.isBusy) this.keyspace.abandon();
      this.keyspace.clock.tick();
      this.schedule(this.run() ? PAUSE_MS : REST_MS);
    }, delay);
    this.timer.unref();
  }
}
