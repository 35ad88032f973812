/**
 * What a worker counts: a block of doubles in shared memory for each worker, written by that worker alone, summed by whoever asks.
 *
 * ```
 *  [totals 64][calls, by command][microseconds][failed calls][rejected calls][histogram: 32 buckets a command]
 * ```
 *
 * Bucket b of a histogram counts the calls that took less than 2^b microseconds (and at least half of that).
 */

const TOTALS = 64;

export const TOTAL_COMMANDS = 0;
export const TOTAL_CONNECTIONS = 1;
export const TOTAL_BYTES_IN = 2;
export const TOTAL_BYTES_OUT = 3;
export const CONNECTED = 4;
export const PENDING_INPUT = 5;
export const PENDING_OUTPUT = 6;
export const TOTAL_ERRORS = 7;
export const UNKNOWN_COMMANDS = 8;
export const PROTOCOL_ERRORS = 9;
export const EVENT_LOOP_TURNS = 10;
export const BLOCKED = 11;
export const OUTPUT_LIMIT_CLOSES = 12;
export const QUERY_LIMIT_CLOSES = 13;
export const AUTH_FAILURES = 14;
export const CPU_MICROSECONDS = 15;
export const MONITORS = 16;
/** Error replies by their first word: 24 counters from here, in the order of ERROR_CODES. */
export const ERRORS_BY_CODE = 32;

/** First words of error replies that are counted by name (INFO errorstats). */
export const ERROR_CODES = ['ERR', 'WRONGTYPE', 'OOM', 'NOAUTH', 'WRONGPASS', 'NOPROTO', 'UNBLOCKED', 'NOPERM', 'BUSY', 'LOADING', 'MISCONF', 'READONLY'];

export const HISTOGRAM_BUCKETS = 32;

/** Doubles in a block for `commands` commands. */
export function statisticsDoubles(commands: number): number {
  return TOTALS + commands * (4 + HISTOGRAM_BUCKETS);
}

export class Statistics {
  readonly values: Float64Array;
  private readonly commands: number;
  private readonly microsecondsAt: number;
  private readonly failedAt: number;
  private readonly rejectedAt: number;
  private readonly histogramAt: number;

  constructor(buffer: SharedArrayBuffer, commands: number) {
    this.values = new Float64Array(buffer);
    this.commands = commands;
    this.microsecondsAt = TOTALS + commands;
    this.failedAt = TOTALS + 2 * commands;
    this.rejectedAt = TOTALS + 3 * commands;
    this.histogramAt = TOTALS + 4 * commands;
  }

  /** Makes the block of a worker. */
  static allocate(commands: number): SharedArrayBuffer {
    return new SharedArrayBuffer(statisticsDoubles(commands) * 8);
  }

  add(total: number, amount: number): void {
    this.values[total] += amount;
  }

  get(total: number): number {
    return this.values[total];
  }

  /** Counts a call of a command that took `microseconds`. */
  countCall(command: number, microseconds: number): void {
    this.values[TOTALS + command]++;
    this.values[this.microsecondsAt + command] += microseconds;
    this.values[this.histogramAt + command * HISTOGRAM_BUCKETS + bucketOf(microseconds)]++;
  }

  /** Counts `calls` calls of a command that took `microseconds` each. */
  countCalls(command: number, calls: number, microseconds: number): void {
    this.values[TOTALS + command] += calls;
    this.values[this.microsecondsAt + command] += calls * microseconds;
    this.values[this.histogramAt + command * HISTOGRAM_BUCKETS + bucketOf(microseconds)] += calls;
  }

  /** Counts an error reply by its first word. */
  countErrorText(text: string): void {
    const space = text.indexOf(' ');
    const code = ERROR_CODES.indexOf(space < 0 ? text : text.slice(0, space));
    this.values[ERRORS_BY_CODE + Math.max(0, code)]++;
  }

  countFailed(command: number): void {
    this.values[this.failedAt + command]++;
  }

  countRejected(command: number): void {
    this.values[this.rejectedAt + command]++;
  }

  calls(command: number): number {
    return this.values[TOTALS + command];
  }

  microseconds(command: number): number {
    return this.values[this.microsecondsAt + command];
  }

  failed(command: number): number {
    return this.values[this.failedAt + command];
  }

  rejected(command: number): number {
    return this.values[this.rejectedAt + command];
  }

  bucket(command: number, bucket: number): number {
    return this.values[this.histogramAt + command * HISTOGRAM_BUCKETS + bucket];
  }

  /** CONFIG RESETSTAT: forgets what adds up; what is (connections, pending bytes) stays. */
  reset(): void {
    for (const total of [TOTAL_COMMANDS, TOTAL_CONNECTIONS, TOTAL_BYTES_IN, TOTAL_BYTES_OUT, TOTAL_ERRORS, UNKNOWN_COMMANDS, PROTOCOL_ERRORS])
      this.values[total] = 0;
    this.values.fill(0, ERRORS_BY_CODE, TOTALS + this.commands * (4 + HISTOGRAM_BUCKETS));
  }
}

/** Histogram bucket of a duration. */
export function bucketOf(microseconds: number): number {
  const whole = microseconds | 0;
  return whole <= 0 ? 0 : Math.min(HISTOGRAM_BUCKETS - 1, 32 - Math.clz32(whole));
}
