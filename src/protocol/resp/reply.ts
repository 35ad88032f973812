/**
 * The one encoder of RESP replies, of both versions. Commands say what they answer, the writer knows how the client's version says it:
 *
 *   method            RESP2                RESP3
 *   nullBulk()        $-1                  _
 *   nullArray()       *-1                  _
 *   map(n)            *2n                  %n
 *   set(n)            *n                   ~n
 *   push(n)           *n                   >n
 *   boolean(b)        :1  :0               #t  #f
 *   double(x)         $ bulk               ,x
 *   bigNumber(x)      $ bulk               (x
 *   verbatim(f, t)    $ bulk of t          = f:t
 *
 * It is an OutputWriter, whose head says how the arena is written to; CLIENT REPLY OFF and SKIP mute it. Lines with a number below 1000
 * (`$100\r\n`, `:7\r\n`, `*3\r\n`) come out of a table.
 */

import { asciiBytes, copyBytes } from '../../base/bytes.js';
import { formatDouble, integerDigits, writeBigInt, writeInteger } from '../../base/numbers.js';
import { NUMBER_LINES, NUMBER_LINES_END, OutputWriter, word } from '../output.js';

// Imported bindings are slower than local ones in hot functions.
const copy = copyBytes;
const putInteger = writeInteger;
const digitsOf = integerDigits;

const CR = 0x0d;
const LF = 0x0a;
const SPACE = 0x20;
const PLUS = 0x2b;
const MINUS = 0x2d;
const COLON = 0x3a;
const DOLLAR = 0x24;
const ASTERISK = 0x2a;
const COMMA = 0x2c;
const PARENTHESIS = 0x28;
const PERCENT = 0x25;
const TILDE = 0x7e;
const GREATER = 0x3e;
const EQUALS = 0x3d;
const BAR = 0x7c;

/** Most bytes of a type byte, a safe integer and a line end. */
const LINE_BYTES_MAX = 1 + 17 + 2;
/** Most bytes that a bulk has around its content: a line, and the line end behind it. */
const BULK_FRAME_BYTES_MAX = LINE_BYTES_MAX + 2;
/** Most bytes that a bigint of 64 bits takes; longer ones go another way. */
const BIGINT_CHARS_MAX = 20;
/** Texts up to this length are written by a loop over their characters. */
const SHORT_TEXT_CHARS = 64;
const LINE_END_16 = 0x0a0d;
const ASCII_END = 0x80;

const QUEUED = asciiBytes('+QUEUED\r\n');
const LINE_END = asciiBytes('\r\n');

// Constant replies of up to eight bytes: two words, and their length.
const OK_LOW = word('+OK\r');
const OK_HIGH = word('\n');
const PONG_LOW = word('+PON');
const PONG_HIGH = word('G\r\n');
const NULL_LOW = word('$-1\r');
const NULL_ARRAY_LOW = word('*-1\r');
const NULL_HIGH = word('\n');
const NULL_3 = word('_\r\n');
const TRUE_3 = word('#t\r\n');
const FALSE_3 = word('#f\r\n');
const EMPTY_LOW = word('$0\r\n');
const EMPTY_HIGH = word('\r\n');

const LINES = NUMBER_LINES;
const LINES_END = NUMBER_LINES_END;

export class ReplyWriter extends OutputWriter {
  /** The client's version of RESP. */
  protocol: 2 | 3 = 2;

  // ---------------------------------------------------------------------------------------------- simple replies

  ok(): void {
    this.words(OK_LOW, OK_HIGH, 5);
  }

  pong(): void {
    this.words(PONG_LOW, PONG_HIGH, 7);
  }

  queued(): void {
    this.raw(QUEUED, 0, QUEUED.length);
  }

  /** A simple string. The text is ASCII and has no line end. */
  simple(text: string): void {
    this.line(PLUS, text);
  }

