/** What the classic commands of Memcached's text protocol answer. */

import type { Difference, TextCase, TextStep } from './memcached-text-harness.js';

const FORMAT = 'CLIENT_ERROR bad command line format';
const NOT_NUMERIC = 'CLIENT_ERROR cannot increment or decrement non-numeric value';
const TOO_LARGE = 'SERVER_ERROR object too large for cache';

/** Longest key. */
const KEY = 'k'.repeat(250);
const LONG_KEY = 'k'.repeat(251);
const MIB = 1 << 20;
const UINT64_MAX = '18446744073709551615';

/** memcached 1.6.18 leaves the data of a line that is wrong where it is, and takes it for the next line; newer ones skip it. */
function dataIsALine(reply: string): Difference {
  return { memcached: `${reply}\nERROR`, why: 'newer versions skip the data of a line that is wrong' };
}

function strtol(reply: string): Difference {
  return { memcached: reply, why: 'ours reads numbers strictly' };
}

/** A line that is wrong, and its answer. */
function refused(line: string, reply: string): TextStep {
  return [line, reply];
}

const STORAGE: readonly TextCase[] = [
  {
    name: 'set and get',
    steps: [
      ['get k', 'END'],
      ['set k 0 0 5\nvalue', 'STORED'],
      ['get k', 'VALUE k 0 5\nvalue\nEND'],
      ['set k 123 0 0\n', 'STORED'],
      ['get k', 'VALUE k 123 0\n\nEND'],
      ['set k 4294967295 0 2\n\n', 'STORED'],
      ['get k', 'VALUE k 4294967295 2\n\n\nEND'],
      ['set k 007 0 01\nx', 'STORED'],
      ['get k', 'VALUE k 7 1\nx\nEND'],
    ],
  },
  {
    name: 'any bytes as the value',
    steps: [
      { raw: 'set k 0 0 10\r\nEND\r\n\0\xff\r\nx\r\n', reply: 'STORED\r\n' },
      { raw: 'get k\r\n', reply: 'VALUE k 0 10\r\nEND\r\n\0\xff\r\nx\r\nEND\r\n' },
    ],
  },
  {
    name: 'values of all lengths',
    steps: [1, 9, 10, 99, 100, 999, 1000, 1001, 2000, 10_000, 65_535, 65_536, 100_000, 1_000_000].flatMap(
      (length): TextStep[] => [
        [`set k 1 0 ${length}\n${'v'.repeat(length)}`, 'STORED'],
        ['get k', `VALUE k 1 ${length}\n${'v'.repeat(length)}\nEND`],
      ],
    ),
  },
  {
    name: 'a line that ends without a carriage return, and blanks between arguments',
    steps: [
      { raw: 'set k 0 0 1\nx\r\n', reply: 'STORED\r\n' },
      { raw: 'get k\n', reply: 'VALUE k 0 1\r\nx\r\nEND\r\n' },
      ['set   k  0    0 1  \ny', 'STORED'],
      ['get k  ', 'VALUE k 0 1\ny\nEND'],
    ],
  },
  {
    name: 'add and replace',
    steps: [
      ['replace k 0 0 1\na', 'NOT_STORED'],
      ['get k', 'END'],
      ['add k 1 0 1\na', 'STORED'],
      ['add k 2 0 1\nb', 'NOT_STORED'],
      ['get k', 'VALUE k 1 1\na\nEND'],
      ['replace k 3 0 2\ncc', 'STORED'],
      ['get k', 'VALUE k 3 2\ncc\nEND'],
    ],
  },
  {
    name: 'append and prepend keep flags and lifetime',
    steps: [
      ['append k 0 0 1\na', 'NOT_STORED'],
      ['prepend k 0 0 1\na', 'NOT_STORED'],
      ['set k 5 0 3\nabc', 'STORED'],
      ['append k 99 -1 3\ndef', 'STORED'],
      ['prepend k 99 -1 2\n__', 'STORED'],
      ['get k', 'VALUE k 5 8\n__abcdef\nEND'],
      ['append k 0 0 0\n', 'STORED'],
      ['get k', 'VALUE k 5 8\n__abcdef\nEND'],
      [`append k 0 0 3000\n${'x'.repeat(3000)}`, 'STORED'],
      ['get k', `VALUE k 5 3008\n__abcdef${'x'.repeat(3000)}\nEND`],
      ['set t 0 1000 1\nx', 'STORED'],
      ['append t 0 0 1\ny', 'STORED'],
      ['mg t t v', 'VA 2 t1000\nxy'],
    ],
  },
  {
    name: 'noreply',
    steps: [
      ['set k 0 0 1 noreply\na', ''],
      ['add k 0 0 1 noreply\nb', ''],
      ['add l 0 0 1 noreply\nb', ''],
      ['replace k 0 0 1 noreply\nc', ''],
      ['append k 0 0 1 noreply\nd', ''],
      ['prepend k 0 0 1 noreply\ne', ''],
      ['get k l', 'VALUE k 0 3\necd\nVALUE l 0 1\nb\nEND'],
      ['touch k 0 noreply', ''],
      ['touch none 0 noreply', ''],
      ['set n 0 0 1 noreply\n5', ''],
      ['incr n 2 noreply', ''],
      ['decr n 1 noreply', ''],
      ['incr none 1 noreply', ''],
      ['incr n x noreply', ''],
      ['get n', 'VALUE n 0 1\n6\nEND'],
      ['delete n noreply', ''],
      ['delete n noreply', ''],
      ['get n', 'END'],
      ['verbosity 0 noreply', ''],
      ['flush_all noreply', ''],
      ['flush_all 0 noreply', ''],
      ['get k l', 'END'],
    ],
  },
  {
    name: 'another word in the place of noreply',
    steps: [
      ['set k 0 0 1 noreplyx\na', 'STORED'],
      ['set k 0 0 1 NOREPLY\na', 'STORED'],
      ['touch k 0 x', 'TOUCHED'],
      ['set k 0 0 1 norepl\n5', 'STORED'],
      ['incr k 1 x', '6'],
    ],
  },
  {
    name: 'errors of what noreply was said to are not answered either',
    steps: [
      ['set k 0 0 1 noreply\na', ''],
      { raw: 'set k 0 0 2 noreply\r\nabcd\r\n', reply: 'ERROR\r\n' },
      ['get k', 'VALUE k 0 1\na\nEND'],
      [`set k 0 0 ${MIB} noreply\n${'x'.repeat(MIB)}`, ''],
      ['get k', 'END'],
    ],
  },
  {
    name: 'a data block of another length than was said',
    steps: [
      ['set k 0 0 3\nold', 'STORED'],
      { raw: 'set k 0 0 3\r\nabcd\r\n', reply: 'CLIENT_ERROR bad data chunk\r\nERROR\r\n' },
      ['get k', 'VALUE k 0 3\nold\nEND'],
      { raw: 'set k 0 0 3\r\nabcXYget k\r\n', reply: 'CLIENT_ERROR bad data chunk\r\nVALUE k 0 3\r\nold\r\nEND\r\n' },
      { raw: 'add new 0 0 3\r\nabcXYget new\r\n', reply: 'CLIENT_ERROR bad data chunk\r\nEND\r\n' },
    ],
  },
  {
    name: 'lines that are wrong',
    steps: [
      refused('set', 'ERROR'),
      refused('set k', 'ERROR'),
      refused('set k 0 0', 'ERROR'),
      refused('add k 0', 'ERROR'),
      refused('cas k 0 0', 'ERROR'),
      refused('set k 0 0 x', FORMAT),
      refused('set k 0 0 -1', FORMAT),
      refused('set k 0 0 1x', FORMAT),
      refused('set k 0 0 2147483646', FORMAT),
      refused('append k 0 0 x', FORMAT),
      ['set k x 0 1\nv', FORMAT, dataIsALine(FORMAT)],
      ['set k -1 0 1\nv', FORMAT, dataIsALine(FORMAT)],
      ['set k 1x 0 1\nv', FORMAT, dataIsALine(FORMAT)],
      ['set k 0 x 1\nv', FORMAT, dataIsALine(FORMAT)],
      ['set k 0 1x 1\nv', FORMAT, dataIsALine(FORMAT)],
      ['set k 4294967296 0 1\nv', FORMAT, strtol('STORED')],
      ['set k +1 0 1\nv', FORMAT, strtol('STORED')],
      ['set k 0 0 1 2 3\nv', 'ERROR', dataIsALine('ERROR')],
      ['set k 0 0 1 x noreply\nv', 'ERROR', dataIsALine('ERROR')],
      [`set ${LONG_KEY} 0 0 1\nv`, FORMAT, dataIsALine(FORMAT)],
      ['delete k', 'NOT_FOUND', strtol('DELETED')],
    ],
  },
  {
    name: 'keys',
    steps: [
      [`set ${KEY} 0 0 1\nv`, 'STORED'],
      [`get ${KEY}`, `VALUE ${KEY} 0 1\nv\nEND`],
      [`delete ${KEY}`, 'DELETED'],
      [`get ${LONG_KEY}`, FORMAT],
      [`get k ${LONG_KEY} l`, FORMAT],
      [`gets ${LONG_KEY}`, FORMAT],
      [`gat 0 ${LONG_KEY}`, FORMAT],
      [`delete ${LONG_KEY}`, FORMAT],
      [`incr ${LONG_KEY} 1`, FORMAT],
      [`touch ${LONG_KEY} 1`, FORMAT],
      ['set \xff\xfe 0 0 1\nv', 'STORED'],
      ['get \xff\xfe', 'VALUE \xff\xfe 0 1\nv\nEND'],
      ['set set 0 0 1\nv', 'STORED'],
      ['get get set', 'VALUE set 0 1\nv\nEND'],
    ],
  },
  {
    name: 'values that are too large, and what becomes of the old ones',
    steps: [
      ['set k 0 0 3\nold', 'STORED'],
      [`add k 0 0 ${MIB}\n${'x'.repeat(MIB)}`, TOO_LARGE],
      [`replace k 0 0 ${MIB}\n${'x'.repeat(MIB)}`, TOO_LARGE],
      [`append k 0 0 ${MIB}\n${'x'.repeat(MIB)}`, TOO_LARGE],
      ['get k', 'VALUE k 0 3\nold\nEND'],
      [`set k 0 0 ${2 * MIB}\n${'x'.repeat(2 * MIB)}`, TOO_LARGE],
      ['get k', 'END'],
      ['set k 0 0 3\nold', 'STORED'],
      [`set k 0 0 ${MIB}\n${'x'.repeat(MIB)}`, TOO_LARGE],
      ['get k', 'END'],
      [`set k 0 0 ${MIB - 200}\n${'x'.repeat(MIB - 200)}`, 'STORED'],
      [`append k 0 0 200\n${'x'.repeat(200)}`, 'NOT_STORED'],
      [`prepend k 0 0 200\n${'x'.repeat(200)}`, 'NOT_STORED'],
      ['append k 0 0 1\nx', 'STORED'],
    ],
  },
  {
    name: 'the largest item as memcached counts it',
    steps: [
      [`set k 0 0 ${MIB - 60}\n${'x'.repeat(MIB - 60)}`, 'STORED'],
      [`set k 0 0 ${MIB - 59}\n${'x'.repeat(MIB - 59)}`, TOO_LARGE],
      [`set k 1 0 ${MIB - 64}\n${'x'.repeat(MIB - 64)}`, 'STORED'],
      [`set k 1 0 ${MIB - 63}\n${'x'.repeat(MIB - 63)}`, TOO_LARGE],
    ],
  },
];

