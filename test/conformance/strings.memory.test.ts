/** String and bitmap commands where memory ends, and keys that are too long: ours alone, because Redis checks its limit between commands. */

import { between, type Case, defineCases, error, OK } from './harness.js';

const OOM = error("OOM command not allowed when used memory > 'maxmemory'.");
const KEY_TOO_LONG = error('ERR key is too long: at most 1048575 bytes are allowed');
const LIMITS = 'the limits are its own';

const LONG_KEY = 'k'.repeat(1_048_576);
const LONGEST_KEY = 'k'.repeat(1_048_575);
const MIB = 1_048_576;
/** More than a shard of 8 MB holds, and no more than may be sent. */
const TOO_MUCH = 'x'.repeat(10 * MIB);
const FIVE_MIB = 'y'.repeat(5 * MIB);

const REFUSED: readonly Case[] = [
  {
    name: 'a refused write leaves what was there',
    ashlarOnly: LIMITS,
    steps: [
      ['SET k old EX 100', OK],
      [['SET', 'k', TOO_MUCH], OOM],
      [['SET', 'k', TOO_MUCH, 'GET'], OOM],
      [['SET', 'k', TOO_MUCH, 'XX', 'KEEPTTL'], OOM],
      [['SETEX', 'k', '100', TOO_MUCH], OOM],
      [['GETSET', 'k', TOO_MUCH], OOM],
      [['APPEND', 'k', TOO_MUCH], OOM],
      ['SETRANGE k 100000000 x', OOM],
      ['SETBIT k 800000000 1', OOM],
      ['BITFIELD k GET u8 0 SET u8 800000000 1', OOM],
      ['GET k', 'old'],
      ['TTL k', between(90, 100)],
    ],
  },
  {
    name: 'a refused write makes no key',
    ashlarOnly: LIMITS,
    steps: [
      [['SET', 'k', TOO_MUCH], OOM],
      [['SETNX', 'k', TOO_MUCH], OOM],
      [['SET', 'k', TOO_MUCH, 'GET'], OOM],
      [['GETSET', 'k', TOO_MUCH], OOM],
      [['APPEND', 'k', TOO_MUCH], OOM],
      ['SETRANGE k 100000000 x', OOM],
      ['SETBIT k 800000000 1', OOM],
      ['BITFIELD k SET u8 800000000 1', OOM],
      ['EXISTS k', 0],
      ['DBSIZE', 0],
    ],
  },
  {
    name: 'MSET stores all or nothing',
    ashlarOnly: LIMITS,
    steps: [
      ['SET a old EX 100', OK],
      ['APPEND raw 1', 1],
      ['APPEND raw 2', 2],
      ['SET {c}n 5', OK],
      [['MSET', 'a', 'new', 'b', 'new', 'raw', '34', '{c}n', '6', 'a', 'newer', 'c', TOO_MUCH, 'd', 'new'], OOM],
      ['MGET a b raw {c}n c d', ['old', null, '12', '5', null, null]],
      ['TTL a', between(90, 100)],
      ['OBJECT ENCODING raw', 'raw'],
      ['DBSIZE', 3],
      [['MSETNX', 'x', '1', 'y', '2', 'z', TOO_MUCH], OOM],
      ['DBSIZE', 3],
      [['MSET', 'a', FIVE_MIB, '{a}b', '1', '{a}c', FIVE_MIB], OOM],
      ['MGET a {a}b {a}c', ['old', null, null]],
      [['MSET', 'a', FIVE_MIB, '{a}b', '1'], OK],
      [['MSET', '{a}b', '2', 'a', 'x', '{a}c', FIVE_MIB], OK],
      [['MSET', '{a}b', '3', '{a}c', 'x', 'a', TOO_MUCH], OOM],
      ['MGET a {a}b', ['x', '2']],
      ['STRLEN {a}c', 5 * MIB],
    ],
  },
  {
    name: 'BITOP into memory that is not there',
    ashlarOnly: LIMITS,
    steps: [
      ['SET {x}d old', OK],
      [['SET', '{x}a', FIVE_MIB], OK],
      ['BITOP NOT {x}d {x}a', OOM],
      ['GET {x}d', 'old'],
      ['BITOP NOT {x}a {x}a', 5 * MIB],
      ['GETRANGE {x}a 0 0', '\x86'],
    ],
  },
  {
    name: 'what needs no memory works in a full cache',
    ashlarOnly: LIMITS,
    steps: [
      ['MSET {x}n 5 {x}v value', OK],
      [['SET', '{x}a', 'z'.repeat(5 * MIB)], OK],
      [['SET', '{x}b', FIVE_MIB], OOM],
      ['INCR {x}n', 6],
      ['SET {x}v eulav', OK],
      ['GETDEL {x}a', 'z'.repeat(5 * MIB)],
      [['SET', '{x}b', FIVE_MIB], OK],
    ],
  },
];

