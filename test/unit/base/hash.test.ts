/** The key hash and the slots, held to published vectors and to plain implementations written from the descriptions. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { crc16, hashBytes, SLOTS, slotOf } from '../../../src/base/hash.js';

/** HalfSipHash-1-3 with 32 bits of output, as its specification draws it: unsigned words, one byte after the other into a message word. */
function reference(bytes: Uint8Array, k0: number, k1: number): number {
  const v = [k0 >>> 0, k1 >>> 0, (0x6c796765 ^ k0) >>> 0, (0x74656462 ^ k1) >>> 0];
  const rotate = (x: number, by: number) =>
    Number(BigInt.asUintN(32, (BigInt(x) << BigInt(by)) | (BigInt(x) >> BigInt(32 - by))));
  const add = (x: number, y: number) => (x + y) % 0x1_0000_0000;
  const half = (a: number, b: number, left: number, swap: boolean) => {
    v[a] = add(v[a], v[b]);
    v[b] = (rotate(v[b], left) ^ v[a]) >>> 0;
    if (swap) v[a] = rotate(v[a], 16);
  };
  const round = () => {
    half(0, 1, 5, true);
    half(2, 3, 8, false);
    half(0, 3, 7, false);
    half(2, 1, 13, true);
  };
  // The message is padded with zeros, and its length modulo 256 is the last byte.
  const padded = new Uint8Array(Math.floor(bytes.length / 4) * 4 + 4);
  padded.set(bytes);
  padded[padded.length - 1] = bytes.length % 256;
  const view = new DataView(padded.buffer);
  for (let at = 0; at < padded.length; at += 4) {
    const word = view.getUint32(at, true);
    v[3] = (v[3] ^ word) >>> 0;
    round();
    v[0] = (v[0] ^ word) >>> 0;
  }
  v[2] = (v[2] ^ 0xff) >>> 0;
  for (let i = 0; i < 3; i++) round();
  return (v[1] ^ v[3]) | 0;
}

/** CRC16-XMODEM by polynomial division, bit by bit. */
function plainCrc(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) {
    for (let bit = 7; bit >= 0; bit--) {
      const carry = (crc >>> 15) ^ ((byte >>> bit) & 1);
      crc = ((crc << 1) & 0xffff) ^ (carry * 0x1021);
    }
  }
  return crc;
}

function slotOfText(text: string): number {
  const bytes = Buffer.from(text);
  return slotOf(bytes, 0, bytes.length);
}

describe('hashBytes', () => {
  it('gives the published values', () => {
    // Key 00 01 02 ..., message of n bytes 00 01 02 ...: the table that other implementations of HalfSipHash-1-3 are tested with.
    const message = Uint8Array.from({ length: 64 }, (_, i) => i);
    const expected = [0x5814c896, 0xe7e864ca, 0xbc4b0e30, 0x01539939, 0x7e059ea6, 0x88e3d89b, 0xa0080b65, 0x9d38d9d6];
    expect(expected.map((_, length) => hashBytes(message, 0, length, 0x03020100, 0x07060504) >>> 0)).toEqual(expected);
    expect(hashBytes(message, 0, 63, 0x03020100, 0x07060504) >>> 0).toBe(0x87178304);
  });

  it('is what the specification says', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 600 }),
        fc.nat(10),
        fc.integer(),
        fc.integer(),
        (bytes, offset, k0, k1) => {
          const placed = new Uint8Array(offset + bytes.length + 3).fill(0xaa);
          placed.set(bytes, offset);
          expect(hashBytes(placed, offset, bytes.length, k0, k1)).toBe(reference(bytes, k0, k1));
        },
      ),
    );
  });
});

describe('slots', () => {
  it('are CRC16-XMODEM', () => {
    expect(crc16(Buffer.from('123456789'), 0, 9)).toBe(0x31c3);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        expect(crc16(bytes, 0, bytes.length)).toBe(plainCrc(bytes));
      }),
    );
  });

  it('of known keys', () => {
    expect(slotOfText('foo')).toBe(12182);
    expect(slotOfText('bar')).toBe(5061);
    expect(slotOfText('hello')).toBe(866);
    expect(slotOfText('')).toBe(0);
  });

  it('follow the hash tag', () => {
    expect(slotOfText('{user1000}.following')).toBe(slotOfText('user1000'));
    expect(slotOfText('{user1000}.followers')).toBe(slotOfText('user1000'));
    expect(slotOfText('foo{{bar}}zap')).toBe(slotOfText('{bar'));
    expect(slotOfText('foo{bar}{zap}')).toBe(slotOfText('bar'));
  });

  it('are those of the whole key where the tag is empty or open', () => {
    for (const key of ['foo{}{bar}', 'foo{bar', 'foo}bar{', '{}', '{']) {
      expect(slotOfText(key)).toBe(plainCrc(Buffer.from(key)) % SLOTS);
    }
  });
});
