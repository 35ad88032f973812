/**
 * The control block: a small SharedArrayBuffer beside the shards that holds what all threads must agree on.
 *
 * ```
 *  words 0..63     settings: policy, samples, hash key, ...
 *  words 64..127   logical database -> internal number
 *  words 128..191  logical database -> salt of its keys' hashes (a function of the internal number)
 *  words 192..255  internal number -> 0 free, 1 in use, 2 being emptied
 *  words 256..     thread registry (locks/thread-registry.ts), then the prefixes of pinned keys (pins.ts), 16 records of a
 *                  length and 64 bytes; then, for each shard, where in its buffer it begins (bytes)
 * ```
 *
 * Clients number databases logically. A key carries the *internal* number, and its hash is salted with it. So FLUSHDB gives the
 * database a fresh internal number at once and lets upkeep remove the old keys, and SWAPDB swaps two words.
 * Databases change only while all shards are locked.
 */

import { equalBytes } from '../base/bytes.js';
import { DATABASES_MAX } from './item.js';
import { REGISTRY_WORDS } from './locks/thread-registry.js';

const MAGIC_VALUE = 0x41534c52;
const MAGIC = 0;
const SHARDS = 1;
const POLICY = 2;
const SAMPLES = 3;
const LFU_LOG_FACTOR = 4;
const LFU_DECAY_MINUTES = 5;
const HASH_KEY_0 = 6;
const HASH_KEY_1 = 7;
const ACTIVE_EXPIRE = 8;
const DATABASE_COUNT = 9;
const CHANGING = 10;
const FLUSH_AT_LOW = 11;
const FLUSH_AT_HIGH = 12;
const PIN_BYTES_MAX = 40;
const PIN_PREFIXES = 41;
const PIN_MEMORY_LOW = 42;
const PIN_MEMORY_HIGH = 43;
const SHARD_PAGES = 13;
const WITHHELD_PAGES = 14;
const DATABASES = 64;
const SALTS = 128;
const STATES = 192;
const REGISTRY = 256;
const PREFIXES = REGISTRY + REGISTRY_WORDS;
/** Most prefixes of pinned keys, and bytes of the longest. */
export const PIN_PREFIXES_MAX = 16;
export const PIN_PREFIX_BYTES_MAX = 64;
const PREFIX_WORDS = 1 + PIN_PREFIX_BYTES_MAX / 4;
const OFFSETS = PREFIXES + PIN_PREFIXES_MAX * PREFIX_WORDS;
/** A word holds no more. */
const PIN_BYTES_LIMIT = 2 ** 31 - 1;

const WORD = 2 ** 32;

/** Internal number of logical databases that do not exist. */
const NOT_A_DATABASE = -1;

const STATE_FREE = 0;
const STATE_USED = 1;
const STATE_ZOMBIE = 2;

/** Eviction policies by Redis's names, and two of ours; the index is the number kept in the control block. */
export const POLICIES = [
  'noeviction',
  'allkeys-lru',
  'allkeys-lfu',
  'allkeys-random',
  'volatile-lru',
  'volatile-lfu',
  'volatile-random',
  'volatile-ttl',
  'allkeys-keystone',
  'volatile-keystone',
] as const;
export type PolicyName = (typeof POLICIES)[number];

export const POLICY_NOEVICTION = 0;

/** Whether a policy may evict any item at all, one that has no deadline included. */
export const POLICY_EVICTS_ANY: readonly boolean[] = POLICIES.map((name) => name.startsWith('allkeys-'));

/** Salt that is XORed into the hash of the keys of the database with this internal number. */
export function saltOf(internal: number): number {
  return Math.imul(internal, 0x9e3779b1);
}

export class Control {
  readonly buffer: SharedArrayBuffer;
  readonly words: Int32Array;
  private readonly bytes: Uint8Array;

  constructor(buffer: SharedArrayBuffer) {
    this.buffer = buffer;
    this.words = new Int32Array(buffer);
    this.bytes = new Uint8Array(buffer);
  }

  /** Makes the control block of a new cache. */
  static create(shards: number, databases: number, hashKey: readonly [number, number]): Control {
    const control = new Control(new SharedArrayBuffer((OFFSETS + shards) * 4));
    const words = control.words;
    words[MAGIC] = MAGIC_VALUE;
    words[SHARDS] = shards;
    words[DATABASE_COUNT] = databases;
    words[SAMPLES] = 5;
    words[LFU_LOG_FACTOR] = 10;
    words[LFU_DECAY_MINUTES] = 1;
    words[HASH_KEY_0] = hashKey[0];
    words[HASH_KEY_1] = hashKey[1];
    words[ACTIVE_EXPIRE] = 1;
    control.resetDatabases();
    return control;
  }

