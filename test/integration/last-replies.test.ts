/**
 * Clients that say that they have said everything get every reply, however much it is and however late they read it; and those whose request is refused
 * hear why, however much they send before they listen.
 */

import type { Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import type { RespClient } from '../conformance/resp-client.js';
import { RunningServer } from '../conformance/servers.js';
import { expectOnlyClient, MIB, openSocket, receivedUntilClosed } from './fault-helpers.js';
import { TRANSPORTS } from './memcached-helpers.js';
import { eventually, infoField } from './server-helpers.js';

const VALUES = 40;
/** More than a third of maxmemory, and more than sockets take. */
const LARGE = 64 * MIB;
/** A connection that is closing is kept for five seconds if nothing more comes. */
const LONGER_MS = 6000;

let server: RunningServer;
let admin: RespClient;

async function start(...args: string[]): Promise<Socket> {
  server = await RunningServer.start('ashlar', ['--maxmemory', '64mb', '--shards', '1', '--threads', '1', ...args]);
  admin = await server.open();
  await admin.command('SET', 'k', 'x'.repeat(MIB));
  const socket = await openSocket(server.port);
  socket.pause();
  return socket;
}

/** Where the replies to `VALUES` requests for the value are, in all that a socket gets. */
async function valuesRead(socket: Socket): Promise<number> {
  const received = receivedUntilClosed(socket);
  socket.resume();
  return (await received).split(`$${MIB}\r\n${'x'.repeat(MIB)}\r\n`).length - 1;
}

afterEach(async () => {
  admin.close();
  await server.stop();
});

describe.each(TRANSPORTS)('%s', (_, args) => {
  const values = 'GET k\r\n'.repeat(VALUES);

  /** More than the sockets take: the server holds back the rest of the pipeline until some of it is read. */
  const throttled = (): Promise<void> =>
    eventually('the server has stopped for the client to read', async () => {
      const before = await infoField(admin, 'total_net_output_bytes');
      await new Promise((resolve) => setTimeout(resolve, 100));
      const pending = Number(
        /tot-mem=(\d{7,}) .*cmd=get/.exec(String((await admin.command('CLIENT', 'LIST')).value))?.[1],
      );
      return pending > MIB && Number(await infoField(admin, 'total_net_output_bytes')) - Number(before) < MIB;
    });

  test('a half-closed connection, behind a command that answers later', async () => {
    const socket = await start(...args);
    socket.end(`CLIENT LIST\r\n${values}`);
    await throttled();
    expect(await valuesRead(socket)).toBe(VALUES);
    await expectOnlyClient(admin);
  });

  test.each(['QUIT\r\n', '*1\r\n!\r\n'])(
    'a connection that the server ends, and that is sent more (%j)',
    async (last) => {
      const socket = await start(...args);
      socket.write(values + last);
      await throttled();
      const read = valuesRead(socket);
      const timer = setInterval(() => socket.write('PING\r\n'), 1);
      expect(await read).toBe(VALUES);
      clearInterval(timer);
      await expectOnlyClient(admin);
    },
  );

  test.each([
    ['more than there is memory for', [], "-OOM command not allowed when used memory > 'maxmemory'."],
    ['more than a value may have', ['--proto-max-bulk-len', '1mb'], '-ERR Protocol error: invalid bulk length'],
  ])('an argument of %s, all of which is sent before the error is read', async (_what, more, error) => {
    const first = await start(...args, ...more);
    const request = `*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$${LARGE}\r\n`;
    const piece = Buffer.alloc(MIB, 'x');
    // One as fast as it can, and one that takes its time.
    const send = async (socket: Socket, pauseMs: number): Promise<string> => {
      socket.write(request);
      for (let sent = 0; sent < LARGE; sent += piece.length) {
        await new Promise((resolve) => socket.write(piece, resolve));
        if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
      }
      const received = receivedUntilClosed(socket);
      socket.resume();
      return received;
    };
    const second = await openSocket(server.port);
    second.pause();
    const replies = await Promise.all([send(first, 0), send(second, (LONGER_MS * MIB) / LARGE)]);
    expect(replies).toEqual([`${error}\r\n`, `${error}\r\n`]);
    await expectOnlyClient(admin);
  });
});
