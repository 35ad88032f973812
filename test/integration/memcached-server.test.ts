/** What the server does for Memcached clients: authentication, configuration, and what Redis's clients see of them. */

import { afterEach, describe, expect, test } from 'vitest';
import type { Reply, RespClient } from '../conformance/resp-client.js';
import { openSocket, receivedUntilClosed } from './fault-helpers.js';
import { TRANSPORTS, TwoDoors } from './memcached-helpers.js';
import { binaryRequest, binaryResponse, type MemcachedWire } from './memcached-wire.js';
import { eventually, infoField, text } from './server-helpers.js';

const GET = 0x00;
const VERSION = 0x0b;
const SASL_LIST_MECHS = 0x20;
const SASL_AUTH = 0x21;
const STATUS_AUTH_ERROR = 0x20;

const PASSWORD = 'secret with blanks';

let doors: TwoDoors | undefined;

async function start(...args: string[]): Promise<{ redis: RespClient; memcached: MemcachedWire }> {
  doors = await TwoDoors.start(...args);
  return { redis: await doors.redis(), memcached: await doors.memcached() };
}

function authentication(credentials: string): string {
  return `set any_key 0 0 ${credentials.length}\r\n${credentials}\r\n`;
}

afterEach(async () => {
  await doors?.stop();
  doors = undefined;
});

describe('requirepass, for text clients', () => {
  test('a set with user and password lets them in; anything else is refused', async () => {
    const { redis, memcached } = await start('--requirepass', PASSWORD);
    for (const line of ['get k', 'version', 'quit', 'mn', '', 'set', 'GET / HTTP/1.1', 'set k 0 0 x'])
      expect(await memcached.ask(`${line}\r\n`), line).toBe('CLIENT_ERROR unauthenticated\r\n');
    expect(await memcached.ask('add k 0 0 3\r\nabc\r\n')).toBe('CLIENT_ERROR unauthenticated\r\n');
    expect(await memcached.ask(authentication('default wrong'))).toBe('CLIENT_ERROR authentication failure\r\n');
    expect(await memcached.ask(authentication(`somebody ${PASSWORD}`))).toBe('CLIENT_ERROR authentication failure\r\n');
    expect(await memcached.ask(authentication('default'))).toBe('CLIENT_ERROR bad authentication token format\r\n');
    expect(await memcached.ask('set k 0 0 3\r\nabcdef\r\n')).toBe('CLIENT_ERROR bad command line termination\r\n');
    const other = await doors!.memcached();
    // Nothing is stored, and what follows in the same packet is served.
    expect(await other.ask(`${authentication(`default ${PASSWORD}`)}get any_key\r\n`, 'END\r\n')).toBe(
      'STORED\r\nEND\r\n',
    );
    expect(text(await redis.command('AUTH', PASSWORD))).toBe('OK');
    expect(await infoField(redis, 'acl_access_denied_auth')).toBe('2');
    expect(await infoField(redis, 'total_error_replies')).not.toBe('0');
  });

  test('they may send little before', async () => {
    const { redis, memcached } = await start('--requirepass', PASSWORD);
    expect(await memcached.ask(`set k 0 0 100000\r\n${'x'.repeat(100_000)}\r\n`)).toBe(
      'CLIENT_ERROR auth token too long\r\n',
    );
    // A retrieval may have any number of keys, but not yet.
    const long = await doors!.memcached();
    long.write(`get ${'x'.repeat(3000)}`);
    expect(await long.rest()).toBe('CLIENT_ERROR line too long\r\n');
    expect(await memcached.ask(authentication(`default ${PASSWORD}`))).toBe('STORED\r\n');
    expect(await memcached.ask(`set k 0 0 100000\r\n${'x'.repeat(100_000)}\r\n`)).toBe('STORED\r\n');
    expect(text(await redis.command('AUTH', PASSWORD))).toBe('OK');
    expect((await redis.command('STRLEN', 'k')).value).toBe('100000');
  });

  test('taken away, it lets everybody in', async () => {
    const { redis, memcached } = await start('--requirepass', PASSWORD);
    expect(await memcached.ask('get k\r\n')).toBe('CLIENT_ERROR unauthenticated\r\n');
    await redis.command('AUTH', PASSWORD);
    expect(text(await redis.command('CONFIG', 'SET', 'requirepass', ''))).toBe('OK');
    await eventually('in', async () => (await memcached.ask('get k\r\n')) === 'END\r\n');
    // A set is a set again.
    expect(await memcached.ask(authentication('default x'))).toBe('STORED\r\n');
    expect(await memcached.ask('get any_key\r\n', 'END\r\n')).toBe('VALUE any_key 0 9\r\ndefault x\r\nEND\r\n');
  });
});

