/**
 * What a worker counts: a block of doubles in shared memory for each worker, written by that worker alone, summed by whoever asks.
 *
 * ```
 *  [totals 64][Memcached's counters][calls, by command][microseconds][failed calls][rejected calls][histogram: 32 buckets a command]
 * ```
 *
 * Bucket b of a histogram counts the calls that took less than 2^b microseconds (and at least half of that).
 */

import { MEMCACHED_COUNTERS } from '../commands/memcached/counters.js';

/** Memcached's counters, from here. */
const COUNTERS = 64;
/**
 * Entries of the command table that a block has room for. Whoever makes blocks or reads totals need not have the table, with all the code that it
 * stands for.
 */
export const TABLE_ENTRIES_MAX = 256;
export const HISTOGRAM_BUCKETS = 32;
/** What is counted by command, from here. */
const BY_COMMAND = COUNTERS + MEMCACHED_COUNTERS;
const MICROSECONDS = BY_COMMAND + TABLE_ENTRIES_MAX;
const FAILED = MICROSECONDS + TABLE_ENTRIES_MAX;
const REJECTED = FAILED + TABLE_ENTRIES_MAX;
const HISTOGRAMS = REJECTED + TABLE_ENTRIES_MAX;
const DOUBLES = HISTOGRAMS + TABLE_ENTRIES_MAX * HISTOGRAM_BUCKETS;

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
export const MONITORS = 15;
/** Clients closed to come under maxmemory-clients. */
export const EVICTED_CLIENTS = 16;
/** Times that bytes were read from sockets. */
export const TOTAL_READS = 17;
/** Microseconds in which batches were executed. */
export const BUSY_MICROSECONDS = 18;
/** Rates of the last seconds, per second. */
export const COMMANDS_PER_SECOND = 19;
export const BYTES_IN_PER_SECOND = 20;
export const BYTES_OUT_PER_SECOND = 21;
export const TURNS_PER_SECOND = 22;
/** Most bytes that one client had waiting in the last seconds. */
export const RECENT_MAX_INPUT = 23;
export const RECENT_MAX_OUTPUT = 24;
/** Bytes that the client takes that takes most and may be closed for it. */
export const LARGEST_CLIENT = 25;
/** Highest `used memory` that this worker saw. */
export const PEAK_MEMORY = 26;
/** Idle clients closed for `timeout`. */
export const TIMED_OUT_CLIENTS = 27;
/** Sockets that the main thread sent and this worker, or one before it, has taken over. */
export const ADOPTED = 28;
/** Of the Memcached door alone: connections that are there, that came, and bytes of their requests and replies. */
export const MEMCACHED_CONNECTED = 29;
export const MEMCACHED_CONNECTIONS = 30;
export const MEMCACHED_BYTES_IN = 31;
export const MEMCACHED_BYTES_OUT = 32;
/** Bytes of memory that the buffers of all connections take. */
export const BUFFERS = 33;
/** Times that bytes were written to sockets. */
export const TOTAL_WRITES = 34;
/** Totals that CONFIG RESETSTAT sets to zero; the others say what is, and not what was. */
const RESETTABLE = [
  TOTAL_COMMANDS,
  TOTAL_CONNECTIONS,
  TOTAL_BYTES_IN,
  TOTAL_BYTES_OUT,
  TOTAL_ERRORS,
  UNKNOWN_COMMANDS,
  PROTOCOL_ERRORS,
  EVENT_LOOP_TURNS,
  OUTPUT_LIMIT_CLOSES,
  QUERY_LIMIT_CLOSES,
  AUTH_FAILURES,
  EVICTED_CLIENTS,
  TOTAL_READS,
  TOTAL_WRITES,
  BUSY_MICROSECONDS,
  TIMED_OUT_CLIENTS,
  MEMCACHED_CONNECTIONS,
  MEMCACHED_BYTES_IN,
  MEMCACHED_BYTES_OUT,
];
/** Of what a worker that is gone counted, this is no longer there. */
export const GONE_WITH_THE_WORKER = [
  CONNECTED,
  MEMCACHED_CONNECTED,
  PENDING_INPUT,
  PENDING_OUTPUT,
  BUFFERS,
  BLOCKED,
  MONITORS,
  COMMANDS_PER_SECOND,
  BYTES_IN_PER_SECOND,
  BYTES_OUT_PER_SECOND,
  TURNS_PER_SECOND,
  RECENT_MAX_INPUT,
  RECENT_MAX_OUTPUT,
  LARGEST_CLIENT,
];
/** Error replies by their first word: counters from here, in the order of ERROR_CODES. */
const ERRORS_BY_CODE = 48;
/** First words of error replies that are counted by name (INFO errorstats); the last are Memcached's. */
export const ERROR_CODES = [
  'ERR',
  'WRONGTYPE',
  'OOM',
  'NOAUTH',
  'WRONGPASS',
  'NOPROTO',
  'UNBLOCKED',
  'NOPERM',
  'BUSY',
  'BUSYKEY',
  'LOADING',
  'MISCONF',
  'READONLY',
  'ERROR',
  'CLIENT_ERROR',
  'SERVER_ERROR',
];

