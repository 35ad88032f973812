/**
 * A key on its way to its shard: its bytes, hash and slot.
 *
 * Nearly all keys are short ASCII strings. For these, one pass over the characters does everything: it writes the bytes four at a time, and
 * feeds the same four to HalfSipHash-1-3 and to CRC16 (base/hash.ts has both by themselves, and says what they are), which wait for different
 * results and so run side by side. Nanoseconds for 16 characters: 93 in three passes, 45 in one. A character beyond ASCII or a brace, which can
 * begin a hash tag, ends the pass, and the key goes the long way.
 */

import { AshlarError } from '../base/errors.js';
import { CRC16, hashBytes, SLOTS, slotOf } from '../base/hash.js';
import { KEY_BYTES_MAX } from '../engine/item.js';
import { Scratch } from './scratch.js';

/** A key: a string is stored as UTF-8. */
export type Key = string | Uint8Array;

/** Longest string that is taken in one pass. */
const SHORT_MAX = 256;
const SCRATCH_BYTES = 4096;
const ASCII_MAX = 0x7f;
const BRACE = 0x7b;
/** Length of keys that cannot be stored. */
const TOO_LONG = KEY_BYTES_MAX + 1;

export class KeyBytes {
  /** Bytes of the key; `KEY_BYTES_MAX + 1` for one that is too long, whose bytes, hash and slot mean nothing. */
  length = 0;
  /** Keyed hash, without a database's salt. */
  hash = 0;
  slot = 0;
  private readonly scratch = new Scratch(SCRATCH_BYTES);
  /** The scratch as it was made: as long as short keys need. */
  private readonly short = this.scratch.bytes;
  private readonly words = new Int32Array(this.short.buffer);
  private readonly k0: number;
  private readonly k1: number;

  /** @param hashKey of the cache */
  constructor(hashKey: readonly [number, number]) {
    [this.k0, this.k1] = hashKey;
  }

  /** The key's bytes, from the first byte on. */
  bytes: Uint8Array = this.short;

  /** Takes a key. @throws AshlarError ERR_BAD_ARGUMENT */
  take(key: Key): void {
    if (typeof key !== 'string' || key.length > SHORT_MAX || !this.takeShort(key)) this.takeAny(key);
  }

  private takeAny(key: Key): void {
    if (typeof key !== 'string' && !(key instanceof Uint8Array)) {
      throw new AshlarError('ERR_BAD_ARGUMENT', `a key is a string or a Uint8Array, not ${typeof key}`);
    }
    this.length = TOO_LONG;
    if (key.length > KEY_BYTES_MAX) return;
    this.length = typeof key === 'string' ? this.scratch.writeText(key) : this.scratch.writeBytes(key);
    this.bytes = this.scratch.bytes;
    if (this.length > KEY_BYTES_MAX) return;
    this.hash = hashBytes(this.bytes, 0, this.length, this.k0, this.k1);
    this.slot = slotOf(this.bytes, 0, this.length);
  }

  /** Takes a key in one pass. False when it is not ASCII or has a brace. */
  private takeShort(key: string): boolean {
    const length = key.length;
    const words = this.words;
    const bytes = this.short;
    let v0 = this.k0;
    let v1 = this.k1;
    let v2 = 0x6c796765 ^ v0;
    let v3 = 0x74656462 ^ v1;
    let crc = 0;
    let seen = 0;
    const whole = length >>> 2;
    for (let i = 0; i < whole; i++) {
      const at = i << 2;
      const a = key.charCodeAt(at);
      const b = key.charCodeAt(at + 1);
      const c = key.charCodeAt(at + 2);
      const d = key.charCodeAt(at + 3);
      if (a === BRACE || b === BRACE || c === BRACE || d === BRACE) return false;
      seen |= a | b | c | d;
      const m = a | (b << 8) | (c << 16) | (d << 24);
      words[i] = m;
      const mixed = crc ^ ((a << 8) | b);
      // Masked, because characters beyond ASCII get this far.
      crc =
        CRC16[768 + ((mixed >>> 8) & 0xff)] ^ CRC16[512 + (mixed & 0xff)] ^ CRC16[256 + (c & 0xff)] ^ CRC16[d & 0xff];
      v3 ^= m;
      v0 = (v0 + v1) | 0;
      v1 = (v1 << 5) | (v1 >>> 27);
      v1 ^= v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0;
      v3 = (v3 << 8) | (v3 >>> 24);
      v3 ^= v2;
      v0 = (v0 + v3) | 0;
      v3 = (v3 << 7) | (v3 >>> 25);
      v3 ^= v0;
      v2 = (v2 + v1) | 0;
      v1 = (v1 << 13) | (v1 >>> 19);
      v1 ^= v2;
      v2 = (v2 << 16) | (v2 >>> 16);
      v0 ^= m;
    }
    let last = (length & 0xff) << 24;
    for (let at = whole << 2, shift = 0; at < length; at++, shift += 8) {
      const c = key.charCodeAt(at);
      if (c === BRACE) return false;
      seen |= c;
      bytes[at] = c;
      last |= c << shift;
      crc = ((crc << 8) & 0xffff) ^ CRC16[((crc >>> 8) ^ c) & 0xff];
    }
    if (seen > ASCII_MAX) return false;
    v3 ^= last;
    for (let round = 0; round < 4; round++) {
      v0 = (v0 + v1) | 0;
      v1 = (v1 << 5) | (v1 >>> 27);
      v1 ^= v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0;
      v3 = (v3 << 8) | (v3 >>> 24);
      v3 ^= v2;
      v0 = (v0 + v3) | 0;
      v3 = (v3 << 7) | (v3 >>> 25);
      v3 ^= v0;
      v2 = (v2 + v1) | 0;
      v1 = (v1 << 13) | (v1 >>> 19);
      v1 ^= v2;
      v2 = (v2 << 16) | (v2 >>> 16);
      if (round === 0) {
        v0 ^= last;
        v2 ^= 0xff;
      }
    }
    this.bytes = bytes;
    this.length = length;
    this.hash = v1 ^ v3;
    this.slot = crc & (SLOTS - 1);
    return true;
  }
}
