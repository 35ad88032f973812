/**
 * A shard: one SharedArrayBuffer with its share of the keyspace, and everything that can be done to an item in it.
 *
 * Every thread has its own Shard object over the same buffer; all state is in the buffer, and every method (but those of the lock) is
 * called by the thread that holds the shard's lock. Reads without it are in optimistic-reads.ts.
 *
 * ```
 *  header words:  0 magic   2..6, 80 page pool   7 directory depth   8, 9, 128..255, 4096..4399 ledger   10, 11 upkeep   12, 13 last version
 *                 14, 15 queues   16, 17 lock   81, 82 times of use   256.. class records of the slabs, record of the tidying
 *  as doubles:    9..17, 2304..2367 ledger   24.. pins   32.. queues   4096.. record of the expiry lag
 * ```
 *
 * **Items move.** Allocating can evict or move any item, so a byte offset found before an allocation is looked up again after it; `pinned`
 * names the one item that must survive the allocation and stay where it is.
 */

import { assert } from '../base/assert.js';
import { type ByteArena, copyBytes } from '../base/bytes.js';
import type { Clock } from '../base/clock.js';
import { hashBytes } from '../base/hash.js';
import { type Control, saltOf } from './control.js';
import { AccessClock } from './eviction/access.js';
import { Evictor } from './eviction/evictor.js';
import { Ghosts } from './eviction/ghosts.js';
import { QUEUE_DOUBLES, Queues } from './eviction/queues.js';
import { UseTimes } from './eviction/use-time.js';
import { Deadlines } from './expiry/deadlines.js';
import { LAG_DOUBLES, LagRecord } from './expiry/lag.js';
import {
  accessOf,
  accessWord,
  BLOCK_VERSION,
  blocksOf,
  clearMarks,
  DATABASES_MAX,
  databaseOf,
  expiryOf,
  hasExpiryBlock,
  hasJustBlocks,
  hasVersion,
  isPinned,
  isPlaceholder,
  itemBytes,
  KEY_BYTES_MAX,
  keyLength,
  keyOffset,
  MARK_FETCHED,
  MARK_LEASED,
  MARK_PLACEHOLDER,
  MARK_STALE,
  MARK_TEXT,
  setMarks,
  setPinned,
  setPlainLength,
  setValueLength,
  setVersion,
  sizeOf,
  TYPE_STRING,
  typeOf,
  unmarked,
  valueLength,
  valueOffset,
  writeExpiry,
  writeHeader,
} from './item.js';
import { Ledger } from './ledger.js';
import type { ShardLock } from './locks/shard-lock.js';
import { Compaction } from './memory/compaction.js';
import { ItemMemory } from './memory/item-memory.js';
import { budgetMin, directoryEntriesMax, PagePool } from './memory/page-pool.js';
import { PAGE_BYTES } from './memory/size-classes.js';
import { SLAB_HEADER_WORDS, Slabs } from './memory/slabs.js';
import { Tidying } from './memory/tidying.js';
import { PIN_DOUBLES, Pins } from './pins.js';
import { Relocation } from './relocation.js';
import { HashIndex } from './table/hash-index.js';

const MAGIC_VALUE = 0x41534831;

const MAGIC = 0;
const CURSOR = 10;
const UPKEEP = 11;
const VERSION_LOW = 12;
const VERSION_HIGH = 13;
/** In doubles, as the next two. */
const PIN_FIGURES = 24;
const QUEUE_FIGURES = 32;
const SLAB_RECORDS = 256;
const TIDYING_RECORD = SLAB_RECORDS + SLAB_HEADER_WORDS;
const LAG_RECORD = 4096;

/** A shard's versions begin at the second of its making times two to this: no shard gives out so many a second for long. */
const VERSION_SECOND_SHIFT = 20;

