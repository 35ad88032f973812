/**
 * BITFIELD: integers of 1 to 64 bits at any bit of a string.
 *
 * All operations are read and checked first, into a plan that is kept between commands; then the string is made long enough once, and the
 * operations are done in turn. Fields of up to 46 bits with increments in that range are worked on as numbers, wider ones as bigints, with
 * Redis's arithmetic in 64 bits.
 */

import { asciiBytes } from '../../base/bytes.js';
import { parseInt64 } from '../../base/numbers.js';
import { valueLength, valueOffset } from '../../engine/item.js';
import { stringOfLength } from '../growing.js';
import { clampedInteger } from '../integers.js';
import { SYNTAX } from '../replies.js';
import type { Request } from '../request.js';
import { bitOffset } from './arguments.js';
import { byteOf } from './scan.js';

const TYPE_ERROR = 'ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.';
const OVERFLOW_ERROR = 'ERR Invalid OVERFLOW type specified';
const READ_ONLY_ERROR = 'ERR BITFIELD_RO only supports the GET subcommand';

const GET = asciiBytes('get');
const SET = asciiBytes('set');
const INCRBY = asciiBytes('incrby');
const OVERFLOW = asciiBytes('overflow');
const OVERFLOW_NAMES = [asciiBytes('wrap'), asciiBytes('sat'), asciiBytes('fail')];

const KIND_GET = 0;
const KIND_SET = 1;
const KIND_INCRBY = 2;

const WRAP = 0;
const SATURATE = 1;
const FAIL = 2;

const SIGNED_BITS_MAX = 64;
const UNSIGNED_BITS_MAX = 63;
/** Widest field, and largest increment in bits, that numbers work on: with the 7 bits that can lie behind it in its last byte, it fits 53. */
const NUMBER_BITS_MAX = 46;
const NUMBER_MAX = 2 ** NUMBER_BITS_MAX;

const LETTER_I = 0x69;
const LETTER_U = 0x75;

/** One operation. Objects of this shape are reused. */
class Operation {
  kind = KIND_GET;
  signed = false;
  bits = 0;
  offset = 0;
  overflow = WRAP;
  /** Index of the argument with the value or increment. */
  value = 0;
}

/** The operations of the command that is being executed. */
class Plan {
  count = 0;
  readonly operations: Operation[] = [];
  /** Bytes that the string must have for the writes; 0 = there are none. */
  bytesToWrite = 0;

  clear(): void {
    this.count = 0;
    this.bytesToWrite = 0;
  }

  next(): Operation {
    if (this.count === this.operations.length) this.operations.push(new Operation());
    return this.operations[this.count++];
  }
}

const plan = new Plan();

export function bitfield(request: Request): void {
  if (!readPlan(request)) return;
  if (plan.bytesToWrite === 0) runReads(request);
  else {
    const item = stringOfLength(request, 1, plan.bytesToWrite);
    if (item !== 0) runAll(request, item);
  }
}

export function bitfieldReadOnly(request: Request): void {
  if (!readPlan(request)) return;
  if (plan.bytesToWrite === 0) runReads(request);
  else request.reply.error(READ_ONLY_ERROR);
}

function runReads(request: Request): void {
  const item = request.read(1);
  if (item === 0 || request.isString(item)) runAll(request, item);
}

// ---------------------------------------------------------------------------------------------- reading the arguments

/** Reads the operations. Returns false when it answered an error. */
function readPlan(request: Request): boolean {
  plan.clear();
  let overflow = WRAP;
  for (let index = 2; index < request.argc; ) {
    const left = request.argc - index - 1;
    if (left >= 1 && isOverflow(request, index)) {
      overflow = OVERFLOW_NAMES.findIndex((name) => request.is(index + 1, name));
      if (overflow === -1) return answer(request, OVERFLOW_ERROR);
      index += 2;
      continue;
    }
    const kind = kindOf(request, index, left);
    if (kind === -1) return answer(request, SYNTAX);
    if (!readOperation(request, index, kind, overflow)) return false;
    index += kind === KIND_GET ? 3 : 4;
  }
  return true;
}

function answer(request: Request, text: string): false {
  request.reply.error(text);
  return false;
}

function isOverflow(request: Request, index: number): boolean {
  return request.is(index, OVERFLOW);
}

