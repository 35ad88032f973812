/** Clients that people use, over real sockets: redis-cli, redis-benchmark, ioredis and node-redis. */

import { type SpawnSyncReturns, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { RunningServer } from '../conformance/servers.js';
import { isInstalled } from '../conformance/tools.js';
import { expectUnharmed } from './fault-helpers.js';
import { eventually } from './server-helpers.js';

const PASSWORD = 'open sesame';
const LARGE = 3 << 20;

let server: RunningServer;
let directory: string;
let unixPath: string;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'ashlar-clients-'));
  unixPath = join(directory, 'socket');
  server = await RunningServer.start('ashlar', ['--maxmemory', '256mb', '--unixsocket', unixPath]);
});

afterAll(async () => {
  await server.stop();
  rmSync(directory, { recursive: true, force: true });
});

beforeEach(async () => {
  const client = await server.open();
  await client.command('FLUSHALL');
  client.close();
});

function installed(program: string): boolean {
  return isInstalled(program, spawnSync(program, ['--version']).status === 0, 'its tests are skipped');
}

function run(program: string, args: readonly string[], input?: string | Buffer): SpawnSyncReturns<string> {
  return spawnSync(program, args, { input, encoding: 'utf8', timeout: 15_000, maxBuffer: 1 << 26 });
}

describe.skipIf(!installed('redis-cli'))('redis-cli', () => {
  function cli(args: readonly string[], input?: string | Buffer): string {
    const { status, stdout, stderr } = run('redis-cli', ['-p', String(server.port), ...args], input);
    expect(status, stderr).toBe(0);
    return stdout;
  }

  /** A protocol stream that sets keys, as for mass insertion. */
  function massInsert(keys: number): Buffer {
    const parts: string[] = [];
    for (let i = 0; i < keys; i++) {
      const [key, value] = [`mass:${i}`, `value:${i}`];
      parts.push(`*3\r\n$3\r\nSET\r\n$${key.length}\r\n${key}\r\n$${value.length}\r\n${value}\r\n`);
    }
    return Buffer.from(parts.join(''));
  }

  test('commands, RESP3 and a unix socket', () => {
    expect(cli(['SET', 'k', 'v'])).toBe('OK\n');
    expect(cli(['-3', 'GET', 'k'])).toBe('v\n');
    expect(cli(['-n', '5', 'GET', 'k'])).toBe('\n');
    const { stdout } = run('redis-cli', ['-s', unixPath, 'GET', 'k']);
    expect(stdout).toBe('v\n');
    expect(cli([], 'SET a 1\nINCR a\nGET a\nNOSUCH\n')).toMatch(/^OK\n2\n2\nERR unknown command/);
  });

  test('--pipe, --scan, --bigkeys, --memkeys and --stat', async () => {
    expect(cli(['--pipe'], massInsert(20_000))).toContain('errors: 0, replies: 20000');
    expect(cli(['DBSIZE'])).toBe('20000\n');
    const keys = cli(['--scan', '--pattern', 'mass:1*']).trim().split('\n');
    expect(new Set(keys).size).toBe(11_111);
    cli(['SET', 'biggest', 'x'.repeat(10_000)]);
    expect(cli(['--bigkeys'])).toMatch(/Biggest string found '"biggest"' has 10000 bytes/);
    expect(cli(['--memkeys'])).toContain('biggest');
    const stat = spawn('redis-cli', ['-p', String(server.port), '-i', '0.05', '--stat']);
    let shown = '';
    stat.stdout.on('data', (chunk) => {
      shown += chunk;
    });
    await eventually('three lines', () => shown.split('\n').filter((line) => line.startsWith('20001')).length >= 3);
    stat.kill();
  });
});

describe.skipIf(!installed('redis-benchmark'))('redis-benchmark', () => {
  test('finds its commands, alone and in pipelines', async () => {
    for (const args of [
      ['-t', 'ping,set,get,incr,mset', '-n', '5000', '-c', '20'],
      ['-t', 'set,get', '-n', '20000', '-P', '32', '-r', '10000', '-d', '500'],
      ['-n', '2000', '-P', '10', 'SETRANGE', 'key:__rand_int__', '5', 'abc'],
    ]) {
      const { status, stdout, stderr } = run('redis-benchmark', ['-p', String(server.port), '-q', ...args]);
      expect(status, stderr).toBe(0);
      expect(stdout).toContain('requests per second');
      expect(`${stdout}${stderr}`).not.toMatch(/error/i);
    }
    await expectUnharmed(server);
  });
});

