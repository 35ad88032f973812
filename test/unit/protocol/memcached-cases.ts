/** Streams of Memcached's protocols that say what a splitter should do, and what it should make of them. */

import type { FrameLimits } from '../../../src/protocol/descriptors.js';
import { header, request, type Shown, SMALL } from './memcached-streams.js';
import { LIMITS } from './split-stream.js';

// What flags say.
const DATA = 'data';
const BAD = 'data, bad chunk';
export const LARGE = 'too large';
const MALFORMED = 'malformed';

// ------------------------------------------------------------------------------------------------ text

const TOO_LONG = { error: 20, detail: 0 };
export const MN = ['mn', '', 'mn'];

/** Each stream of the text protocols, and what is in it: [name in the table, what its flags say, ...arguments]. */
export const TEXT_CASES: [string, string, Shown[], FrameLimits?][] = [
  ['a line', 'get k\r\n', [['get', '', 'get', 'k']]],
  ['a pipeline', 'get a\r\ngets a b\r\nmn\r\n', [['get', '', 'get', 'a'], ['gets', '', 'gets', 'a', 'b'], MN]],
  ['a line that ends with \\n alone', 'mn\nget k\n', [MN, ['get', '', 'get', 'k']]],
  ['a line with two \\r', 'get k\r\r\n', [['get', '', 'get', 'k\r']]],
  ['a \\r in a line', 'get a\rb\r\n', [['get', '', 'get', 'a\rb']]],
  ['spaces around arguments', '  get   a  b  \r\n', [['get', '', 'get', 'a', 'b']]],
  [
    'blanks that are no spaces',
    'get a\tb\x0b\r\nget\tk\r\n',
    [
      ['get', '', 'get', 'a\tb\x0b'],
      ['unknown', '', 'get\tk'],
    ],
  ],
  ['a zero byte', 'get a\0b c\r\nmn \0\r\n', [['get', '', 'get', 'a'], MN]],
  ['a name in upper case', 'GET k\r\n', [['unknown', '', 'GET', 'k']]],
  [
    'no name, or half of one',
    'ge k\r\ngett k\r\n',
    [
      ['unknown', '', 'ge', 'k'],
      ['unknown', '', 'gett', 'k'],
    ],
  ],
  ['the name of a binary command', 'noop\r\n', [['unknown', '', 'noop']]],
  [
    'lines without arguments',
    '\r\n\n   \r\n\0mn\r\nmn\r\n',
    [['unknown', '', ''], ['unknown', '', ''], ['unknown', '', ''], ['unknown', '', ''], MN],
  ],
  ['a line of \\r alone', '\r\r\n', [['unknown', '', '\r']]],
  ['an incomplete line', 'get k\r', []],
  ['bytes above 127', 'get \xe9\x80\r\n', [['get', '', 'get', '\xe9\x80']]],

  ['data', 'set k 1 2 5\r\nhello\r\nmn\r\n', [['set', DATA, 'set', 'k', '1', '2', '5', 'hello'], MN]],
  ['data behind \\n', 'set k 1 2 5\nhello\r\nmn\n', [['set', DATA, 'set', 'k', '1', '2', '5', 'hello'], MN]],
  ['no data', 'set k 0 0 0\r\n\r\nmn\r\n', [['set', DATA, 'set', 'k', '0', '0', '0', ''], MN]],
  [
    'data that looks like lines',
    'add k 0 0 9 noreply\r\nget k\r\n\0\r\r\nmn\r\n',
    [['add', DATA, 'add', 'k', '0', '0', '9', 'noreply', 'get k\r\n\0\r'], MN],
  ],
  [
    'data of a cas',
    'cas k 0 0 2 77 noreply\r\nab\r\n',
    [['cas', DATA, 'cas', 'k', '0', '0', '2', '77', 'noreply', 'ab']],
  ],
  ['data of a meta command', 'ms k 2 T0 c\r\nab\r\nmn\r\n', [['ms', DATA, 'ms', 'k', '2', 'T0', 'c', 'ab'], MN]],
  ['incomplete data', 'set k 0 0 5\r\nhello', []],
  ['data without its line end', 'set k 0 0 5\r\nhello\r', []],
  [
    'data that is longer than announced',
    'set k 0 0 3\r\nhello\r\nmn\r\n',
    [['set', BAD, 'set', 'k', '0', '0', '3', 'hel'], ['unknown', '', ''], MN],
  ],
  [
    'data that is shorter than announced',
    'set k 0 0 3\r\nab\r\nmn\r\n',
    [
      ['set', BAD, 'set', 'k', '0', '0', '3', 'ab\r'],
      ['unknown', '', 'n'],
    ],
  ],
  [
    'data that ends with \\n alone',
    'set k 0 0 3\r\nabc\nxmn\r\n',
    [['set', BAD, 'set', 'k', '0', '0', '3', 'abc'], MN],
  ],
  ['data that ends with two \\r', 'set k 0 0 3\r\nabc\r\rmn\r\n', [['set', BAD, 'set', 'k', '0', '0', '3', 'abc'], MN]],

  ...['+3', '003', '3\t', '\t3', '\x0b\x0c\r3', '3\tx', '3\r'].map((length): [string, string, Shown[]] => [
    `a length of ${JSON.stringify(length)}`,
    `set k 0 0 ${length} x\r\nabc\r\nmn\r\n`,
    [['set', DATA, 'set', 'k', '0', '0', length, 'x', 'abc'], MN],
  ]),
  ['a length of minus zero', 'set k 0 0 -0\r\n\r\nmn\r\n', [['set', DATA, 'set', 'k', '0', '0', '-0', ''], MN]],
  ...[
    '-1',
    '3x',
    'x',
    '+',
    '-',
    '\t',
    '+-3',
    '0x3',
    '3.0',
    '2147483646',
    '2147483647',
    '4294967299',
    '9223372036854775807',
    '9'.repeat(400),
  ].map((length): [string, string, Shown[]] => [
    `a length that is none, ${JSON.stringify(length.slice(0, 25))}`,
    `set k 0 0 ${length}\r\nabc\r\nmn\r\n`,
    [['set', '', 'set', 'k', '0', '0', length], ['unknown', '', 'abc'], MN],
  ]),
  [
    'no length',
    'set k 0 0\r\nms k\r\nset\r\nmn\r\n',
    [['set', '', 'set', 'k', '0', '0'], ['ms', '', 'ms', 'k'], ['set', '', 'set'], MN],
  ],
  [
    'arguments that are wrong, but the length is not',
    'set k a b 3 c d\r\nabc\r\nmn\r\n',
    [['set', DATA, 'set', 'k', 'a', 'b', '3', 'c', 'd', 'abc'], MN],
  ],
  ['numbers of commands without data', 'get k 0 0 3\r\nmn\r\n', [['get', '', 'get', 'k', '0', '0', '3'], MN]],

  [
    'the longest value',
    `set k 0 0 40\r\n${'x'.repeat(40)}\r\nmn\r\n`,
    [['set', DATA, 'set', 'k', '0', '0', '40', 'x'.repeat(40)], MN],
    SMALL,
  ],
  [
    'a value above the limit',
    `set k 0 0 41\r\n${'x'.repeat(41)}\r\nmn\r\n`,
    [['set', LARGE, 'set', 'k', '0', '0', '41'], MN],
    SMALL,
  ],
  [
    'values above the limit, one after the other',
    `mn\r\nms k 50\r\n${'\n'.repeat(50)}\r\nms k 60 c\r\n${'x'.repeat(60)}\r\nmn\r\nmn\r\n`,
    [MN, ['ms', LARGE, 'ms', 'k', '50'], ['ms', LARGE, 'ms', 'k', '60', 'c'], MN, MN],
    SMALL,
  ],
  [
    'a value above the limit, without its bytes',
    'set k 0 0 2147483645\r\nabc\r\nmn\r\n',
    [['set', LARGE, 'set', 'k', '0', '0', '2147483645']],
    SMALL,
  ],
  [
    'a value above the limit that is shorter than announced',
    `set k 0 0 42\r\n${'x'.repeat(41)}\r\nmn\r\nmn\r\n`,
    [['set', LARGE, 'set', 'k', '0', '0', '42'], ['unknown', '', 'n'], MN],
    SMALL,
  ],

  ['the longest line', `${'x'.repeat(2048)}\nmn\n`, [['unknown', '', 'x'.repeat(2048)], MN]],
  ['the longest line with a \\r', `${'x'.repeat(2047)}\r\nmn\n`, [['unknown', '', 'x'.repeat(2047)], MN]],
  ['a line that is too long', `mn\r\n${'x'.repeat(2049)}\nmn\n`, [MN, TOO_LONG]],
  ['a line that is not yet too long', 'x'.repeat(2048), []],
  ['a line without an end', 'x'.repeat(2049), [TOO_LONG]],
  ['nothing but spaces', ' '.repeat(2049), [TOO_LONG]],
  ['a long get', `get ${'a '.repeat(3000)}\r\nmn\r\n`, [['get', '', 'get', ...Array(3000).fill('a')], MN]],
  ['a long gat', `gat 0 ${'key '.repeat(700)}\r\nmn\r\n`, [['gat', '', 'gat', '0', ...Array(700).fill('key')], MN]],
  [
    'a long get behind 100 spaces',
    `${' '.repeat(100)}gets ${'ab '.repeat(700)}\r\n`,
    [['gets', '', 'gets', ...Array(700).fill('ab')]],
  ],
  ['a long get behind 101 spaces', `${' '.repeat(101)}get ${'ab '.repeat(700)}\r\n`, [TOO_LONG]],
  ['a long get without an end', `get ${'a '.repeat(3000)}`, []],
  ['a long key', `get ${'a'.repeat(3000)}\r\n`, [['get', '', 'get', 'a'.repeat(3000)]]],
  ['a long line of a command with one key', `delete ${'a'.repeat(2050)}\r\n`, [TOO_LONG]],
  ['a long line of no command', `getx ${'a '.repeat(2050)}\r\n`, [TOO_LONG]],
  ['a long name', `get${'a'.repeat(3000)} \r\n`, [TOO_LONG]],
  ['a long line with data', `set k 0 0 3${' '.repeat(2050)}\r\nabc\r\n`, [TOO_LONG]],
  [
    'as many arguments as a short line can have',
    `get${' a'.repeat(1022)}\r\n`,
    [['get', '', 'get', ...Array(1022).fill('a')]],
    SMALL,
  ],
  [
    'as many arguments as the limit',
    `get ${`${'k'.repeat(200)} `.repeat(19)}\r\n`,
    [['get', '', 'get', ...Array(19).fill('k'.repeat(200))]],
    SMALL,
  ],
  ['more arguments than the limit', `get ${`${'k'.repeat(120)} `.repeat(20)}\r\nmn\r\n`, [TOO_LONG], SMALL],
  [
    'the longest line of many keys',
    `get ${'k'.repeat(20 * 251 - 4)}\n`,
    [['get', '', 'get', 'k'.repeat(20 * 251 - 4)]],
    SMALL,
  ],
  ['a line of many keys that is too long', `get ${'k'.repeat(20 * 251 - 3)}`, [TOO_LONG], SMALL],
  [
    'a short line under a small limit',
    'get 1 2 3 4 5 6 7 8 9 10 11\r\n',
    [['get', '', 'get', '1', '2', '3', '4', '5', '6', '7', '8', '9', '10', '11']],
    { ...LIMITS, argumentsMax: 10 },
  ],
];

