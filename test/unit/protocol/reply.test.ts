/** The reply encoder: each reply in both versions, then everything again through an arena that is too small. */

import { describe, expect, it } from 'vitest';
import { asciiBytes } from '../../../src/base/bytes.js';
import { ReplyWriter } from '../../../src/protocol/resp/reply.js';

const ABC = asciiBytes('xabcx');
const LONG = 'long '.repeat(100);

/** What is written, its bytes in RESP2, and its bytes in RESP3 where they differ. */
const GOLDEN: [string, (reply: ReplyWriter) => void, string, string?][] = [
  ['ok', (r) => r.ok(), '+OK\r\n'],
  ['pong', (r) => r.pong(), '+PONG\r\n'],
  ['queued', (r) => r.queued(), '+QUEUED\r\n'],
  ['simple', (r) => r.simple('Background saving started'), '+Background saving started\r\n'],
  ['error', (r) => r.error('WRONGTYPE of value'), '-WRONGTYPE of value\r\n'],
  ['error with line ends', (r) => r.error("ERR no 'a\r\nb\0c\xff'"), "-ERR no 'a  b c\xff'\r\n"],
  ['error of bytes', (r) => r.errorBytes(asciiBytes('..ERR a\nb..'), 2, 7), '-ERR a b\r\n'],
  ['zero', (r) => r.integer(0), ':0\r\n'],
  ['one', (r) => r.integer(1), ':1\r\n'],
  ['ten', (r) => r.integer(10), ':10\r\n'],
  ['minus two', (r) => r.integer(-2), ':-2\r\n'],
  ['a large integer', (r) => r.integer(-9007199254740991), ':-9007199254740991\r\n'],
  ['64 bits', (r) => r.bigInteger(-9223372036854775808n), ':-9223372036854775808\r\n'],
  ['bulk', (r) => r.bulk(ABC, 1, 3), '$3\r\nabc\r\n'],
  ['empty bulk', (r) => r.bulk(ABC, 1, 0), '$0\r\n\r\n'],
  ['emptyBulk', (r) => r.emptyBulk(), '$0\r\n\r\n'],
  ['bulkString', (r) => r.bulkString('h\u00e9 \u20ac \u{1f600}'), '$12\r\nh\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\r\n'],
  ['bulkAscii', (r) => r.bulkAscii('abc'), '$3\r\nabc\r\n'],
  ['long bulkAscii', (r) => r.bulkAscii(LONG), `$500\r\n${LONG}\r\n`],
  ['bulkInteger', (r) => r.bulkInteger(-1234), '$5\r\n-1234\r\n'],
  ['nullBulk', (r) => r.nullBulk(), '$-1\r\n', '_\r\n'],
  ['nullArray', (r) => r.nullArray(), '*-1\r\n', '_\r\n'],
  ['array', (r) => r.array(12), '*12\r\n'],
  ['map', (r) => r.map(3), '*6\r\n', '%3\r\n'],
  ['set', (r) => r.set(3), '*3\r\n', '~3\r\n'],
  ['push', (r) => r.push(3), '*3\r\n', '>3\r\n'],
  ['attribute', (r) => r.attribute(1), '|1\r\n'],
  ['double', (r) => r.double(1.5), '$3\r\n1.5\r\n', ',1.5\r\n'],
  ['infinity', (r) => r.double(Number.NEGATIVE_INFINITY), '$4\r\n-inf\r\n', ',-inf\r\n'],
  ['doubleText', (r) => r.doubleText('10.6'), '$4\r\n10.6\r\n', ',10.6\r\n'],
  ['bigNumber', (r) => r.bigNumber(10n ** 30n), `$31\r\n1${'0'.repeat(30)}\r\n`, `(1${'0'.repeat(30)}\r\n`],
  ['true', (r) => r.boolean(true), ':1\r\n', '#t\r\n'],
  ['false', (r) => r.boolean(false), ':0\r\n', '#f\r\n'],
  ['verbatim', (r) => r.verbatim('txt', 'a\r\n\u00e9'), '$5\r\na\r\n\xc3\xa9\r\n', '=9\r\ntxt:a\r\n\xc3\xa9\r\n'],
  ['raw', (r) => r.raw(ABC, 1, 3), 'abc'],
];

