/** COMMANDLOG: requests and replies above a size, of the clients of all threads. */

import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Reply, RespClient } from '../conformance/resp-client.js';
import { TwoDoors } from './memcached-helpers.js';
import { text } from './server-helpers.js';

const KIB = 1024;
const REQUESTS = 'large-request';
const REPLIES = 'large-reply';

let doors: TwoDoors;
let client: RespClient;

beforeEach(async () => {
  const threshold = String(64 * KIB);
  const thresholds = ['--commandlog-request-larger-than', threshold, '--commandlog-reply-larger-than', threshold];
  doors = await TwoDoors.start('--threads', '2', ...thresholds);
  client = await doors.redis();
});

afterEach(() => doors.stop());

interface Entry {
  readonly id: number;
  readonly value: number;
  readonly args: string[];
  readonly name: string;
}

function parts(reply: Reply): readonly Reply[] {
  if (!Array.isArray(reply.value)) throw new Error(`not an array: ${JSON.stringify(reply)}`);
  return reply.value;
}

async function entries(kind: string): Promise<Entry[]> {
  return parts(await client.command('COMMANDLOG', 'GET', '-1', kind)).map((entry) => {
    const [id, , value, args, , name] = parts(entry);
    return { id: Number(id.value), value: Number(value.value), args: parts(args).map(text), name: text(name) };
  });
}

test('a large request is logged with its size, its first bytes and its client', async () => {
  await client.command('CLIENT', 'SETNAME', 'me');
  await client.command('SET', 'small', 'x'.repeat(63 * KIB));
  await client.command('SET', 'large', 'x'.repeat(64 * KIB));
  const frame = '*3\r\n$3\r\nSET\r\n$5\r\nlarge\r\n$65536\r\n'.length + 64 * KIB + 2;
  const args = ['SET', 'large', `${'x'.repeat(128)}... (${64 * KIB - 128} more bytes)`];
  expect(await entries(REQUESTS)).toEqual([{ id: 0, value: frame, args, name: 'me' }]);
  expect(await entries(REPLIES)).toEqual([]);
});

test('a large reply is logged, also one that fills the output arena several times', async () => {
  await client.command('SET', 'a', 'x'.repeat(100 * KIB));
  await client.command('SET', 'b', 'x'.repeat(20_000 * KIB));
  for (const key of ['a', 'b', 'none']) await client.command('GET', key);
  const size = (bytes: number) => `$${bytes}\r\n`.length + bytes + 2;
  const found = await entries(REPLIES);
  expect(found.map(({ args, value }) => [args.join(' '), value])).toEqual([
    ['GET b', size(20_000 * KIB)],
    ['GET a', size(100 * KIB)],
  ]);
});

test('commands of one batch are measured one by one', async () => {
  await client.command('SET', 'k', 'x'.repeat(40 * KIB));
  client.write('GET k\r\nGET k\r\nMGET k k\r\nGET k\r\n');
  for (let i = 0; i < 4; i++) await client.reply();
  expect((await entries(REPLIES)).map(({ args }) => args)).toEqual([['MGET', 'k', 'k']]);
});

test('Memcached clients are in the same logs', async () => {
  const memcached = await doors.memcached();
  await memcached.ask(`set k 0 0 ${100 * KIB}\r\n${'x'.repeat(100 * KIB)}\r\nget k\r\n`, 'END\r\n');
  expect((await entries(REQUESTS)).map(({ args }) => args.slice(0, 2))).toEqual([['memcached|set', 'k']]);
  expect((await entries(REPLIES)).map(({ args }) => args)).toEqual([['memcached|get', 'k']]);
});

test('nobody fills the logs without a password, and none is shown', async () => {
  await client.command('CONFIG', 'SET', 'commandlog-request-larger-than', '0');
  await client.command('CONFIG', 'SET', 'requirepass', 'secret');
  const stranger = await doors.redis();
  const memcached = await doors.memcached();
  expect((await stranger.command('GET', 'a')).type).toBe('-');
  expect((await stranger.command('AUTH', 'wrong')).type).toBe('-');
  expect(text(await stranger.command('AUTH', 'secret'))).toBe('OK');
  expect(await memcached.ask('get k\r\n')).toBe('CLIENT_ERROR unauthenticated\r\n');
  expect(await memcached.ask('set k 0 0 14\r\ndefault secret\r\n')).toBe('STORED\r\n');
  const found = await entries(REQUESTS);
  const shown = found.map(({ args }) => args).filter(([name]) => name !== 'COMMANDLOG');
  expect(shown).toEqual([['CONFIG', 'SET', 'requirepass', '(redacted)']]);
});

test('a command that waited for the end of CLIENT PAUSE is logged once', async () => {
  const other = await doors.redis();
  await client.command('CLIENT', 'PAUSE', '60000', 'WRITE');
  const reply = other.command('SET', 'k', 'x'.repeat(64 * KIB));
  expect(await entries(REQUESTS)).toEqual([]);
  await client.command('CLIENT', 'UNPAUSE');
  expect(text(await reply)).toBe('OK');
  expect((await entries(REQUESTS)).map(({ args }) => args[0])).toEqual(['SET']);
});

test('entries of all threads are numbered in one row, kept up to a number, and cleared', async () => {
  const clients = await Promise.all(Array.from({ length: 6 }, () => doors.redis()));
  for (const each of clients) await each.command('SET', 'k', 'x'.repeat(64 * KIB));
  for (const each of clients) await each.command('GET', 'k');
  expect((await entries(REQUESTS)).map(({ id }) => id)).toEqual([5, 4, 3, 2, 1, 0]);
  await client.command('CONFIG', 'SET', 'commandlog-large-request-max-len', '2');
  expect((await entries(REQUESTS)).map(({ id }) => id)).toEqual([5, 4]);
  expect(await client.command('COMMANDLOG', 'LEN', 'LARGE-REQUEST')).toEqual({ type: ':', value: '2' });
  expect(text(await client.command('COMMANDLOG', 'RESET', REQUESTS))).toBe('OK');
  expect(await entries(REQUESTS)).toEqual([]);
  expect((await entries(REPLIES)).map(({ id }) => id)).toEqual([5, 4, 3, 2, 1, 0]);
});

test('-1 ends logging; wrong requests are refused', async () => {
  await client.command('CONFIG', 'SET', 'commandlog-request-larger-than', '-1');
  await client.command('SET', 'k', 'x'.repeat(64 * KIB));
  expect(await entries(REQUESTS)).toEqual([]);
  const wrong = async (...args: string[]) => text(await client.command('COMMANDLOG', ...args));
  const kinds = 'ERR type should be one of the following: slow, large-request, large-reply';
  expect(await wrong('LEN', 'large')).toBe(kinds);
  expect(await wrong('GET', '1', 'large')).toBe(kinds);
  expect(await wrong('RESET', 'x')).toBe(kinds);
  expect(await wrong('GET', '-2', 'slow')).toBe('ERR count should be greater than or equal to -1');
  expect(await wrong('GET', 'slow')).toMatch(/^ERR wrong number of arguments/);
});

test('the slow log is one of the logs', async () => {
  await client.command('CONFIG', 'SET', 'slowlog-log-slower-than', '0');
  await client.command('PING');
  await client.command('CONFIG', 'SET', 'slowlog-log-slower-than', '-1');
  const slow = await client.command('COMMANDLOG', 'GET', '-1', 'slow');
  expect(slow).toEqual(await client.command('SLOWLOG', 'GET', '-1'));
  expect(JSON.stringify(slow)).toContain('PING');
});
