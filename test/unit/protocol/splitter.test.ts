/** The splitter: each stream whole, byte by byte and cut at random, in large batches and in small ones; and against the native core's. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hashBytes, slotOf } from '../../../src/base/hash.js';
import type { NativeAddon } from '../../../src/native/contract.js';
import { DETAIL_ABOVE_LIMIT, FLAG_INLINE, type FrameLimits } from '../../../src/protocol/descriptors.js';
import { RespSplitter } from '../../../src/protocol/resp/splitter.js';
import { FrameState, SPLIT_DRAINED, SPLIT_FULL } from '../../../src/protocol/splitter.js';
import { addon, nativeSplit } from './native-split.js';
import {
  bytesOf,
  encode,
  HASH_KEY,
  LIMITS,
  type SplitCommand,
  SplitStream,
  splitAll,
  summary,
  TABLE,
  UNAUTHENTICATED,
} from './split-stream.js';

const GET = 0;
const SET = 1;
const PING = 4;
const UNKNOWN = -1;

function error(code: number, detail = 0): unknown {
  return { error: code, detail };
}

/** Each stream, and what is in it. */
const CASES: [string, string, unknown[], FrameLimits?][] = [
  ['a multibulk', encode('SET', 'k', 'v'), [[SET, 'SET', 'k', 'v']]],
  [
    'a pipeline',
    encode('GET', 'a') + encode('ping') + encode('gEt', 'b'),
    [
      [GET, 'GET', 'a'],
      [PING, 'ping'],
      [GET, 'gEt', 'b'],
    ],
  ],
  ['an unknown command', encode('NOPE', 'x'), [[UNKNOWN, 'NOPE', 'x']]],
  [
    'a prefix of a command',
    encode('ge') + encode('gett'),
    [
      [UNKNOWN, 'ge'],
      [UNKNOWN, 'gett'],
    ],
  ],
  ['an empty name', encode(''), [[UNKNOWN, '']]],
  ['empty arguments', encode('SET', '', ''), [[SET, 'SET', '', '']]],
  ['binary arguments', encode('SET', 'a\r\n$3\0', '\xff*2\r\n'), [[SET, 'SET', 'a\r\n$3\0', '\xff*2\r\n']]],
  [
    'a bulk without its line end',
    '*1\r\n$4\r\nPINGxx*1\r\n$4\r\nPING..',
    [
      [PING, 'PING'],
      [PING, 'PING'],
    ],
  ],
  ['lines without their \\n', '*1\rx$4\ryPINGzz', [[PING, 'PING']]],
  ['an incomplete frame', '*2\r\n$3\r\nGET\r\n$1\r\na', []],
  ['multibulks of nothing', `*0\r\n*-1\r\n*-9999999999999999999\r\n`, [error(2)]],
  [
    'multibulks of nothing before a command',
    `*0\r\n*-1\r\n*-9223372036854775808\r\n${encode('PING')}`,
    [[PING, 'PING']],
  ],
  [
    'inline',
    'PING\r\nget foo\n',
    [
      [PING, 'PING'],
      [GET, 'get', 'foo'],
    ],
  ],
  ['empty lines', '\r\n\n  \r\n\t\nPING\n', [[PING, 'PING']]],
  ['blanks', ' \t set\t\x0b\x0c  k   v \r\n', [[SET, 'set', 'k', 'v']]],
  ['a vertical tab in an argument', 'get a\x0bb\n', [[GET, 'get', 'a\x0bb']]],
  ['a \\r in a line', 'get a\rb\r\r\n', [[GET, 'get', 'a', 'b']]],
  [
    'double quotes',
    'set "a b" "\\x41\\x0g\\n\\r\\t\\b\\a\\q\\"\\\\"\r\n',
    [[SET, 'set', 'a b', 'Ax0g\n\r\t\b\x07q"\\']],
  ],
  ['single quotes', "set 'a \"b' 'it\\'s \\n'\r\n", [[SET, 'set', 'a "b', "it's \\n"]]],
  ['quotes after other bytes', 'set k"e y" ""\n', [[SET, 'set', 'ke y', '']]],
  [
    'many lines with quotes',
    'set "a" "b"\nset \'c\' d\nset "e" f\n',
    [
      [SET, 'set', 'a', 'b'],
      [SET, 'set', 'c', 'd'],
      [SET, 'set', 'e', 'f'],
    ],
  ],
  ['a zero byte ends a line', 'get a\0b c\n', [[GET, 'get', 'a']]],
  [
    'inline behind multibulk',
    `${encode('GET', 'a')}PING\r\n${encode('GET', 'b')}`,
    [
      [GET, 'GET', 'a'],
      [PING, 'PING'],
      [GET, 'GET', 'b'],
    ],
  ],
  ['quotes that do not end', 'PING\nset "a\n', [[PING, 'PING'], error(9)]],
  ['single quotes that do not end', "set 'a\n", [error(9)]],
  ['a backslash before the end', 'set "a\\\n', [error(9)]],
  ['bytes behind a closing quote', 'set "a"b\n', [error(9)]],
  ['bytes behind a closing single quote', "set 'a'b\n", [error(9)]],
  ['a zero byte behind a closing quote', 'get "a"\0b\n', [[GET, 'get', 'a']]],
  ['nothing behind an error', `${encode('PING')}*x\r\n${encode('PING')}`, [[PING, 'PING'], error(2)]],
  ['a count that is no number', '*abc\r\n', [error(2)]],
  ['no count', '*\r\n', [error(2)]],
  ['a count with a plus', '*+1\r\n', [error(2)]],
  ['a count with a blank', '* 1\r\n', [error(2)]],
  ['a count with a leading zero', '*01\r\n', [error(2)]],
  ['a count of minus zero', '*-0\r\n', [error(2)]],
  ['a count above the limit', '*1048577\r\n', [error(2)]],
  ['a count beyond 64 bits', '*9223372036854775808\r\n', [error(2)]],
  ['a count at the end of 64 bits', '*9223372036854775807\r\n', [error(2)]],
  ['no dollar', '*1\r\n!1\r\na\r\n', [error(5, 0x21)]],
  ['no dollar, after arguments', '*2\r\n$4\r\nPING\r\n\xff\r\n', [error(5, 0xff)]],
  ['an empty line for a dollar', '*1\r\n\r\n', [error(5, 0x0d)]],
  ['a length that is no number', '*1\r\n$a\r\n', [error(6)]],
  ['no length', '*1\r\n$\r\n', [error(6)]],
  ['a negative length', '*1\r\n$-1\r\n', [error(6)]],
  ['a length above the limit', '*1\r\n$536870913\r\n', [error(6, DETAIL_ABOVE_LIMIT)]],
  ['a length beyond 2^53', '*1\r\n$9007199254740993\r\n', [error(6, DETAIL_ABOVE_LIMIT)]],
  ['a length of minus 64 bits', '*1\r\n$-9223372036854775808\r\n', [error(6)]],
  ['a length with a leading zero', '*1\r\n$04\r\nPING\r\n', [error(6)]],
  ['a long count line', `*${'1'.repeat(65535)}`, []],
  ['a count line that is too long', `*${'1'.repeat(65536)}`, [error(1)]],
  ['a long length line', `*1\r\n$${'1'.repeat(65535)}`, []],
  ['a length line that is too long', `*1\r\n$${'1'.repeat(65536)}`, [error(4)]],
  ['a long inline command', 'a'.repeat(65536), []],
  ['an inline command that is too long', 'a'.repeat(65537), [error(8)]],
  ['the longest inline command', `${'a'.repeat(65536)}\n`, [[UNKNOWN, 'a'.repeat(65536)]]],
  ['ten arguments before authentication', encode(...'abcdefghij'), [[UNKNOWN, ...'abcdefghij']], UNAUTHENTICATED],
  ['eleven arguments before authentication', encode(...'abcdefghijk'), [error(3)], UNAUTHENTICATED],
  ['a count that is no number before authentication', '*x\r\n', [error(2)], UNAUTHENTICATED],
  [
    '16384 bytes before authentication',
    encode('PING', 'x'.repeat(16384)),
    [[PING, 'PING', 'x'.repeat(16384)]],
    UNAUTHENTICATED,
  ],
  ['16385 bytes before authentication', '*1\r\n$16385\r\n', [error(7, DETAIL_ABOVE_LIMIT)], UNAUTHENTICATED],
  ['a length that is no number before authentication', '*1\r\n$x\r\n', [error(6)], UNAUTHENTICATED],
];