export class Shard {
  readonly pool: PagePool;
  readonly bytes: ByteArena;
  readonly words: Int32Array;
  readonly index: HashIndex;
  readonly slabs: Slabs;
  readonly deadlines: Deadlines;
  /** How late expired items were removed lately. */
  readonly lag: LagRecord;
  readonly memory: ItemMemory;
  /** Gives memory back that nobody needs. */
  readonly tidying: Tidying;
  private readonly useTimes: UseTimes;
  readonly access: AccessClock;
  readonly lock: ShardLock;
  /** Gives items another cell, key or shard. */
  readonly relocation: Relocation;
  readonly pins: Pins;
  /** What is counted of the items. */
  readonly ledger: Ledger;
  /** Whether this thread has the lock, or is about to take it: the keyspace's note. */
  isHeld = false;
  /** Entry of the last item found: what `replaceItem` and `remove` work on without searching again. */
  entry = 0;
  /** Item that allocations must neither evict nor move; 0 = none. */
  pinned = 0;
  private readonly control: Control;
  private readonly clock: Clock;
  private readonly k0: number;
  private readonly k1: number;

  /** @param offset byte offset in the buffer at which the shard begins */
  constructor(
    buffer: SharedArrayBuffer,
    offset: number,
    control: Control,
    clock: Clock,
    random: () => number,
    makeLock: (words: Int32Array) => ShardLock,
  ) {
    const pool = new PagePool(buffer, offset, control.shardPages);
    this.pool = pool;
    this.bytes = pool.bytes;
    this.words = pool.words;
    const figures = new Float64Array(buffer, offset, PAGE_BYTES / 8);
    this.control = control;
    this.clock = clock;
    this.k0 = control.hashKey[0];
    this.k1 = control.hashKey[1];
    this.pins = new Pins(this.words, figures.subarray(PIN_FIGURES, PIN_FIGURES + PIN_DOUBLES), control);
    this.ledger = new Ledger(this.words, figures, this.pins);
    this.index = new HashIndex(pool, directoryEntriesMax(pool.capacity));
    this.slabs = new Slabs(pool, SLAB_RECORDS);
    const queues = new Queues(pool, figures.subarray(QUEUE_FIGURES, QUEUE_FIGURES + QUEUE_DOUBLES));
    this.access = new AccessClock(control, clock, random, queues, new Ghosts(pool));
    this.deadlines = new Deadlines(pool, this.slabs, clock, CURSOR, this);
    this.lag = new LagRecord(figures.subarray(LAG_RECORD, LAG_RECORD + LAG_DOUBLES));
    const compaction = new Compaction(pool, this.slabs, this);
    const evictor = new Evictor(pool, this.slabs, control, clock, this.access, queues, random, this, compaction);
    this.memory = new ItemMemory(pool, this.slabs, evictor, compaction, control, this);
    this.useTimes = new UseTimes(pool, this.slabs, clock);
    this.tidying = new Tidying(pool, this.slabs, compaction, this, clock, TIDYING_RECORD);
    this.relocation = new Relocation(this);
    this.lock = makeLock(this.words);
  }

  /** Makes a shard of a new buffer. `budget` in pages. */
  static prepare(shard: Shard, budget: number): void {
    assert(budget >= budgetMin(shard.pool.capacity), 'Shard: budget too small');
    shard.pool.budget = budget;
    shard.words[MAGIC] = MAGIC_VALUE;
    shard.beginVersions();
    shard.clear();
  }

  /** Whether the buffer holds a shard: a handle may come from anywhere. */
  get valid(): boolean {
    return this.words[MAGIC] === MAGIC_VALUE;
  }

  /** Removes everything at once. Figures of the past stay. */
  clear(): void {
    this.pool.format();
    this.slabs.format();
    this.index.format();
    this.tidying.format();
    this.useTimes.format();
    this.ledger.clear();
    this.words[CURSOR] = 0;
    this.entry = 0;
    this.pinned = 0;
  }

  /**
   * Versions begin where those of an earlier process cannot have come to: a client may still hold one of them. Clearing a shard leaves the
   * counter as it is, for the same reason.
   */
  private beginVersions(): void {
    const seconds = Math.floor(this.clock.now / 1000);
    this.words[VERSION_LOW] = seconds << VERSION_SECOND_SHIFT;
    this.words[VERSION_HIGH] = seconds >>> (32 - VERSION_SECOND_SHIFT);
  }

  /** What is done when the lock was taken over from a thread that died with it. */
  resetTorn(): void {
    this.clear();
    this.ledger.reset();
  }

  // ---------------------------------------------------------------------------------------------- finding

