/** The Memcached door under binary requests, good ones and such whose headers lie. */

import { expect } from 'vitest';
import { encode, OPCODES } from '../conformance/memcached-binary-client.js';
import type { Random } from './generator.js';
import { defineFuzzTests } from './memcached-sessions.js';

const HEADER_BYTES = 24;
const REQUEST_MAGIC = 0x80;
const RESPONSE_MAGIC = 0x81;

const KEYS = ['', 'a', 'b', 'key', '\0\r\n', 'k'.repeat(250), 'k'.repeat(251), 'k'.repeat(3000)];
const VALUES = ['', '1', '18446744073709551615', 'value', 'v'.repeat(100), 'v'.repeat(5000), 'v'.repeat(1_100_000)];
const EXTRAS = [0, 4, 8, 20, 1, 255];
const OPERATIONS = Object.values(OPCODES);

/** One request. Most are of a command and nearly right. */
function request(random: Random): Buffer {
  const opcode = random.chance(95) ? random.pick(OPERATIONS) : random.below(256);
  const frame = encode({
    opcode,
    key: random.chance(70) ? random.pick(KEYS.slice(1, 5)) : random.pick(KEYS),
    extras: random.bytes(random.pick(EXTRAS)),
    value: random.chance(90) ? random.pick(VALUES.slice(0, 5)) : random.pick(VALUES),
    cas: random.chance(80) ? 0n : BigInt(random.below(2 ** 31)),
    opaque: random.below(2 ** 31),
  });
  // Bodies that are announced and never come, and lengths that contradict each other.
  if (random.chance(5)) frame.writeUInt32BE(random.pick([0, 1, 23, 65_536, 2 ** 24, 2 ** 31 - 1, 2 ** 32 - 1]), 8);
  if (random.chance(5)) frame.writeUInt16BE(random.pick([0, 1, 251, 65_535]), 2);
  if (random.chance(5)) frame[4] = random.below(256);
  if (random.chance(2)) frame[random.below(frame.length)] = random.below(256);
  return frame;
}

/** Fails unless the bytes are whole binary responses. What begins with another byte than 0x80 was text, whose answers are lines. */
function check(sent: Buffer, received: Buffer): void {
  if (sent[0] !== REQUEST_MAGIC) return;
  for (let at = 0; at < received.length; ) {
    expect(received[at]).toBe(RESPONSE_MAGIC);
    const end = at + HEADER_BYTES + received.readUInt32BE(at + 8);
    expect(end).toBeLessThanOrEqual(received.length);
    expect(received.readUInt16BE(at + 2) + received[at + 4]).toBeLessThanOrEqual(received.readUInt32BE(at + 8));
    at = end;
  }
}

/** A response without a CAS number. */
function response(opcode: number, status: number, key: string, value: string, extras = ''): string {
  const header = Buffer.alloc(HEADER_BYTES);
  header[0] = RESPONSE_MAGIC;
  header[1] = opcode;
  header.writeUInt16BE(key.length, 2);
  header[4] = extras.length;
  header.writeUInt16BE(status, 6);
  header.writeUInt32BE(extras.length + key.length + value.length, 8);
  return header.toString('latin1') + extras + key + value;
}

const { setq, deleteq, getkq, getk, appendq, noop, increment, version } = OPCODES;

defineFuzzTests({
  name: 'binary',
  request,
  check,
  pipeline: Buffer.concat([
    encode({ opcode: setq, key: 'cut', extras: '\0\0\0\x07\0\0\0\0', value: 'a\r\nb\0c' }),
    encode({ opcode: appendq, key: 'cut', value: '\x80!' }),
    encode({ opcode: getkq, key: 'none' }),
    encode({ opcode: noop }),
    encode({ opcode: getk, key: 'none' }),
    encode({ opcode: increment, key: 'cut', extras: '\0'.repeat(20) }),
    encode({ opcode: deleteq, key: 'cut' }),
    encode({ opcode: deleteq, key: 'cut' }),
    encode({ opcode: 0xee, key: 'k', extras: '12', value: 'v' }),
    // The key is longer than the body: the rest is thrown away, and the connection closed.
    encode({ opcode: version, claim: { key: 9, body: 4 }, value: 'abcd' }),
  ]),
  replies: [
    response(noop, 0, '', ''),
    response(getk, 1, 'none', ''),
    response(increment, 6, '', 'Non-numeric server-side value for incr or decr'),
    response(deleteq, 1, '', 'Not found'),
    response(0xee, 0x81, '', 'Unknown command'),
    response(version, 0x81, '', 'Unknown command'),
  ].join(''),
});
