/**
 * Items that get another cell, another key, or a copy in another shard. What an item has goes with it: value, type, encoding, deadline, client
 * flags. Its version stays with a value that moves, and does not follow to another key, where nobody has seen it.
 */

import { type ByteArena, copyBytes } from '../base/bytes.js';
import {
  accessWord,
  BLOCK_FLAGS,
  BLOCK_VERSION,
  blocksOf,
  clientFlagsOf,
  copyBlocks,
  databaseOf,
  expiryOf,
  hasExpiryBlock,
  isPinned,
  isRaw,
  itemBytes,
  KEY_BYTES_MAX,
  keyLength,
  keyOffset,
  leaseTickOf,
  MARK_TEXT,
  markRaw,
  marksOf,
  NO_LEASE_TICK,
  setClientFlags,
  setLeaseTick,
  setMarks,
  setPinned,
  setVersion,
  typeOf,
  valueLength,
  valueOffset,
  versionHigh,
  versionLow,
  writeHeader,
} from './item.js';
import type { Ledger } from './ledger.js';
import type { ItemMemory } from './memory/item-memory.js';
import type { Pins } from './pins.js';
import type { HashIndex } from './table/hash-index.js';

/** Where an item is copied from. */
export interface ItemSource {
  readonly words: Int32Array;
  readonly bytes: ByteArena;
}

/** The shard whose items these are. */
export interface ItemHome extends ItemSource {
  readonly index: HashIndex;
  readonly memory: ItemMemory;
  readonly pins: Pins;
  readonly ledger: Ledger;
  /** Item that allocations must neither evict nor move; 0 = none. */
  pinned: number;
  find(hash: number, key: Uint8Array, offset: number, length: number, database: number): number;
  /** Makes sure that the index has room for one more key. */
  reserveEntry(hash: number): boolean;
  /** Access word of a new item. */
  freshAccess(hash: number, bytes: number): number;
  /** Salted hash of an item's key. */
  hashOf(item: number): number;
  /** Notes the deadline of an item that has the block. */
  writeDeadline(item: number, deadline: number): void;
}

export class Relocation {
  private readonly owner: ItemHome;

  constructor(owner: ItemHome) {
    this.owner = owner;
  }

  /** Gives an item a new cell of `bytes`, with room for a value of `length`. Returns it, or 0. */
  move(item: number, bytes: number, length: number): number {
    const { owner } = this;
    const { words } = owner;
    owner.pinned = item;
    const to = owner.memory.allocate(bytes);
    owner.pinned = 0;
    if (to === 0) return 0;
    const keyBytes = keyLength(words, item);
    const expiry = expiryOf(words, item);
    const blocks = blocksOf(words, item);
    const database = databaseOf(words, item);
    const access = words[accessWord(item)];
    const type = typeOf(words, item);
    writeHeader(words, to, keyBytes, length, database, type, hasExpiryBlock(words, item), access, blocks);
    if (isPinned(words, item)) setPinned(words, to, true);
    copyBlocks(words, item, words, to, blocks);
    copyBytes(owner.bytes, keyOffset(words, item), owner.bytes, keyOffset(words, to), keyBytes);
    const kept = Math.min(valueLength(words, item), length);
    copyBytes(owner.bytes, valueOffset(words, item), owner.bytes, valueOffset(words, to), kept);
    owner.ledger.measure(item, -1);
    owner.index.replace(owner.index.findItem(owner.hashOf(item), item), to);
    owner.memory.release(item);
    owner.writeDeadline(to, expiry);
    owner.ledger.measure(to, 1);
    return to;
  }

  /** Writes an item anew with more optional blocks, keeping all it has. Returns it, or 0 when there is no memory. */
  addBlocks(item: number, withExpiry: boolean, blocks: number): number {
    const { owner } = this;
    const { words } = owner;
    const keyBytes = keyLength(words, item);
    const valueBytes = valueLength(words, item);
    const bytes = itemBytes(keyBytes, valueBytes, withExpiry, blocks);
    let to = item;
    if (!owner.memory.fit(item, bytes)) {
      owner.pinned = item;
      to = owner.memory.allocate(bytes);
      owner.pinned = 0;
      if (to === 0) return 0;
    }
    owner.ledger.measure(item, -1);
    const hash = to === item ? 0 : owner.hashOf(item);
    const from = keyOffset(words, item);
    // All that the header says, for it may be written over.
    const lengths = words[(item >>> 2) + 1];
    const access = words[accessWord(item)];
    const database = databaseOf(words, item);
    const type = typeOf(words, item);
    const expiry = expiryOf(words, item);
    const low = versionLow(words, item);
    const high = versionHigh(words, item);
    const flags = clientFlagsOf(words, item);
    const lease = leaseTickOf(words, item);
    owner.bytes.copyWithin(to + bytes - keyBytes - valueBytes, from, from + keyBytes + valueBytes);
    writeHeader(words, to, keyBytes, valueBytes, database, type, withExpiry, access, blocks);
    words[(to >>> 2) + 1] = lengths;
    if ((blocks & BLOCK_VERSION) !== 0) setVersion(words, to, low, high);
    if ((blocks & BLOCK_FLAGS) !== 0) setClientFlags(words, to, flags);
    if (to !== item) {
      owner.index.replace(owner.index.findItem(hash, item), to);
      owner.memory.release(item);
    }
    if (lease !== NO_LEASE_TICK) setLeaseTick(words, to, lease);
    owner.writeDeadline(to, expiry);
    owner.ledger.measure(to, 1);
    return to;
  }

