/** String commands that read or write one whole value: GET, SET and their relatives. */

import { copyBytes, equalBytes } from '../base/bytes.js';
import { valueLength, valueOffset } from '../engine/item.js';
import type { Shard } from '../engine/shard.js';
import { command } from './command.js';
import type { Request } from './request.js';
import {
  type DeadlineKind,
  deadlineArgument,
  MILLISECONDS_FROM_NOW,
  OPTION_GET,
  OPTION_IFEQ,
  OPTION_KEEPTTL,
  OPTION_NX,
  OPTION_PERSIST,
  OPTION_XX,
  OPTIONS_ABSOLUTE,
  OPTIONS_CONDITION,
  OPTIONS_DEADLINE,
  SECONDS_FROM_NOW,
  StringOptions,
} from './string-options.js';

/** `setString`'s word for: the deadline stays as it was. */
const KEEP_DEADLINE = -1;
/** Values up to this are held in a buffer that is always there. */
const HELD_BYTES = 16_384;

const options = new StringOptions();
const heldBuffer = new Uint8Array(HELD_BYTES);

// ---------------------------------------------------------------------------------------------- reading

function get(request: Request): void {
  const item = request.read(1);
  if (item === 0) {
    request.reply.nullBulk();
    return;
  }
  if (!request.isString(item)) return;
  replyValue(request, item);
}

/** Answers the value of a string. */
function replyValue(request: Request, item: number): void {
  const shard = request.shard;
  request.reply.bulk(shard.bytes, valueOffset(shard.words, item), valueLength(shard.words, item));
}

/** Looks up what GET looks up. Returns the string, or 0 when the reply has been written: null, or an error. */
function readString(request: Request): number {
  const item = request.read(1);
  if (item === 0) {
    request.reply.nullBulk();
    return 0;
  }
  return request.isString(item) ? item : 0;
}

function getdel(request: Request): void {
  const item = readString(request);
  if (item === 0) {
    // There may be a lease, whose value would be an old one.
    if (request.find(1) === 0) request.remove(1);
    return;
  }
  replyValue(request, item);
  request.shard.remove(item);
}

function getex(request: Request): void {
  if (!options.readGetex(request)) return;
  const item = readString(request);
  if (item === 0) return;
  if ((options.flags & OPTIONS_DEADLINE) !== 0) getAndExpire(request, item);
  else replyValue(request, (options.flags & OPTION_PERSIST) === 0 ? item : request.shard.setExpiry(item, 0));
}

function getAndExpire(request: Request, item: number): void {
  const deadline = options.deadline(request, 'getex');
  if (deadline === 0) return;
  if ((options.flags & OPTIONS_ABSOLUTE) !== 0 && deadline <= request.clock.now) {
    replyValue(request, item);
    request.shard.remove(item);
    return;
  }
  // The deadline first: it can take memory that is not there.
  const kept = request.shard.setExpiry(item, deadline);
  if (kept === 0) request.refuse(1);
  else replyValue(request, kept);
}

// ---------------------------------------------------------------------------------------------- writing

function set(request: Request): void {
  if (request.argc > 3) setWithOptions(request);
  else if (request.setString(1, request.input, request.offset(2), request.length(2), 0)) request.reply.ok();
  else request.refuse(1);
}

function setWithOptions(request: Request): void {
  if (!options.readSet(request)) return;
  const flags = options.flags;
  let deadline = (flags & OPTION_KEEPTTL) === 0 ? 0 : KEEP_DEADLINE;
  if ((flags & OPTIONS_DEADLINE) !== 0) {
    deadline = options.deadline(request, 'set');
    if (deadline === 0) return;
  }
  if ((flags & OPTION_GET) !== 0) setAndGet(request, deadline);
  else if ((flags & OPTIONS_CONDITION) === 0 || mayBeSet(request)) replyStored(request, store(request, 2, deadline));
}

function replyStored(request: Request, stored: boolean): void {
  if (stored) request.reply.ok();
  else request.refuse(1);
}

/** Stores a value with a deadline. One that has passed already leaves nothing. Returns false when there is no memory. */
function store(request: Request, valueIndex: number, deadline: number): boolean {
  if (deadline > 0 && deadline <= request.clock.now) {
    request.remove(1);
    return true;
  }
  return request.setString(1, request.input, request.offset(valueIndex), request.length(valueIndex), deadline);
}

/** Whether a SET's condition holds. Answers when it does not. */
function mayBeSet(request: Request): boolean {
  const item = request.find(1);
  if ((options.flags & OPTION_IFEQ) !== 0 && item !== 0 && !request.isString(item)) return false;
  if (conditionHolds(request, item)) return true;
  request.reply.nullBulk();
  return false;
}

/** @param item what is there, 0 = nothing; with IFEQ a string */
function conditionHolds(request: Request, item: number): boolean {
  const flags = options.flags;
  if ((flags & OPTION_NX) !== 0) return item === 0;
  if ((flags & OPTION_XX) !== 0) return item !== 0;
  return (flags & OPTION_IFEQ) === 0 || (item !== 0 && isEqual(request, item, options.comparison));
}

