/**
 * Random sequences of commands on keys, deadlines and databases, sent to our server and to the real redis-server: the replies and what is
 * left in the keyspace must be the same.
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

type CommandWords = readonly string[];

const KEYS = ['a', 'b', 'c', '{a}d', '', 'long'.repeat(600)];
const DATABASES = ['0', '1', '2'];

const key = fc.constantFrom(...KEYS);
const database = fc.oneof(
  { weight: 9, arbitrary: fc.constantFrom(...DATABASES) },
  { weight: 1, arbitrary: fc.constantFrom('15', '16', '-1', 'x', '', '3000000000', '99999999999999999999') },
);
const value = fc.constantFrom('', '12', 'hello', 'x'.repeat(44), 'x'.repeat(45), 'y'.repeat(2040), 'z'.repeat(100_000));

/** Deadlines that neither pass while the test runs nor are near a rounding. */
const seconds = fc.constantFrom(
  ...['10000', '20000', '0', '-1', '01', 'x', '', '1.5'],
  ...['9223372036854775807', '9223372036854775808', '9223372036854776', '-9223372036854775', '-9223372036854776'],
);
const point = fc.constantFrom(
  ...['33177117420', '33177117421', '33177117420500', '0', '-5', '1', 'x'],
  ...['9223372036854775807', '-9223372036854775808', '9223372036854776'],
);
const expireOption = fc.constantFrom('NX', 'xx', 'GT', 'lt', 'foo');

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

function several(name: string): fc.Arbitrary<CommandWords> {
  return fc.array(key, { minLength: 1, maxLength: 5 }).map((keys) => [name, ...keys]);
}

const someOptions = expireOption.map((option) => [option]);
const flushMode = fc.constantFrom(['ASYNC'], ['sync'], ['foo']);
const pattern = fc.constantFrom('*', 'a', '?', '[a-c]', '*d', 'long*', '', '\\a', '[^a]*');

const command: fc.Arbitrary<CommandWords> = fc.oneof(
  { weight: 12, arbitrary: words('SET', key, value) },
  { weight: 3, arbitrary: words('APPEND', key, fc.constantFrom('', '1', 'more')) },
  words('GET', key),
  { weight: 2, arbitrary: several('DEL') },
  several('UNLINK'),
  several('EXISTS'),
  several('TOUCH'),
  words('TYPE', key),
  withOptions(words('EXPIRE', key, seconds), someOptions, 2),
  withOptions(words('PEXPIRE', key, seconds), someOptions, 2),
  { weight: 2, arbitrary: withOptions(words('EXPIREAT', key, point), someOptions, 2) },
  { weight: 2, arbitrary: withOptions(words('PEXPIREAT', key, point), someOptions, 2) },
  words('TTL', key),
  words('PTTL', key),
  words('EXPIRETIME', key),
  words('PEXPIRETIME', key),
  words('PERSIST', key),
  { weight: 4, arbitrary: words('RENAME', key, key) },
  { weight: 3, arbitrary: words('RENAMENX', key, key) },
  {
    weight: 4,
    arbitrary: withOptions(
      words('COPY', key, key),
      fc.oneof(
        fc.constantFrom(['REPLACE'], ['DB'], ['foo']),
        database.map((number) => ['db', number]),
      ),
      2,
    ),
  },
  { weight: 3, arbitrary: words('MOVE', key, database) },
  { weight: 3, arbitrary: words('SELECT', database) },
  words('SWAPDB', database, database),
  words('DBSIZE'),
  withOptions(words('FLUSHDB'), flushMode, 1),
  words('KEYS', pattern),
  withOptions(
    words('SCAN', fc.constantFrom('0', '+0', '', 'x')),
    fc.oneof(
      pattern.map((text) => ['MATCH', text]),
      fc.constantFrom(['COUNT', '1000'], ['COUNT', '0'], ['type', 'string'], ['TYPE', 'hash'], ['foo']),
    ),
    2,
  ),
  words('OBJECT', fc.constantFrom('ENCODING', 'freq', 'foo'), key),
);

/** What is looked at when a sequence is done. */
const STATE: readonly CommandWords[] = DATABASES.flatMap((number) => [
  ['SELECT', number],
  ['DBSIZE'],
  ['KEYS', '*'],
  ...KEYS.flatMap((name) => [
    ['GET', name],
    ['PEXPIRETIME', name],
    ['OBJECT', 'ENCODING', name],
  ]),
]);

describe.skipIf(!both)(`key commands beside redis-server (${RUNS} sequences)`, () => {
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

  test('the replies are the same', { timeout: 60_000 + RUNS * 200 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(command, { minLength: 1, maxLength: 40 }), async (commands) => {
        const all = [['SELECT', '0'], ['FLUSHALL'], ...commands, ...STATE];
        const [ours, theirs] = await Promise.all(clients.map((client) => replies(client, all)));
        for (const [index, line] of all.entries()) {
          if (isSameTime(line, ours[index], theirs[index])) continue;
          expect(print(line, ours[index]), JSON.stringify(line).slice(0, 200)).toBe(print(line, theirs[index]));
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

/** The reply as text, with keys in order. */
function print(line: CommandWords, reply: Reply): string {
  if (reply.type !== '*') return printReply(reply);
  const parts = reply.value as readonly Reply[];
  if (line[0] === 'SCAN') return `${printReply(parts[0])} ${print(['KEYS'], parts[1])}`;
  return parts.map(printReply).sort().join('\n');
}

/** Deadlines count from each server's clock. */
function isSameTime(line: CommandWords, ours: Reply, theirs: Reply): boolean {
  if (!['TTL', 'PTTL', 'EXPIRETIME', 'PEXPIRETIME'].includes(line[0])) return false;
  const [a, b] = [Number(ours.value), Number(theirs.value)];
  return a > 0 && b > 0 && Math.abs(a - b) < (line[0].startsWith('P') ? 60_000 : 60);
}
