/**
 * What is counted of a shard's items: how many there are, by database, what they take, and what became of them.
 *
 * ```
 *  header words:   8 items   9 resets   128..191 keys by internal database   192..255 keys with a deadline by internal database
 *                  4096..4159 placeholders by internal database   4160.. items by tight class
 *  header doubles: 9 hits   10 misses   11 expired   12 evicted   13 bytes   14 refused   15 expired by sweeps   16 stored   17 milliseconds of sweeps
 *                  2304..2367 sum of deadlines by internal database
 * ```
 *
 * Who changes items says so under the shard's lock. Anybody reads, without it: each figure is right for itself, and a database that has a key is not without
 * one for a moment, so a key that only changes is *measured* out and in, and stays counted.
 */

import { DATABASES_MAX, databaseOf, expiryOf, isPinned, isPlaceholder, sizeOf } from './item.js';
import { TIGHT_BYTES_MAX, TIGHT_CLASSES, TIGHT_FROM, tightClassOf, tightPlace } from './memory/size-classes.js';
import type { Pins } from './pins.js';

const ITEMS = 8;
const RESETS = 9;
const KEYS = 128;
const EXPIRING = 192;
const PLACEHOLDERS = 4096;
const SIZES = 4160;

const HITS = 9;
const MISSES = 10;
const EXPIRED = 11;
const EVICTED = 12;
const BYTES = 13;
const REFUSED = 14;
const EXPIRED_BY_SWEEP = 15;
const STORED = 16;
const SWEEP_MS = 17;
const DEADLINES = 2304;
/** Deadlines are summed up from here on, in milliseconds since 1970 (2026 began): so their sum stays exact for millions of keys and some months. */
const SUMMED_FROM = 1_767_225_600_000;
/** What CONFIG RESETSTAT sets to 0. */
const OF_THE_PAST = [HITS, MISSES, EXPIRED, EXPIRED_BY_SWEEP, EVICTED, STORED, REFUSED, SWEEP_MS];

export class Ledger {
  private readonly words: Int32Array;
  private readonly figures: Float64Array;
  private readonly pins: Pins;

  /** @param figures the shard's header as doubles */
  constructor(words: Int32Array, figures: Float64Array, pins: Pins) {
    this.words = words;
    this.figures = figures;
    this.pins = pins;
  }

  /** There are no items any more. What has been stays. */
  clear(): void {
    const { words } = this;
    words[ITEMS] = 0;
    words.fill(0, KEYS, KEYS + DATABASES_MAX);
    words.fill(0, EXPIRING, EXPIRING + DATABASES_MAX);
    words.fill(0, PLACEHOLDERS, PLACEHOLDERS + DATABASES_MAX);
    words.fill(0, SIZES, SIZES + TIGHT_CLASSES);
    this.figures[BYTES] = 0;
    this.figures.fill(0, DEADLINES, DEADLINES + DATABASES_MAX);
    this.pins.clear();
  }

  /** Forgets what has been, but for resets. */
  forget(): void {
    for (const figure of OF_THE_PAST) this.figures[figure] = 0;
    this.pins.resetFigures();
  }

  // ---------------------------------------------------------------------------------------------- what there is

  /** Counts an item in (1) or out (-1). */
  count(item: number, sign: number): void {
    const { words } = this;
    words[ITEMS] += sign;
    words[(isPlaceholder(words, item) ? PLACEHOLDERS : KEYS) + databaseOf(words, item)] += sign;
    this.measure(item, sign);
  }

  /** Counts a key of a database (internal number) in, whatever it has. */
  tally(database: number): void {
    this.words[ITEMS]++;
    this.words[KEYS + database]++;
  }

  /** Adds (1) or takes away (-1) what an item that is counted has: bytes, a deadline, a pin. */
  measure(item: number, sign: number): void {
    const { words } = this;
    const expiry = expiryOf(words, item);
    if (expiry !== 0 && !isPlaceholder(words, item)) this.countDeadline(databaseOf(words, item), expiry, sign);
    const bytes = sizeOf(words, item);
    this.figures[BYTES] += sign * bytes;
    if (bytes > TIGHT_FROM) this.countSize(bytes, sign);
    if (isPinned(words, item)) this.pins.count(item, sign);
  }

  private countDeadline(database: number, expiry: number, sign: number): void {
    const left = (this.words[EXPIRING + database] += sign);
    // What rounding has left of deadlines in the far future is not taken along.
    this.figures[DEADLINES + database] =
      left === 0 ? 0 : this.figures[DEADLINES + database] + sign * (expiry - SUMMED_FROM);
  }

