/**
 * From bytes to command descriptors, with the rules of Memcached's text protocols, classic and meta. native/memcached_splitter.cc is its twin.
 *
 *   get a b c\r\n                       a line: arguments between spaces
 *   set k 0 0 5\r\nhello\r\n            a line that announces a block of data, which becomes the last argument (FLAG_DATA)
 *   ms k 5 T60\r\nhello\r\n
 *
 * Which commands have data, and which argument says how much, is in the table (`dataLength`). ARCHITECTURE.md has the rules in full. They are
 * memcached's, but never depend on how the bytes were cut into chunks: where memcached looks at what its buffer happens to hold
 * (a line without an end), ours counts from the line's start.
 *
 * A data block above the limit is never kept: its command is handed out with the line (FLAG_TOO_LARGE), and the block is thrown away as it comes.
 */

import { CommandNames, NO_COMMAND } from '../command-names.js';
import {
  ARG_WORDS,
  ERROR_LINE_TOO_LONG,
  FLAG_BAD_CHUNK,
  FLAG_DATA,
  FLAG_TOO_LARGE,
  type SplitterTable,
} from '../descriptors.js';
import {
  LAST_FRAME,
  NEXT_FRAME,
  SPLIT_BIG,
  SPLIT_FULL,
  SPLIT_PARTIAL,
  Splitter,
  STAGE_ARGUMENTS,
  STAGE_LINE,
  setArgument,
} from '../splitter.js';

// Imported bindings are slower than local ones in hot functions.
const WORDS_OF_ARG = ARG_WORDS;

/** A line of an ordinary command; one with any number of keys may be longer. */
const LINE_BYTES_MAX = 2048;
/** Spaces before the name of a command whose line may be longer. */
const LEADING_SPACES_MAX = 100;
/** What a key takes of a long line, with the space before it. */
const KEY_BYTES_MAX = 251;
/** The largest block that can be announced: with its line end it is counted in 31 bits. */
const DATA_BYTES_MAX = 0x7fffffff - 2;
/** Bytes behind a data block. */
const LINE_END_BYTES = 2;

/** Instead of a number of bytes: the line announces no data. */
const NO_DATA = -1;

// Instead of the position of a line's end.
const INCOMPLETE = -1;
const TOO_LONG = -2;

// Instead of a number of arguments.
const NO_ROOM = -1;
const TOO_MANY = -2;

const TAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const PLUS = 0x2b;
const MINUS = 0x2d;
const ZERO = 0x30;

export class TextSplitter extends Splitter {
  private readonly names: CommandNames;
  /** By command: index of the argument that says how many bytes of data follow, 0 = none follow. */
  private readonly dataLengths: Int32Array;
  private readonly unknown: number;
  /** Second result of `lineFeed`: up to here the line has no end. */
  private scanned = 0;

  /** The other parameters are those of `Splitter`. */
  constructor(table: SplitterTable, k0: number, k1: number, shardCount: number) {
    const places = [...table.memcached.keys()].filter((place) => table.memcached[place].protocol === 'text');
    const entries = places.map((place) => table.memcached[place]);
    const ids = places.map((place) => table.memcachedBase + place);
    super(entries, ids, k0, k1, shardCount);
    this.names = new CommandNames(entries);
    this.dataLengths = Int32Array.from(entries, (command) => command.dataLength);
    this.unknown = entries.findIndex((command) => command.name === 'unknown');
  }

  protected frame(at: number): number {
    const state = this.state;
    if (state.stage === STAGE_ARGUMENTS) return this.resume(at);
    const newline = this.lineFeed(at, state.stage === STAGE_LINE ? at + state.scanned : at);
    if (newline === INCOMPLETE) return this.keepLine(at, this.scanned);
    if (newline === TOO_LONG) return this.fail(ERROR_LINE_TOO_LONG, 0);
    const lineEnd = newline > at && this.input[newline - 1] === CR ? newline - 1 : newline;
    return this.line(at, lineEnd, newline + 1);
  }

  // ---------------------------------------------------------------------------------------------- lines

