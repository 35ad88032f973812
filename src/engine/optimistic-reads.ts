/**
 * Reads without the shard's lock: for threads of an application, which read key by key. The lock costs each read two atomic writes to a cache line that all
 * threads write, and when two threads meet, one waits; an optimistic read writes nothing that others read.
 *
 * ```
 *  find:  lock free?   index, key, header       the caller copies the value      confirm:  unchanged?   note the hit
 *  ───────────┬───────────────┬──────────────────────────────────────────────────────────────┬───────────────────────▶
 *             └ UNSURE        └ not there: unchanged? ABSENT, else UNSURE                     └ no: what was copied is worth nothing
 * ```
 *
 * How a reader knows that nobody has changed the shard meanwhile is told in locks/shard-lock.ts. Until it knows, whatever it has read may be torn or belong to something
 * else; so everything is within bounds (`HashIndex.findUnlocked`, and the value's range), and nothing is believed. Who copies the value must bear bytes that change
 * while they are copied: V8 goes twice through bytes that it makes a string of as UTF-8, and would write beyond the string's end.
 *
 * UNSURE says nothing but that the caller is to read under the lock: somebody is changing the shard, or it is not a string of ordinary length that lives.
 * What has expired has to be removed, and a large value may be written for longer than it takes to read it.
 *
 * **What a read counts** (hits, misses, the item's access) may be written under the lock only: without it, the item may have made way for another. So it is noted here,
 * by shard, and written in one go (`settle`): when the thread takes the shard's lock anyway, when the notes are full, and whenever the owner says so.
 * An access is written if the item is still there: if nobody has changed the shard since the first of the notes, or else if the index says so. For that the lock is
 * taken quietly: it disturbs no optimistic reader.
 *
 * ```
 *  notes of a shard:   count | hits | misses | sequence of the first access | item, hash | item, hash | ...       62 accesses
 * ```
 *
 * A thread that ends without `settle` loses what it had noted. If one is broken off in the middle of anything here, the next read begins anew; at worst an access
 * counts twice.
 */

import type { ByteSpace } from '../base/bytes.js';
import type { Clock } from '../base/clock.js';
import type { Control } from './control.js';
import { accessOf, expiryOf, isPlaceholder, TYPE_STRING, typeOf, valueLength, valueOffset } from './item.js';
import type { Keyspace } from './keyspace.js';
import { NOT_NOW } from './locks/shard-lock.js';
import type { Shard } from './shard.js';

/** The key is not there. */
export const ABSENT = -1;
/** Read under the lock. */
export const UNSURE = -2;

/** Longest value that is read so, in bytes. */
export const OPTIMISTIC_BYTES_MAX = 4096;

const COUNT = 0;
const HITS = 1;
const MISSES = 2;
const SEQUENCE = 3;
const FIRST = 4;
const NOTE_WORDS = 2;
const NOTES_MAX = 62;
const ROW_SHIFT = 7;

export class OptimisticReads {
  /** Where the value that `find` found begins: byte offset in the shard. */
  at = 0;
  private readonly keyspace: Keyspace;
  private readonly control: Control;
  private readonly clock: Clock;
  private readonly notes: Int32Array;
  // What `find` found.
  private shard: Shard;
  private row = 0;
  private sequence = 0;
  private hash = 0;
  private item = 0;
  private access = 0;

  constructor(keyspace: Keyspace) {
    this.keyspace = keyspace;
    this.control = keyspace.control;
    this.clock = keyspace.clock;
    this.notes = new Int32Array(keyspace.shards.length << ROW_SHIFT);
    this.shard = keyspace.shards[0];
  }

  /**
   * Finds a string. When it is not there, that is a miss.
   * @param number of the key's shard
   * @param hash of the key, unsalted
   * @param key its bytes, from the first on
   * @param database logical number
   * @returns ABSENT; UNSURE; or the length of the value, which is at `at`, if `confirm` says so
   */
  find(number: number, hash: number, key: ByteSpace, keyBytes: number, database: number): number {
    const row = number << ROW_SHIFT;
    // Somebody was at the shard when the notes became full.
    if (this.notes[row] === NOTES_MAX) return UNSURE;
    const item = this.search(number, hash, key, keyBytes, database);
    if (item <= 0) {
      if (item === ABSENT) this.notes[row + MISSES]++;
      return item;
    }
    const { words, bytes } = this.shard;
    this.row = row;
    this.item = item;
    this.access = accessOf(words, item);
    this.at = valueOffset(words, item);
    const length = valueLength(words, item);
    if (typeOf(words, item) !== TYPE_STRING || length > OPTIMISTIC_BYTES_MAX) return UNSURE;
    return this.at + length <= bytes.length ? length : UNSURE;
  }

