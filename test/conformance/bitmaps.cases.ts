/** What the bitmap commands answer: every option, reply and error of Redis 7.2. */

import { between, type Case, error, OK } from './harness.js';

const WRONGTYPE = error('WRONGTYPE Operation against a key holding the wrong kind of value');
const SYNTAX = error('ERR syntax error');
const NOT_INTEGER = error('ERR value is not an integer or out of range');
const BAD_OFFSET = error('ERR bit offset is not an integer or out of range');
const BAD_BIT = error('ERR bit is not an integer or out of range');
const BAD_TYPE = error(
  'ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.',
);
const NOT_ZERO_OR_ONE = error('ERR The bit argument must be 1 or 0.');

function arity(name: string): ReturnType<typeof error> {
  return error(`ERR wrong number of arguments for '${name}' command`);
}

/** The bits of the string of the cases on every range. */
const BITS = [0xf1, 0x0f, 0x80, 0x01, 0xaa, 0xff, 0x00, 0x7e, 0x18]
  .map((byte) => byte.toString(2).padStart(8, '0'))
  .join('');

function everyRange(bits: number, step: number): [number, number][] {
  const ranges: [number, number][] = [];
  for (let from = 0; from < bits; from += step) for (let to = from; to < bits; to += step) ranges.push([from, to]);
  return ranges;
}

function countOf(from: number, to: number): number {
  return BITS.slice(from, to + 1).replaceAll('0', '').length;
}

function positionOf(bit: string, from: number, to: number): number {
  const found = BITS.slice(from, to + 1).indexOf(bit);
  return found === -1 ? -1 : from + found;
}

const SINGLE_BITS: readonly Case[] = [
  {
    name: 'SETBIT and GETBIT',
    steps: [
      ['SETBIT k 1 1', 0],
      ['GET k', '@'],
      ['SETBIT k 1 1', 1],
      ['SETBIT k 1 0', 1],
      ['GET k', '\0'],
      ['SETBIT k 0 1', 0],
      ['GETBIT k 0', 1],
      ['GETBIT k 1', 0],
      ['GETBIT k 100', 0],
      ['GETBIT none 0', 0],
      ['SETBIT k 23 1', 0],
      ['GET k', '\x80\0\x01'],
      ['SETBIT new 20 0', 0],
      ['STRLEN new', 3],
      ['SET n 1 EX 100', OK],
      ['SETBIT n 6 1', 0],
      ['GET n', '3'],
      ['TTL n', between(99, 100)],
      ['INCR n', 4],
    ],
  },
  {
    name: 'SETBIT and GETBIT with what they do not take',
    steps: [
      ['SETBIT k 1', arity('setbit')],
      ['GETBIT k', arity('getbit')],
      ['SETBIT k -1 1', BAD_OFFSET],
      ['SETBIT k x 1', BAD_OFFSET],
      ['SETBIT k 1.5 1', BAD_OFFSET],
      ['SETBIT k #1 1', BAD_OFFSET],
      [['SETBIT', 'k', '', '1'], BAD_OFFSET],
      ['SETBIT k 4294967296 1', BAD_OFFSET],
      ['SETBIT k 9223372036854775807 1', BAD_OFFSET],
      ['SETBIT k 9223372036854775808 1', BAD_OFFSET],
      ['SETBIT k 1 2', BAD_BIT],
      ['SETBIT k 1 -1', BAD_BIT],
      ['SETBIT k 1 x', BAD_BIT],
      ['SETBIT k 1 9223372036854775807', BAD_BIT],
      ['SETBIT k 1 9223372036854775808', BAD_BIT],
      ['GETBIT k -1', BAD_OFFSET],
      ['GETBIT k x', BAD_OFFSET],
      ['GETBIT k 4294967296', BAD_OFFSET],
      ['GETBIT k 4294967295', 0],
      ['EXISTS k', 0],
    ],
  },
  {
    name: 'bitmap commands on a list',
    redisOnly: 'there are no lists',
    steps: [
      ['LPUSH l x', 1],
      ['SETBIT l 0 1', WRONGTYPE],
      ['GETBIT l 0', WRONGTYPE],
      ['BITCOUNT l', WRONGTYPE],
      ['BITPOS l 1', WRONGTYPE],
      ['BITOP AND d l', WRONGTYPE],
      ['BITOP AND d none l', WRONGTYPE],
      ['BITFIELD l GET u8 0', WRONGTYPE],
      ['BITFIELD l SET u8 0 1', WRONGTYPE],
      ['BITFIELD l', WRONGTYPE],
      ['SET s x', OK],
      ['BITOP NOT l s', 1],
      ['STRLEN l', 1],
    ],
  },
  {
    name: 'a bitmap of 256 MiB',
    timeout: 60_000,
    steps: [
      ['SETBIT k 2147483648 1', 0],
      ['STRLEN k', 268_435_457],
      ['GETBIT k 2147483648', 1],
      ['BITCOUNT k', 1],
      ['BITPOS k 1', 2_147_483_648],
      ['BITPOS k 1 -1 -1 BIT', -1],
      ['BITPOS k 0 -1', 2_147_483_649],
      ['BITCOUNT k 2147483648 -1 BIT', 1],
      ['BITCOUNT k 2147483649 -1 BIT', 0],
      ['BITFIELD k GET u9 2147483647', [128]],
      ['SETBIT k 2147483641 1', 0],
      ['BITPOS k 1 1 -1', 2_147_483_641],
      ['GETRANGE k -3 -1', '\0@\x80'],
      ['APPEND k end', 268_435_460],
      ['GETRANGE k -5 -1', '@\x80end'],
    ],
  },
];