/** Whether a string is the same as an argument. */
function isEqual(request: Request, item: number, index: number): boolean {
  const { words, bytes } = request.shard;
  const length = request.length(index);
  if (valueLength(words, item) !== length) return false;
  return equalBytes(bytes, valueOffset(words, item), request.input, request.offset(index), length);
}

/** SET with GET: the reply is the old value, whether the condition holds or not. */
function setAndGet(request: Request, deadline: number): void {
  const item = request.read(1);
  if (item !== 0 && !request.isString(item)) return;
  if (conditionHolds(request, item)) replace(request, item, deadline);
  else if (item === 0) request.reply.nullBulk();
  else replyValue(request, item);
}

/** Stores argument 2 and answers what was there before. */
function replace(request: Request, item: number, deadline: number): void {
  if (item === 0) {
    if (store(request, 2, deadline)) request.reply.nullBulk();
    else request.refuse(1);
    return;
  }
  // A copy, because it may turn out only now that there is no memory, and a reply that has been begun cannot be taken back.
  const length = valueLength(request.shard.words, item);
  const held = hold(request.shard, item, length);
  if (store(request, 2, deadline)) request.reply.bulk(held, 0, length);
  else request.refuse(1);
}

function hold(shard: Shard, item: number, length: number): Uint8Array {
  const held = length <= HELD_BYTES ? heldBuffer : new Uint8Array(length);
  copyBytes(shard.bytes, valueOffset(shard.words, item), held, 0, length);
  return held;
}

function getset(request: Request): void {
  const item = request.read(1);
  if (item === 0 || request.isString(item)) replace(request, item, 0);
}

function setnx(request: Request): void {
  if (request.find(1) !== 0) request.reply.integer(0);
  else if (store(request, 2, 0)) request.reply.integer(1);
  else request.refuse(1);
}

function setWithDeadline(request: Request, kind: DeadlineKind, name: string): void {
  const deadline = deadlineArgument(request, 2, kind, name);
  if (deadline !== 0) replyStored(request, store(request, 3, deadline));
}

function setex(request: Request): void {
  setWithDeadline(request, SECONDS_FROM_NOW, 'setex');
}

function psetex(request: Request): void {
  setWithDeadline(request, MILLISECONDS_FROM_NOW, 'psetex');
}

function delifeq(request: Request): void {
  const item = request.find(1);
  if (item !== 0 && !request.isString(item)) return;
  const equal = item !== 0 && isEqual(request, item, 2);
  if (equal) request.shard.remove(item);
  request.reply.integer(equal ? 1 : 0);
}

// ---------------------------------------------------------------------------------------------- the table

export const STRING_COMMANDS = [
  command({
    name: 'get',
    arity: 2,
    flags: ['readonly', 'fast'],
    group: 'string',
    since: '1.0.0',
    summary: 'Returns the string value of a key.',
    run: get,
  }),
  command({
    name: 'set',
    arity: -3,
    flags: ['write', 'denyoom'],
    shareTime: true,
    group: 'string',
    since: '1.0.0',
    summary: 'Sets the string value of a key, ignoring its type. The key is created if it does not exist.',
    run: set,
  }),
  command({
    name: 'setnx',
    arity: 3,
    flags: ['write', 'denyoom', 'fast'],
    group: 'string',
    since: '1.0.0',
    summary: 'Sets the string value of a key only when the key does not exist.',
    run: setnx,
  }),
  command({
    name: 'setex',
    arity: 4,
    flags: ['write', 'denyoom'],
    group: 'string',
    since: '2.0.0',
    summary:
      'Sets the string value and the expiration time, in seconds, of a key. The key is created if it does not exist.',
    run: setex,
  }),
  command({
    name: 'psetex',
    arity: 4,
    flags: ['write', 'denyoom'],
    group: 'string',
    since: '2.6.0',
    summary:
      'Sets the string value and the expiration time, in milliseconds, of a key. The key is created if it does not exist.',
    run: psetex,
  }),
  command({
    name: 'getset',
    arity: 3,
    flags: ['write', 'denyoom', 'fast'],
    group: 'string',
    since: '1.0.0',
    summary: 'Returns the previous string value of a key after setting it to a new value.',
    run: getset,
  }),
  command({
    name: 'getdel',
    arity: 2,
    flags: ['write', 'fast'],
    group: 'string',
    since: '6.2.0',
    summary: 'Returns the string value of a key after deleting the key.',
    run: getdel,
  }),
  command({
    name: 'getex',
    arity: -2,
    flags: ['write', 'fast'],
    group: 'string',
    since: '6.2.0',
    summary: 'Returns the string value of a key after setting or removing its expiration time.',
    run: getex,
  }),
  command({
    name: 'delifeq',
    arity: 3,
    flags: ['write', 'fast'],
    group: 'string',
    since: '9.0.0',
    summary: 'Deletes a key if its value is the given string.',
    run: delifeq,
  }),
];
