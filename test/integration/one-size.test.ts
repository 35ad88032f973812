/** Bad days of the sizes: all traffic of one size in a cache that is full of another, and back. */

import { afterEach, expect, test } from 'vitest';
import { frame, type RespClient } from '../conformance/resp-client.js';
import { RunningServer } from '../conformance/servers.js';
import { MIB } from './fault-helpers.js';
import { infoField, text } from './server-helpers.js';

/** Of a cache of this size, what one size of values must come to have: the rest is index, headers and rounding. */
const MAXMEMORY = 24 * MIB;
const SHARE = 0.5;
const CHUNK = 500;

let server: RunningServer;
let client: RespClient;

afterEach(async () => {
  client.close();
  await server.stop();
});

/**
 * Sets values of one size under new keys, as many bytes as there is memory.
 * @returns bytes of them that are there afterwards
 */
async function flood(bytes: number, name: string): Promise<number> {
  const keys = Math.ceil(MAXMEMORY / bytes);
  const value = 'x'.repeat(bytes);
  const names = Array.from({ length: keys }, (_, i) => `${name}:${i}`);
  for (let from = 0; from < keys; from += CHUNK) {
    const chunk = names.slice(from, from + CHUNK);
    client.write(Buffer.concat(chunk.map((name) => frame(['SET', name, value]))));
    for (let i = 0; i < chunk.length; i++) expect(text(await client.reply())).toBe('OK');
  }
  let kept = 0;
  for (let from = 0; from < keys; from += CHUNK)
    kept += Number((await client.command('EXISTS', ...names.slice(from, from + CHUNK))).value);
  return kept * bytes;
}

/** Keystone holds on to small items for a while: a byte of them is worth more hits. (And to keys that come back; so no key does.) */
test.each([
  ['allkeys-lru', 4],
  ['allkeys-keystone', 32],
])(
  '%s: whatever size the traffic turns to gets the memory, and gets it back',
  { timeout: 120_000 },
  async (policy, rounds) => {
    server = await RunningServer.start('ashlar', ['--maxmemory', String(MAXMEMORY), '--maxmemory-policy', policy]);
    client = await server.open();
    for (const [stage, bytes] of [100, 10_000, 100, 100_000, 1000].entries()) {
      let kept = 0;
      for (let round = 0; round < rounds && kept < SHARE * MAXMEMORY; round++)
        kept = await flood(bytes, `${stage}:${round}`);
      expect(kept, `${bytes} bytes`).toBeGreaterThanOrEqual(SHARE * MAXMEMORY);
      expect(Number(await infoField(client, 'used_memory'))).toBeLessThanOrEqual(MAXMEMORY + MIB);
    }
    expect(await infoField(client, 'ashlar_refused_writes')).toBe('0');
    expect(await infoField(client, 'total_error_replies')).toBe('0');
  },
);