const RANGES: readonly Case[] = [
  {
    name: 'BITCOUNT',
    steps: [
      ['BITCOUNT k', 0],
      ['SET k foobar', OK],
      ['BITCOUNT k', 26],
      ['BITCOUNT k 0 0', 4],
      ['BITCOUNT k 1 1', 6],
      ['BITCOUNT k 0 -5', 10],
      ['BITCOUNT k 1 -2 BYTE', 18],
      ['BITCOUNT k 5 30 BIT', 17],
      ['BITCOUNT k 5 30 bit', 17],
      ['BITCOUNT k 0 -1 BIT', 26],
      ['BITCOUNT k -3 -1 BIT', 1],
      ['BITCOUNT k 1 1 BIT', 1],
      ['BITCOUNT k 0 0 BIT', 0],
      ['BITCOUNT k 10 5', 0],
      ['BITCOUNT k -1 -2', 0],
      ['BITCOUNT k -100 -50', 4],
      ['BITCOUNT k 100 200', 0],
      ['BITCOUNT k 0 9223372036854775807', 26],
      ['BITCOUNT k -9223372036854775808 9223372036854775807 BIT', 26],
      ['BITCOUNT k -9223372036854775808 -9223372036854775807', 4],
      ['BITCOUNT k -9223372036854775807 -9223372036854775808', 0],
      [['SET', 'k', ''], OK],
      ['BITCOUNT k', 0],
      ['BITCOUNT k 0 -1', 0],
    ],
  },
  {
    name: 'BITCOUNT with what it does not take',
    steps: [
      ['SET k foobar', OK],
      ['BITCOUNT', arity('bitcount')],
      ['BITCOUNT k 0', SYNTAX],
      ['BITCOUNT k 0 1 2', SYNTAX],
      ['BITCOUNT k 0 1 BIT x', SYNTAX],
      ['BITCOUNT k x 1', NOT_INTEGER],
      ['BITCOUNT k 0 x', NOT_INTEGER],
      ['BITCOUNT k 0 x NOSUCH', NOT_INTEGER],
      ['BITCOUNT k 0 9223372036854775808', NOT_INTEGER],
    ],
  },
  {
    name: 'BITCOUNT and BITPOS look at ranges only when there is a string',
    steps: [
      ['BITCOUNT k 0', 0],
      ['BITCOUNT k x 1', 0],
      ['BITCOUNT k 0 1 x', 0],
      ['BITPOS k 0 x', 0],
      ['BITPOS k 1 0 x', -1],
      ['BITPOS k 0 0 1 x', 0],
      ['BITPOS k 0 0 1 BIT x', 0],
      ['BITPOS k 2 x', NOT_ZERO_OR_ONE],
      ['SET k foobar', OK],
      ['BITCOUNT k -1 -2 NOSUCH', 0],
      ['BITCOUNT k -2 -1 NOSUCH', SYNTAX],
    ],
  },
  {
    name: 'BITCOUNT of every range',
    steps: [
      [['SET', 'k', '\xf1\x0f\x80\x01\xaa\xff\x00\x7e\x18'], OK],
      ...everyRange(72, 5).map(([from, to]) => [`BITCOUNT k ${from} ${to} BIT`, countOf(from, to)] as const),
    ],
  },
  {
    name: 'BITPOS',
    steps: [
      ['BITPOS k 0', 0],
      ['BITPOS k 1', -1],
      ['BITPOS k 0 5', 0],
      ['BITPOS k 1 5 7 BIT', -1],
      [['SET', 'k', '\xff\xf0\x00'], OK],
      ['BITPOS k 0', 12],
      ['BITPOS k 1', 0],
      [['SET', 'k', '\x00\xff\xf0'], OK],
      ['BITPOS k 1 0', 8],
      ['BITPOS k 1 2', 16],
      ['BITPOS k 1 2 -1 BYTE', 16],
      ['BITPOS k 1 7 15 BIT', 8],
      ['BITPOS k 1 7 -3 BIT', 8],
      ['BITPOS k 1 9 9 BIT', 9],
      ['BITPOS k 0 8 19 BIT', -1],
      ['BITPOS k 0 8 20 bit', 20],
      ['BITPOS k 1 3', -1],
      ['BITPOS k 0 3', -1],
      ['BITPOS k 1 2 1', -1],
      ['BITPOS k 1 -1', 16],
      ['BITPOS k 0 -1', 20],
      ['BITPOS k 0 -1 -1', 20],
      ['BITPOS k 1 -100 -50', -1],
      ['BITPOS k 0 -100 -50', 0],
      [['SET', 'k', '\xff\xff\xff'], OK],
      ['BITPOS k 0', 24],
      ['BITPOS k 0 1', 24],
      ['BITPOS k 0 0 -1', -1],
      ['BITPOS k 0 0 100', -1],
      ['BITPOS k 0 0 100 BIT', -1],
      ['BITPOS k 0 3', -1],
      [['SET', 'k', '\0\0\0'], OK],
      ['BITPOS k 1', -1],
      ['BITPOS k 1 0 -1', -1],
      ['BITPOS k 0 0 9223372036854775807', 0],
      [['SET', 'k', ''], OK],
      ['BITPOS k 0', -1],
      ['BITPOS k 1', -1],
      ['BITPOS k 0 0', -1],
    ],
  },
  {
    name: 'BITPOS with what it does not take',
    steps: [
      ['SET k foobar', OK],
      ['BITPOS k', arity('bitpos')],
      ['BITPOS k 2', NOT_ZERO_OR_ONE],
      ['BITPOS k -1', NOT_ZERO_OR_ONE],
      ['BITPOS none 2', NOT_ZERO_OR_ONE],
      ['BITPOS k 9223372036854775807', NOT_ZERO_OR_ONE],
      ['BITPOS k x', NOT_INTEGER],
      ['BITPOS k 0 x', NOT_INTEGER],
      ['BITPOS k 0 0 x', NOT_INTEGER],
      ['BITPOS k 0 0 1 x', SYNTAX],
      ['BITPOS k 0 0 x x', SYNTAX],
      ['BITPOS k 0 0 1 BIT x', SYNTAX],
    ],
  },
  {
    name: 'BITPOS of every range',
    steps: [
      [['SET', 'k', '\xf1\x0f\x80\x01\xaa\xff\x00\x7e\x18'], OK],
      ...everyRange(72, 3).flatMap(([from, to]) => [
        [`BITPOS k 1 ${from} ${to} BIT`, positionOf('1', from, to)] as const,
        [`BITPOS k 0 ${from} ${to} BIT`, positionOf('0', from, to)] as const,
      ]),
    ],
  },
  {
    name: 'BITCOUNT and BITPOS in a longer string',
    steps: [
      [['SET', 'k', `${'\0'.repeat(1000)}\x01${'\xff'.repeat(1000)}`], OK],
      ['BITCOUNT k', 8001],
      ...[0, 1, 2, 3, 4, 5, 6, 7, 998, 999, 1000].map((start) => [`BITPOS k 1 ${start}`, 8007] as const),
      ...[1001, 1002, 1003, 1004, 1997, 2000].map((start) => [`BITPOS k 0 ${start}`, 16_008] as const),
      ...[1001, 1002, 1003, 1004, 1997, 2000].map((start) => [`BITPOS k 0 ${start} -1`, -1] as const),
      ...[0, 1, 2, 3, 4, 5].map((start) => [`BITCOUNT k ${start} ${1000 + start}`, 1 + 8 * start] as const),
    ],
  },
];

