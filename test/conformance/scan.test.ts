/** Runs the cases of SCAN, KEYS and RANDOMKEY, and whole scans of many keys while other connections write. */

import { describe, expect, test } from 'vitest';
import { defineCases } from './harness.js';
import type { Reply, RespClient } from './resp-client.js';
import { SCAN_CASES } from './scan.cases.js';
import { availableServers, RunningServer } from './servers.js';

defineCases('scan', SCAN_CASES);

const KEYS = 20_000;

function textOf(reply: Reply): string {
  return String(reply.value);
}

/** Scans to the end; returns the keys as they came. */
async function scanAll(client: RespClient, ...options: string[]): Promise<string[]> {
  const keys: string[] = [];
  let cursor = '0';
  do {
    const reply = await client.command('SCAN', cursor, ...options);
    const [next, some] = reply.value as readonly Reply[];
    cursor = textOf(next);
    expect(Number(cursor)).toBeGreaterThanOrEqual(0);
    keys.push(...(some.value as readonly Reply[]).map(textOf));
  } while (cursor !== '0');
  return keys;
}

async function fill(client: RespClient, prefix: string, count: number): Promise<string[]> {
  const names = Array.from({ length: count }, (_, i) => `${prefix}${i}`);
  for (let i = 0; i < count; i += 1000) {
    await client.command('MSET', ...names.slice(i, i + 1000).flatMap((name) => [name, 'v']));
  }
  return names;
}

for (const { name } of availableServers()) {
  describe(`scans of many keys on ${name}`, () => {
    test('all keys come while other connections add and delete', { timeout: 60_000 }, async () => {
      const server = await RunningServer.start(name);
      try {
        const client = await server.open();
        const names = await fill(client, 'stays:', KEYS);
        const other = await server.open();
        let done = false;
        const busy = (async () => {
          for (let round = 0; !done && round < 40; round++) {
            const added = await fill(other, `round${round}:`, 2000);
            if (round % 2 === 0) await other.command('DEL', ...added);
          }
        })();
        const keys = new Set(await scanAll(client, 'COUNT', '50'));
        done = true;
        await busy;
        expect(names.filter((key) => !keys.has(key))).toEqual([]);
        await other.command('FLUSHALL');
        client.close();
        other.close();
      } finally {
        await server.stop();
      }
    });

    test('patterns, types and KEYS', { timeout: 60_000 }, async () => {
      const server = await RunningServer.start(name);
      try {
        const client = await server.open();
        await fill(client, 'k:', KEYS);
        const wanted = Array.from({ length: KEYS / 10 }, (_, i) => `k:${i * 10 + 7}`).sort();
        expect([...new Set(await scanAll(client, 'MATCH', 'k:*7', 'COUNT', '100'))].sort()).toEqual(wanted);
        expect(await scanAll(client, 'TYPE', 'list', 'COUNT', '1000')).toEqual([]);
        const keys = (await client.command('KEYS', 'k:*7')).value as readonly Reply[];
        expect(keys.map(textOf).sort()).toEqual(wanted);
        expect(((await client.command('KEYS', '*')).value as readonly Reply[]).length).toBe(KEYS);
        const drawn = new Set<string>();
        for (let i = 0; i < 200; i++) drawn.add(textOf(await client.command('RANDOMKEY')));
        expect(drawn.size).toBeGreaterThan(150);
        client.close();
      } finally {
        await server.stop();
      }
    });
  });
}
