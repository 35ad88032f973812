/**
 * Random sequences of string and bitmap commands, with numbers at every edge, sent to our server and to the real redis-server: the
 * replies and what is left in the keyspace must be the same, byte for byte, but for the differences listed here.
 *
 * `SOAK_RUNS` sets how many sequences are tried.
 */

import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { printReply } from './harness.js';
import { frame, type Reply, type RespClient } from './resp-client.js';
import { availableServers, RunningServer } from './servers.js';

const RUNS = Number(process.env.SOAK_RUNS ?? 300);
const both = availableServers().length === 2;

const KEYS = ['a', 'b', 'c'];

/** Numbers at which something changes, and texts that are nearly numbers. */
const NUMBERS = [
  ...['0', '1', '-1', '2', '5', '7', '8', '9', '10', '-10', '63', '64', '100', '255', '256', '-128'],
  ...['2147483647', '2147483648', '-2147483648', '4294967295', '4294967296'],
  ...['9007199254740991', '9007199254740992', '-9007199254740992', '9223372036854775806'],
  ...[
    '9223372036854775807',
    '9223372036854775808',
    '-9223372036854775807',
    '-9223372036854775808',
    '-9223372036854775809',
  ],
  ...['', ' 1', '1 ', '+1', '01', '-0', '0x1', '1e3', '1.5', 'x', '18446744073709551615', '1e400', '-inf', 'nan'],
];

const FLOATS = [
  '0.1',
  '-0.1',
  '3.0e3',
  '1e17',
  '1e-17',
  '5.5',
  '.5',
  '5.',
  '1e4000',
  '1e5000',
  'inf',
  '0x1p3',
  '1e',
  '-',
  '12345678901234567890.123',
];

const VALUES = [
  '',
  'x',
  'hello world',
  '\0\xff\x80',
  'y'.repeat(44),
  'z'.repeat(45),
  'w'.repeat(200),
  '\xff\xff\xff\xff\xff',
];

const key = fc.constantFrom(...KEYS);
const number = fc.constantFrom(...NUMBERS);
const value = fc.oneof(fc.constantFrom(...VALUES), number, fc.constantFrom(...FLOATS));
const small = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: -20, max: 70 }).map(String) },
  { weight: 1, arbitrary: number },
);
/** Offsets that do not make a string of half a gigabyte. */
const offset = small.filter((text) => !['2147483647', '2147483648', '4294967295'].includes(text));

/** Deadlines that neither pass while the test runs nor are near a rounding. */
const seconds = fc.constantFrom('0', '-1', '10000', 'x', '9223372036854775807', '9223372036854775', '1.5');
const point = fc.constantFrom('0', '-1', '1', '33177117420', '9223372036854775807', '9223372036854775');

const deadline = fc.oneof(
  fc.tuple(fc.constantFrom('EX', 'px'), seconds),
  fc.tuple(fc.constantFrom('EXAT', 'pxat'), point),
);

const setOption = fc.oneof(
  deadline,
  fc.constantFrom('NX', 'xx', 'GET', 'KEEPTTL', 'PERSIST', 'EX').map((option) => [option]),
);
const getexOption = fc.oneof(
  deadline,
  fc.constantFrom('PERSIST', 'KEEPTTL', 'px').map((option) => [option]),
);

const fieldType = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .tuple(fc.constantFrom('i', 'u'), fc.integer({ min: 1, max: 64 }))
      .map(([sign, bits]) => `${sign}${bits}`),
  },
  { weight: 1, arbitrary: fc.constantFrom('u0', 'i65', 'x8', '8', 'i', '') },
);
const fieldOffset = fc.oneof(
  offset,
  fc.integer({ min: 0, max: 9 }).map((n) => `#${n}`),
);
const fieldOperation = fc.oneof(
  fc.tuple(fc.constant('GET'), fieldType, fieldOffset),
  fc.tuple(fc.constantFrom('SET', 'incrby'), fieldType, fieldOffset, fc.oneof(small, number)),
  fc.tuple(fc.constant('OVERFLOW'), fc.constantFrom('WRAP', 'sat', 'FAIL', 'x')),
);

type CommandWords = readonly string[];

function words(name: string, ...parts: fc.Arbitrary<string>[]): fc.Arbitrary<CommandWords> {
  return fc.tuple(...parts).map((args) => [name, ...args]);
}

function withOptions(
  head: fc.Arbitrary<CommandWords>,
  option: fc.Arbitrary<readonly string[]>,
  most: number,
): fc.Arbitrary<CommandWords> {
  return fc.tuple(head, fc.array(option, { maxLength: most })).map(([line, options]) => [...line, ...options.flat()]);
}

const keys = fc.array(key, { minLength: 1, maxLength: 4 });
const pairs = fc.array(fc.tuple(key, value), { minLength: 1, maxLength: 3 });
const unit = fc.constantFrom('BIT', 'byte', 'x');