const CAS: readonly TextCase[] = [
  {
    name: 'cas',
    steps: [
      ['cas k 0 0 1 1\na', 'NOT_FOUND'],
      ['set k 7 0 1\na', 'STORED'],
      ['gets k', 'VALUE k 7 1 <first>\na\nEND'],
      ['gets k', 'VALUE k 7 1 <first>\na\nEND'],
      ['cas k 8 0 2 <first>\nbb', 'STORED'],
      ['gets k', 'VALUE k 8 2 <second>\nbb\nEND'],
      { differ: ['first', 'second'] },
      ['cas k 0 0 1 <first>\nc', 'EXISTS'],
      ['get k', 'VALUE k 8 2\nbb\nEND'],
      ['cas k 0 0 1 <second> noreply\nc', ''],
      ['cas k 0 0 1 <second> noreply\nd', ''],
      ['get k', 'VALUE k 0 1\nc\nEND'],
    ],
  },
  {
    name: 'a number that was seen never fits another value',
    steps: [
      ...[
        'set k 0 0 1\nx',
        'add other 0 0 1\nx',
        'replace k 0 0 1\nx',
        'append k 0 0 1\nx',
        'prepend k 0 0 1\nx',
      ].flatMap((write): TextStep[] => [
        ['set k 0 0 1\n5', 'STORED'],
        ['gets k', `VALUE k 0 1 <${write.split(' ')[0]}>\n5\nEND`],
        [write, 'STORED'],
        [`cas k 0 0 1 <${write.split(' ')[0]}>\nz`, write.startsWith('add') ? 'STORED' : 'EXISTS'],
      ]),
      ['set k 0 0 1\n5', 'STORED'],
      ['gets k', 'VALUE k 0 1 <count>\n5\nEND'],
      ['incr k 1', '6'],
      ['cas k 0 0 1 <count>\nz', 'EXISTS'],
      ['gets k', 'VALUE k 0 1 <gone>\n6\nEND'],
      ['delete k', 'DELETED'],
      ['cas k 0 0 1 <gone>\nz', 'NOT_FOUND'],
      ['set k 0 0 1\n6', 'STORED'],
      ['cas k 0 0 1 <gone>\nz', 'EXISTS'],
      ['gets k', 'VALUE k 0 1 <touched>\n6\nEND'],
      ['touch k 100', 'TOUCHED'],
      ['gat 200 k', 'VALUE k 0 1\n6\nEND'],
      ['cas k 0 0 1 <touched>\nz', 'STORED'],
    ],
  },
  {
    name: 'numbers that are none',
    steps: [
      ['set k 0 0 1\na', 'STORED'],
      ['cas k 0 0 1 0\nx', 'EXISTS'],
      [`cas k 0 0 1 ${UINT64_MAX}\nx`, 'EXISTS'],
      ['cas k 0 0 1 x\nv', FORMAT, dataIsALine(FORMAT)],
      ['cas k 0 0 1 -1\nv', FORMAT, dataIsALine(FORMAT)],
      ['cas k 0 0 1 18446744073709551616\nv', FORMAT, dataIsALine(FORMAT)],
      ['cas k 0 0 1\nv', 'ERROR', dataIsALine('ERROR')],
      ['get k', 'VALUE k 0 1\na\nEND'],
    ],
  },
];

