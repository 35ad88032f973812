/** An MSET that is refused for want of memory leaves what was there: all that Memcached clients can see of it too, and however large it was. */

import { afterEach, describe, expect, test } from 'vitest';
import type { RespClient } from '../conformance/resp-client.js';
import { TwoDoors } from './memcached-helpers.js';
import { infoField, text } from './server-helpers.js';

const MEBIBYTE = 2 ** 20;
/** More than a quarter of 64 MiB holds, and no more than an argument may have there. */
const TOO_MUCH = 'x'.repeat(16 * MEBIBYTE);

let doors: TwoDoors | undefined;

afterEach(() => doors?.stop());

test('value, client flags, deadline, staleness and a number with blanks', async () => {
  doors = await TwoDoors.start('--maxmemory', '64mb', '--maxmemory-policy', 'noeviction', '--shards', '4');
  const redis = await doors.redis();
  const memcached = await doors.memcached();
  await memcached.ask('set flagged 4000000000 1000 5\r\nvalue\r\n');
  await memcached.ask('set number 0 0 2\r\n10\r\n');
  await memcached.ask('decr number 1\r\n');
  await memcached.ask('set stale 5 0 3\r\nold\r\n');
  await memcached.ask('md stale I T100\r\n');
  await redis.command('APPEND', 'raw', 'a');
  const look = async (): Promise<string[]> => {
    const seen: string[] = [];
    for (const key of ['flagged', 'number', 'raw'])
      seen.push(await memcached.ask(`mg ${key} v f s t\r\nmn\r\n`, 'MN\r\n'));
    return [...seen, text(await redis.command('OBJECT', 'ENCODING', 'raw'))];
  };
  const before = await look();
  expect(before[0]).toMatch(/ f4000000000 s5 t\d+\r\nvalue/);
  const pairs = ['flagged', 'number', 'stale', 'raw', 'fresh'].flatMap((key) => [key, 'new']);
  const reply = await redis.command('MSET', ...pairs, 'flagged', 'newer', 'other', TOO_MUCH);
  expect(text(reply)).toMatch(/^OOM/);
  expect(await look()).toEqual(before);
  expect(text(await redis.command('INCR', 'number'))).toBe('10');
  // Whoever asks for a stale value is told so, and one of them makes a new one.
  expect(await memcached.ask('mg stale v f\r\nmn\r\n', 'MN\r\n')).toBe('VA 3 f5 X W\r\nold\r\nMN\r\n');
  expect(await memcached.ask('mg fresh v\r\n')).toBe('EN\r\n');
});

describe('where old values are too large to be copied', () => {
  const LARGE = 'v'.repeat(8 * MEBIBYTE);
  const PAIRS = ['a', 'x', 'b', 'x', 'c', 'x'];

  async function start(policy: string, megabytes: number, shards = 1): Promise<RespClient> {
    doors = await TwoDoors.start(
      '--maxmemory',
      `${megabytes}mb`,
      '--maxmemory-policy',
      policy,
      '--shards',
      `${shards}`,
    );
    const redis = await doors.redis();
    for (const key of ['a', 'b', 'c']) expect(text(await redis.command('SET', key, LARGE))).toBe('OK');
    return redis;
  }

  async function lengths(redis: RespClient): Promise<string[]> {
    const replies: string[] = [];
    for (const key of ['a', 'b', 'c', 'd']) replies.push(text(await redis.command('STRLEN', key)));
    return replies;
  }

  const before = ['8388608', '8388608', '8388608', '0'];

  test('free pages are enough', async () => {
    const redis = await start('noeviction', 64);
    expect(text(await redis.command('MSET', ...PAIRS, 'd', LARGE))).toBe('OK');
    expect(await lengths(redis)).toEqual(['1', '1', '1', '8388608']);
  });

  test('it is refused before anything is changed', async () => {
    const redis = await start('noeviction', 32);
    expect(text(await redis.command('MSET', ...PAIRS, 'd', LARGE))).toMatch(/^OOM/);
    expect(await lengths(redis)).toEqual(before);
    // What needs little is stored all the same.
    expect(text(await redis.command('MSET', ...PAIRS, 'd', 'x'))).toBe('OK');
    expect(await lengths(redis)).toEqual(['1', '1', '1', '1']);
  });

  test('the policy makes room', async () => {
    const redis = await start('volatile-lru', 64);
    for (let i = 0; i < 40; i++) await redis.command('SET', `k${i}`, 'v'.repeat(MEBIBYTE), 'EX', '1000');
    expect(Number(await infoField(redis, 'evicted_keys'))).toBeGreaterThan(0);
    expect(text(await redis.command('MSET', ...PAIRS, 'd', LARGE))).toBe('OK');
    expect(await lengths(redis)).toEqual(['1', '1', '1', '8388608']);
  });

  test('what the policy may evict is not lost for what can never be stored', async () => {
    // Each of the keys is in a shard of its own.
    const redis = await start('allkeys-lru', 64, 4);
    expect(text(await redis.command('MSET', ...PAIRS, 'd', TOO_MUCH))).toMatch(/^OOM/);
    expect(await lengths(redis)).toEqual(before);
  });
});

test('pages that are free but not side by side hold no large value, and the MSET is undone', async () => {
  const memory = ['--maxmemory', '32mb', '--maxmemory-reserve', '32mb', '--shards', '1'];
  doors = await TwoDoors.start(...memory, '--maxmemory-policy', 'noeviction');
  const redis = await doors.redis();
  await redis.command('SET', 'a', 'old');
  const value = 'v'.repeat(MEBIBYTE);
  let stored = 0;
  while (text(await redis.command('SET', `k${stored}`, value)) === 'OK') stored++;
  for (let i = 0; i < stored; i += 2) await redis.command('DEL', `k${i}`);
  expect(text(await redis.command('MSET', 'a', 'new', 'b', value.repeat(3)))).toMatch(/^OOM/);
  expect(text(await redis.command('GET', 'a'))).toBe('old');
  expect(text(await redis.command('MSET', 'a', 'new', 'b', value))).toBe('OK');
});
