/** Leases of Redis clients, alone and together with Memcached clients, which have the same leases by their meta commands. */

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { TextClient } from '../conformance/memcached-text-harness.js';
import type { RespClient } from '../conformance/resp-client.js';
import { TRANSPORTS, TwoDoors } from './memcached-helpers.js';
import { eventually } from './server-helpers.js';

const LEASE = ['LEASE', '10000'];
const HERD = 500;

/** A reply as plain data. */
async function ask(client: RespClient, ...args: string[]): Promise<unknown> {
  const { type, value } = await client.command(...args);
  if (Array.isArray(value)) return value.map((member) => member.value);
  return type === ':' ? Number(value) : value;
}

/** CACHE.GET: state, value, token. */
async function get(client: RespClient, key: string, ...options: string[]): Promise<(string | null)[]> {
  const answer = await ask(client, 'CACHE.GET', key, ...(options.length === 0 ? LEASE : options));
  if (!Array.isArray(answer)) throw new Error(String(answer));
  return answer;
}

/** CACHE.GET that is to win; returns the token. */
async function win(
  client: RespClient,
  key: string,
  value: string | null = null,
  ...options: string[]
): Promise<string> {
  const [state, found, token] = await get(client, key, ...options);
  expect([state, found]).toEqual(['lease', value]);
  return String(token);
}

