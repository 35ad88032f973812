/**
 * Leases for Redis clients: of all who miss a key at once, one is asked to make its value. engine/leases.ts says how they work, docs/leases.md
 * how they are used.
 *
 * ```
 *  CACHE.GET key LEASE ms [EARLY ms]   ->  hit    value   nil       the value is good
 *                                          lease  value?  token     make the value: there is none, or an old one
 *                                          stale  value   nil       somebody makes a new one; this is the old one
 *                                          wait   nil     nil       somebody makes it; ask again soon
 *  CACHE.SET key value LEASE token [EX s | PX ms | EXAT s | PXAT ms]   ->  OK, or nil: the lease was lost, and nothing is stored
 *  CACHE.RELEASE key LEASE token       ->  1, or 0: the lease was lost already
 *  CACHE.INVALIDATE key [GRACE ms]     ->  1: the value is stale now; 0: there is none
 * ```
 */

import { asciiBytes } from '../base/bytes.js';
import { UINT64_DIGITS_MAX, Uint64 } from '../base/uint64.js';
import { valueLength, valueOffset } from '../engine/item.js';
import {
  acquire,
  endLease,
  holdsLease,
  invalidate,
  LEASE_HELD,
  LEASE_HIT,
  LEASE_MS_MAX,
  LEASE_NO_MEMORY,
  LEASE_WON,
  LEASE_WRONG_TYPE,
  Lease,
} from '../engine/leases.js';
import { type Command, command } from './command.js';
import type { CommandFlag } from './facts.js';
import { SYNTAX, WRONGTYPE } from './replies.js';
import type { Request } from './request.js';
import { OPTIONS_DEADLINE, StringOptions } from './string-options.js';

const LEASE = asciiBytes('lease');
const EARLY = asciiBytes('early');
const GRACE = asciiBytes('grace');

const BAD_LEASE = `ERR a lease is of 1 to ${LEASE_MS_MAX} milliseconds`;
const BAD_TIME = 'ERR a time is a number of milliseconds, 0 or more';
const BAD_TOKEN = 'ERR a token is what CACHE.GET gave';

const lease = new Lease();
const token = new Uint64();
const digits = new Uint8Array(UINT64_DIGITS_MAX);
const options = new StringOptions();

// ---------------------------------------------------------------------------------------------- arguments

/** An argument as milliseconds from `least` to `most`; -1 when an error was answered. */
function milliseconds(request: Request, index: number, least: number, most: number, error: string): number {
  const value = request.integer(index);
  if (value >= least && value <= most) return value;
  request.reply.error(error);
  return -1;
}

/** Reads `LEASE token`. Returns false when an error was answered. */
function readToken(request: Request, index: number): boolean {
  const isToken =
    request.is(index, LEASE) && token.parse(request.input, request.offset(index + 1), request.length(index + 1));
  if (!isToken) request.reply.error(request.is(index, LEASE) ? BAD_TOKEN : SYNTAX);
  return isToken;
}

/** The item under argument 1, placeholders included; 0 when there is none. */
function findAny(request: Request): number {
  const shard = request.enter(1);
  return shard.find(request.hash(1), request.input, request.offset(1), request.length(1), request.database);
}

// ---------------------------------------------------------------------------------------------- commands

function cacheGet(request: Request): void {
  const { reply } = request;
  if (!request.is(2, LEASE) || (request.argc !== 4 && (request.argc !== 6 || !request.is(4, EARLY)))) {
    reply.error(SYNTAX);
    return;
  }
  const leaseMs = milliseconds(request, 3, 1, LEASE_MS_MAX, BAD_LEASE);
  if (leaseMs === -1) return;
  const earlyMs = request.argc === 4 ? 0 : milliseconds(request, 5, 0, Number.MAX_SAFE_INTEGER, BAD_TIME);
  if (earlyMs === -1) return;
  const shard = request.enter(1);
  const { input, database } = request;
  const { now } = request.clock;
  acquire(shard, request.hash(1), input, request.offset(1), request.length(1), database, leaseMs, earlyMs, now, lease);
  if (lease.state === LEASE_WRONG_TYPE) reply.error(WRONGTYPE);
  else if (lease.state === LEASE_NO_MEMORY && !lease.hasValue(shard)) request.refuse(1);
  else replyLease(request);
}

