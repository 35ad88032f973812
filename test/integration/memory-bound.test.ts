/** `maxmemory` bounds what clients make the process take: data, buffers of connections, and what is announced. */

import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { frame, type RespClient } from '../conformance/resp-client.js';
import { freePort, RunningServer } from '../conformance/servers.js';
import { MIB, openSocket, receivedUntilClosed, residentBytes } from './fault-helpers.js';
import { TRANSPORTS } from './memcached-helpers.js';
import { eventually, infoField, text } from './server-helpers.js';

/** What buffers may take without the data giving way. */
const FREE = 16 * MIB;
/** The threads' heaps move by this much on their own. */
const NOISE = 60 * MIB;
const OOM = "OOM command not allowed when used memory > 'maxmemory'.";

let server: RunningServer;
let transport: readonly string[];
const clients: RespClient[] = [];
const sockets: Socket[] = [];

async function start(...args: string[]): Promise<RespClient> {
  server = await RunningServer.start('ashlar', [...args, ...transport]);
  return open();
}

async function open(): Promise<RespClient> {
  const client = await server.open();
  clients.push(client);
  return client;
}

async function field(admin: RespClient, name: string): Promise<number> {
  return Number(await infoField(admin, name));
}

/** Stores `count` values of `bytes` each. */
async function fill(client: RespClient, count: number, bytes: number): Promise<void> {
  const value = 'x'.repeat(bytes);
  for (let i = 0; i < count; i++) await client.command('SET', `fill:${i}`, value);
}

/** A client that asks for `count` values of a megabyte, and reads none. */
async function askForMegabytes(count: number): Promise<RespClient> {
  const client = await open();
  await client.command('PING');
  client.pause();
  client.write(Buffer.concat(Array.from({ length: count }, () => frame(['GET', 'megabyte']))));
  return client;
}

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const client of clients.splice(0)) client.close();
  await server.stop();
});