describe('requirepass, for binary clients', () => {
  test('SASL PLAIN lets them in; anything else is refused, and the connection closed', async () => {
    const { memcached } = await start('--requirepass', PASSWORD);
    memcached.write(binaryRequest(VERSION));
    expect(await binaryResponse(memcached)).toMatchObject({ opcode: VERSION, status: 0 });
    memcached.write(binaryRequest(SASL_LIST_MECHS));
    expect(await binaryResponse(memcached)).toMatchObject({ status: 0, body: 'PLAIN' });
    memcached.write(binaryRequest(SASL_AUTH, 'PLAIN', Buffer.alloc(0), '\0default\0wrong'));
    expect(await binaryResponse(memcached)).toMatchObject({ opcode: SASL_AUTH, status: STATUS_AUTH_ERROR });
    memcached.write(binaryRequest(SASL_AUTH, 'PLAIN', Buffer.alloc(0), `\0default\0${PASSWORD}`));
    expect(await binaryResponse(memcached)).toMatchObject({ opcode: SASL_AUTH, status: 0 });
    memcached.write(binaryRequest(GET, 'k'));
    expect(await binaryResponse(memcached)).toMatchObject({ opcode: GET, status: 1 });

    const other = await doors!.memcached();
    other.write(binaryRequest(GET, 'k'));
    expect(await binaryResponse(other)).toMatchObject({ opcode: GET, status: STATUS_AUTH_ERROR });
    expect(await other.rest()).toBe('');
  });
});

describe("Redis's clients", () => {
  test('do not see Memcached commands among their own', async () => {
    const { redis, memcached } = await start();
    await memcached.ask('get k\r\n');
    const names = JSON.stringify((await redis.command('COMMAND', 'LIST')).value);
    expect(names).toContain('config|get');
    expect(names).not.toContain('memcached');
    const count = Number((await redis.command('COMMAND', 'COUNT')).value);
    for (const subcommand of [[], ['INFO']]) {
      expect((await redis.command('COMMAND', ...subcommand)).value).toHaveLength(count);
      expect(JSON.stringify((await redis.command('COMMAND', ...subcommand)).value)).not.toContain('memcached');
    }
    expect(JSON.stringify(await redis.command('COMMAND', 'DOCS'))).not.toContain('memcached');
    expect((await redis.command('COMMAND', 'INFO', 'memcached|get')).value).toMatchObject([{ value: null }]);
    expect((await redis.command('COMMAND', 'DOCS', 'memcached|get')).value).toEqual([]);
    expect(text(await redis.command('COMMAND', 'GETKEYS', 'memcached|get', 'k'))).toBe('ERR Invalid command specified');
    expect(text(await redis.command('memcached|get', 'k'))).toMatch(/^ERR unknown command 'memcached\|get'/);
    expect(text(await redis.command('gets', 'k'))).toMatch(/^ERR unknown command 'gets'/);
  });

  test('see them in the statistics, by their full names', async () => {
    const { redis, memcached } = await start();
    const binary = await doors!.memcached();
    for (let i = 0; i < 3; i++) await memcached.ask('get k\r\n');
    await memcached.ask('set\r\n');
    binary.write(binaryRequest(GET, 'k'));
    await binaryResponse(binary);
    await redis.command('GET', 'k');
    expect(await infoField(redis, 'cmdstat_memcached\\|get')).toMatch(/^calls=3,/);
    expect(await infoField(redis, 'cmdstat_memcached\\|binary-get')).toMatch(/^calls=1,/);
    expect(await infoField(redis, 'cmdstat_get')).toMatch(/^calls=1,/);
    expect(await infoField(redis, 'latency_percentiles_usec_memcached\\|get')).toMatch(/^p50=/);
    expect(await infoField(redis, 'errorstat_ERROR')).toBe('count=1');
    const histogram = JSON.stringify(await redis.command('LATENCY', 'HISTOGRAM', 'memcached'));
    expect(histogram).toContain('memcached|get');
    expect(histogram).toContain('memcached|binary-get');
    const own = JSON.stringify(await redis.command('LATENCY', 'HISTOGRAM', 'get'));
    expect(own).not.toContain('memcached');
  });

  test('see them in MONITOR and in the slow log, by their full names and without passwords', async () => {
    const { redis, memcached } = await start('--requirepass', PASSWORD, '--slowlog-log-slower-than', '0');
    await redis.command('AUTH', PASSWORD);
    const monitor = await doors!.redis();
    await monitor.command('AUTH', PASSWORD);
    expect(text(await monitor.command('MONITOR'))).toBe('OK');
    await memcached.ask(authentication(`default ${PASSWORD}`));
    await memcached.ask('set k 0 0 5\r\nhello\r\n');
    expect(text(await monitor.reply())).toMatch(
      new RegExp(`^[\\d.]+ \\[0 ${memcached.address}\\] "memcached\\|set" "k" "0" "0" "5" "hello"$`),
    );
    const binary = await doors!.memcached();
    binary.write(binaryRequest(SASL_AUTH, 'PLAIN', Buffer.alloc(0), `\0default\0${PASSWORD}`));
    await binaryResponse(binary);
    expect(text(await monitor.reply())).toMatch(/ "memcached\|binary-sasl-auth" "PLAIN" "" "\(redacted\)"$/);
    const log = JSON.stringify(await redis.command('SLOWLOG', 'GET', '10'));
    expect(log).toContain('memcached|set');
    expect(log).toContain('memcached|binary-sasl-auth');
    expect(log).not.toContain(PASSWORD);
  });
});

