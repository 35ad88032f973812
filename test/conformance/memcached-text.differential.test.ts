/**
 * Random sequences of text commands, classic and meta, with numbers and lengths at every edge, sent to our server and to the real memcached: the replies
 * must be the same, but for CAS numbers, of which it is compared when they change, and for seconds that may have gone by.
 *
 * `SOAK_RUNS` sets how many sequences are tried.
 */

import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { availableMemcached, type MemcachedServer, memcachedVersion, startMemcached } from './memcached-servers.js';
import { TextClient } from './memcached-text-harness.js';
import { atLeast } from './servers.js';

const RUNS = Number(process.env.SOAK_RUNS ?? 150);
const TIMEOUT_MS = 120_000;
const both = availableMemcached().length === 2;
/** The installed memcached has the flags E and x, C of mg, s of ms, and N of appends. */
const isNew = atLeast(memcachedVersion ?? '0.0.0', '1.6.23');

const KEYS = ['a', 'b', 'c'];
/** They neither pass while the test runs nor have passed by a second. */
const TIMES = ['0', '1000', '2592000', '2592001', '2147483647', '-1'];
const NUMBERS = [
  '0',
  '1',
  '2',
  '9',
  '10',
  '99',
  '4294967295',
  '4294967296',
  '9007199254740993',
  '18446744073709551615',
];
const VALUES = [
  ...['', 'x', '\0\r\n\x80\xff', 'y'.repeat(100), 'z'.repeat(3000)],
  ...[' 5', '5 ', '5 x', '+5', '-5', '007', '5x', '18446744073709551616'],
  ...NUMBERS,
];
/** What stands for the CAS number of a key that was shown last, and a number that no item has. */
const SEEN = '<seen>';
const WRONG = '18446744073709551614';

const key = fc.constantFrom(...KEYS);
const value = fc.constantFrom(...VALUES);
const time = fc.constantFrom(...TIMES);
const number = fc.constantFrom(...NUMBERS);
const clientFlags = fc.constantFrom('0', '1', '2147483648', '4294967295');
const cas = fc.constantFrom(SEEN, SEEN, WRONG, '0');
/** Below and above all that the servers count up to by themselves. */
const newCas = fc.constantFrom('1', '2', '99', '9223372036854775808', '18446744073709551615');
const noreply = fc.constantFrom('', '', '', ' noreply');

/** One of the letters, or a letter with one of the tokens. */
function flag(letter: string, tokens: fc.Arbitrary<string> = fc.constant('')): fc.Arbitrary<string> {
  return tokens.map((token) => `${letter}${token}`);
}

const LETTERS = {
  common: [flag('k'), flag('q'), flag('O', fc.constantFrom('', '1', 'opaque')), flag('P', fc.constant('/path'))],
  mg: [
    ...[...'vvtfschlu'].map((letter) => flag(letter)),
    ...[flag('T', time), flag('N', time), flag('R', fc.constantFrom('0', '500', '2000'))],
    ...(isNew ? [flag('C', cas), flag('E', newCas)] : []),
  ],
  ms: [
    ...[flag('c'), flag('T', time), flag('F', clientFlags), flag('C', cas), flag('I')],
    flag('M', fc.constantFrom('S', 'E', 'R', 'A', 'P', 'X')),
    ...(isNew ? [flag('s'), flag('N', time), flag('E', newCas)] : []),
  ],
  md: [
    ...[flag('C', cas), flag('I'), flag('T', time)],
    ...(isNew ? [flag('x'), flag('E', newCas), flag('F', clientFlags)] : []),
  ],
  ma: [
    ...[flag('v'), flag('v'), flag('t'), flag('c'), flag('C', cas), flag('N', time)],
    // T and E are not here: memcached loses them when the number becomes longer.
    ...[flag('J', number), flag('D', number), flag('M', fc.constantFrom('I', 'D', '+', '-', 'x'))],
  ],
};

/** Flags, now and then one of them twice. */
function flags(name: 'mg' | 'ms' | 'md' | 'ma'): fc.Arbitrary<string> {
  const one = fc.oneof(...LETTERS[name], ...LETTERS.common);
  return fc
    .oneof(
      { weight: 9, arbitrary: fc.uniqueArray(one, { maxLength: 7, selector: (text) => text[0] }) },
      { weight: 1, arbitrary: fc.array(one, { maxLength: 7 }) },
    )
    .map((all) => all.join(' '));
}

/** A line with its data, if it has any; in the same form as the cases of the text protocol. */
const request: fc.Arbitrary<string> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .tuple(fc.constantFrom('set', 'add', 'replace', 'append', 'prepend'), key, clientFlags, time, value, noreply)
      .map(([name, k, f, t, v, quiet]) => `${name} ${k} ${f} ${t} ${v.length}${quiet}\r\n${v}`),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(key, clientFlags, time, value, cas, noreply)
      .map(([k, f, t, v, c, quiet]) => `cas ${k} ${f} ${t} ${v.length} ${c}${quiet}\r\n${v}`),
  },
  {
    weight: 4,
    arbitrary: fc
      .tuple(fc.constantFrom('get', 'gets'), fc.array(key, { minLength: 1, maxLength: 3 }))
      .map(([name, keys]) => `${name} ${keys.join(' ')}`),
  },
  fc.tuple(fc.constantFrom('gat', 'gats'), time, key).map((words) => words.join(' ')),
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.constantFrom('incr', 'decr'), key, fc.oneof(number, fc.constantFrom('x', '-1')), noreply)
      .map(([name, k, n, quiet]) => `${name} ${k} ${n}${quiet}`),
  },
  fc.tuple(key, time, noreply).map(([k, t, quiet]) => `touch ${k} ${t}${quiet}`),
  fc.tuple(key, noreply).map(([k, quiet]) => `delete ${k}${quiet}`),
  { weight: 6, arbitrary: fc.tuple(key, flags('mg')).map(([k, all]) => `mg ${k} ${all}`) },
  {
    weight: 5,
    arbitrary: fc.tuple(key, value, flags('ms')).map(([k, v, all]) => `ms ${k} ${v.length} ${all}\r\n${v}`),
  },
  { weight: 3, arbitrary: fc.tuple(key, flags('md')).map(([k, all]) => `md ${k} ${all}`) },
  {
    weight: 4,
    arbitrary: fc
      .tuple(key, flags('ma'))
      // memcached 1.6.18 answers what it has made, though q asks it not to.
      .filter(([, all]) => isNew || !(/(^| )N/.test(all) && /(^| )q/.test(all)))
      .map(([k, all]) => `ma ${k} ${all}`),
  },
);

