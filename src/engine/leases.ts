/**
 * Leases: of all who need a value that is missing or no longer right, one is asked to make it, and the others know that somebody does.
 *
 * ```
 *   no item ──acquire──▶ placeholder, leased ──fill──▶ value ──(early)──▶ value, leased ──fill──▶ value
 *                          │ deadline: the lease's      │                     ▲
 *                          ▼                            └─invalidate─▶ value, stale ──acquire──▶ value, stale, leased
 *                        nothing
 * ```
 *
 * Who wins is told a token, the item's version, and fills in the value with it. The token is good for as long as nobody has written, deleted or
 * invalidated the key since, and nobody else was given the lease: a value that was read from its source before it changed can never get in after.
 *
 * A winner may die. The lease of a placeholder ends with it, at its deadline. The lease of an item with a value has its end in the item's expiry
 * block, in seconds modulo 1024; that is enough, because no lease is longer than five minutes, and an item that nobody has looked at for longer
 * has none.
 *
 * The marks are those of Memcached's meta commands (N, R, I, W, X, Z), so leases are the same through every door.
 * All functions are called under the shard's lock.
 */

import {
  BLOCK_VERSION,
  clearMarks,
  expiryOf,
  hasVersion,
  isPlaceholder,
  leaseTickOf,
  MARK_LEASED,
  MARK_PLACEHOLDER,
  MARK_STALE,
  marksOf,
  NO_LEASE_TICK,
  setLeaseTick,
  setMarks,
  TYPE_STRING,
  typeOf,
  versionHigh,
  versionLow,
} from './item.js';
import type { Shard } from './shard.js';

/** Longest lease. */
export const LEASE_MS_MAX = 300_000;
/** For those who do not say how long they may take. */
export const LEASE_MS_DEFAULT = 60_000;

const TICK_MS = 1000;
const TICKS = 1024;
/** Most ticks that a lease has left. */
const TICKS_LEFT_MAX = LEASE_MS_MAX / TICK_MS + 1;
/** An item that was not looked at for so long has no lease; some policies know the minute only. */
const IDLE_SECONDS_MAX = LEASE_MS_MAX / 1000 + 60;

/** The value is good. */
export const LEASE_HIT = 0;
/** The caller is to make the value. There may be an old one. */
export const LEASE_WON = 1;
/** Somebody else makes the value. There may be an old one. */
export const LEASE_HELD = 2;
export const LEASE_NO_MEMORY = 3;
/** The key holds no string. */
export const LEASE_WRONG_TYPE = 4;

/** What `acquire` found. */
export class Lease {
  state = LEASE_HIT;
  /** The item; it has a value unless it is a placeholder. */
  item = 0;
  /** Whether the value is no longer right. */
  stale = false;
  /** LEASE_WON: the token. LEASE_HELD: the token of who has the lease. */
  low = 0;
  high = 0;

  /** Whether there is a value to be served. */
  hasValue(shard: Shard): boolean {
    return this.item !== 0 && !isPlaceholder(shard.words, this.item);
  }
}

function tickAt(ms: number): number {
  return Math.floor(ms / TICK_MS) % TICKS;
}

/** Whether somebody was asked to make the item's value, and still has time for it. To be asked before the access is counted. */
export function isLeased(shard: Shard, item: number, now: number): boolean {
  const { words } = shard;
  if ((marksOf(words, item) & MARK_LEASED) === 0) return false;
  if (isPlaceholder(words, item) && expiryOf(words, item) !== 0) return true;
  const tick = leaseTickOf(words, item);
  const left = (tick - tickAt(now) + TICKS) % TICKS;
  return tick !== NO_LEASE_TICK && left > 0 && left <= TICKS_LEFT_MAX && shard.idleSeconds(item) <= IDLE_SECONDS_MAX;
}

/**
 * Gives an item's lease away, for `ms` milliseconds, rounded up to a second.
 * @returns the item, which may have moved, or 0 when there is no memory for it
 */
export function grantLease(shard: Shard, item: number, ms: number, now: number): number {
  const at = shard.reserveExpiry(item);
  if (at === 0) return 0;
  setLeaseTick(shard.words, at, tickAt(now + Math.min(ms, LEASE_MS_MAX) + TICK_MS - 1));
  setMarks(shard.words, at, MARK_LEASED);
  return at;
}

/**
 * Looks a key up, and takes the lease if its value is to be made and nobody makes it.
 * @param hash salted hash of the key
 * @param leaseMs how long the caller may take
 * @param earlyMs how long before its deadline a value is made anew; until then the old one is good for all others
 * @returns the state: `lease` says the rest
 */
