/** What several bitmap commands read in the same way: bit offsets, and ranges in bytes or bits. */

import { asciiBytes } from '../../base/bytes.js';
import { parseBigInt64, parseInt64 } from '../../base/numbers.js';
import { clampedInteger } from '../integers.js';
import { SYNTAX } from '../replies.js';
import type { Request } from '../request.js';
import { byteOf } from './scan.js';

const OFFSET_ERROR = 'ERR bit offset is not an integer or out of range';
const BIT = asciiBytes('bit');
const BYTE = asciiBytes('byte');
const HASH_SIGN = 0x23;

/**
 * A bit offset.
 * @param width when not 0, `#n` is allowed and means n * width
 * @returns -1 when an error was answered
 */
export function bitOffset(request: Request, index: number, width: number): number {
  const { input } = request;
  const at = request.offset(index);
  const length = request.length(index);
  const scaled = width > 0 && length > 0 && input[at] === HASH_SIGN;
  let offset = scaled ? scaledOffset(input, at + 1, length - 1, width) : parseInt64(input, at, length);
  if (!(offset >= 0 && byteOf(offset) < request.server.valueBytesMax)) {
    request.reply.error(OFFSET_ERROR);
    offset = -1;
  }
  return offset;
}

/** A number of fields of a width, in bits; it wraps round at 64 bits as it does in Redis. */
function scaledOffset(bytes: Uint8Array, at: number, length: number, width: number): number {
  const fields = parseInt64(bytes, at, length);
  if (Math.abs(fields) < 2 ** 46) return fields * width;
  const exact = parseBigInt64(bytes, at, length);
  return exact === undefined ? Number.NaN : Number(BigInt.asIntN(64, exact * BigInt(width)));
}

/** Reads BYTE or BIT: 1 or 8 units a byte. Returns 0 when it is neither, which was answered. */
export function unitsPerByte(request: Request, index: number): 0 | 1 | 8 {
  if (request.is(index, BIT)) return 8;
  if (request.is(index, BYTE)) return 1;
  request.reply.error(SYNTAX);
  return 0;
}

/** One end of a range; NaN when an error was answered. */
export function rangeEnd(request: Request, index: number): number {
  return clampedInteger(request, index);
}

/** An end of a range, counted from the end of `total` units when it is negative, and never below 0. */
export function fromStart(position: number, total: number): number {
  return Math.max(0, position < 0 ? total + position : position);
}
