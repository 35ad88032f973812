/** Expiry that says when: keys that nobody asks for go soon after their deadline, and INFO says how soon, on both transports. */

import { afterEach, describe, expect, test } from 'vitest';
import { frame, type RespClient } from '../conformance/resp-client.js';
import { RunningServer } from '../conformance/servers.js';
import { eventually, infoField, text } from './server-helpers.js';

/** What a pass and a slow machine take; where upkeep is held up it is more. */
const LAG_MS = 250;

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

/** SETs in one go, without replies. */
async function fill(client: RespClient, count: number, ...options: (string | number)[]): Promise<void> {
  const sets = Array.from({ length: count }, (_, i) => frame(['SET', `key:${i}`, 'x'.repeat(80), ...options]));
  client.write(Buffer.concat([frame(['CLIENT', 'REPLY', 'OFF']), ...sets]));
  expect(text(await client.command('CLIENT', 'REPLY', 'ON'))).toBe('OK');
}

const figure = async (client: RespClient, name: string): Promise<number> => Number(await infoField(client, name));
const size = async (client: RespClient): Promise<number> => Number(text(await client.command('DBSIZE')));

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await server.stop();
});

describe.each(['auto', 'off'])('with the native core %s', (native) => {
  test('keys go when it is time, the figures say so, and are reset', async () => {
    const client = await start('--native', native);
    expect(await figure(client, 'expire_lag_p99_ms')).toBe(0);
    await client.command('SET', 'stays', 'x', 'PX', 600_000);
    await fill(client, 2000, 'PX', 300);
    await eventually('expired', async () => (await size(client)) === 1);
    expect(await figure(client, 'expired_keys')).toBe(2000);
    expect(await figure(client, 'ashlar_expired_by_sweep')).toBe(2000);
    expect(await figure(client, 'expire_lag_ms')).toBe(0);
    const [p50, p99, max] = [
      await figure(client, 'expire_lag_p50_ms'),
      await figure(client, 'expire_lag_p99_ms'),
      await figure(client, 'expire_lag_max_ms'),
    ];
    expect(p50).toBeLessThanOrEqual(p99);
    expect(p99).toBeLessThanOrEqual(max);
    expect(p50).toBeLessThan(LAG_MS);

    expect(text(await client.command('CONFIG', 'RESETSTAT'))).toBe('OK');
    for (const name of ['expired_keys', 'expire_lag_p50_ms', 'expire_lag_p99_ms', 'expire_lag_max_ms'])
      expect(await figure(client, name), name).toBe(0);
  });
});

describe('active expiry that is switched off', () => {
  test('leaves the keys and shows the lag; switched on, it removes them and counts it', async () => {
    const client = await start('--enable-debug-command', 'local');
    expect(text(await client.command('DEBUG', 'SET-ACTIVE-EXPIRE', '0'))).toBe('OK');
    await fill(client, 1000, 'PX', 50);
    await eventually('a lag', async () => (await figure(client, 'expire_lag_ms')) > 300);
    expect(await size(client)).toBe(1000);
    // They are gone for whoever asks.
    expect((await client.command('GET', 'key:1')).value).toBe(null);
    expect(await size(client)).toBe(999);
    expect(text(await client.command('DEBUG', 'SET-ACTIVE-EXPIRE', '1'))).toBe('OK');
    await eventually('expired', async () => (await size(client)) === 0);
    expect(await figure(client, 'expire_lag_ms')).toBe(0);
    expect(await figure(client, 'expired_keys')).toBe(1000);
    expect(await figure(client, 'ashlar_expired_by_sweep')).toBe(999);
    expect(await figure(client, 'expire_lag_p50_ms')).toBeGreaterThanOrEqual(300);
  });
});

describe('many keys with the same deadline', () => {
  test('are gone with their memory within seconds, and requests are served meanwhile', async () => {
    const client = await start('--enable-debug-command', 'local');
    const empty = await figure(client, 'ashlar_pages_used');
    await client.command('SET', 'stays', 'x');
    await client.command('DEBUG', 'SET-ACTIVE-EXPIRE', '0');
    const deadline = Date.now() + 5000;
    await fill(client, 100_000, 'PXAT', deadline);
    expect(await size(client)).toBe(100_001);
    const full = await figure(client, 'ashlar_pages_used');
    expect(full - empty).toBeGreaterThan(150);
    await eventually('the deadline', () => Date.now() >= deadline);
    const begin = Date.now();
    await client.command('DEBUG', 'SET-ACTIVE-EXPIRE', '1');
    let served = 0;
    while ((await size(client)) > 1) {
      expect(text(await client.command('GET', 'stays'))).toBe('x');
      served++;
      expect(Date.now() - begin).toBeLessThan(8000);
    }
    expect(served).toBeGreaterThan(0);
    expect(await figure(client, 'expired_keys')).toBe(100_000);
    expect(await figure(client, 'expire_cycle_cpu_milliseconds')).toBeGreaterThan(0);
    const segments = await figure(client, 'ashlar_index_segments');
    expect(await figure(client, 'ashlar_pages_used')).toBeLessThanOrEqual(empty + segments + 2);
  });
});

describe('a thread that is busy', () => {
  test('is no reason for expired keys to stay', async () => {
    const client = await start('--enable-debug-command', 'local');
    const others = [await open(), await open(), await open()];
    // Each of the two threads serves two of the connections.
    await fill(client, 1000, 'PX', 300);
    const sleep = client.command('DEBUG', 'SLEEP', '3');
    const awake = await Promise.race(others.map((other) => other.command('PING').then(() => other)));
    const begin = Date.now();
    await eventually('expired', async () => (await size(awake)) === 0);
    expect(Date.now() - begin).toBeLessThan(2500);
    expect(text(await sleep)).toBe('OK');
  });
});
