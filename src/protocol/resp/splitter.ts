/**
 * From bytes to command descriptors, with Redis's rules: the TypeScript twin of native/resp_splitter.cc, for Node streams. Both produce the same
 * from the same bytes, however these arrive (the tests feed both).
 *
 *   *3\r\n $3\r\nSET\r\n $1\r\nk\r\n $1\r\nv\r\n        multibulk: begins with `*`
 *   SET k "a value"\r\n                                 inline: anything else, one line
 *
 * LINES. A `*` or `$` line must have its \r, and an inline command its \n, among its first 65,537 bytes, counted from the line's own start. Redis
 * counts what its buffer happens to hold, so its answer to an endless line depends on the chunks; ours does not. As in
 * Redis, the bytes behind a \r and behind a bulk are skipped without a look at them. Redis stops a search for a line's end at a zero byte and waits
 * for ever; here a zero byte is a byte like others in a `*` or `$` line (and makes it invalid), and ends an inline command's arguments.
 *
 * QUOTES. Inline commands are decoded in place, which cannot be undone when the connection is suspended by a command in front and its input given
 * back. So a line with quotes is always the first command of its connection in a batch: where it is not, the batch ends before it (SPLIT_FULL).
 */

import { parseBigInt64, parseInt64 } from '../../base/numbers.js';
import { CommandNames } from '../command-names.js';
import { ARG_WORDS, type CommandKeys, DETAIL_ABOVE_LIMIT, FLAG_INLINE } from '../descriptors.js';
import {
  NEXT_FRAME,
  SPLIT_ERROR,
  SPLIT_FULL,
  SPLIT_PARTIAL,
  Splitter,
  STAGE_ARGUMENTS,
  STAGE_LINE,
  setArgument,
} from '../splitter.js';
import { hasQuotes, InlineDecoder, skipBlanks } from './inline.js';

// Imported bindings are slower than local ones in hot functions.
const WORDS_OF_ARG = ARG_WORDS;

/** Longest `*` or `$` line. */
const LINE_BYTES_MAX = 65536;
/** Digits that fit a small integer whatever they are. */
const SHORT_DIGITS_MAX = 9;
/** Smallest argument on the wire: `$0\r\n\r\n`. */
const ARG_BYTES_MIN = 6;

/** The limits that stand for a connection that has not authenticated; its errors have codes of their own. */
const UNAUTHENTICATED_ARGUMENTS_MAX = 10;
const UNAUTHENTICATED_BULK_BYTES_MAX = 16384;

// Protocol errors, by their place in PROTOCOL_ERRORS.
const COUNT_LINE_TOO_LONG = 1;
const INVALID_COUNT = 2;
const UNAUTHENTICATED_COUNT = 3;
const BULK_LINE_TOO_LONG = 4;
const EXPECTED_DOLLAR = 5;
const INVALID_BULK_LENGTH = 6;
const UNAUTHENTICATED_BULK_LENGTH = 7;
const INLINE_TOO_LONG = 8;
const UNBALANCED_QUOTES = 9;

// What reading a line can come to, instead of a position.
const INCOMPLETE = -1;
const TOO_LONG = -2;
const INVALID = -3;

const LF = 0x0a;
const CR = 0x0d;
const DOLLAR = 0x24;
const ASTERISK = 0x2a;
const MINUS = 0x2d;
const ZERO = 0x30;

export class RespSplitter extends Splitter {
  private readonly names: CommandNames;
  private readonly decoder = new InlineDecoder();

  // Second results of the methods below.
  private value = 0;
  private lineScanned = 0;
  private announcedEnd = 0;

  /** @param commands the index of a command is its id; the other parameters are those of `Splitter` */
  constructor(commands: readonly CommandKeys[], k0: number, k1: number, shardCount: number) {
    super(
      commands,
      commands.map((_, id) => id),
      k0,
      k1,
      shardCount,
    );
    this.names = new CommandNames(commands);
  }

  protected frame(at: number): number {
    const state = this.state;
    if (state.stage === STAGE_ARGUMENTS) return this.resume(at);
    const searched = state.stage === STAGE_LINE ? at + state.scanned : at;
    return this.input[at] === ASTERISK ? this.multibulk(at, searched) : this.inline(at, searched);
  }

  // ---------------------------------------------------------------------------------------------- multibulk

  private multibulk(at: number, searched: number): number {
    let next = this.shortNumber(at + 1);
    if (next < 0) next = this.readNumber(at, searched);
    if (next < 0) {
      if (next === INCOMPLETE) return this.keepLine(at, this.lineScanned);
      return this.fail(next === TOO_LONG ? COUNT_LINE_TOO_LONG : INVALID_COUNT, 0);
    }
    const count = this.value;
    if (count > this.argumentsMax) return this.fail(this.unauthenticated() ? UNAUTHENTICATED_COUNT : INVALID_COUNT, 0);
    if (count <= 0) {
      this.frameEnd = next;
      return NEXT_FRAME;
    }
    if (count > this.argCapacity) {
      this.keepArguments(at, count, 0);
      this.keepPosition(at, next, next, 0);
      return this.resume(at);
    }
    if (this.argCount + count > this.argCapacity) return SPLIT_FULL;
    return this.freshArguments(at, next, count);
  }

