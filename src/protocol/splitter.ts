/**
 * What the splitters of all protocols have in common: the loop over one connection's frames, what is known of an incomplete frame, and the
 * writing of descriptors (ARCHITECTURE.md has the arrays). A protocol's splitter finds the frames: `resp/splitter.ts`,
 * `memcached/text-splitter.ts`, `memcached/binary-splitter.ts`.
 *
 * HOW A FRAME RESUMES. A connection's bytes from the start of its incomplete frame on are kept by the caller, who calls `split` again
 * with them when more have come. `FrameState` says how far the frame was understood, relative to its start (the caller may have moved it):
 * arguments that are complete are never looked at again, nor the searched part of a line. So a frame costs the same in one chunk or in thousands.
 *
 *   frame | complete arguments (in state.args) | position: what comes next ... | end
 *                                                        scanned: searched up to here
 *
 * A fresh frame's arguments go straight to the batch's array; only when the frame turns out to be incomplete are they moved to the state.
 * A frame with more arguments than the batch's array can ever hold is collected in the state too, and is handed out in an array of its own,
 * in a batch of its own (SPLIT_BIG).
 *
 * BYTES THAT NOBODY WANTS. Behind a frame there can be bytes to throw away (`state.skip`), which are dropped as they come. Such a frame is the last of
 * its batch, so that the state, which belongs to what begins at `consumed`, is right also when the frame's command suspends its connection.
 */

import { hashBytes, slotOf } from '../base/hash.js';
import {
  ARG_WORDS,
  COMMAND_WORDS,
  type CommandKeys,
  EVENT_PROTOCOL_ERROR,
  FLAG_BIG,
  type FrameLimits,
} from './descriptors.js';

// Imported bindings are slower than local ones in hot functions.
const WORDS = COMMAND_WORDS;
const WORDS_OF_ARG = ARG_WORDS;
const PROTOCOL_ERROR = EVENT_PROTOCOL_ERROR;
const hashOf = hashBytes;
const slotFor = slotOf;

/** Every byte belongs to a frame that was handed out, or was thrown away. */
export const SPLIT_DRAINED = 0;
/** An incomplete frame begins at `consumed`: keep its bytes, call again with more. */
export const SPLIT_PARTIAL = 1;
/** The batch is full: execute it, call again from `consumed` on. */
export const SPLIT_FULL = 2;
/** A protocol error was written as an event: the connection reads no more. */
export const SPLIT_ERROR = 3;
/** The batch is one command, whose arguments are in `bigArgs`: execute it, call again from `consumed` on. */
export const SPLIT_BIG = 4;
/** Inside of splitters only: the frame ends at `frameEnd`, go on with the next. */
export const NEXT_FRAME = 5;
/** Inside of splitters only: the frame ends at `frameEnd`, and the batch with it. */
export const LAST_FRAME = 6;

// How far an incomplete frame was understood.
/** Nothing is known of a frame. */
export const STAGE_NONE = 0;
/** The end of its first line (of its header) is looked for. */
export const STAGE_LINE = 1;
/** Its arguments are collected. */
export const STAGE_ARGUMENTS = 2;

export const NO_ARGS = new Int32Array(0);
const NO_BYTES = new Uint8Array(0);
/** An array of this many arguments stays with its connection; larger ones are given up after their frame. */
const KEPT_ARGS_MAX = 64;

/** What is known of one connection's incomplete frame. Offsets are relative to the frame's start. */
export class FrameState {
  stage = STAGE_NONE;
  /** Arguments announced, and complete. */
  count = 0;
  done = 0;
  /** Where the next argument (or its line) begins. */
  position = 0;
  /** Length of the next argument, where the frame's first line has said it. */
  length = 0;
  /** Up to here the current line has no end. */
  scanned = 0;
  /** Bytes that the frame will surely have, as far as it has announced; the caller can size its buffer by it. */
  announced = 0;
  /** Bytes that are thrown away before the next frame begins. */
  skip = 0;
  /** The complete arguments. */
  args: Int32Array = NO_ARGS;