  /** Whether the buffer is a control block: a handle may come from anywhere. */
  get valid(): boolean {
    return this.words[MAGIC] === MAGIC_VALUE && this.words.length === OFFSETS + this.words[SHARDS];
  }

  get shards(): number {
    return this.words[SHARDS];
  }

  /** Pages that each shard has address space for. */
  get shardPages(): number {
    return this.words[SHARD_PAGES];
  }

  set shardPages(pages: number) {
    this.words[SHARD_PAGES] = pages;
  }

  /** Pages of each shard's budget that it may not use, because the buffers of connections take that memory. */
  get withheldPages(): number {
    return this.words[WITHHELD_PAGES];
  }

  /** Withholds so many pages of each shard more, or less. Several servers may do so at once, each for its own connections. */
  withholdMore(pages: number): void {
    Atomics.add(this.words, WITHHELD_PAGES, pages);
  }

  /** Byte offset at which a shard begins in its buffer: where the operating system's huge pages do. */
  shardOffset(shard: number): number {
    return this.words[OFFSETS + shard];
  }

  setShardOffset(shard: number, offset: number): void {
    this.words[OFFSETS + shard] = offset;
  }

  /** Logical databases; the numbers from here to DATABASES_MAX are what FLUSHDB takes fresh ones from. */
  get databases(): number {
    return this.words[DATABASE_COUNT];
  }

  get hashKey(): readonly [number, number] {
    return [this.words[HASH_KEY_0], this.words[HASH_KEY_1]];
  }

  /** Number of the eviction policy: index in POLICIES. */
  get policy(): number {
    return this.words[POLICY];
  }

  set policy(policy: number) {
    this.words[POLICY] = policy;
  }

  /** Redis's name of the eviction policy. */
  get policyName(): PolicyName {
    return POLICIES[this.policy];
  }

  /** How many candidates an eviction looks at. */
  get samples(): number {
    return this.words[SAMPLES];
  }

  set samples(samples: number) {
    this.words[SAMPLES] = samples;
  }

  get lfuLogFactor(): number {
    return this.words[LFU_LOG_FACTOR];
  }

  set lfuLogFactor(factor: number) {
    this.words[LFU_LOG_FACTOR] = factor;
  }

  /** Minutes after which the LFU counter of an item that was not touched falls by one. */
  get lfuDecayMinutes(): number {
    return this.words[LFU_DECAY_MINUTES];
  }

  set lfuDecayMinutes(minutes: number) {
    this.words[LFU_DECAY_MINUTES] = minutes;
  }

  /** Whether upkeep removes expired items (DEBUG SET-ACTIVE-EXPIRE). */
  get activeExpire(): boolean {
    return this.words[ACTIVE_EXPIRE] === 1;
  }

  set activeExpire(on: boolean) {
    this.words[ACTIVE_EXPIRE] = on ? 1 : 0;
  }

  /** When database 0 is to be emptied, in milliseconds since 1970; 0 = not at all. It is set while all shards are locked. */
  get flushAt(): number {
    return this.words[FLUSH_AT_HIGH] * WORD + (this.words[FLUSH_AT_LOW] >>> 0);
  }

  set flushAt(time: number) {
    this.words[FLUSH_AT_LOW] = time | 0;
    this.words[FLUSH_AT_HIGH] = Math.floor(time / WORD);
  }

  /** What was asked for pins: bytes of all shards together, or, below zero, percent of the limit. */
  get pinMemory(): number {
    return this.words[PIN_MEMORY_HIGH] * WORD + (this.words[PIN_MEMORY_LOW] >>> 0);
  }

  set pinMemory(memory: number) {
    this.words[PIN_MEMORY_LOW] = memory | 0;
    this.words[PIN_MEMORY_HIGH] = Math.floor(memory / WORD);
  }

  /** Bytes that the pinned items of one shard may take. */
  get pinBytesMax(): number {
    return this.words[PIN_BYTES_MAX];
  }

  set pinBytesMax(bytes: number) {
    this.words[PIN_BYTES_MAX] = Math.min(bytes, PIN_BYTES_LIMIT);
  }

  /**
   * Sets the prefixes of the keys that are pinned when they are written. Whoever writes a key meanwhile may see some of the old ones, some of the new ones,
   * or none.
   * @param prefixes at most PIN_PREFIXES_MAX, of 1 to PIN_PREFIX_BYTES_MAX bytes
   */
  setPinPrefixes(prefixes: readonly Uint8Array[]): void {
    Atomics.store(this.words, PIN_PREFIXES, 0);
    prefixes.forEach((prefix, i) => {
      const record = PREFIXES + i * PREFIX_WORDS;
      this.words[record] = prefix.length;
      this.bytes.set(prefix, (record + 1) * 4);
    });
    Atomics.store(this.words, PIN_PREFIXES, prefixes.length);
  }

