/** Commands about clients and the server when clients are served by several threads, and when a thread dies. */

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { RespClient } from '../conformance/resp-client.js';
import { RunningServer } from '../conformance/servers.js';
import { eventually, infoField, text } from './server-helpers.js';

const THREADS = 4;
/** So many connections that every thread has some. */
const CONNECTIONS = 12;
const DEBUG = ['--enable-debug-command', 'yes'];

let server: RunningServer;
let clients: RespClient[];

beforeEach(async () => {
  server = await RunningServer.start('ashlar', ['--threads', String(THREADS), ...DEBUG]);
  clients = [];
  for (let i = 0; i < CONNECTIONS; i++) {
    clients.push(await server.open());
    await clients[i].command('CLIENT', 'SETNAME', `c${i}`);
  }
});

afterEach(async () => {
  for (const client of clients) client.close();
  await server.stop();
});

async function names(client: RespClient): Promise<string[]> {
  const list = text(await client.command('CLIENT', 'LIST'));
  return [...list.matchAll(/ name=(\S*)/g)].map(([, name]) => name);
}

async function expectOk(client: RespClient, command: string): Promise<void> {
  expect(text(await client.command(...command.split(' '))), command).toBe('OK');
}

/** Kills the thread that serves a connection, and waits for the one that takes its place. */
async function killThread(victim: RespClient, witness: RespClient): Promise<void> {
  await expect(victim.command('DEBUG', 'PANIC')).rejects.toThrow('closed');
  await eventually('replaced', async () => Number(await infoField(witness, 'ashlar_workers_replaced')) === 1);
}

/** A client of another thread than that of the first. */
async function otherThread(): Promise<RespClient> {
  const pause = clients[0].command('DEBUG', 'SLEEP', '0.5');
  const answers = clients.slice(1).map(async (client) => {
    await client.command('PING');
    return client;
  });
  const other = await Promise.race(answers);
  await Promise.all([pause, ...answers]);
  return other;
}

