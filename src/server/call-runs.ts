/**
 * Counts the fast commands of a batch. A batch is mostly runs of equal commands, so what is noted is which command came how often in a row; the
 * statistics are brought up to date at the end of the batch, when it is known how long it took.
 */

import type { Statistics } from './statistics.js';

const RUNS_MAX = 4096;

export class CallRuns {
  /** Runs noted. */
  length = 0;
  private readonly statistics: Statistics;
  private readonly ids = new Int32Array(RUNS_MAX);
  private readonly counts = new Int32Array(RUNS_MAX);

  constructor(statistics: Statistics) {
    this.statistics = statistics;
  }

  /** A command was executed. */
  note(id: number): void {
    const last = this.length - 1;
    if (last >= 0 && this.ids[last] === id) this.counts[last]++;
    else if (this.length < RUNS_MAX) {
      this.ids[this.length] = id;
      this.counts[this.length++] = 1;
    } else this.statistics.countCall(id, 0);
  }

  /** Id of the first command noted. */
  get first(): number {
    return this.ids[0];
  }

  /** Counts what was noted, and forgets it. @param microseconds that each command took */
  count(microseconds: number): void {
    for (let i = 0; i < this.length; i++) this.statistics.countCalls(this.ids[i], this.counts[i], microseconds);
    this.length = 0;
  }
}
