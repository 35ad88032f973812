/**
 * Unsigned integers of 64 bits as two halves of 32: Memcached's counters and CAS numbers. A double is exact up to 2^53 only, and a bigint is an object;
 * here a number is read, added to, compared and written without one.
 *
 * The halves are kept as signed 32-bit numbers, as an Int32Array gives and takes them.
 */

import { integerDigits, writeInteger } from './numbers.js';

const ZERO = 0x30;
const WORD = 2 ** 32;
/** Digits of 2^64 - 1: what a text buffer must hold. */
export const UINT64_DIGITS_MAX = 20;
/** Most digits of a number that is surely an exact double. */
const SAFE_DIGITS_MAX = 15;
/** High halves below this make exact doubles. */
const SAFE_HIGH_END = 2 ** 21;
const BILLION = 1_000_000_000;
const BILLION_DIGITS = 9;

export class Uint64 {
  low = 0;
  high = 0;

  set(low: number, high: number): void {
    this.low = low | 0;
    this.high = high | 0;
  }

  /** Sets an integer from 0 to 2^53. */
  setNumber(value: number): void {
    this.low = value | 0;
    this.high = Math.floor(value / WORD) | 0;
  }

  equals(low: number, high: number): boolean {
    return this.low === (low | 0) && this.high === (high | 0);
  }

  get isZero(): boolean {
    return (this.low | this.high) === 0;
  }

  /** Whether this number is below another one. */
  isBelow(low: number, high: number): boolean {
    return this.high === (high | 0) ? this.low >>> 0 < low >>> 0 : this.high >>> 0 < high >>> 0;
  }

  /** Adds; beyond 2^64 - 1 it begins at 0 again. */
  add(other: Uint64): void {
    const low = (this.low >>> 0) + (other.low >>> 0);
    this.low = low | 0;
    this.high = (this.high + other.high + (low >= WORD ? 1 : 0)) | 0;
  }

  /** Subtracts, but not below 0. */
  subtract(other: Uint64): void {
    if (this.isBelow(other.low, other.high)) {
      this.set(0, 0);
      return;
    }
    const borrow = this.low >>> 0 < other.low >>> 0 ? 1 : 0;
    this.low = (this.low - other.low) | 0;
    this.high = (this.high - other.high - borrow) | 0;
  }

  /**
   * Sets the number that `length` bytes at `offset` spell in decimal digits.
   * @returns false when they spell none, or one beyond 64 bits: the number is not what it was then
   */
  parse(bytes: Uint8Array, offset: number, length: number): boolean {
    if (length === 0 || length > UINT64_DIGITS_MAX) return false;
    const end = offset + length;
    const safeEnd = length > SAFE_DIGITS_MAX ? offset + SAFE_DIGITS_MAX : end;
    let value = 0;
    let i = offset;
    for (; i < safeEnd; i++) {
      const digit = bytes[i] - ZERO;
      if (digit < 0 || digit > 9) return false;
      value = value * 10 + digit;
    }
    this.setNumber(value);
    for (; i < end; i++) {
      const digit = bytes[i] - ZERO;
      if (digit < 0 || digit > 9 || !this.append(digit)) return false;
    }
    return true;
  }

  /** Puts one more digit behind the number; false when it does not fit. */
  private append(digit: number): boolean {
    const low = (this.low >>> 0) * 10 + digit;
    const carry = Math.floor(low / WORD);
    const high = (this.high >>> 0) * 10 + carry;
    if (high >= WORD) return false;
    this.low = low | 0;
    this.high = high | 0;
    return true;
  }

  /** Bytes that it takes as text. */
  get digits(): number {
    return digitsOfUint64(this.low, this.high);
  }

  /** Writes it as text at `offset`; returns how many bytes it took. */
  write(bytes: Uint8Array, offset: number): number {
    return writeUint64(bytes, offset, this.low, this.high);
  }
}

/** Bytes that a number takes as text. */
export function digitsOfUint64(low: number, high: number): number {
  if (high >>> 0 < SAFE_HIGH_END) return integerDigits((high >>> 0) * WORD + (low >>> 0));
  return integerDigits(billions(low, high)) + BILLION_DIGITS;
}

/** Writes a number as text at `offset`; returns how many bytes it took: at most UINT64_DIGITS_MAX. */
export function writeUint64(bytes: Uint8Array, offset: number, low: number, high: number): number {
  if (high >>> 0 < SAFE_HIGH_END) return writeInteger(bytes, offset, (high >>> 0) * WORD + (low >>> 0));
  const upper = billions(low, high);
  const digits = writeInteger(bytes, offset, upper);
  // What is left is below 10^9, so that the low halves of both products tell it.
  let rest = (low - Math.imul(upper, BILLION)) >>> 0;
  for (let at = offset + digits + BILLION_DIGITS - 1; at >= offset + digits; at--) {
    const tenth = Math.floor(rest / 10);
    bytes[at] = ZERO + rest - tenth * 10;
    rest = tenth;
  }
  return digits + BILLION_DIGITS;
}

/** The number divided by 10^9, without the rest: long division in steps of 16 bits, which doubles can take. */
function billions(low: number, high: number): number {
  const top = Math.floor((high >>> 0) / BILLION);
  const middle = ((high >>> 0) % BILLION) * 65_536 + (low >>> 16);
  const upper = Math.floor(middle / BILLION);
  const bottom = (middle - upper * BILLION) * 65_536 + (low & 0xffff);
  return top * WORD + upper * 65_536 + Math.floor(bottom / BILLION);
}