  /**
   * An error. The text begins with its code (`ERR ...`, `WRONGTYPE ...`), and each of its characters is one byte, as `Request.text` gives
   * them; line ends and zeros become blanks, so that no text of a client can break the protocol.
   */
  error(text: string): void {
    this.countError(text);
    this.line(MINUS, text);
  }

  /** An error whose text is in bytes, in the same form. */
  errorBytes(source: Uint8Array, offset: number, length: number): void {
    this.error(Buffer.from(source.buffer, source.byteOffset + offset, length).toString('latin1'));
  }

  // ---------------------------------------------------------------------------------------------- numbers

  /** An integer up to 2^53 - 1. */
  integer(n: number): void {
    this.header(COLON, n);
  }

  /** An integer of 64 bits. */
  bigInteger(n: bigint): void {
    if (!this.fits(1 + BIGINT_CHARS_MAX + 2)) return;
    const bytes = this.bytes;
    let at = this.position;
    bytes[at++] = COLON;
    at += writeBigInt(bytes, at, n);
    bytes[at++] = CR;
    bytes[at++] = LF;
    this.position = at;
  }

  /** A double, in Redis 7.2's notation. */
  double(x: number): void {
    this.number(COMMA, formatDouble(x));
  }

  /** A number that is text already (INCRBYFLOAT's arithmetic is not that of doubles). */
  doubleText(text: string): void {
    this.number(COMMA, text);
  }

  /** An integer of any size. */
  bigNumber(n: bigint): void {
    this.number(PARENTHESIS, n.toString());
  }

  boolean(b: boolean): void {
    if (this.protocol === 2) this.integer(b ? 1 : 0);
    else this.words(b ? TRUE_3 : FALSE_3, 0, 4);
  }

  // ---------------------------------------------------------------------------------------------- strings

  /** A bulk string of `length` bytes at `offset`. */
  bulk(source: Uint8Array, offset: number, length: number): void {
    let at = this.position;
    if (length >= LINES_END || at + length + BULK_FRAME_BYTES_MAX > this.end) {
      this.bulkSlowly(source, offset, length);
      return;
    }
    const view = this.view;
    view.setInt32(at, LINES[2 * length] | DOLLAR, true);
    view.setInt32(at + 4, LINES[2 * length + 1], true);
    at += length < 10 ? 4 : length < 100 ? 5 : 6;
    copy(source, offset, this.bytes, at, length);
    at += length;
    view.setInt16(at, LINE_END_16, true);
    this.position = at + 2;
  }

  /** A bulk string of a string's UTF-8 bytes. */
  bulkString(text: string): void {
    const start = this.position;
    const length = text.length;
    if (length > SHORT_TEXT_CHARS || start + length + BULK_FRAME_BYTES_MAX > this.end) {
      this.bulkStringSlowly(text);
      return;
    }
    this.header(DOLLAR, length);
    const bytes = this.bytes;
    let at = this.position;
    for (let i = 0; i < length; i++) {
      const char = text.charCodeAt(i);
      if (char >= ASCII_END) {
        this.position = start;
        this.bulkStringSlowly(text);
        return;
      }
      bytes[at++] = char;
    }
    this.view.setInt16(at, LINE_END_16, true);
    this.position = at + 2;
  }

  /** A bulk string of an ASCII string. */
  bulkAscii(text: string): void {
    this.bulkString(text);
  }

  /** The decimal digits of an integer as a bulk string. */
  bulkInteger(n: number): void {
    if (!this.fits(BULK_FRAME_BYTES_MAX + 17)) return;
    const bytes = this.bytes;
    let at = this.position;
    bytes[at++] = DOLLAR;
    at += putInteger(bytes, at, digitsOf(n));
    bytes[at++] = CR;
    bytes[at++] = LF;
    at += putInteger(bytes, at, n);
    bytes[at++] = CR;
    bytes[at++] = LF;
    this.position = at;
  }

  emptyBulk(): void {
    this.words(EMPTY_LOW, EMPTY_HIGH, 6);
  }