describe('a stream', () => {
  for (const [name, text, expected, limits] of CASES) {
    const stream = bytesOf(text);

    it(`${name}: whole`, () => {
      expect(summary(splitAll(stream, [], { limits }))).toEqual(expected);
    });

    it(`${name}: byte by byte`, () => {
      // Of long streams only the ends are cut up.
      const cuts = Array.from(stream, (_, i) => i).filter((i) => i < 100 || i > stream.length - 100);
      expect(summary(splitAll(stream, cuts, { limits }))).toEqual(expected);
    });

    it(`${name}: one command a batch`, () => {
      expect(summary(splitAll(stream, [], { limits, commandsMax: 1, argsMax: 1 }))).toEqual(expected);
      expect(summary(splitAll(stream, [3, 9, 14, 20], { limits, commandsMax: 1, argsMax: 2 }))).toEqual(expected);
    });
  }
});

describe('keys', () => {
  function keysOf(...args: string[]): boolean[] {
    const [command] = splitAll(bytesOf(encode(...args)), []);
    return command.args.map((arg, i) => {
      const bytes = bytesOf(args[i]);
      const isKey = arg.hash !== 0;
      expect(arg.hash).toBe(isKey ? hashBytes(bytes, 0, bytes.length, HASH_KEY[0], HASH_KEY[1]) : 0);
      expect(arg.slot).toBe(isKey ? slotOf(bytes, 0, bytes.length) : 0);
      return isKey;
    });
  }

  it('are hashed where the table says', () => {
    expect(keysOf('get', 'foo')).toEqual([false, true]);
    expect(keysOf('mset', 'a', '1', '{b}c', '2')).toEqual([false, true, false, true, false]);
    expect(keysOf('del', 'a', 'b', 'c')).toEqual([false, true, true, true]);
    expect(keysOf('blpop', 'a', 'b', '0')).toEqual([false, true, true, false]);
    expect(keysOf('object', 'freq', 'a')).toEqual([false, false, true]);
    expect(keysOf('ping', 'a')).toEqual([false, false]);
    expect(keysOf('averyveryveryLONGcommandname', 'a')).toEqual([false, true]);
  });

  it('that are missing are no trouble', () => {
    expect(keysOf('get')).toEqual([false]);
    expect(keysOf('object', 'freq')).toEqual([false, false]);
    expect(keysOf('blpop')).toEqual([false]);
    expect(keysOf('mset', 'a')).toEqual([false, true]);
  });

  it('have no slot where there is one shard', () => {
    const splitter = new RespSplitter(TABLE, HASH_KEY[0], HASH_KEY[1], 1);
    const input = bytesOf(encode('get', 'foo'));
    const args = new Int32Array(64);
    splitter.split(0, new FrameState(), input, 0, input.length, new Int32Array(64), 0, args, 0, LIMITS);
    expect([...args.subarray(4, 8)]).toEqual([17, 3, hashBytes(bytesOf('foo'), 0, 3, HASH_KEY[0], HASH_KEY[1]), 0]);
  });
});

