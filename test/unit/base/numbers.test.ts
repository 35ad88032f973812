/** Integers on bytes, against BigInt. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { asciiBytes } from '../../../src/base/bytes.js';
import {
  INT64_MAX,
  INT64_MIN,
  integerDigits,
  parseBigInt64,
  parseDigits,
  parseInt64,
  writeBigInt,
  writeInteger,
} from '../../../src/base/numbers.js';

const CANONICAL = /^(0|-?[1-9]\d*)$/;

/** What a text means to Redis. */
function meaning(text: string): bigint | undefined {
  if (!CANONICAL.test(text)) return undefined;
  const value = BigInt(text);
  return value >= INT64_MIN && value <= INT64_MAX ? value : undefined;
}

function check(text: string): void {
  const bytes = asciiBytes(`99${text}99`);
  const expected = meaning(text);
  expect(parseBigInt64(bytes, 2, text.length)).toBe(expected);
  const safe = expected !== undefined && Number.isSafeInteger(Number(expected));
  expect(parseInt64(bytes, 2, text.length)).toBe(safe ? Number(expected) : Number.NaN);
}

const EDGES = [
  0n,
  9n,
  10n,
  99n,
  100n,
  2n ** 31n,
  2n ** 32n,
  10n ** 9n,
  10n ** 15n,
  10n ** 16n,
  2n ** 53n,
  2n ** 63n,
  10n ** 19n,
  2n ** 64n,
]
  .flatMap((n) => [-2n, -1n, 0n, 1n, 2n].map((d) => n + d))
  .flatMap((n) => [n, -n]);

describe('parsing integers', () => {
  it('takes what Redis takes', () => {
    for (const n of EDGES) check(String(n));
    for (const text of [
      '',
      '-',
      '+1',
      ' 1',
      '1 ',
      '01',
      '00',
      '-0',
      '-01',
      '1.0',
      '1e3',
      '0x1',
      '--1',
      '1-',
      '/',
      ':',
      '1:',
      '1/',
      '\0',
      '1\0',
    ])
      check(text);
  });

  it('takes what BigInt takes, if it would be written so', () => {
    fc.assert(fc.property(fc.bigInt({ min: -(2n ** 65n), max: 2n ** 65n }), (n) => check(String(n))));
    fc.assert(fc.property(fc.maxSafeInteger(), (n) => check(String(n))));
    fc.assert(fc.property(fc.string({ unit: fc.constantFrom(...'0123456789-+ .e/:'), maxLength: 22 }), check));
  });
});

describe('writing integers', () => {
  function written(n: number): string {
    const bytes = new Uint8Array(30).fill(0x78);
    const length = writeInteger(bytes, 4, n);
    expect(integerDigits(n)).toBe(length);
    expect(bytes[3]).toBe(0x78);
    expect(bytes[4 + length]).toBe(0x78);
    return Buffer.from(bytes).toString('latin1', 4, 4 + length);
  }

  it('writes every length', () => {
    for (const n of EDGES.map(Number).filter(Number.isSafeInteger)) expect(written(n)).toBe(String(n));
    for (let n = 0; n < 100_000; n += 7) expect(written(n)).toBe(String(n));
  });

  it('writes any safe integer', () => {
    fc.assert(fc.property(fc.maxSafeInteger(), (n) => void expect(written(n)).toBe(String(n))));
    fc.assert(fc.property(fc.integer(), (n) => void expect(written(n)).toBe(String(n))));
    expect(written(-0)).toBe('0');
  });

  it('writes any 64-bit integer', () => {
    const bytes = new Uint8Array(30);
    fc.assert(
      fc.property(fc.bigInt({ min: INT64_MIN, max: INT64_MAX }), (n) => {
        const length = writeBigInt(bytes, 1, n);
        expect(Buffer.from(bytes).toString('latin1', 1, 1 + length)).toBe(String(n));
        expect(parseBigInt64(bytes, 1, length)).toBe(n);
      }),
    );
  });
});

describe('parseDigits', () => {
  const parse = (text: string, max = 4_294_967_295): number => {
    return parseDigits(asciiBytes(`9${text}9`), 1, text.length, max);
  };

  it('reads digits up to the largest number', () => {
    for (const [text, value] of [
      ['0', 0],
      ['007', 7],
      ['4294967295', 4_294_967_295],
      ['00000000000000000000000004294967295', 4_294_967_295],
    ] as const)
      expect(parse(text)).toBe(value);
  });

  it('takes nothing else', () => {
    for (const text of ['', '-1', '+1', ' 1', '1 ', '1x', '4294967296', '9'.repeat(400)])
      expect(parse(text)).toBe(Number.NaN);
    expect(parse('11', 10)).toBe(Number.NaN);
  });
});
