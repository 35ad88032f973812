/** Keys in one pass have the bytes, hash and slot that they have in three. */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isAshlarError } from '../../../src/base/errors.js';
import { hashBytes, slotOf } from '../../../src/base/hash.js';
import { KEY_BYTES_MAX } from '../../../src/engine/item.js';
import { type Key, KeyBytes } from '../../../src/library/key-bytes.js';

const HASH_KEY = [0x12345678, -0x6789abcd] as const;
const keys = new KeyBytes(HASH_KEY);

function check(key: Key): void {
  keys.take(key);
  const bytes = Buffer.from(key as string);
  expect(Buffer.from(keys.bytes.subarray(0, keys.length))).toEqual(bytes);
  expect(keys.hash).toBe(hashBytes(bytes, 0, bytes.length, ...HASH_KEY));
  expect(keys.slot).toBe(slotOf(bytes, 0, bytes.length));
}

describe('a key', () => {
  test('of every length', () => {
    const text = Array.from({ length: 600 }, (_, i) => String.fromCharCode(33 + (i % 90))).join('');
    for (let length = 0; length <= text.length; length++) check(text.slice(0, length));
  });

  test('of any characters, with and without hash tags', () => {
    const part = fc.oneof(
      fc.string({ unit: 'binary-ascii' }),
      fc.string({ unit: 'binary' }),
      fc.constantFrom('{', '}', '{a}', '{}', 'é', '\u0080'),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 12 }), (parts) => check(parts.join(''))),
      { numRuns: 2000 },
    );
  });

  test('of bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), check));
  });

  test('that is long, and short ones after it', () => {
    for (const length of [5000, 100_000, KEY_BYTES_MAX]) {
      check('x'.repeat(length));
      check('short');
      check(Buffer.alloc(length, 'y'));
      check('é');
    }
  });

  test('that is too long is told by its length', () => {
    for (const key of ['x'.repeat(KEY_BYTES_MAX + 1), 'é'.repeat(KEY_BYTES_MAX - 5), Buffer.alloc(KEY_BYTES_MAX + 1)]) {
      keys.take(key);
      expect(keys.length).toBeGreaterThan(KEY_BYTES_MAX);
    }
    check('short');
  });

  test('that is none', () => {
    for (const wrong of [undefined, null, 1, {}, ['a']]) {
      let error: unknown;
      try {
        keys.take(wrong as unknown as string);
      } catch (thrown) {
        error = thrown;
      }
      expect(isAshlarError(error, 'ERR_BAD_ARGUMENT')).toBe(true);
    }
  });
});
