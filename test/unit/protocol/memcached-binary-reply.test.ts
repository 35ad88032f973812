/** The encoder of binary responses: each response, then everything again through an arena that is too small. */

import { describe, expect, it } from 'vitest';
import { asciiBytes } from '../../../src/base/bytes.js';
import {
  BinaryReply,
  STATUS_INVALID,
  STATUS_NO_MEMORY,
  STATUS_NOT_FOUND,
} from '../../../src/protocol/memcached/binary-reply.js';
import { OutputWriter } from '../../../src/protocol/output.js';

const KEY = asciiBytes('..key..');
const VALUE = asciiBytes('.the value.');
const LONG = 'long '.repeat(50);
const NO_CAS = '0'.repeat(16);

/** A header in hexadecimal: opcode 0x42, opaque deadbeef. */
function header(extras: number, key: number, status: number, body: number, cas = NO_CAS): string {
  const hex = (n: number, bytes: number): string => n.toString(16).padStart(2 * bytes, '0');
  return `8142${hex(key, 2)}${hex(extras, 1)}00${hex(status, 2)}${hex(body, 4)}deadbeef${cas}`;
}

function hexOf(text: string): string {
  return Buffer.from(text, 'latin1').toString('hex');
}

const GOLDEN: [string, (reply: BinaryReply) => void, string][] = [
  ['nothing', (r) => r.empty(0, 0), header(0, 0, 0, 0)],
  ['a CAS alone', (r) => r.empty(-2, 1), header(0, 0, 0, 0, '00000001fffffffe')],
  ['a number', (r) => r.number(-1, 0x7fffffff, 2, 0), `${header(0, 0, 0, 8, '0000000000000002')}7fffffffffffffff`],
  [
    'an item',
    (r) => r.value(0xdeadbeef, KEY, 2, 0, VALUE, 1, 9, 5, 0),
    `${header(4, 0, 0, 13, '0000000000000005')}deadbeef${hexOf('the value')}`,
  ],
  [
    'an item with its key',
    (r) => r.value(7, KEY, 2, 3, VALUE, 1, 9, 0, -1),
    `${header(4, 3, 0, 16, 'ffffffff00000000')}00000007${hexOf('keythe value')}`,
  ],
  [
    'a long item',
    (r) => r.value(1, KEY, 2, 3, asciiBytes(LONG), 0, LONG.length, 0, 0),
    `${header(4, 3, 0, 7 + LONG.length)}00000001${hexOf(`key${LONG}`)}`,
  ],
  ['an item without a value', (r) => r.value(9, KEY, 0, 0, VALUE, 0, 0, 0, 0), `${header(4, 0, 0, 4)}00000009`],
  ['a text', (r) => r.text('1.6.18'), `${header(0, 0, 0, 6)}${hexOf('1.6.18')}`],
  ['a statistic', (r) => r.statistic('pid', '12'), `${header(0, 3, 0, 5)}${hexOf('pid12')}`],
  ['a miss with its key', (r) => r.missingKey(KEY, 2, 3), `${header(0, 3, 1, 3)}${hexOf('key')}`],
  ['a status', (r) => r.status(STATUS_NOT_FOUND), `${header(0, 0, 1, 9)}${hexOf('Not found')}`],
  ['an error', (r) => r.error(STATUS_NO_MEMORY, 'Out of x'), `${header(0, 0, 0x82, 8)}${hexOf('Out of x')}`],
];

/** An encoder whose output is collected however often its arena is full. */
class Collected {
  readonly out: OutputWriter;
  readonly reply: BinaryReply;
  private taken = '';

  constructor(arenaBytes: number) {
    this.out = new OutputWriter(new Uint8Array(arenaBytes), () => this.take());
    this.reply = new BinaryReply(this.out);
    // A byte before the header, so that offsets count.
    this.reply.begin(Buffer.from(`008042${'00'.repeat(10)}deadbeef`, 'hex'), 1);
  }

  take(): void {
    this.taken += Buffer.from(this.out.bytes.subarray(0, this.out.position)).toString('hex');
    this.out.position = 0;
  }

  get hex(): string {
    this.take();
    return this.taken;
  }
}

describe('binary responses', () => {
  it.each(GOLDEN)('%s', (_, write, expected) => {
    const collected = new Collected(1024);
    write(collected.reply);
    expect(collected.hex).toBe(expected);
  });

  it('go through an arena of any size', () => {
    for (let arena = 64; arena < 400; arena++) {
      const collected = new Collected(arena);
      for (const [, write] of GOLDEN) write(collected.reply);
      expect(collected.hex).toBe(GOLDEN.map(([, , expected]) => expected).join(''));
    }
  });

  it('are not written while the arena is mute', () => {
    const collected = new Collected(1024);
    collected.out.mute = true;
    for (const [, write] of GOLDEN) write(collected.reply);
    expect(collected.hex).toBe('');
  });

  it('count errors, and not what became of a request that was in order', () => {
    const { out, reply } = new Collected(1024);
    reply.status(STATUS_NOT_FOUND);
    reply.empty(0, 0);
    expect(out.errors).toBe(0);
    reply.status(STATUS_INVALID);
    expect([out.errors, out.lastError]).toEqual([1, 'Invalid arguments']);
    reply.error(STATUS_NO_MEMORY, 'Out of x');
    expect([out.errors, out.lastError]).toEqual([2, 'Out of x']);
  });
});
