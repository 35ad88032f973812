/** The splitters against a real memcached: whole sessions, whose replies must be what our splitters make of the same bytes. */

import { connect } from 'node:net';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  ERROR_LINE_TOO_LONG,
  EVENT_PROTOCOL_ERROR,
  FLAG_BAD_CHUNK,
  FLAG_DATA,
  FLAG_MALFORMED,
  FLAG_TOO_LARGE,
  type FrameLimits,
  SPEAKS_MEMCACHED,
} from '../../../src/protocol/descriptors.js';
import { type MemcachedServer, memcachedVersion, startMemcached } from '../../conformance/memcached-servers.js';
import { isInstalled } from '../../conformance/tools.js';
import { header, MEMCACHED_TABLE, request } from './memcached-streams.js';
import { bytesOf, LIMITS, type SplitCommand, splitAll } from './split-stream.js';

isInstalled('memcached', memcachedVersion !== undefined, 'the splitters are not checked against it');

/** Between the values that sessions store and those that are too large for memcached, whose limit is on whole items. */
const REAL_LIMITS: FrameLimits = { ...LIMITS, bulkBytesMax: 1_000_000 };
const PATIENCE_MS = 5000;

/** Sends a session; resolves with all that comes until the server hangs up, as Latin-1. */
function exchange(server: MemcachedServer, session: Uint8Array): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port: server.port, host: '127.0.0.1' });
    const chunks: Buffer[] = [];
    socket.setTimeout(PATIENCE_MS, () => {
      socket.destroy();
      reject(new Error('the session does not end'));
    });
    socket.on('data', (bytes) => chunks.push(bytes));
    socket.on('error', () => {});
    socket.on('close', () => resolve(Buffer.concat(chunks).toString('latin1')));
    socket.write(session);
  });
}

function argumentsOf({ args }: SplitCommand): string[] {
  return args.map(({ bytes }) => Buffer.from(bytes).toString('latin1'));
}

function commandsOf(session: Uint8Array): SplitCommand[] {
  const options = { table: MEMCACHED_TABLE, speaks: SPEAKS_MEMCACHED, limits: REAL_LIMITS, argsMax: 256 };
  return splitAll(session, [], options);
}

// ------------------------------------------------------------------------------------------------ text

/** What a server that stores nothing but by `set` answers to a session. */
function textAnswer(session: Uint8Array): string {
  const items = new Map<string, string>();
  let reply = '';
  for (const command of commandsOf(session)) {
    if (command.command === EVENT_PROTOCOL_ERROR || argumentsOf(command)[0] === 'quit') break;
    reply += lineAnswer(command, items);
  }
  return reply;
}

function lineAnswer(command: SplitCommand, items: Map<string, string>): string {
  const args = argumentsOf(command);
  const value = (command.flags & FLAG_DATA) === 0 ? '' : (args.pop() as string);
  const [name, key] = args;
  if (name === 'mn') return 'MN\r\n';
  if (name === 'delete') return '';
  if (name === 'get' && args.length > 1)
    return `${args
      .slice(1)
      .map((k) => hit(k, items))
      .join('')}END\r\n`;
  if (name !== 'set' || args.length < 5 || args.length > 6) return 'ERROR\r\n';
  const text = storeAnswer(command.flags, key, value, items);
  return args.at(-1) === 'noreply' ? '' : `${text}\r\n`;
}

function hit(key: string, items: Map<string, string>): string {
  const value = items.get(key);
  return value === undefined ? '' : `VALUE ${key} 0 ${value.length}\r\n${value}\r\n`;
}

function storeAnswer(flags: number, key: string, value: string, items: Map<string, string>): string {
  if ((flags & FLAG_TOO_LARGE) !== 0) {
    items.delete(key);
    return 'SERVER_ERROR object too large for cache';
  }
  if ((flags & FLAG_BAD_CHUNK) !== 0) return 'CLIENT_ERROR bad data chunk';
  if ((flags & FLAG_DATA) === 0) return 'CLIENT_ERROR bad command line format';
  items.set(key, value);
  return 'STORED';
}