const LONG_KEYS: readonly Case[] = [
  {
    name: 'keys that are too long are not there and cannot be made',
    ashlarOnly: LIMITS,
    steps: [
      [['GET', LONG_KEY], null],
      [['SET', LONG_KEY, 'v'], KEY_TOO_LONG],
      [['SET', LONG_KEY, 'v', 'GET'], KEY_TOO_LONG],
      [['SET', LONG_KEY, 'v', 'EX', '10'], KEY_TOO_LONG],
      [['SETNX', LONG_KEY, 'v'], KEY_TOO_LONG],
      [['SETEX', LONG_KEY, '10', 'v'], KEY_TOO_LONG],
      [['GETSET', LONG_KEY, 'v'], KEY_TOO_LONG],
      [['INCR', LONG_KEY], KEY_TOO_LONG],
      [['INCRBY', LONG_KEY, '9007199254740993'], KEY_TOO_LONG],
      [['INCRBYFLOAT', LONG_KEY, '1'], KEY_TOO_LONG],
      [['APPEND', LONG_KEY, 'v'], KEY_TOO_LONG],
      [['SETRANGE', LONG_KEY, '1', 'v'], KEY_TOO_LONG],
      [['SETBIT', LONG_KEY, '1', '1'], KEY_TOO_LONG],
      [['BITFIELD', LONG_KEY, 'SET', 'u8', '0', '1'], KEY_TOO_LONG],
      [['GETEX', LONG_KEY, 'EX', '10'], null],
      [['STRLEN', LONG_KEY], 0],
      [
        ['MGET', 'a', LONG_KEY],
        [null, null],
      ],
      [['MSET', 'a', '1', LONG_KEY, '2', 'b', '3'], KEY_TOO_LONG],
      [['MSETNX', 'a', '1', LONG_KEY, '2'], KEY_TOO_LONG],
      ['DBSIZE', 0],
      ['SET a 1', OK],
      [['BITOP', 'OR', LONG_KEY, 'a'], KEY_TOO_LONG],
      [['BITOP', 'OR', 'a', LONG_KEY], 0],
      ['DBSIZE', 0],
    ],
  },
  {
    name: 'the longest key',
    ashlarOnly: LIMITS,
    steps: [
      [['SET', LONGEST_KEY, 'v'], OK],
      [['GET', LONGEST_KEY], 'v'],
      [['APPEND', LONGEST_KEY, 'w'], 2],
      [['GETDEL', LONGEST_KEY], 'vw'],
      [['INCR', LONGEST_KEY], 1],
      [['SETBIT', LONGEST_KEY, '1000000', '1'], 0],
      [['SETEX', LONGEST_KEY, '100', 'v'], OK],
      [['TTL', LONGEST_KEY], between(99, 100)],
    ],
  },
];

defineCases('strings without memory', REFUSED, {
  args: { ashlar: ['--maxmemory', '32mb', '--shards', '4', '--maxmemory-policy', 'noeviction'] },
});
defineCases('long keys', LONG_KEYS);
