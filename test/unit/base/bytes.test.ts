/** Copying and comparing bytes, at every length around the places where the way of doing it changes. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { asciiBytes, copyBytes, equalBytes, equalsIgnoreCase, lowerCase, moveBytes } from '../../../src/base/bytes.js';

const LENGTHS = [...Array(40).keys(), 255, 256, 257, 300, 5000];

function filled(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 7 + 1) & 0xff);
}

describe('copyBytes', () => {
  it.each(LENGTHS)('copies %i bytes and no more', (length) => {
    for (const make of [(n: number) => new ArrayBuffer(n), (n: number) => new SharedArrayBuffer(n)]) {
      const source = filled(length + 20);
      const target = new Uint8Array(make(length + 20));
      copyBytes(source, 3, target, 5, length);
      const expected = new Uint8Array(length + 20);
      for (let i = 0; i < length; i++) expected[5 + i] = source[3 + i];
      expect(Buffer.compare(target, expected)).toBe(0);
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
