/**
 * The one clock. A thread reads the time once for a batch of work (`tick`), and everything in the batch sees the same `now`:
 * expiry, access clocks, idle times. Tests pass a clock of their own making.
 */

export class Clock {
  /** Milliseconds since 1970. */
  now = 0;
  /** `now` in whole seconds, 24 bits: the access clock of the LRU policies. */
  seconds = 0;
  /** Eighths of a second that `now` has beyond it. */
  eighths = 0;
  /** `now` in whole minutes: the access clock of the policies that need no finer one. */
  minutes = 0;
  private readonly source: () => number;

  /** @param source current time in milliseconds since 1970 */
  constructor(source: () => number = Date.now) {
    this.source = source;
    this.tick();
  }

  /** Reads the time. */
  tick(): void {
    this.now = this.source();
    const seconds = Math.floor(this.now / 1000);
    this.seconds = seconds & 0xffffff;
    this.eighths = Math.floor((this.now % 1000) / 125);
    this.minutes = Math.floor(seconds / 60);
  }
}