  /** Whether what `find` found, and what was copied of it since, is true. It is a hit and an access then. */
  confirm(): boolean {
    const { shard, row } = this;
    if (!shard.lock.isUnchanged(this.sequence)) return false;
    this.notes[row + HITS]++;
    if (shard.mayTouch(this.access)) this.note();
    return true;
  }

  /** Whether a key is there: ABSENT, UNSURE or something else. It counts as nothing. Parameters as those of `find`. */
  look(number: number, hash: number, key: ByteSpace, keyBytes: number, database: number): number {
    const item = this.search(number, hash, key, keyBytes, database);
    return item < 0 || this.shard.lock.isUnchanged(this.sequence) ? item : UNSURE;
  }

  /** Writes down what was noted, for shards whose locks can be had at once, or (`waits`) for all. The thread holds no lock. */
  settle(waits: boolean): void {
    const { shards } = this.keyspace;
    for (let number = 0; number < shards.length; number++) {
      const row = number << ROW_SHIFT;
      if (!this.hasNotes(row) || this.trySettle(shards[number], row) || !waits) continue;
      this.write(this.keyspace.enter(shards[number]), row);
      this.keyspace.leave();
    }
  }

  /** Writes down what was noted of a shard, whose lock this thread has just taken. */
  settleHeld(shard: Shard, number: number): void {
    const row = number << ROW_SHIFT;
    if (this.hasNotes(row)) this.write(shard, row);
  }

  /** Finds an item that lives; it is there if the shard is unchanged since `sequence`. Returns it, ABSENT (which is true) or UNSURE. */
  private search(number: number, unsalted: number, key: ByteSpace, keyBytes: number, database: number): number {
    const shard = this.keyspace.shards[number];
    const { lock, words } = shard;
    const sequence = lock.beginRead();
    if (sequence === NOT_NOW) return UNSURE;
    const hash = unsalted ^ this.control.salt(database);
    const item = shard.index.findUnlocked(hash, key, 0, keyBytes, this.control.internal(database));
    if (item === 0) return lock.isUnchanged(sequence) ? ABSENT : UNSURE;
    if (isPlaceholder(words, item)) return UNSURE;
    const deadline = expiryOf(words, item);
    if (deadline !== 0 && !this.isAhead(deadline)) return UNSURE;
    this.shard = shard;
    this.sequence = sequence;
    this.hash = hash;
    return item;
  }

  private isAhead(deadline: number): boolean {
    // Only now does it matter what time it is.
    this.clock.tick();
    return deadline > this.clock.now;
  }

  /** Notes an access to the item. */
  private note(): void {
    const { notes, row } = this;
    const count = notes[row];
    if (count === 0) notes[row + SEQUENCE] = this.sequence;
    const at = row + FIRST + count * NOTE_WORDS;
    notes[at] = this.item;
    notes[at + 1] = this.hash;
    notes[row] = count + 1;
    if (count + 1 === NOTES_MAX) this.trySettle(this.shard, row);
  }

  private hasNotes(row: number): boolean {
    const { notes } = this;
    return (notes[row + HITS] | notes[row + MISSES] | notes[row + COUNT]) !== 0;
  }

  private trySettle(shard: Shard, row: number): boolean {
    if (!this.keyspace.tryEnterQuietly(shard)) return false;
    this.write(shard, row);
    this.keyspace.leave();
    return true;
  }

  /** The shard is locked, quietly or not: nothing that is written here is anything to an optimistic reader. */
  private write(shard: Shard, row: number): void {
    const { notes } = this;
    const hits = notes[row + HITS];
    const misses = notes[row + MISSES];
    notes[row + HITS] = 0;
    notes[row + MISSES] = 0;
    shard.ledger.lookups(hits, misses);
    const isUnchanged = notes[row + SEQUENCE] === shard.lock.sequence;
    const end = row + FIRST + notes[row] * NOTE_WORDS;
    for (let at = row + FIRST; at < end; at += NOTE_WORDS)
      if (isUnchanged || isThere(shard, notes[at], notes[at + 1])) shard.touch(notes[at]);
    notes[row] = 0;
  }
}

/** Whether there is a key's item (byte offset) with this hash. */
function isThere(shard: Shard, item: number, hash: number): boolean {
  return shard.index.findItem(hash, item) !== 0 && !isPlaceholder(shard.words, item);
}
