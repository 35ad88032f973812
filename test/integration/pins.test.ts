/** Pinned keys over sockets: CACHE.PIN, CACHE.UNPIN, CACHE.PINS, `pin-prefixes`, `pin-memory-max`. */

import { afterEach, expect, test } from 'vitest';
import type { RespClient } from '../conformance/resp-client.js';
import { TwoDoors } from './memcached-helpers.js';
import { infoField, text } from './server-helpers.js';

const KIB = 1024;
const NO_ROOM = 'OOM the share of the memory that pinned keys may take is used up (pin-memory-max)';

let doors: TwoDoors | undefined;

async function start(...args: string[]): Promise<RespClient> {
  doors = await TwoDoors.start('--maxmemory', '16mb', '--shards', '2', '--threads', '2', ...args);
  return doors.redis();
}

afterEach(async () => {
  await doors?.stop();
  doors = undefined;
});

async function ask(client: RespClient, ...words: string[]): Promise<string> {
  return text(await client.command(...words));
}

/** Writes three times as much as there is memory, and says which of `keys` are left. */
async function flood(client: RespClient, keys: readonly string[]): Promise<string[]> {
  const value = 'x'.repeat(10 * KIB);
  const before = Number(await infoField(client, 'evicted_keys'));
  for (let i = 0; i < 5000; i++)
    client.write(`*3\r\n$3\r\nSET\r\n$${`flood${i}`.length}\r\nflood${i}\r\n$${value.length}\r\n${value}\r\n`);
  for (let i = 0; i < 5000; i++) await client.reply();
  expect(Number(await infoField(client, 'evicted_keys'))).toBeGreaterThan(before + 2000);
  const left: string[] = [];
  for (const key of keys) if ((await ask(client, 'EXISTS', key)) === '1') left.push(key);
  return left;
}

async function pins(client: RespClient): Promise<Record<string, number>> {
  const reply = await client.command('CACHE.PINS');
  const fields = (reply.value as readonly { value: string }[]).map(({ value }) => value);
  return Object.fromEntries(fields.flatMap((name, i) => (i % 2 === 0 ? [[name, Number(fields[i + 1])]] : [])));
}

test('pinned keys stay when all others go, until they are unpinned, deleted or expire', async () => {
  const client = await start();
  const keys = ['a', 'b', 'c', 'd'];
  for (const key of [...keys, 'e', 'f']) await client.command('SET', key, 'x'.repeat(50 * KIB));
  expect(await ask(client, 'CACHE.PIN', ...keys, 'nosuch', 'a')).toBe('5');
  expect(await flood(client, [...keys, 'e', 'f'])).toEqual(keys);
  expect(await pins(client)).toMatchObject({ keys: 4, refused: 0 });
  expect((await pins(client)).bytes).toBeGreaterThan(200 * KIB);
  expect(await infoField(client, 'ashlar_pinned_keys')).toBe('4');
  expect(await ask(client, 'CACHE.UNPIN', 'a', 'a', 'nosuch', 'e')).toBe('1');
  expect(await ask(client, 'DEL', 'b')).toBe('1');
  expect(await ask(client, 'PEXPIRE', 'c', '1')).toBe('1');
  expect(await flood(client, keys)).toEqual(['d']);
  expect(await pins(client)).toMatchObject({ keys: 1 });
  await client.command('FLUSHALL');
  expect(await pins(client)).toMatchObject({ keys: 0, bytes: 0 });
});

test('pins are bounded: a request that does not fit pins nothing', async () => {
  const client = await start('--pin-memory-max', '512kb');
  for (const key of ['{x}a', '{x}b', '{x}c']) await client.command('SET', key, 'x'.repeat(100 * KIB));
  expect((await pins(client))['bytes-max']).toBe(512 * KIB);
  expect(await ask(client, 'CACHE.PIN', '{x}a', '{x}b', '{x}c')).toBe(NO_ROOM);
  expect(await pins(client)).toMatchObject({ keys: 0, bytes: 0, refused: 1 });
  expect(await ask(client, 'CACHE.PIN', '{x}a', '{x}b')).toBe('2');
  expect(await ask(client, 'CACHE.PIN', '{x}a', '{x}c')).toBe(NO_ROOM);
  expect(await pins(client)).toMatchObject({ keys: 2 });
  await client.command('CONFIG', 'SET', 'pin-memory-max', '100%');
  expect((await pins(client))['bytes-max']).toBe(8 * KIB * KIB);
  expect(await ask(client, 'CACHE.PIN', '{x}c')).toBe('1');
  await client.command('CONFIG', 'RESETSTAT');
  expect(await pins(client)).toMatchObject({ keys: 3, refused: 0 });
});

test('keys with a prefix are pinned when they are written, through any door and command', async () => {
  const client = await start('--pin-prefixes', 'config: session:');
  const memcached = await doors!.memcached();
  // As large as what displaces them: small ones would stay for longer.
  const unpinned = 'x'.repeat(10 * KIB);
  await client.command('SET', 'config:a', '1');
  await client.command('APPEND', 'config:b', '1');
  await client.command('INCR', 'config:c');
  await client.command('SETBIT', 'config:d', '5', '1');
  await client.command('MSET', 'session:e', '1', 'other', unpinned);
  await client.command('SET', 'f', '1');
  await client.command('RENAME', 'f', 'config:f');
  await client.command('SET', 'g', unpinned);
  await client.command('COPY', 'g', 'config:g');
  await memcached.ask('set session:h 7 0 1\r\n1\r\n');
  const keys = ['config:a', 'config:b', 'config:c', 'config:d', 'session:e', 'config:f', 'config:g', 'session:h'];
  expect(await pins(client)).toMatchObject({ keys: keys.length });
  expect(await flood(client, [...keys, 'other', 'g'])).toEqual(keys);
  await client.command('CONFIG', 'SET', 'pin-prefixes', '');
  await client.command('SET', 'config:new', '1');
  expect(await pins(client)).toMatchObject({ keys: keys.length });
  expect(await ask(client, 'CONFIG', 'SET', 'pin-prefixes', 'x'.repeat(65))).toMatch(/^ERR CONFIG SET failed/);
});

test('a pin goes with its key when that is renamed or moved', async () => {
  const client = await start();
  await client.command('SET', '{x}a', 'x'.repeat(3000));
  await client.command('CACHE.PIN', '{x}a');
  for (const [from, to] of [
    ['{x}a', '{x}longer-name'],
    ['{x}longer-name', '{y}b'],
  ]) {
    await client.command('RENAME', from, to);
    expect(await pins(client)).toMatchObject({ keys: 1 });
  }
  // Another key in its place is protected as it was.
  await client.command('SET', '{y}c', '1');
  await client.command('RENAME', '{y}c', '{y}b');
  expect(await pins(client)).toMatchObject({ keys: 1 });
  await client.command('MOVE', '{y}b', '3');
  expect(await pins(client)).toMatchObject({ keys: 1 });
  await client.command('COPY', '{y}b', '{y}d');
  await client.command('SELECT', '3');
  expect(await ask(client, 'CACHE.UNPIN', '{y}b')).toBe('1');
});