/** A writer whose output is collected however often its arena is full. */
class Collected {
  readonly writer: ReplyWriter;
  flushes = 0;
  private text = '';

  constructor(arenaBytes: number, protocol: 2 | 3) {
    this.writer = new ReplyWriter(new Uint8Array(arenaBytes), () => {
      this.flushes++;
      this.take();
    });
    this.writer.protocol = protocol;
  }

  take(): string {
    this.text += Buffer.from(this.writer.bytes).toString('latin1', 0, this.writer.position);
    this.writer.position = 0;
    return this.text;
  }
}

describe.each([2, 3] as const)('RESP%i', (protocol) => {
  it.each(GOLDEN)('%s', (_, write, resp2, resp3) => {
    const out = new Collected(4096, protocol);
    write(out.writer);
    expect(out.take()).toBe(protocol === 3 ? (resp3 ?? resp2) : resp2);
    expect(out.flushes).toBe(0);
  });

  it.each([64, 65, 71, 100])('is the same through an arena of %i bytes', (arenaBytes) => {
    const out = new Collected(arenaBytes, protocol);
    let expected = '';
    for (let round = 0; round < 20; round++) {
      for (const [, write, resp2, resp3] of GOLDEN) {
        write(out.writer);
        expected += protocol === 3 ? (resp3 ?? resp2) : resp2;
      }
    }
    expect(out.take()).toBe(expected);
    expect(out.flushes).toBeGreaterThan(10);
  });
});

describe('ReplyWriter', () => {
  it('writes bulks of every length around the sizes where something changes', () => {
    const source = Uint8Array.from({ length: 3000 }, (_, i) => i & 0xff);
    for (const length of [1, 9, 10, 99, 100, 255, 256, 257, 999, 1000, 1001, 2900]) {
      for (const arenaBytes of [length + 5, length + 30, 4096].filter((n) => n >= 64)) {
        const out = new Collected(arenaBytes, 2);
        out.writer.bulk(source, 7, length);
        expect(out.take()).toBe(`$${length}\r\n${Buffer.from(source).toString('latin1', 7, 7 + length)}\r\n`);
      }
    }
  });

  it('writes nothing while muted, however small the arena', () => {
    for (const protocol of [2, 3] as const) {
      const out = new Collected(64, protocol);
      out.writer.mute = true;
      for (const [, write] of GOLDEN) write(out.writer);
      expect(out.writer.mute).toBe(true);
      out.writer.mute = false;
      out.writer.ok();
      expect(out.take()).toBe('+OK\r\n');
      expect(out.flushes).toBe(0);
    }
  });

  it('counts errors, muted ones too', () => {
    const { writer } = new Collected(4096, 2);
    writer.error('ERR one');
    writer.mute = true;
    writer.error('WRONGTYPE two\n');
    expect([writer.errors, writer.lastError]).toEqual([2, 'WRONGTYPE two\n']);
  });

  it('goes on in another arena', () => {
    const { writer } = new Collected(64, 2);
    writer.ok();
    writer.mute = true;
    const other = new Uint8Array(200);
    writer.attach(other);
    writer.ok();
    writer.mute = false;
    writer.pong();
    expect([writer.position, writer.limit]).toEqual([7, 200]);
    expect(Buffer.from(other).toString('latin1', 0, 7)).toBe('+PONG\r\n');
  });

  it('takes an arena that is a part of a shared buffer', () => {
    const shared = new SharedArrayBuffer(300);
    const writer = new ReplyWriter(new Uint8Array(shared, 100, 100), () => {});
    writer.bulkString('h\u00e9llo');
    writer.verbatim('txt', 'x');
    expect(Buffer.from(shared).toString('utf8', 100, 100 + writer.position)).toBe('$6\r\nh\u00e9llo\r\n$1\r\nx\r\n');
  });

  it('does not wait for ever for room', () => {
    const writer = new ReplyWriter(new Uint8Array(64), () => {});
    expect(() => {
      for (let i = 0; i < 100; i++) writer.ok();
    }).toThrow('no room');
    expect(() => new ReplyWriter(new Uint8Array(10), () => {})).toThrow(RangeError);
  });
});