  /** Takes the arguments of a frame that is seen for the first time, into the batch's array. */
  private freshArguments(at: number, first: number, count: number): number {
    const args = this.args;
    let word = this.argCount * WORDS_OF_ARG;
    let p = first;
    for (let i = 0; i < count; i++) {
      const content = this.bulkHeader(p, p);
      if (content < 0) {
        if (content !== INCOMPLETE) return SPLIT_ERROR;
        this.keepArguments(at, count, i);
        this.keepPosition(at, p, this.lineScanned, this.announcedEnd);
        return SPLIT_PARTIAL;
      }
      args[word] = content;
      args[word + 1] = this.value;
      args[word + 2] = 0;
      args[word + 3] = 0;
      word += WORDS_OF_ARG;
      p = content + this.value + 2;
    }
    const argBase = this.argCount;
    this.argCount += count;
    this.finish(this.command(args, argBase * WORDS_OF_ARG, 0), args, argBase, count, at, p, 0);
    return NEXT_FRAME;
  }

  /** Goes on with a frame whose arguments are collected in the state. */
  private resume(at: number): number {
    const state = this.state;
    let p = at + state.position;
    let searched = at + state.scanned;
    while (state.done < state.count) {
      const content = this.bulkHeader(p, searched);
      if (content < 0) {
        if (content !== INCOMPLETE) return SPLIT_ERROR;
        this.keepPosition(at, p, this.lineScanned, this.announcedEnd);
        return SPLIT_PARTIAL;
      }
      state.add(content - at, this.value);
      p = content + this.value + 2;
      searched = p;
    }
    this.keepPosition(at, p, p, 0);
    return this.handOut(this.command(state.args, 0, at), at, p, 0);
  }

  /** Id of the command whose name is the argument at this word, which is relative to `base`. */
  private command(args: Int32Array, word: number, base: number): number {
    return this.names.find(this.input, base + args[word], args[word + 1]);
  }

  /**
   * Reads an argument's `$` line at `at`; its length is in `value`.
   * @param searched up to here the line has no end
   * @returns where the argument begins; INVALID after an error was reported; INCOMPLETE when it is not all there, and then `lineScanned` is
   * how far its line has no end, and `announcedEnd` where it will end, 0 when that is not known
   */
  private bulkHeader(at: number, searched: number): number {
    const input = this.input;
    this.announcedEnd = 0;
    if (at >= this.end) {
      this.lineScanned = at;
      return INCOMPLETE;
    }
    let content = input[at] === DOLLAR ? this.shortNumber(at + 1) : INVALID;
    if (content < 0) {
      content = this.readNumber(at, searched);
      if (content === INCOMPLETE) return INCOMPLETE;
      const error = this.bulkLineError(content, input[at]);
      if (error !== 0) {
        this.fail(error, error === EXPECTED_DOLLAR ? input[at] : 0);
        return INVALID;
      }
    }
    const length = this.value;
    if (length > this.bulkBytesMax) {
      this.fail(this.unauthenticated() ? UNAUTHENTICATED_BULK_LENGTH : INVALID_BULK_LENGTH, DETAIL_ABOVE_LIMIT);
      return INVALID;
    }
    if (this.end - content >= length + 2) return content;
    this.lineScanned = at;
    this.announcedEnd = content + length + 2;
    return INCOMPLETE;
  }

  private bulkLineError(line: number, type: number): number {
    if (line === TOO_LONG) return BULK_LINE_TOO_LONG;
    if (type !== DOLLAR) return EXPECTED_DOLLAR;
    return line === INVALID || this.value < 0 ? INVALID_BULK_LENGTH : 0;
  }

  // ---------------------------------------------------------------------------------------------- numbers

  /**
   * The case that nearly every line is: a short valid number and a line end, all there. The number is in `value`.
   * @param at the first digit
   * @returns where the next line begins; negative when it is not such a line
   */
  private shortNumber(at: number): number {
    const input = this.input;
    // Two bytes must follow each digit.
    const last = this.end - 3;
    if (at > last) return INVALID;
    let value = input[at] - ZERO;
    if (value < 0 || value > 9) return INVALID;
    let p = at + 1;
    for (;;) {
      const digit = input[p] - ZERO;
      if (digit < 0 || digit > 9) break;
      if (value === 0 || p > last || p - at === SHORT_DIGITS_MAX) return INVALID;
      value = (value * 10 + digit) | 0;
      p++;
    }
    if (input[p] !== CR) return INVALID;
    this.value = value;
    return p + 2;
  }

