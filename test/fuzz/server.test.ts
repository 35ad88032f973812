/**
 * The whole server under random input: good and mutated requests, cut anywhere, over connections that are closed in every way.
 *
 * Session n of seed s always sends the same bytes. A failure names both:
 * `FUZZ_SEED=s FUZZ_SESSION=n npx vitest run test/fuzz` plays that session alone, without FUZZ_SESSION all of them.
 * `FUZZ_SECONDS` is how long it goes on; `node test/fuzz/run.mjs <seconds> [seed]` sets it.
 */

import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { RunningServer } from '../conformance/servers.js';
import { expectUnharmed, MIB, residentBytes } from '../integration/fault-helpers.js';
import { Generator, multibulk, Random } from './generator.js';
import { countReplies } from './replies.js';

const SECONDS = Number(process.env.FUZZ_SECONDS ?? 6);
const SEED = Number(process.env.FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 31));
const ONLY = process.env.FUZZ_SESSION;

const LIMITS = [
  ...['--maxmemory', '64mb'],
  ...['--proto-max-bulk-len', '1mb'],
  ...['--client-query-buffer-limit', '16mb'],
  ...['--client-output-buffer-limit', 'normal 64mb 0 0'],
];
/** Sessions at a time, and between two looks at the server. */
const PARALLEL = 8;
const ROUND = 400;
/** A server that has not answered and closed after this hangs. */
const PATIENCE_MS = 15_000;
/** maxmemory, buffers of the sessions, and what the heaps keep for a while. */
const GROWTH_MAX = 400 * MIB;

let server: RunningServer;
let names: string[];
let startBytes: number;

beforeAll(async () => {
  server = await RunningServer.start('ashlar', LIMITS);
  const client = await server.open();
  const { value } = await client.command('COMMAND', 'LIST');
  if (!Array.isArray(value)) throw new Error('COMMAND LIST has no list');
  names = value.map((name) => String(name.value)).filter((name) => !name.includes('|'));
  client.close();
  startBytes = residentBytes(server.process.pid);
});

afterAll(async () => {
  await server.stop();
});

/** How a session ends: by half-closing, after which the server answers what it got and closes; or rudely. */
type End = 'finish' | 'destroy' | 'reset';

interface Session {
  readonly bytes: Buffer;
  readonly chunks: readonly Buffer[];
  readonly end: End;
  /** Replies that must come, -1 = as many as there are. */
  readonly replies: number;
}

function sessionOf(number: number): Session {
  const random = new Random(SEED * 1_000_003 + number);
  const generator = new Generator(random, names);
  const kind = random.below(100);
  const count = 1 + random.below(random.chance(20) ? 150 : 12);
  let bytes: Buffer;
  if (kind < 40) bytes = generator.pipeline(count);
  else if (kind < 80) bytes = generator.mutated(generator.pipeline(count));
  else if (kind < 95) bytes = generator.lines();
  else bytes = random.bytes(random.below(5000));
  const end: End = random.chance(80) ? 'finish' : random.pick(['destroy', 'reset'] as const);
  return { bytes, chunks: cut(random, bytes), end, replies: kind < 40 ? count : -1 };
}

/** Whole, or byte by byte for a while, or anywhere. */
function cut(random: Random, bytes: Buffer): Buffer[] {
  const way = random.below(4);
  if (way === 0) return [bytes];
  const chunks: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const single = way === 1 && chunks.length < 200;
    const size = single ? 1 : chunks.length > 300 ? bytes.length : 1 + random.below(way === 2 ? 10 : 2000);
    chunks.push(bytes.subarray(at, at + size));
    at += size;
  }
  return chunks;
}

