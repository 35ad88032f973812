/** The process at its limits: stopped under load, ended by a crash, without descriptors, without a port, without memory. */

import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { RespClient } from '../conformance/resp-client.js';
import { freePort } from '../conformance/servers.js';
import { Child, openSocket, PROGRAM, receivedUntilClosed } from './fault-helpers.js';
import { eventually, infoField, text } from './server-helpers.js';

const children: Child[] = [];
const sockets: Socket[] = [];
const clients: RespClient[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const client of clients.splice(0)) client.close();
  for (const child of children.splice(0)) await child.stop();
});

function ashlar(...args: string[]): Child {
  const child = new Child(process.execPath, [PROGRAM, 'serve', '--memcached-port', '0', '--threads', '2', ...args]);
  children.push(child);
  return child;
}

async function serving(...args: string[]): Promise<{ child: Child; port: number }> {
  const port = await freePort();
  const child = ashlar('--port', String(port), ...args);
  await child.ready();
  return { child, port };
}

async function open(port: number): Promise<RespClient> {
  const client = await RespClient.open(port);
  clients.push(client);
  return client;
}

describe('SIGTERM under load', () => {
  test('replies that were begun are whole, all that was acknowledged was done, exit code 0 within ten seconds', async () => {
    const { child, port } = await serving();
    const streams: Promise<string>[] = [];
    for (let i = 0; i < 20; i++) {
      const socket = await openSocket(port);
      sockets.push(socket);
      streams.push(receivedUntilClosed(socket));
      const batch = `${`INCR n:${i}\r\n`.repeat(50)}GET n:${i}\r\n`;
      const keepWriting = (): void => {
        if (socket.writable) socket.write(batch, () => setImmediate(keepWriting));
      };
      keepWriting();
    }
    await eventually('under load', () => sockets.every((socket) => socket.bytesRead > 5000));
    const begin = performance.now();
    child.process.kill('SIGTERM');
    const { code } = await child.ended;
    expect(code).toBe(0);
    expect(performance.now() - begin).toBeLessThan(10_000);
    for (const received of await Promise.all(streams)) {
      // Each increment is answered in turn, and the last reply is whole or, after a reset, lost on its way.
      let count = 0;
      const replies = received.split('\r\n');
      replies.pop();
      // There are hundreds of thousands: an `expect` for each takes longer than the rest.
      const wrong = replies.find((reply) => {
        if (reply.startsWith(':')) return reply !== `:${++count}`;
        return !reply.startsWith('$') && reply !== String(count);
      });
      expect(wrong).toBeUndefined();
      expect(count).toBeGreaterThan(0);
    }
  });

  test('a second signal ends the process at once', async () => {
    const { child, port } = await serving();
    const reader = await open(port);
    await reader.command('SET', 'big', 'x'.repeat(1 << 20));
    reader.pause();
    // The server would wait for this client to read.
    reader.write('GET big\r\n'.repeat(64));
    const other = await open(port);
    await eventually('replies wait', async () => Number(await infoField(other, 'mem_clients_normal')) > 8 << 20);
    child.process.kill('SIGTERM');
    await eventually('stopping', () => child.output.includes('stopping'));
    // Signals that come together are one wish.
    await new Promise((resolve) => setTimeout(resolve, 600));
    if (child.process.exitCode !== null) return;
    child.process.kill('SIGTERM');
    const { code } = await child.ended;
    expect(code).toBe(143);
  });
});

describe('a process that ends without a word, as one whose native core has crashed', () => {
  test.each(['SIGKILL', 'SIGABRT', 'SIGSEGV'] as const)(
    '%s: clients see the end of their connections, and another process takes its place at once',
    async (signal) => {
      const directory = mkdtempSync(join(tmpdir(), 'ashlar-crash-'));
      const [redisPath, memcachedPath] = [join(directory, 'redis'), join(directory, 'memcached')];
      const [port, memcachedPort] = [await freePort(), await freePort()];
      const doors = ['--unixsocket', redisPath, '--memcached-unixsocket', memcachedPath];
      const args = ['--threads', '2', '--port', `${port}`, '--memcached-port', `${memcachedPort}`, ...doors];
      const start = async (): Promise<Child> => {
        // Without a core file, which would be as large as the address space.
        const limited = ['-c', 'ulimit -c 0; exec "$0" "$@"', process.execPath, PROGRAM, 'serve', ...args];
        const child = new Child('sh', limited);
        children.push(child);
        await child.ready();
        return child;
      };
      try {
        const child = await start();
        const places = [port, redisPath, memcachedPort, memcachedPath];
        const ends: Promise<string>[] = [];
        // Idle ones of every door, and one in the middle of a request.
        for (const place of [...places, ...places]) {
          const socket = await openSocket(place);
          sockets.push(socket);
          ends.push(receivedUntilClosed(socket));
        }
        sockets[0].write('*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$100\r\nthe begin');
        expect(text(await (await open(port)).command('SET', 'key', 'value'))).toBe('OK');
        child.process.kill(signal);
        expect(await child.ended).toMatchObject({ code: null, signal });
        expect(await Promise.all(ends)).toEqual(ends.map(() => ''));
        expect([redisPath, memcachedPath].map((path) => existsSync(path))).toEqual([true, true]);
        await start();
        for (const place of places) {
          const socket = await openSocket(place);
          sockets.push(socket);
          const isRedis = place === port || place === redisPath;
          socket.end(isRedis ? 'GET key\r\nQUIT\r\n' : 'get key\r\nquit\r\n');
          expect(await receivedUntilClosed(socket)).toBe(isRedis ? '$-1\r\n+OK\r\n' : 'END\r\n');
        }
      } finally {
        rmSync(directory, { recursive: true, force: true });
      }
    },
  );
});