const RETRIEVAL: readonly TextCase[] = [
  {
    name: 'several keys',
    steps: [
      ['set a 1 0 1\nx', 'STORED'],
      ['set c 3 0 1\nz', 'STORED'],
      ['get a b c', 'VALUE a 1 1\nx\nVALUE c 3 1\nz\nEND'],
      ['get a a', 'VALUE a 1 1\nx\nVALUE a 1 1\nx\nEND'],
      ['gets a c', 'VALUE a 1 1 <a>\nx\nVALUE c 3 1 <c>\nz\nEND'],
      [`get ${Array.from({ length: 3000 }, (_, i) => `none${i}`).join(' ')} a`, 'VALUE a 1 1\nx\nEND'],
    ],
  },
  {
    name: 'a thousand values at once',
    steps: [
      ...Array.from(
        { length: 20 },
        (_, block): TextStep => [
          Array.from({ length: 50 }, (__, i) => `set key${block * 50 + i} ${i} 0 2 noreply\nv${i % 10}`).join('\n'),
          '',
        ],
      ),
      [
        `get ${Array.from({ length: 1000 }, (_, i) => `key${i}`).join(' ')}`,
        `${Array.from({ length: 1000 }, (_, i) => `VALUE key${i} ${i % 50} 2\nv${i % 10}\n`).join('')}END`,
      ],
    ],
  },
  {
    name: 'without keys',
    steps: [
      ['get', 'ERROR'],
      ['gets', 'ERROR'],
      ['gat', 'ERROR'],
      ['gat 1', 'ERROR', { memcached: 'END', why: 'newer versions refuse it' }],
    ],
  },
  {
    name: 'gat and gats',
    steps: [
      ['gat 100 k', 'END'],
      ['set k 5 0 1\nx', 'STORED'],
      ['gat 100 k none', 'VALUE k 5 1\nx\nEND'],
      ['mg k t', 'HD t100'],
      ['gats 0 k', 'VALUE k 5 1 <cas>\nx\nEND'],
      ['mg k t c', 'HD t-1 c<cas>'],
      ['gat x k', 'CLIENT_ERROR invalid exptime argument'],
      ['gat -1 k', 'VALUE k 5 1\nx\nEND'],
      ['get k', 'END'],
    ],
  },
];