/** Plays a session. @returns what the server sent */
function play(session: Session): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket: Socket = connect({ port: server.port, host: '127.0.0.1', allowHalfOpen: true });
    const received: Buffer[] = [];
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new Error(`not closed after ${PATIENCE_MS} ms, having received ${Buffer.concat(received).length} bytes`));
    }, PATIENCE_MS);
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => received.push(chunk));
    // The server hangs up on what is no request, while more of it is on its way.
    socket.on('error', () => {});
    socket.on('end', () => socket.destroy());
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(Buffer.concat(received));
    });
    socket.on('connect', () => void send(socket, session));
  });
}

async function send(socket: Socket, { chunks, end }: Session): Promise<void> {
  for (const chunk of chunks) {
    if (socket.destroyed) return;
    socket.write(chunk);
    // A turn of the loop: small chunks become packets of their own.
    await new Promise((resolve) => setImmediate(resolve));
  }
  if (end === 'finish') socket.end();
  else if (end === 'destroy') socket.destroy();
  else socket.resetAndDestroy();
}

async function check(number: number): Promise<void> {
  const session = sessionOf(number);
  try {
    const received = await play(session);
    const { count, rest } = countReplies(received);
    if (session.end !== 'finish') return;
    expect(rest, 'bytes of an incomplete reply').toBe(0);
    if (session.replies >= 0) expect(count, 'replies').toBe(session.replies);
  } catch (error) {
    const sent = JSON.stringify(session.bytes.toString('latin1', 0, 2000));
    throw new Error(`FUZZ_SEED=${SEED} FUZZ_SESSION=${number}: ${(error as Error).message}\nsent: ${sent}`);
  }
}

async function checkServer(): Promise<void> {
  expect(server.process.exitCode, server.log).toBeNull();
  await expectUnharmed(server);
  expect(server.log).not.toContain('a command failed');
  expect(residentBytes(server.process.pid) - startBytes).toBeLessThan(GROWTH_MAX);
}

test(
  `random input harms nobody: ${SECONDS} s, FUZZ_SEED=${SEED}`,
  async () => {
    const deadline = Date.now() + SECONDS * 1000;
    if (ONLY !== undefined) await check(Number(ONLY));
    let next = 0;
    while (ONLY === undefined && Date.now() < deadline) {
      const last = next + ROUND;
      const player = async (): Promise<void> => {
        while (next < last && Date.now() < deadline) await check(next++);
      };
      await Promise.all(Array.from({ length: PARALLEL }, player));
      await checkServer();
    }
    await checkServer();
    console.log(`fuzz: ${next} sessions with FUZZ_SEED=${SEED}`);
  },
  SECONDS * 1000 + 60_000,
);

test('a pipeline cut in two at every byte has the same replies', async () => {
  const pipeline = Buffer.concat([
    multibulk(['SET', 'cut', 'a\r\nb\0c'].map((arg) => Buffer.from(arg))),
    Buffer.from('GET cut\r\n'),
    Buffer.from('\r\n*0\r\n*-1\r\n'),
    multibulk(['GET', 'cut'].map((arg) => Buffer.from(arg))),
    Buffer.from('ECHO "x\\r\\n\\x41"\n'),
    multibulk(['STRLEN', 'cut'].map((arg) => Buffer.from(arg))),
    multibulk(['CLIENT', 'GETNAME'].map((arg) => Buffer.from(arg))),
    multibulk(['NOSUCH', '\r\n+OK'].map((arg) => Buffer.from(arg))),
  ]);
  const expected = [
    '+OK\r\n$6\r\na\r\nb\0c\r\n$6\r\na\r\nb\0c\r\n$4\r\nx\r\nA\r\n:6\r\n$-1\r\n',
    "-ERR unknown command 'NOSUCH', with args beginning with: '  +OK' \r\n",
  ].join('');
  for (let at = 0; at <= pipeline.length; at++) {
    const chunks = [pipeline.subarray(0, at), pipeline.subarray(at)].filter((chunk) => chunk.length > 0);
    const received = await play({ bytes: pipeline, chunks, end: 'finish', replies: 7 });
    expect(received.toString('latin1'), `cut at ${at}`).toBe(expected);
  }
});