/** What is wrong with flags; memcached 1.6.18 has one text for all of it where newer versions, and ours, say what it is. */
const BAD_FLAG = /^CLIENT_ERROR (invalid|duplicate|bad token|invalid or duplicate) .*\r\n$/;

/**
 * Whether memcached did not do what it mostly does; from there on the keys are not the same. While one of its threads looks at an item, the item that
 * it counts is a new one: not filled up with blanks, not stale, and not leased.
 * @param counted whether the item has been counted
 */
function isAccident(ours: string, real: string, counted: boolean): boolean {
  return withoutBlanks(ours) === withoutBlanks(real) || (counted && withoutMarks(ours) === withoutMarks(real));
}

/** memcached 1.6.18 takes a number of 2^63 or more for none when it finds a minus in whatever its memory holds behind it. */
async function isMisread(real: string, side: Side, key: string): Promise<boolean> {
  if (!real.includes('non-numeric')) return false;
  const value = /\r\n(\d+) *\r\n/.exec(await side.ask(`get ${key}`))?.[1] ?? '0';
  return BigInt(value) >= 2n ** 63n && BigInt(value) < 2n ** 64n;
}

/** A reply without what it says of a lease, and of whether the item was read. */
function withoutMarks(reply: string): string {
  return withoutBlanks(reply.replace(/^(?:HD|VA) .*/, (line) => line.replaceAll(/ ([WXZ]|h\d)(?= |$)/g, '')));
}

/** A reply without blanks, and without the lengths in which they count. */
function withoutBlanks(reply: string): string {
  return reply
    .replace(/^(VALUE \w \d+|VA) \d+/gm, '$1')
    .replace(/ s\d+/, '')
    .replaceAll(' ', '');
}

/** A server, and the CAS numbers that it has shown. */
class Side {
  readonly server: MemcachedServer;
  private readonly client: TextClient;
  private readonly seen = new Map<string, string>();
  private readonly numbers = new Map<string, number>();

  private constructor(server: MemcachedServer, client: TextClient) {
    this.server = server;
    this.client = client;
  }

  static async open(server: MemcachedServer): Promise<Side> {
    const side = new Side(server, await TextClient.open(server.port));
    await side.client.ask('flush_all\r\n');
    return side;
  }

  /** Sends a request; returns the reply, with CAS numbers by their order of appearance, and without numbers of seconds. */
  async ask(text: string): Promise<string> {
    const name = text.split(' ')[1];
    const reply = await this.client.ask(`${text.replaceAll(SEEN, this.seen.get(name) ?? WRONG)}\r\n`);
    const classic = reply.replace(/^(VALUE (\w) \d+ \d+) (\d+)(?=\r)/gm, (_, line: string, k: string, n: string) => {
      return `${line} ${this.numbered(k, n)}`;
    });
    if (!/^(HD|VA|EN|NF|NS|EX)[ \r]/.test(reply)) return classic.replace(BAD_FLAG, 'CLIENT_ERROR flags');
    const end = reply.indexOf('\r\n');
    const line = reply.slice(0, end).replace(/ c([1-9]\d*)/, (_, n: string) => ` c${this.numbered(name, n)}`);
    return line.replace(/ t(\d{3,}|0)/, ' t~').replace(/ l\d+/, ' l~') + reply.slice(end);
  }

  close(): void {
    this.client.close();
  }

  private numbered(name: string, cas: string): string {
    this.seen.set(name, cas);
    // Keys of different shards can have the same number.
    const shown = `${name} ${cas}`;
    if (!this.numbers.has(shown)) this.numbers.set(shown, this.numbers.size);
    return `<${this.numbers.get(shown)}>`;
  }
}

describe.runIf(both)('the text protocol beside memcached', () => {
  let servers: MemcachedServer[] = [];

  beforeAll(async () => {
    servers = await Promise.all([startMemcached('ashlar'), startMemcached('memcached')]);
  });
  afterAll(async () => {
    await Promise.all(servers.map((server) => server.stop()));
  });

  test(
    'answers the same',
    async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(request, { minLength: 1, maxLength: 40, size: 'max' }), async (requests) => {
          const sides = await Promise.all(servers.map((server) => Side.open(server)));
          const counted = new Set<string>();
          try {
            for (const each of requests) {
              const [ours, real] = await Promise.all(sides.map((side) => side.ask(each)));
              const [name, about] = each.split(' ');
              if (['incr', 'decr', 'ma'].includes(name)) counted.add(about);
              if (ours === real) continue;
              if (isAccident(ours, real, counted.has(about)) || (await isMisread(real, sides[1], about))) return;
              expect(ours, JSON.stringify(each)).toBe(real);
            }
          } finally {
            for (const side of sides) side.close();
          }
        }),
        { numRuns: RUNS },
      );
    },
    TIMEOUT_MS,
  );
});