const COUNTING: readonly TextCase[] = [
  {
    name: 'incr and decr',
    steps: [
      ['incr n 1', 'NOT_FOUND'],
      ['decr n 1', 'NOT_FOUND'],
      ['set n 5 0 1\n5', 'STORED'],
      ['incr n 1', '6'],
      ['incr n 10', '16'],
      ['decr n 1', '15'],
      ['incr n 0', '15'],
      ['get n', 'VALUE n 5 2\n15\nEND'],
      ['decr n 100', '0'],
      ['incr n 9007199254740993', '9007199254740993'],
      ['incr n 1', '9007199254740994'],
    ],
  },
  {
    name: '64 bits',
    steps: [
      [`set n 0 0 20\n${UINT64_MAX}`, 'STORED'],
      ['incr n 1', '0'],
      ['set n 0 0 1\n0', 'STORED'],
      [`incr n ${UINT64_MAX}`, UINT64_MAX],
      ['decr n 1', '18446744073709551614'],
      ['incr n 3', '1'],
      ['set n 0 0 19\n9223372036854775807', 'STORED'],
      ['incr n 1', '9223372036854775808'],
      ['decr n 9223372036854775807', '1'],
    ],
  },
  {
    name: 'a number that becomes shorter keeps the length of the value',
    steps: [
      ['set n 0 0 2\n10', 'STORED'],
      ['decr n 1', '9'],
      ['get n', 'VALUE n 0 2\n9 \nEND'],
      ['incr n 1', '10'],
      ['get n', 'VALUE n 0 2\n10\nEND'],
      ['set n 0 0 5\n10000', 'STORED'],
      ['decr n 9999', '1'],
      ['get n', 'VALUE n 0 5\n1    \nEND'],
      ['incr n 8', '9'],
      ['incr n 1', '10'],
      ['get n', 'VALUE n 0 5\n10   \nEND'],
      ['append n 0 0 1\n5', 'STORED'],
      ['incr n 1', '11'],
      ['get n', 'VALUE n 0 6\n11    \nEND'],
    ],
  },
  {
    name: 'values that are no numbers',
    steps: [
      ['set n 0 0 3\nabc', 'STORED'],
      ['incr n 1', NOT_NUMERIC],
      ['decr n 1', NOT_NUMERIC],
      ['set n 0 0 0\n', 'STORED'],
      ['incr n 1', NOT_NUMERIC],
      ['set n 0 0 2\n1x', 'STORED'],
      ['incr n 1', NOT_NUMERIC],
      ['set n 0 0 2\n-1', 'STORED'],
      ['incr n 1', NOT_NUMERIC],
      ['set n 0 0 20\n18446744073709551616', 'STORED'],
      ['incr n 1', NOT_NUMERIC],
      ['set n 0 0 3\n1.5', 'STORED'],
      ['incr n 1', NOT_NUMERIC],
      [`set n 0 0 2000\n${'1'.repeat(2000)}`, 'STORED'],
      ['incr n 1', NOT_NUMERIC],
      ['get n', `VALUE n 0 2000\n${'1'.repeat(2000)}\nEND`],
      ['set n 0 0 2\n05', 'STORED'],
      ['incr n 1', '6'],
    ],
  },
  {
    name: 'deltas that are no numbers',
    steps: [
      ['set n 0 0 1\n5', 'STORED'],
      ['incr n x', 'CLIENT_ERROR invalid numeric delta argument'],
      ['incr n -1', 'CLIENT_ERROR invalid numeric delta argument'],
      ['incr n 1.5', 'CLIENT_ERROR invalid numeric delta argument'],
      ['incr n 18446744073709551616', 'CLIENT_ERROR invalid numeric delta argument'],
      ['incr none x', 'CLIENT_ERROR invalid numeric delta argument'],
      ['incr n', 'ERROR'],
      ['incr', 'ERROR'],
      ['incr n 1 2 3', 'ERROR'],
      ['get n', 'VALUE n 0 1\n5\nEND'],
    ],
  },
];