describe('all threads together', () => {
  test('CLIENT LIST shows every client, by id', async () => {
    expect(await names(clients[7])).toEqual(clients.map((_, i) => `c${i}`));
    const ids = await Promise.all(clients.map(async (client) => Number((await client.command('CLIENT', 'ID')).value)));
    const list = text(await clients[0].command('CLIENT', 'LIST', 'ID', String(ids[5]), String(ids[2]), '99999'));
    expect([...list.matchAll(/ name=(\S*)/g)].map(([, name]) => name)).toEqual(['c5', 'c2']);
  });

  test('CLIENT KILL closes clients of any thread, at once for whoever looks', async () => {
    expect((await clients[3].command('CLIENT', 'KILL', 'TYPE', 'normal')).value).toBe(String(CONNECTIONS - 1));
    expect(await names(clients[3])).toEqual(['c3']);
    await eventually('closed', () => clients.every((client, i) => client.closed === (i !== 3)));
    expect(await infoField(clients[3], 'connected_clients')).toBe('1');
  });

  test('CONFIG SET holds for every thread when it is answered', async () => {
    for (let i = 0; i < CONNECTIONS; i++) {
      await expectOk(clients[i], `CONFIG SET timeout ${i + 100}`);
      const replies = await Promise.all(clients.map((client) => client.command('CONFIG', 'GET', 'timeout')));
      for (const reply of replies) expect(JSON.stringify(reply)).toContain(`"${i + 100}"`);
    }
  });

  test('statistics are those of all threads, and CONFIG RESETSTAT resets all of them', async () => {
    await Promise.all(clients.map((client) => client.command('INCR', 'n')));
    expect(await infoField(clients[0], 'cmdstat_incr')).toMatch(new RegExp(`^calls=${CONNECTIONS},`));
    await expectOk(clients[5], 'CONFIG RESETSTAT');
    const info = text(await clients[9].command('INFO', 'commandstats'));
    expect(info).not.toContain('cmdstat_incr');
    expect(await infoField(clients[2], 'total_connections_received')).toBe('0');
    expect(await infoField(clients[2], 'connected_clients')).toBe(String(CONNECTIONS));
  });

  test('the slow log and the latency monitor are one', async () => {
    await expectOk(clients[0], 'CONFIG SET slowlog-log-slower-than 20000 latency-monitor-threshold 20');
    for (const client of clients.slice(0, 6)) await client.command('DEBUG', 'SLEEP', '0.03');
    const all = Number((await clients[7].command('SLOWLOG', 'LEN')).value);
    const entries = (await clients[8].command('SLOWLOG', 'GET', '-1')).value as unknown as {
      value: { value: string }[];
    }[];
    // A machine with other work is slow with other commands too.
    expect(all).toBeGreaterThanOrEqual(6);
    expect(entries.length).toBeGreaterThanOrEqual(all);
    const ids = entries.map((entry) => Number(entry.value[0].value));
    expect(ids).toEqual(ids.map((_, i) => ids.length - 1 - i));
    expect(entries.filter((entry) => JSON.stringify(entry.value[3]).includes('SLEEP'))).toHaveLength(6);
    expect(JSON.stringify(await clients[9].command('LATENCY', 'LATEST'))).toContain('"command"');
    await expectOk(clients[9], 'SLOWLOG RESET');
    expect((await clients[0].command('SLOWLOG', 'LEN')).value).toBe('0');
    expect((await clients[3].command('LATENCY', 'RESET', 'command')).value).toBe('1');
    expect((await clients[1].command('LATENCY', 'LATEST')).value).toEqual([]);
  });

  test('MONITOR shows the commands of all threads, and costs nothing when it has ended', async () => {
    await expectOk(clients[0], 'MONITOR');
    await expectOk(clients[1], 'MONITOR');
    for (let i = 2; i < CONNECTIONS; i++) await clients[i].command('ECHO', `e${i}`);
    for (const monitor of clients.slice(0, 2)) {
      const seen = new Set<string>();
      while (seen.size < CONNECTIONS - 2) seen.add(/"ECHO" "(e\d+)"$/.exec(text(await monitor.reply()))?.[1] ?? '');
      expect([...seen].sort()).toEqual(Array.from({ length: CONNECTIONS - 2 }, (_, i) => `e${i + 2}`).sort());
    }
    clients[0].close();
    expect(text(await clients[1].command('RESET'))).toBe('RESET');
    await eventually('no monitor', async () => (await infoField(clients[2], 'ashlar_monitors')) === '0');
    await Promise.all(clients.slice(2).map((client) => client.command('PING')));
    expect(text(await clients[1].command('ECHO', 'x'))).toBe('x');
    expect(clients[1].untaken).toBe(0);
  });

  test('CLIENT PAUSE holds up every thread, and a second one prolongs it', async () => {
    await expectOk(clients[0], 'CLIENT PAUSE 100 WRITE');
    await expectOk(clients[1], 'CLIENT PAUSE 400 WRITE');
    const begin = performance.now();
    await Promise.all(clients.map((client, i) => client.command('SET', `k${i}`, 'v')));
    expect(performance.now() - begin).toBeGreaterThan(350);
    expect(await infoField(clients[0], 'blocked_clients')).toBe('0');
  });

  test('a client that goes during a pause leaves nothing behind', async () => {
    await expectOk(clients[0], 'CLIENT PAUSE 60000 WRITE');
    for (const client of clients.slice(1, 5)) client.write('SET k v\r\n');
    await eventually('blocked', async () => (await infoField(clients[0], 'blocked_clients')) === '4');
    for (const client of clients.slice(1, 4)) client.close();
    await eventually('gone', async () => (await infoField(clients[0], 'blocked_clients')) === '1');
    expect((await clients[0].command('EXISTS', 'k')).value).toBe('0');
    await expectOk(clients[0], 'CLIENT UNPAUSE');
    expect(text(await clients[4].reply())).toBe('OK');
  });
});

