/** Bitmap commands on single bits and ranges of them: SETBIT, GETBIT, BITCOUNT, BITPOS. They work on the value in place. */

import { valueLength, valueOffset } from '../../engine/item.js';
import { command } from '../command.js';
import { stringOfLength } from '../growing.js';
import { clampedInteger, isGreater } from '../integers.js';
import { SYNTAX } from '../replies.js';
import type { Request } from '../request.js';
import { bitOffset, fromStart, rangeEnd, unitsPerByte } from './arguments.js';
import { bitfield, bitfieldReadOnly } from './bitfield.js';
import { bitop } from './bitop.js';
import { byteOf, countBitRange, findBit } from './scan.js';

const BIT_ERROR = 'ERR bit is not an integer or out of range';
const BITPOS_BIT_ERROR = 'ERR The bit argument must be 1 or 0.';

function setbit(request: Request): void {
  const offset = bitOffset(request, 2, 0);
  if (offset === -1) return;
  const bit = request.integer(3);
  if (bit !== 0 && bit !== 1) {
    request.reply.error(BIT_ERROR);
    return;
  }
  const item = stringOfLength(request, 1, byteOf(offset) + 1);
  if (item === 0) return;
  const { words, bytes } = request.shard;
  const at = valueOffset(words, item) + byteOf(offset);
  const mask = 0x80 >>> (offset & 7);
  const old = bytes[at];
  bytes[at] = bit === 1 ? old | mask : old & ~mask;
  request.reply.integer((old & mask) === 0 ? 0 : 1);
}

function getbit(request: Request): void {
  const offset = bitOffset(request, 2, 0);
  if (offset === -1) return;
  const item = request.read(1);
  if (item === 0) {
    request.reply.integer(0);
    return;
  }
  if (!request.isString(item)) return;
  const { words, bytes } = request.shard;
  const byte = byteOf(offset);
  const set =
    byte < valueLength(words, item) && (bytes[valueOffset(words, item) + byte] & (0x80 >>> (offset & 7))) !== 0;
  request.reply.integer(set ? 1 : 0);
}

/** The string under argument 1; 0 when something was answered, `missing` where there is no key. As in Redis 7.2, ranges are read only behind it. */
function readString(request: Request, missing: number): number {
  const item = request.read(1);
  if (item !== 0) return request.isString(item) ? item : 0;
  request.reply.integer(missing);
  return 0;
}

function bitcount(request: Request): void {
  const { reply, argc } = request;
  const item = readString(request, 0);
  if (item === 0) return;
  if (argc === 3 || argc > 5) {
    reply.error(SYNTAX);
    return;
  }
  const start = argc > 3 ? rangeEnd(request, 2) : 0;
  if (Number.isNaN(start)) return;
  const end = argc > 3 ? rangeEnd(request, 3) : -1;
  if (Number.isNaN(end)) return;
  if (argc > 3 && start < 0 && end < 0 && isGreater(request, 2, start, 3, end)) {
    reply.integer(0);
    return;
  }
  const units = argc === 5 ? unitsPerByte(request, 4) : 1;
  if (units !== 0) reply.integer(countIn(request, item, start, end, units));
}

/** Bits set from `start` to `end`, in units of bytes or bits. */
function countIn(request: Request, item: number, start: number, end: number, units: 1 | 8): number {
  const { words, bytes } = request.shard;
  const total = valueLength(words, item) * units;
  const first = fromStart(start, total);
  const last = Math.min(total - 1, fromStart(end, total));
  if (first > last) return 0;
  const bits = 8 / units;
  return countBitRange(bytes, words, valueOffset(words, item), first * bits, last * bits + bits - 1);
}

function bitpos(request: Request): void {
  const bit = clampedInteger(request, 2);
  if (Number.isNaN(bit)) return;
  if (bit !== 0 && bit !== 1) {
    request.reply.error(BITPOS_BIT_ERROR);
    return;
  }
  // A key that is not there is zeros without end.
  const item = readString(request, bit === 0 ? 0 : -1);
  if (item === 0) return;
  if (request.argc > 6) {
    request.reply.error(SYNTAX);
    return;
  }
  const start = request.argc > 3 ? rangeEnd(request, 3) : 0;
  if (Number.isNaN(start)) return;
  const units = request.argc === 6 ? unitsPerByte(request, 5) : 1;
  if (units === 0) return;
  const end = request.argc > 4 ? rangeEnd(request, 4) : -1;
  if (!Number.isNaN(end)) request.reply.integer(positionIn(request, item, bit, start, end, units));
}

/** Position of the first bit that is `bit`, from `start` to `end` in units of bytes or bits. */
function positionIn(request: Request, item: number, bit: number, start: number, end: number, units: 1 | 8): number {
  const { words, bytes } = request.shard;
  const total = valueLength(words, item) * units;
  const first = fromStart(start, total);
  const last = Math.min(total - 1, fromStart(end, total));
  if (first > last) return -1;
  const bits = 8 / units;
  const position = findBit(bytes, words, valueOffset(words, item), bit, first * bits, last * bits + bits - 1);
  // Without an end the string is followed by zeros.
  return position === -1 && bit === 0 && request.argc < 5 ? total * 8 : position;
}

export const BITMAP_COMMANDS = [
  command({
    name: 'setbit',
    arity: 4,
    flags: ['write', 'denyoom'],
    group: 'bitmap',
    since: '2.2.0',
    summary: 'Sets or clears the bit at offset of the string value. Creates the key if it does not exist.',
    run: setbit,
  }),
  command({
    name: 'getbit',
    arity: 3,
    flags: ['readonly', 'fast'],
    group: 'bitmap',
    since: '2.2.0',
    summary: 'Returns a bit value by offset.',
    run: getbit,
  }),
  command({
    name: 'bitcount',
    arity: -2,
    flags: ['readonly'],
    group: 'bitmap',
    since: '2.6.0',
    summary: 'Counts the number of set bits (population counting) in a string.',
    complexity: 'O(N)',
    run: bitcount,
  }),
  command({
    name: 'bitpos',
    arity: -3,
    flags: ['readonly'],
    group: 'bitmap',
    since: '2.8.7',
    summary: 'Finds the first set (1) or clear (0) bit in a string.',
    complexity: 'O(N)',
    run: bitpos,
  }),
  command({
    name: 'bitop',
    arity: -4,
    flags: ['write', 'denyoom'],
    group: 'bitmap',
    firstKey: 2,
    lastKey: -1,
    keyStep: 1,
    since: '2.6.0',
    summary: 'Performs bitwise operations on multiple strings, and stores the result.',
    complexity: 'O(N)',
    run: bitop,
  }),
  command({
    name: 'bitfield',
    arity: -2,
    flags: ['write', 'denyoom'],
    group: 'bitmap',
    since: '3.2.0',
    summary: 'Performs arbitrary bitfield integer operations on strings.',
    complexity: 'O(1) for each subcommand specified',
    run: bitfield,
  }),
  command({
    name: 'bitfield_ro',
    arity: -2,
    flags: ['readonly', 'fast'],
    group: 'bitmap',
    since: '6.0.0',
    summary: 'Performs arbitrary read-only bitfield integer operations on strings.',
    complexity: 'O(1) for each subcommand specified',
    run: bitfieldReadOnly,
  }),
];
