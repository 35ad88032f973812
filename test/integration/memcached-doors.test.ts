/** The Memcached door beside the Redis door: one keyspace, one set of limits, both transports. */

import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import type { RespClient } from '../conformance/resp-client.js';
import { Child, PROGRAM } from './fault-helpers.js';
import { TRANSPORTS, TwoDoors } from './memcached-helpers.js';
import { binaryRequest, binaryResponse, type MemcachedWire } from './memcached-wire.js';
import { eventually, infoField, text } from './server-helpers.js';

const GET = 0x00;
const NOOP = 0x0a;
const UNKNOWN_OPCODE = 0xee;
const STATUS_UNKNOWN_COMMAND = 0x81;

const directory = mkdtempSync(join(tmpdir(), 'memcached-doors-'));
let doors: TwoDoors | undefined;

async function start(...args: string[]): Promise<TwoDoors> {
  doors = await TwoDoors.start(...args);
  return doors;
}

async function config(client: RespClient, name: string, value: string): Promise<void> {
  expect(text(await client.command('CONFIG', 'SET', name, value)), `CONFIG SET ${name} ${value}`).toBe('OK');
}

/** The line of CLIENT LIST of a connection, as name -> value. */
async function listed(admin: RespClient, { address }: { address: string }): Promise<Map<string, string>> {
  const lines = text(await admin.command('CLIENT', 'LIST')).split('\n');
  const line = lines.find((other) => other.includes(` addr=${address} `)) ?? '';
  return new Map(
    line.split(' ').map((field) => [field.slice(0, field.indexOf('=')), field.slice(field.indexOf('=') + 1)]),
  );
}

afterEach(async () => {
  await doors?.stop();
  doors = undefined;
});
afterAll(() => rmSync(directory, { recursive: true }));

