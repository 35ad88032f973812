/**
 * Sessions of random bytes with the Memcached door: cut anywhere, over connections that are closed in every way. Whatever is sent: what comes back are
 * whole replies, the connection ends, and the server is unharmed.
 *
 * Session n of seed s always sends the same bytes; a failure names both. `FUZZ_SECONDS` is how long it goes on, `FUZZ_SEED` and `FUZZ_SESSION` play
 * one session again.
 */

import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type MemcachedServer, startMemcached } from '../conformance/memcached-servers.js';
import { expectUnharmed, MIB, residentBytes } from '../integration/fault-helpers.js';
import { Random } from './generator.js';

const SECONDS = Number(process.env.FUZZ_SECONDS ?? 4);
const SEED = Number(process.env.FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 31));
const ONLY = process.env.FUZZ_SESSION;

/** Sessions at a time. */
const PARALLEL = 8;
const REQUESTS_MAX = 30;
const PIECES_MAX = 200;
const PIECE_BYTES = [1, 23, 24, 25, 1000, 70_000];
/** A server that has not closed after this hangs. */
const PATIENCE_MS = 15_000;
const GROWTH_MAX = 400 * MIB;
const LIMITS = ['--maxmemory', '64mb', '--client-query-buffer-limit', '16mb'];

/** What is particular to a protocol. */
export interface Protocol {
  readonly name: string;
  /** Bytes that a client might send: some requests, good and bad ones. */
  request(random: Random): Buffer;
  /** Fails unless what was received to the end of the connection are whole replies. */
  check(sent: Buffer, received: Buffer): void;
  /** Requests that are answered the same wherever they are cut, and the answers. */
  readonly pipeline: Buffer;
  readonly replies: string;
}

interface Session {
  readonly pieces: readonly Buffer[];
  /** The socket is reset at the end. */
  readonly rude: boolean;
}

function sessionOf({ request }: Protocol, number: number): Session {
  const random = new Random(SEED * 1_000_003 + number);
  let bytes = Buffer.concat(Array.from({ length: 1 + random.below(REQUESTS_MAX) }, () => request(random)));
  if (random.chance(20)) bytes = bytes.subarray(0, random.below(bytes.length + 1));
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = random.pick([...PIECE_BYTES, bytes.length]);
    pieces.push(bytes.subarray(at, at + length));
    at += length;
  }
  return { pieces: pieces.slice(0, PIECES_MAX), rude: random.chance(10) };
}

/** Plays a session and returns what came back. */
function play(port: number, { pieces, rude }: Session): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' });
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
    void send(socket, pieces).then(() => (rude ? socket.resetAndDestroy() : socket.end()));
  });
}

/** Sends pieces, each in a turn of the loop of its own: they become packets. */
async function send(socket: ReturnType<typeof connect>, pieces: readonly Buffer[]): Promise<void> {
  for (const piece of pieces) {
    if (socket.destroyed) return;
    socket.write(piece);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Defines the tests of a protocol. */
export function defineFuzzTests(protocol: Protocol): void {
  let server: MemcachedServer;
  let startBytes: number;

  beforeAll(async () => {
    server = await startMemcached('ashlar', { ashlar: LIMITS });
    startBytes = residentBytes(server.ashlar?.process.pid);
  });
  afterAll(() => server.stop());

  async function runSession(number: number): Promise<void> {
    const session = sessionOf(protocol, number);
    try {
      const received = await play(server.port, session);
      protocol.check(Buffer.concat(session.pieces), received);
    } catch (error) {
      throw new Error(`FUZZ_SEED=${SEED} FUZZ_SESSION=${number}: ${error}`, { cause: error });
    }
  }

  test(
    `${protocol.name}: whatever is sent, whole replies come back and the server is unharmed`,
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
      expect(ashlar.log).not.toContain('a command failed');
      expect(residentBytes(ashlar.process.pid) - startBytes).toBeLessThan(GROWTH_MAX);
    },
    (SECONDS + 60) * 1000,
  );

  test(`${protocol.name}: requests cut in two at every byte have the same replies`, async () => {
    const { pipeline, replies } = protocol;
    for (let at = 0; at <= pipeline.length; at++) {
      const pieces = [pipeline.subarray(0, at), pipeline.subarray(at)].filter((piece) => piece.length > 0);
      const received = await play(server.port, { pieces, rude: false });
      expect(received.toString('latin1'), `cut at ${at}`).toBe(replies);
    }
  });

  test(`${protocol.name}: requests sent byte by byte have the same replies`, async () => {
    const pieces = Array.from(protocol.pipeline, (_, at) => protocol.pipeline.subarray(at, at + 1));
    expect((await play(server.port, { pieces, rude: false })).toString('latin1')).toBe(protocol.replies);
  });
}
