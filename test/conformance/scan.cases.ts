/** What SCAN, KEYS and RANDOMKEY answer: every option, reply and error of Redis 7.2. */

import { type Case, error, matching, OK, unordered } from './harness.js';

const SYNTAX = error('ERR syntax error');
const NOT_INTEGER = error('ERR value is not an integer or out of range');
const INVALID_CURSOR = error('ERR invalid cursor');

function wrongArity(name: string): ReturnType<typeof error> {
  return error(`ERR wrong number of arguments for '${name}' command`);
}

/** A scan that came to its end with these keys. */
function scanned(...keys: string[]) {
  return ['0', unordered(...keys)] as const;
}

const someKey = matching('a cursor and keys', (reply) => Array.isArray(reply.value) && reply.value.length === 2);

export const SCAN_CASES: readonly Case[] = [
  {
    name: 'SCAN',
    steps: [
      ['SCAN 0', scanned()],
      ['MSET a 1 b 2 c 3 ab 4 b* 5', OK],
      ['SCAN 0', scanned('a', 'b', 'c', 'ab', 'b*')],
      ['SCAN 0 COUNT 1000', scanned('a', 'b', 'c', 'ab', 'b*')],
      ['SCAN 0 COUNT 9223372036854775807', scanned('a', 'b', 'c', 'ab', 'b*')],
      ['SCAN 0 MATCH a*', scanned('a', 'ab')],
      ['SCAN 0 match *', scanned('a', 'b', 'c', 'ab', 'b*')],
      ['SCAN 0 MATCH ?', scanned('a', 'b', 'c')],
      ['SCAN 0 MATCH [ab]', scanned('a', 'b')],
      ['SCAN 0 MATCH [^ab]', scanned('c')],
      ['SCAN 0 MATCH b\\*', scanned('b*')],
      ['SCAN 0 MATCH none', scanned()],
      [['SCAN', '0', 'MATCH', ''], scanned()],
      ['SCAN 0 TYPE string', scanned('a', 'b', 'c', 'ab', 'b*')],
      ['SCAN 0 TYPE STRING COUNT 100 MATCH a', scanned('a')],
      ['SCAN 0 TYPE list', scanned()],
      ['SCAN 0 TYPE foo', scanned()],
      ['SCAN 0 TYPE none', scanned()],
      ['SCAN 0 TYPE list TYPE string MATCH a', scanned('a')],
      ['SCAN 0 MATCH a MATCH b', scanned('b')],
      ['SELECT 1', OK],
      ['SCAN 0', scanned()],
    ],
  },
  {
    name: 'keys of every byte, and the empty key',
    steps: [
      [['SET', '', 'v'], OK],
      [['SET', '\0\r\n\xff', 'v'], OK],
      ['SCAN 0', scanned('', '\0\r\n\xff')],
      ['KEYS *', unordered('', '\0\r\n\xff')],
      ['KEYS **', ['\0\r\n\xff']],
      [['KEYS', '\0*'], ['\0\r\n\xff']],
      [['SCAN', '0', 'MATCH', '?\r\n\xff'], scanned('\0\r\n\xff')],
    ],
  },
  {
    name: 'cursors',
    steps: [
      ['SET a 1', OK],
      ['SCAN abc', INVALID_CURSOR],
      ['SCAN 1a', INVALID_CURSOR],
      ['SCAN 0x10', INVALID_CURSOR],
      ['SCAN 1.5', INVALID_CURSOR],
      ['SCAN -', INVALID_CURSOR],
      [['SCAN', ' 0'], INVALID_CURSOR],
      [['SCAN', '0 '], INVALID_CURSOR],
      [['SCAN', ''], scanned('a')],
      ['SCAN +0', scanned('a')],
      ['SCAN 00', scanned('a')],
      ['SCAN -0', scanned('a')],
      ['SCAN 18446744073709551615', someKey],
      ['SCAN -1', someKey],
      ['SCAN 18446744073709551616', INVALID_CURSOR],
      ['SCAN 99999999999999999999', INVALID_CURSOR],
      ['SCAN abc COUNT', INVALID_CURSOR],
      ['SCAN', wrongArity('scan')],
    ],
  },
  {
    name: 'what SCAN does not take',
    steps: [
      ['SCAN 0 COUNT', SYNTAX],
      ['SCAN 0 MATCH', SYNTAX],
      ['SCAN 0 TYPE', SYNTAX],
      ['SCAN 0 foo', SYNTAX],
      ['SCAN 0 foo bar', SYNTAX],
      ['SCAN 0 COUNT 10 MATCH', SYNTAX],
      ['SCAN 0 COUNT 0', SYNTAX],
      ['SCAN 0 COUNT -1', SYNTAX],
      ['SCAN 0 COUNT abc', NOT_INTEGER],
      ['SCAN 0 COUNT 1.5', NOT_INTEGER],
      ['SCAN 0 COUNT 9223372036854775808', NOT_INTEGER],
    ],
  },
  {
    name: 'expired keys do not come',
    steps: [
      ['MSET a 1 b 2', OK],
      ['PSETEX c 10 v', OK],
      ['PSETEX d 10 v', OK],
      { sleep: 30 },
      ['KEYS *', unordered('a', 'b')],
      ['SCAN 0 TYPE string', scanned('a', 'b')],
      ['SCAN 0', scanned('a', 'b')],
      ['DBSIZE', 2],
    ],
  },
  {
    name: 'KEYS',
    steps: [
      ['KEYS *', []],
      ['MSET one 1 two 2 three 3 four 4', OK],
      ['KEYS *', unordered('one', 'two', 'three', 'four')],
      ['KEYS *o*', unordered('one', 'two', 'four')],
      ['KEYS t??', ['two']],
      ['KEYS [a-n]*', ['four']],
      ['KEYS t[hw]*', unordered('two', 'three')],
      ['KEYS none', []],
      ['KEYS one', ['one']],
      ['KEYS ONE', []],
      [['KEYS', ''], []],
      ['KEYS', wrongArity('keys')],
      ['KEYS a b', wrongArity('keys')],
    ],
  },
  {
    name: 'KEYS of patterns that take long',
    steps: [
      [['SET', 'a'.repeat(200), 'v'], OK],
      [['KEYS', `${'a*'.repeat(40)}b`], []],
      [['KEYS', `${'*a'.repeat(40)}*`], ['a'.repeat(200)]],
    ],
    since: '7.2.0',
  },
  {
    name: 'RANDOMKEY',
    steps: [
      ['RANDOMKEY', null],
      ['SET a 1', OK],
      ['RANDOMKEY', 'a'],
      ['PSETEX b 10 v', OK],
      { sleep: 30 },
      ['RANDOMKEY', 'a'],
      ['SELECT 1', OK],
      ['RANDOMKEY', null],
      ['PSETEX b 10 v', OK],
      { sleep: 30 },
      ['RANDOMKEY', null],
      ['RANDOMKEY a', wrongArity('randomkey')],
    ],
  },
];
