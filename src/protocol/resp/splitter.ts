/**
 * From bytes to command descriptors, with Redis's rules: the TypeScript twin of native/resp_splitter.cc, for Node streams. Both produce the same
 * from the same bytes, however these arrive (ARCHITECTURE.md has the arrays; the tests feed both).
 *
 *   *3\r\n $3\r\nSET\r\n $1\r\nk\r\n $1\r\nv\r\n        multibulk: begins with `*`
 *   SET k "a value"\r\n                                 inline: anything else, one line
 *
 * HOW IT RESUMES. A connection's bytes from the start of its incomplete frame on are kept by the caller, who calls `split` again
 * with them when more have come. `FrameState` says how far the frame was understood, relative to its start (the caller may have moved it):
 * arguments that are complete are never looked at again, nor the searched part of a line. So a frame costs the same in one chunk or in thousands.
 *
 *   frame | complete arguments (in state.args) | position: line of the next argument ... | end
 *                                                        scanned: searched up to here
 *
 * A fresh frame's arguments go straight to the batch's array; only when the frame turns out to be incomplete are they moved to the state.
 * A frame with more arguments than the batch's array can ever hold is collected in the state too, and is handed out in an array of its own,
 * in a batch of its own (SPLIT_BIG).
 *
 * LINES. A `*` or `$` line must have its \r, and an inline command its \n, among its first 65,537 bytes, counted from the line's own start. Redis
 * counts what its buffer happens to hold, so its answer to an endless line depends on the chunks; ours does not. As in
 * Redis, the bytes behind a \r and behind a bulk are skipped without a look at them. Redis stops a search for a line's end at a zero byte and waits
 * for ever; here a zero byte is a byte like others in a `*` or `$` line (and makes it invalid), and ends an inline command's arguments.
 *
 * QUOTES. Inline commands are decoded in place, which cannot be undone when the connection is suspended by a command in front and its input given
 * back. So a line with quotes is always the first command of its connection in a batch: where it is not, the batch ends before it (SPLIT_FULL).
 */

import { hashBytes, slotOf } from '../../base/hash.js';
import { parseBigInt64, parseInt64 } from '../../base/numbers.js';
import {
  ARG_WORDS,
  COMMAND_WORDS,
  type CommandKeys,
  EVENT_PROTOCOL_ERROR,
  FLAG_BIG,
  FLAG_INLINE,
  type FrameLimits,
} from '../descriptors.js';
import { CommandNames } from './command-names.js';

// Imported bindings are slower than local ones in hot functions.
const WORDS = COMMAND_WORDS;
const WORDS_OF_ARG = ARG_WORDS;
const PROTOCOL_ERROR = EVENT_PROTOCOL_ERROR;
const hashOf = hashBytes;
const slotFor = slotOf;

/** Every byte belongs to a frame that was handed out. */
export const SPLIT_DRAINED = 0;
/** An incomplete frame begins at `consumed`: keep its bytes, call again with more. */
export const SPLIT_PARTIAL = 1;
/** The batch is full: execute it, call again from `consumed` on. */
export const SPLIT_FULL = 2;
/** A protocol error was written as an event: the connection reads no more. */
export const SPLIT_ERROR = 3;
/** The batch is one command, whose arguments are in `bigArgs`: execute it, call again from `consumed` on. */
export const SPLIT_BIG = 4;
/** Inside of the splitter only: the frame ends at `frameEnd`, go on with the next. */
const NEXT_FRAME = 5;

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

const TAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const DOUBLE_QUOTE = 0x22;
const DOLLAR = 0x24;
const SINGLE_QUOTE = 0x27;
const ASTERISK = 0x2a;
const MINUS = 0x2d;
const ZERO = 0x30;
const BACKSLASH = 0x5c;
const LETTER_X = 0x78;

// How far an incomplete frame was understood.
/** Nothing is known of a frame. */
const STAGE_NONE = 0;
/** The end of its first line is looked for. */
const STAGE_LINE = 1;
/** Its arguments are collected. */
const STAGE_ARGUMENTS = 2;

