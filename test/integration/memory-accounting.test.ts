/** What INFO says of memory is what the process takes: what it grows by while it is filled, and what it gives back when it is emptied. */

import { afterEach, beforeEach, expect, test } from 'vitest';
import { frame, type RespClient } from '../conformance/resp-client.js';
import { RunningServer } from '../conformance/servers.js';
import { hasNativeCore, MIB } from './fault-helpers.js';
import { eventually, infoField } from './server-helpers.js';

const VALUE = Buffer.alloc(4000, 'v');
const PIPELINE = 500;
const FILL = 192 * MIB;

let server: RunningServer;
let client: RespClient;

beforeEach(async () => {
  server = await RunningServer.start('ashlar', ['--maxmemory', '512mb', '--threads', '1']);
  client = await server.open();
});
afterEach(async () => {
  client.close();
  await server.stop();
});

async function figures(): Promise<{ used: number; resident: number }> {
  const used = Number(await infoField(client, 'used_memory'));
  return { used, resident: Number(await infoField(client, 'used_memory_rss')) };
}

/** Stores so many bytes of values under keys of this name. */
async function fill(name: string, bytes: number): Promise<void> {
  for (let stored = 0, i = 0; stored < bytes; stored += PIPELINE * VALUE.length) {
    client.write(Buffer.concat(Array.from({ length: PIPELINE }, () => frame(['SET', `${name}${i++}`, VALUE]))));
    for (let replies = 0; replies < PIPELINE; replies++) expect((await client.reply()).value).toBe('OK');
  }
}

test('used_memory explains what the process grows by, and it shrinks when keys go', async () => {
  // The JavaScript engine takes what it needs for this kind of work.
  await fill('warm', 32 * MIB);
  const before = await figures();
  await fill('k', FILL);
  const full = await figures();
  const grown = full.resident - before.resident;
  expect(full.used - before.used).toBeGreaterThan(FILL);
  // Without the native core what is received is in JavaScript's memory, until its collector comes.
  const explained = (await hasNativeCore(client)) ? 0.95 : 0.85;
  expect((full.used - before.used) / grown).toBeGreaterThan(explained);

  await client.command('FLUSHALL');
  expect((await figures()).used).toBeLessThan(before.used);
  // Only the native core can tell the system.
  if (!(await hasNativeCore(client))) return;
  await eventually('memory to come back', async () => (await figures()).resident < before.resident + FILL / 10);
});
