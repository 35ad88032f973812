/** Clients that try to fill the memory: before they have given the password, with what they announce, by not reading, by being slow. */

import type { Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { frame, type RespClient } from '../conformance/resp-client.js';
import { RunningServer } from '../conformance/servers.js';
import { expectOnlyClient, MIB, openSocket, receivedUntilClosed, residentBytes } from './fault-helpers.js';
import { eventually, infoField, text } from './server-helpers.js';

const PASSWORD = 'open sesame';
/** Of the clients without a password, those that fill their sockets. */
const FLOODING = 4;
/** The threads' heaps move by this much on their own. */
const NOISE = 60 * MIB;

let server: RunningServer;
const sockets: Socket[] = [];
const clients: RespClient[] = [];

async function start(...args: string[]): Promise<RespClient> {
  server = await RunningServer.start('ashlar', ['--maxmemory', '256mb', ...args]);
  return open();
}

async function open(): Promise<RespClient> {
  const client = await server.open();
  clients.push(client);
  return client;
}

async function socketsTo(count: number): Promise<Socket[]> {
  const opened: Socket[] = [];
  // Some at a time: more than the backlog would wait for a second.
  while (opened.length < count) {
    const some = Array.from({ length: Math.min(100, count - opened.length) }, () => openSocket(server.port));
    opened.push(...(await Promise.all(some)));
  }
  sockets.push(...opened);
  return opened;
}

function growth(before: number): number {
  return residentBytes(server.process.pid) - before;
}

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const client of clients.splice(0)) client.close();
  await server.stop();
});

describe('before the password', () => {
  test('two thousand clients that never read cost little, and those that ask without end are closed', async () => {
    const admin = await start('--requirepass', PASSWORD);
    expect(text(await admin.command('AUTH', PASSWORD))).toBe('OK');
    const attackers = await socketsTo(2000);
    const before = residentBytes(server.process.pid);
    for (const attacker of attackers) {
      attacker.pause();
      attacker.write('GET k\r\n'.repeat(50));
    }
    // These go on until their sockets' buffers are full, and then have a kilobyte more.
    for (const attacker of attackers.slice(0, FLOODING)) {
      const flood = 'GET k\r\n'.repeat(5000);
      const keepWriting = (): void => {
        if (attacker.writable) attacker.write(flood, (error) => error ?? setImmediate(keepWriting));
      };
      keepWriting();
    }
    await eventually('closed', async () => {
      return (await infoField(admin, 'ashlar_output_limit_closes')) === String(FLOODING);
    });
    expect(text(await admin.command('PING'))).toBe('PONG');
    expect(growth(before)).toBeLessThan(NOISE);
    for (const attacker of sockets.splice(0)) attacker.destroy();
    await expectOnlyClient(admin);
  });

  test('long requests are refused before they come', async () => {
    await start('--requirepass', PASSWORD);
    for (const [bytes, error] of [
      ['*1000000\r\n$536870912\r\n', 'unauthenticated multibulk length'],
      ['*11\r\n', 'unauthenticated multibulk length'],
      ['*2\r\n$16385\r\n', 'unauthenticated bulk length'],
      ['*2\r\n$536870912\r\n', 'unauthenticated bulk length'],
    ]) {
      const client = await open();
      client.write(bytes);
      expect(text(await client.reply())).toBe(`ERR Protocol error: ${error}`);
      await eventually('closed', () => client.closed);
    }
  });

  test('AUTH lifts the limits, RESET brings them back', async () => {
    const client = await start('--requirepass', PASSWORD);
    expect(text(await client.command('GET', 'k'))).toBe('NOAUTH Authentication required.');
    expect(text(await client.command('AUTH', PASSWORD))).toBe('OK');
    expect(text(await client.command('SET', 'k', 'x'.repeat(20_000)))).toBe('OK');
    expect(text(await client.command('RESET'))).toBe('RESET');
    client.write('*2\r\n$20000\r\n');
    expect(text(await client.reply())).toBe('ERR Protocol error: unauthenticated bulk length');
  });
});

describe('announced and not sent', () => {
  test('two hundred requests of 80 MB each allocate nothing', async () => {
    const admin = await start();
    const before = residentBytes(server.process.pid);
    for (const socket of await socketsTo(200)) socket.write('*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$80000000\r\nbegun');
    for (const socket of await socketsTo(20)) socket.write('*1000000\r\n$3\r\nDEL\r\n');
    await eventually('all are there', async () => (await infoField(admin, 'connected_clients')) === '221');
    expect(text(await admin.command('PING'))).toBe('PONG');
    expect(growth(before)).toBeLessThan(NOISE);
    for (const socket of sockets.splice(0)) socket.destroy();
    await expectOnlyClient(admin);
  });

  test('a request that comes byte by byte is served, and so are all others meanwhile', async () => {
    const admin = await start();
    const bytes = [...frame(['SET', 'slow', 'value'])];
    const slow = await socketsTo(100);
    const replies = slow.map((socket) => receivedUntilClosed(socket));
    for (const byte of bytes) {
      for (const socket of slow) socket.write(Uint8Array.of(byte));
      expect(text(await admin.command('PING'))).toBe('PONG');
    }
    for (const socket of slow) socket.end();
    for (const reply of await Promise.all(replies)) expect(reply).toBe('+OK\r\n');
    expect(text(await admin.command('GET', 'slow'))).toBe('value');
  });
});

describe('replies that nobody reads', () => {
  /** More than those of whom each is served until a sixteenth of the limit waits for it. */
  const READERS = 24;

  async function slowReaders(admin: RespClient): Promise<RespClient[]> {
    await admin.command('SET', 'big', 'x'.repeat(MIB));
    const readers = await Promise.all(Array.from({ length: READERS }, open));
    for (const reader of readers) {
      await reader.command('PING');
      reader.pause();
      reader.write('GET big\r\n'.repeat(100));
    }
    return readers;
  }

  test('client-output-buffer-limit closes each of them', async () => {
    const admin = await start('--client-output-buffer-limit', 'normal 4mb 0 0');
    const before = residentBytes(server.process.pid);
    await slowReaders(admin);
    await expectOnlyClient(admin);
    expect(await infoField(admin, 'ashlar_output_limit_closes')).toBe(String(READERS));
    expect(growth(before)).toBeLessThan(NOISE + READERS * 4 * MIB);
    expect(text(await admin.command('PING'))).toBe('PONG');
  });

  test('maxmemory-clients closes as many as it takes', async () => {
    const admin = await start('--maxmemory-clients', '64mb');
    await admin.command('CLIENT', 'NO-EVICT', 'ON');
    await slowReaders(admin);
    await eventually('some are closed', async () => Number(await infoField(admin, 'evicted_clients')) > 0);
    await eventually('under the limit', async () => Number(await infoField(admin, 'mem_clients_normal')) < 64 * MIB);
    expect(text(await admin.command('GET', 'big'))).toHaveLength(MIB);
  });
});

describe('client-query-buffer-limit', () => {
  test('bounds what clients have sent of a request', async () => {
    const admin = await start('--client-query-buffer-limit', '1mb');
    const before = residentBytes(server.process.pid);
    for (const socket of await socketsTo(50)) socket.write(`*2\r\n$3\r\nGET\r\n$80000000\r\n${'x'.repeat(4 * MIB)}`);
    await expectOnlyClient(admin);
    expect(await infoField(admin, 'ashlar_query_limit_closes')).toBe('50');
    expect(growth(before)).toBeLessThan(NOISE + 100 * MIB);
  });
});