  /** Where the line that begins at `at` has its \n, INCOMPLETE or TOO_LONG. */
  private lineFeed(at: number, searched: number): number {
    const { input, end } = this;
    let p = searched;
    let stop = Math.min(end, at + LINE_BYTES_MAX + 1);
    while (p < stop && input[p] !== LF) p++;
    if (p >= stop && end - at > LINE_BYTES_MAX) {
      if (!this.mayBeLong(at)) return TOO_LONG;
      const most = this.argumentsMax * KEY_BYTES_MAX;
      stop = Math.min(end, at + most + 1);
      while (p < stop && input[p] !== LF) p++;
      if (p >= stop && end - at > most) return TOO_LONG;
    }
    this.scanned = p;
    return p < stop ? p : INCOMPLETE;
  }

  /** Whether a line, of which more than LINE_BYTES_MAX bytes are there, begins as one that may be longer. */
  private mayBeLong(at: number): boolean {
    const input = this.input;
    let name = at;
    while (input[name] === SPACE && name - at <= LEADING_SPACES_MAX) name++;
    if (name - at > LEADING_SPACES_MAX) return false;
    const last = at + LINE_BYTES_MAX;
    let p = name;
    while (p < last && input[p] !== SPACE) p++;
    return input[p] === SPACE && this.takesManyKeys(this.names.findExact(input, name, p - name));
  }

  /** Takes a line whose end is there. */
  private line(at: number, lineEnd: number, next: number): number {
    const argc = this.tokenize(at, lineEnd);
    if (argc === TOO_MANY) return this.fail(ERROR_LINE_TOO_LONG, 0);
    if (argc === NO_ROOM) return this.commandCount > 0 ? SPLIT_FULL : this.bigLine(at, lineEnd, next);
    const { args, argCount } = this;
    const first = argCount * WORDS_OF_ARG;
    const index = this.command(args, first, 0);
    const bytes = this.dataBytes(index, args, first, 0, argc);
    if (bytes === NO_DATA) return this.plain(index, at, argc, next);
    if (bytes > this.bulkBytesMax) return this.tooLarge(this.plain(index, at, argc, next, FLAG_TOO_LARGE), bytes);
    const frameEnd = next + bytes + LINE_END_BYTES;
    if (this.end < frameEnd) {
      this.keepArguments(at, argc + 1, argc);
      return this.keepData(at, next, bytes);
    }
    if (argCount + argc === this.argCapacity) {
      return this.commandCount > 0 ? SPLIT_FULL : this.bigLine(at, lineEnd, next);
    }
    setArgument(args, first + argc * WORDS_OF_ARG, next, bytes);
    this.argCount += argc + 1;
    this.finish(index, args, argCount, argc + 1, at, frameEnd, this.dataFlags(frameEnd));
    return NEXT_FRAME;
  }

  /** Hands out a line whose arguments are in the batch's array. */
  private plain(index: number, at: number, argc: number, next: number, flags = 0): number {
    const argBase = this.argCount;
    this.argCount += argc;
    this.finish(index, this.args, argBase, argc, at, next, flags);
    return NEXT_FRAME;
  }

  /** Takes a line that has more arguments than the batch's array can hold, by way of the state. */
  private bigLine(at: number, lineEnd: number, next: number): number {
    const { input, state } = this;
    state.done = 0;
    for (let p = tokenStart(input, at, lineEnd); p < lineEnd; ) {
      const end = tokenEnd(input, p, lineEnd);
      state.add(p - at, end - p);
      p = tokenStart(input, end, lineEnd);
    }
    if (state.done === 0) state.add(0, 0);
    const index = this.command(state.args, 0, at);
    const bytes = this.dataBytes(index, state.args, 0, at, state.done);
    if (bytes === NO_DATA) return this.handOut(index, at, next, 0);
    if (bytes > this.bulkBytesMax) return this.tooLarge(this.handOut(index, at, next, FLAG_TOO_LARGE), bytes);
    state.stage = STAGE_ARGUMENTS;
    state.count = state.done + 1;
    this.keepData(at, next, bytes);
    return this.resume(at);
  }