describe('descriptors', () => {
  it('follow those that are there, word for word', () => {
    const splitter = new RespSplitter(TABLE, 0, 0, 4);
    const text = `PING\r\n${encode('nope', 'a')}`;
    const input = bytesOf(`---${text}---`);
    const commands = new Int32Array(64).fill(-7);
    const args = new Int32Array(64).fill(-7);
    const status = splitter.split(5, new FrameState(), input, 3, 3 + text.length, commands, 1, args, 2, LIMITS);
    expect(status).toBe(SPLIT_DRAINED);
    expect([splitter.consumed, splitter.commandCount, splitter.argCount]).toEqual([3 + text.length, 3, 5]);
    expect([...commands.subarray(0, 8)]).toEqual(new Array(8).fill(-7));
    expect([...commands.subarray(8, 16)]).toEqual([5, PING, 1, 2, 3, 9, FLAG_INLINE, 0]);
    expect([...commands.subarray(16, 24)]).toEqual([5, UNKNOWN, 2, 3, 9, 3 + text.length, 0, 0]);
    expect([...args.subarray(8, 12)]).toEqual([3, 4, 0, 0]);
    expect([...args.subarray(20, 24)]).toEqual([0, 0, 0, 0].map(() => -7));
  });

  it('of a frame that fits no longer begin the next batch', () => {
    const splitter = new RespSplitter(TABLE, 0, 0, 4);
    const input = bytesOf(encode('get', 'a') + encode('get', 'b'));
    const args = new Int32Array(3 * 4);
    const status = splitter.split(0, new FrameState(), input, 0, input.length, new Int32Array(64), 0, args, 0, LIMITS);
    expect([status, splitter.consumed, splitter.commandCount]).toEqual([SPLIT_FULL, input.length / 2, 1]);
  });
});

