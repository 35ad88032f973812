/**
 * A sketch of which keys are used most: space-saving counters (Metwally, Agrawal, El Abbadi 2005), in sets.
 *
 * ```
 *  hash ──▶ one of 64 sets:  [key a: 812, 3] [key b: 90, 40] ... 8 ways      count, and how much of it may be others'
 *
 *  a set is one cache line:  [ 8 identities, 32 bits each ][ 8 counts, 32-bit floats ]         all else is touched when a key is new
 * ```
 *
 * A key that is in its set is counted there. One that is not takes the place of the least counted one and inherits its count, as what it may
 * be wrong by: so `count - error` is never more than what the key really had, and a key with more than an eighth of its set, which is about
 * 1/512 of all, cannot be missed. An addition looks at the eight ways of one set and nothing else.
 *
 * Counts fade: what is HALF_LIFE_SECONDS old counts half. The seconds fade with them, so that a count over the faded seconds is a rate from the
 * first second on. Of a key the first KEY_BYTES bytes are kept, to be shown; keys are told apart by their keyed hashes, mixed with their lengths and
 * their databases.
 */

import { copyBytes } from '../base/bytes.js';

const SETS = 64;
const WAYS = 8;
const COUNTERS = SETS * WAYS;
/** Words of a set: identities, then counts. */
const SET_WORDS = 2 * WAYS;
/** Bytes that are kept of a key. */
const KEY_BYTES = 128;
const HALF_LIFE_SECONDS = 3;
/** Rates over less than this say nothing. */
const SECONDS_MIN = 0.5;

const DATABASE_MIX = 0x9e3779b1;
const LENGTH_MIX = 0x85ebca6b;

/** A key as the sketch saw it. */
export interface HeavyHitter {
  /** Its first 128 bytes. */
  readonly key: Uint8Array;
  /** Bytes that the whole key has. */
  readonly length: number;
  readonly database: number;
  /** Of equal keys it is equal, in every sketch with the same hash key; of others hardly ever. */
  readonly identity: number;
  /** What was surely added for it, faded. */
  readonly count: number;
}

export class HeavyHitters {
  private readonly identities: Int32Array;
  /** At the same places, shifted by WAYS; 0 = nobody's counter. */
  private readonly counts: Float32Array;
  // By the counter's number.
  private readonly databases = new Int32Array(COUNTERS);
  private readonly lengths = new Int32Array(COUNTERS);
  private readonly keys = new Uint8Array(COUNTERS * KEY_BYTES);
  private readonly errors = new Float32Array(COUNTERS);
  private faded = 0;
  private sum = 0;

  constructor() {
    const sets = new ArrayBuffer(SETS * SET_WORDS * 4);
    this.identities = new Int32Array(sets);
    this.counts = new Float32Array(sets);
  }

  /** Everything that was added, faded. */
  get total(): number {
    return this.sum;
  }

  /** Seconds over which counts have been made, faded as they are: a count divided by this is a rate. */
  get seconds(): number {
    return Math.max(SECONDS_MIN, this.faded);
  }

  /** Counts a key `weight` times. @param hash keyed hash of the key */
  add(hash: number, database: number, key: Uint8Array, offset: number, length: number, weight: number): void {
    this.sum += weight;
    const { identities, counts } = this;
    const identity = hash ^ Math.imul(database + 1, DATABASE_MIX) ^ Math.imul(length, LENGTH_MIX);
    const set = identity & (SETS - 1);
    const first = set * SET_WORDS;
    const end = first + WAYS;
    let least = first;
    for (let at = first; at < end; at++) {
      if (identities[at] === identity && counts[at + WAYS] > 0) {
        counts[at + WAYS] += weight;
        return;
      }
      if (counts[at + WAYS] < counts[least + WAYS]) least = at;
    }
    const counter = set * WAYS + least - first;
    this.errors[counter] = counts[least + WAYS];
    counts[least + WAYS] += weight;
    identities[least] = identity;
    this.databases[counter] = database;
    this.lengths[counter] = length;
    copyBytes(key, offset, this.keys, counter * KEY_BYTES, Math.min(length, KEY_BYTES));
  }

  /** Lets `seconds` pass. */
  fade(seconds: number): void {
    const rest = 0.5 ** (seconds / HALF_LIFE_SECONDS);
    for (let counter = 0; counter < COUNTERS; counter++) {
      this.counts[placeOf(counter) + WAYS] *= rest;
      this.errors[counter] *= rest;
    }
    this.sum *= rest;
    this.faded = (this.faded + seconds) * rest;
  }

  /** The keys for which at least `least` was surely added, in no order. */
  list(least: number): HeavyHitter[] {
    const found: HeavyHitter[] = [];
    for (let counter = 0; counter < COUNTERS; counter++) {
      const place = placeOf(counter);
      const count = this.counts[place + WAYS] - this.errors[counter];
      if (this.counts[place + WAYS] === 0 || count < least) continue;
      const length = this.lengths[counter];
      const key = this.keys.slice(counter * KEY_BYTES, counter * KEY_BYTES + Math.min(length, KEY_BYTES));
      found.push({ key, length, database: this.databases[counter], identity: this.identities[place], count });
    }
    return found;
  }

  clear(): void {
    // Identities and counts are the same bytes.
    this.counts.fill(0);
    this.errors.fill(0);
    this.sum = 0;
    this.faded = 0;
  }
}

/** Where a counter's identity is in the sets. */
function placeOf(counter: number): number {
  return Math.floor(counter / WAYS) * SET_WORDS + (counter % WAYS);
}
