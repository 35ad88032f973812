/** Memcached streams for the splitters' tests: the parts that streams are made of, and what is in a stream in a form that can be read. */

import fc from 'fast-check';
import { MEMCACHED_COMMANDS } from '../../../src/commands/memcached/index.js';
import {
  EVENT_PROTOCOL_ERROR,
  FLAG_BAD_CHUNK,
  FLAG_DATA,
  FLAG_MALFORMED,
  FLAG_TOO_LARGE,
  type FrameLimits,
  type SplitterTable,
} from '../../../src/protocol/descriptors.js';
import { LIMITS, type SplitCommand, TABLE } from './split-stream.js';

const BASE = 1000;
/** Memcached's commands beside a few of Redis's. */
export const MEMCACHED_TABLE: SplitterTable = { commands: TABLE, memcached: MEMCACHED_COMMANDS, memcachedBase: BASE };

/** Id of a command in MEMCACHED_TABLE. */
export function idOf(protocol: 'text' | 'binary', name: string): number {
  return BASE + MEMCACHED_COMMANDS.findIndex((command) => command.protocol === protocol && command.name === name);
}

/** Small, so that values above the limit are small too. */
export const SMALL: FrameLimits = { ...LIMITS, argumentsMax: 20, bulkBytesMax: 40 };

// ------------------------------------------------------------------------------------------------ what is in a stream

const FLAGS = [
  [FLAG_DATA, 'data'],
  [FLAG_BAD_CHUNK, 'bad chunk'],
  [FLAG_TOO_LARGE, 'too large'],
  [FLAG_MALFORMED, 'malformed'],
] as const;

/** One command: [name in the table, what its flags say, ...arguments], or the error. */
export type Shown = string[] | { error: number; detail: number };

export function show(commands: readonly SplitCommand[]): Shown[] {
  return commands.map(({ command, argc, flags, detail, args }) => {
    if (command === EVENT_PROTOCOL_ERROR) return { error: argc, detail };
    const said: string[] = FLAGS.filter(([flag]) => (flags & flag) !== 0).map(([, name]) => name);
    const rest = flags & ~FLAGS.reduce((all, [flag]) => all | flag, 0);
    if (rest !== 0) said.push(`flags ${rest}`);
    return [
      MEMCACHED_COMMANDS[command - BASE]?.name ?? `command ${command}`,
      said.join(', '),
      ...args.map(({ bytes }) => Buffer.from(bytes).toString('latin1')),
    ];
  });
}

// ------------------------------------------------------------------------------------------------ binary requests

export interface BinaryRequest {
  magic?: number;
  opcode: number;
  key?: string;
  extras?: string;
  value?: string;
  opaque?: number;
  cas?: bigint;
  /** What the header says, where it is not the truth. */
  keyLength?: number;
  extrasLength?: number;
  bodyLength?: number;
}

/** A request's header, as Latin-1. */
export function header(request: BinaryRequest): string {
  const { magic = 0x80, opcode, key = '', extras = '', value = '', opaque = 0, cas = 0n } = request;
  const bytes = Buffer.alloc(24);
  bytes[0] = magic;
  bytes[1] = opcode;
  bytes.writeUInt16BE(request.keyLength ?? key.length, 2);
  bytes[4] = request.extrasLength ?? extras.length;
  bytes.writeUInt32BE(request.bodyLength ?? key.length + extras.length + value.length, 8);
  bytes.writeUInt32BE(opaque, 12);
  bytes.writeBigUInt64BE(cas, 16);
  return bytes.toString('latin1');
}

/** A request, as Latin-1. */
export function request(parts: BinaryRequest): string {
  return header(parts) + (parts.extras ?? '') + (parts.key ?? '') + (parts.value ?? '');
}

// ------------------------------------------------------------------------------------------------ generated streams

const key = fc.oneof(
  fc.constantFrom('k', 'foo', '{a}b', 'é'),
  fc.string({ unit: fc.constantFrom(...'abc:{}\t\r\x01\xff'), minLength: 1, maxLength: 30 }),
);
const blanks = fc.constantFrom(' ', ' ', ' ', '  ', '   ');
const lineEnd = fc.constantFrom('\r\n', '\r\n', '\n');
/** Lengths of data blocks as memcached reads them, and others. */
const strangeLength = fc.constantFrom(
  '+3',
  '-0',
  '003',
  '3\t',
  '\t3',
  '3\tx',
  '3x',
  '-1',
  '',
  '2147483646',
  '99999999999',
  '0x3',
);