describe('too few descriptors', () => {
  test('clients beyond them are refused, and others come in when there are some again', async () => {
    const port = await freePort();
    const args = ['serve', '--memcached-port', '0', '--threads', '2', '--port', String(port)];
    const child = new Child('sh', ['-c', 'ulimit -n 256; exec "$0" "$@"', process.execPath, PROGRAM, ...args]);
    children.push(child);
    await child.ready();
    const admin = await open(port);
    const most = Number(await infoField(admin, 'maxclients'));
    expect(most).toBeLessThan(256);
    const tally = { served: 0, refused: 0, closed: 0 };
    for (let i = 0; i < 1000; i++) {
      const socket = await openSocket(port);
      sockets.push(socket);
      socket.on('data', (chunk) => {
        if (String(chunk).startsWith('+PONG')) tally.served++;
        if (String(chunk).includes('max number of clients')) tally.refused++;
      });
      socket.on('close', () => tally.closed++);
      socket.write('PING\r\n');
    }
    await eventually('all are served or refused', () => tally.served + tally.closed === 1000);
    expect(tally.served).toBe(most - 1);
    // The others were told, unless their own request made a reset of the refusal.
    expect(tally.refused).toBeGreaterThan(0);
    expect(text(await admin.command('PING'))).toBe('PONG');
    for (const socket of sockets.splice(0)) socket.destroy();
    await eventually('the clients are gone', async () => (await infoField(admin, 'connected_clients')) === '1');
    // A client is gone when the server says so, and its descriptor a moment later.
    await eventually('another comes in', async () => {
      const another = await open(port);
      return another.command('PING').then(
        (reply) => text(reply) === 'PONG',
        () => false,
      );
    });
    expect(child.process.exitCode).toBeNull();
  });
});

describe('what makes a start impossible is said in one line, with exit code 1', () => {
  async function failure(...args: string[]): Promise<string> {
    const { code, signal, out, err } = await ashlar(...args).ended;
    expect({ code, signal }).toEqual({ code: 1, signal: null });
    expect(out).toBe('');
    // Warnings of the log are not counted: they say more than one line would.
    const lines = err.split('\n').filter((line) => line !== '' && !line.includes('"level":"warn"'));
    expect(lines).toHaveLength(1);
    return lines[0];
  }

  test('a port that is in use', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as { port: number };
    expect(await failure('--port', String(port))).toMatch(
      new RegExp(`in use.*${port}|${port}.*in use|EADDRINUSE.*${port}`, 'i'),
    );
    other.close();
  });

  test('an address that is not this machine’s', async () => {
    expect(await failure('--port', String(await freePort()), '--bind', '192.0.2.1')).toContain('192.0.2.1');
  });

  test('an option that does not exist, and one with a bad value', async () => {
    expect(await failure('--no-such-option', '1')).toContain('no-such-option');
    expect(await failure('--maxmemory', 'lots')).toContain('--maxmemory: argument must be a memory value');
  });

  test('too little memory', async () => {
    expect(await failure('--port', String(await freePort()), '--maxmemory', '100kb')).toMatch(/memory/);
  });

  test('more memory than there is address space for', async () => {
    const line = await failure('--port', String(await freePort()), '--maxmemory', '100000gb');
    expect(line).toMatch(/memory|shards/);
  });
});

describe('what it listens to', () => {
  test('is TCP on the addresses asked for, and no UDP', async () => {
    const { child, port } = await serving();
    const descriptors = `/proc/${child.process.pid}/fd`;
    const inodes = new Set<string>();
    for (const fd of readdirSync(descriptors)) {
      try {
        const found = /^socket:\[(\d+)\]$/.exec(readlinkSync(`${descriptors}/${fd}`));
        if (found !== null) inodes.add(found[1]);
      } catch {
        // Closed between the two calls.
      }
    }
    const own = (table: string): string[][] =>
      readFileSync(`/proc/${child.process.pid}/net/${table}`, 'utf8')
        .split('\n')
        .slice(1)
        .map((line) => line.trim().split(/\s+/))
        .filter((fields) => inodes.has(fields[9]));
    expect([...own('udp'), ...own('udp6'), ...own('raw')]).toEqual([]);
    const listening = [...own('tcp'), ...own('tcp6')].filter((fields) => fields[3] === '0A').map((fields) => fields[1]);
    expect(listening).toEqual([`0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`]);
  });
});