const NO_ARGS = new Int32Array(0);
const NO_BYTES = new Uint8Array(0);
/** An array of this many arguments stays with its connection; larger ones are given up after their frame. */
const KEPT_ARGS_MAX = 64;

/** What is known of one connection's incomplete frame. Offsets are relative to the frame's start. */
export class FrameState {
  stage = STAGE_NONE;
  /** Arguments announced, and complete. */
  count = 0;
  done = 0;
  /** Where the next argument's line begins. */
  position = 0;
  /** Up to here the current line has no end. */
  scanned = 0;
  /** Bytes that the frame will surely have, as far as it has announced; the caller can size its buffer by it. */
  announced = 0;
  /** The complete arguments. */
  args: Int32Array = NO_ARGS;

  /** Forgets the frame. */
  reset(): void {
    this.stage = STAGE_NONE;
    this.announced = 0;
    if (this.args.length > KEPT_ARGS_MAX * WORDS_OF_ARG) this.args = NO_ARGS;
  }

  /** Makes room for one argument more. Grows with what has arrived, not with what was announced. */
  reserve(): void {
    const words = (this.done + 1) * WORDS_OF_ARG;
    if (words <= this.args.length) return;
    const grown = new Int32Array(Math.max(8 * WORDS_OF_ARG, this.args.length * 2));
    grown.set(this.args);
    this.args = grown;
  }
}

export class RespSplitter {
  /** After `split`: where the bytes begin that are not consumed. */
  consumed = 0;
  /** After `split`: commands and events in the batch. */
  commandCount = 0;
  /** After `split`: arguments in the batch. */
  argCount = 0;
  /** After SPLIT_BIG: the arguments of the command, as in the batch's array. */
  bigArgs: Int32Array = NO_ARGS;

  private readonly names: CommandNames;
  private readonly firstKeys: Int32Array;
  private readonly lastKeys: Int32Array;
  private readonly keySteps: Int32Array;
  private readonly k0: number;
  private readonly k1: number;
  private readonly slots: boolean;

  // The call that is being worked on.
  private connection = 0;
  private state: FrameState = new FrameState();
  private input: Uint8Array = NO_BYTES;
  private end = 0;
  private commands: Int32Array = NO_ARGS;
  private args: Int32Array = NO_ARGS;
  private argCapacity = 0;
  private commandsBefore = 0;
  private argumentsMax = 0;
  private bulkBytesMax = 0;
  private inlineBytesMax = 0;

  // Second results of the methods below.
  private value = 0;
  private frameEnd = 0;
  private lineScanned = 0;
  private announcedEnd = 0;
  private decodedEnd = 0;

  /**
   * @param table the index of a command is its id
   * @param k0 low word of the process's hash key, `k1` its high word
   * @param shardCount slots are computed only where there is more than one shard to choose from
   */
  constructor(table: readonly CommandKeys[], k0: number, k1: number, shardCount: number) {
    this.names = new CommandNames(table);
    this.firstKeys = Int32Array.from(table, (command) => command.firstKey);
    this.lastKeys = Int32Array.from(table, (command) => command.lastKey);
    this.keySteps = Int32Array.from(table, (command) => Math.max(1, command.keyStep));
    this.k0 = k0;
    this.k1 = k1;
    this.slots = shardCount > 1;
  }

  /**
   * Splits input[start, end) of one connection into commands, behind those that the batch holds already.
   *
   * @param state of the connection; when it knows an incomplete frame, that frame begins at `start`
   * @param input at most 2^31 - 1 bytes; inline commands are decoded in it
   * @param commandCount how many commands and events the batch holds; `argCount` how many arguments
   * @returns one of the SPLIT_ constants; `consumed`, `commandCount` and `argCount` say how far it came
   */
  split(
    connection: number,
    state: FrameState,
    input: Uint8Array,
    start: number,
    end: number,
    commands: Int32Array,
    commandCount: number,
    args: Int32Array,
    argCount: number,
    limits: FrameLimits,
  ): number {
    this.connection = connection;
    this.state = state;
    this.input = input;
    this.end = end;
    this.commands = commands;
    this.commandsBefore = commandCount;
    this.commandCount = commandCount;
    this.args = args;
    this.argCount = argCount;
    this.argCapacity = (args.length / WORDS_OF_ARG) | 0;
    this.argumentsMax = limits.argumentsMax;
    this.bulkBytesMax = limits.bulkBytesMax;
    this.inlineBytesMax = limits.inlineBytesMax;
    const status = this.frames(start);
    // The input may be large, and is the caller's.
    this.input = NO_BYTES;
    return status;
  }