  /** Salted hash of a key, for the index. */
  hash(key: Uint8Array, offset: number, length: number, internal: number): number {
    return hashBytes(key, offset, length, this.k0, this.k1) ^ saltOf(internal);
  }

  /**
   * Finds an item; one that has expired is removed and not found.
   * @param hash salted hash of the key
   * @param database internal number of the database
   * @returns byte offset of the item, or 0; `entry` is its index entry
   */
  find(hash: number, key: Uint8Array, offset: number, length: number, database: number): number {
    const entry = this.index.find(hash, key, offset, length, database);
    if (entry === 0) return 0;
    const item = this.index.itemAt(entry);
    this.entry = entry;
    return this.removeExpired(item) ? 0 : item;
  }

  /** Whether an item is past its deadline. */
  isExpired(item: number): boolean {
    const expiry = expiryOf(this.words, item);
    return expiry !== 0 && expiry <= this.clock.now;
  }

  /** Removes an item that was come by if it is past its deadline, and says whether it was. */
  removeExpired(item: number): boolean {
    if (!this.isExpired(item)) return false;
    this.removeLate(item);
    return true;
  }

  /** Finds an item to be read: counts a hit or a miss, and the access. A placeholder is a miss. */
  read(hash: number, key: Uint8Array, offset: number, length: number, database: number): number {
    const item = this.find(hash, key, offset, length, database);
    if (item === 0 || isPlaceholder(this.words, item)) {
      this.ledger.lookup(false);
      return 0;
    }
    this.ledger.lookup(true);
    this.touch(item);
    return item;
  }

  /** Counts an access to an item. */
  touch(item: number): void {
    const word = accessWord(item);
    const before = this.words[word];
    const after = this.access.touched(before) | MARK_FETCHED;
    if (before !== after) this.words[word] = after;
  }

  /** Whether `touch` may change the access word of an item that has this one. */
  mayTouch(access: number): boolean {
    return (access & MARK_FETCHED) === 0 || this.access.mayChange(access);
  }

  /** Seconds since the item was last read or written: `AccessClock.idleSeconds`. */
  idleSeconds(item: number): number {
    return this.access.idleSeconds(accessOf(this.words, item));
  }

  // ---------------------------------------------------------------------------------------------- writing

  /**
   * Stores a string under a key, in the place of whatever is there.
   * @param expiry absolute deadline in milliseconds, 0 = none, -1 = as it was
   * @returns false when there is no memory for it; the old value is still there
   */
  setString(
    hash: number,
    key: Uint8Array,
    keyAt: number,
    keyBytes: number,
    database: number,
    value: Uint8Array,
    valueAt: number,
    valueBytes: number,
    expiry: number,
  ): boolean {
    const item = this.prepareString(hash, key, keyAt, keyBytes, database, valueBytes, expiry);
    if (item === 0) return false;
    copyBytes(value, valueAt, this.bytes, valueOffset(this.words, item), valueBytes);
    return true;
  }

  /**
   * Makes an item for a string of `valueBytes` under a key, in the place of whatever is there. The value's bytes are the caller's to write,
   * all of them, before the lock is released; so is what the optional blocks hold.
   * @param blocks BLOCK_ bits
   * @returns the item, or 0 when there is no memory for it (the old value is still there) or the key is too long
   */
  prepareString(
    hash: number,
    key: Uint8Array,
    keyAt: number,
    keyBytes: number,
    database: number,
    valueBytes: number,
    expiry: number,
    blocks = 0,
  ): number {
    const old = this.find(hash, key, keyAt, keyBytes, database);
    if (old === 0) return this.addString(hash, key, keyAt, keyBytes, database, valueBytes, Math.max(0, expiry), blocks);
    const deadline = expiry === -1 ? this.deadlineToKeep(old) : expiry;
    const bytes = itemBytes(keyBytes, valueBytes, deadline !== 0, blocks);
    if (typeOf(this.words, old) === TYPE_STRING && this.memory.fit(old, bytes)) {
      this.rewrite(old, key, keyAt, keyBytes, database, valueBytes, deadline, blocks);
      return old;
    }
    const pin = this.pins.wanted(old, key, keyAt, keyBytes);
    this.pinned = old;
    const item = this.memory.allocate(bytes);
    this.pinned = 0;
    if (item === 0) return 0;
    const access = unmarked(this.access.touched(accessOf(this.words, old)));
    writeHeader(this.words, item, keyBytes, valueBytes, database, TYPE_STRING, deadline !== 0, access, blocks);
    if (pin) setPinned(this.words, item, true);
    copyBytes(key, keyAt, this.bytes, keyOffset(this.words, item), keyBytes);
    if (isPlaceholder(this.words, old)) this.ledger.placeholderIsKey(database);
    this.ledger.measure(old, -1);
    this.index.replace(this.index.findItem(hash, old), item);
    this.memory.release(old);
    this.writeDeadline(item, deadline);
    this.ledger.measure(item, 1);
    this.ledger.store();
    return item;
  }

