/** Databases that are given other numbers in the middle of a batch: what follows in it is of the databases as they are then. */

import { afterEach, describe, expect, test } from 'vitest';
import { frame } from '../conformance/resp-client.js';
import { TRANSPORTS, TwoDoors } from './memcached-helpers.js';

let doors: TwoDoors;

afterEach(() => doors.stop());

describe.each(TRANSPORTS)('%s', (_, args) => {
  test('a batch goes on with the databases as its commands leave them', async () => {
    doors = await TwoDoors.start('--shards', '1', '--maxmemory', '64mb', ...args);
    const client = await doors.redis();
    const steps: [request: string, reply: string | null][] = [
      ['SET a 0', 'OK'],
      ['SELECT 1', 'OK'],
      ['SET a 1', 'OK'],
      ['SWAPDB 0 1', 'OK'],
      ['GET a', '0'],
      ['SET b 2', 'OK'],
      ['FLUSHDB', 'OK'],
      ['GET b', null],
      ['SET c 3', 'OK'],
      ['SELECT 0', 'OK'],
      ['GET a', '1'],
      ['GET c', null],
      ['FLUSHALL', 'OK'],
      ['GET a', null],
      ['SET d 4', 'OK'],
      ['RESET', 'RESET'],
      ['GET d', '4'],
    ];
    client.write(Buffer.concat(steps.map(([request]) => frame(request.split(' ')))));
    for (const [request, reply] of steps) expect((await client.reply()).value, request).toBe(reply);
  });

  test('flush_all in a batch, and what is dumped after it', async () => {
    doors = await TwoDoors.start('--shards', '1', '--maxmemory', '64mb', ...args);
    const client = await doors.redis();
    // Where another database has keys, database 0 gets another number.
    await client.command('SELECT', '1');
    await client.command('SET', 'other', 'value');
    const memcached = await doors.memcached();
    const request =
      'set a 0 0 1\r\n1\r\nflush_all\r\nget a\r\nset b 0 0 1\r\n2\r\nget a b\r\nlru_crawler metadump all\r\n';
    expect(await memcached.ask(request, 'key=b ')).toBe(
      'STORED\r\nOK\r\nEND\r\nSTORED\r\nVALUE b 0 1\r\n2\r\nEND\r\nkey=b ',
    );
    expect(await memcached.take('END\r\n')).toMatch(/^[^\n]*\nEND\r\n$/);
    expect((await client.command('GET', 'other')).value).toBe('value');
  });
});