// ------------------------------------------------------------------------------------------------ binary

const GET = 0x00;
const SET = 0x01;
const NOOP = 0x0a;
const NO_OPCODE = 0x77;

export const noop = { opcode: NOOP, opaque: 7 };
const get = { opcode: GET, key: 'foo', cas: 0x8000000000000001n, opaque: 0xffffffff };
export const set = { opcode: SET, key: 'k', extras: '\0\0\0\x01\0\0\0\x02', value: 'value\r\n\x80' };
export const long = { opcode: GET, key: 'k'.repeat(65535), extras: 'e'.repeat(255), value: 'v'.repeat(1000) };
export const large = { opcode: SET, key: 'k', extras: '12345678', value: 'v'.repeat(41) };
const unknown = { opcode: NO_OPCODE, key: 'key', extras: 'extras', value: 'value' };
const NOOP_SHOWN = ['noop', '', header(noop), '', '', ''];

/** Each stream of the binary protocol, and what is in it: header, key, extras, value. */
export const BINARY_CASES: [string, string, Shown[], FrameLimits?][] = [
  ['a request without a body', request(noop), [NOOP_SHOWN]],
  ['a request with a key', request(get), [['get', '', header(get), 'foo', '', '']]],
  ['a request with everything', request(set), [['set', '', header(set), 'k', set.extras, set.value]]],
  [
    'a pipeline',
    request(set) + request(noop) + request(get) + request(noop),
    [
      ['set', '', header(set), 'k', set.extras, set.value],
      NOOP_SHOWN,
      ['get', '', header(get), 'foo', '', ''],
      NOOP_SHOWN,
    ],
  ],
  [
    'an unknown opcode',
    request(unknown) + request(noop),
    [['unknown', '', header(unknown), 'key', 'extras', 'value'], NOOP_SHOWN],
  ],
  [
    'lengths at their ends',
    request(long) + request(noop),
    [['get', '', header(long), long.key, long.extras, long.value], NOOP_SHOWN],
  ],
  ['an incomplete header', request(noop).slice(0, 23), []],
  ['an incomplete body', request(set).slice(0, -1), []],
  ['a first byte that is another', 'get k\r\n', [{ error: 21, detail: 0x67 }]],
  [
    'a second request with another first byte',
    `${request(noop)}\x81${request(noop)}`,
    [NOOP_SHOWN, { error: 21, detail: 0x81 }],
  ],
  ...[
    { opcode: GET, key: 'key', bodyLength: 2 },
    { opcode: SET, key: 'key', extras: '12345678', bodyLength: 10 },
    { opcode: SET, extras: '12345678', bodyLength: 7 },
    { opcode: GET, keyLength: 5, bodyLength: 0 },
    { opcode: NO_OPCODE, keyLength: 65535, extrasLength: 255, bodyLength: 65789 },
  ].map((wrong, i): [string, string, Shown[]] => {
    const name = ['get', 'set', 'set', 'get', 'unknown'][i];
    return [
      `a body of ${wrong.bodyLength} bytes that is too short for ${name}'s key and extras`,
      header(wrong) + '.'.repeat(wrong.bodyLength) + request(noop),
      [[name, MALFORMED, header(wrong), '', '', ''], NOOP_SHOWN],
    ];
  }),
  [
    'lengths that contradict each other, without a body',
    header({ ...get, bodyLength: 2 }),
    [['get', MALFORMED, header({ ...get, bodyLength: 2 }), '', '', '']],
  ],
  [
    'the longest value',
    request({ ...set, value: 'v'.repeat(40) }),
    [['set', '', header({ ...set, value: 'v'.repeat(40) }), 'k', set.extras, 'v'.repeat(40)]],
    SMALL,
  ],
  [
    'a value above the limit',
    request(large) + request(noop),
    [['set', LARGE, header(large), 'k', large.extras, ''], NOOP_SHOWN],
    SMALL,
  ],
  [
    'values above the limit, one after the other',
    request(noop) + request(large) + request({ ...large, opcode: NO_OPCODE }) + request(noop),
    [
      NOOP_SHOWN,
      ['set', LARGE, header(large), 'k', large.extras, ''],
      ['unknown', LARGE, header({ ...large, opcode: NO_OPCODE }), 'k', large.extras, ''],
      NOOP_SHOWN,
    ],
    SMALL,
  ],
  [
    'the largest body there is, without its bytes',
    `${header({ ...set, bodyLength: 0xffffffff })}${set.extras}k${request(noop)}`,
    [['set', LARGE, header({ ...set, bodyLength: 0xffffffff }), 'k', set.extras, '']],
  ],
  ['a value above the limit whose key is incomplete', header(large) + large.extras, [], SMALL],
];