const OPERATIONS: readonly Case[] = [
  {
    name: 'BITOP',
    steps: [
      [['MSET', 'a', '\xf0\x0f\xaa', 'b', '\xff\x00', 'c', '\x0f'], OK],
      ['BITOP AND d a b', 3],
      ['GET d', '\xf0\0\0'],
      ['BITOP OR d a b', 3],
      ['GET d', '\xff\x0f\xaa'],
      ['BITOP XOR d a b c', 3],
      ['GET d', '\0\x0f\xaa'],
      ['BITOP NOT d a', 3],
      ['GET d', '\x0f\xf0\x55'],
      ['BITOP and d a none', 3],
      ['GET d', '\0\0\0'],
      ['BITOP OR d none a', 3],
      ['GET d', '\xf0\x0f\xaa'],
      ['BITOP XOR d a a', 3],
      ['GET d', '\0\0\0'],
      ['BITOP AND d a', 3],
      ['GET d', '\xf0\x0f\xaa'],
    ],
  },
  {
    name: 'BITOP whose destination is a source',
    steps: [
      [['MSET', 'a', '\xf0\x0f', 'b', '\xff\x00\x01'], OK],
      ['BITOP AND a a b', 3],
      ['GET a', '\xf0\0\0'],
      ['BITOP NOT a a', 3],
      ['GET a', '\x0f\xff\xff'],
      ['BITOP OR b a b', 3],
      ['GET b', '\xff\xff\xff'],
    ],
  },
  {
    name: 'BITOP of nothing removes the destination',
    steps: [
      ['SET d x EX 100', OK],
      ['BITOP OR d none other', 0],
      ['EXISTS d', 0],
      [['SET', 'e', ''], OK],
      ['SET d x', OK],
      ['BITOP NOT d e', 0],
      ['EXISTS d', 0],
      ['SET d x EX 100', OK],
      ['SET s y', OK],
      ['BITOP OR d s', 1],
      ['TTL d', -1],
    ],
  },
  {
    name: 'BITOP with what it does not take',
    steps: [
      ['BITOP AND d', arity('bitop')],
      ['BITOP NOSUCH d a', SYNTAX],
      ['BITOP NOT d a b', error('ERR BITOP NOT must be called with a single source key.')],
    ],
  },
  {
    name: 'BITOP of long strings',
    steps: [
      [['SET', 'a', '\xaa\x55'.repeat(50_000)], OK],
      [['SET', 'b', '\xff'.repeat(40_001)], OK],
      ['BITOP AND d a b', 100_000],
      ['BITCOUNT d', 160_004],
      ['BITOP OR d a b', 100_000],
      ['BITCOUNT d', 560_004],
      ['BITOP XOR d a b', 100_000],
      ['BITCOUNT d', 400_000],
      ['BITOP NOT d b', 40_001],
      ['BITCOUNT d', 0],
      ['GETRANGE d 39999 50000', '\0\0'],
    ],
  },
];