  /** A value gets another length where it is: its item, of `before` bytes, takes `bytes` more. */
  grown(before: number, bytes: number): void {
    this.figures[BYTES] += bytes;
    if (before > TIGHT_FROM) this.countSize(before, -1);
    if (before + bytes > TIGHT_FROM) this.countSize(before + bytes, 1);
  }

  private countSize(bytes: number, sign: number): void {
    if (bytes <= TIGHT_BYTES_MAX) this.words[SIZES + tightPlace(tightClassOf(bytes))] += sign;
  }

  /** A key of a database is a placeholder from now on. */
  keyIsPlaceholder(database: number): void {
    this.words[PLACEHOLDERS + database]++;
    this.words[KEYS + database]--;
  }

  /** A placeholder of a database is a key from now on. */
  placeholderIsKey(database: number): void {
    this.words[KEYS + database]++;
    this.words[PLACEHOLDERS + database]--;
  }

  /** Keys, and placeholders, of all databases. */
  get items(): number {
    return this.words[ITEMS];
  }

  /** Keys of all databases. */
  get keys(): number {
    let keys = 0;
    for (let database = 0; database < DATABASES_MAX; database++) keys += this.keysIn(database);
    return keys;
  }

  /** Items in a database (internal number): keys, and placeholders. */
  itemsIn(database: number): number {
    return this.words[KEYS + database] + this.words[PLACEHOLDERS + database];
  }

  /** Keys in a database, those included that have expired and are not removed yet. */
  keysIn(database: number): number {
    return this.words[KEYS + database];
  }

  /** Keys in a database that have a deadline. */
  expiringIn(database: number): number {
    return this.words[EXPIRING + database];
  }

  /** The sum of the deadlines of a database's keys, in milliseconds since 1970; inexact where that is more than 2^53 from 2026 on. */
  deadlinesIn(database: number): number {
    return this.figures[DEADLINES + database] + this.expiringIn(database) * SUMMED_FROM;
  }

  /** Whether an item may have a deadline: nearly every placeholder has one. */
  hasDeadlines(): boolean {
    const { words } = this;
    for (let database = 0; database < DATABASES_MAX; database++)
      if (words[EXPIRING + database] > 0 || words[PLACEHOLDERS + database] > 0) return true;
    return false;
  }

  /** Items whose tight class this is, wherever they are. */
  itemsOfClass(sizeClass: number): number {
    return this.words[SIZES + tightPlace(sizeClass)];
  }

  /** Bytes of the items themselves, without rounding. */
  get itemBytes(): number {
    return this.figures[BYTES];
  }

  // ---------------------------------------------------------------------------------------------- what has been

  lookup(hit: boolean): void {
    this.figures[hit ? HITS : MISSES]++;
  }

  /** As `lookup`, for several. */
  lookups(hits: number, misses: number): void {
    this.figures[HITS] += hits;
    this.figures[MISSES] += misses;
  }

  /** A string was written, whole. */
  store(): void {
    this.figures[STORED]++;
  }

  /** An item was removed after its deadline. */
  expire(): void {
    this.figures[EXPIRED]++;
  }

  /** It was a sweep that found it. */
  sweep(): void {
    this.figures[EXPIRED_BY_SWEEP]++;
  }

  /** A sweep took so long, in milliseconds. */
  sweepTook(ms: number): void {
    this.figures[SWEEP_MS] += ms;
  }

  evict(): void {
    this.figures[EVICTED]++;
  }

  /** A write was refused for want of memory. */
  refuse(): void {
    this.figures[REFUSED]++;
  }

  /** The shard was reset because a thread died in the middle of a change. */
  reset(): void {
    this.words[RESETS]++;
  }

  get hits(): number {
    return this.figures[HITS];
  }

  get misses(): number {
    return this.figures[MISSES];
  }

  get stored(): number {
    return this.figures[STORED];
  }

  get expired(): number {
    return this.figures[EXPIRED];
  }

  get expiredBySweep(): number {
    return this.figures[EXPIRED_BY_SWEEP];
  }

  /** Time that was spent on looking for what has expired, in milliseconds. */
  get sweepMs(): number {
    return this.figures[SWEEP_MS];
  }

  get evicted(): number {
    return this.figures[EVICTED];
  }

  get refused(): number {
    return this.figures[REFUSED];
  }

  get resets(): number {
    return this.words[RESETS];
  }
}