  /** The deadline of what is under a key. That of a placeholder is its lease's. */
  private deadlineToKeep(item: number): number {
    return isPlaceholder(this.words, item) ? 0 : expiryOf(this.words, item);
  }

  /** Access word of a new item. */
  freshAccess(hash: number, bytes: number): number {
    return this.access.fresh(hash, bytes, this.ledger.items);
  }

  /** Adds an item for a key that is not there. */
  private addString(
    hash: number,
    key: Uint8Array,
    keyAt: number,
    keyBytes: number,
    database: number,
    valueBytes: number,
    deadline: number,
    blocks: number,
  ): number {
    if (keyBytes > KEY_BYTES_MAX || !this.reserveEntry(hash)) return 0;
    const bytes = itemBytes(keyBytes, valueBytes, deadline !== 0, blocks);
    const item = this.memory.allocate(bytes);
    if (item === 0) return 0;
    const access = this.freshAccess(hash, bytes);
    writeHeader(this.words, item, keyBytes, valueBytes, database, TYPE_STRING, deadline !== 0, access, blocks);
    if (this.pins.wanted(0, key, keyAt, keyBytes)) setPinned(this.words, item, true);
    copyBytes(key, keyAt, this.bytes, keyOffset(this.words, item), keyBytes);
    this.index.insert(hash, item);
    this.writeDeadline(item, deadline);
    this.ledger.count(item, 1);
    this.ledger.store();
    return item;
  }

  /** Writes a string item anew in the cell it has. */
  private rewrite(
    item: number,
    key: Uint8Array,
    keyAt: number,
    keyBytes: number,
    database: number,
    valueBytes: number,
    deadline: number,
    blocks: number,
  ): void {
    const words = this.words;
    this.ledger.store();
    if (isPlaceholder(words, item)) this.ledger.placeholderIsKey(database);
    const access = unmarked(this.access.touched(accessOf(words, item)));
    if (deadline === 0 && hasJustBlocks(words, item, blocks) && valueLength(words, item) === valueBytes) {
      // The commonest overwrite: the same length, no deadline before or after. Nothing but the value changes, and what the blocks hold.
      setPlainLength(words, item, valueBytes);
      words[accessWord(item)] = access;
      if (this.control.hasPinPrefix(key, keyAt, keyBytes)) this.pins.pin(item);
      return;
    }
    const pin = this.pins.wanted(item, key, keyAt, keyBytes);
    this.ledger.measure(item, -1);
    const keyFrom = keyOffset(words, item);
    writeHeader(words, item, keyBytes, valueBytes, database, TYPE_STRING, deadline !== 0, access, blocks);
    if (pin) setPinned(words, item, true);
    const keyTo = keyOffset(words, item);
    if (keyTo !== keyFrom) copyBytes(key, keyAt, this.bytes, keyTo, keyBytes);
    this.writeDeadline(item, deadline);
    this.ledger.measure(item, 1);
  }

  /**
   * Changes the length of a string's value, keeping what is there of it; bytes that are added are 0. The caller says `changed` when all is
   * written.
   * @returns the item, which may have moved, or 0 when there is no memory; the old value is still there
   */
  resizeString(item: number, length: number): number {
    const words = this.words;
    const old = valueLength(words, item);
    const bytes = itemBytes(keyLength(words, item), length, hasExpiryBlock(words, item), blocksOf(words, item));
    let at = item;
    // An item that is about to pass the size from which the expiry block is always there is written anew with one.
    const block = bytes > sizeOf(words, item) - old + length;
    if (!block && this.memory.fit(item, bytes)) {
      this.ledger.grown(sizeOf(words, item), length - old);
      setValueLength(words, item, length);
      if (isPinned(words, item)) this.pins.resized(item, length - old);
    } else {
      at = this.relocation.move(item, bytes, length);
      if (at === 0) return 0;
    }
    if (length > old) this.bytes.fill(0, valueOffset(words, at) + old, valueOffset(words, at) + length);
    return at;
  }