export class Statistics {
  readonly values: Float64Array;
  /** Memcached's counters, by their numbers in commands/memcached/counters.ts. */
  readonly counters: Float64Array;
  /** 1 while calls are counted in their histograms (`latency-tracking`), 0 while they are not. */
  histogramWeight = 1;

  constructor(buffer: SharedArrayBuffer) {
    this.values = new Float64Array(buffer);
    this.counters = this.values.subarray(COUNTERS, BY_COMMAND);
  }

  /** Makes the block of a worker. */
  static allocate(): SharedArrayBuffer {
    return new SharedArrayBuffer(DOUBLES * Float64Array.BYTES_PER_ELEMENT);
  }

  add(total: number, amount: number): void {
    this.values[total] += amount;
  }

  get(total: number): number {
    return this.values[total];
  }

  /** Counts a call of a command that took `microseconds`. */
  countCall(command: number, microseconds: number): void {
    this.values[BY_COMMAND + command]++;
    this.values[MICROSECONDS + command] += microseconds;
    this.values[HISTOGRAMS + command * HISTOGRAM_BUCKETS + bucketOf(microseconds)] += this.histogramWeight;
  }

  /** Counts `calls` calls of a command that took `microseconds` each. */
  countCalls(command: number, calls: number, microseconds: number): void {
    this.values[BY_COMMAND + command] += calls;
    this.values[MICROSECONDS + command] += calls * microseconds;
    this.values[HISTOGRAMS + command * HISTOGRAM_BUCKETS + bucketOf(microseconds)] += calls * this.histogramWeight;
  }

  /** Counts an error reply by its first word. */
  countErrorText(text: string): void {
    const space = text.indexOf(' ');
    const code = ERROR_CODES.indexOf(space < 0 ? text : text.slice(0, space));
    this.values[ERRORS_BY_CODE + Math.max(0, code)]++;
  }

  countFailed(command: number): void {
    this.values[FAILED + command]++;
  }

  countRejected(command: number): void {
    this.values[REJECTED + command]++;
  }

  calls(command: number): number {
    return this.values[BY_COMMAND + command];
  }

  microseconds(command: number): number {
    return this.values[MICROSECONDS + command];
  }

  failed(command: number): number {
    return this.values[FAILED + command];
  }

  rejected(command: number): number {
    return this.values[REJECTED + command];
  }

  bucket(command: number, bucket: number): number {
    return this.values[HISTOGRAMS + command * HISTOGRAM_BUCKETS + bucket];
  }

  /** Error replies whose first word is ERROR_CODES[code]. */
  errors(code: number): number {
    return this.values[ERRORS_BY_CODE + code];
  }

  /** CONFIG RESETSTAT: forgets what adds up; what is (connections, pending bytes) stays. */
  reset(): void {
    for (const total of RESETTABLE) this.values[total] = 0;
    this.values.fill(0, ERRORS_BY_CODE);
  }
}

/** Histogram bucket of a duration. */
export function bucketOf(microseconds: number): number {
  const whole = microseconds | 0;
  return whole <= 0 ? 0 : Math.min(HISTOGRAM_BUCKETS - 1, 32 - Math.clz32(whole));
}