describe('configuration', () => {
  test('where the doors are is fixed; how large an item may be is not', async () => {
    const { redis, memcached } = await start();
    const parameters = await redis.command('CONFIG', 'GET', 'memcached-*');
    expect((parameters.value as readonly Reply[]).map(({ value }) => value)).toEqual(
      expect.arrayContaining(['memcached-port', String(doors!.memcachedPort), 'memcached-protocol', 'auto', '1048576']),
    );
    expect(text(await redis.command('CONFIG', 'SET', 'memcached-port', '1'))).toContain("can't set immutable config");
    const set = (bytes: number): string => `set k 0 0 ${bytes}\r\n${'x'.repeat(bytes)}\r\n`;
    expect(await memcached.ask(set(2_000_000))).toBe('SERVER_ERROR object too large for cache\r\n');
    expect(text(await redis.command('CONFIG', 'SET', 'memcached-item-size-max', '4mb'))).toBe('OK');
    expect(await memcached.ask(set(2_000_000))).toBe('STORED\r\n');
    expect((await redis.command('STRLEN', 'k')).value).toBe('2000000');
    // Of what is there already, all can be read.
    expect(text(await redis.command('CONFIG', 'SET', 'memcached-item-size-max', '1kb'))).toBe('OK');
    expect(await memcached.ask('get k\r\n', 'END\r\n')).toHaveLength('VALUE k 0 2000000\r\n'.length + 2_000_000 + 7);
  });

  test('switched off, there is no door', async () => {
    doors = await TwoDoors.start('--memcached-port', '0');
    expect(await infoField(await doors.redis(), 'memcached_port')).toBe('0');
    await expect(doors.memcached()).rejects.toThrow('ECONNREFUSED');
    expect(doors.server.log).not.toContain('Memcached');
  });
});

describe('figures', () => {
  test('connections and bytes of the Memcached door are told apart from those of the Redis door', async () => {
    const { redis, memcached } = await start();
    const other = await doors!.memcached();
    await other.ask('get a\r\n');
    other.close();
    await eventually('it is gone', async () => (await infoField(redis, 'connected_clients')) === '2');
    const stats = await memcached.ask('stats\r\n', 'END\r\n');
    const stat = (name: string): string | undefined => new RegExp(`^STAT ${name} (.*)\r$`, 'm').exec(stats)?.[1];
    expect(stat('curr_connections')).toBe('1');
    expect(stat('total_connections')).toBe('2');
    expect(stat('pid')).toBe(String(doors!.server.process.pid));
    expect(stat('cmd_get')).toBe('1');
    expect(stat('get_misses')).toBe('1');
    expect(stat('bytes_read')).toBe(String('get a\r\n'.length));
    expect(stat('bytes_written')).toBe(String('END\r\n'.length));
    expect(await infoField(redis, 'ashlar_memcached_clients')).toBe('1');
    expect(await infoField(redis, 'ashlar_memcached_output_bytes')).toBe(String('END\r\n'.length + stats.length));
    await memcached.ask('stats reset\r\n');
    expect(await infoField(redis, 'ashlar_memcached_input_bytes')).toBe('0');
    expect(await infoField(redis, 'ashlar_memcached_clients')).toBe('1');
  });
});

describe('a client that says quit, and sends on before it has read', () => {
  const BYTES = 900_000;

  test.each(TRANSPORTS)('has all replies (%s)', async (_, args) => {
    const { redis, memcached } = await start(...args);
    expect(await memcached.ask(`set k 0 0 ${BYTES}\r\n${'x'.repeat(BYTES)}\r\n`)).toBe('STORED\r\n');
    const socket = await openSocket(doors!.memcachedPort);
    socket.pause();
    socket.write('get k\r\nquit\r\n');
    // All that is on its way then is the kernel's.
    await eventually('it was answered', async () => Number(await infoField(redis, 'total_net_output_bytes')) > BYTES);
    socket.write('version\r\n');
    await redis.command('PING');
    const received = receivedUntilClosed(socket);
    socket.resume();
    expect((await received).length).toBe(`VALUE k 0 ${BYTES}\r\n\r\nEND\r\n`.length + BYTES);
  });
});
