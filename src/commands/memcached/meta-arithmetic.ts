/**
 * ma, the meta command that counts:
 *
 * ```
 *  ma <key> <flag>*\r\n   ->  HD <flag>*                       done; with q nothing
 *                             VA <bytes> <flag>*\r\n<number>   done, and the number was asked for (v)
 *                             NF, NS, EX <flag>*               not there; could not be made; the CAS number (C) is another one
 * ```
 *
 * The mode (M) is I or + for up, D or - for down, by D (1 if it is left out). A counter that is not there is made with N, with the value J (0 if it
 * is left out).
 */

import { UINT64_DIGITS_MAX, Uint64 } from '../../base/uint64.js';
import { expiryOf, setVersion, versionHigh, versionLow } from '../../engine/item.js';
import { META_HIT } from '../../protocol/memcached/text-reply.js';
import type { Request } from '../request.js';
import { DECR_MISSES, INCR_MISSES } from './counters.js';
import { countItem } from './counting.js';
import { deadlineOf } from './deadline.js';
import { MetaFlags, OPAQUE_TOO_LONG } from './meta-flags.js';
import { secondsLeft } from './meta-get.js';
import { statusOf } from './meta-set.js';
import { ItemKey, makeItem, NO_MEMORY, NOT_FOUND } from './storage.js';
import { BAD_FORMAT, failureText, OUT_OF_MEMORY } from './text-arguments.js';

const BAD_MODE = 'CLIENT_ERROR invalid mode for ma M token';
/** memcached's one answer to all that can be wrong with the flags of this command, but for these. */
const BAD_FLAG = 'CLIENT_ERROR invalid or duplicate flag';
const NAMED_ERRORS = [BAD_FORMAT, OPAQUE_TOO_LONG];

const SHOW_CAS = 0x63;
const SHOW_TTL = 0x74;

const UP = 1;
const DOWN = 0;
const NO_MODE = -1;

const key = new ItemKey();
const flags = new MetaFlags();
const number = new Uint64();
const digits = new Uint8Array(UINT64_DIGITS_MAX);
/** Whether the counter was made by this request, and its deadline before T. */
let made = false;
let before = 0;

export function metaArithmetic(request: Request): void {
  const { memcached } = request;
  if (!flags.read(request, 2) || !flags.takeKey(request, key)) {
    memcached.error(NAMED_ERRORS.includes(flags.error) ? flags.error : BAD_FLAG);
    return;
  }
  const mode = modeOf(flags.mode);
  if (mode === NO_MODE) {
    memcached.error(BAD_MODE);
    return;
  }
  const outcome = count(request, mode === UP);
  if (outcome > 0) {
    if (!flags.quiet) answer(request, outcome);
    return;
  }
  const status = statusOf(outcome);
  if (status === 0) memcached.error(outcome === NO_MEMORY ? OUT_OF_MEMORY : failureText(outcome));
  else flags.answer(request, status, key);
}

/** The direction of the mode with this letter; 0 = none was given. */
function modeOf(letter: number): number {
  switch (letter) {
    case 0:
    case 0x49:
    case 0x2b:
      return UP;
    case 0x44:
    case 0x2d:
      return DOWN;
    default:
      return NO_MODE;
  }
}

/** Counts, or makes the counter. Returns the item, whose value is `number`, or an outcome. */
function count(request: Request, up: boolean): number {
  const { shard } = key;
  const counted = countItem(request, key, up, flags.delta, flags.cas.low, flags.cas.high, number);
  made = counted === NOT_FOUND && flags.vivifyIndex !== 0;
  if (counted === NOT_FOUND && !made) request.counters[up ? INCR_MISSES : DECR_MISSES]++;
  let item = made ? makeCounter(request) : counted;
  if (item < 0) return item;
  before = made ? 0 : expiryOf(shard.words, item);
  if (flags.ttlIndex > (made ? flags.vivifyIndex : 0))
    item = shard.setExpiry(item, deadlineOf(flags.ttl, request.clock.now));
  if (item !== 0 && (flags.showCas || flags.hasNewCas)) item = shard.giveVersion(item);
  if (item === 0) return NO_MEMORY;
  if (flags.hasNewCas) setVersion(shard.words, item, flags.newCas.low, flags.newCas.high);
  return item;
}

function makeCounter(request: Request): number {
  number.set(flags.initial.low, flags.initial.high);
  const bytes = number.write(digits, 0);
  return makeItem(key, digits, 0, bytes, 0, deadlineOf(flags.vivify, request.clock.now), false);
}

/** What comes before T or N is as it was before them. */
function answer(request: Request, item: number): void {
  const { memcached, input } = request;
  const { words } = key.shard;
  const { now } = request.clock;
  let deadline = before;
  if (flags.value) memcached.metaValue(number.digits);
  else memcached.meta(META_HIT);
  for (let index = flags.from; index < flags.end; index++) {
    const letter = input[request.offset(index)];
    if (index === flags.ttlIndex) deadline = deadlineOf(flags.ttl, now);
    else if (index === flags.vivifyIndex) deadline = made ? deadlineOf(flags.vivify, now) : deadline;
    else if (letter === SHOW_TTL) memcached.flagNumber(letter, secondsLeft(deadline, now));
    else if (letter === SHOW_CAS) memcached.flagUint64(letter, versionLow(words, item), versionHigh(words, item));
    else flags.echo(request, index, key);
  }
  memcached.endLine();
  if (flags.value) memcached.number(number.low, number.high);
}
