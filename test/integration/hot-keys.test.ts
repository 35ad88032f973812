/** HOTKEYS: the keys that clients of all threads and protocols use most. */

import { afterEach, describe, expect, test } from 'vitest';
import { Random } from '../../src/base/random.js';
import type { RespClient } from '../conformance/resp-client.js';
import { TRANSPORTS, TwoDoors } from './memcached-helpers.js';
import { eventually, text } from './server-helpers.js';

let doors: TwoDoors | undefined;

afterEach(async () => {
  await doors?.stop();
  doors = undefined;
});

interface HotKey {
  readonly key: string;
  readonly database: number;
  readonly perSecond: number;
  readonly share: number;
}

async function hotKeys(client: RespClient, ...options: string[]): Promise<HotKey[]> {
  const reply = await client.command('HOTKEYS', ...options);
  if (!Array.isArray(reply.value)) throw new Error(`no keys: ${JSON.stringify(reply)}`);
  return reply.value.map((entry) => {
    const [key, database, perSecond, share] = (entry.value as { value: string }[]).map(({ value }) => value);
    return { key, database: Number(database), perSecond: Number(perSecond), share: Number(share) };
  });
}

/** Sends lines at once and waits for a reply to each. */
async function pipeline(client: RespClient, lines: readonly string[]): Promise<void> {
  client.write(lines.map((line) => `${line}\r\n`).join(''));
  for (const _ of lines) await client.reply();
}

describe.each(TRANSPORTS)('%s', (_, args) => {
  test('every door and every way to name a key counts', async () => {
    doors = await TwoDoors.start('--hotkeys-sample', '1', ...args);
    const client = await doors.redis();
    const memcached = await doors.memcached();
    await pipeline(client, Array<string>(300).fill('MGET a b'));
    await pipeline(client, [...Array<string>(200).fill('GET a'), ...Array<string>(20).fill('SET a 1')]);
    for (let i = 0; i < 20; i++) await memcached.ask('get a\r\n', 'END\r\n');
    await client.command('SELECT', '2');
    await pipeline(client, Array<string>(100).fill('STRLEN a'));
    const found = await hotKeys(client);
    expect(found.map(({ key, database }) => [key, database]).sort()).toEqual([
      ['a', 0],
      ['a', 2],
      ['b', 0],
    ]);
    expect(found[0]).toMatchObject({ key: 'a', database: 0 });
    // 240 + 300 of 940, where of a command with two keys one was chosen by chance (300 +- 17), and what is older counts a little less.
    expect(found[0].share).toBeGreaterThan(0.4);
    expect(found[0].share).toBeLessThan(0.75);
    expect(found.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 2);
    expect(found[0].perSecond).toBeGreaterThan(0);
    expect(await hotKeys(client, 'COUNT', '1')).toHaveLength(1);
  });
});

test('a key with half of the traffic is found among many, over several threads', async () => {
  doors = await TwoDoors.start('--threads', '3');
  const random = new Random(1);
  const clients = await Promise.all(Array.from({ length: 9 }, () => doors!.redis()));
  const load = (client: RespClient): Promise<void> =>
    pipeline(
      client,
      Array.from({ length: 4000 }, (_, i) => (i % 2 === 0 ? 'GET hot' : `GET k${random.nextUint32() % 100_000}`)),
    );
  await Promise.all(clients.map(load));
  const found = await hotKeys(clients[0]);
  expect(found.map(({ key }) => key)).toEqual(['hot']);
  expect(found[0].share).toBeGreaterThan(0.35);
  expect(found[0].share).toBeLessThan(0.65);
});

test('where all keys are used alike none is hot', async () => {
  doors = await TwoDoors.start('--threads', '2', '--hotkeys-sample', '10');
  const client = await doors.redis();
  for (let i = 0; i < 5; i++)
    await pipeline(
      client,
      Array.from({ length: 4000 }, (_, k) => `GET k${i * 4000 + k}`),
    );
  expect(await hotKeys(client)).toEqual([]);
});

test('a key that is no longer used fades away', async () => {
  doors = await TwoDoors.start('--threads', '1', '--hotkeys-sample', '1');
  const client = await doors.redis();
  await pipeline(client, Array<string>(10).fill('GET k'));
  expect((await hotKeys(client)).map(({ key }) => key)).toEqual(['k']);
  await eventually('nothing hot', async () => (await hotKeys(client)).length === 0);
});

test('nobody is counted before AUTH; RESET forgets, hotkeys-sample 0 turns it off', async () => {
  doors = await TwoDoors.start('--hotkeys-sample', '1', '--requirepass', 'secret');
  const client = await doors.redis();
  for (let i = 0; i < 10; i++) await client.command('GET', 'stranger');
  await client.command('AUTH', 'secret');
  for (let i = 0; i < 10; i++) await client.command('GET', 'k');
  expect((await hotKeys(client)).map(({ key }) => key)).toEqual(['k']);
  expect(text(await client.command('HOTKEYS', 'RESET'))).toBe('OK');
  expect(await hotKeys(client)).toEqual([]);
  await client.command('CONFIG', 'SET', 'hotkeys-sample', '0');
  for (let i = 0; i < 10; i++) await client.command('GET', 'k');
  expect(text(await client.command('HOTKEYS'))).toBe('ERR keys are not counted: hotkeys-sample is 0');
  await client.command('CONFIG', 'SET', 'hotkeys-sample', '1');
  expect(await hotKeys(client)).toEqual([]);
});

test('what is no request for hot keys is refused', async () => {
  doors = await TwoDoors.start();
  const client = await doors.redis();
  const answer = async (...args: string[]) => text(await client.command('HOTKEYS', ...args));
  expect(await answer('COUNT')).toBe('ERR syntax error');
  expect(await answer('COUNT', '0')).toBe('ERR COUNT is a number from 1 to 1000');
  expect(await answer('COUNT', 'x')).toBe('ERR COUNT is a number from 1 to 1000');
  expect(await answer('NUMBER', '3')).toBe('ERR syntax error');
  for (const words of [['START', 'METRICS', '1', 'CPU'], ['STOP'], ['GET']])
    expect(await answer(...words)).toMatch(/^ERR keys are counted all the time/);
});