  /**
   * Makes room for another value of `length` bytes in the place of a string's, whose deadline and client flags stay. The value's bytes are
   * the caller's to write, all of them.
   * @returns the item, which may have moved, or 0 when there is no memory; the old value is still there
   */
  replaceValue(item: number, length: number): number {
    const at = valueLength(this.words, item) === length ? item : this.resizeString(item, length);
    if (at === 0) return 0;
    setPlainLength(this.words, at, length);
    this.changed(at);
    return at;
  }

  /**
   * Sets or clears (0) an item's deadline, in milliseconds since 1970.
   * @returns the item, which may have moved, or 0 when there is no memory for the deadline
   */
  setExpiry(item: number, expiry: number): number {
    if (expiry === 0 && !hasExpiryBlock(this.words, item)) return item;
    const at = this.reserveExpiry(item);
    if (at === 0) return 0;
    this.ledger.measure(at, -1);
    this.writeDeadline(at, expiry);
    this.ledger.measure(at, 1);
    return at;
  }

  /** Gives an item the room for a deadline, if it has none. Returns it, or 0 when there is no memory. */
  reserveExpiry(item: number): number {
    if (hasExpiryBlock(this.words, item)) return item;
    return this.relocation.addBlocks(item, true, blocksOf(this.words, item));
  }

  /**
   * Gives an item a version, if it has none: Memcached's CAS number.
   * @returns the item, which may have moved, or 0 when there is no memory for the number
   */
  giveVersion(item: number): number {
    if (hasVersion(this.words, item)) return item;
    const at = this.relocation.addBlocks(
      item,
      hasExpiryBlock(this.words, item),
      blocksOf(this.words, item) | BLOCK_VERSION,
    );
    if (at !== 0) this.freshVersion(at);
    return at;
  }

  /** Gives an item that has the version's block another version, which no item of the shard has had. */
  freshVersion(item: number): void {
    const words = this.words;
    words[VERSION_LOW] = (words[VERSION_LOW] + 1) | 0;
    if (words[VERSION_LOW] === 0) words[VERSION_HIGH] = (words[VERSION_HIGH] + 1) | 0;
    setVersion(words, item, words[VERSION_LOW], words[VERSION_HIGH]);
  }

  /** To be called when a value was changed in place: the version, if there is one, is another from now on, and no mark holds for the new value. */
  changed(item: number): void {
    const words = this.words;
    if (hasVersion(words, item)) this.freshVersion(item);
    clearMarks(words, item, MARK_STALE | MARK_LEASED | MARK_TEXT);
    if (!isPlaceholder(words, item)) return;
    this.ledger.measure(item, -1);
    clearMarks(words, item, MARK_PLACEHOLDER);
    this.ledger.measure(item, 1);
    this.ledger.placeholderIsKey(databaseOf(words, item));
  }

  /** Says of an item that was just made, without a value, that it is a placeholder: it stands for a lease, and is no key. */
  makePlaceholder(item: number): void {
    const words = this.words;
    const database = databaseOf(words, item);
    this.ledger.measure(item, -1);
    setMarks(words, item, MARK_PLACEHOLDER);
    this.ledger.measure(item, 1);
    this.ledger.keyIsPlaceholder(database);
  }

  /** Removes an item: from the index, and its memory. */
  remove(item: number): void {
    const entry =
      this.index.itemAt(this.entry) === item && this.entry !== 0
        ? this.entry
        : this.index.findItem(this.hashOf(item), item);
    assert(entry !== 0, 'Shard: item without an entry');
    this.ledger.count(item, -1);
    this.index.remove(entry);
    this.entry = 0;
    this.memory.release(item);
  }

  // ---------------------------------------------------------------------------------------------- memory