const command: fc.Arbitrary<CommandWords> = fc.oneof(
  words('GET', key),
  words('SET', key, value),
  withOptions(words('SET', key, value), setOption, 3),
  words('SETNX', key, value),
  words('SETEX', key, seconds, value),
  words('PSETEX', key, seconds, value),
  words('GETSET', key, value),
  words('GETDEL', key),
  withOptions(words('GETEX', key), getexOption, 2),
  keys.map((list) => ['MGET', ...list]),
  pairs.map((list) => ['MSET', ...list.flat()]),
  pairs.map((list) => ['MSETNX', ...list.flat()]),
  words('APPEND', key, value),
  words('STRLEN', key),
  words('GETRANGE', key, small, small),
  words('SETRANGE', key, offset, value),
  words('INCR', key),
  words('DECR', key),
  words('INCRBY', key, number),
  words('DECRBY', key, number),
  words('INCRBYFLOAT', key, fc.oneof(number, fc.constantFrom(...FLOATS))),
  words('SETBIT', key, offset, fc.constantFrom('0', '1', '2', 'x', '-1')),
  words('GETBIT', key, small),
  words('BITCOUNT', key),
  words('BITCOUNT', key, small, small),
  words('BITCOUNT', key, small, small, unit),
  words('BITPOS', key, fc.constantFrom('0', '1', '2', 'x')),
  words('BITPOS', key, fc.constantFrom('0', '1'), small),
  words('BITPOS', key, fc.constantFrom('0', '1'), small, small),
  words('BITPOS', key, fc.constantFrom('0', '1'), small, small, unit),
  fc.tuple(fc.constantFrom('AND', 'or', 'XOR', 'NOT', 'x'), keys).map(([name, list]) => ['BITOP', name, 'c', ...list]),
  withOptions(words('BITFIELD', key), fieldOperation, 4),
  withOptions(words('BITFIELD_RO', key), fieldOperation, 2),
  withOptions(
    words('LCS', key, key),
    fc.constantFrom(['LEN'], ['IDX'], ['WITHMATCHLEN'], ['MINMATCHLEN', '2'], ['MINMATCHLEN', 'x'], ['x']),
    3,
  ),
);

/** What is looked at when a sequence is done. */
const STATE: readonly CommandWords[] = KEYS.flatMap((name) => [
  ['GET', name],
  ['PEXPIRETIME', name],
  ['OBJECT', 'ENCODING', name],
]);

describe.skipIf(!both)(`string commands beside redis-server (${RUNS} sequences)`, () => {
  const servers: RunningServer[] = [];
  const clients: RespClient[] = [];

  beforeAll(async () => {
    for (const { name } of availableServers()) servers.push(await RunningServer.start(name));
    for (const server of servers) clients.push(await server.open());
  });

  afterAll(async () => {
    for (const client of clients) client.close();
    for (const server of servers) await server.stop();
  });

  test('the replies are the same', { timeout: 60_000 + RUNS * 100 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(command, { minLength: 1, maxLength: 25 }), async (commands) => {
        const all = [['FLUSHALL'], ...commands, ...STATE];
        const [ours, theirs] = await Promise.all(clients.map((client) => replies(client, all)));
        for (const [index, line] of all.entries()) {
          if (isKnownDifference(line, ours[index], theirs[index])) continue;
          expect(printReply(ours[index]), line.map((word) => JSON.stringify(word)).join(' ')).toBe(
            printReply(theirs[index]),
          );
        }
      }),
      { numRuns: RUNS, verbose: 1 },
    );
  });
});

async function replies(client: RespClient, commands: readonly CommandWords[]): Promise<Reply[]> {
  client.write(Buffer.concat(commands.map((line) => frame(line))));
  const result: Reply[] = [];
  for (let i = 0; i < commands.length; i++) result.push(await client.reply());
  return result;
}

/** What may differ: 7.2 from an older redis-server, and ours from both. */
function isKnownDifference(line: CommandWords, ours: Reply, theirs: Reply): boolean {
  switch (line[0]) {
    // Until 7.2 the arguments were not looked at when there was no key.
    case 'BITCOUNT':
    case 'BITPOS':
      return ours.type === '-' && theirs.type === ':' && ['0', '-1'].includes(String(theirs.value));
    // Deadlines count from each server's clock; beyond 2^53 ours are not exact.
    case 'PEXPIRETIME':
      return (
        Math.abs(Number(ours.value) - Number(theirs.value)) < 60_000 || Number(ours.value) === Number.MAX_SAFE_INTEGER
      );
    // What INCRBYFLOAT leaves is not looked at again by Redis, to see whether it is an integer.
    case 'OBJECT':
      return ours.value === 'int' && theirs.value === 'embstr';
    default:
      return false;
  }
}
