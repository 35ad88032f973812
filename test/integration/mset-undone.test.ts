/** An MSET that is refused for want of memory puts back all that Memcached clients can see of what was there. */

import { afterEach, expect, test } from 'vitest';
import { TwoDoors } from './memcached-helpers.js';
import { text } from './server-helpers.js';

/** Two of them are more than a shard holds. */
const MUCH = 'x'.repeat(11 * 2 ** 20);

let doors: TwoDoors | undefined;

afterEach(() => doors?.stop());

test('value, client flags, deadline, staleness and a number with blanks', async () => {
  doors = await TwoDoors.start(
    ...['--maxmemory', '32mb', '--maxmemory-policy', 'noeviction', '--shards', '2', '--maxmemory-clients', '0'],
  );
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
  const reply = await redis.command('MSET', ...pairs, 'flagged', 'newer', '{x}1', MUCH, '{x}2', MUCH);
  expect(text(reply)).toMatch(/^OOM/);
  expect(await look()).toEqual(before);
  expect(text(await redis.command('INCR', 'number'))).toBe('10');
  // Whoever asks for a stale value is told so, and one of them makes a new one.
  expect(await memcached.ask('mg stale v f\r\nmn\r\n', 'MN\r\n')).toBe('VA 3 f5 X W\r\nold\r\nMN\r\n');
  expect(await memcached.ask('mg fresh v\r\n')).toBe('EN\r\n');
});