const key = fc.constantFrom('k', 'foo', 'a:b', 'x\ty', '\xe9', 'k\r');
const lineEnd = fc.constantFrom('\r\n', '\r\n', '\n');
const data = fc.oneof(
  { weight: 8, arbitrary: fc.string({ unit: fc.constantFrom(...'xy \r\n\x80'), maxLength: 40 }) },
  // In short lines, as which they may have to be read.
  { weight: 1, arbitrary: fc.constantFrom(50, 50, 50, 11_000).map((lines) => `${'v'.repeat(99)}\n`.repeat(lines)) },
);
const lengthText = fc.constantFrom(
  ...['', '', '', '', '', '+', '00'].map((prefix) => (length: number) => prefix + length),
  (length: number) => `${length}\t`,
  (length: number) => `\x0b${length}\tx`,
  (length: number) => `${length + 1}`,
  (length: number) => `${Math.max(0, length - 2)}`,
  (length: number) => `${length}x`,
  (length: number) => `-${length + 1}`,
  () => '-0',
  () => '2147483646',
  () => '99999999999999999999',
  () => 'nonsense',
);
const set = fc
  .tuple(
    key,
    data,
    lengthText,
    fc.constantFrom('', '', ' noreply', ' x'),
    lineEnd,
    fc.constantFrom('\r\n', '\r\n', '\r\n', '\n', 'xx'),
  )
  .map(
    ([k, value, length, tail, end, dataEnd]) => `set ${k} 0 0 ${length(value.length)}${tail}${end}${value}${dataEnd}`,
  );
const get = fc
  .tuple(fc.array(key, { maxLength: 60 }), fc.constantFrom(' ', '  '), lineEnd)
  .map(([keys, blank, end]) => ['get', ...keys].join(blank) + end);
/** At the start of a line for sure: other long lines are answered by memcached or not, as chance has it. */
const longGet = fc
  .tuple(fc.integer({ min: 0, max: 100 }), fc.integer({ min: 500, max: 2000 }))
  .map(([blanks, times]) => `\n${' '.repeat(blanks)}get ${'k foo '.repeat(times)}\r\n`);
const other = fc.constantFrom(
  'mn\r\n',
  '  mn  \n',
  'nope\r\n',
  'GET k\r\n',
  'get\tk\r\n',
  '\r\n',
  '\n',
  '  \r\n',
  '\r\r\n',
  '\x80\r\n',
  'set\n',
  'set k 0 0\r\n',
);
// Later versions do not end a line at a zero byte.
const zero =
  memcachedVersion === '1.6.18' ? ['get k\0foo k\r\n', 'mn\0x\n', '\0\r\n', 'set k 0 0 1\0zzz\r\nx\r\n'] : ['mn\r\n'];
const KEYS = ['k', 'foo', 'a:b', 'x\ty', '\xe9', 'k\r'];
/** Takes the keys away that an earlier session stored. */
const FRESH = KEYS.map((k) => `delete ${k} noreply\r\n`).join('');
const textSession = fc
  .array(
    fc.oneof(
      { weight: 6, arbitrary: set },
      { weight: 4, arbitrary: get },
      { weight: 1, arbitrary: longGet },
      { weight: 3, arbitrary: other },
      { weight: 1, arbitrary: fc.constantFrom(...zero) },
    ),
    { maxLength: 12 },
  )
  // Lines of no meaning complete what lacks a few bytes.
  .map((frames) => bytesOf(`${FRESH}${frames.join('')}${'\r\n'.repeat(10)}quit\r\n`));

// ------------------------------------------------------------------------------------------------ binary

const GET = 0x00;
const SET = 0x01;
const DELETE = 0x04;
const QUIT = 0x07;
const NOOP = 0x0a;
const OPCODE = 1;
const STATUS = 6;
const CAS = 16;
const CAS_BYTES = 8;

/** A response without its CAS. */
function response(opcode: number, status: number, opaque: number, extras = '', value = ''): string {
  const bytes = Buffer.from(header({ magic: 0x81, opcode, extras, value, opaque }), 'latin1');
  bytes.writeUInt16BE(status, STATUS);
  return bytes.toString('latin1') + extras + value;
}

/** Responses with their CAS taken out. */
function withoutCas(responses: string): string {
  const bytes = Buffer.from(responses, 'latin1');
  for (let at = 0; at + 24 <= bytes.length; at += 24 + bytes.readUInt32BE(at + 8))
    bytes.fill(0, at + CAS, at + CAS + CAS_BYTES);
  return bytes.toString('latin1');
}

function binaryAnswer(session: Uint8Array): string {
  const items = new Map<string, string>();
  let reply = '';
  for (const command of commandsOf(session)) {
    if (command.command === EVENT_PROTOCOL_ERROR) break;
    reply += frameAnswer(command, items);
    if ((command.flags & FLAG_MALFORMED) !== 0 || command.args[0].bytes[OPCODE] === QUIT) break;
  }
  return reply;
}

