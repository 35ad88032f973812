/**
 * The encoder of Memcached's text protocol, classic and meta. It writes into the arena of an OutputWriter, as all encoders do.
 *
 * ```
 *  classic   STORED\r\n                                             what became of a command
 *            VALUE <key> <flags> <bytes> [<cas>]\r\n<data>\r\n      for each item that a retrieval found, then END\r\n
 *  meta      HD <flag>*\r\n                                         HD, EN, NF, NS, EX: what became of it
 *            VA <bytes> <flag>*\r\n<data>\r\n                       with the value
 *  errors    ERROR\r\n   CLIENT_ERROR <text>\r\n   SERVER_ERROR <text>\r\n
 * ```
 *
 * A meta reply is written piece by piece: its status, the flags in the order in which the client asked for them, the line's end, the value.
 * `noreply` is the commands' business: they mute the OutputWriter.
 */

import { BASE64_DIGITS, BASE64_PADDING } from '../../base/base64.js';
import { asciiBytes, ByteArena, copyBytes } from '../../base/bytes.js';
import { writeInteger } from '../../base/numbers.js';
import { UINT64_DIGITS_MAX, writeUint64 } from '../../base/uint64.js';
import { NUMBER_LINES, NUMBER_LINES_END, type OutputWriter, word } from '../output.js';

// Imported bindings are slower than local ones in hot functions.
const copy = copyBytes;
const putInteger = writeInteger;
const LINES = NUMBER_LINES;
const LINES_END = NUMBER_LINES_END;

const SPACE = 0x20;
const ZERO = 0x30;
const LETTER_B = 0x62;
const LETTER_K = 0x6b;
const LINE_END_16 = 0x0a0d;

/** Status codes of meta replies, as `meta` takes them. */
export const META_HIT = word('HD');
export const META_MISS = word('EN');
export const META_NOT_FOUND = word('NF');
export const META_NOT_STORED = word('NS');
export const META_EXISTS = word('EX');
const META_VALUE = word('VA ');
const META_STATUS_BYTES = 2;

// Replies of up to eight bytes: two words, and their length.
const STORED_LOW = word('STOR');
const STORED_HIGH = word('ED\r\n');
const EXISTS_LOW = word('EXIS');
const EXISTS_HIGH = word('TS\r\n');
const END_LOW = word('END\r');
const END_HIGH = word('\n');
const OK_LOW = word('OK\r\n');
const LINE_END_LOW = word('\r\n');
const VALUE_LOW = word('VALU');
const VALUE_HIGH = word('E ');
const VALUE_WORD_BYTES = 6;

const NOT_STORED = line('NOT_STORED');
const NOT_FOUND = line('NOT_FOUND');
const DELETED = line('DELETED');
const TOUCHED = line('TOUCHED');

/** Most bytes of a VALUE line beside the key: `VALUE `, three numbers with blanks before them, the line's end; and eight that words may write too much. */
const VALUE_LINE_BYTES_MAX = VALUE_WORD_BYTES + 2 * (1 + 10) + (1 + UINT64_DIGITS_MAX) + 2 + 8;
/** Most bytes of a flag with a number: a blank, the letter, a minus, the digits; and what words may write too much. */
const FLAG_BYTES_MAX = 3 + UINT64_DIGITS_MAX + 8;

function line(text: string): ByteArena {
  const bytes = asciiBytes(`${text}\r\n`);
  return new ByteArena(bytes.buffer);
}

export class TextReply {
  private readonly out: OutputWriter;

  constructor(out: OutputWriter) {
    this.out = out;
  }

  /** While true, nothing is written (`noreply`); errors are counted. */
  set quiet(quiet: boolean) {
    this.out.mute = quiet;
  }

  // ---------------------------------------------------------------------------------------------- classic

  stored(): void {
    this.out.words(STORED_LOW, STORED_HIGH, 8);
  }

