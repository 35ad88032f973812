/** A worker thread that throws: what goes with it, what stays, and that it comes back. */

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { RespClient } from '../conformance/resp-client.js';
import { RunningServer } from '../conformance/servers.js';
import { expectOnlyClient, hasNativeCore, openDescriptors } from './fault-helpers.js';
import { eventually, infoField, text } from './server-helpers.js';

const KEYS = 500;
/** As in fleet.ts: threads that live for less than five seconds. */
const EARLY_DEATHS_MAX = 5;

let server: RunningServer;
const clients: RespClient[] = [];

async function open(): Promise<RespClient> {
  const client = await server.open();
  clients.push(client);
  return client;
}

async function panic(client: RespClient): Promise<void> {
  await expect(client.command('DEBUG', 'PANIC')).rejects.toThrow();
}

/** A connection that is served by a thread which lives. While the thread of the fallback is being replaced, nobody listens. */
async function reconnect(): Promise<RespClient> {
  let client: RespClient | undefined;
  await eventually('a new connection is served', async () => {
    try {
      client = await open();
      return text(await client.command('PING')) === 'PONG';
    } catch {
      return false;
    }
  });
  return client as RespClient;
}

async function replaced(times: number): Promise<RespClient> {
  const client = await reconnect();
  await eventually('replaced', async () => (await infoField(client, 'ashlar_workers_replaced')) === String(times));
  return client;
}

beforeEach(async () => {
  server = await RunningServer.start('ashlar', ['--enable-debug-command', 'yes']);
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await server.stop();
});

describe('an exception in a worker', () => {
  test('closes its connections and no others; keys stay; the worker is replaced and counted', async () => {
    const admin = await open();
    for (let i = 0; i < KEYS; i++) admin.write(`SET key:${i} value:${i}\r\n`);
    for (let i = 0; i < KEYS; i++) await admin.reply();
    const native = await hasNativeCore(admin);
    const all = [admin];
    while (all.length < 8) {
      const client = await open();
      await client.command('PING');
      all.push(client);
    }
    await panic(all[7]);
    const survivors = all.filter((client) => !client.closed);
    // Which thread a connection is on is not shown, so: half of them, or all of them where one thread serves.
    await eventually(
      'its connections are closed',
      () => all.filter((client) => client.closed).length >= (native ? 4 : 8),
    );
    expect(all.filter((client) => client.closed).length).toBe(native ? 4 : 8);
    for (const client of survivors) if (!client.closed) expect(text(await client.command('PING'))).toBe('PONG');

    const client = await replaced(1);
    for (let i = 0; i < KEYS; i++) expect(text(await client.command('GET', `key:${i}`))).toBe(`value:${i}`);
    expect(await infoField(client, 'ashlar_shard_resets')).toBe('0');
    expect(server.log).toContain('a client sent DEBUG PANIC');
    expect(server.process.exitCode).toBeNull();
  });

  test('in the middle of a pipeline: what was before it is done, what is behind it is not', async () => {
    const client = await open();
    client.write('SET before 1\r\n');
    expect(text(await client.reply())).toBe('OK');
    client.write('DEBUG PANIC\r\nSET after 1\r\n');
    await expect(client.reply()).rejects.toThrow();
    const next = await replaced(1);
    expect(text(await next.command('GET', 'before'))).toBe('1');
    expect((await next.command('GET', 'after')).value).toBeNull();
  });

  test('while new clients come: none of them is forgotten', async () => {
    const admin = await open();
    await admin.command('PING');
    const before = openDescriptors(server.process.pid);
    const victim = await open();
    await victim.command('PING');
    victim.write('DEBUG PANIC\r\n');
    // Some of these are handed to the thread that is about to die.
    const arrivals = await Promise.all(
      Array.from({ length: 40 }, async () => {
        const client = await open().catch(() => undefined);
        return client?.command('PING').then(text, (error: Error) => error.message);
      }),
    );
    for (const outcome of arrivals) expect(outcome ?? 'refused').toMatch(/^(PONG|refused|.*closed.*|.*ECONNRESET.*)$/);
    const last = await replaced(1);
    for (const client of clients.splice(0)) if (client !== last) client.close();
    clients.push(last);
    await expectOnlyClient(last);
    // The dead thread's sockets do not stay behind.
    await eventually('no descriptor is left over', () => openDescriptors(server.process.pid) <= before);
  });

  test('again and again, right after its start: replaced five times, then the server gives up', async () => {
    for (let i = 1; i <= EARLY_DEATHS_MAX; i++) {
      const client = await open();
      await client.command('SET', 'round', i);
      await panic(client);
      expect(text(await (await replaced(i)).command('GET', 'round'))).toBe(String(i));
    }
    await panic(await open());
    await eventually('the process has ended', () => server.process.exitCode !== null);
    expect(server.process.exitCode).toBe(1);
    expect(server.log).toContain('the server cannot go on');
  });
});