/** Without the native core one thread serves all connections, so that there is nobody else. */
const oneThreadServes = process.env.ASHLAR_NATIVE === 'off';
if (oneThreadServes)
  console.log('skipped: what happens to others when a thread dies (one thread serves without the native core)');

describe.skipIf(oneThreadServes)('a thread that dies', () => {
  test('takes its clients with it, and nobody else', async () => {
    const witness = await otherThread();
    await killThread(clients[0], witness);
    const left = clients.filter((client) => !client.closed);
    expect(left.length).toBeGreaterThanOrEqual(CONNECTIONS - CONNECTIONS / THREADS - 1);
    expect(left.length).toBeLessThan(CONNECTIONS);
    expect(await infoField(witness, 'connected_clients')).toBe(String(left.length));
    expect((await names(witness)).length).toBe(left.length);
    for (const client of left) expect(text(await client.command('PING'))).toBe('PONG');
  });

  test('is replaced by one that knows the configuration, the pause and the monitors', async () => {
    const witness = await otherThread();
    const monitor = clients.find((client) => client !== witness && client !== clients[0])!;
    await expectOk(witness, 'CONFIG SET timeout 123 slowlog-log-slower-than 0');
    await killThread(clients[0], witness);
    // The threads with the fewest clients get the next ones: among these are some of the new thread.
    const fresh: RespClient[] = [];
    for (let i = 0; i < THREADS * 2; i++) fresh.push(await server.open());
    clients.push(...fresh);
    for (const client of fresh)
      expect(JSON.stringify(await client.command('CONFIG', 'GET', 'timeout'))).toContain('"123"');
    const feed = monitor.closed ? fresh[0] : monitor;
    await expectOk(feed, 'MONITOR');
    for (const client of fresh.slice(1)) {
      await client.command('ECHO', 'hello');
      expect(text(await feed.reply())).toMatch(/"ECHO" "hello"$/);
    }
  });

  test('during a pause and with monitors: its place is taken by one that pauses and feeds', async () => {
    const witness = await otherThread();
    await expectOk(witness, 'MONITOR');
    const admin = clients.find((client) => client !== witness && client !== clients[0])!;
    await expectOk(admin, 'CLIENT PAUSE 60000 WRITE');
    await expect(clients[0].command('DEBUG', 'PANIC')).rejects.toThrow('closed');
    const control = await server.open();
    clients.push(control);
    await eventually('replaced', async () => Number(await infoField(control, 'ashlar_workers_replaced')) === 1);
    const fresh: RespClient[] = [];
    for (let i = 0; i < THREADS * 2; i++) fresh.push(await server.open());
    clients.push(...fresh);
    for (const client of fresh) client.write('SET k v\r\n');
    await eventually('all wait', async () => (await infoField(control, 'blocked_clients')) === String(fresh.length));
    await expectOk(control, 'CLIENT UNPAUSE');
    for (const client of fresh) expect(text(await client.reply())).toBe('OK');
    const lines: string[] = [];
    while (lines.length < fresh.length) {
      const line = text(await witness.reply());
      if (line.endsWith('"SET" "k" "v"')) lines.push(line);
    }
    expect(new Set(lines.map((line) => /\[.*?\]/.exec(line)?.[0])).size).toBe(fresh.length);
  });

  test('may be a monitor: then the others stop feeding it', async () => {
    const witness = await otherThread();
    const victims = await Promise.all(
      clients
        .filter((client) => client !== witness)
        .map(async (client) => ({ client, id: (await client.command('CLIENT', 'ID')).value })),
    );
    expect(victims.length).toBe(CONNECTIONS - 1);
    await killThread(clients[0], witness);
    await expectOk(witness, 'CONFIG SET slowlog-log-slower-than -1');
    expect(await infoField(witness, 'ashlar_monitors')).toBe('0');
  });
});
