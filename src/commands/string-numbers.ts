/**
 * Strings that are counters: INCR and its relatives.
 *
 * Safe integers (up to 2^53) are read and written in place, without an object or a string; a counter that keeps its number of digits is
 * found once and overwritten where it stands. Beyond, bigints do it. INCRBYFLOAT calculates as Redis's long double does, on strings.
 */

import { copyBytes } from '../base/bytes.js';
import {
  addDecimal,
  INT64_MAX,
  INT64_MIN,
  integerDigits,
  isDecimal,
  parseBigInt64,
  parseInt64,
  writeBigInt,
  writeInteger,
} from '../base/numbers.js';
import { MARK_TEXT, numberLength, setMarks, valueLength, valueOffset } from '../engine/item.js';
import { command } from './command.js';
import { NOT_FLOAT, NOT_INTEGER, OVERFLOW } from './replies.js';
import type { Request } from './request.js';

const DECREMENT_OVERFLOW = 'ERR decrement would overflow';
const NOT_FINITE = 'ERR increment would produce NaN or Infinity';
/** Longer strings are no numbers to INCRBYFLOAT. */
const FLOAT_CHARS_MAX = 5 * 1024;
/** Digits and minus of a 64-bit integer. */
const BIGINT_CHARS_MAX = 20;

const digits = new Uint8Array(BIGINT_CHARS_MAX);

/** Adds a safe integer to the counter under key argument 1. */
function add(request: Request, increment: number): void {
  const item = request.modify(1);
  let value = 0;
  if (item !== 0) {
    if (!request.isString(item)) return;
    const shard = request.shard;
    value = parseInt64(shard.bytes, valueOffset(shard.words, item), valueLength(shard.words, item));
  }
  const sum = value + increment;
  if (!Number.isSafeInteger(sum)) {
    addBig(request, item, BigInt(increment));
    return;
  }
  if (storeInteger(request, item, sum)) request.reply.integer(sum);
  else request.refuse(1);
}

/** Writes a safe integer as the value. Returns false when there is no memory. */
function storeInteger(request: Request, item: number, value: number): boolean {
  const { shard } = request;
  const at = makeRoom(request, item, integerDigits(value));
  if (at === 0) return false;
  writeInteger(shard.bytes, valueOffset(shard.words, at), value);
  return true;
}

/** Writes text as the value. Returns the item, or 0 when there is no memory. */
function storeText(request: Request, item: number, text: Uint8Array, length: number): number {
  const { shard } = request;
  const at = makeRoom(request, item, length);
  if (at !== 0) copyBytes(text, 0, shard.bytes, valueOffset(shard.words, at), length);
  return at;
}

/** The item for a value of `length` bytes: the one there is, or (0) a new one. 0 when there is no memory. */
function makeRoom(request: Request, item: number, length: number): number {
  if (item !== 0) return request.shard.replaceValue(item, length);
  return request.shard.prepareString(
    request.hash(1),
    request.input,
    request.offset(1),
    request.length(1),
    request.database,
    length,
    0,
  );
}

/** The same with 64 bits, for values that are no safe integers, or none at all. `item` 0 = there is none. */
function addBig(request: Request, item: number, increment: bigint): void {
  const { bytes, words } = request.shard;
  const value = item === 0 ? 0n : parseBigInt64(bytes, valueOffset(words, item), numberLength(words, bytes, item));
  if (value === undefined) {
    request.reply.error(NOT_INTEGER);
    return;
  }
  const sum = value + increment;
  if (sum > INT64_MAX || sum < INT64_MIN) {
    request.reply.error(OVERFLOW);
    return;
  }
  const length = writeBigInt(digits, 0, sum);
  if (storeText(request, item, digits, length) !== 0) request.reply.bigInteger(sum);
  else request.refuse(1);
}

function incr(request: Request): void {
  add(request, 1);
}

function decr(request: Request): void {
  add(request, -1);
}

function incrby(request: Request): void {
  const increment = request.integer(2);
  if (Number.isNaN(increment)) addArgument(request, false);
  else add(request, increment);
}

function decrby(request: Request): void {
  const decrement = request.integer(2);
  if (Number.isNaN(decrement)) addArgument(request, true);
  else add(request, -decrement);
}

/** An increment that is no safe integer. */
function addArgument(request: Request, negated: boolean): void {
  const argument = request.bigInteger(2);
  if (argument === undefined) {
    request.reply.error(NOT_INTEGER);
    return;
  }
  if (negated && argument === INT64_MIN) {
    request.reply.error(DECREMENT_OVERFLOW);
    return;
  }
  const item = request.modify(1);
  if (item === 0 || request.isString(item)) addBig(request, item, negated ? -argument : argument);
}

function incrbyfloat(request: Request): void {
  const item = request.modify(1);
  if (item !== 0 && !request.isString(item)) return;
  const value = item === 0 ? '0' : decimalOf(request, item);
  const increment = request.length(2) < FLOAT_CHARS_MAX ? request.text(2) : '';
  if (!isDecimal(value) || !isDecimal(increment)) {
    request.reply.error(NOT_FLOAT);
    return;
  }
  const sum = addDecimal(value, increment);
  if (sum === undefined) {
    request.reply.error(NOT_FINITE);
    return;
  }
  const bytes = Buffer.from(sum, 'latin1');
  const at = storeText(request, item, bytes, bytes.length);
  if (at === 0) {
    request.refuse(1);
    return;
  }
  setMarks(request.shard.words, at, MARK_TEXT);
  request.reply.bulk(bytes, 0, bytes.length);
}

/** The value as a string, or nothing when it is too long for a number. */
function decimalOf(request: Request, item: number): string {
  const { bytes, words } = request.shard;
  const length = numberLength(words, bytes, item);
  if (length >= FLOAT_CHARS_MAX) return '';
  return Buffer.from(bytes.buffer, bytes.byteOffset + valueOffset(words, item), length).toString('latin1');
}

export const STRING_NUMBER_COMMANDS = [
  command({
    name: 'incr',
    arity: 2,
    flags: ['write', 'denyoom', 'fast'],
    group: 'string',
    since: '1.0.0',
    summary: 'Increments the integer value of a key by one. Uses 0 as the initial value if the key does not exist.',
    run: incr,
  }),
  command({
    name: 'decr',
    arity: 2,
    flags: ['write', 'denyoom', 'fast'],
    group: 'string',
    since: '1.0.0',
    summary: 'Decrements the integer value of a key by one. Uses 0 as the initial value if the key does not exist.',
    run: decr,
  }),
  command({
    name: 'incrby',
    arity: 3,
    flags: ['write', 'denyoom', 'fast'],
    group: 'string',
    since: '1.0.0',
    summary:
      'Increments the integer value of a key by a number. Uses 0 as the initial value if the key does not exist.',
    run: incrby,
  }),
  command({
    name: 'decrby',
    arity: 3,
    flags: ['write', 'denyoom', 'fast'],
    group: 'string',
    since: '1.0.0',
    summary:
      'Decrements the integer value of a key by a number. Uses 0 as the initial value if the key does not exist.',
    run: decrby,
  }),
  command({
    name: 'incrbyfloat',
    arity: 3,
    flags: ['write', 'denyoom', 'fast'],
    group: 'string',
    since: '2.6.0',
    summary:
      'Increments the floating point value of a key by a number. Uses 0 as the initial value if the key does not exist.',
    run: incrbyfloat,
  }),
];