describe('ioredis', () => {
  test.each([
    ['TCP', () => ({ port: server.port })],
    ['unix', () => ({ path: unixPath })],
  ])('over %s: pipelines, databases, binary and large values', async (_, where) => {
    const redis = new Redis({ ...where(), db: 2, maxRetriesPerRequest: 1 });
    const binary = Buffer.from([0, 13, 10, 255, 36, 45, 49]);
    await redis.set(binary, binary, 'EX', 100);
    expect(await redis.getBuffer(binary)).toEqual(binary);
    expect(await redis.ttl(binary)).toBeGreaterThan(90);
    const large = 'l'.repeat(LARGE);
    await redis.set('large', large);
    expect(await redis.get('large')).toBe(large);
    const pipeline = redis.pipeline();
    for (let i = 0; i < 2000; i++) pipeline.set(`p${i}`, i).get(`p${i}`);
    const results = (await pipeline.exec()) ?? [];
    results.forEach(([error, value], i) => {
      expect(error).toBeNull();
      expect(value).toBe(i % 2 === 0 ? 'OK' : String((i - 1) / 2));
    });
    let seen = 0;
    for await (const keys of redis.scanStream({ match: 'p*', count: 100 })) seen += (keys as string[]).length;
    expect(seen).toBe(2000);
    await expect(redis.call('NOSUCH', 'x')).rejects.toThrow('unknown command');
    await redis.select(3);
    expect(await redis.dbsize()).toBe(0);
    await redis.quit();
  });

  test('connects again when its connection is killed, and goes on where it was', async () => {
    const redis = new Redis({ port: server.port, db: 4, retryStrategy: () => 10 });
    await redis.set('k', 'v');
    const id = await redis.client('ID');
    const killer = await server.open();
    await killer.command('CLIENT', 'KILL', 'ID', id);
    killer.close();
    expect(await redis.get('k')).toBe('v');
    expect(await redis.client('ID')).not.toBe(id);
    await redis.quit();
  });
});

describe('node-redis', () => {
  test.each([2, 3] as const)('over RESP%i: values, pipelines, databases, scans', async (RESP) => {
    const client = createClient({ RESP, socket: { host: '127.0.0.1', port: server.port }, database: 6 });
    client.on('error', () => {});
    await client.connect();
    await client.set('k', 'v', { expiration: { type: 'PX', value: 50_000 } });
    expect(await client.get('k')).toBe('v');
    expect(await client.pTTL('k')).toBeGreaterThan(40_000);
    const large = 'l'.repeat(LARGE);
    await client.set('large', large);
    expect(await client.get('large')).toBe(large);
    const values = await Promise.all(Array.from({ length: 2000 }, (_, i) => client.incrBy('n', i % 3)));
    expect(values[1999]).toBe(1999);
    expect(await client.mGet(['k', 'none'])).toEqual(['v', null]);
    const keys: string[] = [];
    for await (const some of client.scanIterator({ MATCH: '*', COUNT: 10 })) keys.push(...some);
    expect(keys.sort()).toEqual(['k', 'large', 'n']);
    await expect(client.sendCommand(['NOSUCH'])).rejects.toThrow('unknown command');
    await client.close();
  });

  test('over a unix socket', async () => {
    const client = createClient({ socket: { path: unixPath, tls: false } });
    await client.connect();
    expect(await client.ping()).toBe('PONG');
    await client.close();
  });
});

describe('a password', () => {
  test('lets in who has it', async () => {
    const guarded = await RunningServer.start('ashlar', ['--requirepass', PASSWORD]);
    try {
      const redis = new Redis({ port: guarded.port, password: PASSWORD, lazyConnect: true });
      await redis.connect();
      expect(await redis.set('k', 'v')).toBe('OK');
      redis.disconnect();
      const client = createClient({
        RESP: 3,
        password: PASSWORD,
        socket: { host: '127.0.0.1', port: guarded.port, reconnectStrategy: false },
      });
      await client.connect();
      expect(await client.get('k')).toBe('v');
      await client.close();
      const wrong = createClient({
        password: 'wrong',
        socket: { host: '127.0.0.1', port: guarded.port, reconnectStrategy: false },
      });
      wrong.on('error', () => {});
      await expect(wrong.connect()).rejects.toThrow('WRONGPASS');
    } finally {
      await guarded.stop();
    }
  });
});
