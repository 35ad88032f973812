/** Base64, against Node's. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeBase64 } from '../../../src/base/base64.js';
import { asciiBytes } from '../../../src/base/bytes.js';

function decode(text: string): string | undefined {
  const target = new Uint8Array(1000);
  const length = decodeBase64(asciiBytes(`..${text}..`), 2, text.length, target);
  return length === -1 ? undefined : Buffer.from(target.subarray(0, length)).toString('latin1');
}

describe('decodeBase64', () => {
  it('decodes what Node encodes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const buffer = Buffer.from(bytes);
        return decode(buffer.toString('base64')) === buffer.toString('latin1');
      }),
    );
  });

  it('takes nothing else', () => {
    for (const text of ['a', 'ab', 'abc', 'YWJ', 'YW=j', 'Y===', '====', 'YWJj!', 'YW-_', 'YWJj YWJj', 'YWJjY', '=WJj'])
      expect(decode(text), text).toBeUndefined();
    expect(decode('')).toBe('');
  });
});
