/** Counters: adding to an integer that is stored as text, exact within 64 bits. */

import { AshlarError } from '../base/errors.js';
import { INT64_MAX, INT64_MIN, parseBigInt64, parseInt64, writeBigInt, writeInteger } from '../base/numbers.js';

/** Bytes of the longest text of a 64-bit integer. */
export const INTEGER_BYTES_MAX = 20;

/**
 * The integer that `length` bytes at `offset` spell, plus `by`.
 * @returns a number when the sum is a safe integer, else a bigint
 * @throws AshlarError ERR_NOT_AN_INTEGER, ERR_OVERFLOW
 */
export function addInteger(text: Uint8Array, offset: number, length: number, by: number | bigint): number | bigint {
  const value = parseInt64(text, offset, length);
  if (typeof by === 'number') {
    const sum = value + by;
    if (Number.isSafeInteger(sum)) return sum;
  }
  const exact = Number.isNaN(value) ? parseBigInt64(text, offset, length) : BigInt(value);
  if (exact === undefined) throw new AshlarError('ERR_NOT_AN_INTEGER', 'the value is not an integer of 64 bits');
  const sum = exact + BigInt(by);
  if (sum > INT64_MAX || sum < INT64_MIN)
    throw new AshlarError('ERR_OVERFLOW', `${exact} plus ${by} is beyond 64 bits`);
  return Number.isSafeInteger(Number(sum)) ? Number(sum) : sum;
}

/** Writes an integer as text; returns how many bytes it took. */
export function writeNumber(target: Uint8Array, value: number | bigint): number {
  return typeof value === 'bigint' ? writeBigInt(target, 0, value) : writeInteger(target, 0, value);
}

/** @throws AshlarError ERR_BAD_ARGUMENT */
export function checkInteger(by: number | bigint): void {
  if (typeof by === 'bigint' ? by <= INT64_MAX && by >= INT64_MIN : Number.isSafeInteger(by)) return;
  throw new AshlarError('ERR_BAD_ARGUMENT', `an increment is a whole number within 64 bits, not ${String(by)}`);
}
