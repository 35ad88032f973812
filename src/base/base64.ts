/** Base64 (RFC 4648, with padding) on bytes: binary keys in text protocols. */

import { asciiBytes } from './bytes.js';

/** The alphabet, by value. */
export const BASE64_DIGITS = asciiBytes('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/');
export const BASE64_PADDING = 0x3d;

const NO_DIGIT = 64;
const VALUES = new Uint8Array(256).fill(NO_DIGIT);
BASE64_DIGITS.forEach((digit, value) => {
  VALUES[digit] = value;
});

/**
 * Decodes `length` bytes at `offset` to the start of `target`.
 * @returns how many bytes came out, three for every four; -1 when it is no base64
 */
export function decodeBase64(bytes: Uint8Array, offset: number, length: number, target: Uint8Array): number {
  if (length % 4 !== 0) return -1;
  const end = offset + length;
  const padding = length === 0 || bytes[end - 1] !== BASE64_PADDING ? 0 : bytes[end - 2] === BASE64_PADDING ? 2 : 1;
  const digitsEnd = end - padding;
  let written = 0;
  let bits = 0;
  let kept = 0;
  for (let i = offset; i < digitsEnd; i++) {
    const value = VALUES[bytes[i]];
    if (value === NO_DIGIT) return -1;
    bits = (bits << 6) | value;
    kept += 6;
    if (kept < 8) continue;
    kept -= 8;
    target[written++] = (bits >> kept) & 0xff;
  }
  return written;
}
