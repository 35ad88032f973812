/** How long keys live: EXPIRE and its relatives, TTL and its relatives, PERSIST. */

import { asciiBytes } from '../../base/bytes.js';
import { expiryOf } from '../../engine/item.js';
import { type Command, command } from '../command.js';
import { invalidExpire, NOT_INTEGER, OOM } from '../replies.js';
import type { Request } from '../request.js';

const SECOND = 1000n;
const HALF_A_SECOND = 500n;
const INT64_MAX = 2n ** 63n - 1n;
/** The latest deadline that an item holds: the largest double below 2^63. */
const DEADLINE_MAX = 2 ** 63 - 1024;

const OPTIONS = ['nx', 'xx', 'gt', 'lt'].map(asciiBytes);
const NX = 1;
const XX = 2;
const GT = 4;
const LT = 8;

/** What TTL answers when the key is not there, or has no deadline. */
const NO_KEY = -2;
const NO_DEADLINE = -1;

/** The options behind the time, as a sum of flags; -1 when an error was answered. */
function parseOptions(request: Request): number {
  let flags = 0;
  for (let index = 3; index < request.argc; index++) {
    const option = OPTIONS.findIndex((name) => request.is(index, name));
    if (option === -1) {
      request.reply.error(`ERR Unsupported option ${request.text(index).split('\0', 1)[0]}`);
      return -1;
    }
    flags |= 1 << option;
  }
  if ((flags & NX) !== 0 && flags !== NX) {
    request.reply.error('ERR NX and XX, GT or LT options at the same time are not compatible');
    return -1;
  }
  if ((flags & GT) !== 0 && (flags & LT) !== 0) {
    request.reply.error('ERR GT and LT options at the same time are not compatible');
    return -1;
  }
  return flags;
}

/**
 * The deadline that argument 2 names, in milliseconds since 1970; NaN when an error was answered.
 * @param base milliseconds since 1970 that it is counted from
 */
function parseDeadline(request: Request, name: string, seconds: boolean, base: number): number {
  const amount = request.integer(2);
  // What a double holds exactly cannot overflow 64 bits, not in seconds either.
  if (!Number.isNaN(amount)) return amount * (seconds ? 1000 : 1) + base;
  const large = request.bigInteger(2);
  if (large === undefined) {
    request.reply.error(NOT_INTEGER);
    return Number.NaN;
  }
  const milliseconds = seconds ? large * SECOND : large;
  if (milliseconds < -INT64_MAX - 1n || milliseconds > INT64_MAX - BigInt(base)) {
    request.reply.error(invalidExpire(name));
    return Number.NaN;
  }
  return Math.min(DEADLINE_MAX, Number(milliseconds) + base);
}

/** Whether the options allow this deadline for a key that has that one (0 = none). No deadline is later than any. */
function allows(flags: number, current: number, deadline: number): boolean {
  if ((flags & NX) !== 0 && current !== 0) return false;
  if ((flags & XX) !== 0 && current === 0) return false;
  if ((flags & GT) !== 0 && (current === 0 || deadline <= current)) return false;
  return (flags & LT) === 0 || current === 0 || deadline < current;
}

function expire(request: Request, name: string, seconds: boolean, base: number): void {
  const flags = request.argc === 3 ? 0 : parseOptions(request);
  if (flags === -1) return;
  const deadline = parseDeadline(request, name, seconds, base);
  if (Number.isNaN(deadline)) return;
  const item = request.modify(1);
  const shard = request.shard;
  if (item === 0 || (flags !== 0 && !allows(flags, expiryOf(shard.words, item), deadline))) {
    request.reply.integer(0);
    return;
  }
  if (deadline <= request.clock.now) shard.remove(item);
  else if (shard.setExpiry(item, deadline) === 0) {
    request.reply.error(OOM);
    return;
  }
  request.reply.integer(1);
}

/** @param absolute answers when, not how long */
function timeToLive(request: Request, seconds: boolean, absolute: boolean): void {
  const item = request.find(1);
  request.shard.ledger.lookup(item !== 0);
  if (item === 0) {
    request.reply.integer(NO_KEY);
    return;
  }
  const deadline = expiryOf(request.shard.words, item);
  if (deadline === 0) {
    request.reply.integer(NO_DEADLINE);
    return;
  }
  const milliseconds = absolute ? deadline : deadline - request.clock.now;
  if (!Number.isSafeInteger(milliseconds)) {
    const exact = BigInt(milliseconds);
    request.reply.bigInteger(seconds ? (exact + HALF_A_SECOND) / SECOND : exact);
    return;
  }
  request.reply.integer(seconds ? Math.floor((milliseconds + 500) / 1000) : milliseconds);
}

function persist(request: Request): void {
  const item = request.modify(1);
  const had = item !== 0 && expiryOf(request.shard.words, item) !== 0;
  if (had) request.shard.setExpiry(item, 0);
  request.reply.integer(had ? 1 : 0);
}

function expireCommand(name: string, since: string, summary: string, seconds: boolean, relative: boolean): Command {
  return command({
    name,
    arity: -3,
    flags: ['write', 'fast'],
    categories: ['keyspace'],
    group: 'generic',
    since,
    summary,
    run: (request) => expire(request, name, seconds, relative ? request.clock.now : 0),
  });
}

function ttlCommand(name: string, since: string, summary: string, seconds: boolean, absolute: boolean): Command {
  return command({
    name,
    arity: 2,
    flags: ['readonly', 'fast'],
    categories: ['keyspace'],
    group: 'generic',
    since,
    summary,
    run: (request) => timeToLive(request, seconds, absolute),
  });
}

export const EXPIRY_COMMANDS = [
  expireCommand('expire', '1.0.0', 'Sets the expiration time of a key in seconds.', true, true),
  expireCommand('pexpire', '2.6.0', 'Sets the expiration time of a key in milliseconds.', false, true),
  expireCommand('expireat', '1.2.0', 'Sets the expiration time of a key to a Unix timestamp.', true, false),
  expireCommand(
    'pexpireat',
    '2.6.0',
    'Sets the expiration time of a key to a Unix milliseconds timestamp.',
    false,
    false,
  ),
  ttlCommand('ttl', '1.0.0', 'Returns the expiration time in seconds of a key.', true, false),
  ttlCommand('pttl', '2.6.0', 'Returns the expiration time in milliseconds of a key.', false, false),
  ttlCommand('expiretime', '7.0.0', 'Returns the expiration time of a key as a Unix timestamp.', true, true),
  ttlCommand(
    'pexpiretime',
    '7.0.0',
    'Returns the expiration time of a key as a Unix milliseconds timestamp.',
    false,
    true,
  ),
  command({
    name: 'persist',
    arity: 2,
    flags: ['write', 'fast'],
    categories: ['keyspace'],
    group: 'generic',
    since: '2.2.0',
    summary: 'Removes the expiration time of a key.',
    run: persist,
  }),
];
