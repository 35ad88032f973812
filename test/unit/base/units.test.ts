/** Quantities: Redis's notation of bytes, and durations. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  formatBytes,
  formatBytesRounded,
  formatDuration,
  parseBytes,
  parseDuration,
  type TimeUnit,
} from '../../../src/base/units.js';

describe('parseBytes', () => {
  it.each([
    ['0', 0],
    ['1048576', 1_048_576],
    ['7b', 7],
    ['1k', 1000],
    ['1kb', 1024],
    ['2M', 2_000_000],
    ['512mb', 536_870_912],
    ['3G', 3_000_000_000],
    ['2GB', 2_147_483_648],
    ['1tb', 1_099_511_627_776],
  ])('reads %s', (text, bytes) => expect(parseBytes(text)).toBe(bytes));

  it.each(['', '-1', '1.5mb', 'mb', '1 mb', '1xb', '0x10', '99999999999999999999', '9000000000tb'])(
    'refuses "%s"',
    (text) => expect(parseBytes(text)).toBeUndefined(),
  );
});

describe('formatBytes', () => {
  it.each([
    [0, '0'],
    [1000, '1000'],
    [1024, '1kb'],
    [536_870_912, '512mb'],
    [2 ** 30 * 3, '3gb'],
    [2 ** 30 + 1, '1073741825'],
  ])('writes %d', (bytes, text) => expect(formatBytes(bytes)).toBe(text));

  it('is read back exactly', () => {
    fc.assert(fc.property(fc.maxSafeNat(), (bytes) => parseBytes(formatBytes(bytes)) === bytes));
  });
});

describe('formatBytesRounded', () => {
  it.each([
    [512, '512B'],
    [1536, '1.50K'],
    [1_048_576, '1.00M'],
    [2 ** 31, '2.00G'],
    [2 ** 41, '2.00T'],
  ])('writes %d', (bytes, text) => expect(formatBytesRounded(bytes)).toBe(text));
});

describe('parseDuration', () => {
  it.each<[string, TimeUnit, number]>([
    ['300', 's', 300],
    ['10s', 'ms', 10_000],
    ['100ms', 'ms', 100],
    ['100MS', 'us', 100_000],
    ['5min', 's', 300],
    ['1h', 'min', 60],
    ['1d', 's', 86_400],
  ])('reads %s in %s', (text, unit, amount) => expect(parseDuration(text, unit)).toBe(amount));

  it.each<[string, TimeUnit]>([
    ['', 's'],
    ['100ms', 's'],
    ['-5s', 's'],
    ['1m', 's'],
    ['1.5s', 'ms'],
  ])('refuses "%s" in %s', (text, unit) => expect(parseDuration(text, unit)).toBeUndefined());

  it('reads back what formatDuration writes', () => {
    const units = fc.constantFrom<TimeUnit>('us', 'ms', 's', 'min');
    fc.assert(
      fc.property(fc.nat(), units, (amount, unit) => parseDuration(formatDuration(amount, unit), unit) === amount),
    );
  });
});
