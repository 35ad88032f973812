/**
 * mg, the meta command that reads:
 *
 * ```
 *  mg <key> <flag>*\r\n   ->  VA <bytes> <flag>*\r\n<data>\r\n     found, and the value was asked for (v)
 *                             HD <flag>*\r\n                       found
 *                             EN <flag>*\r\n                       not found; with q nothing
 * ```
 *
 * It also hands out leases, so that of all clients that need a value made anew exactly one makes it, and the others know of it. The one is told W
 * (won), the others Z (somebody has won), and all of them X while the value is stale. A lease is given
 *
 * - for a key that is not there, with N: a placeholder takes its place, which is an empty value to Memcached's clients and nothing to others;
 * - for an item that has less than R seconds left;
 * - for an item that was marked stale (md I, ms I);
 *
 * and is over when the item is written, or marked stale again; and also, which memcached does not know, when the winner has had N seconds for it (without
 * N, a minute), so that one that died is replaced. All of it happens under the shard's lock.
 */

import {
  BLOCK_VERSION,
  clientFlagsOf,
  expiryOf,
  MARK_FETCHED,
  MARK_LEASED,
  MARK_PLACEHOLDER,
  MARK_STALE,
  marksOf,
  setVersion,
  sizeOf,
  valueLength,
  valueOffset,
  versionHigh,
  versionLow,
} from '../../engine/item.js';
import { grantLease, isLeased, LEASE_MS_DEFAULT } from '../../engine/leases.js';
import { META_HIT, META_MISS } from '../../protocol/memcached/text-reply.js';
import type { Request } from '../request.js';
import { CMD_TOUCH, ofItem, TOUCH_HITS } from './counters.js';
import { deadlineOf } from './deadline.js';
import { MetaFlags } from './meta-flags.js';
import { ItemKey, lookUp, versionIs, WRONG_TYPE } from './storage.js';
import { NOT_A_STRING, OUT_OF_MEMORY_READING } from './text-arguments.js';

const SHOW_CAS = 0x63;
const SHOW_FLAGS = 0x66;
const SHOW_HIT = 0x68;
const SHOW_ACCESS = 0x6c;
const SHOW_SIZE = 0x73;
const SHOW_TTL = 0x74;
const WON = 0x57;
const STALE = 0x58;
const LEASED = 0x5a;

const MS = 1000;

const key = new ItemKey();
const flags = new MetaFlags();
/** Item that `vivify` made for this request, 0 = none. */
let made = 0;
/** Deadline of the item before this request, of a new one 0. A number that is handed on from function to function would become an object. */
const before = new Float64Array(1);

export function metaGet(request: Request): void {
  if (!flags.read(request, 2) || !flags.takeKey(request, key)) {
    request.memcached.error(flags.error);
    return;
  }
  const found = lookUp(request, key);
  made = found === 0 && flags.vivifyIndex !== 0 ? placeholder(request) : 0;
  const item = made === 0 ? found : made;
  if (item === 0) {
    if (!flags.quiet) flags.answer(request, META_MISS, key);
  } else if (item === WRONG_TYPE) request.memcached.error(NOT_A_STRING);
  else hit(request, item);
}

/** Makes an item without a value for a key that is not there. Returns 0 when there is no memory for it. */
function placeholder(request: Request): number {
  const { shard, hash, bytes, at, length, database } = key;
  const deadline = deadlineOf(flags.vivify, request.clock.now);
  const blocks = flags.showCas || flags.hasNewCas ? BLOCK_VERSION : 0;
  const item = shard.prepareString(hash, bytes, at, length, database, 0, deadline, blocks);
  if (item === 0) return 0;
  shard.makePlaceholder(item);
  if (flags.hasNewCas) setVersion(shard.words, item, flags.newCas.low, flags.newCas.high);
  else if (flags.showCas) shard.freshVersion(item);
  return item;
}

