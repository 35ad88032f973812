/**
 * Numbers as text, on bytes: integers as Redis takes and writes them. Nothing here makes an object or a string, except for
 * integers beyond 2^53, which are bigints and rare. Floating point is in floats.ts, and can be had from here too.
 *
 * What is an integer is strict: an optional minus, no plus, no blanks, no leading zeros, not `-0`, and within 64 bits. So a text
 * is an integer exactly when writing the integer gives the same text back.
 */

export { addDecimal, formatDouble, formatDouble17, isDecimal, parseDouble, parseDoubleText } from './floats.js';

const MINUS = 0x2d;
const ZERO = 0x30;

/** Most digits that surely fit 31 bits. */
const SMALL_DIGITS_MAX = 9;
/** Digits of 2^53 - 1. */
const SAFE_DIGITS_MAX = 16;
/** Digits of 2^63. */
const INT64_DIGITS_MAX = 19;
/** A number is written in parts of nine digits, which fit 32 bits. */
const BILLION = 1_000_000_000;

export const INT64_MAX = 0x7fffffffffffffffn;
export const INT64_MIN = -0x8000000000000000n;

/**
 * The integer that `length` bytes at `offset` spell.
 * @returns NaN when they spell none, or one beyond 2^53 - 1 (`parseBigInt64` tells which)
 */
export function parseInt64(bytes: Uint8Array, offset: number, length: number): number {
  const negative = length > 0 && bytes[offset] === MINUS;
  const start = negative ? offset + 1 : offset;
  const digits = negative ? length - 1 : length;
  if (digits === 0 || digits > SAFE_DIGITS_MAX) return Number.NaN;
  const end = start + digits;
  let value = bytes[start] - ZERO;
  if (value === 0) return length === 1 ? 0 : Number.NaN;
  if (value < 0 || value > 9) return Number.NaN;
  // Two loops: the first stays in small integers.
  const smallEnd = digits > SMALL_DIGITS_MAX ? start + SMALL_DIGITS_MAX : end;
  let i = start + 1;
  for (; i < smallEnd; i++) {
    const digit = bytes[i] - ZERO;
    if (digit < 0 || digit > 9) return Number.NaN;
    value = (value * 10 + digit) | 0;
  }
  if (i < end) return parseRest(bytes, i, end, value, negative);
  return negative ? -value : value;
}

/** Digits beyond the ninth. */
function parseRest(bytes: Uint8Array, from: number, end: number, first: number, negative: boolean): number {
  let value = first;
  for (let i = from; i < end; i++) {
    const digit = bytes[i] - ZERO;
    if (digit < 0 || digit > 9) return Number.NaN;
    value = value * 10 + digit;
  }
  if (value > Number.MAX_SAFE_INTEGER) return Number.NaN;
  return negative ? -value : value;
}

/**
 * The number that `length` bytes at `offset` spell in decimal digits; zeros may come first.
 * @param max largest number taken, below 2^53
 * @returns NaN when they spell none, or a larger one
 */
export function parseDigits(bytes: Uint8Array, offset: number, length: number, max: number): number {
  if (length === 0) return Number.NaN;
  const end = offset + length;
  // Two loops: the first stays in small integers.
  const smallEnd = length > SMALL_DIGITS_MAX ? offset + SMALL_DIGITS_MAX : end;
  let value = 0;
  let i = offset;
  for (; i < smallEnd; i++) {
    const digit = bytes[i] - ZERO;
    if (digit < 0 || digit > 9) return Number.NaN;
    value = (value * 10 + digit) | 0;
  }
  for (; i < end && value <= max; i++) {
    const digit = bytes[i] - ZERO;
    if (digit < 0 || digit > 9) return Number.NaN;
    value = value * 10 + digit;
  }
  return value <= max ? value : Number.NaN;
}

/** The 64-bit integer that `length` bytes at `offset` spell, or undefined when they spell none. */
export function parseBigInt64(bytes: Uint8Array, offset: number, length: number): bigint | undefined {
  const negative = length > 0 && bytes[offset] === MINUS;
  const start = negative ? offset + 1 : offset;
  const digits = negative ? length - 1 : length;
  if (digits === 0 || digits > INT64_DIGITS_MAX) return undefined;
  if (bytes[start] === ZERO) return length === 1 ? 0n : undefined;
  let text = negative ? '-' : '';
  for (let i = start, end = start + digits; i < end; i++) {
    const digit = bytes[i] - ZERO;
    if (digit < 0 || digit > 9) return undefined;
    text += String.fromCharCode(bytes[i]);
  }
  const value = BigInt(text);
  return value >= INT64_MIN && value <= INT64_MAX ? value : undefined;
}

/** Bytes that a safe integer takes as text, the minus included. */
export function integerDigits(n: number): number {
  return n < 0 ? 1 + countDigits(-n) : countDigits(n);
}

/** Writes a safe integer as text at `offset`; returns how many bytes it took. */
export function writeInteger(bytes: Uint8Array, offset: number, n: number): number {
  if (n >= 0 && n < 10) {
    bytes[offset] = ZERO + n;
    return 1;
  }
  if (n < 0) {
    bytes[offset] = MINUS;
    return 1 + writePositive(bytes, offset + 1, -n);
  }
  return writePositive(bytes, offset, n);
}

/** Writes any integer as text at `offset`; returns how many bytes it took. */
export function writeBigInt(bytes: Uint8Array, offset: number, n: bigint): number {
  const text = n.toString();
  for (let i = 0; i < text.length; i++) bytes[offset + i] = text.charCodeAt(i);
  return text.length;
}

function writePositive(bytes: Uint8Array, offset: number, n: number): number {
  const digits = countDigits(n);
  let rest = n;
  let end = offset + digits;
  if (n >= BILLION) {
    // Of numbers beyond 32 bits the last nine digits are split off, once or twice.
    while (rest >= BILLION) {
      const upper = Math.floor(rest / BILLION);
      writeDigits(bytes, end - 9, end, rest - upper * BILLION);
      end -= 9;
      rest = upper;
    }
  }
  writeDigits(bytes, offset, end, rest);
  return digits;
}

/** Fills [start, end) with the digits of n < 10^9, zeros in front. */
function writeDigits(bytes: Uint8Array, start: number, end: number, n: number): void {
  let rest = n | 0;
  for (let i = end - 1; i >= start; i--) {
    const tenth = (rest / 10) | 0;
    bytes[i] = ZERO + rest - tenth * 10;
    rest = tenth;
  }
}

function countDigits(n: number): number {
  if (n < 100_000) {
    if (n < 100) return n < 10 ? 1 : 2;
    if (n < 1000) return 3;
    return n < 10_000 ? 4 : 5;
  }
  if (n < BILLION) {
    if (n < 10_000_000) return n < 1_000_000 ? 6 : 7;
    return n < 100_000_000 ? 8 : 9;
  }
  let digits = 10;
  for (let limit = 10 * BILLION; n >= limit; limit *= 10) digits++;
  return digits;
}
