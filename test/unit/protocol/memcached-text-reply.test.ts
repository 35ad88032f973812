/** The encoder of Memcached's text protocol: each reply, then everything again through an arena that is hardly large enough. */

import { describe, expect, it } from 'vitest';
import { asciiBytes } from '../../../src/base/bytes.js';
import {
  META_EXISTS,
  META_HIT,
  META_MISS,
  META_NOT_FOUND,
  META_NOT_STORED,
  TextReply,
} from '../../../src/protocol/memcached/text-reply.js';
import { OutputWriter } from '../../../src/protocol/output.js';

const ABC = asciiBytes('xabcx');
const LONG = 'long '.repeat(200);
const KEY = 'k'.repeat(250);

/** The least that holds a VALUE line with the longest key. */
const SMALL_ARENA = 350;

type Write = (reply: TextReply) => void;

function letter(char: string): number {
  return char.charCodeAt(0);
}

function value(flags: number, bytes: string, key = 'abc'): Write {
  return (r) => r.value(asciiBytes(key), 0, key.length, flags, asciiBytes(`..${bytes}`), 2, bytes.length);
}

function valueWithCas(low: number, high: number): Write {
  return (r) => r.valueWithCas(ABC, 1, 3, 7, ABC, 1, 3, low, high);
}

/** What is written, and its bytes. */
const GOLDEN: [string, Write, string][] = [
  ['stored', (r) => r.stored(), 'STORED\r\n'],
  ['notStored', (r) => r.notStored(), 'NOT_STORED\r\n'],
  ['exists', (r) => r.exists(), 'EXISTS\r\n'],
  ['notFound', (r) => r.notFound(), 'NOT_FOUND\r\n'],
  ['deleted', (r) => r.deleted(), 'DELETED\r\n'],
  ['touched', (r) => r.touched(), 'TOUCHED\r\n'],
  ['ok', (r) => r.ok(), 'OK\r\n'],
  ['end', (r) => r.end(), 'END\r\n'],
  ['a value', value(0, 'abc'), 'VALUE abc 0 3\r\nabc\r\n'],
  ['an empty value', value(0, ''), 'VALUE abc 0 0\r\n\r\n'],
  ['a value of two digits', value(5, 'x'.repeat(10)), `VALUE abc 5 10\r\n${'x'.repeat(10)}\r\n`],
  ['a value of three digits', value(5, 'x'.repeat(999)), `VALUE abc 5 999\r\n${'x'.repeat(999)}\r\n`],
  ['a value of four digits', value(2 ** 32 - 1, LONG), `VALUE abc 4294967295 1000\r\n${LONG}\r\n`],
  ['a value with the longest key', value(1, '\r\n', KEY), `VALUE ${KEY} 1 2\r\n\r\n\r\n`],
  ['a value with its CAS number', valueWithCas(1, 0), 'VALUE abc 7 3 1\r\nabc\r\n'],
  ['a value with the largest CAS number', valueWithCas(-1, -1), 'VALUE abc 7 3 18446744073709551615\r\nabc\r\n'],
  ['a number', (r) => r.number(100, 0), '100\r\n'],
  ['a large number', (r) => r.number(-2, -1), '18446744073709551614\r\n'],
  ['a statistic', (r) => r.statistic('pid', 12), 'STAT pid 12\r\n'],
  ['a line', (r) => r.line('VERSION 1.6.18'), 'VERSION 1.6.18\r\n'],
  ['a long line', (r) => r.line(LONG), `${LONG}\r\n`],
  ['an error', (r) => r.error('CLIENT_ERROR bad data chunk'), 'CLIENT_ERROR bad data chunk\r\n'],
  ['HD', (r) => r.meta(META_HIT), 'HD'],
  ['EN', (r) => r.meta(META_MISS), 'EN'],
  ['NF', (r) => r.meta(META_NOT_FOUND), 'NF'],
  ['NS', (r) => r.meta(META_NOT_STORED), 'NS'],
  ['EX', (r) => r.meta(META_EXISTS), 'EX'],
  ['VA', (r) => r.metaValue(123_456), 'VA 123456'],
  ['a flag', (r) => r.flag(letter('W')), ' W'],
  ['a flag with a number', (r) => r.flagNumber(letter('t'), 3600), ' t3600'],
  ['a flag with a negative number', (r) => r.flagNumber(letter('t'), -1), ' t-1'],
  ['a flag with 64 bits', (r) => r.flagUint64(letter('c'), -1, -1), ' c18446744073709551615'],
  ['a token', (r) => r.token(asciiBytes('..Oabc..'), 2, 4), ' Oabc'],
  ['a key', (r) => r.key(ABC, 1, 3), ' kabc'],
  ['the longest key', (r) => r.key(asciiBytes(KEY), 0, 250), ` k${KEY}`],
  ['a binary key', (r) => r.binaryKey(ABC, 1, 3), ' kYWJj b'],
  ['the end of a line', (r) => r.endLine(), '\r\n'],
  ['data', (r) => r.data(ABC, 1, 3), 'abc\r\n'],
  ['long data', (r) => r.data(asciiBytes(LONG), 0, 1000), `${LONG}\r\n`],
];

/** A writer whose output is collected however often its arena is full. */
class Collected {
  readonly out: OutputWriter;
  readonly reply: TextReply;
  private text = '';

  constructor(arenaBytes: number) {
    this.out = new OutputWriter(new Uint8Array(arenaBytes), () => this.take());
    this.reply = new TextReply(this.out);
  }

  get all(): string {
    this.take();
    return this.text;
  }

  private take(): void {
    this.text += Buffer.from(this.out.bytes.subarray(0, this.out.position)).toString('latin1');
    this.out.position = 0;
  }
}

function written(arenaBytes: number, ...writes: Write[]): string {
  const collected = new Collected(arenaBytes);
  for (const write of writes) write(collected.reply);
  return collected.all;
}

describe('replies', () => {
  it.each(GOLDEN)('%s', (_, write, expected) => {
    expect(written(65_536, write)).toBe(expected);
  });
});

describe('a small arena', () => {
  it('gives the same bytes, wherever it is full', () => {
    const all = GOLDEN.map(([, , expected]) => expected).join('');
    for (let before = 0; before < SMALL_ARENA; before += 7) {
      const filler: Write = (reply) => reply.line('f'.repeat(before));
      const text = written(SMALL_ARENA, filler, ...GOLDEN.map(([, write]) => write));
      expect(text).toBe(`${'f'.repeat(before)}\r\n${all}`);
    }
  });
});

describe('base64', () => {
  it('is that of everybody', () => {
    for (let length = 0; length < 100; length++) {
      const bytes = Uint8Array.from({ length }, (_, i) => (i * 167 + length) & 0xff);
      expect(written(65_536, (r) => r.base64(bytes, 0, length))).toBe(Buffer.from(bytes).toString('base64'));
    }
  });
});

describe('noreply', () => {
  it('writes nothing, and counts errors', () => {
    const { out, reply } = new Collected(SMALL_ARENA);
    reply.quiet = true;
    for (const [, write] of GOLDEN) write(reply);
    expect(out.position).toBe(0);
    expect(out.errors).toBe(1);
    expect(out.lastError).toBe('CLIENT_ERROR bad data chunk');
    reply.quiet = false;
    reply.stored();
    expect(out.position).toBe(8);
  });
});