  /** Makes sure that the index has room for one more key, making room if the policy allows. */
  reserveEntry(hash: number): boolean {
    while (!this.index.reserve(hash)) {
      if (!this.index.canSplit(hash) || !this.memory.freePage()) {
        this.ledger.refuse();
        return false;
      }
    }
    return true;
  }

  /** Called by the memory. */
  removeDead(): boolean {
    return this.deadlines.removeSome(this.hasOrphans());
  }

  /** Called by the memory. */
  moveSegment(page: number): boolean {
    this.entry = 0;
    return this.index.moveSegment(page);
  }

  /** Called by the tidying. */
  joinSegments(position: number): boolean {
    this.entry = 0;
    return this.index.join(position);
  }

  // ---------------------------------------------------------------------------------------------- upkeep

  /**
   * Claims the next slice of upkeep, if the last one was `restMs` ago: of the threads that share a shard's upkeep, one gets it.
   * @param now milliseconds since 1970
   */
  claimUpkeep(now: number, restMs: number): boolean {
    const last = Atomics.load(this.words, UPKEEP);
    const elapsed = ((now | 0) - last) | 0;
    if (elapsed >= 0 && elapsed < restMs) return false;
    return Atomics.compareExchange(this.words, UPKEEP, last, now | 0) === last;
  }

  /** Notes when the last slice of upkeep was, in milliseconds since 1970. */
  noteUpkeep(now: number): void {
    Atomics.store(this.words, UPKEEP, now | 0);
  }

  /**
   * Removes what has expired, and what flushed databases held, until `until` (by `time`) or everywhere.
   * @param time monotonic milliseconds, with fractions
   * @returns whether there may be more
   */
  sweep(until: number, time: () => number): boolean {
    return this.deadlines.sweep(until, time, this.control.activeExpire, this.hasOrphans());
  }

  /** Keeps the times of last use from coming round, where the policy has such; until `until` (by `time`, monotonic milliseconds). */
  ageUseTimes(until: number, time: () => number): void {
    if (this.access.hasUseTimes) this.useTimes.age(until, time);
  }

  /** Called by the sweep. */
  expire(item: number): void {
    this.ledger.sweep();
    this.removeLate(item);
  }

  /** Removes an item that has expired, and counts it and its lag. */
  private removeLate(item: number): void {
    const { now } = this.clock;
    this.ledger.expire();
    this.lag.add(now - expiryOf(this.words, item), now);
    this.remove(item);
  }

  /** Whether there are items of databases that are being emptied. */
  private hasOrphans(): boolean {
    if (!this.control.hasZombies) return false;
    for (let database = 0; database < DATABASES_MAX; database++)
      if (this.ledger.itemsIn(database) > 0 && this.control.isZombie(database)) return true;
    return false;
  }

  /** Removes every item of a database (internal number) at once. */
  removeDatabase(database: number): void {
    for (let page = this.pool.firstPage; page < this.pool.highWater; page++) this.deadlines.removeWhere(page, database);
  }

  isOrphan(item: number): boolean {
    return this.control.isZombie(databaseOf(this.words, item));
  }

  removeOrphan(item: number): void {
    this.remove(item);
  }

  /** Called by the evictor. */
  evict(item: number, onProbation: boolean): void {
    const hash = this.hashOf(item);
    this.ledger.evict();
    if (this.access.hasQueues) this.access.leaves(hash, onProbation, this.ledger.items);
    // The key is hashed once.
    this.entry = this.index.findItem(hash, item);
    this.remove(item);
  }

  /** Called by the compaction: the bytes are copied, the entry follows. */
  relocated(from: number, to: number): void {
    this.index.replace(this.index.findItem(this.hashOf(to), from), to);
    const expiry = expiryOf(this.words, to);
    if (expiry !== 0) this.deadlines.note(to, expiry);
  }

  /** Salted hash of an item's key. */
  hashOf(item: number): number {
    const words = this.words;
    return this.hash(this.bytes, keyOffset(words, item), keyLength(words, item), databaseOf(words, item));
  }

  /** Writes and notes the deadline of an item that has the block. */
  writeDeadline(item: number, deadline: number): void {
    if (!hasExpiryBlock(this.words, item)) return;
    writeExpiry(this.words, item, deadline);
    if (deadline !== 0) this.deadlines.note(item, deadline);
  }
}