describe.each(TRANSPORTS)('with %s', (_, transport) => {
  test('clients of both doors see the same keys', async () => {
    const { server, ...both } = await start(...transport);
    expect(server.log).toMatch(new RegExp(`:${server.port} \\(Redis\\), .*:${both.memcachedPort} \\(Memcached\\)`));
    const redis = await doors!.redis();
    const memcached = await doors!.memcached();
    expect(await memcached.ask('set greeting 7 0 5\r\nhello\r\n')).toBe('STORED\r\n');
    expect(text(await redis.command('GET', 'greeting'))).toBe('hello');
    expect(text(await redis.command('SET', 'answer', 'by redis'))).toBe('OK');
    expect(await memcached.ask('get answer greeting\r\n', 'END\r\n')).toBe(
      'VALUE answer 0 8\r\nby redis\r\nVALUE greeting 7 5\r\nhello\r\nEND\r\n',
    );
    const binary = await doors!.memcached();
    binary.write(binaryRequest(GET, 'answer'));
    expect(await binaryResponse(binary)).toEqual({ opcode: GET, status: 0, body: '\0\0\0\0by redis' });
    expect(await infoField(redis, 'memcached_port')).toBe(String(both.memcachedPort));
    expect(await infoField(redis, 'listener1')).toBe(`name=memcached-tcp,bind=127.0.0.1,port=${both.memcachedPort}`);
  });

  test('a connection speaks what its first byte says, or what its door is for', async () => {
    const auto = await start(...transport);
    const binary = await auto.memcached();
    binary.write(binaryRequest(UNKNOWN_OPCODE));
    expect(await binaryResponse(binary)).toMatchObject({ opcode: UNKNOWN_OPCODE, status: STATUS_UNKNOWN_COMMAND });
    const words = await auto.memcached();
    expect(await words.ask('no such thing\r\n')).toBe('ERROR\r\n');
    // Not the first byte any more.
    expect(await words.ask('\x80 nor this\r\n')).toBe('ERROR\r\n');
    binary.write('get key\r\n');
    expect(await binary.rest()).toBe('');
    await auto.stop();

    const textOnly = await start('--memcached-protocol', 'text', ...transport);
    expect(await (await textOnly.memcached()).ask('\x80\r\n')).toBe('ERROR\r\n');
    await textOnly.stop();

    const binaryOnly = await start('--memcached-protocol', 'binary', ...transport);
    const wrong = await binaryOnly.memcached();
    wrong.write('version\r\n');
    expect(await wrong.rest()).toBe('');
    const right = await binaryOnly.memcached();
    right.write(binaryRequest(NOOP));
    expect(await binaryResponse(right)).toEqual({ opcode: NOOP, status: 0, body: '' });
  });

  test('a line that does not end is answered once, and the connection closed', async () => {
    const { redis, memcached } = await open(...transport);
    memcached.write('x'.repeat(5000));
    expect(await memcached.rest()).toBe('CLIENT_ERROR line too long\r\n');
    expect(await infoField(redis, 'ashlar_protocol_errors')).toBe('1');
  });

  test('unix sockets, with permissions of their own; what a dead server left is taken away, other files are not', async () => {
    const [path, redisPath] = [join(directory, 'memcached.sock'), join(directory, 'redis.sock')];
    const paths = ['--memcached-unixsocket', path, '--unixsocket', redisPath, ...transport];
    const first = await start('--memcached-unixsocketperm', '700', ...paths);
    expect(statSync(path).mode & 0o777).toBe(0o700);
    const memcached = await first.memcached(path);
    expect(await memcached.ask('set k 0 0 1\r\nv\r\n')).toBe('STORED\r\n');
    const redis = await first.redis();
    expect(text(await redis.command('GET', 'k'))).toBe('v');
    expect((await listed(redis, { address: `${path}:0` })).get('flags')).toBe('U');
    first.server.process.kill('SIGKILL');
    await eventually('it is dead', () => first.server.process.signalCode !== null);
    await first.stop();

    const second = await start(...paths);
    expect(await (await second.memcached(path)).ask('get k\r\n')).toBe('END\r\n');
    await second.stop();

    const file = join(directory, 'a file');
    writeFileSync(file, 'of somebody');
    const args = ['--port', '0', '--memcached-port', '0', '--memcached-unixsocket', file, ...transport];
    const third = new Child(process.execPath, [PROGRAM, 'serve', ...args]);
    const { code, err } = await third.ended;
    await third.stop();
    expect(code).toBe(1);
    expect(err).toMatch(/^ashlar: cannot open the Memcached door: .*a file/m);
    expect(statSync(file).size).toBe('of somebody'.length);
  });

  test('maxclients is for both doors together, and each says so in its own words', async () => {
    const { redis, memcached } = await open('--maxclients', '3', ...transport);
    expect(await memcached.ask('get k\r\n')).toBe('END\r\n');
    const third = await doors!.memcached();
    expect(await third.ask('get k\r\n')).toBe('END\r\n');
    expect(await (await doors!.memcached()).rest()).toBe('ERROR Too many open connections\r\n');
    expect(text(await (await doors!.redis()).reply())).toBe('ERR max number of clients reached');
    expect(await infoField(redis, 'rejected_connections')).toBe('2');
    expect(await infoField(redis, 'connected_clients')).toBe('3');
    third.close();
    await eventually('its place is free', async () => (await infoField(redis, 'connected_clients')) === '2');
    expect(await (await doors!.memcached()).ask('get k\r\n')).toBe('END\r\n');
  });

  test('timeout closes Memcached clients that ask nothing', async () => {
    const { redis, memcached } = await open(...transport);
    const busy = await doors!.memcached();
    await memcached.ask('get k\r\n');
    await config(redis, 'timeout', '1');
    await eventually('the idle client is closed', async () => {
      await busy.ask('get k\r\n');
      await redis.command('PING');
      return memcached.closed;
    });
    expect(busy.closed).toBe(false);
    expect(await infoField(redis, 'ashlar_timed_out_clients')).toBe('1');
  });

  test('CLIENT LIST shows what they speak, and CLIENT KILL closes them', async () => {
    const { redis, memcached } = await open(...transport);
    const binary = await doors!.memcached();
    expect((await listed(redis, memcached)).get('speaks')).toBe('memcached');
    await memcached.ask('get k\r\n');
    binary.write(binaryRequest(NOOP));
    await binaryResponse(binary);
    const line = await listed(redis, memcached);
    expect([line.get('speaks'), line.get('resp'), line.get('cmd'), line.get('user')]).toEqual([
      'memcached-text',
      '0',
      'memcached|get',
      'default',
    ]);
    expect((await listed(redis, binary)).get('speaks')).toBe('memcached-binary');
    expect(text(await redis.command('CLIENT', 'INFO'))).toMatch(/ resp=2 .* speaks=resp\n$/);
    expect((await redis.command('CLIENT', 'KILL', 'ADDR', memcached.address)).value).toBe('1');
    expect(await memcached.rest()).toBe('');
    expect((await redis.command('CLIENT', 'KILL', 'ID', (await listed(redis, binary)).get('id') ?? '')).value).toBe(
      '1',
    );
    expect(await binary.rest()).toBe('');
    await eventually('both are gone', async () => (await infoField(redis, 'connected_clients')) === '1');
  });

  test('CLIENT PAUSE WRITE holds writes of both protocols, and no reads', async () => {
    const { redis, memcached } = await open(...transport);
    const binary = await doors!.memcached();
    expect(text(await redis.command('SET', 'k', 'old'))).toBe('OK');
    expect(text(await redis.command('CLIENT', 'PAUSE', '60000', 'WRITE'))).toBe('OK');
    memcached.write('get k\r\nset k 0 0 3\r\nnew\r\nget k\r\n');
    binary.write(Buffer.concat([binaryRequest(0x01, 'b', Buffer.alloc(8), 'set'), binaryRequest(GET, 'b')]));
    expect(await memcached.take('END\r\n')).toBe('VALUE k 0 3\r\nold\r\nEND\r\n');
    await eventually('both wait', async () => (await infoField(redis, 'blocked_clients')) === '2');
    expect(text(await redis.command('GET', 'k'))).toBe('old');
    expect(text(await redis.command('CLIENT', 'UNPAUSE'))).toBe('OK');
    expect(await memcached.take('END\r\n')).toBe('STORED\r\nVALUE k 0 3\r\nnew\r\nEND\r\n');
    expect(await binaryResponse(binary)).toMatchObject({ opcode: 0x01, status: 0 });
    expect(await binaryResponse(binary)).toMatchObject({ opcode: GET, status: 0, body: '\0\0\0\0set' });
  });

  test('a worker that dies is replaced, and the door is where it was', async () => {
    const { redis, memcached } = await open('--enable-debug-command', 'yes', '--threads', '1', ...transport);
    expect(await memcached.ask('set k 0 0 1\r\nv\r\n')).toBe('STORED\r\n');
    await expect(redis.command('DEBUG', 'PANIC')).rejects.toThrow();
    await memcached.rest();
    let again: MemcachedWire | undefined;
    await eventually('Memcached clients are served again', async () => {
      try {
        again = await doors!.memcached();
        return (await again.ask('get k\r\n', 'END\r\n')) === 'VALUE k 0 1\r\nv\r\nEND\r\n';
      } catch {
        return false;
      }
    });
    const figures = await doors!.redis();
    await eventually(
      'its connections are forgotten',
      async () => (await infoField(figures, 'connected_clients')) === '2',
    );
  });

  /** A server, and a client of each door. */
  async function open(...args: string[]): Promise<{ redis: RespClient; memcached: MemcachedWire }> {
    await start(...args);
    return { redis: await doors!.redis(), memcached: await doors!.memcached() };
  }
});
