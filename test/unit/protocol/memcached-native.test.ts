/** The splitters of Memcached's protocols against the native core's: the same of every case, and of any stream. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SPEAKS_MEMCACHED, SPEAKS_MEMCACHED_BINARY, SPEAKS_MEMCACHED_TEXT } from '../../../src/protocol/descriptors.js';
import { BINARY_CASES, TEXT_CASES } from './memcached-cases.js';
import { binaryStream, cuts, MEMCACHED_TABLE, SMALL, textStream } from './memcached-streams.js';
import { addon, nativeSplit } from './native-split.js';
import { bytesOf, LIMITS, lines, splitAll } from './split-stream.js';

describe.skipIf(addon === undefined)('the native splitter', () => {
  for (const [name, text, , limits] of [...TEXT_CASES, ...BINARY_CASES]) {
    it(`${name}: the same`, () => {
      const options = { table: MEMCACHED_TABLE, speaks: SPEAKS_MEMCACHED, limits };
      const bytes = bytesOf(text);
      const ours = splitAll(bytes, [], options);
      const everywhere = Array.from(bytes, (_, i) => i).filter((i) => i < 100 || i > bytes.length - 100);
      expect(nativeSplit(bytes, [], { ...options, arenaBytes: 1 << 20 })).toEqual(ours);
      expect(nativeSplit(bytes, everywhere, { ...options, arenaBytes: 4096 })).toEqual(ours);
    });
  }

  for (const [name, stream, one] of [
    ['text', textStream, SPEAKS_MEMCACHED_TEXT],
    ['binary', binaryStream, SPEAKS_MEMCACHED_BINARY],
  ] as const) {
    it(`gives the same of any ${name} stream`, () => {
      fc.assert(
        fc.property(
          stream,
          cuts,
          fc.constantFrom(LIMITS, SMALL),
          fc.constantFrom(one, SPEAKS_MEMCACHED),
          fc.constantFrom(128, 512, 65536),
          (text, at, limits, speaks, arenaBytes) => {
            const options = { table: MEMCACHED_TABLE, speaks, limits };
            const bytes = bytesOf(text);
            expect(lines(nativeSplit(bytes, at, { ...options, arenaBytes }))).toEqual(
              lines(splitAll(bytes, at, options)),
            );
          },
        ),
        { numRuns: 2000 },
      );
    });
  }
});
