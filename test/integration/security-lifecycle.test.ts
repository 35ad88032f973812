/** Connections that end at the worst moment: killed, timed out, paused, disconnected while a command waits, all under load. */

import { afterEach, beforeEach, expect, test } from 'vitest';
import { frame, type RespClient } from '../conformance/resp-client.js';
import { RunningServer } from '../conformance/servers.js';
import { Random } from '../fuzz/generator.js';
import { expectOnlyClient, expectUnharmed } from './fault-helpers.js';
import { eventually, infoField, text } from './server-helpers.js';

const ACTORS = 30;
const CHAOS_MS = 2500;

let server: RunningServer;
let admin: RespClient;

beforeEach(async () => {
  server = await RunningServer.start('ashlar', ['--maxmemory', '64mb']);
  admin = await server.open();
});

afterEach(async () => {
  admin.close();
  await server.stop();
});

/** What a client does until it is ended, or ends. Some of these suspend it. */
const ACTS: readonly ((client: RespClient, random: Random) => void)[] = [
  (client, random) => client.write(frame(['SET', `k${random.below(50)}`, 'x'.repeat(random.below(2000))])),
  (client, random) => client.write('GET k1\r\nINCR n\r\nMGET k1 k2 k3\r\n'.repeat(1 + random.below(100))),
  (client) => client.write('CLIENT LIST\r\nPING\r\nCLIENT INFO\r\n'),
  (client) => client.write('CONFIG SET slowlog-max-len 64\r\nSLOWLOG GET\r\nPING\r\n'),
  (client) => client.write('CLIENT LIST\r\n'.repeat(20)),
  (client) => client.write('LATENCY LATEST\r\nMEMORY STATS\r\nMEMORY PURGE\r\nKEYS *\r\n'),
  (client) => client.write('MONITOR\r\n'),
  (client) => client.write('CLIENT REPLY SKIP\r\nPING\r\n'),
  (client, random) => client.write(`CLIENT PAUSE ${1 + random.below(30)} ${random.pick(['ALL', 'WRITE'])}\r\n`),
  (client, random) => client.write(`CLIENT KILL TYPE normal SKIPME ${random.pick(['yes', 'no'])} MAXAGE 1\r\n`),
  (client, random) => client.write(`CLIENT KILL ID ${1 + random.below(400)}\r\n`),
  (client) => client.write('RESET\r\nSELECT 3\r\nFLUSHDB\r\nSWAPDB 3 0\r\n'),
  (client) => client.write(`*3\r\n$3\r\nSET\r\n$3\r\nbig\r\n$400000\r\n${'y'.repeat(200_000)}`),
  (client) => client.write('QUIT\r\nPING\r\n'),
  (client) => client.write('*1\r\n!\r\n'),
  (client) => client.pause(),
  (client) => client.close(),
];

test('random ends under load harm nobody else', async () => {
  const seed = Number(process.env.FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 31));
  const deadline = Date.now() + CHAOS_MS;
  const actor = async (number: number): Promise<void> => {
    const random = new Random(seed + number);
    while (Date.now() < deadline) {
      const client = await server.open().catch(() => undefined);
      for (let i = 1 + random.below(20); i > 0 && client?.closed === false; i--) {
        random.pick(ACTS)(client, random);
        if (random.chance(60)) await new Promise((resolve) => setImmediate(resolve));
      }
      client?.close();
    }
  };
  await Promise.all(Array.from({ length: ACTORS }, (_, number) => actor(number)));
  // What is still being executed of the clients that are gone can kill this one too.
  await eventually(`quiet, FUZZ_SEED=${seed}`, async () => {
    admin.close();
    try {
      admin = await server.open();
      await admin.command('CLIENT', 'UNPAUSE');
      return (await infoField(admin, 'connected_clients')) === '1';
    } catch {
      return false;
    }
  });
  for (const figure of ['blocked_clients', 'ashlar_monitors', 'mem_clients_normal'])
    await eventually(`${figure}, FUZZ_SEED=${seed}`, async () => Number(await infoField(admin, figure)) <= 8192);
  expect(await infoField(admin, 'blocked_clients')).toBe('0');
  expect(await infoField(admin, 'ashlar_monitors')).toBe('0');
  await expectUnharmed(server);
  expect(server.log).not.toContain('a command failed');
});

test('clients that go while they are suspended are forgotten, and their slots are used again', async () => {
  for (let round = 0; round < 5; round++) {
    const clients = await Promise.all(Array.from({ length: 40 }, () => server.open()));
    await admin.command('CLIENT', 'PAUSE', '60000', 'WRITE');
    for (const client of clients) client.write(`INCR paused\r\nPING\r\nINCR paused\r\n`);
    await eventually('all wait', async () => (await infoField(admin, 'blocked_clients')) === '40');
    for (const client of clients) client.write('GET paused\r\n');
    for (const client of clients.slice(0, 20)) client.close();
    await admin.command('CLIENT', 'UNPAUSE');
    for (const client of clients.slice(20)) {
      expect((await client.reply()).type).toBe(':');
      expect(text(await client.reply())).toBe('PONG');
      expect((await client.reply()).type).toBe(':');
      expect((await client.reply()).type).toBe('$');
      client.close();
    }
    await expectOnlyClient(admin);
    expect(await infoField(admin, 'blocked_clients')).toBe('0');
  }
});

test('a killed client has the replies that it was sent before, and no others', async () => {
  const victim = await server.open();
  const id = text(await victim.command('CLIENT', 'ID'));
  await admin.command('CLIENT', 'PAUSE', '60000', 'WRITE');
  victim.write('PING\r\nSET killed 1\r\nPING\r\n');
  expect(text(await victim.reply())).toBe('PONG');
  await eventually('it waits', async () => (await infoField(admin, 'blocked_clients')) === '1');
  expect((await admin.command('CLIENT', 'KILL', 'ID', id)).value).toBe('1');
  await eventually('closed', () => victim.closed);
  expect(victim.untaken).toBe(0);
  await admin.command('CLIENT', 'UNPAUSE');
  expect((await admin.command('EXISTS', 'killed')).value).toBe('0');
  await expectOnlyClient(admin);
});