describe.each(TRANSPORTS)('leases over %s', (_, args) => {
  let doors: TwoDoors;
  let a: RespClient;
  let b: RespClient;

  beforeAll(async () => {
    doors = await TwoDoors.start('--threads', '4', ...args);
    a = await doors.redis();
    b = await doors.redis();
  });
  afterAll(() => doors.stop());
  beforeEach(async () => {
    await a.command('FLUSHALL');
  });

  describe('of a key that is not there', () => {
    test('one makes the value, others wait, and then it is there', async () => {
      const token = await win(a, 'k');
      expect(await get(b, 'k')).toEqual(['wait', null, null]);
      expect(await ask(a, 'CACHE.SET', 'k', 'value', 'LEASE', token, 'PX', '50000')).toBe('OK');
      expect(await get(b, 'k')).toEqual(['hit', 'value', null]);
      expect(await ask(b, 'PTTL', 'k')).toBeGreaterThan(40_000);
      expect(await ask(a, 'CACHE.SET', 'k', 'again', 'LEASE', token)).toBeNull();
      expect(await ask(a, 'GET', 'k')).toBe('value');
    });

    test('a winner that is late is replaced, and not let in', async () => {
      const late = await win(a, 'k', null, 'LEASE', '200');
      expect(await get(b, 'k')).toEqual(['wait', null, null]);
      let token = '';
      await eventually('the lease is over', async () => {
        const [state, , given] = await get(b, 'k');
        token = String(given);
        return state === 'lease';
      });
      expect(await ask(a, 'CACHE.SET', 'k', 'late', 'LEASE', late)).toBeNull();
      expect(await ask(b, 'CACHE.SET', 'k', 'in time', 'LEASE', token)).toBe('OK');
      expect(await ask(a, 'GET', 'k')).toBe('in time');
    });

    test('a winner that gives up makes way at once', async () => {
      const token = await win(a, 'k');
      expect(await ask(a, 'CACHE.RELEASE', 'k', 'LEASE', token)).toBe(1);
      expect(await ask(a, 'CACHE.RELEASE', 'k', 'LEASE', token)).toBe(0);
      await win(b, 'k');
      expect(await ask(a, 'CACHE.SET', 'k', 'v', 'LEASE', token)).toBeNull();
    });

    test('there is no key while there is a lease only', async () => {
      await win(a, 'k');
      expect(await ask(a, 'GET', 'k')).toBeNull();
      expect(await ask(a, 'EXISTS', 'k')).toBe(0);
      expect(await ask(a, 'TYPE', 'k')).toBe('none');
      expect(await ask(a, 'PTTL', 'k')).toBe(-2);
      expect(await ask(a, 'KEYS', '*')).toEqual([]);
      expect(await ask(a, 'SCAN', '0')).toEqual(['0', []]);
      expect(await ask(a, 'RANDOMKEY')).toBeNull();
      expect(await ask(a, 'RENAME', 'k', 'l')).toBe('ERR no such key');
      expect(await ask(a, 'EXPIRE', 'k', '100')).toBe(0);
      expect(await ask(a, 'SET', 'k', 'v', 'XX')).toBeNull();
      expect(await ask(a, 'SETNX', 'k', 'v')).toBe(1);
      await win(a, 'n');
      expect(await ask(a, 'INCR', 'n')).toBe(1);
      await win(a, 's');
      expect(await ask(a, 'APPEND', 's', 'ab')).toBe(2);
    });

    test.each([
      ['DEL', ['DEL', 'k'], 0],
      ['UNLINK of several', ['UNLINK', 'k', 'l'], 0],
      ['SET', ['SET', 'k', 'other'], 'OK'],
      ['SET that is over already', ['SET', 'k', 'other', 'PXAT', '1'], 'OK'],
      ['GETDEL', ['GETDEL', 'k'], null],
      ['GETSET', ['GETSET', 'k', 'other'], null],
      ['CACHE.INVALIDATE', ['CACHE.INVALIDATE', 'k'], 0],
      ['FLUSHDB', ['FLUSHDB'], 'OK'],
      ['COPY to it', ['COPY', 'source', 'k'], 1],
      ['RENAMENX to it', ['RENAMENX', 'source', 'k'], 1],
      ['BITOP without a result', ['BITOP', 'OR', 'k', 'none', 'none'], 0],
      ['MSET', ['MSET', 'k', 'other', 'l', 'other'], 'OK'],
    ])('%s ends it: what was read before must not come after', async (_name, command, answer) => {
      await a.command('SET', 'source', 'value');
      const token = await win(a, 'k');
      expect(await ask(b, ...command)).toBe(answer);
      expect(await ask(a, 'CACHE.SET', 'k', 'read before', 'LEASE', token)).toBeNull();
      expect(await ask(a, 'GET', 'k')).not.toBe('read before');
    });
  });

  describe('of a value that is there', () => {
    test('an invalidated one is served while one makes another', async () => {
      await a.command('SET', 'k', 'old');
      expect(await ask(a, 'CACHE.INVALIDATE', 'k')).toBe(1);
      const token = await win(a, 'k', 'old');
      expect(await get(b, 'k')).toEqual(['stale', 'old', null]);
      expect(await ask(b, 'GET', 'k')).toBe('old');
      expect(await ask(a, 'CACHE.SET', 'k', 'new', 'LEASE', token)).toBe('OK');
      expect(await get(b, 'k')).toEqual(['hit', 'new', null]);
    });

    test('one that is invalidated again keeps the winner of before out', async () => {
      await a.command('SET', 'k', 'old');
      await a.command('CACHE.INVALIDATE', 'k');
      const first = await win(a, 'k', 'old');
      expect(await ask(b, 'CACHE.INVALIDATE', 'k')).toBe(1);
      const second = await win(b, 'k', 'old');
      expect(await ask(a, 'CACHE.SET', 'k', 'wrong', 'LEASE', first)).toBeNull();
      expect(await ask(b, 'CACHE.SET', 'k', 'right', 'LEASE', second)).toBe('OK');
    });

    test('an invalidated one is gone after its grace', async () => {
      await a.command('SET', 'k', 'old');
      expect(await ask(a, 'CACHE.INVALIDATE', 'k', 'GRACE', '100')).toBe(1);
      await eventually('it is gone', async () => (await ask(a, 'GET', 'k')) === null);
      await win(a, 'k');
    });

    test('one that is about to expire is made anew by one, and good for all others', async () => {
      await a.command('SET', 'k', 'v', 'PX', '60000');
      expect(await get(a, 'k', ...LEASE, 'EARLY', '10000')).toEqual(['hit', 'v', null]);
      const token = await win(a, 'k', 'v', ...LEASE, 'EARLY', '61000');
      expect(await get(b, 'k', ...LEASE, 'EARLY', '61000')).toEqual(['hit', 'v', null]);
      expect(await ask(a, 'CACHE.SET', 'k', 'w', 'LEASE', token, 'EX', '100')).toBe('OK');
      expect(await get(b, 'k', ...LEASE, 'EARLY', '61000')).toEqual(['hit', 'w', null]);
    });

    test('a winner that is late is replaced', async () => {
      await a.command('SET', 'k', 'old');
      await a.command('CACHE.INVALIDATE', 'k');
      const late = await win(a, 'k', 'old', 'LEASE', '200');
      await eventually('the lease is over', async () => (await get(b, 'k', 'LEASE', '200'))[0] === 'lease');
      expect(await ask(a, 'CACHE.SET', 'k', 'late', 'LEASE', late)).toBeNull();
    });
  });

  test('what is asked wrongly is refused', async () => {
    const SYNTAX = 'ERR syntax error';
    for (const [line, error] of [
      ['CACHE.GET k', "ERR wrong number of arguments for 'cache.get' command"],
      ['CACHE.GET k LEASE 0', 'ERR a lease is of 1 to 300000 milliseconds'],
      ['CACHE.GET k LEASE 300001', 'ERR a lease is of 1 to 300000 milliseconds'],
      ['CACHE.GET k LEASE x', 'ERR a lease is of 1 to 300000 milliseconds'],
      ['CACHE.GET k LEASE 1 EARLY -1', 'ERR a time is a number of milliseconds, 0 or more'],
      ['CACHE.GET k LEASE 1 EARLY', SYNTAX],
      ['CACHE.GET k FOR 1', SYNTAX],
      ['CACHE.SET k v LEASE x', 'ERR a token is what CACHE.GET gave'],
      ['CACHE.SET k v LEASE', "ERR wrong number of arguments for 'cache.set' command"],
      ['CACHE.SET k v TOKEN 1', SYNTAX],
      ['CACHE.SET k v LEASE 1 PX 0', "ERR invalid expire time in 'cache.set' command"],
      ['CACHE.SET k v LEASE 1 NX', SYNTAX],
      ['CACHE.RELEASE k LEASE -1', 'ERR a token is what CACHE.GET gave'],
      ['CACHE.INVALIDATE k GRACE x', 'ERR a time is a number of milliseconds, 0 or more'],
      ['CACHE.INVALIDATE k IN 5', SYNTAX],
    ] as const)
      expect(await ask(a, ...line.split(' ')), line).toBe(error);
    expect(await ask(a, 'CACHE.SET', 'none', 'v', 'LEASE', '0')).toBeNull();
    expect(await ask(a, 'CACHE.INVALIDATE', 'none')).toBe(0);
  });

  describe('through both doors', () => {
    let m: TextClient;

    beforeEach(async () => {
      m = await TextClient.open(doors.memcachedPort);
      return () => m.close();
    });

    test('a Redis client wins: Memcached clients know', async () => {
      const token = await win(a, 'k');
      expect(await m.ask('mg k N30 v\r\n')).toBe('VA 0 Z\r\n\r\n');
      expect(await m.ask('mg k c\r\n')).toBe(`HD c${token} Z\r\n`);
      await a.command('CACHE.SET', 'k', 'value', 'LEASE', token);
      expect(await m.ask('mg k N30 v\r\n')).toBe('VA 5\r\nvalue\r\n');
    });

    test('a Memcached client wins: Redis clients know', async () => {
      const [, cas] = /^VA 0 c(\d+) W\r\n\r\n$/.exec(await m.ask('mg k N30 c v\r\n')) ?? [];
      expect(await get(a, 'k')).toEqual(['wait', null, null]);
      expect(await ask(a, 'GET', 'k')).toBeNull();
      expect(await m.ask(`ms k 5 C${cas} T60\r\nvalue\r\n`)).toBe('HD\r\n');
      expect(await get(a, 'k')).toEqual(['hit', 'value', null]);
    });

    test('a lease without a CAS number has no token', async () => {
      expect(await m.ask('mg k N30 v\r\n')).toBe('VA 0 W\r\n\r\n');
      expect(await get(a, 'k')).toEqual(['wait', null, null]);
      expect(await ask(a, 'CACHE.SET', 'k', 'v', 'LEASE', '0')).toBeNull();
      expect(await m.ask('md k\r\n')).toBe('HD\r\n');
      await win(a, 'k');
    });

    test('what one door invalidates is stale through the other', async () => {
      await a.command('SET', 'k', 'old');
      expect(await m.ask('md k I T30\r\n')).toBe('HD\r\n');
      const token = await win(a, 'k', 'old');
      expect(await m.ask('mg k v\r\n')).toBe('VA 3 Z X\r\nold\r\n');
      await a.command('CACHE.SET', 'k', 'new', 'LEASE', token);
      expect(await m.ask('mg k v\r\n')).toBe('VA 3\r\nnew\r\n');
      expect(await ask(a, 'CACHE.INVALIDATE', 'k')).toBe(1);
      expect(await m.ask('mg k v\r\n')).toBe('VA 3 X W\r\nnew\r\n');
      expect(await get(a, 'k')).toEqual(['stale', 'new', null]);
    });

    test('a deletion by Memcached ends a lease', async () => {
      const token = await win(a, 'k');
      expect(await m.ask('delete k\r\n')).toBe('DELETED\r\n');
      expect(await ask(a, 'CACHE.SET', 'k', 'old', 'LEASE', token)).toBeNull();
    });

    test('a Memcached winner that died is replaced', async () => {
      expect(await m.ask('mg k N1 v\r\n')).toBe('VA 0 W\r\n\r\n');
      await eventually('the lease is over', async () => (await get(a, 'k'))[0] === 'lease');
      await a.command('SET', 'l', 'old', 'EX', '1000');
      await m.ask('md l I\r\n');
      expect(await m.ask('mg l N1 v\r\n')).toBe('VA 3 X W\r\nold\r\n');
      expect(await get(a, 'l')).toEqual(['stale', 'old', null]);
      await eventually('the lease is over', async () => (await get(a, 'l'))[0] === 'lease');
    });

    test(`${2 * HERD} clients that miss at once get one lease`, async () => {
      const redis = await Promise.all(Array.from({ length: HERD }, () => doors.server.open()));
      const memcached = await Promise.all(Array.from({ length: HERD }, () => TextClient.open(doors.memcachedPort)));
      for (const key of ['first', 'second', 'third']) {
        const answers = await Promise.all([
          ...redis.map(async (client) => (await get(client, key))[0]),
          ...memcached.map(async (client) =>
            (await client.ask(`mg ${key} N10 v\r\n`)).includes('W') ? 'lease' : 'wait',
          ),
        ]);
        expect(answers.filter((state) => state === 'lease')).toEqual(['lease']);
        expect(answers.filter((state) => state === 'wait').length).toBe(2 * HERD - 1);
      }
      for (const client of [...redis, ...memcached]) client.close();
    });
  });
});