  /** Forgets everything: the caller goes back to the start of a frame that was split before. */
  clear(): void {
    this.reset();
    this.skip = 0;
  }

  /** Forgets the frame. */
  reset(): void {
    this.stage = STAGE_NONE;
    this.announced = 0;
    if (this.args.length > KEPT_ARGS_MAX * WORDS_OF_ARG) this.args = NO_ARGS;
  }

  /** Adds a complete argument. The array grows with what has arrived, not with what was announced. */
  add(offset: number, length: number): void {
    const word = this.done * WORDS_OF_ARG;
    if (word === this.args.length) {
      const grown = new Int32Array(Math.max(8 * WORDS_OF_ARG, this.args.length * 2));
      grown.set(this.args);
      this.args = grown;
    }
    setArgument(this.args, word, offset, length);
    this.done++;
  }
}

export abstract class Splitter {
  /** After `split`: where the bytes begin that are not consumed. */
  consumed = 0;
  /** After `split`: commands and events in the batch. */
  commandCount = 0;
  /** After `split`: arguments in the batch. */
  argCount = 0;
  /** After SPLIT_BIG: the arguments of the command, as in the batch's array. */
  bigArgs: Int32Array = NO_ARGS;

  // The call that is being worked on.
  protected state: FrameState = new FrameState();
  protected input: Uint8Array = NO_BYTES;
  protected end = 0;
  protected args: Int32Array = NO_ARGS;
  /** Arguments that the batch's array can hold. */
  protected argCapacity = 0;
  /** Commands and events that the batch held before the call. */
  protected commandsBefore = 0;
  protected argumentsMax = 0;
  protected bulkBytesMax = 0;
  protected inlineBytesMax = 0;
  /** Second result of `frame`. */
  protected frameEnd = 0;
  private connection = 0;
  private commands: Int32Array = NO_ARGS;

  private readonly ids: Int32Array;
  private readonly firstKeys: Int32Array;
  private readonly lastKeys: Int32Array;
  private readonly keySteps: Int32Array;
  private readonly k0: number;
  private readonly k1: number;
  private readonly slots: boolean;

  /**
   * @param entries the protocol's commands; `ids` the id of each
   * @param k0 low word of the process's hash key, `k1` its high word
   * @param shardCount slots are computed only where there is more than one shard to choose from
   */
  constructor(entries: readonly CommandKeys[], ids: readonly number[], k0: number, k1: number, shardCount: number) {
    this.ids = Int32Array.from(ids);
    this.firstKeys = Int32Array.from(entries, (command) => command.firstKey);
    this.lastKeys = Int32Array.from(entries, (command) => command.lastKey);
    this.keySteps = Int32Array.from(entries, (command) => Math.max(1, command.keyStep));
    this.k0 = k0;
    this.k1 = k1;
    this.slots = shardCount > 1;
  }

  /**
   * Splits input[start, end) of one connection into commands, behind those that the batch holds already.
   *
   * @param state of the connection; when it knows an incomplete frame, that frame begins at `start`
   * @param input at most 2^31 - 1 bytes; inline commands are decoded in it
   * @param args has room for four arguments at least
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

  /**
   * Takes one frame from the input, which has at least its first byte.
   * @returns one of the constants above; after a frame that was handed out, `frameEnd` is where it ends
   */
  protected abstract frame(at: number): number;

  private frames(start: number): number {
    const commandsMax = (this.commands.length / WORDS) | 0;
    this.consumed = start;
    while (this.consumed < this.end) {
      if (this.state.skip > 0) {
        this.skip();
        continue;
      }
      if (this.commandCount === commandsMax) return SPLIT_FULL;
      const status = this.frame(this.consumed);
      if (status === SPLIT_PARTIAL || status === SPLIT_FULL) return status;
      if (this.state.stage !== STAGE_NONE) this.state.reset();
      if (status === SPLIT_ERROR) return status;
      this.consumed = this.frameEnd;
      if (status === SPLIT_BIG) return status;
      if (status === LAST_FRAME) return SPLIT_FULL;
    }
    return SPLIT_DRAINED;
  }

