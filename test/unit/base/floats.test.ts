/** Floating point as text: known values, then the same sums and doubles from a real redis-server. */

import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { asciiBytes } from '../../../src/base/bytes.js';
import {
  addDecimal,
  formatDouble,
  formatDouble17,
  isDecimal,
  parseDouble,
  parseDoubleText,
} from '../../../src/base/floats.js';
import { explainSkip, NO_REDIS, RealRedis } from '../protocol/real-redis.js';
import { encode } from '../protocol/split-stream.js';

explainSkip('floating point against redis-server');

describe('parseDouble', () => {
  it.each([
    ['0', 0],
    ['-1.5', -1.5],
    ['+3', 3],
    ['.5', 0.5],
    ['5.', 5],
    ['3.0e3', 3000],
    ['1E-2', 0.01],
    ['inf', Number.POSITIVE_INFINITY],
    ['+InFinity', Number.POSITIVE_INFINITY],
    ['-INF', Number.NEGATIVE_INFINITY],
    ['0x1p4', 16],
    ['-0X1.8', -1.5],
    ['0x.8p1', 1],
    ['0x1p-1074', 5e-324],
    ['0x1.fffffffffffffp1023', Number.MAX_VALUE],
    ['0x1.00000000000008p0', 1],
    ['0x1.000000000000080001p0', 1 + 2 ** -52],
    ['1.7976931348623157e308', Number.MAX_VALUE],
    ['5e-324', 5e-324],
    ['0e999', 0],
    ['0x0p9999', 0],
  ])('takes %s', (text, value) => {
    expect(parseDouble(asciiBytes(`1${text}1`), 1, text.length)).toBe(value);
  });

  it.each([
    '',
    ' 1',
    '1 ',
    '1a',
    'a',
    '.',
    '+',
    '-',
    'e5',
    '1e',
    '1e+',
    '--1',
    '1.2.3',
    'nan',
    '-nan',
    'nan(1)',
    'infin',
    '0x',
    '0x.',
    '0xg',
    '0x1p',
    '1\0',
    '1e309',
    '-1e309',
    '1e-400',
    '0x1p1024',
    '0x1p-1080',
    '1_000',
    '0b1',
  ])('refuses %j', (text) => {
    expect(parseDoubleText(text)).toBeNaN();
  });

  it('reads back what JavaScript writes', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true }), (x) => {
        expect(parseDoubleText(String(x).replace('Infinity', 'inf')) === x).toBe(true);
      }),
    );
  });
});

describe('formatDouble', () => {
  it.each([
    [0, '0'],
    [-0, '-0'],
    [3, '3'],
    [-17, '-17'],
    [0.1, '0.1'],
    [1.5, '1.5'],
    [-2.25, '-2.25'],
    [3.0000001, '3.0000001'],
    [1e17, '100000000000000000'],
    [2 ** 62, '4611686018427387904'],
    [1e19, '1e+19'],
    [1.2345e20, '1.2345e+20'],
    [123456789012345680000, '123456789012345680000'],
    [1e21, '1e+21'],
    [1.5e300, '1.5e+300'],
    [0.001, '0.001'],
    [0.000001, '0.000001'],
    [0.0000001, '1e-7'],
    [1.5e-7, '1.5e-7'],
    [1.25e-10, '1.25e-10'],
    [5e-324, '5e-324'],
    [Number.MAX_VALUE, '1.7976931348623157e+308'],
    [Number.POSITIVE_INFINITY, 'inf'],
    [Number.NEGATIVE_INFINITY, '-inf'],
    [Number.NaN, 'nan'],
  ])('%d is %s', (x, text) => {
    expect(formatDouble(x)).toBe(text);
  });

  it('reads back as the same number', () => {
    fc.assert(fc.property(fc.double({ noNaN: true }), (x) => void expect(parseDoubleText(formatDouble(x))).toBe(x)));
    fc.assert(fc.property(fc.double({ noNaN: true }), (x) => void expect(parseDoubleText(formatDouble17(x))).toBe(x)));
  });
});

