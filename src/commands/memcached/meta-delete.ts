/**
 * md, the meta command that deletes, or marks as stale:
 *
 * ```
 *  md <key> <flag>*\r\n   ->  HD <flag>*     done; with q nothing
 *                             NF <flag>*     there is no such item
 *                             EX <flag>*     the CAS number (C) is another one
 * ```
 *
 * With I the item stays and is stale, with another CAS number and perhaps another time to live (T): the next reader is told to make it anew, the others
 * may use what is there. With x its value goes, and the item stays.
 */

import {
  clearMarks,
  hasVersion,
  MARK_LEASED,
  MARK_STALE,
  setMarks,
  setVersion,
  sizeOf,
  TYPE_STRING,
  typeOf,
  versionHigh,
  versionLow,
} from '../../engine/item.js';
import { META_HIT } from '../../protocol/memcached/text-reply.js';
import type { Request } from '../request.js';
import { DELETE_HITS, DELETE_MISSES, ofItem } from './counters.js';
import { deadlineOf } from './deadline.js';
import { MetaFlags } from './meta-flags.js';
import { statusOf } from './meta-set.js';
import { deleteItem, EXISTS, ItemKey, makeItem, NO_MEMORY, NOT_FOUND, versionIs, WRONG_TYPE } from './storage.js';
import { NOT_A_STRING, OUT_OF_MEMORY } from './text-arguments.js';

const NOTHING = new Uint8Array(0);

const key = new ItemKey();
const flags = new MetaFlags();

export function metaDelete(request: Request): void {
  const { memcached } = request;
  if (!flags.read(request, 2) || !flags.takeKey(request, key)) {
    memcached.error(flags.error);
    return;
  }
  const outcome = flags.invalidate || flags.noValue ? change(request) : remove(request);
  if (outcome === WRONG_TYPE) memcached.error(NOT_A_STRING);
  else if (outcome === NO_MEMORY) memcached.error(OUT_OF_MEMORY);
  else if (outcome < 0) flags.answer(request, statusOf(outcome), key);
  else if (!flags.quiet) flags.answer(request, META_HIT, key);
}

/** Deletes the item. Returns an outcome, or 0. */
function remove(request: Request): number {
  const found = flags.hasCas ? key.find() : 0;
  if (found !== 0 && !versionIs(key.shard.words, found, flags.cas.low, flags.cas.high)) {
    request.counters[DELETE_MISSES]++;
    return EXISTS;
  }
  return deleteItem(request, key, 0, 0);
}

/** Takes the value away, or marks it as stale, or both. Returns the item, or an outcome. */
function change(request: Request): number {
  const { counters } = request;
  const { shard } = key;
  const { words } = shard;
  const found = key.find();
  if (found === 0) {
    counters[DELETE_MISSES]++;
    return NOT_FOUND;
  }
  if (typeOf(words, found) !== TYPE_STRING) return WRONG_TYPE;
  if (flags.hasCas && !versionIs(words, found, flags.cas.low, flags.cas.high)) {
    counters[DELETE_MISSES]++;
    return EXISTS;
  }
  const item = flags.noValue ? emptied(request, found) : found;
  if (item === NO_MEMORY) return NO_MEMORY;
  if (flags.invalidate) return invalidate(request, item);
  counters[ofItem(shard, sizeOf(words, item)) + DELETE_HITS]++;
  return item;
}

/** An item without a value in the place of the item. Its CAS number is E, or stays as it was. */
function emptied(request: Request, old: number): number {
  const { words } = key.shard;
  const versioned = flags.hasNewCas || hasVersion(words, old);
  const low = flags.hasNewCas ? flags.newCas.low : versionLow(words, old);
  const high = flags.hasNewCas ? flags.newCas.high : versionHigh(words, old);
  const deadline = deadlineOf(flags.ttl, request.clock.now);
  const item = makeItem(key, NOTHING, 0, 0, flags.clientFlags, deadline, versioned);
  if (item !== NO_MEMORY && versioned) setVersion(words, item, low, high);
  return item;
}

/** Marks the item as stale. Whoever has its CAS number has an old one from now on, and nobody has the lease. */
function invalidate(request: Request, found: number): number {
  const { shard } = key;
  const { words } = shard;
  let item = flags.ttlIndex === 0 ? found : shard.setExpiry(found, deadlineOf(flags.ttl, request.clock.now));
  if (item !== 0 && flags.hasNewCas) item = shard.giveVersion(item);
  if (item === 0) return NO_MEMORY;
  if (flags.hasNewCas) setVersion(words, item, flags.newCas.low, flags.newCas.high);
  else if (hasVersion(words, item)) shard.freshVersion(item);
  setMarks(words, item, MARK_STALE);
  clearMarks(words, item, MARK_LEASED);
  return item;
}