function replyLease(request: Request): void {
  const { reply, shard } = request;
  const { words } = shard;
  const hasValue = lease.hasValue(shard);
  reply.array(3);
  reply.bulkAscii(nameOf(lease.state, hasValue));
  if (hasValue) reply.bulk(shard.bytes, valueOffset(words, lease.item), valueLength(words, lease.item));
  else reply.nullBulk();
  if (lease.state !== LEASE_WON) {
    reply.nullBulk();
    return;
  }
  token.set(lease.low, lease.high);
  reply.bulk(digits, 0, token.write(digits, 0));
}

/** Without memory for a lease the old value must do. */
function nameOf(state: number, hasValue: boolean): string {
  if (state === LEASE_HIT) return 'hit';
  if (state === LEASE_WON) return 'lease';
  return state === LEASE_HELD && !hasValue ? 'wait' : 'stale';
}

function cacheSet(request: Request): void {
  const { reply } = request;
  if (!readToken(request, 3) || !options.readDeadline(request, 5)) return;
  const deadline = (options.flags & OPTIONS_DEADLINE) === 0 ? 0 : options.deadline(request, 'cache.set');
  if ((options.flags & OPTIONS_DEADLINE) !== 0 && deadline === 0) return;
  const item = findAny(request);
  if (!holdsLease(request.shard, item, token.low, token.high)) reply.nullBulk();
  else if (deadline !== 0 && deadline <= request.clock.now) {
    request.shard.remove(item);
    reply.ok();
  } else if (request.setString(1, request.input, request.offset(2), request.length(2), deadline)) reply.ok();
  else request.refuse(1);
}

function cacheRelease(request: Request): void {
  if (!readToken(request, 2)) return;
  const item = findAny(request);
  const held = holdsLease(request.shard, item, token.low, token.high);
  if (held) endLease(request.shard, item);
  request.reply.integer(held ? 1 : 0);
}

function cacheInvalidate(request: Request): void {
  if (request.argc !== 2 && (request.argc !== 4 || !request.is(2, GRACE))) {
    request.reply.error(SYNTAX);
    return;
  }
  const grace = request.argc === 2 ? 0 : milliseconds(request, 3, 0, Number.MAX_SAFE_INTEGER, BAD_TIME);
  if (grace === -1) return;
  const item = findAny(request);
  const deadline = request.argc === 2 ? 0 : request.clock.now + grace;
  request.reply.integer(item !== 0 && invalidate(request.shard, item, deadline) !== 0 ? 1 : 0);
}

// ---------------------------------------------------------------------------------------------- the table

/** A command on the key that is argument 1. */
function keyed(
  name: string,
  arity: number,
  flags: readonly CommandFlag[],
  summary: string,
  run: (request: Request) => void,
): Command {
  return command({ name, arity, flags, firstKey: 1, group: 'ashlar', since: '7.2.99', summary, run });
}

export const LEASE_COMMANDS: readonly Command[] = [
  keyed(
    'cache.get',
    -4,
    ['write', 'denyoom', 'fast'],
    'Returns the value of a key, or asks one of all who need it to make it.',
    cacheGet,
  ),
  keyed(
    'cache.set',
    -5,
    ['write', 'denyoom', 'fast'],
    'Stores the value that CACHE.GET asked for, unless the key has changed since.',
    cacheSet,
  ),
  keyed('cache.release', 4, ['write', 'fast'], 'Gives a lease back: the next who asks gets it.', cacheRelease),
  keyed(
    'cache.invalidate',
    -2,
    ['write', 'fast'],
    'Marks a value as stale: it may be served until one has made a new one.',
    cacheInvalidate,
  ),
];
