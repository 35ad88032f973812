/** The splitter of Memcached's text protocols: each stream whole, byte by byte, and cut at every place, in large batches and in small ones. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hashBytes, slotOf } from '../../../src/base/hash.js';
import { SPEAKS_MEMCACHED, SPEAKS_MEMCACHED_TEXT } from '../../../src/protocol/descriptors.js';
import { TextSplitter } from '../../../src/protocol/memcached/text-splitter.js';
import { FrameState, SPLIT_DRAINED, SPLIT_FULL, SPLIT_PARTIAL } from '../../../src/protocol/splitter.js';
import { LARGE, MN, TEXT_CASES } from './memcached-cases.js';
import { cuts, MEMCACHED_TABLE, SMALL, show, textStream } from './memcached-streams.js';
import {
  bytesOf,
  chunksOf,
  HASH_KEY,
  LIMITS,
  lines,
  type SplitCommand,
  SplitStream,
  type StreamOptions,
  splitAll,
} from './split-stream.js';

const TEXT = { table: MEMCACHED_TABLE, speaks: SPEAKS_MEMCACHED };

function split(stream: Uint8Array, cuts: readonly number[], options: StreamOptions = {}): SplitCommand[] {
  return splitAll(stream, cuts, { ...TEXT, ...options });
}

const limitsOf = fc.constantFrom(LIMITS, SMALL);

describe('a text stream', () => {
  for (const [name, text, expected, limits] of TEXT_CASES) {
    const stream = bytesOf(text);
    // Of long streams only the ends, and what is near the longest line, are cut up.
    const places = Array.from(stream, (_, i) => i).filter(
      (i) => i < 100 || i > stream.length - 100 || Math.abs(i - 2050) < 8,
    );

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
      for (const [commandsMax, argsMax] of [
        [1, 1],
        [2, 4],
        [2, 7],
      ]) {
        expect(show(split(stream, [], { limits, commandsMax, argsMax }))).toEqual(expected);
        expect(show(split(stream, [3, 9, 14, 20], { limits, commandsMax, argsMax }))).toEqual(expected);
      }
    });
  }

  it('that begins with 0x80 is text where only text is spoken', () => {
    const stream = bytesOf('\x80\r\nmn\r\n');
    expect(show(split(stream, [], { speaks: SPEAKS_MEMCACHED_TEXT }))).toEqual([['unknown', '', '\x80'], MN]);
    expect(split(stream, [])).toEqual([]);
  });
});

describe('any text stream', () => {
  it('gives the same commands however it is cut, and whatever a batch holds', () => {
    fc.assert(
      fc.property(
        textStream,
        cuts,
        limitsOf,
        fc.integer({ min: 1, max: 5 }),
        // A stream that begins with 0x80 is binary, whose commands have four arguments.
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

  it('keeps no more than what is incomplete', () => {
    fc.assert(
      fc.property(textStream, cuts, (text, at) => {
        const stream = new SplitStream({ ...TEXT, speaks: SPEAKS_MEMCACHED_TEXT, limits: SMALL });
        for (const chunk of chunksOf(bytesOf(text), at)) stream.feed(chunk);
        // A line, or a line with data.
        if (!stream.failed) expect(stream.pending).toBeLessThan(SMALL.argumentsMax * 251 + SMALL.bulkBytesMax + 2);
      }),
      { numRuns: 500 },
    );
  });
});

describe('keys', () => {
  it('are hashed where the table says', () => {
    const keysOf = (text: string): number[] => {
      const [command] = split(bytesOf(text), []);
      return [...command.args.keys()].filter((i) => {
        const { bytes, hash, slot } = command.args[i];
        if (hash === 0 && slot === 0) return false;
        expect(hash).toBe(hashBytes(bytes, 0, bytes.length, HASH_KEY[0], HASH_KEY[1]));
        expect(slot).toBe(slotOf(bytes, 0, bytes.length));
        return true;
      });
    };
    expect(keysOf('get a {b}c d\r\n')).toEqual([1, 2, 3]);
    expect(keysOf('gat 0 a b\r\n')).toEqual([2, 3]);
    expect(keysOf('gat 0\r\n')).toEqual([]);
    expect(keysOf('set k 0 0 3\r\nabc\r\n')).toEqual([1]);
    expect(keysOf(`set k 0 0 ${2 ** 31 - 3}\r\n`)).toEqual([1]);
    expect(keysOf('stats k\r\n')).toEqual([]);
    expect(keysOf('nope k\r\n')).toEqual([]);
  });
});

describe('large data', () => {
  it('announces what it will have', () => {
    const stream = new SplitStream(TEXT);
    stream.feed(bytesOf('set k 0 0 3000000\r\n'));
    expect(stream.state.announced).toBe(19 + 3_000_000 + 2);
    expect(stream.feed(new Uint8Array(3_000_000))).toEqual([]);
    const [command] = stream.feed(bytesOf('\r\n'));
    expect(command.args[5].bytes.length).toBe(3_000_000);
    expect(stream.state.announced).toBe(0);
  });

  it('above the limit is not kept', () => {
    const stream = new SplitStream({ ...TEXT, limits: SMALL });
    expect(show(stream.feed(bytesOf('mn\r\nset k 0 0 1000\r\nabc')))).toEqual([
      MN,
      ['set', LARGE, 'set', 'k', '0', '0', '1000'],
    ]);
    expect([stream.pending, stream.state.skip]).toEqual([0, 999]);
    expect(stream.feed(new Uint8Array(998))).toEqual([]);
    expect([stream.pending, stream.state.skip]).toEqual([0, 1]);
    expect(show(stream.feed(bytesOf('\nmn\r')))).toEqual([]);
    expect([stream.pending, stream.state.skip]).toEqual([3, 0]);
    expect(show(stream.feed(bytesOf('\n')))).toEqual([MN]);
  });

  it('above the limit ends the batch, so that its command can suspend the connection', () => {
    const splitter = new TextSplitter(MEMCACHED_TABLE, 0, 0, 4);
    const state = new FrameState();
    const line = 'mn\r\nset k 0 0 50\r\n';
    const input = bytesOf(`${line}${'x'.repeat(50)}\r\nmn\r\n`);
    const splitFrom = (start: number): number[] => {
      const args = new Int32Array(64);
      const status = splitter.split(0, state, input, start, input.length, new Int32Array(64), 0, args, 0, SMALL);
      return [status, splitter.consumed, splitter.commandCount, state.skip];
    };
    expect(splitFrom(0)).toEqual([SPLIT_FULL, line.length, 2, 52]);
    // The second command suspended, and goes on.
    expect(splitFrom(line.length)).toEqual([SPLIT_DRAINED, input.length, 1, 0]);
    // The first command suspended.
    expect(splitFrom(0)).toEqual([SPLIT_FULL, line.length, 2, 52]);
    state.clear();
    expect(splitFrom(4)).toEqual([SPLIT_FULL, line.length, 1, 52]);
  });

  it('and long lines cost no more in many chunks than in one', () => {
    // Quadratic work would take minutes.
    for (const text of [
      `get${' key:12345'.repeat(200_000)}\r\n`,
      `set k 0 0 2000000\r\n${'x'.repeat(2_000_000)}\r\n`,
    ]) {
      const splitter = new TextSplitter(MEMCACHED_TABLE, 0, 0, 4);
      const state = new FrameState();
      const stream = bytesOf(text);
      const commands = new Int32Array(8 * 8);
      const args = new Int32Array(4 * 100);
      const begin = process.cpuUsage();
      for (let end = 200; end < stream.length; end += 200) {
        expect(splitter.split(0, state, stream, 0, end, commands, 0, args, 0, LIMITS)).toBe(SPLIT_PARTIAL);
      }
      expect(process.cpuUsage(begin).user).toBeLessThan(2_000_000);
      splitter.split(0, state, stream, 0, stream.length, commands, 0, args, 0, LIMITS);
      expect([splitter.consumed, splitter.commandCount]).toEqual([stream.length, 1]);
    }
  });
});