describe('a large frame', () => {
  it('is not looked at again with each chunk', () => {
    // 20,000 chunks of a frame with many arguments and a long one: quadratic work would take minutes.
    const parts = ['mset', ...Array.from({ length: 40_000 }, (_, i) => `key:${i}`), 'x'.repeat(3_000_000)];
    const stream = bytesOf(encode(...parts));
    const splitter = new RespSplitter(TABLE, 0, 0, 4);
    const state = new FrameState();
    const commands = new Int32Array(8 * 8);
    const args = new Int32Array(4 * 100);
    const begin = process.cpuUsage();
    for (let end = 200; end < stream.length; end += 200) {
      splitter.split(0, state, stream, 0, end, commands, 0, args, 0, LIMITS);
    }
    const partial = process.cpuUsage(begin).user;
    splitter.split(0, state, stream, 0, stream.length, commands, 0, args, 0, LIMITS);
    expect(commands[2]).toBe(parts.length);
    expect(splitter.consumed).toBe(stream.length);
    const at = splitter.bigArgs.subarray(4 * 12_345);
    expect(Buffer.from(stream).toString('latin1', at[0], at[0] + at[1])).toBe('key:12344');
    expect(partial).toBeLessThan(1_000_000);
  });

  it('announces what it will have', () => {
    const stream = new SplitStream();
    stream.feed(bytesOf('*3\r\n$3\r\nSET\r\n'));
    expect(stream.state.announced).toBe(13 + 2 * 6);
    stream.feed(bytesOf('$1\r\nk\r\n$1000\r\nabc'));
    expect(stream.state.announced).toBe(13 + 7 + 7 + 1000 + 2);
    expect(stream.feed(bytesOf(`${'x'.repeat(997)}\r\n`))).toHaveLength(1);
    expect(stream.state.announced).toBe(0);
  });

  it('of one line announces nothing', () => {
    const stream = new SplitStream();
    stream.feed(bytesOf('PIN'));
    expect(stream.state.announced).toBe(0);
  });

  it('gives its array of arguments back', () => {
    const stream = new SplitStream({ argsMax: 4096 });
    const text = encode('del', ...Array.from({ length: 1000 }, String));
    stream.feed(bytesOf(text.slice(0, -1)));
    expect(stream.state.args.length).toBeGreaterThanOrEqual(4000);
    expect(stream.feed(bytesOf('\n'))).toHaveLength(1);
    expect(stream.state.args.length).toBe(0);
    expect(stream.pending).toBe(0);
  });
});

