/** The splitter of Memcached's binary protocol: each stream whole, byte by byte, and cut at every place. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hashBytes, slotOf } from '../../../src/base/hash.js';
import {
  ARG_WORDS,
  COMMAND_WORDS,
  FLAG_TOO_LARGE,
  SPEAKS_MEMCACHED,
  SPEAKS_MEMCACHED_BINARY,
} from '../../../src/protocol/descriptors.js';
import { BinarySplitter } from '../../../src/protocol/memcached/binary-splitter.js';
import { FrameState, SPLIT_DRAINED, SPLIT_FULL } from '../../../src/protocol/splitter.js';
import { BINARY_CASES, large, long, noop, set } from './memcached-cases.js';
import { binaryStream, cuts, header, idOf, MEMCACHED_TABLE, request, SMALL, show } from './memcached-streams.js';
import {
  bytesOf,
  HASH_KEY,
  LIMITS,
  lines,
  type SplitCommand,
  SplitStream,
  type StreamOptions,
  splitAll,
} from './split-stream.js';

const BINARY = { table: MEMCACHED_TABLE, speaks: SPEAKS_MEMCACHED_BINARY };
function split(stream: Uint8Array, cuts: readonly number[], options: StreamOptions = {}): SplitCommand[] {
  return splitAll(stream, cuts, { ...BINARY, ...options });
}

const limitsOf = fc.constantFrom(LIMITS, SMALL);

describe('a binary stream', () => {
  for (const [name, text, expected, limits] of BINARY_CASES) {
    const stream = bytesOf(text);
    // Of long streams only the ends are cut up.
    const places = Array.from(stream, (_, i) => i).filter((i) => i < 100 || i > stream.length - 100);

    it(`${name}: whole`, () => {
      expect(show(split(stream, [], { limits }))).toEqual(expected);
    });

    it(`${name}: byte by byte`, () => {
      expect(show(split(stream, places, { limits }))).toEqual(expected);
    });

    it(`${name}: cut at every place`, () => {
      for (const place of places) {
        expect(show(split(stream, [place], { limits })), `cut at ${place}`).toEqual(expected);
      }
    });

    it(`${name}: small batches`, () => {
      expect(show(split(stream, [], { limits, commandsMax: 1, argsMax: 4 }))).toEqual(expected);
      expect(show(split(stream, [3, 24, 26, 50], { limits, commandsMax: 2, argsMax: 7 }))).toEqual(expected);
    });
  }

  it('is known by its first byte', () => {
    const stream = bytesOf(request(set) + request(noop));
    expect(split(stream, [1], { speaks: SPEAKS_MEMCACHED })).toEqual(split(stream, []));
  });

  it('has its keys hashed where the table says', () => {
    const [found, none] = split(bytesOf(request(set) + request({ ...set, opcode: 0x77 })), []);
    const key = bytesOf('k');
    expect(found.args.map(({ hash }) => hash)).toEqual([0, hashBytes(key, 0, 1, HASH_KEY[0], HASH_KEY[1]), 0, 0]);
    expect(found.args.map(({ slot }) => slot)).toEqual([0, slotOf(key, 0, 1), 0, 0]);
    expect(none.args.map(({ hash }) => hash)).toEqual([0, 0, 0, 0]);
  });

  it('announces what a request will have', () => {
    const stream = new SplitStream(BINARY);
    stream.feed(bytesOf(header(long)));
    expect(stream.state.announced).toBe(24 + 255 + 65535 + 1000);
    expect(stream.feed(bytesOf(request(long).slice(24)))).toHaveLength(1);
    expect(stream.state.announced).toBe(0);
  });

  it('has no value above the limit in memory', () => {
    const stream = new SplitStream(BINARY);
    const huge = { ...set, bodyLength: 0xffffffff };
    expect(stream.feed(bytesOf(header(huge) + set.extras))).toEqual([]);
    expect(stream.feed(bytesOf('kvalue'))).toHaveLength(1);
    expect([stream.pending, stream.state.skip]).toEqual([0, 0xffffffff - 9 - 5]);
    stream.feed(new Uint8Array(1 << 20));
    expect([stream.pending, stream.state.skip]).toEqual([0, 0xffffffff - 9 - 5 - (1 << 20)]);
  });
});

describe('a binary descriptor', () => {
  it('is word for word as it should be', () => {
    const splitter = new BinarySplitter(MEMCACHED_TABLE, 0, 0, 4);
    const state = new FrameState();
    const text = request({ opcode: 0x04, key: 'abc' });
    const input = bytesOf(`---${text}${request(large)}---`);
    const commands = new Int32Array(8 * COMMAND_WORDS).fill(-7);
    const args = new Int32Array(16 * ARG_WORDS).fill(-7);
    const status = splitter.split(5, state, input, 3, input.length - 3, commands, 1, args, 2, SMALL);
    const end = 3 + text.length;
    const valueAt = end + 24 + 9;
    expect([status, splitter.consumed, splitter.commandCount, splitter.argCount]).toEqual([SPLIT_FULL, valueAt, 3, 10]);
    expect([...commands.subarray(0, 8)]).toEqual(new Array(8).fill(-7));
    expect([...commands.subarray(8, 16)]).toEqual([5, idOf('binary', 'delete'), 4, 2, 3, end, 0, 0]);
    expect([...commands.subarray(16, 24)]).toEqual([5, idOf('binary', 'set'), 4, 6, end, valueAt, FLAG_TOO_LARGE, 0]);
    const placesOf = (first: number): number[][] =>
      [0, 1, 2, 3].map((i) => [...args.subarray((first + i) * 4, (first + i) * 4 + 2)]);
    expect(placesOf(2)).toEqual([
      [3, 24],
      [27, 3],
      [27, 0],
      [30, 0],
    ]);
    expect(placesOf(6)).toEqual([
      [end, 24],
      [end + 32, 1],
      [end + 24, 8],
      [valueAt, 0],
    ]);
    expect(splitter.split(5, state, input, valueAt, input.length - 3, commands, 0, args, 0, SMALL)).toBe(SPLIT_DRAINED);
    expect([splitter.consumed, splitter.commandCount, state.skip]).toEqual([input.length - 3, 0, 0]);
  });
});

describe('any binary stream', () => {
  it('gives the same commands however it is cut, and whatever a batch holds', () => {
    fc.assert(
      fc.property(
        binaryStream,
        cuts,
        limitsOf,
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 4, max: 20 }),
        (text, at, limits, commandsMax, argsMax) => {
          const bytes = bytesOf(text);
          const whole = lines(split(bytes, [], { limits, commandsMax: 64, argsMax: 1024 }));
          expect(lines(split(bytes, at, { limits, commandsMax, argsMax }))).toEqual(whole);
        },
      ),
      { numRuns: 1500 },
    );
  });
});
