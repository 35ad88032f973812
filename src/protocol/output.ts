/**
 * Writes into the output arena: what the encoders of all protocols have in common.
 *
 * There is one arena and one `position`, whichever protocol a connection speaks. When the arena is full, `onFull` sends what is there and sets
 * `position` back; what is larger than the arena goes out in pieces. While `mute` is set, nothing is written.
 *
 * A method's fast path makes one check, of room for the most that it can write, against `end`: the arena's end, or a negative number while
 * muted, so that muting costs nothing when it is off. All else is behind that check, in methods named `...Slowly` and `makeRoom`. An encoder of
 * its own that writes to `bytes` and `view` directly does the same:
 *
 * ```
 *  if (out.position + most > out.end && !out.makeRoom(most)) return;     nothing is to be written
 *  let at = out.position;   ...writes...   out.position = at;
 * ```
 *
 * Short texts are made of 32-bit words, little-endian, and written by a DataView, two words at a time whatever their length: what is
 * written too much is overwritten by the next. Lines with a number below 1000 come out of a table.
 */

import { ByteArena, copyBytes } from '../base/bytes.js';

// Imported bindings are slower than local ones in hot functions.
const copy = copyBytes;

/** An arena must hold the longest thing that is written in one piece. */
const ARENA_BYTES_MIN = 64;
/** What two words hold. */
const WORDS_BYTES = 8;

/** The numbers below this have their lines in `NUMBER_LINES`. */
export const NUMBER_LINES_END = 1000;
/** Two words for each number: a zero byte, the digits, a line end. */
export const NUMBER_LINES = numberLines();

/** Up to four ASCII characters as a word, to be written by `setInt32`. */
export function word(text: string): number {
  let value = 0;
  for (let i = 0; i < text.length; i++) value |= text.charCodeAt(i) << (8 * i);
  return value;
}

function numberLines(): Int32Array {
  const lines = new Int32Array(2 * NUMBER_LINES_END);
  for (let n = 0; n < NUMBER_LINES_END; n++) {
    const line = `\0${n}\r\n`;
    lines[2 * n] = word(line.slice(0, 4));
    lines[2 * n + 1] = word(line.slice(4));
  }
  return lines;
}

export class OutputWriter {
  /** The output arena. */
  bytes: ByteArena;
  /** `bytes` again, for words. */
  view: DataView;
  /** Where the next byte goes. */
  position = 0;
  /** The arena's end. */
  limit: number;
  /** `limit`, or negative while muted. */
  end: number;
  /** Errors written, muted ones included: the dispatcher compares it before and after a command. */
  errors = 0;
  /** Text of the last error. */
  lastError = '';
  private readonly onFull: (writer: OutputWriter) => void;
  private muted = false;
  /** `bytes` again, for Node's string encoders. */
  private buffer: Buffer;

  /**
   * @param bytes the output arena
   * @param onFull makes room: empties the arena and sets `position` back
   */
  constructor(bytes: Uint8Array, onFull: (writer: OutputWriter) => void) {
    this.onFull = onFull;
    this.bytes = asArena(bytes);
    this.view = this.bytes.view;
    this.buffer = asBuffer(bytes);
    this.limit = bytes.length;
    this.end = bytes.length;
    this.attach(bytes);
  }

  /** Goes on in another arena, from its start. */
  attach(bytes: Uint8Array): void {
    if (bytes.length < ARENA_BYTES_MIN)
      throw new RangeError(`an output arena needs ${ARENA_BYTES_MIN} bytes, not ${bytes.length}`);
    this.bytes = asArena(bytes);
    this.view = this.bytes.view;
    this.buffer = asBuffer(bytes);
    this.limit = bytes.length;
    this.position = 0;
    this.mute = this.muted;
  }

  /** While true, no method writes anything; errors are counted. */
  get mute(): boolean {
    return this.muted;
  }

  set mute(mute: boolean) {
    this.muted = mute;
    // No sum of a position and a length is below zero.
    this.end = mute ? -1 : this.limit;
  }

  /** Notes that what is written next is an error. @param text without what the protocol puts before and behind it */
  countError(text: string): void {
    this.errors++;
    this.lastError = text;
  }

  // ---------------------------------------------------------------------------------------------- bytes

  /** Bytes as they are. */
  raw(source: Uint8Array, offset: number, length: number): void {
    const at = this.position;
    if (at + length > this.end) {
      this.rawSlowly(source, offset, length);
      return;
    }
    copy(source, offset, this.bytes, at, length);
    this.position = at + length;
  }

  /** The first `length` bytes of two words. */
  words(low: number, high: number, length: number): void {
    if (this.position + WORDS_BYTES > this.end && !this.makeRoom(WORDS_BYTES)) return;
    const at = this.position;
    this.view.setInt32(at, low, true);
    this.view.setInt32(at + 4, high, true);
    this.position = at + length;
  }

  /** A text whose characters are one byte each, as they are. */
  latin1(text: string): void {
    const length = text.length;
    if (this.position + length > this.end) {
      this.latin1Slowly(text);
      return;
    }
    const bytes = this.bytes;
    let at = this.position;
    for (let i = 0; i < length; i++) bytes[at++] = text.charCodeAt(i);
    this.position = at;
  }

  /** A string's UTF-8 bytes. */
  text(text: string): void {
    // No character takes more than three bytes.
    if (this.position + text.length * 3 <= this.end) {
      this.position += this.buffer.write(text, this.position);
      return;
    }
    const encoded = Buffer.from(text);
    this.raw(encoded, 0, encoded.length);
  }

  private latin1Slowly(text: string): void {
    if (this.muted) return;
    const encoded = Buffer.from(text, 'latin1');
    this.raw(encoded, 0, encoded.length);
  }

  /** Fills the arena as often as it takes. */
  private rawSlowly(source: Uint8Array, offset: number, length: number): void {
    if (this.muted) return;
    let from = offset;
    let left = length;
    while (left > 0) {
      if (this.position === this.limit) this.makeRoom(1);
      const piece = Math.min(left, this.limit - this.position);
      copy(source, from, this.bytes, this.position, piece);
      this.position += piece;
      from += piece;
      left -= piece;
    }
  }

  // ---------------------------------------------------------------------------------------------- room

  /** Makes sure of room for `length` bytes in one piece. False: nothing is to be written. */
  fits(length: number): boolean {
    return this.position + length <= this.end || this.makeRoom(length);
  }

  /** Has the arena emptied. False: nothing is to be written. */
  makeRoom(length: number): boolean {
    if (this.muted) return false;
    this.onFull(this);
    if (this.position + length > this.limit)
      throw new Error(`the output arena has no room for ${length} bytes after it was emptied`);
    return true;
  }
}

function asArena(bytes: Uint8Array): ByteArena {
  return bytes instanceof ByteArena ? bytes : new ByteArena(bytes.buffer, bytes.byteOffset, bytes.length);
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
