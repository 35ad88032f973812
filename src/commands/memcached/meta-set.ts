/**
 * ms, the meta command that stores:
 *
 * ```
 *  ms <key> <bytes> <flag>*\r\n<data>\r\n   ->  HD <flag>*     stored; with q nothing
 *                                               NS <flag>*     the mode did not allow it
 *                                               EX <flag>*     the CAS number (C) is another one
 *                                               NF <flag>*     there is nothing to compare it with
 * ```
 *
 * The mode (M) is S set, E add, R replace, A append or P prepend; an append or prepend with N makes the item that it misses. With I, a CAS number that
 * is older than the item's stores the value all the same, as a stale one: it is better than what was there, and somebody should make a newer one.
 */

import {
  expiryOf,
  MARK_LEASED,
  MARK_STALE,
  marksOf,
  setMarks,
  setVersion,
  valueLength,
  versionHigh,
  versionLow,
} from '../../engine/item.js';
import { grantLease, LEASE_MS_DEFAULT } from '../../engine/leases.js';
import { FLAG_BAD_CHUNK, FLAG_DATA, FLAG_TOO_LARGE } from '../../protocol/descriptors.js';
import { META_EXISTS, META_HIT, META_NOT_FOUND, META_NOT_STORED } from '../../protocol/memcached/text-reply.js';
import type { Request } from '../request.js';
import { STORE_NO_MEMORY, STORE_TOO_LARGE } from './counters.js';
import { deadlineOf } from './deadline.js';
import { MetaFlags } from './meta-flags.js';
import {
  ADD,
  APPEND,
  CAS,
  EXISTS,
  forget,
  ItemKey,
  isTooLarge,
  joinItem,
  NO_MEMORY,
  NOT_FOUND,
  NOT_STORED,
  PREPEND,
  REPLACE,
  SET,
  storeItem,
  versionIs,
} from './storage.js';
import { BAD_CHUNK, BAD_FORMAT, failureText, TOO_LARGE } from './text-arguments.js';

const BAD_MODE = 'CLIENT_ERROR invalid mode for ms M token';

const FLAGS_WITH_DATA = FLAG_DATA | FLAG_TOO_LARGE;

const NO_MODE = -1;

const SHOW_CAS = 0x63;
const SHOW_SIZE = 0x73;

const key = new ItemKey();
const flags = new MetaFlags();

export function metaSet(request: Request): void {
  const { memcached } = request;
  const error = problem(request);
  if (error !== '') memcached.error(error);
  else answer(request, store(request, modeOf(flags.mode)));
}

/** How the mode with this letter stores; 0 = none was given. */
function modeOf(letter: number): number {
  switch (letter) {
    case 0:
    case 0x53:
      return SET;
    case 0x45:
      return ADD;
    case 0x52:
      return REPLACE;
    case 0x41:
      return APPEND;
    case 0x50:
      return PREPEND;
    default:
      return NO_MODE;
  }
}

/** What is wrong with the request; empty when nothing is. */
function problem(request: Request): string {
  if (request.argc < 3 || (request.flags & FLAGS_WITH_DATA) === 0) return BAD_FORMAT;
  if (!flags.read(request, 3) || !flags.takeKey(request, key)) return flags.error;
  if (modeOf(flags.mode) === NO_MODE) return BAD_MODE;
  const tooLarge = (request.flags & FLAG_TOO_LARGE) !== 0;
  if (tooLarge || isTooLarge(request, key.length, request.length(request.argc - 1), flags.clientFlags)) {
    request.counters[STORE_TOO_LARGE]++;
    forget(key);
    return TOO_LARGE;
  }
  return (request.flags & FLAG_BAD_CHUNK) === 0 ? '' : BAD_CHUNK;
}

/** Returns the item, or an outcome. */
function store(request: Request, mode: number): number {
  const versioned = flags.showCas || flags.hasNewCas;
  const outcome = mode === APPEND || mode === PREPEND ? join(request, mode, versioned) : put(request, mode, versioned);
  if (outcome > 0 && flags.hasNewCas) setVersion(key.shard.words, outcome, flags.newCas.low, flags.newCas.high);
  return outcome;
}