  notStored(): void {
    this.out.raw(NOT_STORED, 0, NOT_STORED.length);
  }

  exists(): void {
    this.out.words(EXISTS_LOW, EXISTS_HIGH, 8);
  }

  notFound(): void {
    this.out.raw(NOT_FOUND, 0, NOT_FOUND.length);
  }

  deleted(): void {
    this.out.raw(DELETED, 0, DELETED.length);
  }

  touched(): void {
    this.out.raw(TOUCHED, 0, TOUCHED.length);
  }

  ok(): void {
    this.out.words(OK_LOW, 0, 4);
  }

  /** The end of a list of items or statistics. */
  end(): void {
    this.out.words(END_LOW, END_HIGH, 5);
  }

  /** An item that was found. */
  value(
    key: Uint8Array,
    keyAt: number,
    keyBytes: number,
    flags: number,
    value: Uint8Array,
    valueAt: number,
    valueBytes: number,
  ): void {
    const { out } = this;
    const most = VALUE_LINE_BYTES_MAX + keyBytes;
    if (out.position + most > out.end && !out.makeRoom(most)) return;
    const { bytes, view } = out;
    let at = this.valueLine(key, keyAt, keyBytes, flags);
    if (valueBytes < LINES_END) {
      view.setInt32(at, LINES[2 * valueBytes] | SPACE, true);
      view.setInt32(at + 4, LINES[2 * valueBytes + 1], true);
      at += valueBytes < 10 ? 4 : valueBytes < 100 ? 5 : 6;
    } else {
      bytes[at++] = SPACE;
      at += putInteger(bytes, at, valueBytes);
      view.setInt16(at, LINE_END_16, true);
      at += 2;
    }
    out.position = at;
    this.data(value, valueAt, valueBytes);
  }

  /** An item that was found, with its CAS number. */
  valueWithCas(
    key: Uint8Array,
    keyAt: number,
    keyBytes: number,
    flags: number,
    value: Uint8Array,
    valueAt: number,
    valueBytes: number,
    casLow: number,
    casHigh: number,
  ): void {
    const { out } = this;
    const most = VALUE_LINE_BYTES_MAX + keyBytes;
    if (out.position + most > out.end && !out.makeRoom(most)) return;
    const { bytes } = out;
    let at = this.valueLine(key, keyAt, keyBytes, flags);
    bytes[at++] = SPACE;
    at += putInteger(bytes, at, valueBytes);
    bytes[at++] = SPACE;
    at += writeUint64(bytes, at, casLow, casHigh);
    out.view.setInt16(at, LINE_END_16, true);
    out.position = at + 2;
    this.data(value, valueAt, valueBytes);
  }

  /** Writes `VALUE <key> <flags>`, where there is room; returns where it ends. */
  private valueLine(key: Uint8Array, keyAt: number, keyBytes: number, flags: number): number {
    const { bytes, view, position } = this.out;
    view.setInt32(position, VALUE_LOW, true);
    view.setInt32(position + 4, VALUE_HIGH, true);
    let at = position + VALUE_WORD_BYTES;
    copy(key, keyAt, bytes, at, keyBytes);
    at += keyBytes;
    bytes[at++] = SPACE;
    if (flags !== 0) return at + putInteger(bytes, at, flags);
    bytes[at] = ZERO;
    return at + 1;
  }

  /** A number by itself: what incr and decr answer. */
  number(low: number, high: number): void {
    const { out } = this;
    if (!out.fits(UINT64_DIGITS_MAX + 2)) return;
    const at = out.position + writeUint64(out.bytes, out.position, low, high);
    out.view.setInt16(at, LINE_END_16, true);
    out.position = at + 2;
  }

  /** One statistic. */
  statistic(name: string, value: string | number): void {
    this.line(`STAT ${name} ${value}`);
  }

  /** A line of ASCII text. */
  line(text: string): void {
    this.text(text);
    this.endLine();
  }