const FIELDS: readonly Case[] = [
  {
    name: 'BITFIELD',
    steps: [
      ['BITFIELD k', []],
      ['BITFIELD k GET u8 0', [0]],
      ['EXISTS k', 0],
      ['BITFIELD k SET u8 0 255', [0]],
      ['BITFIELD k GET u8 0 GET i8 0 GET u4 4 GET u1 100', [255, -1, 15, 0]],
      ['BITFIELD k set u8 #1 127 get u16 0', [0, 65_407]],
      ['BITFIELD k INCRBY u4 2 1', [0]],
      ['BITFIELD k INCRBY i5 100 1 GET u4 0', [1, 12]],
      ['STRLEN k', 14],
      ['BITFIELD k SET i64 64 -1', [8_388_608]],
      ['BITFIELD k GET i64 64 GET u63 65 GET i63 64', [-1, 9223372036854775807n, -1]],
      ['BITFIELD k OVERFLOW SAT', []],
    ],
  },
  {
    name: 'BITFIELD: overflow of unsigned fields',
    steps: [
      ['BITFIELD k SET u8 0 255 INCRBY u8 0 1', [0, 0]],
      ['BITFIELD k SET u8 0 250 INCRBY u8 0 10 INCRBY u8 0 -10', [0, 4, 250]],
      ['BITFIELD k OVERFLOW SAT INCRBY u8 0 10 INCRBY u8 0 -256 INCRBY u8 0 -1', [255, 0, 0]],
      ['BITFIELD k OVERFLOW FAIL INCRBY u8 0 -1 INCRBY u8 0 255 INCRBY u8 0 1', [null, 255, null]],
      ['BITFIELD k OVERFLOW SAT SET u8 0 -1', [255]],
      ['BITFIELD k OVERFLOW SAT SET u8 0 256 GET u8 0', [255, 255]],
      ['BITFIELD k OVERFLOW WRAP SET u8 0 257 GET u8 0 SET u8 0 -1 GET u8 0', [255, 1, 1, 255]],
      ['BITFIELD k OVERFLOW FAIL SET u8 0 256 SET u8 0 -1 GET u8 0', [null, null, 255]],
      ['BITFIELD k OVERFLOW FAIL SET u8 0 -1 OVERFLOW WRAP SET u8 0 -2 GET u8 0', [null, 255, 254]],
    ],
  },
  {
    name: 'BITFIELD: overflow of signed fields',
    steps: [
      ['BITFIELD k SET i8 0 127 INCRBY i8 0 1', [0, -128]],
      ['BITFIELD k INCRBY i8 0 -1', [127]],
      ['BITFIELD k OVERFLOW SAT INCRBY i8 0 1 INCRBY i8 0 -300 INCRBY i8 0 -1', [127, -128, -128]],
      ['BITFIELD k OVERFLOW FAIL INCRBY i8 0 -1 INCRBY i8 0 255 INCRBY i8 0 1', [null, 127, null]],
      ['BITFIELD k SET i8 0 128 GET i8 0 SET i8 0 -129 GET i8 0', [127, -128, -128, 127]],
      ['BITFIELD k OVERFLOW SAT SET i8 0 128 SET i8 0 -129 GET i8 0', [127, 127, -128]],
      ['BITFIELD k OVERFLOW FAIL SET i8 0 128 SET i8 0 -129 GET i8 0', [null, null, -128]],
      ['BITFIELD k OVERFLOW SAT SET i8 0 -9223372036854775808 GET i8 0', [-128, 127]],
      ['BITFIELD k OVERFLOW SAT SET i8 0 9223372036854775807 GET i8 0', [127, 127]],
      ['BITFIELD k OVERFLOW SAT INCRBY i8 0 -9223372036854775808 GET i8 0', [-128, -128]],
      ['BITFIELD k OVERFLOW SAT INCRBY i8 0 9223372036854775807 GET i8 0', [127, 127]],
      ['BITFIELD k INCRBY i8 0 9223372036854775807', [126]],
    ],
  },
  {
    name: 'BITFIELD: the widest fields',
    steps: [
      ['BITFIELD k SET i64 0 9223372036854775807 INCRBY i64 0 1', [0, -9223372036854775808n]],
      ['BITFIELD k INCRBY i64 0 -1', [9223372036854775807n]],
      [
        'BITFIELD k OVERFLOW SAT INCRBY i64 0 1 SET i64 0 -9223372036854775808',
        [9223372036854775807n, 9223372036854775807n],
      ],
      ['BITFIELD k OVERFLOW SAT INCRBY i64 0 -1', [-9223372036854775808n]],
      ['BITFIELD k OVERFLOW FAIL INCRBY i64 0 -1 INCRBY i64 0 9223372036854775807', [null, -1]],
      ['BITFIELD k SET u63 1 9223372036854775807 INCRBY u63 1 1', [9223372036854775807n, 0]],
      ['BITFIELD k OVERFLOW SAT INCRBY u63 1 -1 SET u63 1 -5 GET u63 1', [0, 0, 9223372036854775807n]],
      ['BITFIELD k OVERFLOW FAIL INCRBY u63 1 1 SET u63 1 -1', [null, null]],
      ['BITFIELD k SET i64 3 -2 GET i64 3 GET u62 4', [-8, -2, 4611686018427387903n]],
    ],
  },
  {
    name: 'BITFIELD: fields of every width, at every bit',
    steps: [1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 45, 46, 47, 48, 49, 53, 55, 56, 57, 62, 63].flatMap((bits) => [
      ...[0, 1, 5, 7].flatMap((offset) => {
        const most = 2n ** BigInt(bits) - 1n;
        return [
          ['DEL k', between(0, 1)],
          [`BITFIELD k SET u${bits} ${offset} ${most}`, [0]],
          [`BITFIELD k GET u${bits} ${offset} GET i${bits} ${offset}`, [most, -1]],
          ['BITCOUNT k', bits],
          [`BITPOS k 1`, offset],
          [`BITFIELD k INCRBY u${bits} ${offset} -1 INCRBY i${bits} ${offset} 1`, [most - 1n, -1]],
          [`BITFIELD k SET i${bits} ${offset} ${-(2n ** BigInt(bits - 1))}`, [-1]],
          ['BITCOUNT k', 1],
          [
            `BITFIELD k GET i${bits} ${offset} GET u${bits} ${offset}`,
            [-(2n ** BigInt(bits - 1)), 2n ** BigInt(bits - 1)],
          ],
        ] as const;
      }),
    ]),
  },
  {
    name: 'BITFIELD with what it does not take',
    steps: [
      ['BITFIELD', arity('bitfield')],
      ['BITFIELD k GET', SYNTAX],
      ['BITFIELD k GET u8', SYNTAX],
      ['BITFIELD k SET u8 0', SYNTAX],
      ['BITFIELD k INCRBY u8 0', SYNTAX],
      ['BITFIELD k OVERFLOW', SYNTAX],
      ['BITFIELD k NOSUCH u8 0 1', SYNTAX],
      ['BITFIELD k OVERFLOW NOSUCH', error('ERR Invalid OVERFLOW type specified')],
      ...[
        'u0',
        'u64',
        'i0',
        'i65',
        'x8',
        '8',
        'u',
        'i',
        'u-1',
        'U8',
        'I8',
        'u08',
        'u 8',
        'u8 ',
        '',
        'u1.5',
        'u99999999999999999999',
      ].map((type) => [['BITFIELD', 'k', 'GET', type, '0'], BAD_TYPE] as const),
      ['BITFIELD k GET u8 -1', BAD_OFFSET],
      ['BITFIELD k GET u8 x', BAD_OFFSET],
      ['BITFIELD k GET u8 #', BAD_OFFSET],
      ['BITFIELD k GET u8 #-1', BAD_OFFSET],
      ['BITFIELD k GET u8 ##1', BAD_OFFSET],
      ['BITFIELD k GET u8 4294967296', BAD_OFFSET],
      ['BITFIELD k GET u8 #536870912', BAD_OFFSET],
      ['BITFIELD k GET u8 #9223372036854775807', BAD_OFFSET],
      ['BITFIELD k GET i64 #288230376151711744', [0]],
      ['BITFIELD k GET u8 4294967295 GET u8 #536870911', [0, 0]],
      ['BITFIELD k SET u8 0 x', NOT_INTEGER],
      ['BITFIELD k SET u8 0 9223372036854775808', NOT_INTEGER],
      ['BITFIELD k SET u8 0 1 INCRBY u8 0 x', NOT_INTEGER],
      ['EXISTS k', 0],
    ],
  },
  {
    name: 'BITFIELD_RO',
    steps: [
      ['SET k abc', OK],
      ['BITFIELD_RO k GET u8 0 GET u8 8', [97, 98]],
      ['BITFIELD_RO k', []],
      ['BITFIELD_RO none GET i64 1000', [0]],
      ['BITFIELD_RO k SET u8 0 1', error('ERR BITFIELD_RO only supports the GET subcommand')],
      ['BITFIELD_RO k GET u8 0 INCRBY u8 0 1', error('ERR BITFIELD_RO only supports the GET subcommand')],
      ['BITFIELD_RO k SET u8 0 x', NOT_INTEGER],
      ['BITFIELD_RO k GET u64 0', BAD_TYPE],
      ['BITFIELD_RO', arity('bitfield_ro')],
    ],
  },
  {
    name: 'BITFIELD keeps the deadline and what is around a field',
    steps: [
      ['SET k 12345678 EX 100', OK],
      ['BITFIELD k SET u12 10 0', [3212]],
      ['GET k', '1\x00\x0345678'],
      ['TTL k', between(99, 100)],
    ],
  },
  {
    name: 'null in BITFIELD is RESP3 null',
    protocol: 3,
    steps: [['BITFIELD k OVERFLOW FAIL SET u1 0 2 GET u1 0', [null, 0]]],
  },
];

export const BITMAP_CASES: readonly Case[] = [...SINGLE_BITS, ...RANGES, ...OPERATIONS, ...FIELDS];