export function acquire(
  shard: Shard,
  hash: number,
  key: Uint8Array,
  keyAt: number,
  keyBytes: number,
  database: number,
  leaseMs: number,
  earlyMs: number,
  now: number,
  lease: Lease,
): number {
  const item = shard.find(hash, key, keyAt, keyBytes, database);
  lease.item = item;
  lease.stale = false;
  if (item === 0) return plant(shard, hash, key, keyAt, keyBytes, database, leaseMs, now, lease);
  const { words } = shard;
  if (typeOf(words, item) !== TYPE_STRING) return (lease.state = LEASE_WRONG_TYPE);
  const marks = marksOf(words, item);
  lease.stale = (marks & MARK_STALE) !== 0;
  lease.low = versionLow(words, item);
  lease.high = versionHigh(words, item);
  const isWrong = (marks & (MARK_STALE | MARK_PLACEHOLDER)) !== 0;
  const deadline = expiryOf(words, item);
  if (!isWrong && (deadline === 0 || deadline - now >= earlyMs)) lease.state = LEASE_HIT;
  else if (isLeased(shard, item, now)) lease.state = isWrong ? LEASE_HELD : LEASE_HIT;
  else win(shard, item, (marks & MARK_LEASED) !== 0, leaseMs, now, lease);
  shard.ledger.lookup(lease.hasValue(shard));
  if (lease.item !== 0) shard.touch(lease.item);
  return lease.state;
}

/** Puts a placeholder where there is no item: the caller has its lease. */
function plant(
  shard: Shard,
  hash: number,
  key: Uint8Array,
  keyAt: number,
  keyBytes: number,
  database: number,
  leaseMs: number,
  now: number,
  lease: Lease,
): number {
  shard.ledger.lookup(false);
  const deadline = now + Math.min(leaseMs, LEASE_MS_MAX);
  const item = shard.prepareString(hash, key, keyAt, keyBytes, database, 0, deadline, BLOCK_VERSION);
  if (item === 0) return (lease.state = LEASE_NO_MEMORY);
  shard.freshVersion(item);
  shard.makePlaceholder(item);
  setMarks(shard.words, item, MARK_LEASED);
  return won(shard, item, lease);
}

/** Gives the caller the lease of an item that is there. `again`: somebody had it, whose token is to be good for nothing. */
function win(shard: Shard, item: number, again: boolean, leaseMs: number, now: number, lease: Lease): void {
  const fresh = again && hasVersion(shard.words, item);
  const versioned = shard.giveVersion(item);
  const granted = versioned === 0 ? 0 : grantLease(shard, versioned, leaseMs, now);
  if (granted === 0) {
    lease.item = versioned === 0 ? item : versioned;
    lease.state = LEASE_NO_MEMORY;
    return;
  }
  if (fresh) shard.freshVersion(granted);
  if (isPlaceholder(shard.words, granted)) shard.setExpiry(granted, now + Math.min(leaseMs, LEASE_MS_MAX));
  won(shard, granted, lease);
}

function won(shard: Shard, item: number, lease: Lease): number {
  lease.item = item;
  lease.low = versionLow(shard.words, item);
  lease.high = versionHigh(shard.words, item);
  return (lease.state = LEASE_WON);
}

/** Whether an item is there whose lease has this token. One that was given through another door without a token has none. */
export function holdsLease(shard: Shard, item: number, low: number, high: number): boolean {
  const { words } = shard;
  return (
    item !== 0 &&
    (marksOf(words, item) & MARK_LEASED) !== 0 &&
    hasVersion(words, item) &&
    versionLow(words, item) === low &&
    versionHigh(words, item) === high
  );
}

/** Gives a lease back: the next who asks gets it. A placeholder goes. */
export function endLease(shard: Shard, item: number): void {
  if (isPlaceholder(shard.words, item)) shard.remove(item);
  else clearMarks(shard.words, item, MARK_LEASED);
}

/**
 * Says that an item's value is no longer right: it may be served until there is a new one, which the next who acquires the key makes. Whoever makes one
 * already works with what was right before, and is not let in.
 * @param deadline when the old value goes at the latest, milliseconds since 1970; 0 = as it was
 * @returns the item, which may have moved; 0 when there is nothing to be served, and nothing is left
 */
export function invalidate(shard: Shard, item: number, deadline: number): number {
  const { words } = shard;
  if (isPlaceholder(words, item) || typeOf(words, item) !== TYPE_STRING) {
    shard.remove(item);
    return 0;
  }
  const before = expiryOf(words, item);
  const sooner = deadline !== 0 && (before === 0 || deadline < before);
  const at = sooner ? shard.setExpiry(item, deadline) : item;
  if (at === 0) {
    shard.remove(item);
    return 0;
  }
  if (hasVersion(words, at)) shard.freshVersion(at);
  clearMarks(words, at, MARK_LEASED);
  setMarks(words, at, MARK_STALE);
  return at;
}
