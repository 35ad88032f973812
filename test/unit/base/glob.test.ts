/** Glob patterns: known cases, a matcher that tries everything, a real redis-server, and patterns made to take long. */

import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { asciiBytes } from '../../../src/base/bytes.js';
import { globMatch, isLiteralPattern } from '../../../src/base/glob.js';
import { explainSkip, NO_REDIS, RealRedis } from '../protocol/real-redis.js';
import { encode } from '../protocol/split-stream.js';

explainSkip('patterns against redis-server');

function matches(pattern: string, text: string, nocase = false): boolean {
  // Both lie between bytes that must not be looked at.
  const p = asciiBytes(`*]${pattern}]*`);
  const t = asciiBytes(`ab${text}ba`);
  return globMatch(p, 2, pattern.length, t, 2, text.length, nocase);
}

describe('globMatch', () => {
  it.each([
    ['', ''],
    ['*', 'a'],
    ['a*', 'a'],
    ['*a', 'a'],
    ['a**c', 'abbc'],
    ['h?llo', 'hello'],
    ['h[ae]llo', 'hallo'],
    ['h[^e]llo', 'hallo'],
    ['h[a-b]llo', 'hbllo'],
    ['h[b-a]llo', 'hallo'],
    // The range goes up to the bracket, so that the class is open.
    ['h[a-]llo', 'ha'],
    ['[\\]]', ']'],
    ['[\\-a]', '-'],
    ['\\*', '*'],
    ['a\\', 'a\\'],
    ['[abc', 'b'],
    ['[^', 'x'],
    ['[^]', 'x'],
    ['[a-', '-'],
    ['*[0-9]*[a-c]', 'x1y2zc'],
    ['*ab*ab', 'abxabab'],
  ])('%j matches %j', (pattern, text) => {
    expect(matches(pattern, text)).toBe(true);
  });

  it.each([
    ['', 'a'],
    ['*', ''],
    ['a', ''],
    ['?', ''],
    ['h?llo', 'hllo'],
    ['h[ae]llo', 'hillo'],
    ['h[^e]llo', 'hello'],
    ['[]', ']'],
    ['[]a]', 'a]b'],
    ['[', '['],
    ['\\*', 'a'],
    ['ab', 'abc'],
    ['h[a-]llo', 'hallo'],
    ['*ab', 'abc'],
    ['a*b*c', 'acb'],
    ['A', 'a'],
  ])('%j does not match %j', (pattern, text) => {
    expect(matches(pattern, text)).toBe(false);
  });

  it('can ignore case', () => {
    expect(matches('HeL*[A-C]?\\X', 'hello bzx', true)).toBe(true);
    expect(matches('[abc]', 'B', true)).toBe(true);
    // As in Redis.
    expect(matches('[\\a]', 'A', true)).toBe(false);
  });
});

/** Tries every length for every star. Elements are taken from the pattern in the simplest way. */
function naive(pattern: string, text: string): boolean {
  if (text === '') return pattern === '';
  if (pattern === '') return false;
  if (pattern[0] === '*') {
    const rest = pattern.replace(/^\*+/, '');
    if (rest === '') return true;
    for (let i = 0; i < text.length; i++) if (naive(rest, text.slice(i))) return true;
    return false;
  }
  const [element] = /^(\[\^?(\\.|[^\]]-.|[^\]])*\]?|\\.|.)/s.exec(pattern) as RegExpExecArray;
  const rest = pattern.slice(element.length);
  if (!elementMatches(element, text[0])) return false;
  return text.length === 1 ? /^\**$/.test(rest) : naive(rest, text.slice(1));
}

function elementMatches(element: string, char: string): boolean {
  if (element === '?') return true;
  if (element[0] === '\\') return (element[1] ?? '\\') === char;
  if (element[0] !== '[') return element === char;
  const [, caret, inside] = /^\[(\^?)((?:\\.|[^\]]-.|[^\]])*)/s.exec(element) as RegExpExecArray;
  const found = [...inside.matchAll(/\\(.)|(.)-(.)|(.)/gs)].some(([, escaped, from, to, one]) => {
    if (from === undefined) return (escaped ?? one) === char;
    return (from <= char && char <= to) || (to <= char && char <= from);
  });
  return found !== (caret === '^');
}

const pattern = fc.string({ unit: fc.constantFrom(...'ab*?[]^-\\c'), maxLength: 12 });
const text = fc.string({ unit: fc.constantFrom(...'abc-]^\\['), maxLength: 10 });

describe('any pattern', () => {
  it('matches what the naive matcher matches', () => {
    fc.assert(
      fc.property(pattern, text, (p, t) => {
        expect(matches(p, t)).toBe(naive(p, t));
      }),
      { numRuns: 20_000 },
    );
  });

  it('without special bytes matches itself only', () => {
    fc.assert(
      fc.property(pattern, text, (p, t) => {
        const bytes = asciiBytes(p);
        if (isLiteralPattern(bytes, 0, bytes.length)) expect(matches(p, t)).toBe(p === t);
      }),
    );
  });
});

describe('patterns made to take long', () => {
  const key = asciiBytes('a'.repeat(65536));

  it.each([
    ['a*'.repeat(1000), true],
    [`${'a*'.repeat(1000)}b`, false],
    [`${'*a'.repeat(1000)}b*`, false],
    [`${'?*'.repeat(1000)}`, true],
    [`*${'a'.repeat(100)}b`, false],
    [`${'*[^b]'.repeat(500)}*b`, false],
  ])('%#: end within 100 ms of CPU time', (text, expected) => {
    const bytes = asciiBytes(text);
    const begin = process.cpuUsage();
    expect(globMatch(bytes, 0, bytes.length, key, 0, key.length, false)).toBe(expected);
    expect(process.cpuUsage(begin).user).toBeLessThan(100_000);
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

  it('finds the same keys', async () => {
    // KEYS * alone takes a way of its own, which finds the empty key too.
    const cases = fc.array(
      fc.tuple(
        pattern.filter((p) => p !== '*'),
        text,
      ),
      { minLength: 50, maxLength: 100 },
    );
    await fc.assert(
      fc.asyncProperty(cases, async (pairs) => {
        const commands = pairs.map(([p, t]) => encode('FLUSHALL') + encode('SET', t, '') + encode('KEYS', p));
        const replies = pairs.map(
          ([p, t]) => `+OK\r\n+OK\r\n${matches(p, t) ? `*1\r\n$${t.length}\r\n${t}\r\n` : '*0\r\n'}`,
        );
        const end = '+PONG\r\n';
        const { reply } = await redis.exchangeUntil(Buffer.from(commands.join('') + encode('PING'), 'latin1'), end);
        expect(reply.toString('latin1')).toBe(replies.join('') + end);
      }),
      { numRuns: 40 },
    );
  });

  it('finds the same names without regard to case', async () => {
    const ask = async (...args: string[]) => {
      const { reply } = await redis.exchangeUntil(Buffer.from(encode(...args) + encode('PING'), 'latin1'), '+PONG\r\n');
      return reply
        .toString('latin1')
        .split('\r\n')
        .filter((line) => /^[a-z]/.test(line))
        .sort();
    };
    const all = await ask('COMMAND', 'LIST');
    expect(all.length).toBeGreaterThan(200);
    const names = fc.string({ unit: fc.constantFrom(...'gGsSeEtTaZmM*?[]^-\\'), minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(names, async (p) => {
        expect(await ask('COMMAND', 'LIST', 'FILTERBY', 'PATTERN', `${p}*`)).toEqual(
          all.filter((name) => matches(`${p}*`, name, true)),
        );
      }),
      { numRuns: 300 },
    );
  });
});