  /**
   * Gives an item another key, or another database, in the cell that it has and in the place of whatever is under that key. To Redis it is
   * a new key: its access clock begins anew, and it has no version. A pin goes with it.
   * @returns false when the cell does not fit, the index has no memory, or the key is too long: nothing has changed
   */
  rename(item: number, hash: number, key: Uint8Array, keyAt: number, keyBytes: number, database: number): boolean {
    const { owner } = this;
    const { words } = owner;
    const valueBytes = valueLength(words, item);
    const deadline = expiryOf(words, item);
    const flags = clientFlagsOf(words, item);
    const blocks = flags === 0 ? 0 : BLOCK_FLAGS;
    const bytes = itemBytes(keyBytes, valueBytes, deadline !== 0, blocks);
    if (!this.reserveKey(item, hash, key, keyAt, keyBytes, database) || !owner.memory.fit(item, bytes)) return false;
    // A run that was cut short keeps its bytes until its pages are handed out again: nothing is allocated from here on.
    const old = owner.find(hash, key, keyAt, keyBytes, database);
    const type = typeOf(words, item);
    const raw = isRaw(words, item);
    const text = marksOf(words, item) & MARK_TEXT;
    const pin = isPinned(words, item) || owner.pins.wanted(old, key, keyAt, keyBytes);
    // In before out: between the two, others see a key too many, and never one too few.
    owner.ledger.tally(database);
    owner.ledger.count(item, -1);
    owner.index.remove(owner.index.findItem(owner.hashOf(item), item));
    owner.bytes.copyWithin(item + bytes - valueBytes, valueOffset(words, item), valueOffset(words, item) + valueBytes);
    const access = owner.freshAccess(hash, bytes);
    writeHeader(words, item, keyBytes, valueBytes, database, type, deadline !== 0, access, blocks);
    if (raw) markRaw(words, item);
    setMarks(words, item, text);
    if (pin) setPinned(words, item, true);
    if (flags !== 0) setClientFlags(words, item, flags);
    copyBytes(key, keyAt, owner.bytes, keyOffset(words, item), keyBytes);
    this.enterIndex(item, hash, old);
    owner.writeDeadline(item, deadline);
    owner.ledger.measure(item, 1);
    return true;
  }

  /**
   * Stores a copy of an item, of this shard or of another one, under a key, in the place of whatever is there: value, type, encoding,
   * deadline and client flags, but not the pin.
   * @param from the item in `source`; it stays where it is
   * @returns false when there is no memory for it (under a policy that evicts, what was under the key may have gone) or the key is too long
   */
  addCopy(
    source: ItemSource,
    from: number,
    hash: number,
    key: Uint8Array,
    keyAt: number,
    keyBytes: number,
    database: number,
  ): boolean {
    const { owner } = this;
    const { words } = owner;
    const valueBytes = valueLength(source.words, from);
    const deadline = expiryOf(source.words, from);
    const pin = source === owner ? from : 0;
    if (!this.reserveKey(pin, hash, key, keyAt, keyBytes, database)) return false;
    owner.pinned = pin;
    const flags = clientFlagsOf(source.words, from);
    const blocks = flags === 0 ? 0 : BLOCK_FLAGS;
    const bytes = itemBytes(keyBytes, valueBytes, deadline !== 0, blocks);
    const item = owner.memory.allocate(bytes);
    owner.pinned = 0;
    if (item === 0) return false;
    const type = typeOf(source.words, from);
    const access = owner.freshAccess(hash, bytes);
    writeHeader(words, item, keyBytes, valueBytes, database, type, deadline !== 0, access, blocks);
    if (flags !== 0) setClientFlags(words, item, flags);
    if (isRaw(source.words, from)) markRaw(words, item);
    setMarks(words, item, marksOf(source.words, from) & MARK_TEXT);
    const old = owner.find(hash, key, keyAt, keyBytes, database);
    if (owner.pins.wanted(old, key, keyAt, keyBytes)) setPinned(words, item, true);
    copyBytes(key, keyAt, owner.bytes, keyOffset(words, item), keyBytes);
    copyBytes(source.bytes, valueOffset(source.words, from), owner.bytes, valueOffset(words, item), valueBytes);
    owner.ledger.tally(database);
    this.enterIndex(item, hash, old);
    owner.writeDeadline(item, deadline);
    owner.ledger.measure(item, 1);
    return true;
  }

  /** Makes sure that the index has room for a key, if it is not there. `item` stays where it is. */
  private reserveKey(
    item: number,
    hash: number,
    key: Uint8Array,
    keyAt: number,
    keyBytes: number,
    database: number,
  ): boolean {
    const { owner } = this;
    if (owner.find(hash, key, keyAt, keyBytes, database) !== 0) return true;
    if (keyBytes > KEY_BYTES_MAX) return false;
    owner.pinned = item;
    const reserved = owner.reserveEntry(hash);
    owner.pinned = 0;
    return reserved;
  }

  /** Points the index at a new item, in the place of the item `old` (0 = none), which is freed. */
  private enterIndex(item: number, hash: number, old: number): void {
    const { owner } = this;
    if (old === 0) {
      owner.index.insert(hash, item);
      return;
    }
    owner.ledger.count(old, -1);
    owner.index.replace(owner.index.findItem(hash, old), item);
    owner.memory.release(old);
  }
}