const TIME: readonly TextCase[] = [
  {
    name: 'expiration times',
    steps: [
      ['set k 0 100 1\nx', 'STORED'],
      ['mg k t', 'HD t100'],
      ['set k 0 2592000 1\nx', 'STORED'],
      ['mg k t', 'HD t2592000'],
      ['set k 0 0 1\nx', 'STORED'],
      ['mg k t', 'HD t-1'],
      ['set k 0 -1 1\nx', 'STORED'],
      ['get k', 'END'],
      ['add k 0 -1 1\nx', 'STORED'],
      ['get k', 'END'],
      ['set k 0 2592001 1\nx', 'STORED'],
      ['get k', 'END'],
      ['set k 0 100 1\nx', 'STORED'],
      ['set k 0 0 1\nx', 'STORED'],
      ['mg k t', 'HD t-1'],
    ],
  },
  {
    name: 'a point in time',
    steps: [
      [`set k 0 ${Math.floor(Date.now() / 1000) + 50_000} 1\nx`, 'STORED'],
      ['get k', 'VALUE k 0 1\nx\nEND'],
      [`touch k ${Math.floor(Date.now() / 1000) - 10}`, 'TOUCHED'],
      ['get k', 'END'],
    ],
  },
  {
    name: 'an item is gone when its time is over',
    timeout: 20_000,
    steps: [
      ['set k 0 1 1\nx', 'STORED'],
      ['set l 0 1 1\nx', 'STORED'],
      { until: ['get k l', 'END'] },
      ['incr k 1', 'NOT_FOUND'],
      ['append k 0 0 1\nx', 'NOT_STORED'],
      ['touch k 1', 'NOT_FOUND'],
      ['delete k', 'NOT_FOUND'],
      ['add k 0 0 1\nx', 'STORED'],
    ],
  },
  {
    name: 'touch',
    steps: [
      ['touch k 100', 'NOT_FOUND'],
      ['set k 5 0 1\nx', 'STORED'],
      ['touch k 100', 'TOUCHED'],
      ['mg k t f', 'HD t100 f5'],
      ['touch k 0', 'TOUCHED'],
      ['mg k t', 'HD t-1'],
      ['touch k x', 'CLIENT_ERROR invalid exptime argument'],
      ['touch none x', 'CLIENT_ERROR invalid exptime argument'],
      ['touch k', 'ERROR'],
      ['touch k 1 2 3', 'ERROR'],
      ['touch k -1', 'TOUCHED'],
      ['touch k 0', 'NOT_FOUND'],
    ],
  },
  {
    name: 'flush_all',
    steps: [
      ['set k 0 0 1\nx', 'STORED'],
      ['flush_all', 'OK'],
      ['get k', 'END'],
      ['add k 0 0 1\nx', 'STORED'],
      ['get k', 'VALUE k 0 1\nx\nEND'],
      ['flush_all 0', 'OK'],
      ['get k', 'END'],
      ['set k 0 0 1\nx', 'STORED'],
      ['flush_all -1', 'OK'],
      ['get k', 'END'],
      ['flush_all x', 'CLIENT_ERROR invalid exptime argument'],
      ['flush_all 1 2 3', 'ERROR'],
    ],
  },
  {
    name: 'flush_all with a delay',
    timeout: 20_000,
    steps: [
      ['set k 0 0 1\nx', 'STORED'],
      ['flush_all 2', 'OK'],
      ['get k', 'VALUE k 0 1\nx\nEND'],
      { until: ['get k', 'END'] },
      // memcached counts in seconds, and what is stored in the second of the flush is gone too.
      { until: ['set k 0 0 1\nx\nget k', 'STORED\nVALUE k 0 1\nx\nEND'] },
    ],
  },
];