  /** Text that is to be shown as it is. @param format three ASCII characters: `txt` or `mkd` */
  verbatim(format: string, text: string): void {
    if (this.protocol === 2) {
      this.bulkString(text);
      return;
    }
    if (this.mute) return;
    this.header(EQUALS, format.length + 1 + Buffer.byteLength(text));
    this.text(`${format}:`);
    this.text(text);
    this.raw(LINE_END, 0, 2);
  }

  nullBulk(): void {
    if (this.protocol === 2) this.words(NULL_LOW, NULL_HIGH, 5);
    else this.words(NULL_3, 0, 3);
  }

  // ---------------------------------------------------------------------------------------------- aggregates

  /** The next n replies are one array. */
  array(n: number): void {
    this.header(ASTERISK, n);
  }

  /** The next 2n replies are n fields and their values, in turn. */
  map(n: number): void {
    if (this.protocol === 2) this.header(ASTERISK, 2 * n);
    else this.header(PERCENT, n);
  }

  /** The next n replies are a set. */
  set(n: number): void {
    this.header(this.protocol === 2 ? ASTERISK : TILDE, n);
  }

  /** The next n replies are a message that nobody asked for now. */
  push(n: number): void {
    this.header(this.protocol === 2 ? ASTERISK : GREATER, n);
  }

  /** The next 2n replies are attributes of the reply behind them. For RESP3 only: RESP2 cannot say it. */
  attribute(n: number): void {
    this.header(BAR, n);
  }

  nullArray(): void {
    if (this.protocol === 2) this.words(NULL_ARRAY_LOW, NULL_HIGH, 5);
    else this.words(NULL_3, 0, 3);
  }

  // ---------------------------------------------------------------------------------------------- parts

  /** A type byte, an integer, a line end. */
  private header(type: number, n: number): void {
    if (n >= 0 && n < LINES_END) {
      this.words(LINES[2 * n] | type, LINES[2 * n + 1], n < 10 ? 4 : n < 100 ? 5 : 6);
      return;
    }
    if (this.position + LINE_BYTES_MAX > this.end && !this.makeRoom(LINE_BYTES_MAX)) return;
    const bytes = this.bytes;
    let at = this.position;
    bytes[at++] = type;
    at += putInteger(bytes, at, n);
    this.view.setInt16(at, LINE_END_16, true);
    this.position = at + 2;
  }

  /** A number that is text: of a RESP3 type, or a bulk string. */
  private number(type: number, text: string): void {
    if (this.protocol === 2) this.bulkAscii(text);
    else this.line(type, text);
  }

  /** A type byte, a text of one byte for each character, a line end. */
  private line(type: number, text: string): void {
    if (this.position + text.length + 3 > this.end) {
      this.lineSlowly(type, text);
      return;
    }
    const bytes = this.bytes;
    let at = this.position;
    bytes[at++] = type;
    for (let i = 0; i < text.length; i++) bytes[at++] = scrubbed(text.charCodeAt(i));
    this.view.setInt16(at, LINE_END_16, true);
    this.position = at + 2;
  }

  private lineSlowly(type: number, text: string): void {
    if (!this.fits(1)) return;
    this.bytes[this.position++] = type;
    for (let i = 0; i < text.length; i++) {
      if (this.position === this.limit) this.makeRoom(1);
      this.bytes[this.position++] = scrubbed(text.charCodeAt(i));
    }
    this.raw(LINE_END, 0, 2);
  }

  private bulkStringSlowly(text: string): void {
    if (this.mute) return;
    this.header(DOLLAR, Buffer.byteLength(text));
    this.text(text);
    this.raw(LINE_END, 0, 2);
  }

  private bulkSlowly(source: Uint8Array, offset: number, length: number): void {
    if (this.mute) return;
    this.header(DOLLAR, length);
    this.raw(source, offset, length);
    this.raw(LINE_END, 0, 2);
  }
}

/** Bytes that would break a line become blanks. */
function scrubbed(char: number): number {
  return char === CR || char === LF || char === 0 ? SPACE : char;
}