describe('formatDouble17', () => {
  it.each([
    [0.1, '0.10000000000000001'],
    [1.5, '1.5'],
    [100, '100'],
    [1e16, '10000000000000000'],
    [1e17, '1e+17'],
    [0.0001, '0.0001'],
    [7200000000000001 / 8, '900000000000000.12'],
    [7200000000000003 / 8, '900000000000000.38'],
    [0.00001, '1.0000000000000001e-05'],
    [-1e-7, '-9.9999999999999995e-08'],
    [1.5e300, '1.5000000000000001e+300'],
    [-0, '-0'],
    [Number.NEGATIVE_INFINITY, '-inf'],
  ])('%d is %s', (x, text) => {
    expect(formatDouble17(x)).toBe(text);
  });
});

describe('addDecimal', () => {
  it.each([
    ['0.1', '0.2', '0.3'],
    ['3.0e3', '200', '3200'],
    ['5.0e3', '2.0e2', '5200'],
    ['10.50', '0.1', '10.6'],
    ['10.6', '-5', '5.6'],
    ['0', '-0.0', '0'],
    ['1', '-1', '0'],
    ['-1e-30', '0', '0'],
    ['1e-17', '0', '0.00000000000000001'],
    ['9223372036854775807', '1', '9223372036854775808'],
    ['18446744073709551615', '1', '18446744073709551616'],
    ['18446744073709551616', '1', '18446744073709551616'],
    ['0x10', '0x.8', '16.5'],
    ['+.5', '5.', '5.5'],
  ])('%s + %s = %s', (a, b, sum) => {
    expect(addDecimal(a, b)).toBe(sum);
  });

  it('has no answer where the sum is not finite', () => {
    expect(addDecimal('inf', '1')).toBeUndefined();
    expect(addDecimal('1', '-infinity')).toBeUndefined();
    expect(addDecimal('1e4932', '1e4932')).toBeUndefined();
  });

  it('takes what strtold takes', () => {
    for (const text of ['1', '-1', '+1', '.5', '5.', '1e400', '-1e-4000', '1e-4950', 'inf', '0x1p9999', '0e99999999']) {
      expect(isDecimal(text)).toBe(true);
    }
    for (const text of [
      '',
      ' 1',
      '1 ',
      'nan',
      '1e',
      '1e4933',
      '1e-4952',
      '0x',
      '0x1p16384',
      '1'.repeat(5120),
      'e1',
      '1e99999999999',
    ]) {
      expect(isDecimal(text)).toBe(false);
    }
  });
});