function put(request: Request, mode: number, versioned: boolean): number {
  const data = request.argc - 1;
  const compared = flags.hasCas && mode !== ADD;
  const stale = compared && flags.invalidate ? staleMarks() : 0;
  const deadline = stale === 0 ? deadlineOf(flags.ttl, request.clock.now) : expiryOf(key.shard.words, key.find());
  const item = storeItem(
    request,
    key,
    stale !== 0 ? SET : compared ? CAS : mode,
    request.input,
    request.offset(data),
    request.length(data),
    flags.clientFlags,
    deadline,
    flags.cas.low,
    flags.cas.high,
    versioned,
  );
  return item > 0 && stale !== 0 ? markStale(item, stale, request.clock.now) : item;
}

/** Marks an item as stale, and as leased if what was there was. Returns the item, which may have moved. */
function markStale(item: number, marks: number, now: number): number {
  const { shard } = key;
  setMarks(shard.words, item, MARK_STALE);
  const leased = (marks & MARK_LEASED) === 0 ? item : grantLease(shard, item, LEASE_MS_DEFAULT, now);
  return leased === 0 ? item : leased;
}

/** The marks of a value that is stored with a CAS number older than the item's; 0 when it is not older. */
function staleMarks(): number {
  const { shard } = key;
  const { words } = shard;
  const found = key.find();
  const { cas } = flags;
  if (found === 0 || cas.isZero || versionIs(words, found, cas.low, cas.high)) return 0;
  // An item without a version was written since anybody saw one: the one that it is given now is newer than all that were seen.
  const item = shard.giveVersion(found);
  if (item === 0 || !cas.isBelow(versionLow(words, item), versionHigh(words, item))) return 0;
  return MARK_STALE | (marksOf(words, item) & MARK_LEASED);
}

function join(request: Request, mode: number, versioned: boolean): number {
  const data = request.argc - 1;
  const { input } = request;
  const { low, high } = flags.cas;
  const at = request.offset(data);
  const bytes = request.length(data);
  const item = joinItem(request, key, mode, input, at, bytes, low, high, versioned);
  if (item !== NOT_STORED || flags.vivifyIndex === 0 || key.find() !== 0) return item;
  const deadline = deadlineOf(flags.vivify, request.clock.now);
  return storeItem(request, key, ADD, input, at, bytes, flags.clientFlags, deadline, 0, 0, versioned);
}

function answer(request: Request, outcome: number): void {
  const status = outcome > 0 ? META_HIT : statusOf(outcome);
  if (status === 0) {
    if (outcome === NO_MEMORY) request.counters[STORE_NO_MEMORY]++;
    request.memcached.error(failureText(outcome));
  } else if (outcome < 0 || !flags.quiet) reply(request, status, outcome);
}

/** The status that says an outcome; 0 when it is an error. */
export function statusOf(outcome: number): number {
  if (outcome === NOT_FOUND) return META_NOT_FOUND;
  if (outcome === EXISTS) return META_EXISTS;
  return outcome === NOT_STORED ? META_NOT_STORED : 0;
}

/** @param outcome the item, or less when nothing was stored: then its CAS number is 0, and its size that of the data */
function reply(request: Request, status: number, outcome: number): void {
  const { memcached, input } = request;
  const { words } = key.shard;
  const stored = outcome > 0;
  memcached.meta(status);
  for (let index = flags.from; index < flags.end; index++) {
    const letter = input[request.offset(index)];
    if (letter === SHOW_CAS)
      memcached.flagUint64(letter, stored ? versionLow(words, outcome) : 0, stored ? versionHigh(words, outcome) : 0);
    else if (letter === SHOW_SIZE)
      memcached.flagNumber(letter, stored ? valueLength(words, outcome) : request.length(request.argc - 1));
    else flags.echo(request, index, key);
  }
  memcached.endLine();
}