const OTHERS: readonly TextCase[] = [
  {
    name: 'delete',
    steps: [
      ['delete k', 'NOT_FOUND'],
      ['set k 0 0 1\nx', 'STORED'],
      ['delete k', 'DELETED'],
      ['get k', 'END'],
      ['set k 0 0 1\nx', 'STORED'],
      ['delete k 0', 'DELETED'],
      ['set k 0 0 1\nx', 'STORED'],
      ['delete k 0 noreply', ''],
      ['get k', 'END'],
      ...['delete k 5', 'delete k x', 'delete k 5 noreply', 'delete k 0 x'].map(
        (line): TextStep => [
          line,
          line.endsWith('noreply') ? '' : 'CLIENT_ERROR bad command line format.  Usage: delete <key> [noreply]',
        ],
      ),
      ['delete', 'ERROR'],
      ['delete a 0 noreply x', 'ERROR'],
    ],
  },
  {
    name: 'names',
    steps: [
      ['nonsense', 'ERROR'],
      ['GET k', 'ERROR'],
      ['Set k 0 0 1', 'ERROR'],
      ['getk', 'ERROR'],
      ['g', 'ERROR'],
      ['nonsense with noreply', 'ERROR'],
      { raw: '\r\n', reply: 'ERROR\r\n' },
      { raw: '\n', reply: 'ERROR\r\n' },
      { raw: '   \r\n', reply: 'ERROR\r\n' },
    ],
  },
  {
    name: 'many requests at once',
    steps: [
      {
        raw: 'set a 0 0 1\r\nx\r\nget a\r\nincr a 1\r\ndelete a\r\nget a\r\nnonsense\r\nversio\r\n',
        reply: `STORED\r\nVALUE a 0 1\r\nx\r\nEND\r\n${NOT_NUMERIC}\r\nDELETED\r\nEND\r\nERROR\r\nERROR\r\n`,
      },
    ],
  },
  {
    name: 'verbosity',
    steps: [
      ['verbosity', 'ERROR'],
      ['verbosity x', FORMAT],
      ['verbosity 1', 'OK'],
      ['verbosity 0', 'OK'],
      ['verbosity 0 0', 'OK'],
      ['verbosity 0 0 0', 'ERROR'],
    ],
  },
  {
    name: 'cache_memlimit',
    steps: [
      ['cache_memlimit', 'ERROR'],
      ['cache_memlimit x', 'ERROR'],
      ['cache_memlimit 7', 'MEMLIMIT_TOO_SMALL cannot set maxbytes to less than 8m'],
      ['cache_memlimit 1000000001', 'MEMLIMIT_ADJUST_FAILED input value is megabytes not bytes'],
      ['cache_memlimit 64', 'OK'],
      ['cache_memlimit 64 noreply', ''],
      ['cache_memlimit 64 64 64', 'ERROR'],
    ],
  },
  {
    name: 'stats that are known everywhere',
    steps: [
      ['stats reset', 'RESET'],
      ['stats nonsense', 'ERROR'],
      ['stats noreply', 'ERROR'],
    ],
  },
  {
    name: 'shutdown is not enabled',
    steps: [
      [
        'shutdown',
        'SERVER_ERROR: shutdown not enabled',
        { memcached: 'ERROR: shutdown not enabled', why: 'newer versions say that it is an error' },
      ],
    ],
  },
  { name: 'quit', steps: [{ closes: 'quit\r\n' }] },
  { name: 'quit with a word', steps: [{ closes: 'quit now\r\n' }] },
  { name: 'HTTP is hung up on', steps: [{ closes: 'GET / HTTP/1.1\r\n' }] },
  {
    name: 'a line that is too long is hung up on',
    steps: [
      {
        closes: `set ${'x'.repeat(3000)}`,
        reply: 'CLIENT_ERROR line too long\r\n',
        difference: { memcached: '', why: 'it says nothing' },
      },
    ],
  },
];