describe.skipIf(NO_REDIS !== '')('redis-server', () => {
  let redis: RealRedis;

  beforeAll(async () => {
    redis = await RealRedis.start();
  });

  afterAll(async () => {
    await redis?.stop();
  });

  async function ask(...commands: string[][]): Promise<string> {
    const last = '$8\r\nthe last\r\n';
    const stream = Buffer.from([...commands, ['ECHO', 'the last']].map((args) => encode(...args)).join(''), 'latin1');
    const { reply } = await redis.exchangeUntil(stream, last);
    return reply.toString('latin1').slice(0, -last.length);
  }

  /** What INCRBYFLOAT answers, by our arithmetic. */
  function answer(value: string, increment: string): string {
    if (!isDecimal(value) || !isDecimal(increment)) return '-ERR value is not a valid float\r\n';
    const sum = addDecimal(value, increment);
    return sum === undefined ? '-ERR increment would produce NaN or Infinity\r\n' : `$${sum.length}\r\n${sum}\r\n`;
  }

  async function compareSums(pairs: readonly (readonly [string, string])[]): Promise<void> {
    const commands = pairs.flatMap(([value, increment]) => [
      ['SET', 'k', value],
      ['INCRBYFLOAT', 'k', increment],
    ]);
    expect(await ask(...commands)).toBe(pairs.map((pair) => `+OK\r\n${answer(...pair)}`).join(''));
  }

  const digits = (max: number) => fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: 1, maxLength: max });
  const decimal = fc
    .tuple(
      fc.constantFrom('', '-', '+'),
      digits(25),
      fc.option(digits(25)),
      fc.option(fc.integer({ min: -30, max: 30 })),
    )
    .map(
      ([sign, whole, fraction, power]) =>
        `${sign}${whole}${fraction === null ? '' : `.${fraction}`}${power === null ? '' : `e${power}`}`,
    );
  const extreme = fc
    .tuple(
      fc.constantFrom('', '-'),
      digits(30),
      fc.constantFrom(4890, 4900, 4910, 4931, 4932, 4933, -4930, -4950, -4970),
      fc.integer({ min: -8, max: 8 }),
    )
    .map(([sign, whole, power, shift]) => `${sign}${whole}e${power + shift}`);
  const hexadecimal = fc
    .tuple(
      fc.constantFrom('0x', '-0X'),
      fc.string({ unit: fc.constantFrom(...'0123456789abcDEF.'), maxLength: 24 }),
      fc.option(fc.constantFrom('p3', 'P-4', 'p+60', 'p-16400', 'p16300', 'p')),
    )
    .map(([head, body, power]) => head + body + (power ?? ''));
  const doubles = fc.double({ noNaN: true }).map((x) => String(x).replace('Infinity', 'inf'));
  const small = fc.integer({ min: -100_000, max: 100_000 }).map((n) => String(n / 100));
  const garbage = fc.string({ unit: fc.constantFrom(...'0123456789.eE+-xinfpa '), maxLength: 8 });
  const number = fc.oneof(decimal, decimal, small, doubles, extreme, hexadecimal, garbage);

  it('adds as we do', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(number, number), { minLength: 50, maxLength: 100 }), compareSums),
      {
        numRuns: 60,
      },
    );
  });

  it('adds halves of the last place as we do', async () => {
    const tie = fc
      .tuple(fc.bigInt({ min: 1n, max: 2n ** 66n }), fc.integer({ min: 0, max: 40 }))
      .map(([n, power]) => `0x${n.toString(16)}p-${power}`);
    await fc.assert(fc.asyncProperty(fc.array(fc.tuple(tie, tie), { minLength: 50, maxLength: 100 }), compareSums), {
      numRuns: 30,
    });
  });

  it('reads and writes doubles as we do', async () => {
    // Redis takes these for options of ZADD, in ZINCRBY too.
    const score = number.filter((text) => !/^(nx|xx)$/i.test(text));
    // Redis 7.0 answers ZINCRBY with 17 digits, and integers below 2^52 with all of theirs.
    const answered = (text: string) => {
      const x = parseDoubleText(text);
      if (Number.isNaN(x)) return '-ERR value is not a valid float\r\n';
      const shown = Number.isInteger(x) && Math.abs(x) < 2 ** 52 && !Object.is(x, -0) ? String(x) : formatDouble17(x);
      return `$${shown.length}\r\n${shown}\r\n`;
    };
    await fc.assert(
      fc.asyncProperty(fc.array(score, { minLength: 50, maxLength: 100 }), async (texts) => {
        const commands = texts.flatMap((text) => [
          ['DEL', 'z'],
          ['ZINCRBY', 'z', text, 'm'],
        ]);
        const replies = await ask(['SET', 'z', ''], ...commands);
        const added = texts.map(
          (text, i) => `:${i === 0 || !Number.isNaN(parseDoubleText(texts[i - 1])) ? 1 : 0}\r\n${answered(text)}`,
        );
        expect(replies).toBe(`+OK\r\n${added.join('')}`);
      }),
      { numRuns: 60 },
    );
  });
});