/** The operation that an argument names, if enough arguments are left for it; else -1. */
function kindOf(request: Request, index: number, left: number): number {
  if (left >= 2 && request.is(index, GET)) return KIND_GET;
  if (left >= 3 && request.is(index, SET)) return KIND_SET;
  return left >= 3 && request.is(index, INCRBY) ? KIND_INCRBY : -1;
}

function readOperation(request: Request, index: number, kind: number, overflow: number): boolean {
  const operation = plan.next();
  if (!readType(request, index + 1, operation)) return false;
  const offset = bitOffset(request, index + 2, operation.bits);
  if (offset === -1) return false;
  operation.kind = kind;
  operation.offset = offset;
  operation.overflow = overflow;
  if (kind === KIND_GET) return true;
  operation.value = index + 3;
  plan.bytesToWrite = Math.max(plan.bytesToWrite, byteOf(offset + operation.bits - 1) + 1);
  return !Number.isNaN(clampedInteger(request, index + 3));
}

/** Reads a type: `i` or `u` and a number of bits. */
function readType(request: Request, index: number, operation: Operation): boolean {
  const at = request.offset(index);
  const length = request.length(index);
  const letter = length === 0 ? 0 : request.input[at];
  const bits = length < 2 ? 0 : parseInt64(request.input, at + 1, length - 1);
  operation.signed = letter === LETTER_I;
  const most = operation.signed ? SIGNED_BITS_MAX : UNSIGNED_BITS_MAX;
  if ((letter !== LETTER_I && letter !== LETTER_U) || !(bits >= 1 && bits <= most)) return answer(request, TYPE_ERROR);
  operation.bits = bits;
  return true;
}

// ---------------------------------------------------------------------------------------------- running

/** Runs the plan. `item` 0 = there is no string, and nothing writes. */
function runAll(request: Request, item: number): void {
  const { words } = request.shard;
  const base = item === 0 ? 0 : valueOffset(words, item);
  const length = item === 0 ? 0 : valueLength(words, item);
  request.reply.array(plan.count);
  for (let i = 0; i < plan.count; i++) {
    const operation = plan.operations[i];
    if (operation.bits > NUMBER_BITS_MAX) runBig(request, operation, base, length);
    else if (operation.kind === KIND_GET) request.reply.integer(readField(request, operation, base, length));
    else runNumber(request, operation, base, length);
  }
}

/** A write to a field that numbers hold. */
function runNumber(request: Request, operation: Operation, base: number, length: number): void {
  const value = request.integer(operation.value);
  if (!(Math.abs(value) < NUMBER_MAX)) {
    runBig(request, operation, base, length);
    return;
  }
  const old = readField(request, operation, base, length);
  const wanted = operation.kind === KIND_SET ? value : old + value;
  const written = fitted(wanted, operation);
  if (Number.isNaN(written)) {
    request.reply.nullBulk();
    return;
  }
  request.reply.integer(operation.kind === KIND_SET ? old : written);
  writeField(request, operation, base, written);
}

/** What is written for a value that may not fit the field; NaN when it must not be written. */
function fitted(value: number, operation: Operation): number {
  const range = 2 ** operation.bits;
  const least = operation.signed ? -range / 2 : 0;
  const most = least + range - 1;
  if (value >= least && value <= most) return value;
  if (operation.overflow === FAIL) return Number.NaN;
  // An unsigned field takes a negative value that is SET for a very large one, so that it is the upper end that it passes.
  if (operation.overflow === SATURATE) return value < least && !isLargeUnsigned(operation) ? least : most;
  const rest = (((value - least) % range) + range) % range;
  return rest + least;
}

function isLargeUnsigned(operation: Operation): boolean {
  return !operation.signed && operation.kind === KIND_SET;
}

/** Reads a field of up to 46 bits. What lies behind the string's end is 0. */
function readField(request: Request, operation: Operation, base: number, length: number): number {
  const { bytes } = request.shard;
  const firstByte = byteOf(operation.offset);
  const firstBit = operation.offset & 7;
  const lastByte = byteOf(operation.offset + operation.bits - 1);
  let value = 0;
  for (let byte = firstByte; byte <= lastByte; byte++) {
    const read = byte < length ? bytes[base + byte] : 0;
    value = value * 256 + (byte === firstByte ? read & (0xff >>> firstBit) : read);
  }
  const behind = (lastByte + 1) * 8 - operation.offset - operation.bits;
  const field = Math.floor(value / (1 << behind));
  return operation.signed && field >= 2 ** (operation.bits - 1) ? field - 2 ** operation.bits : field;
}