  private frames(start: number): number {
    const commandsMax = (this.commands.length / WORDS) | 0;
    this.consumed = start;
    while (this.consumed < this.end) {
      if (this.commandCount === commandsMax) return SPLIT_FULL;
      const status = this.frame(this.consumed);
      if (status === SPLIT_PARTIAL || status === SPLIT_FULL) return status;
      if (this.state.stage !== STAGE_NONE) this.state.reset();
      if (status === SPLIT_ERROR) return status;
      this.consumed = this.frameEnd;
      if (status === SPLIT_BIG) return status;
    }
    return SPLIT_DRAINED;
  }

  private frame(at: number): number {
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
      if (next === INCOMPLETE) return this.keepLine(at);
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
    this.finish(args, argBase, count, at, p, 0);
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
      state.reserve();
      setArgument(state.args, state.done * WORDS_OF_ARG, content - at, this.value);
      state.done++;
      p = content + this.value + 2;
      searched = p;
    }
    this.keepPosition(at, p, p, 0);
    return this.handOut(at, p, 0);
  }

  /** Hands out a complete frame whose arguments were collected in the state. */
  private handOut(at: number, end: number, flags: number): number {
    const state = this.state;
    const count = state.done;
    if (count > this.argCapacity) return this.handOutBig(at, end, flags);
    const argBase = this.argCount;
    if (argBase + count > this.argCapacity) return SPLIT_FULL;
    const base = argBase * WORDS_OF_ARG;
    for (let word = 0; word < count * WORDS_OF_ARG; word += WORDS_OF_ARG) {
      setArgument(this.args, base + word, state.args[word] + at, state.args[word + 1]);
    }
    this.argCount += count;
    this.finish(this.args, argBase, count, at, end, flags);
    return NEXT_FRAME;
  }

  /** Hands out a complete frame with the state's array; it must be alone in its batch. */
  private handOutBig(at: number, end: number, flags: number): number {
    if (this.commandCount > 0) return SPLIT_FULL;
    const state = this.state;
    const args = state.args;
    const count = state.done;
    for (let word = 0; word < count * WORDS_OF_ARG; word += WORDS_OF_ARG) args[word] += at;
    state.args = NO_ARGS;
    this.bigArgs = args;
    this.finish(args, 0, count, at, end, flags | FLAG_BIG);
    return SPLIT_BIG;
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
      this.fail(this.unauthenticated() ? UNAUTHENTICATED_BULK_LENGTH : INVALID_BULK_LENGTH, 0);
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
    this.lineScanned = newline;
    if (newline === stop) return size > this.inlineBytesMax ? this.fail(INLINE_TOO_LONG, 0) : this.keepLine(at);
    const lineEnd = newline > at && input[newline - 1] === CR ? newline - 1 : newline;
    this.frameEnd = newline + 1;
    return this.inlineArguments(at, lineEnd);
  }

  private inlineArguments(at: number, lineEnd: number): number {
    if (this.commandCount > this.commandsBefore && this.hasQuotes(at, lineEnd)) return SPLIT_FULL;
    // Most arguments that the line can have. Decoding cannot be undone, so there must be room for all of them before it begins.
    const most = ((lineEnd - at + 1) / 2) | 0;
    if (most > this.argCapacity) return this.inlineBig(at, lineEnd);
    if (this.argCount + most > this.argCapacity) return SPLIT_FULL;
    let argc = 0;
    for (let p = this.skipBlanks(at, lineEnd); p < lineEnd; p = this.skipBlanks(p, lineEnd), argc++) {
      const next = this.decodeToken(p, lineEnd);
      if (next < 0) return this.fail(UNBALANCED_QUOTES, 0);
      setArgument(this.args, (this.argCount + argc) * WORDS_OF_ARG, p, this.decodedEnd - p);
      p = next;
    }
    if (argc === 0) return NEXT_FRAME;
    const argBase = this.argCount;
    this.argCount += argc;
    this.finish(this.args, argBase, argc, at, this.frameEnd, FLAG_INLINE);
    return NEXT_FRAME;
  }

  /** A line that may have more arguments than the batch's array: they are collected as a big frame's. */
  private inlineBig(at: number, lineEnd: number): number {
    if (this.commandCount > 0) return SPLIT_FULL;
    const state = this.state;
    state.done = 0;
    for (let p = this.skipBlanks(at, lineEnd); p < lineEnd; p = this.skipBlanks(p, lineEnd)) {
      const next = this.decodeToken(p, lineEnd);
      if (next < 0) return this.fail(UNBALANCED_QUOTES, 0);
      state.reserve();
      setArgument(state.args, state.done * WORDS_OF_ARG, p - at, this.decodedEnd - p);
      state.done++;
      p = next;
    }
    const status = state.done > 0 ? this.handOut(at, this.frameEnd, FLAG_INLINE) : NEXT_FRAME;
    state.reset();
    return status;
  }

  private hasQuotes(at: number, end: number): boolean {
    const input = this.input;
    for (let p = at; p < end; p++) {
      if (input[p] === DOUBLE_QUOTE || input[p] === SINGLE_QUOTE) return true;
    }
    return false;
  }

  /** Where the next argument begins; `end` when there is none. A zero byte ends the line. */
  private skipBlanks(at: number, end: number): number {
    const input = this.input;
    let p = at;
    while (p < end && isBlank(input[p])) p++;
    return p < end && input[p] === 0 ? end : p;
  }

  /**
   * Decodes one argument in place. It ends at a blank or at a closing quote.
   * @returns the position behind it, or negative when quotes are unbalanced; `decodedEnd` is the end of its decoded bytes
   */
  private decodeToken(at: number, end: number): number {
    const input = this.input;
    let p = at;
    for (; p < end; p++) {
      const byte = input[p];
      if (byte === SPACE || byte === CR || byte === LF || byte === TAB || byte === 0) break;
      if (byte === DOUBLE_QUOTE) return this.decodeDoubleQuoted(p + 1, end, p);
      if (byte === SINGLE_QUOTE) return this.decodeSingleQuoted(p + 1, end, p);
    }
    this.decodedEnd = p;
    return p;
  }

  /** @param to where the decoded bytes go */
  private decodeDoubleQuoted(at: number, end: number, to: number): number {
    const input = this.input;
    let p = at;
    let out = to;
    for (;;) {
      const byte = p < end ? input[p] : 0;
      if (byte === 0) return INVALID;
      if (byte === DOUBLE_QUOTE) return this.afterQuote(p + 1, end, out);
      if (byte === BACKSLASH && p + 1 < end && input[p + 1] !== 0) {
        const code = p + 3 < end && input[p + 1] === LETTER_X ? hexByte(input[p + 2], input[p + 3]) : INVALID;
        input[out++] = code >= 0 ? code : escaped(input[p + 1]);
        p += code >= 0 ? 4 : 2;
      } else {
        input[out++] = byte;
        p++;
      }
    }
  }

  private decodeSingleQuoted(at: number, end: number, to: number): number {
    const input = this.input;
    let p = at;
    let out = to;
    for (;;) {
      const byte = p < end ? input[p] : 0;
      if (byte === 0) return INVALID;
      if (byte === SINGLE_QUOTE) return this.afterQuote(p + 1, end, out);
      if (byte === BACKSLASH && p + 1 < end && input[p + 1] === SINGLE_QUOTE) p++;
      input[out++] = input[p++];
    }
  }

  /** A closing quote must be followed by a blank or by nothing. */
  private afterQuote(at: number, end: number, decodedEnd: number): number {
    this.decodedEnd = decodedEnd;
    return at === end || this.input[at] === 0 || isBlank(this.input[at]) ? at : INVALID;
  }

  // ---------------------------------------------------------------------------------------------- results

  /** Looks up the command, hashes its keys, and writes its descriptor. The arguments are in place already. */
  private finish(
    args: Int32Array,
    argBase: number,
    argc: number,
    frameStart: number,
    frameEnd: number,
    flags: number,
  ): void {
    const first = argBase * WORDS_OF_ARG;
    const id = this.names.find(this.input, args[first], args[first + 1]);
    if (id >= 0 && this.firstKeys[id] > 0) this.placeKeys(id, args, first, argc);
    const commands = this.commands;
    const at = this.commandCount * WORDS;
    commands[at] = this.connection;
    commands[at + 1] = id;
    commands[at + 2] = argc;
    commands[at + 3] = argBase;
    commands[at + 4] = frameStart;
    commands[at + 5] = frameEnd;
    commands[at + 6] = flags;
    commands[at + 7] = 0;
    this.commandCount++;
    this.frameEnd = frameEnd;
  }

  /** Sets hash and slot of the arguments that are keys. */
  private placeKeys(id: number, args: Int32Array, first: number, argc: number): void {
    const input = this.input;
    const lastKey = this.lastKeys[id];
    const last = Math.min(lastKey < 0 ? argc + lastKey : lastKey, argc - 1);
    const step = this.keySteps[id];
    for (let i = this.firstKeys[id]; i <= last; i += step) {
      const word = first + i * WORDS_OF_ARG;
      args[word + 2] = hashOf(input, args[word], args[word + 1], this.k0, this.k1);
      if (this.slots) args[word + 3] = slotFor(input, args[word], args[word + 1]);
    }
  }

  /** Writes a protocol error as an event. */
  private fail(code: number, detail: number): number {
    const commands = this.commands;
    const at = this.commandCount * WORDS;
    commands.fill(0, at, at + WORDS);
    commands[at] = this.connection;
    commands[at + 1] = PROTOCOL_ERROR;
    commands[at + 2] = code;
    commands[at + 3] = detail;
    this.commandCount++;
    return SPLIT_ERROR;
  }

  private unauthenticated(): boolean {
    return this.argumentsMax === UNAUTHENTICATED_ARGUMENTS_MAX && this.bulkBytesMax === UNAUTHENTICATED_BULK_BYTES_MAX;
  }

  // ---------------------------------------------------------------------------------------------- incomplete frames

  /** Remembers a frame whose first line has no end yet. */
  private keepLine(at: number): number {
    const state = this.state;
    state.stage = STAGE_LINE;
    state.scanned = this.lineScanned - at;
    state.announced = 0;
    return SPLIT_PARTIAL;
  }

  /** Remembers a frame of `count` arguments, of which the first `done` are in the batch's array. */
  private keepArguments(at: number, count: number, done: number): void {
    const state = this.state;
    state.stage = STAGE_ARGUMENTS;
    state.count = count;
    const first = this.argCount * WORDS_OF_ARG;
    for (state.done = 0; state.done < done; state.done++) {
      const word = state.done * WORDS_OF_ARG;
      state.reserve();
      setArgument(state.args, word, this.args[first + word] - at, this.args[first + word + 1]);
    }
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

function setArgument(args: Int32Array, word: number, offset: number, length: number): void {
  args[word] = offset;
  args[word + 1] = length;
  args[word + 2] = 0;
  args[word + 3] = 0;
}

/** C's isspace. */
function isBlank(byte: number): boolean {
  return byte === SPACE || (byte >= TAB && byte <= CR);
}

/** The byte that a backslash and this letter stand for. */
function escaped(byte: number): number {
  switch (byte) {
    case 0x6e: // n
      return LF;
    case 0x72: // r
      return CR;
    case 0x74: // t
      return TAB;
    case 0x62: // b
      return 0x08;
    case 0x61: // a
      return 0x07;
    default:
      return byte;
  }
}

function hexByte(high: number, low: number): number {
  const h = hexDigit(high);
  const l = hexDigit(low);
  return h < 0 || l < 0 ? INVALID : h * 16 + l;
}

function hexDigit(byte: number): number {
  if (byte >= ZERO && byte <= 0x39) return byte - ZERO;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x61 + 10 : INVALID;
}