  /**
   * Any line: its first byte is at `at`, a number and a line end should follow. The number is in `value`, infinite when it is beyond 2^53.
   * @returns where the next line begins, or INCOMPLETE, TOO_LONG, INVALID; when INCOMPLETE, `lineScanned` says what was searched
   */
  private readNumber(at: number, searched: number): number {
    const input = this.input;
    const end = this.end;
    const stop = Math.min(end, at + LINE_BYTES_MAX + 1);
    let p = Math.max(at, searched);
    while (p < stop && input[p] !== CR) p++;
    this.lineScanned = p;
    if (p === stop) return end - at > LINE_BYTES_MAX ? TOO_LONG : INCOMPLETE;
    if (p + 2 > end) return INCOMPLETE;
    const length = p - at - 1;
    const value = parseInt64(input, at + 1, length);
    if (Number.isNaN(value)) {
      if (parseBigInt64(input, at + 1, length) === undefined) return INVALID;
      this.value = input[at + 1] === MINUS ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
    } else this.value = value;
    return p + 2;
  }

  // ---------------------------------------------------------------------------------------------- inline

  private inline(at: number, searched: number): number {
    const input = this.input;
    const size = this.end - at;
    const stop = at + Math.min(size, this.inlineBytesMax + 1);
    let newline = Math.max(at, searched);
    while (newline < stop && input[newline] !== LF) newline++;
    if (newline === stop)
      return size > this.inlineBytesMax ? this.fail(INLINE_TOO_LONG, 0) : this.keepLine(at, newline);
    const lineEnd = newline > at && input[newline - 1] === CR ? newline - 1 : newline;
    this.frameEnd = newline + 1;
    return this.inlineArguments(at, lineEnd);
  }

  private inlineArguments(at: number, lineEnd: number): number {
    const { input, decoder } = this;
    if (this.commandCount > this.commandsBefore && hasQuotes(input, at, lineEnd)) return SPLIT_FULL;
    // Most arguments that the line can have. Decoding cannot be undone, so there must be room for all of them before it begins.
    const most = ((lineEnd - at + 1) / 2) | 0;
    if (most > this.argCapacity) return this.inlineBig(at, lineEnd);
    if (this.argCount + most > this.argCapacity) return SPLIT_FULL;
    const argBase = this.argCount;
    let argc = 0;
    for (let p = skipBlanks(input, at, lineEnd); p < lineEnd; p = skipBlanks(input, p, lineEnd), argc++) {
      const next = decoder.decode(input, p, lineEnd);
      if (next < 0) return this.fail(UNBALANCED_QUOTES, 0);
      setArgument(this.args, (argBase + argc) * WORDS_OF_ARG, p, decoder.decodedEnd - p);
      p = next;
    }
    if (argc === 0) return NEXT_FRAME;
    this.argCount += argc;
    const id = this.command(this.args, argBase * WORDS_OF_ARG, 0);
    this.finish(id, this.args, argBase, argc, at, this.frameEnd, FLAG_INLINE);
    return NEXT_FRAME;
  }

  /** A line that may have more arguments than the batch's array: they are collected as a big frame's. */
  private inlineBig(at: number, lineEnd: number): number {
    if (this.commandCount > 0) return SPLIT_FULL;
    const { state, input, decoder } = this;
    state.done = 0;
    for (let p = skipBlanks(input, at, lineEnd); p < lineEnd; p = skipBlanks(input, p, lineEnd)) {
      const next = decoder.decode(input, p, lineEnd);
      if (next < 0) return this.fail(UNBALANCED_QUOTES, 0);
      state.add(p - at, decoder.decodedEnd - p);
      p = next;
    }
    if (state.done === 0) return NEXT_FRAME;
    const status = this.handOut(this.command(state.args, 0, at), at, this.frameEnd, FLAG_INLINE);
    state.reset();
    return status;
  }

  // ---------------------------------------------------------------------------------------------- limits, incomplete frames

  private unauthenticated(): boolean {
    return this.argumentsMax === UNAUTHENTICATED_ARGUMENTS_MAX && this.bulkBytesMax === UNAUTHENTICATED_BULK_BYTES_MAX;
  }

  /** Remembers how far a frame's arguments are complete. */
  private keepPosition(at: number, position: number, scanned: number, announcedEnd: number): void {
    const state = this.state;
    const left = state.count - state.done;
    state.position = position - at;
    state.scanned = scanned - at;
    state.announced =
      announcedEnd > 0 ? announcedEnd - at + (left - 1) * ARG_BYTES_MIN : state.position + left * ARG_BYTES_MIN;
  }
}
