/** CLIENT PAUSE: until when, and for which commands. The main thread keeps it for all workers; each worker does the waiting. */

import type { TableEntry } from '../commands/table.js';

export interface PauseState {
  /** Milliseconds since 1970; 0 = no pause. */
  readonly until: number;
  /** Whether commands that only read wait too. */
  readonly all: boolean;
}

export const NO_PAUSE: PauseState = { until: 0, all: false };

/** Longest delay of a timer. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** The state after one more CLIENT PAUSE: the later end counts, and the stricter mode. An end of 0 is CLIENT UNPAUSE. */
export function mergePause(current: PauseState, asked: PauseState, now: number): PauseState {
  if (asked.until === 0) return NO_PAUSE;
  if (current.until <= now) return asked;
  return { until: Math.max(current.until, asked.until), all: current.all || asked.all };
}

/** A worker's part. */
export class Pause {
  private state = NO_PAUSE;
  private timer: NodeJS.Timeout | undefined;
  private readonly changed: (paused: boolean) => void;

  /** @param changed told when a pause begins and when it ends */
  constructor(changed: (paused: boolean) => void) {
    this.changed = changed;
  }

  /** Takes over the state that the main thread has decided. */
  set(state: PauseState): void {
    this.state = state;
    clearTimeout(this.timer);
    const rest = state.until - Date.now();
    if (rest <= 0) {
      this.state = NO_PAUSE;
      this.changed(false);
      return;
    }
    this.changed(true);
    this.timer = setTimeout(() => this.set(this.state), Math.min(rest, TIMER_MS_MAX));
  }

  /** Whether a command waits. */
  holds({ flags }: TableEntry): boolean {
    return this.state.all || flags.includes('write');
  }
}
