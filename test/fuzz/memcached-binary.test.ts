/**
 * The Memcached door under binary requests, good ones and such whose headers lie, cut anywhere, over connections that are closed in every way. Whatever
 * is sent: what comes back are whole responses, the connection ends, and the server is unharmed.
 *
 * Session n of seed s always sends the same bytes; a failure names both. `FUZZ_SECONDS` is how long it goes on, `FUZZ_SEED` and `FUZZ_SESSION` play
 * one session again.
 */

import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { encode, OPCODES } from '../conformance/memcached-binary-client.js';
import { type MemcachedServer, startMemcached } from '../conformance/memcached-servers.js';
import { expectUnharmed, MIB, residentBytes } from '../integration/fault-helpers.js';
import { Random } from './generator.js';

const SECONDS = Number(process.env.FUZZ_SECONDS ?? 4);
const SEED = Number(process.env.FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 31));
const ONLY = process.env.FUZZ_SESSION;

/** Sessions at a time. */
const PARALLEL = 8;
/** A server that has not closed after this hangs. */
const PATIENCE_MS = 15_000;
const GROWTH_MAX = 400 * MIB;
const HEADER_BYTES = 24;
const RESPONSE_MAGIC = 0x81;

const KEYS = ['', 'a', 'b', 'key', '\0\r\n', 'k'.repeat(250), 'k'.repeat(251), 'k'.repeat(3000)];
const VALUES = ['', '1', '18446744073709551615', 'value', 'v'.repeat(100), 'v'.repeat(5000), 'v'.repeat(1_100_000)];
const EXTRAS = [0, 4, 8, 20, 1, 255];
const OPERATIONS = Object.values(OPCODES);

let server: MemcachedServer;
let startBytes: number;

beforeAll(async () => {
  server = await startMemcached('ashlar', { ashlar: ['--maxmemory', '64mb', '--client-query-buffer-limit', '16mb'] });
  startBytes = residentBytes(server.ashlar?.process.pid);
});
afterAll(() => server.stop());

/** One request. Most are of a command and nearly right. */
function requestOf(random: Random): Buffer {
  const opcode = random.chance(95) ? random.pick(OPERATIONS) : random.below(256);
  const frame = encode({
    opcode,
    key: random.chance(70) ? random.pick(KEYS.slice(1, 5)) : random.pick(KEYS),
    extras: random.bytes(random.pick(EXTRAS)),
    value: random.chance(90) ? random.pick(VALUES.slice(0, 5)) : random.pick(VALUES),
    cas: random.chance(80) ? 0n : BigInt(random.below(2 ** 31)),
    opaque: random.below(2 ** 31),
  });
  // Bodies that are announced and never come, and lengths that contradict each other.
  if (random.chance(5)) frame.writeUInt32BE(random.pick([0, 1, 23, 65_536, 2 ** 24, 2 ** 31 - 1, 2 ** 32 - 1]), 8);
  if (random.chance(5)) frame.writeUInt16BE(random.pick([0, 1, 251, 65_535]), 2);
  if (random.chance(5)) frame[4] = random.below(256);
  if (random.chance(2)) frame[random.below(frame.length)] = random.below(256);
  return frame;
}

/** The bytes of a session, in the pieces in which they are sent, and whether the socket is reset at the end. */
function sessionOf(number: number): { pieces: Buffer[]; rude: boolean } {
  const random = new Random(SEED * 1_000_003 + number);
  const requests = Array.from({ length: 1 + random.below(30) }, () => requestOf(random));
  let bytes = Buffer.concat(requests);
  if (random.chance(20)) bytes = bytes.subarray(0, random.below(bytes.length + 1));
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = random.pick([1, 23, 24, 25, 1000, 70_000, bytes.length]);
    pieces.push(bytes.subarray(at, at + length));
    at += length;
  }
  return { pieces: pieces.slice(0, 200), rude: random.chance(10) };
}

/** Plays a session and returns what came back. */
function play({ pieces, rude }: { pieces: readonly Buffer[]; rude: boolean }): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port: server.port, host: '127.0.0.1' });
    const received: Buffer[] = [];
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new Error('the connection does not end'));
    }, PATIENCE_MS);
    socket.on('data', (chunk: Buffer) => received.push(chunk));
    // The server may close while there is more to send.
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(rude ? Buffer.alloc(0) : Buffer.concat(received));
    });
    socket.setNoDelay(true);
    for (const piece of pieces) socket.write(piece);
    if (rude) socket.resetAndDestroy();
    else socket.end();
  });
}

/** Fails unless the bytes are whole binary responses. What begins with another byte than 0x80 was text, whose answers are lines. */
function checkResponses(sent: Buffer, received: Buffer): void {
  if (sent[0] !== 0x80) return;
  for (let at = 0; at < received.length; ) {
    expect(received[at]).toBe(RESPONSE_MAGIC);
    const end = at + HEADER_BYTES + received.readUInt32BE(at + 8);
    expect(end).toBeLessThanOrEqual(received.length);
    expect(received.readUInt16BE(at + 2) + received[at + 4]).toBeLessThanOrEqual(received.readUInt32BE(at + 8));
    at = end;
  }
}

async function runSession(number: number): Promise<void> {
  const session = sessionOf(number);
  try {
    checkResponses(Buffer.concat(session.pieces), await play(session));
  } catch (error) {
    throw new Error(`FUZZ_SEED=${SEED} FUZZ_SESSION=${number}: ${error}`, { cause: error });
  }
}

test(
  'whatever is sent, whole responses come back and the server is unharmed',
  async () => {
    const until = Date.now() + SECONDS * 1000;
    let next = ONLY === undefined ? 0 : Number(ONLY);
    do {
      const numbers = ONLY === undefined ? Array.from({ length: PARALLEL }, () => next++) : [next];
      await Promise.all(numbers.map(runSession));
    } while (ONLY === undefined && Date.now() < until);
    const { ashlar } = server;
    if (ashlar === undefined) throw new Error('the server is ours');
    await expectUnharmed(ashlar);
    expect(residentBytes(ashlar.process.pid) - startBytes).toBeLessThan(GROWTH_MAX);
  },
  (SECONDS + 60) * 1000,
);