  private skip(): void {
    const count = Math.min(this.state.skip, this.end - this.consumed);
    this.state.skip -= count;
    this.consumed += count;
  }

  // ---------------------------------------------------------------------------------------------- results

  /** Whether the command takes any number of keys. */
  protected takesManyKeys(index: number): boolean {
    return index >= 0 && this.lastKeys[index] < 0;
  }

  /**
   * Hashes a command's keys and writes its descriptor. The arguments are in place already.
   * @param index of the command among the entries; negative = none of them
   */
  protected finish(
    index: number,
    args: Int32Array,
    argBase: number,
    argc: number,
    frameStart: number,
    frameEnd: number,
    flags: number,
  ): void {
    if (index >= 0 && this.firstKeys[index] > 0) this.placeKeys(index, args, argBase * WORDS_OF_ARG, argc);
    const commands = this.commands;
    const at = this.commandCount * WORDS;
    commands[at] = this.connection;
    commands[at + 1] = index >= 0 ? this.ids[index] : index;
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
  private placeKeys(index: number, args: Int32Array, first: number, argc: number): void {
    const input = this.input;
    const lastKey = this.lastKeys[index];
    const last = Math.min(lastKey < 0 ? argc + lastKey : lastKey, argc - 1);
    const step = this.keySteps[index];
    for (let i = this.firstKeys[index]; i <= last; i += step) {
      const word = first + i * WORDS_OF_ARG;
      args[word + 2] = hashOf(input, args[word], args[word + 1], this.k0, this.k1);
      if (this.slots) args[word + 3] = slotFor(input, args[word], args[word + 1]);
    }
  }

  /** Hands out a complete frame whose arguments were collected in the state. */
  protected handOut(index: number, at: number, end: number, flags: number): number {
    const state = this.state;
    const count = state.done;
    if (count > this.argCapacity) return this.handOutBig(index, at, end, flags);
    const argBase = this.argCount;
    if (argBase + count > this.argCapacity) return SPLIT_FULL;
    const base = argBase * WORDS_OF_ARG;
    for (let word = 0; word < count * WORDS_OF_ARG; word += WORDS_OF_ARG) {
      setArgument(this.args, base + word, state.args[word] + at, state.args[word + 1]);
    }
    this.argCount += count;
    this.finish(index, this.args, argBase, count, at, end, flags);
    return NEXT_FRAME;
  }

  /** Hands out a complete frame with the state's array; it must be alone in its batch. */
  private handOutBig(index: number, at: number, end: number, flags: number): number {
    if (this.commandCount > 0) return SPLIT_FULL;
    const state = this.state;
    const args = state.args;
    const count = state.done;
    for (let word = 0; word < count * WORDS_OF_ARG; word += WORDS_OF_ARG) args[word] += at;
    state.args = NO_ARGS;
    this.bigArgs = args;
    this.finish(index, args, 0, count, at, end, flags | FLAG_BIG);
    return SPLIT_BIG;
  }

  /** Writes a protocol error as an event. */
  protected fail(code: number, detail: number): number {
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

  // ---------------------------------------------------------------------------------------------- incomplete frames

  /** Remembers a frame whose first line has no end yet. */
  protected keepLine(at: number, scanned: number): number {
    const state = this.state;
    state.stage = STAGE_LINE;
    state.scanned = scanned - at;
    state.announced = 0;
    return SPLIT_PARTIAL;
  }

  /** Remembers a frame of `count` arguments, of which the first `done` are in the batch's array. */
  protected keepArguments(at: number, count: number, done: number): void {
    const state = this.state;
    state.stage = STAGE_ARGUMENTS;
    state.count = count;
    state.done = 0;
    const first = this.argCount * WORDS_OF_ARG;
    for (let word = first; word < first + done * WORDS_OF_ARG; word += WORDS_OF_ARG) {
      state.add(this.args[word] - at, this.args[word + 1]);
    }
  }
}

/** Writes an argument that is no key. */
export function setArgument(args: Int32Array, word: number, offset: number, length: number): void {
  args[word] = offset;
  args[word + 1] = length;
  args[word + 2] = 0;
  args[word + 3] = 0;
}