// ------------------------------------------------------------------------------------------------ generated streams

const argument = fc.oneof(
  fc.constantFrom('get', 'SET', 'mset', 'del', 'ping', 'blpop', 'Object', 'foo', '{a}b', ''),
  fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
);
const inlineText = fc
  .array(fc.constantFrom('get', 'set', ' ', '\t', '"', "'", '\\', '\\x4f', '\\n', 'a', '\r', '\0', '\x0b', 'é'), {
    maxLength: 12,
  })
  .map((parts) => `${parts.join('')}\n`);
const frame = fc.oneof(
  { weight: 6, arbitrary: fc.array(argument, { minLength: 1, maxLength: 12 }).map((args) => encode(...args)) },
  { weight: 3, arbitrary: inlineText },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '*0\r\n',
      '*-1\r\n',
      '\r\n',
      '*1\r\n$-1\r\n',
      '*1\r\n$x\r\n',
      '*01\r\n',
      '*2\r\n:1\r\n',
      '*99999999\r\n',
    ),
  },
);
const noise = fc.string({ unit: fc.constantFrom(...'*$0123-\r\n"\' agetx\\'), maxLength: 60 });
const stream = fc
  .tuple(fc.array(frame, { maxLength: 12 }), fc.option(noise, { nil: '' }))
  .map(([frames, tail]) => bytesOf(frames.join('') + tail));
const cuts = fc.array(fc.nat(800), { maxLength: 20 });
const limitsOf = fc.constantFrom(LIMITS, UNAUTHENTICATED);

describe('any stream', () => {
  it('gives the same commands however it is cut, and whatever a batch holds', () => {
    fc.assert(
      fc.property(
        stream,
        cuts,
        limitsOf,
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 20 }),
        (bytes, at, limits, commandsMax, argsMax) => {
          const whole = splitAll(bytes, [], { limits, commandsMax: 64, argsMax: 1024 });
          expect(splitAll(bytes, at, { limits, commandsMax, argsMax })).toEqual(whole);
        },
      ),
      { numRuns: 3000 },
    );
  });
});

// ------------------------------------------------------------------------------------------------ the native splitter

describe.skipIf(addon === undefined)('the native splitter', () => {
  function native(bytes: Uint8Array, at: readonly number[], limits: FrameLimits, arenaBytes: number): SplitCommand[] {
    return nativeSplit(bytes, at, { limits, arenaBytes });
  }

  it('hashes and places keys in the same way', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 70 }), fc.integer(), fc.integer(), (bytes, k0, k1) => {
        const { hashBytes: nativeHash, slotOf: nativeSlot } = addon as NativeAddon;
        expect(hashBytes(bytes, 0, bytes.length, k0, k1)).toBe(nativeHash(bytes, 0, bytes.length, k0, k1) | 0);
        expect(slotOf(bytes, 0, bytes.length)).toBe(nativeSlot(bytes, 0, bytes.length));
      }),
    );
  });

  for (const [name, text, , limits] of CASES) {
    it(`${name}: the same`, () => {
      const bytes = bytesOf(text);
      const ours = splitAll(bytes, [], { limits });
      expect(native(bytes, [], limits ?? LIMITS, 1 << 20)).toEqual(ours);
      const everywhere = Array.from(bytes, (_, i) => i).filter((i) => i < 100 || i > bytes.length - 100);
      expect(native(bytes, everywhere, limits ?? LIMITS, 4096)).toEqual(ours);
    });
  }

  it('gives the same of any stream', () => {
    fc.assert(
      fc.property(stream, cuts, limitsOf, fc.constantFrom(128, 512, 65536), (bytes, at, limits, arenaBytes) => {
        expect(native(bytes, at, limits, arenaBytes)).toEqual(splitAll(bytes, at, { limits }));
      }),
      { numRuns: 3000 },
    );
  });
});