function frameAnswer(command: SplitCommand, items: Map<string, string>): string {
  const [head, k, , value] = argumentsOf(command);
  const bytes = Buffer.from(head, 'latin1');
  const opcode = bytes[OPCODE];
  const opaque = bytes.readUInt32BE(12);
  if ((command.flags & FLAG_MALFORMED) !== 0) return response(opcode, 0x81, opaque, '', 'Unknown command');
  switch (opcode) {
    case NOOP:
    case QUIT:
      return response(opcode, 0, opaque);
    case SET:
      if ((command.flags & FLAG_TOO_LARGE) !== 0) {
        items.delete(k);
        return response(opcode, 3, opaque, '', 'Too large.');
      }
      items.set(k, value);
      return response(opcode, 0, opaque);
    case GET: {
      const found = items.get(k);
      return found === undefined
        ? response(opcode, 1, opaque, '', 'Not found')
        : response(opcode, 0, opaque, '\0\0\0\0', found);
    }
    case DELETE:
      return items.delete(k) ? response(opcode, 0, opaque) : response(opcode, 1, opaque, '', 'Not found');
    default:
      return response(opcode, 0x81, opaque, '', 'Unknown command');
  }
}

const binaryKey = fc.constantFrom('bin', 'b\r\nn', '\0', '\x80\x01');
const opaque = fc.nat();
const binaryFrame = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      opcode: fc.constant(SET),
      key: binaryKey,
      extras: fc.constant('\0'.repeat(8)),
      value: data,
      opaque,
    }),
  },
  { weight: 3, arbitrary: fc.record({ opcode: fc.constantFrom(GET, DELETE), key: binaryKey, opaque }) },
  { weight: 1, arbitrary: fc.record({ opcode: fc.constant(NOOP), opaque }) },
  // Of a key or extras behind an unknown opcode memcached throws away too much.
  { weight: 1, arbitrary: fc.record({ opcode: fc.constantFrom(0x77, 0xff), value: data, opaque }) },
);
/** What a session can end with. memcached looks at a request when key and extras are there, and at the first byte with the whole header. */
const binaryEnd = fc.constantFrom(
  request({ opcode: QUIT, opaque: 5 }),
  request({ opcode: GET, key: 'abc', bodyLength: 2 }),
  request({ opcode: SET, key: 'k', extras: '12345678', bodyLength: 8 }),
  request({ opcode: GET, magic: 0x81 }),
);
const BINARY_FRESH =
  ['bin', 'b\r\nn', '\0', '\x80\x01'].map((k) => request({ opcode: DELETE, key: k })).join('') +
  request({ opcode: QUIT });
const binarySession = fc
  .tuple(fc.array(binaryFrame, { maxLength: 12 }), binaryEnd)
  // The response to a NOOP is sent at once: it is not lost when the session ends badly.
  .map(([frames, end]) => bytesOf(`${frames.map(request).join('')}${request({ opcode: NOOP })}${end}`));

// ------------------------------------------------------------------------------------------------ sessions

describe.skipIf(memcachedVersion === undefined)('a session with memcached', () => {
  let server: MemcachedServer;

  beforeAll(async () => {
    server = await startMemcached('memcached');
  });

  afterAll(async () => {
    await server?.stop();
  });

  it('in text gets the same replies', async () => {
    await fc.assert(
      fc.asyncProperty(textSession, async (session) => {
        expect(await exchange(server, session)).toBe(textAnswer(session));
      }),
      { numRuns: 600 },
    );
  });

  it('in binary gets the same replies', async () => {
    await fc.assert(
      fc.asyncProperty(binarySession, async (session) => {
        await exchange(server, bytesOf(BINARY_FRESH));
        expect(withoutCas(await exchange(server, session))).toBe(binaryAnswer(session));
      }),
      { numRuns: 500 },
    );
  });

  for (const [name, line] of [
    ['a line without an end', 'x'.repeat(2049)],
    ['a long line of spaces', ' '.repeat(2049)],
    ['a long line of another command', `delete ${'k '.repeat(1100)}`],
    ['a long get behind 101 spaces', `${' '.repeat(101)}get ${'k '.repeat(1100)}`],
  ]) {
    it(`is closed by ${name}`, async () => {
      expect(commandsOf(bytesOf(line)).map(({ command, argc }) => [command, argc])).toEqual([
        [EVENT_PROTOCOL_ERROR, ERROR_LINE_TOO_LONG],
      ]);
      expect(await exchange(server, bytesOf(line))).toBe('');
    });
  }

  it('is not closed by the longest line', async () => {
    const session = bytesOf(`${'x'.repeat(2048)}\nmn\r\nquit\r\n`);
    expect(await exchange(server, session)).toBe('ERROR\r\nMN\r\n');
    expect(textAnswer(session)).toBe('ERROR\r\nMN\r\n');
  });
});
