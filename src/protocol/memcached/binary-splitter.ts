/**
 * From bytes to command descriptors, with the rules of Memcached's binary protocol. native/memcached_splitter.cc is its twin.
 *
 *   byte  0       1        2            4             5           6          8             12       16     24
 *   ┌───────┬────────┬────────────┬─────────────┬───────────┬──────────┬─────────────┬────────┬──────┬────────┬─────┬───────┐
 *   │ magic │ opcode │ key length │ extras      │ data type │ reserved │ body length │ opaque │ CAS  │ extras │ key │ value │
 *   │ 0x80  │        │            │ length      │           │          │             │        │      │        │     │       │
 *   └───────┴────────┴────────────┴─────────────┴───────────┴──────────┴─────────────┴────────┴──────┴────────┴─────┴───────┘
 *
 * Every command has four arguments: header, key, extras, value. ARCHITECTURE.md has the rules for lengths that contradict each other and for values
 * above the limit; the bytes of both are thrown away as they come.
 */

import { ARG_WORDS, ERROR_BAD_MAGIC, FLAG_MALFORMED, FLAG_TOO_LARGE, type SplitterTable } from '../descriptors.js';
import { LAST_FRAME, NEXT_FRAME, SPLIT_FULL, SPLIT_PARTIAL, Splitter, STAGE_LINE, setArgument } from '../splitter.js';

// Imported bindings are slower than local ones in hot functions.
const WORDS_OF_ARG = ARG_WORDS;

/** The first byte of a request. */
export const REQUEST_MAGIC = 0x80;

const HEADER_BYTES = 24;
const OPCODE = 1;
const KEY_LENGTH = 2;
const EXTRAS_LENGTH = 4;
const BODY_LENGTH = 8;

const OPCODES = 256;
const ARGUMENTS = 4;

export class BinarySplitter extends Splitter {
  /** Index of the command by opcode. */
  private readonly opcodes: Int16Array;

  /** The other parameters are those of `Splitter`. */
  constructor(table: SplitterTable, k0: number, k1: number, shardCount: number) {
    const places = [...table.memcached.keys()].filter((place) => table.memcached[place].protocol === 'binary');
    const entries = places.map((place) => table.memcached[place]);
    const ids = places.map((place) => table.memcachedBase + place);
    super(entries, ids, k0, k1, shardCount);
    this.opcodes = new Int16Array(OPCODES).fill(entries.findIndex((command) => command.opcode < 0));
    entries.forEach((command, index) => {
      if (command.opcode >= 0) this.opcodes[command.opcode] = index;
    });
  }

  protected frame(at: number): number {
    const { input, end } = this;
    if (input[at] !== REQUEST_MAGIC) return this.fail(ERROR_BAD_MAGIC, input[at]);
    if (end - at < HEADER_BYTES) return this.keepHeader(HEADER_BYTES);
    const keyBytes = (input[at + KEY_LENGTH] << 8) | input[at + KEY_LENGTH + 1];
    const extrasBytes = input[at + EXTRAS_LENGTH];
    const bodyBytes = uint32(input, at + BODY_LENGTH);
    const valueBytes = bodyBytes - extrasBytes - keyBytes;
    if (valueBytes < 0) return this.request(at, 0, 0, 0, FLAG_MALFORMED, bodyBytes);
    if (valueBytes > this.bulkBytesMax) return this.request(at, extrasBytes, keyBytes, 0, FLAG_TOO_LARGE, valueBytes);
    return this.request(at, extrasBytes, keyBytes, valueBytes, 0, 0);
  }

  /**
   * Hands out a request, when it is all there.
   * @param skip bytes behind it that are to be thrown away
   */
  private request(
    at: number,
    extrasBytes: number,
    keyBytes: number,
    valueBytes: number,
    flags: number,
    skip: number,
  ): number {
    const extras = at + HEADER_BYTES;
    const key = extras + extrasBytes;
    const value = key + keyBytes;
    const frameEnd = value + valueBytes;
    if (frameEnd > this.end) return this.keepHeader(frameEnd - at);
    const { args, argCount } = this;
    if (argCount + ARGUMENTS > this.argCapacity) return SPLIT_FULL;
    const word = argCount * WORDS_OF_ARG;
    setArgument(args, word, at, HEADER_BYTES);
    setArgument(args, word + WORDS_OF_ARG, key, keyBytes);
    setArgument(args, word + 2 * WORDS_OF_ARG, extras, extrasBytes);
    setArgument(args, word + 3 * WORDS_OF_ARG, value, valueBytes);
    this.argCount += ARGUMENTS;
    this.finish(this.opcodes[this.input[at + OPCODE]], args, argCount, ARGUMENTS, at, frameEnd, flags);
    if (flags === 0) return NEXT_FRAME;
    this.state.skip = skip;
    return LAST_FRAME;
  }

  /** Remembers of an incomplete request how long it is at least; its header is read again. */
  private keepHeader(announced: number): number {
    this.state.stage = STAGE_LINE;
    this.state.announced = announced;
    return SPLIT_PARTIAL;
  }
}

/** A big-endian number of 32 bits, unsigned. */
function uint32(input: Uint8Array, at: number): number {
  return ((input[at] << 24) | (input[at + 1] << 16) | (input[at + 2] << 8) | input[at + 3]) >>> 0;
}