describe.each(TRANSPORTS)('%s', (_, args) => {
  beforeEach(() => {
    transport = args;
  });

  test.each([1, 2])(
    'an empty server of %i threads takes the fixed part, and leaves buffers theirs',
    async (threads) => {
      await start('--maxmemory', '64mb', '--threads', String(threads));
      expect(residentBytes(server.process.pid)).toBeLessThan((128 + 16 * threads) * MIB - FREE);
    },
  );

  describe('an argument', () => {
    const MOST = Math.floor((64 * MIB) / 3);

    test('of a third of maxmemory is taken, of one byte more is refused before it comes', async () => {
      const admin = await start('--maxmemory', '64mb', '--shards', '1');
      expect(text(await admin.command('SET', 'k', 'x'.repeat(MOST)))).toBe('OK');
      expect(text(await admin.command('STRLEN', 'k'))).toBe(String(MOST));
      for (const length of [MOST + 1, 536_870_912]) {
        const client = await open();
        client.write(`*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$${length}\r\n`);
        expect(text(await client.reply())).toBe(OOM);
        await eventually('closed', () => client.closed);
      }
      expect(text(await admin.command('STRLEN', 'k'))).toBe(String(MOST));
    });

    test('that is announced and sent, though it is too large, takes no memory', async () => {
      const admin = await start('--maxmemory', '64mb');
      const before = residentBytes(server.process.pid);
      const sent = 'x'.repeat(8 * MIB);
      for (let i = 0; i < 20; i++) {
        const socket = await openSocket(server.port);
        sockets.push(socket);
        socket.write(`*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$536870912\r\n${sent}`);
        expect(await receivedUntilClosed(socket)).toBe(`-${OOM}\r\n`);
      }
      expect(residentBytes(server.process.pid) - before).toBeLessThan(NOISE);
      expect(text(await admin.command('EXISTS', 'k'))).toBe('0');
    });

    test('follows maxmemory, for connections that are there too', async () => {
      const admin = await start('--maxmemory', '64mb', '--shards', '1');
      const client = await open();
      expect(text(await client.command('SET', 'k', 'x'.repeat(13 * MIB)))).toBe('OK');
      expect(text(await admin.command('CONFIG', 'SET', 'maxmemory', '32mb'))).toBe('OK');
      client.write(`*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$${13 * MIB}\r\n`);
      expect(text(await client.reply())).toBe(OOM);
    });

    test('of a Memcached client is refused, and skipped as it comes', async () => {
      const port = await freePort();
      await start('--maxmemory', '64mb', '--memcached-port', String(port), '--memcached-item-size-max', '256mb');
      const before = residentBytes(server.process.pid);
      for (let i = 0; i < 4; i++) {
        const socket = await openSocket(port);
        sockets.push(socket);
        const reply = receivedUntilClosed(socket);
        socket.write(`set k 0 0 ${MOST + 1}\r\n${'x'.repeat(MOST + 1)}\r\nget k\r\nquit\r\n`);
        expect(await reply).toBe('SERVER_ERROR object too large for cache\r\nEND\r\n');
      }
      expect(residentBytes(server.process.pid) - before).toBeLessThan(NOISE);
    });
  });

  describe('buffers', () => {
    test('make the data give way, and give it back', async () => {
      const admin = await start('--maxmemory', '64mb', '--shards', '1');
      await admin.command('CLIENT', 'NO-EVICT', 'ON');
      await admin.command('SET', 'megabyte', 'm'.repeat(MIB));
      await admin.command('CACHE.PIN', 'megabyte');
      await fill(admin, 700, 100_000);
      const items = await field(admin, 'ashlar_items');
      const readers = await Promise.all(Array.from({ length: 9 }, () => askForMegabytes(100)));
      await eventually('they have buffers', async () => (await field(admin, 'mem_clients_normal')) > FREE + 2 * MIB);
      await eventually('all is within the limit', async () => (await field(admin, 'used_memory')) <= FREE + 64 * MIB);
      expect(await field(admin, 'ashlar_items')).toBeLessThan(items);
      expect(await field(admin, 'evicted_clients')).toBe(0);
      for (const reader of readers) reader.close();
      await eventually('they are gone', async () => (await field(admin, 'mem_clients_normal')) < MIB);
      await fill(admin, 700, 100_000);
      expect(await field(admin, 'ashlar_items')).toBeGreaterThanOrEqual(items - 2);
    });

    test('of a client that does not read grow no further, and it misses nothing', async () => {
      const COUNT = 300;
      const admin = await start('--maxmemory', '128mb', '--shards', '1');
      await admin.command('SET', 'megabyte', 'm'.repeat(MIB));
      const reader = await askForMegabytes(COUNT);
      await eventually('it has buffers', async () => (await field(admin, 'mem_clients_normal')) > 2 * MIB);
      reader.write(frame(['ECHO', 'the end']));
      expect(text(await admin.command('PING'))).toBe('PONG');
      expect(await field(admin, 'mem_clients_normal')).toBeLessThan(16 * MIB);
      reader.resume();
      for (let i = 0; i < COUNT; i++) expect(text(await reader.reply()).length).toBe(MIB);
      expect(text(await reader.reply())).toBe('the end');
      expect(await field(admin, 'evicted_clients')).toBe(0);
    });

    test.each(['OFF', 'ON'])(
      'of one request cannot grow beyond what all clients may take (NO-EVICT %s)',
      async (spared) => {
        const admin = await start('--maxmemory', '64mb');
        await admin.command('SET', 'megabyte', 'm'.repeat(MIB));
        const before = residentBytes(server.process.pid);
        const client = await open();
        await client.command('CLIENT', 'NO-EVICT', spared);
        client.write(frame(['MGET', ...Array.from({ length: 1000 }, () => 'megabyte')]));
        await eventually('closed', () => client.closed);
        expect(residentBytes(server.process.pid) - before).toBeLessThan(NOISE + 64 * MIB);
        expect(await field(admin, 'evicted_clients')).toBe(1);
        expect(text(await admin.command('STRLEN', 'megabyte'))).toBe(String(MIB));
      },
    );

    test('above half of maxmemory cost the largest clients their connections', async () => {
      const admin = await start('--maxmemory', '64mb');
      await admin.command('CLIENT', 'NO-EVICT', 'ON');
      const before = residentBytes(server.process.pid);
      for (let i = 0; i < 40; i++) {
        const socket = connect({ port: server.port, host: '127.0.0.1' }).on('error', () => {});
        sockets.push(socket);
        socket.write(`*2\r\n$4\r\nECHO\r\n$${16 * MIB}\r\n${'x'.repeat(4 * MIB)}`);
      }
      await eventually('some are closed', async () => (await field(admin, 'evicted_clients')) > 0);
      await eventually(
        'the rest is within the limit',
        async () => (await field(admin, 'mem_clients_normal')) <= 32 * MIB,
      );
      // Node streams leave it to the garbage collector when memory is free again.
      if ((await infoField(admin, 'ashlar_native_core')) === '1')
        await eventually('little is kept', () => residentBytes(server.process.pid) - before < NOISE + 64 * MIB);
    });
  });

  describe('maxmemory lowered under load', () => {
    test('is kept, and the memory goes back to the system', async () => {
      const admin = await start('--maxmemory', '192mb', '--shards', '1');
      await fill(admin, 1800, 100_000);
      const before = residentBytes(server.process.pid);
      let writing = true;
      const writer = await open();
      const load = (async () => {
        for (let i = 0; writing; i++) await writer.command('SET', `load:${i % 1000}`, 'y'.repeat(1000));
      })();
      expect(text(await admin.command('CONFIG', 'SET', 'maxmemory', '64mb'))).toBe('OK');
      await eventually('it is kept', async () => (await field(admin, 'used_memory')) <= 65 * MIB);
      if ((await infoField(admin, 'ashlar_native_core')) === '1')
        await eventually('given back', () => residentBytes(server.process.pid) < before - 80 * MIB);
      writing = false;
      await load;
      expect(text(await admin.command('SET', 'last', 'y'.repeat(1000)))).toBe('OK');
      expect(await field(admin, 'ashlar_refused_writes')).toBe(0);
      expect(text(await admin.command('GET', 'last')).length).toBe(1000);
    });
  });

  describe('noeviction', () => {
    test('warns before memory is used up, and refuses writes then; reads and deletes go on', async () => {
      const admin = await start('--maxmemory', '32mb', '--shards', '1', '--maxmemory-policy', 'noeviction');
      const warnings = (): number => server.log.split('maxmemory-policy is noeviction').length - 1;
      await fill(admin, 270, 100_000);
      await eventually('warned', () => warnings() === 1);
      let refused = '';
      for (let i = 270; refused === '' && i < 400; i++) {
        const reply = text(await admin.command('SET', `fill:${i}`, 'x'.repeat(100_000)));
        if (reply !== 'OK') refused = reply;
      }
      expect(refused).toBe(OOM);
      expect(text(await admin.command('GET', 'fill:0')).length).toBe(100_000);
      expect(text(await admin.command('DEL', 'fill:0', 'fill:1'))).toBe('2');
      expect(text(await admin.command('SET', 'fill:0', 'x'.repeat(100_000)))).toBe('OK');
      expect(warnings()).toBe(1);
    });
  });
});