  /** Copies of the prefixes. */
  get pinPrefixes(): Buffer[] {
    return Array.from({ length: this.words[PIN_PREFIXES] }, (_, i) => {
      const record = PREFIXES + i * PREFIX_WORDS;
      return Buffer.from(this.bytes.slice((record + 1) * 4, (record + 1) * 4 + this.words[record]));
    });
  }

  /** Whether a key begins with one of the prefixes. */
  hasPinPrefix(key: Uint8Array, offset: number, length: number): boolean {
    const prefixes = this.words[PIN_PREFIXES];
    for (let i = 0; i < prefixes; i++) {
      const record = PREFIXES + i * PREFIX_WORDS;
      const bytes = this.words[record];
      if (bytes <= length && equalBytes(this.bytes, (record + 1) * 4, key, offset, bytes)) return true;
    }
    return false;
  }

  /** First word of the thread registry. */
  get registryWord(): number {
    return REGISTRY;
  }

  /** View of the salts by logical database, for the native prefetch. */
  get salts(): Int32Array {
    return this.words.subarray(SALTS, SALTS + DATABASES_MAX);
  }

  /** Internal number of a logical database. */
  internal(database: number): number {
    return this.words[DATABASES + database];
  }

  /** Salt of a logical database. */
  salt(database: number): number {
    return this.words[SALTS + database];
  }

  /** Logical number of an internal one, or -1 when its keys are on their way out. */
  logical(internal: number): number {
    for (let database = 0; database < DATABASES_MAX; database++)
      if (this.words[DATABASES + database] === internal) return database;
    return -1;
  }

  /** SWAPDB. All shards are locked. */
  swap(a: number, b: number): void {
    const words = this.words;
    const internal = words[DATABASES + a];
    this.beginChange();
    this.assign(a, words[DATABASES + b]);
    this.assign(b, internal);
    this.endChange();
  }

  /**
   * Gives a logical database a fresh internal number, and marks the old one as being emptied. All shards are locked.
   * @returns the old internal number, or -1 when no number is free: then the keys must be removed at once
   */
  detach(database: number): number {
    const words = this.words;
    for (let fresh = 0; fresh < DATABASES_MAX; fresh++) {
      if (words[STATES + fresh] !== STATE_FREE) continue;
      const old = words[DATABASES + database];
      this.beginChange();
      words[STATES + old] = STATE_ZOMBIE;
      this.assign(database, fresh);
      words[STATES + fresh] = STATE_USED;
      this.endChange();
      return old;
    }
    return -1;
  }

  /** Whether a logical database has this internal number. */
  isUsed(internal: number): boolean {
    return this.words[STATES + internal] === STATE_USED;
  }

  /** Whether keys with this internal number are to be removed. */
  isZombie(internal: number): boolean {
    return this.words[STATES + internal] === STATE_ZOMBIE;
  }

  /** Whether any database is being emptied. */
  get hasZombies(): boolean {
    for (let internal = 0; internal < DATABASES_MAX; internal++)
      if (this.words[STATES + internal] === STATE_ZOMBIE) return true;
    return false;
  }

  /** A number whose last key is gone can be given out again. All shards are locked. */
  release(internal: number): void {
    if (this.isZombie(internal)) this.words[STATES + internal] = STATE_FREE;
  }

  /** Every logical database gets its own number, as at the start. No key is left in any shard. */
  resetDatabases(): void {
    this.beginChange();
    for (let database = 0; database < DATABASES_MAX; database++) {
      const exists = database < this.databases;
      this.assign(database, exists ? database : NOT_A_DATABASE);
      this.words[STATES + database] = exists ? STATE_USED : STATE_FREE;
    }
    this.endChange();
  }

  /**
   * Called by who takes over the lock of a thread that died: if that was changing databases, it had all locks, and every shard will be reset.
   * Several threads may do this at once, each with one of the locks: they write the same.
   */
  repair(): void {
    if (Atomics.load(this.words, CHANGING) === 1) this.resetDatabases();
  }

  private beginChange(): void {
    Atomics.store(this.words, CHANGING, 1);
  }

  private endChange(): void {
    Atomics.store(this.words, CHANGING, 0);
  }

  private assign(database: number, internal: number): void {
    this.words[DATABASES + database] = internal;
    this.words[SALTS + database] = saltOf(internal);
  }
}