  /** A text, a byte for each character, with its line ends. */
  text(text: string): void {
    this.out.latin1(text);
  }

  /** An error. The text begins with `ERROR`, `CLIENT_ERROR` or `SERVER_ERROR`, is ASCII and has no line end. */
  error(text: string): void {
    this.out.countError(text);
    this.line(text);
  }

  // ---------------------------------------------------------------------------------------------- meta

  /** Begins a reply without a value. @param status META_... */
  meta(status: number): void {
    this.out.words(status, 0, META_STATUS_BYTES);
  }

  /** Begins a reply with a value of `bytes`, which `data` writes behind the line. */
  metaValue(bytes: number): void {
    const { out } = this;
    if (!out.fits(FLAG_BYTES_MAX)) return;
    out.view.setInt32(out.position, META_VALUE, true);
    const at = out.position + META_STATUS_BYTES + 1;
    out.position = at + putInteger(out.bytes, at, bytes);
  }

  /** A flag by itself. @param letter its character's code */
  flag(letter: number): void {
    this.out.words(SPACE | (letter << 8), 0, 2);
  }

  /** A flag with an integer. */
  flagNumber(letter: number, n: number): void {
    const { out } = this;
    if (!out.fits(FLAG_BYTES_MAX)) return;
    out.view.setInt16(out.position, SPACE | (letter << 8), true);
    const at = out.position + 2;
    out.position = at + putInteger(out.bytes, at, n);
  }

  /** A flag with a number of 64 bits. */
  flagUint64(letter: number, low: number, high: number): void {
    const { out } = this;
    if (!out.fits(FLAG_BYTES_MAX)) return;
    out.view.setInt16(out.position, SPACE | (letter << 8), true);
    const at = out.position + 2;
    out.position = at + writeUint64(out.bytes, at, low, high);
  }

  /** A flag as the client wrote it. */
  token(input: Uint8Array, at: number, length: number): void {
    this.out.words(SPACE, 0, 1);
    this.out.raw(input, at, length);
  }

  /** The key as a flag. */
  key(bytes: Uint8Array, at: number, length: number): void {
    this.out.words(SPACE | (LETTER_K << 8), 0, 2);
    this.out.raw(bytes, at, length);
  }

  /** The key as a flag, in base64, and the flag that says so. */
  binaryKey(bytes: Uint8Array, at: number, length: number): void {
    this.out.words(SPACE | (LETTER_K << 8), 0, 2);
    this.base64(bytes, at, length);
    this.flag(LETTER_B);
  }

  base64(bytes: Uint8Array, at: number, length: number): void {
    const { out } = this;
    for (let i = 0; i < length; i += 3) {
      const left = length - i;
      const a = bytes[at + i];
      const b = left > 1 ? bytes[at + i + 1] : 0;
      const c = left > 2 ? bytes[at + i + 2] : 0;
      const third = left > 1 ? BASE64_DIGITS[((b & 15) << 2) | (c >> 6)] : BASE64_PADDING;
      const fourth = left > 2 ? BASE64_DIGITS[c & 63] : BASE64_PADDING;
      out.words(
        BASE64_DIGITS[a >> 2] | (BASE64_DIGITS[((a & 3) << 4) | (b >> 4)] << 8) | (third << 16) | (fourth << 24),
        0,
        4,
      );
    }
  }

  /** The end of a line. */
  endLine(): void {
    this.out.words(LINE_END_LOW, 0, 2);
  }

  /** A value, and the line end behind it. */
  data(value: Uint8Array, at: number, length: number): void {
    const { out } = this;
    const { position } = out;
    if (position + length + 2 > out.end) {
      out.raw(value, at, length);
      this.endLine();
      return;
    }
    copy(value, at, out.bytes, position, length);
    out.view.setInt16(position + length, LINE_END_16, true);
    out.position = position + length + 2;
  }
}
