/** 64-bit numbers in halves, against BigInt. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { asciiBytes } from '../../../src/base/bytes.js';
import { digitsOfUint64, UINT64_DIGITS_MAX, Uint64, writeUint64 } from '../../../src/base/uint64.js';

const END = 2n ** 64n;
const EDGES = [0n, 1n, 9n, 10n, 10n ** 9n, 2n ** 31n, 2n ** 32n, 2n ** 53n, 2n ** 63n, 10n ** 19n, END].flatMap((n) =>
  [n - 2n, n - 1n, n, n + 1n].filter((value) => value >= 0n && value < END),
);
const numbers = fc.oneof(fc.bigInt({ min: 0n, max: END - 1n }), fc.constantFrom(...EDGES));

function uint64(value: bigint): Uint64 {
  const number = new Uint64();
  number.set(Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n)));
  return number;
}

function bigintOf({ low, high }: Uint64): bigint {
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
}

function textOf(value: bigint): string {
  const { low, high } = uint64(value);
  const bytes = new Uint8Array(2 + UINT64_DIGITS_MAX);
  const length = writeUint64(bytes, 2, low, high);
  expect(digitsOfUint64(low, high)).toBe(length);
  expect([...bytes.subarray(0, 2), ...bytes.subarray(2 + length)].every((byte) => byte === 0)).toBe(true);
  return Buffer.from(bytes.subarray(2, 2 + length)).toString();
}

function parse(text: string): bigint | undefined {
  const number = new Uint64();
  return number.parse(asciiBytes(`9${text}9`), 1, text.length) ? bigintOf(number) : undefined;
}

describe('text', () => {
  it('writes any number', () => {
    for (const value of EDGES) expect(textOf(value)).toBe(String(value));
    fc.assert(fc.property(numbers, (value) => textOf(value) === String(value)));
  });

  it('reads what it writes', () => {
    for (const value of EDGES) expect(parse(String(value))).toBe(value);
    fc.assert(fc.property(numbers, (value) => parse(String(value)) === value));
  });

  it('reads zeros in front', () => {
    expect(parse('0000000000000000005')).toBe(5n);
    expect(parse('00018446744073709551')).toBe(18446744073709551n);
  });

  it('takes nothing else', () => {
    for (const text of [
      '',
      '-1',
      '+1',
      ' 1',
      '1 ',
      '1x',
      'x',
      '1.5',
      String(END),
      '99999999999999999999',
      '100000000000000000000',
    ])
      expect(parse(text), text).toBeUndefined();
    const digits = fc.stringMatching(/^[0-9]{1,21}$/);
    fc.assert(
      fc.property(digits, (text) => {
        const value = BigInt(text);
        return parse(text) === (value < END && text.length <= UINT64_DIGITS_MAX ? value : undefined);
      }),
    );
  });
});

describe('arithmetic', () => {
  it('adds and begins at 0 again', () => {
    fc.assert(
      fc.property(numbers, numbers, (a, b) => {
        const sum = uint64(a);
        sum.add(uint64(b));
        return bigintOf(sum) === (a + b) % END;
      }),
    );
  });

  it('subtracts, not below 0', () => {
    fc.assert(
      fc.property(numbers, numbers, (a, b) => {
        const difference = uint64(a);
        difference.subtract(uint64(b));
        return bigintOf(difference) === (a < b ? 0n : a - b);
      }),
    );
  });

  it('compares', () => {
    fc.assert(
      fc.property(numbers, numbers, (a, b) => {
        const { low, high } = uint64(b);
        return uint64(a).isBelow(low, high) === a < b && uint64(a).equals(low, high) === (a === b);
      }),
    );
  });

  it('takes doubles', () => {
    for (const value of [0, 1, 2 ** 31, 2 ** 32, 2 ** 53]) {
      const number = new Uint64();
      number.setNumber(value);
      expect(bigintOf(number)).toBe(BigInt(value));
      expect(number.isZero).toBe(value === 0);
    }
  });
});