  /**
   * Puts the arguments of a line into the batch's array, behind those that are there.
   * @returns how many they are, at least one; or NO_ROOM, TOO_MANY
   */
  private tokenize(at: number, lineEnd: number): number {
    const { input, args } = this;
    const room = this.argCapacity - this.argCount;
    // More than this a line of an ordinary length cannot have.
    const most = lineEnd - at > LINE_BYTES_MAX ? this.argumentsMax : LINE_BYTES_MAX;
    let word = this.argCount * WORDS_OF_ARG;
    let argc = 0;
    for (let p = tokenStart(input, at, lineEnd); p < lineEnd; argc++) {
      if (argc === most) return TOO_MANY;
      const end = tokenEnd(input, p, lineEnd);
      if (argc < room) setArgument(args, word, p, end - p);
      word += WORDS_OF_ARG;
      p = tokenStart(input, end, lineEnd);
    }
    if (argc === 0) {
      if (room > 0) setArgument(args, word, at, 0);
      argc = 1;
    }
    return argc <= room ? argc : NO_ROOM;
  }

  /** The command whose name is the argument at this word, which is relative to `base`. */
  private command(args: Int32Array, word: number, base: number): number {
    const index = this.names.findExact(this.input, base + args[word], args[word + 1]);
    return index === NO_COMMAND ? this.unknown : index;
  }

  // ---------------------------------------------------------------------------------------------- data

  /** How many bytes of data follow a line, without their line end, or NO_DATA. The line's arguments are relative to `base`. */
  private dataBytes(index: number, args: Int32Array, first: number, base: number, argc: number): number {
    const argument = index < 0 ? 0 : this.dataLengths[index];
    if (argument === 0 || argument >= argc) return NO_DATA;
    const word = first + argument * WORDS_OF_ARG;
    const at = base + args[word];
    return announcedBytes(this.input, at, at + args[word + 1]);
  }

  /** The flags of a frame with data that ends at `frameEnd`. */
  private dataFlags(frameEnd: number): number {
    const { input } = this;
    const whole = input[frameEnd - 2] === CR && input[frameEnd - 1] === LF;
    return whole ? FLAG_DATA : FLAG_DATA | FLAG_BAD_CHUNK;
  }

  /** The bytes behind a line that was handed out (or could not be) are to be thrown away. */
  private tooLarge(status: number, bytes: number): number {
    if (status === SPLIT_FULL) return status;
    this.state.skip = bytes + LINE_END_BYTES;
    return status === SPLIT_BIG ? status : LAST_FRAME;
  }

  /** Remembers a frame whose line is collected in the state, and whose data is not all there. */
  private keepData(at: number, data: number, bytes: number): number {
    const { state } = this;
    state.position = data - at;
    state.length = bytes;
    state.announced = state.position + bytes + LINE_END_BYTES;
    return SPLIT_PARTIAL;
  }

  /** Goes on with a frame whose line is collected in the state. */
  private resume(at: number): number {
    const { state } = this;
    const frameEnd = at + state.announced;
    if (this.end < frameEnd) return SPLIT_PARTIAL;
    if (state.done < state.count) state.add(state.position, state.length);
    return this.handOut(this.command(state.args, 0, at), at, frameEnd, this.dataFlags(frameEnd));
  }
}

/** Where the next argument begins, `end` when there is none. A zero byte ends the line. */
function tokenStart(input: Uint8Array, at: number, end: number): number {
  let p = at;
  while (p < end && input[p] === SPACE) p++;
  return p < end && input[p] === 0 ? end : p;
}

function tokenEnd(input: Uint8Array, at: number, end: number): number {
  let p = at;
  while (p < end && input[p] !== SPACE && input[p] !== 0) p++;
  return p;
}

/** Reads the length of a data block as C's strtol does; NO_DATA when it is none. */
function announcedBytes(input: Uint8Array, at: number, end: number): number {
  let p = at;
  while (p < end && isBlank(input[p])) p++;
  const sign = p < end ? input[p] : 0;
  if (sign === PLUS || sign === MINUS) p++;
  const digits = p;
  let value = 0;
  for (; p < end; p++) {
    const digit = input[p] - ZERO;
    if (digit < 0 || digit > 9) break;
    value = value * 10 + digit;
  }
  if (p === digits || (p < end && !isBlank(input[p]))) return NO_DATA;
  return value > DATA_BYTES_MAX || (sign === MINUS && value > 0) ? NO_DATA : value;
}

/** C's isspace, without the space, which arguments do not have. */
function isBlank(byte: number): boolean {
  return byte >= TAB && byte <= CR;
}
