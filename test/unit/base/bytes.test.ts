/** Copying and comparing bytes, at every length around the places where the way of doing it changes. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  asciiBytes,
  ByteArena,
  copyBytes,
  equalBytes,
  equalsIgnoreCase,
  isAscii,
  lowerCase,
  moveBytes,
} from '../../../src/base/bytes.js';

const LENGTHS = [...Array(40).keys(), 95, 96, 97, 319, 320, 321, 1023, 1024, 1025, 5000];

function filled(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 7 + 1) & 0xff);
}

describe('copyBytes', () => {
  const plain = (n: number) => new Uint8Array(n);
  const arena = (n: number) => new ByteArena(new ArrayBuffer(n));
  // Begins inside of its buffer, so that array and DataView must agree on where.
  const shared = (n: number) => new ByteArena(new SharedArrayBuffer(n + 10), 7, n);
  const kinds = { plain, arena, shared };
  type Kind = keyof typeof kinds;
  const names = Object.keys(kinds) as Kind[];
  const pairs = names.flatMap((source) => names.map((target): [Kind, Kind] => [source, target]));

  it.each(pairs)('copies from %s to %s so many bytes and no more', (from, to) => {
    for (const length of LENGTHS) {
      const source = kinds[from](length + 20);
      source.set(filled(length + 20));
      const target = kinds[to](length + 20);
      copyBytes(source, 3, target, 5, length);
      const expected = new Uint8Array(length + 20);
      for (let i = 0; i < length; i++) expected[5 + i] = source[3 + i];
      expect(Buffer.compare(target, expected)).toBe(0);
    }
  });
});

describe('ByteArena', () => {
  it('is an array of bytes with a DataView of the same bytes', () => {
    const arena = new ByteArena(new SharedArrayBuffer(20), 4, 10);
    arena[3] = 7;
    expect([arena.length, arena.view.byteLength, arena.view.getUint8(3)]).toEqual([10, 10, 7]);
    expect(new ByteArena(new ArrayBuffer(20), 4).view.byteLength).toBe(16);
  });

  it('has parts that are plain arrays', () => {
    const arena = new ByteArena(new ArrayBuffer(20));
    for (const part of [arena.subarray(2, 6), arena.slice(2, 6)]) {
      expect(part.constructor).toBe(Uint8Array);
      expect(part.length).toBe(4);
    }
  });
});

describe('moveBytes', () => {
  it('copies ranges that overlap, in both directions', () => {
    fc.assert(
      fc.property(fc.nat(40), fc.nat(40), fc.nat(40), (from, to, length) => {
        const bytes = filled(80);
        const expected = filled(80);
        const moved = expected.slice(from, from + length);
        expected.set(moved, to);
        moveBytes(bytes, from, to, length);
        expect(bytes).toEqual(expected);
      }),
    );
  });
});

describe('equalBytes', () => {
  it('sees every byte of the ranges and none outside', () => {
    const a = asciiBytes('xxabcyy');
    expect(equalBytes(a, 2, asciiBytes('abc'), 0, 3)).toBe(true);
    expect(equalBytes(a, 2, asciiBytes('abd'), 0, 3)).toBe(false);
    expect(equalBytes(a, 2, asciiBytes('bbc'), 0, 3)).toBe(false);
    expect(equalBytes(a, 0, a, 1, 0)).toBe(true);
  });
});

describe('isAscii', () => {
  it('looks at all the bytes, and at no others', () => {
    const words = new Int32Array(32);
    const bytes = new Uint8Array(words.buffer);
    for (let offset = 0; offset < 8; offset++) {
      for (let length = 0; length <= 48; length++) {
        bytes.fill(0xff);
        bytes.fill(0x7f, offset, offset + length);
        expect(isAscii(words, offset, length)).toBe(true);
        for (let at = offset; at < offset + length; at++) {
          bytes[at] = 0x80;
          expect(isAscii(words, offset, length)).toBe(false);
          bytes[at] = 0x7f;
        }
      }
    }
  });
});

describe('equalsIgnoreCase', () => {
  const keepttl = asciiBytes('keepttl');

  it('takes a word in any case', () => {
    for (const text of ['keepttl', 'KEEPTTL', 'KeepTtl']) {
      expect(equalsIgnoreCase(asciiBytes(`..${text}..`), 2, 7, keepttl)).toBe(true);
    }
  });

  it('takes nothing else', () => {
    for (const text of ['keeptt', 'keepttll', 'keepttk', '\x0beepttl', 'K%EPTTL', '']) {
      expect(equalsIgnoreCase(asciiBytes(text), 0, text.length, keepttl)).toBe(false);
    }
  });
});

it('lowerCase changes ASCII letters only', () => {
  for (let byte = 0; byte < 256; byte++) {
    const expected = byte < 128 ? String.fromCharCode(byte).toLowerCase().charCodeAt(0) : byte;
    expect(lowerCase(byte)).toBe(expected);
  }
});
