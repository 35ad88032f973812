/** Requests that take long: what they are told is right, and connections of other threads are served meanwhile. */

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { frame, type RespClient } from '../conformance/resp-client.js';
import { RunningServer } from '../conformance/servers.js';
import { expectUnharmed, hasNativeCore, MIB, openSocket } from './fault-helpers.js';
import { text } from './server-helpers.js';

const KEYS = 1_000_000;
const ROUNDS = 5;
/** Replies that the witness must have had meanwhile: were it blocked, it would have one or two in a round. */
const SERVED = 4 * ROUNDS;
const HUGE = 32 * MIB;

let server: RunningServer;
/** Of connections that are opened one behind the other, each has a thread of its own; a third is with the first. */
let busy: RespClient;
let witness: RespClient;
let native: boolean;

beforeEach(async () => {
  const options = ['--maxmemory', '512mb', '--shards', '2', '--enable-debug-command', 'yes'];
  server = await RunningServer.start('ashlar', options);
  busy = await server.open();
  await busy.command('PING');
  witness = await server.open();
  await witness.command('SET', 'witness', 'here');
  native = await hasNativeCore(witness);
});

afterEach(async () => {
  busy.close();
  witness.close();
  await server.stop();
});

/** Waits for a reply of `busy`, asking for something with `witness` all the time. */
async function whileBusy<T>(answer: Promise<T>): Promise<{ reply: T; served: number }> {
  let waiting = true;
  const replied = answer.finally(() => {
    waiting = false;
  });
  let served = 0;
  while (waiting) {
    expect(text(await witness.command('GET', 'witness'))).toBe('here');
    expect(text(await witness.command('SET', `w${served % 100}`, 'x'))).toBe('OK');
    served++;
  }
  return { reply: await replied, served };
}

/** Sends a request over a connection of its own, on the thread of `busy`, and takes so many bytes of reply as they are. */
async function bytesOf(request: Buffer, count: number): Promise<Buffer> {
  const socket = await openSocket(server.port);
  const chunks: Buffer[] = [];
  let length = 0;
  socket.write(request);
  await new Promise<void>((resolve, reject) => {
    socket.on('close', () => reject(new Error(`closed after ${length} bytes`)));
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      length += chunk.length;
      if (length >= count) resolve();
    });
  });
  socket.destroy();
  return Buffer.concat(chunks);
}

function expectServed(served: number): void {
  if (native) expect(served).toBeGreaterThan(SERVED);
  else console.log('without the native core one thread serves: that others are served meanwhile is not asked');
}

describe('a million keys', () => {
  beforeEach(async () => {
    expect(text(await busy.command('DEBUG', 'POPULATE', KEYS))).toBe('OK');
  });

  // How much is served meanwhile is the scheduler's to say, too, where other tests want the same cores: one good run is proof.
  test('KEYS * lists them while others are served; so do FLUSHALL and what comes behind it', {
    retry: 8,
    timeout: 60_000,
  }, async () => {
    let expected = `*${KEYS}\r\n`.length;
    for (let i = 0; i < KEYS; i++) expected += `$${`key:${i}`.length}\r\nkey:${i}\r\n`.length;
    const { reply, served } = await whileBusy(bytesOf(frame(['KEYS', 'key:*']), expected));
    expect(reply.length).toBe(expected);
    expect(reply.toString('latin1', 0, 14)).toMatch(/^\*1000000\r\n\$\d/);
    console.log(`${served} requests were served meanwhile`);

    // Without so many bytes to be sent and counted there is little else to wait for.
    const none = await whileBusy(bytesOf(Buffer.from('KEYS nomatch*\r\n'.repeat(ROUNDS)), ROUNDS * '*0\r\n'.length));
    expectServed(none.served);

    expect(text(await busy.command('FLUSHALL'))).toBe('OK');
    expect((await witness.command('DBSIZE')).value).toBe('0');
    await expectUnharmed(server);
  });
});

describe('patterns that make matchers go back', () => {
  test.each([
    ['a*'.repeat(1000), 'a'.repeat(65_536)],
    [`${'a*'.repeat(1000)}b`, 'a'.repeat(65_536)],
    [`${'*a'.repeat(1000)}?b`, 'a'.repeat(65_536)],
    [`${'[a-z]*'.repeat(200)}[!`, 'a'.repeat(65_536)],
    ['*'.repeat(100_000), 'a'.repeat(65_536)],
    ['\\'.repeat(100_000), 'a'.repeat(65_536)],
  ])('%# on a key of 64 KiB', async (pattern, key) => {
    await busy.command('SET', key, '1');
    busy.write(frame(['KEYS', pattern]));
    busy.write(frame(['SCAN', '0', 'COUNT', '1000', 'MATCH', pattern]));
    const { reply } = await whileBusy(busy.reply());
    expect(reply.type).toBe('*');
    expect((await busy.reply()).type).toBe('*');
    await expectUnharmed(server);
  });
});

describe('values of 32 MiB', () => {
  test('are written, read and changed while others are served', async () => {
    const value = Buffer.alloc(HUGE, 'v');
    const written = await whileBusy(busy.command('SET', 'huge', value));
    expect(text(written.reply)).toBe('OK');
    for (const [request, expected] of [
      ['BITCOUNT huge', HUGE * 5],
      ['APPEND huge tail', HUGE + 4],
      ['SETRANGE huge 10 x', HUGE + 4],
      ['BITPOS huge 0', 0],
      ['STRLEN huge', HUGE + 4],
    ] as const) {
      const { reply } = await whileBusy(busy.command(...request.split(' ')));
      expect(reply.value, request).toBe(String(expected));
    }
    const head = `$${HUGE + 4}\r\n`;
    const { reply } = await whileBusy(bytesOf(frame(['GET', 'huge']), head.length + HUGE + 6));
    value[10] = 'x'.charCodeAt(0);
    expect(reply.equals(Buffer.concat([Buffer.from(head), value, Buffer.from('tail\r\n')]))).toBe(true);
    await expectUnharmed(server);
  });
});