/** Commands of Redis's that change the value under k, which is 5, and their replies. */
const REDIS_WRITES: readonly (readonly [line: string, reply: string])[] = [
  ['SET k 5', '+OK'],
  ['SET k x KEEPTTL', '+OK'],
  ['GETSET k x', '$5'],
  ['MSET k x l y', '+OK'],
  ['APPEND k y', ':2'],
  ['SETRANGE k 0 z', ':1'],
  ['INCR k', ':6'],
  ['INCRBY k 0', ':5'],
  ['INCRBYFLOAT k 0.5', '$5.5'],
  ['SETBIT k 3 0', ':1'],
  ['BITOP NOT k k', ':1'],
  ['COPY o k REPLACE', ':1'],
  ['RENAME o k', '+OK'],
  ['CACHE.INVALIDATE k', ':1'],
];

/** ... and such that leave it. */
const REDIS_READS: readonly (readonly [line: string, reply: string])[] = [
  ['GET k', '$5'],
  ['EXPIRE k 100', ':1'],
  ['GETEX k PERSIST', '$5'],
  ['TOUCH k', ':1'],
  ['SETNX k x', ':0'],
];

const OURS: readonly TextCase[] = [
  {
    name: 'what cannot be had here is refused',
    ashlarOnly: 'memcached has an LRU to tune, pages to move, and a log to watch',
    steps: [
      ['watch', 'CLIENT_ERROR watch commands not allowed'],
      ['watch fetchers', 'CLIENT_ERROR watch commands not allowed'],
      ['lru mode flat', 'CLIENT_ERROR the lru cannot be tuned: see maxmemory-policy'],
      ['lru_crawler enable', 'CLIENT_ERROR lru crawler disabled'],
      ['lru_crawler crawl all', 'CLIENT_ERROR lru crawler disabled'],
      ['lru_crawler', 'ERROR'],
      ['lru_crawler x', 'ERROR'],
      ['slabs reassign 1 2', 'CLIENT_ERROR slab reassignment disabled'],
      ['slabs automove 1', 'CLIENT_ERROR slab automove cannot be set: memory moves between sizes as it is needed'],
      ['slabs', 'ERROR'],
      ['stats detail on', 'CLIENT_ERROR stats detail not allowed'],
    ],
  },
  {
    name: 'dumps of keys',
    ashlarOnly: 'memcached does not read on behind a dump, and has other classes',
    steps: [
      { raw: 'lru_crawler metadump all\r\n', reply: 'END\r\n' },
      ['lru_crawler mgdump hash', 'EN'],
      ['set a,b 0 0 5\nvalue', 'STORED'],
      ['me a,b', 'ME a,b exp=-1 la=0 cas=0 fetch=no cls=<cls> size=<size>'],
      ['lru_crawler mgdump all', 'mg a,b\nEN'],
      ['stats cachedump <cls> 0', 'ITEM a,b [5 b; 0 s]\nEND'],
      ['stats cachedump 0 0', 'END'],
      ['ms YSBiDQo= 5 b\nvalue', 'HD'],
      ['stats cachedump <cls> 1', 'ITEM a,b [5 b; 0 s]\nEND'],
      ['delete a,b', 'DELETED'],
      { redis: ['SET', 'p', 'x'.repeat(100), 'EXAT', '4000000000'], reply: '+OK' },
      ['lru_crawler mgdump <cls>', 'mg YSBiDQo= b\nEN'],
      ['md YSBiDQo= b', 'HD'],
      {
        raw: 'lru_crawler metadump all\r\n',
        reply: 'key=p exp=4000000000 la=<la> cas=0 fetch=no cls=<other> size=<bytes>\nEND\r\n',
      },
      { redis: ['SET', '', 'no key of memcached'], reply: '+OK' },
      { redis: ['SET', 'l'.repeat(251), 'no key of memcached'], reply: '+OK' },
      ['lru_crawler mgdump all', 'mg p\nEN'],
      ...['0', 'x', '999', '1,x', ''].map(
        (classes): TextStep => [
          `lru_crawler metadump ${classes}`,
          classes === '' ? 'ERROR' : 'BADCLASS invalid class id',
        ],
      ),
      ['lru_crawler metadump all all', 'ERROR'],
      ['stats cachedump 1', 'CLIENT_ERROR bad command line'],
      ['stats cachedump x 1', FORMAT],
      ['stats cachedump 1 x', FORMAT],
      ['stats cachedump 999 1', 'CLIENT_ERROR Illegal slab id'],
    ],
  },
  {
    name: 'one keyspace: what Redis writes, and what it only looks at',
    ashlarOnly: 'memcached has no other door',
    steps: [
      ...[...REDIS_WRITES, ...REDIS_READS].flatMap(([line, reply], index): TextStep[] => [
        ['set k 5 0 1\n5', 'STORED'],
        ['set o 9 0 1\n7', 'STORED'],
        ['gets k', `VALUE k 5 1 <before${index}>\n5\nEND`],
        { redis: line.split(' '), reply },
        [`cas k 0 0 1 <before${index}>\nx`, index < REDIS_WRITES.length ? 'EXISTS' : 'STORED'],
      ]),
    ],
  },
  {
    name: 'one keyspace: values',
    ashlarOnly: 'memcached has no other door',
    steps: [
      ['set k 5 100 3\nabc', 'STORED'],
      { redis: ['GET', 'k'], reply: '$abc' },
      { redis: ['TTL', 'k'], reply: ':100' },
      { redis: ['SET', 'k', 'def'], reply: '+OK' },
      ['get k', 'VALUE k 0 3\ndef\nEND'],
      ['gets k', 'VALUE k 0 3 <cas>\ndef\nEND'],
      { redis: ['APPEND', 'k', 'ghi'], reply: ':6' },
      ['cas k 0 0 1 <cas>\nx', 'EXISTS'],
      { redis: ['DEL', 'k'], reply: ':1' },
      ['get k', 'END'],
      ['set f 77 0 1\nx', 'STORED'],
      { redis: ['APPEND', 'f', 'y'], reply: ':2' },
      { redis: ['EXPIRE', 'f', '50'], reply: ':1' },
      ['mg f f t v', 'VA 2 f77 t50\nxy'],
      { redis: ['SET', 'k', 'in a database of its own'], reply: '+OK' },
      { redis: ['DBSIZE'], reply: ':2' },
      ['flush_all', 'OK'],
      { redis: ['DBSIZE'], reply: ':0' },
    ],
  },
  {
    name: 'one keyspace: counters',
    ashlarOnly: 'memcached has no other door',
    steps: [
      ['set n 3 0 1\n5', 'STORED'],
      { redis: ['INCR', 'n'], reply: ':6' },
      ['incr n 1', '7'],
      { redis: ['INCRBY', 'n', '100'], reply: ':107' },
      ['decr n 7', '100'],
      { redis: ['GET', 'n'], reply: '$100' },
      ['get n', 'VALUE n 3 3\n100\nEND'],
      ['decr n 91', '9'],
      ['get n', 'VALUE n 3 3\n9  \nEND'],
      { redis: ['INCR', 'n'], reply: ':10' },
      { redis: ['GET', 'n'], reply: '$10' },
      ['decr n 1', '9'],
      { redis: ['INCRBYFLOAT', 'n', '0.5'], reply: '$9.5' },
      ['incr n 1', NOT_NUMERIC],
      { redis: ['SET', 'p', '9 '], reply: '+OK' },
      { redis: ['INCR', 'p'], reply: '-ERR value is not an integer or out of range' },
      ['incr p 1', '10'],
      { redis: ['INCR', 'p'], reply: ':11' },
      { redis: ['SET', 'm', '41'], reply: '+OK' },
      ['incr m 1', '42'],
      { redis: ['INCR', 'm'], reply: ':43' },
    ],
  },
  {
    name: 'one keyspace: time',
    ashlarOnly: 'memcached has no other door',
    timeout: 20_000,
    steps: [
      { redis: ['SET', 'k', 'x', 'PX', '300'], reply: '+OK' },
      { until: ['get k', 'END'] },
      { redis: ['EXISTS', 'k'], reply: ':0' },
      ['set l 0 1 1\nx', 'STORED'],
      { until: ['get l', 'END'] },
      { redis: ['EXISTS', 'l'], reply: ':0' },
    ],
  },
];

export const TEXT_CASES: readonly TextCase[] = [
  ...STORAGE,
  ...CAS,
  ...RETRIEVAL,
  ...COUNTING,
  ...TIME,
  ...OTHERS,
  ...OURS,
];