/** A line of arguments, which may announce data. */
function line(...parts: fc.Arbitrary<string>[]): fc.Arbitrary<string> {
  return fc.tuple(fc.tuple(...parts), blanks, lineEnd).map(([words, blank, end]) => words.join(blank) + end);
}

/** A block of data, and a length that is mostly right. */
const block = fc
  .tuple(
    fc.string({ unit: fc.constantFrom(...'xy \r\n\0\x80'), maxLength: 60 }),
    fc.constantFrom(0, 0, 0, 0, 0, -2, 1, 5),
  )
  .map(([data, wrong]) => ({ data, length: String(Math.max(0, data.length + wrong)) }));

const storage = fc
  .tuple(
    fc.constantFrom('set', 'add', 'cas', 'ms'),
    key,
    block,
    fc.option(strangeLength, { nil: undefined, freq: 6 }),
    fc.constantFrom('', ' noreply', ' 77', ' a b c'),
    lineEnd,
    fc.constantFrom('\r\n', '\r\n', '\r\n', '\n', 'xx'),
  )
  .map(([name, k, { data, length }, strange, tail, end, dataEnd]) => {
    const fields = name === 'ms' ? '' : ' 0 0';
    return `${name} ${k}${fields} ${strange ?? length}${tail}${end}${data}${dataEnd}`;
  });

const textFrame = fc.oneof(
  { weight: 5, arbitrary: storage },
  { weight: 2, arbitrary: line(fc.constantFrom('get', 'gets'), key, key) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom('get', 'gat 0', 'delete'), fc.array(key, { maxLength: 40 }))
      .map(([name, keys]) => `${name} ${keys.join(' ')}\r\n`),
  },
  { weight: 2, arbitrary: line(fc.constantFrom('mn', 'mg', 'stats', 'delete', 'GET', 'nope', '', '\x80', '\0'), key) },
  { weight: 1, arbitrary: fc.constantFrom('\r\n', '\n', '   \r\n', '\r\r\n', '\0\n') },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom('get', 'gat 0', 'delete', 'nope'), key, fc.integer({ min: 15, max: 130 }))
      .map(([name, k, times]) => `${name} ${`${k.padEnd(39, 'x')} `.repeat(times)}\n`),
  },
);

const noise = fc.string({ unit: fc.constantFrom(...'get set 0123\r\n\0\x80k '), maxLength: 40 });

/** Where streams are cut. */
export const cuts = fc.array(fc.oneof(fc.nat(500), fc.nat(5000)), { maxLength: 20 });

/** Streams of the text protocols; a number of bytes may be changed, left out or put in. */
export const textStream = fc
  .tuple(fc.array(textFrame, { maxLength: 10 }), fc.option(noise, { nil: '' }))
  .map(([frames, tail]) => frames.join('') + tail)
  .chain(mutated);

const binaryFrame = fc
  .record({
    opcode: fc.oneof(fc.constantFrom(0, 1, 4, 0x0a, 0x0d, 0x0e), fc.nat(255)),
    key: fc.string({ unit: fc.constantFrom(...'ab\x80\0'), maxLength: 12 }),
    extras: fc.string({ unit: fc.constantFrom('\0', '\xff'), maxLength: 20 }),
    value: fc.string({ unit: fc.constantFrom(...'xy\x80\0\r\n'), maxLength: 60 }),
    opaque: fc.nat(),
  })
  .map(request);
const wrongFrame = fc
  .record({
    opcode: fc.constantFrom(0, 1, 0x0a),
    key: fc.constantFrom('', 'abc'),
    extras: fc.constantFrom('', '12345678'),
    value: fc.constantFrom('', 'value'),
    bodyLength: fc.nat(80),
  })
  .map(request);

/** Streams of the binary protocol, as `textStream`. */
export const binaryStream = fc
  .array(fc.oneof({ weight: 6, arbitrary: binaryFrame }, { weight: 1, arbitrary: wrongFrame }), { maxLength: 8 })
  .map((frames) => frames.join(''))
  .chain(mutated);

function mutated(stream: string): fc.Arbitrary<string> {
  const mutation = fc.tuple(
    fc.nat(Math.max(1, stream.length)),
    fc.constantFrom(0, 1, 1, 2),
    fc.constantFrom('', '\n', ' ', '9', '\x80', '\0'),
  );
  return fc.oneof(
    { weight: 2, arbitrary: fc.constant(stream) },
    {
      weight: 1,
      arbitrary: fc
        .array(mutation, { maxLength: 4 })
        .map((mutations) =>
          mutations.reduce((bytes, [at, drop, add]) => bytes.slice(0, at) + add + bytes.slice(at + drop), stream),
        ),
    },
  );
}
