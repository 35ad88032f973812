/** The splitter against a real redis-server: whole sessions, whose replies must be the same byte for byte. */

import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EVENT_PROTOCOL_ERROR, type FrameLimits, PROTOCOL_ERRORS } from '../../../src/protocol/descriptors.js';
import { ReplyWriter } from '../../../src/protocol/resp/reply.js';
import { explainSkip, NO_REDIS, RealRedis } from './real-redis.js';
import { bytesOf, encode, LIMITS, splitAll, UNAUTHENTICATED } from './split-stream.js';

explainSkip('the splitter against redis-server');

/** Every command of these sessions is an EVAL of this script, which answers its arguments. */
const SCRIPT = 'return ARGV';

/** Redis allows more arguments than we do. */
const REDIS_LIMITS: FrameLimits = { ...LIMITS, argumentsMax: 0x7fffffff };

/** What a server should answer to a session, by our splitter and our encoder. */
function expected(session: Uint8Array, limits: FrameLimits): { reply: Buffer; closed: boolean } {
  const chunks: Buffer[] = [];
  const writer = new ReplyWriter(new Uint8Array(1 << 16), (full) => {
    chunks.push(Buffer.from(full.bytes.slice(0, full.position)));
    full.position = 0;
  });
  let closed = false;
  for (const { command, argc, detail, args } of splitAll(session, [], { limits, argsMax: 256 })) {
    if (command === EVENT_PROTOCOL_ERROR) {
      closed = true;
      writer.error(`ERR Protocol error: ${PROTOCOL_ERRORS[argc].replace('%c', String.fromCharCode(detail))}`);
    } else if (limits === UNAUTHENTICATED) {
      writer.error('NOAUTH Authentication required.');
    } else {
      answer(
        writer,
        args.map(({ bytes }) => bytes),
      );
    }
  }
  chunks.push(Buffer.from(writer.bytes.slice(0, writer.position)));
  return { reply: Buffer.concat(chunks), closed };
}

/** What EVAL of our script answers; a broken frame can turn out to be some other command. */
function answer(writer: ReplyWriter, args: Uint8Array[]): void {
  const name = Buffer.from(args[0]).toString('latin1');
  if (name.toLowerCase() !== 'eval') {
    writer.error(`ERR unknown command '${name}', with args beginning with: `);
  } else if (args.length < 3) {
    writer.error("ERR wrong number of arguments for 'eval' command");
  } else {
    writer.array(args.length - 3);
    for (const bytes of args.slice(3)) writer.bulk(bytes, 0, bytes.length);
  }
}

const inline = fc
  .array(
    fc.constantFrom(
      ' ',
      '\t',
      '"',
      "'",
      '" ',
      "' ",
      '\\',
      '\\x4f',
      '\\x4',
      '\\n',
      'a',
      'b',
      '\r',
      '\x0b',
      '\xe9',
      '*1',
    ),
    {
      maxLength: 14,
    },
  )
  .map((parts) => `eval "${SCRIPT}" 0 ${parts.join('')}`);
const line = fc.tuple(inline, fc.constantFrom('\n', '\r\n')).map((parts) => parts.join(''));
const multibulk = fc
  .array(fc.uint8Array({ maxLength: 30 }), { maxLength: 6 })
  .map((args) => encode('EVAL', SCRIPT, '0', ...args));
const nothing = fc.constantFrom('*0\r\n', '*-1\r\n', '\r\n', '\n', ' \t\n', '*-9223372036854775808\r\n');
const broken = fc.oneof(
  fc
    .tuple(
      fc.constantFrom('*', '*2\r\n$4\r\nEVAL\r\n$', '*1\r\n'),
      fc.string({ unit: fc.constantFrom(...'$:+-0123456789 x'), maxLength: 21 }),
    )
    .map((parts) => `${parts.join('')}\r\n\r\n\r\n`),
);
const session = fc
  .tuple(
    fc.array(fc.oneof({ weight: 3, arbitrary: line }, { weight: 3, arbitrary: multibulk }, nothing), { maxLength: 8 }),
    fc.option(broken, { nil: '', freq: 2 }),
  )
  .map(([frames, end]) => bytesOf(`${frames.join('')}${encode('EVAL', SCRIPT, '0', 'the last')}${end}`));

describe.skipIf(NO_REDIS !== '')('a session with redis-server', () => {
  let redis: RealRedis;
  let locked: RealRedis;

  beforeAll(async () => {
    [redis, locked] = await Promise.all([RealRedis.start(), RealRedis.start('--requirepass', 'secret')]);
  });

  afterAll(async () => {
    await Promise.all([redis?.stop(), locked?.stop()]);
  });

  async function compare(server: RealRedis, bytes: Uint8Array, limits: FrameLimits): Promise<void> {
    const ours = expected(bytes, limits);
    expect(show(await server.exchange(bytes, ours.reply.length, ours.closed))).toEqual(show(ours));
  }

  it('gets the same replies', async () => {
    await fc.assert(
      fc.asyncProperty(session, (bytes) => compare(redis, bytes, REDIS_LIMITS)),
      { numRuns: 1000 },
    );
  });

  for (const head of ['*', '*1\r\n$', '']) {
    it(`gets the same error when ${JSON.stringify(head)} does not end`, async () => {
      await compare(redis, bytesOf(head + '1'.repeat(70_000)), REDIS_LIMITS);
    });
  }

  const BEFORE_AUTHENTICATION = [
    encode('MGET', ...'abcdefghi'),
    '*11\r\n',
    encode('GET', 'x'.repeat(16384)),
    '*1\r\n$16385\r\n',
    '*x\r\n',
    '*1\r\n$x\r\n',
    'PING\r\n',
  ];
  for (const text of BEFORE_AUTHENTICATION) {
    it(`gets the same reply to ${JSON.stringify(text.slice(0, 40))} before authentication`, async () => {
      await compare(locked, bytesOf(text), UNAUTHENTICATED);
    });
  }
});

function show({ reply, closed }: { reply: Buffer; closed: boolean }): unknown {
  return { reply: reply.toString('latin1'), closed };
}
