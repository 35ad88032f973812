/** Key commands where memory ends, and keys that are too long: ours alone, because Redis checks its limit between commands. */

import { between, type Case, defineCases, error, OK } from './harness.js';

const OOM = error("OOM command not allowed when used memory > 'maxmemory'.");
const KEY_TOO_LONG = error('ERR key is too long: at most 1048575 bytes are allowed');
const LIMITS = 'the limits are its own';

const LONG_KEY = 'k'.repeat(1_048_576);
const TEN_MIB = 'y'.repeat(10 * 1_048_576);

/** Keys with {x} and {y} are in different shards, of 16 MB each. */
const REFUSED: readonly Case[] = [
  {
    name: 'a refused copy leaves both keys as they were',
    ashlarOnly: LIMITS,
    steps: [
      [['SET', '{x}a', TEN_MIB, 'EX', '100'], OK],
      [['SET', '{y}a', TEN_MIB], OK],
      ['SET {x}b old', OK],
      ['SET {y}b old', OK],
      ['COPY {x}a {x}new', OOM],
      ['COPY {x}a {y}new', OOM],
      ['COPY {x}a {x}b REPLACE', OOM],
      ['COPY {x}a {y}b REPLACE', OOM],
      ['COPY {x}a {x}a DB 1', OOM],
      ['RENAME {x}a {y}b', OOM],
      ['RENAMENX {x}a {y}new', OOM],
      ['MGET {x}b {y}b', ['old', 'old']],
      ['TTL {x}a', between(90, 100)],
      ['STRLEN {x}a', 10 * 1_048_576],
      ['DBSIZE', 4],
    ],
  },
  {
    name: 'a large value is renamed and moved where it lies',
    ashlarOnly: LIMITS,
    steps: [
      [['SET', '{x}a', TEN_MIB, 'EX', '100'], OK],
      ['RENAME {x}a {x}longer-name', OK],
      ['RENAME {x}longer-name {x}b', OK],
      ['MOVE {x}b 1', 1],
      ['SELECT 1', OK],
      ['TTL {x}b', between(90, 100)],
      ['GET {x}b', TEN_MIB],
      ['PERSIST {x}b', 1],
      ['EXPIRE {x}b 100', 1],
      ['DEL {x}b', 1],
      [['SET', '{x}b', TEN_MIB], OK],
    ],
  },
];

const LONG_KEYS: readonly Case[] = [
  {
    name: 'names that are too long',
    ashlarOnly: LIMITS,
    steps: [
      ['SET k v', OK],
      [['DEL', LONG_KEY], 0],
      [['EXISTS', LONG_KEY], 0],
      [['EXPIRE', LONG_KEY, '10'], 0],
      [['TTL', LONG_KEY], -2],
      [['RENAME', LONG_KEY, 'k'], error('ERR no such key')],
      [['RENAME', 'k', LONG_KEY], KEY_TOO_LONG],
      [['RENAMENX', 'k', LONG_KEY], KEY_TOO_LONG],
      [['COPY', 'k', LONG_KEY], KEY_TOO_LONG],
      [['MOVE', LONG_KEY, '1'], 0],
      ['GET k', 'v'],
      ['DBSIZE', 1],
    ],
  },
];

defineCases('keys without memory', REFUSED, {
  args: { ashlar: ['--maxmemory', '32mb', '--maxmemory-clients', '0', '--maxmemory-policy', 'noeviction'] },
});
defineCases('names', LONG_KEYS);