/** Answers an item that is there. */
function hit(request: Request, found: number): void {
  const { shard } = key;
  const { words } = shard;
  before[0] = made === 0 ? expiryOf(words, found) : 0;
  const item = prepared(request, found);
  if (item === 0) {
    request.memcached.error(OUT_OF_MEMORY_READING);
    return;
  }
  const matches = flags.hasCas && versionIs(words, item, flags.cas.low, flags.cas.high);
  const withValue = flags.value && !matches;
  if (withValue) request.memcached.metaValue(valueLength(words, item));
  else request.memcached.meta(META_HIT);
  const recache = writeFlags(request, item);
  if (recache || made !== 0 || (marksOf(words, item) & (MARK_STALE | MARK_LEASED)) !== 0)
    writeLease(request, item, recache);
  request.memcached.endLine();
  if (withValue) request.memcached.data(shard.bytes, valueOffset(words, item), valueLength(words, item));
  if (!flags.noBump) shard.touch(item);
  if (flags.ttlIndex > 0) {
    request.counters[CMD_TOUCH]++;
    request.counters[ofItem(shard, sizeOf(words, item)) + TOUCH_HITS]++;
  }
}

/** Gives the item what the flags ask for that can take memory: another deadline (T), a version (c). Returns it, or 0. */
function prepared(request: Request, found: number): number {
  const { shard } = key;
  let item = found;
  // Of N and T, that of a new item is which comes last.
  if (flags.ttlIndex > 0 && (made === 0 || flags.ttlIndex > flags.vivifyIndex))
    item = shard.setExpiry(item, deadlineOf(flags.ttl, request.clock.now));
  if (item !== 0 && flags.showCas) item = shard.giveVersion(item);
  // A lease, which may be given to this client, has its end where a deadline is.
  if (item !== 0 && (marksOf(shard.words, item) & (MARK_STALE | MARK_PLACEHOLDER)) !== 0)
    item = shard.reserveExpiry(item);
  return item;
}

/**
 * Writes what the flags ask for, in their order: what comes before T is as it was before T.
 * @returns whether the item has less time left than R asks for
 */
function writeFlags(request: Request, item: number): boolean {
  const { memcached, input, clock } = request;
  const { shard } = key;
  const { words } = shard;
  let deadline = before[0];
  let recache = false;
  for (let index = flags.from; index < flags.end; index++) {
    const letter = input[request.offset(index)];
    if (index === flags.ttlIndex) deadline = deadlineOf(flags.ttl, clock.now);
    else if (index === flags.vivifyIndex) deadline = made === 0 ? deadline : deadlineOf(flags.vivify, clock.now);
    else if (index === flags.recacheIndex) recache = isBelow(deadline, deadlineOf(flags.recache, clock.now), clock.now);
    else if (letter === SHOW_TTL) memcached.flagNumber(letter, secondsLeft(deadline, clock.now));
    else if (letter === SHOW_FLAGS) memcached.flagNumber(letter, clientFlagsOf(words, item));
    else if (letter === SHOW_SIZE) memcached.flagNumber(letter, valueLength(words, item));
    else if (letter === SHOW_CAS) memcached.flagUint64(letter, versionLow(words, item), versionHigh(words, item));
    else if (letter === SHOW_HIT) memcached.flagNumber(letter, (marksOf(words, item) & MARK_FETCHED) === 0 ? 0 : 1);
    else if (letter === SHOW_ACCESS) memcached.flagNumber(letter, shard.idleSeconds(item));
    else flags.echo(request, index, key);
  }
  return recache;
}

/** Whether there is a deadline, and it is some seconds before another one. */
function isBelow(deadline: number, other: number, now: number): boolean {
  return deadline !== 0 && secondsLeft(deadline, now) < secondsLeft(other, now);
}

/** Seconds until a deadline, those that have begun included; -1 = there is none. */
export function secondsLeft(deadline: number, now: number): number {
  return deadline === 0 ? -1 : Math.max(0, Math.ceil((deadline - now) / MS));
}

/** Says whether the item is stale or leased, and leases it to this client when it is to be made anew. */
function writeLease(request: Request, item: number, recache: boolean): void {
  const { memcached } = request;
  const { words } = key.shard;
  const { now } = request.clock;
  const leased = isLeased(key.shard, item, now);
  const stale = (marksOf(words, item) & MARK_STALE) !== 0;
  if (leased) memcached.flag(LEASED);
  if (stale) memcached.flag(STALE);
  if (leased || !(stale || recache || made !== 0)) return;
  grantLease(key.shard, item, flags.vivifyIndex > 0 && flags.vivify > 0 ? flags.vivify * MS : LEASE_MS_DEFAULT, now);
  memcached.flag(WON);
}