/** Writes a field of up to 46 bits, from its lowest bits to its highest. */
function writeField(request: Request, operation: Operation, base: number, value: number): void {
  const { bytes } = request.shard;
  let rest = value < 0 ? value + 2 ** operation.bits : value;
  let end = operation.offset + operation.bits;
  for (let left = operation.bits; left > 0; ) {
    const byte = byteOf(end - 1);
    const count = Math.min(left, ((end - 1) & 7) + 1);
    const shift = 7 - ((end - 1) & 7);
    const mask = (1 << count) - 1;
    const part = rest % (mask + 1);
    bytes[base + byte] = (bytes[base + byte] & ~(mask << shift)) | (part << shift);
    rest = (rest - part) / (mask + 1);
    left -= count;
    end -= count;
  }
}

// ---------------------------------------------------------------------------------------------- 64 bits

/** Any operation, in bigints. */
function runBig(request: Request, operation: Operation, base: number, length: number): void {
  const old = readBigField(request, operation, base, length);
  if (operation.kind === KIND_GET) {
    request.reply.bigInteger(old);
    return;
  }
  const value = request.bigInteger(operation.value) as bigint;
  const set = operation.kind === KIND_SET;
  const written = operation.signed
    ? fittedSigned(set ? value : old, set ? 0n : value, operation)
    : fittedUnsigned(set ? BigInt.asUintN(64, value) : old, set ? 0n : value, operation);
  if (written === undefined) {
    request.reply.nullBulk();
    return;
  }
  request.reply.bigInteger(set ? old : written);
  writeBigField(request, operation, base, written);
}

/** value + increment in a signed field, with Redis's checks in 64 bits, which wrap round themselves; undefined = must not be written. */
function fittedSigned(value: bigint, increment: bigint, operation: Operation): bigint | undefined {
  const most = (1n << BigInt(operation.bits - 1)) - 1n;
  const least = -most - 1n;
  const room = BigInt.asIntN(64, most - value);
  const depth = BigInt.asIntN(64, least - value);
  const narrow = operation.bits !== 64;
  const above = value > most || (narrow && increment > room) || (value >= 0n && increment > 0n && increment > room);
  const below = value < least || (narrow && increment < depth) || (value < 0n && increment < 0n && increment < depth);
  if (!above && !below) return value + increment;
  if (operation.overflow === FAIL) return undefined;
  if (operation.overflow === SATURATE) return above ? most : least;
  return BigInt.asIntN(operation.bits, value + increment);
}

/** The same in an unsigned field. `value` is unsigned. */
function fittedUnsigned(value: bigint, increment: bigint, operation: Operation): bigint | undefined {
  const most = (1n << BigInt(operation.bits)) - 1n;
  const above = value > most || (increment > 0n && increment > BigInt.asIntN(64, most - value));
  const below = increment < 0n && increment < BigInt.asIntN(64, -value);
  if (!above && !below) return value + increment;
  if (operation.overflow === FAIL) return undefined;
  if (operation.overflow === SATURATE) return above ? most : 0n;
  return BigInt.asUintN(operation.bits, value + increment);
}

function readBigField(request: Request, operation: Operation, base: number, length: number): bigint {
  const { bytes } = request.shard;
  const lastByte = byteOf(operation.offset + operation.bits - 1);
  let value = 0n;
  for (let byte = byteOf(operation.offset); byte <= lastByte; byte++) {
    value = (value << 8n) | BigInt(byte < length ? bytes[base + byte] : 0);
  }
  const behind = (lastByte + 1) * 8 - operation.offset - operation.bits;
  const field = value >> BigInt(behind);
  return operation.signed ? BigInt.asIntN(operation.bits, field) : BigInt.asUintN(operation.bits, field);
}

function writeBigField(request: Request, operation: Operation, base: number, value: bigint): void {
  const { bytes } = request.shard;
  const firstByte = byteOf(operation.offset);
  const lastByte = byteOf(operation.offset + operation.bits - 1);
  const behind = BigInt((lastByte + 1) * 8 - operation.offset - operation.bits);
  const mask = ((1n << BigInt(operation.bits)) - 1n) << behind;
  let field = BigInt.asUintN(operation.bits, value) << behind;
  let covered = mask;
  for (let byte = lastByte; byte >= firstByte; byte--) {
    const at = base + byte;
    bytes[at] = (bytes[at] & ~Number(covered & 0xffn)) | Number(field & 0xffn);
    field >>= 8n;
    covered >>= 8n;
  }
}
