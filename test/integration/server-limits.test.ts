/** Limits on clients, as they are set while the server runs: how many, how idle, how slow, how large. */

import { afterEach, describe, expect, test } from 'vitest';
import { frame, type Reply, type RespClient } from '../conformance/resp-client.js';
import { RunningServer } from '../conformance/servers.js';
import { eventually, infoField, text } from './server-helpers.js';

let server: RunningServer;
const clients: RespClient[] = [];

async function start(...args: string[]): Promise<RespClient> {
  server = await RunningServer.start('ashlar', args);
  return open();
}

async function open(): Promise<RespClient> {
  const client = await server.open();
  clients.push(client);
  return client;
}

/** Opens a connection that must be refused. */
async function refusal(): Promise<Reply> {
  const client = await open();
  const reply = await client.reply();
  await eventually('closed', () => client.closed);
  return reply;
}

async function config(client: RespClient, name: string, value: string): Promise<void> {
  const reply = await client.command('CONFIG', 'SET', name, value);
  expect(text(reply), `CONFIG SET ${name} ${value}`).toBe('OK');
}

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await server.stop();
});

describe('maxclients', () => {
  test('is a limit over all threads, and can be changed', async () => {
    const admin = await start('--maxclients', '4');
    for (let i = 0; i < 3; i++) expect(text(await (await open()).command('PING'))).toBe('PONG');
    expect(text(await refusal())).toBe('ERR max number of clients reached');
    expect(await infoField(admin, 'rejected_connections')).toBe('1');
    await config(admin, 'maxclients', '5');
    expect(text(await (await open()).command('PING'))).toBe('PONG');
    expect(text(await refusal())).toBe('ERR max number of clients reached');
    expect(await infoField(admin, 'connected_clients')).toBe('5');
    expect(await infoField(admin, 'maxclients')).toBe('5');
  });

  test('is not set above what the system allows', async () => {
    const admin = await start();
    const reply = await admin.command('CONFIG', 'SET', 'maxclients', '4000000000');
    expect(text(reply)).toMatch(
      /^ERR CONFIG SET failed \(possibly related to argument 'maxclients'\) - The operating system is not able to handle the specified number of clients, try with \d+$/,
    );
    expect(await infoField(admin, 'maxclients')).toBe('10000');
  });
});

describe('timeout', () => {
  test('closes clients that ask nothing, and no others', async () => {
    const admin = await start();
    await admin.command('CLIENT', 'SETNAME', 'admin');
    const monitor = await open();
    await monitor.command('MONITOR');
    const idle = await open();
    await idle.command('PING');
    await config(admin, 'timeout', '1');
    await eventually('the idle client is closed', async () => {
      await admin.command('PING');
      return idle.closed;
    });
    expect(monitor.closed).toBe(false);
    expect(await infoField(admin, 'ashlar_timed_out_clients')).toBe('1');
  });
});

describe('client-output-buffer-limit', () => {
  /** Asks for more than the socket's buffers take, and reads nothing. */
  async function slowReader(admin: RespClient, bytes: number): Promise<RespClient> {
    await admin.command('SET', 'big', 'x'.repeat(1 << 20));
    const reader = await open();
    await reader.command('PING');
    reader.pause();
    reader.write(Buffer.concat(Array.from({ length: bytes >> 20 }, () => frame(['GET', 'big']))));
    return reader;
  }

  test('hard: at once', async () => {
    const admin = await start();
    await config(admin, 'client-output-buffer-limit', 'normal 8mb 0 0');
    await slowReader(admin, 64 << 20);
    await eventually('closed', async () => (await infoField(admin, 'connected_clients')) === '1');
    expect(await infoField(admin, 'ashlar_output_limit_closes')).toBe('1');
  });

  test('soft: after the seconds', async () => {
    const admin = await start();
    await config(admin, 'client-output-buffer-limit', 'normal 0 1mb 2');
    await slowReader(admin, 32 << 20);
    await eventually('pending', async () => Number(await infoField(admin, 'mem_clients_normal')) > 1 << 20);
    expect(await infoField(admin, 'connected_clients')).toBe('2');
    await eventually('closed', async () => (await infoField(admin, 'connected_clients')) === '1');
  });

  test('is what a reader in time is not closed by', async () => {
    const admin = await start();
    await config(admin, 'client-output-buffer-limit', 'normal 0 1mb 1');
    const reader = await slowReader(admin, 16 << 20);
    await new Promise((resolve) => setTimeout(resolve, 300));
    reader.resume();
    for (let i = 0; i < 16; i++) expect(text(await reader.reply()).length).toBe(1 << 20);
    await new Promise((resolve) => setTimeout(resolve, 2500));
    expect(text(await reader.command('PING'))).toBe('PONG');
  });

  test('of monitors is that of subscribers', async () => {
    const admin = await start();
    await config(admin, 'client-output-buffer-limit', 'pubsub 2mb 0 0');
    const monitor = await open();
    await monitor.command('MONITOR');
    monitor.pause();
    const large = 'x'.repeat(1 << 20);
    await eventually('the monitor is closed', async () => {
      await admin.command('SET', 'big', large);
      return (await infoField(admin, 'connected_clients')) === '1';
    });
    expect(await infoField(admin, 'ashlar_monitors')).toBe('0');
  });
});

describe('client-query-buffer-limit', () => {
  test('closes a client whose command does not end', async () => {
    const admin = await start();
    await config(admin, 'client-query-buffer-limit', '1mb');
    const client = await open();
    client.write(`*2\r\n$4\r\nECHO\r\n$${8 << 20}\r\n`);
    client.write('x'.repeat(4 << 20));
    await eventually('closed', () => client.closed);
    expect(await infoField(admin, 'ashlar_query_limit_closes')).toBe('1');
  });
});

describe('proto-max-bulk-len', () => {
  test('is for connections that are there too', async () => {
    const admin = await start();
    const client = await open();
    expect(text(await client.command('SET', 'k', 'x'.repeat(2 << 20)))).toBe('OK');
    await config(admin, 'proto-max-bulk-len', '1mb');
    client.write('*2\r\n$4\r\nECHO\r\n$1048577\r\n');
    expect(text(await client.reply())).toBe('ERR Protocol error: invalid bulk length');
    await eventually('closed', () => client.closed);
  });
});

describe('maxmemory-clients', () => {
  test('closes the largest client, unless it is spared', async () => {
    const admin = await start();
    await admin.command('CLIENT', 'NO-EVICT', 'ON');
    const spared = await open();
    await spared.command('CLIENT', 'NO-EVICT', 'ON');
    const [small, large] = [await open(), await open()];
    spared.write(`*2\r\n$4\r\nECHO\r\n$${16 << 20}\r\n${'x'.repeat(6 << 20)}`);
    small.write(`*2\r\n$4\r\nECHO\r\n$${8 << 20}\r\n${'x'.repeat(2 << 20)}`);
    large.write(`*2\r\n$4\r\nECHO\r\n$${8 << 20}\r\n${'x'.repeat(4 << 20)}`);
    await eventually('buffered', async () => Number(await infoField(admin, 'mem_clients_normal')) > 12 << 20);
    await config(admin, 'maxmemory-clients', '10mb');
    await eventually('the largest is closed', () => large.closed);
    expect(small.closed).toBe(false);
    await config(admin, 'maxmemory-clients', '7mb');
    await eventually('the next is closed', () => small.closed);
    expect(spared.closed).toBe(false);
    expect(await infoField(admin, 'evicted_clients')).toBe('2');
  });
});
