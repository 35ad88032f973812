/**
 * What a stream transport does with the splitters, on memory: keeps the bytes of an incomplete frame, executes full batches. Commands are
 * copied out in the form of the native core's `Splitter`, so that both can be compared.
 */

import {
  ARG_WORDS,
  COMMAND_WORDS,
  type CommandKeys,
  EVENT_PROTOCOL_ERROR,
  FLAG_BIG,
  type FrameLimits,
  SPEAKS_RESP,
  type SplitterTable,
} from '../../../src/protocol/descriptors.js';
import {
  FrameState,
  SPLIT_BIG,
  SPLIT_DRAINED,
  SPLIT_ERROR,
  SPLIT_FULL,
  SPLIT_PARTIAL,
  type Splitter,
} from '../../../src/protocol/splitter.js';
import { Splitters } from '../../../src/protocol/splitters.js';

const CONNECTION = 3;

export const HASH_KEY = [0x01234567, 0x76543210] as const;
export const LIMITS: FrameLimits = { argumentsMax: 1048576, bulkBytesMax: 512 * 1024 * 1024, inlineBytesMax: 65536 };
export const UNAUTHENTICATED: FrameLimits = { argumentsMax: 10, bulkBytesMax: 16384, inlineBytesMax: 65536 };

export const TABLE: readonly CommandKeys[] = [
  { name: 'get', firstKey: 1, lastKey: 1, keyStep: 1 },
  { name: 'set', firstKey: 1, lastKey: 1, keyStep: 1 },
  { name: 'mset', firstKey: 1, lastKey: -1, keyStep: 2 },
  { name: 'del', firstKey: 1, lastKey: -1, keyStep: 1 },
  { name: 'ping', firstKey: 0, lastKey: 0, keyStep: 0 },
  { name: 'blpop', firstKey: 1, lastKey: -2, keyStep: 1 },
  { name: 'object', firstKey: 2, lastKey: 2, keyStep: 1 },
  { name: 'client', firstKey: 0, lastKey: 0, keyStep: 0 },
  { name: 'averyveryverylongcommandname', firstKey: 1, lastKey: 1, keyStep: 1 },
];

/** No Memcached. */
export const RESP_TABLE: SplitterTable = { commands: TABLE, memcached: [], memcachedBase: TABLE.length };

export interface SplitArgument {
  bytes: Uint8Array;
  hash: number;
  slot: number;
}

export interface SplitCommand {
  command: number;
  argc: number;
  flags: number;
  detail: number;
  args: SplitArgument[];
}

export interface StreamOptions {
  /** RESP, with the commands of TABLE, unless it is given. */
  speaks?: number;
  table?: SplitterTable;
  limits?: FrameLimits;
  commandsMax?: number;
  argsMax?: number;
}

export class SplitStream {
  /** Calls of `split` so far. */
  calls = 0;
  failed = false;
  readonly state = new FrameState();
  private readonly splitters: Splitters;
  private readonly speaks: number;
  private splitter: Splitter | undefined;
  private readonly limits: FrameLimits;
  private readonly commands: Int32Array;
  private readonly args: Int32Array;
  private kept: Uint8Array = new Uint8Array(0);

  constructor(options: StreamOptions = {}) {
    this.splitters = new Splitters(options.table ?? RESP_TABLE, HASH_KEY[0], HASH_KEY[1], 4);
    this.speaks = options.speaks ?? SPEAKS_RESP;
    this.limits = options.limits ?? LIMITS;
    this.commands = new Int32Array((options.commandsMax ?? 8) * COMMAND_WORDS);
    this.args = new Int32Array((options.argsMax ?? 32) * ARG_WORDS);
  }

  /** Bytes of the incomplete frame. */
  get pending(): number {
    return this.kept.length;
  }

  /** Feeds one chunk; returns the commands and events that it completes. */
  feed(chunk: Uint8Array): SplitCommand[] {
    const out: SplitCommand[] = [];
    if (this.failed || chunk.length === 0) return out;
    const splitter = (this.splitter ??= this.splitters.of(this.speaks, chunk[0]));
    // The input begins at an offset that differs from call to call, and has bytes of no meaning around it.
    const shift = this.calls % 7;
    const input = new Uint8Array(shift + this.kept.length + chunk.length + 5).fill(0x2a);
    input.set(this.kept, shift);
    input.set(chunk, shift + this.kept.length);
    const end = input.length - 5;
    let start = shift;
    for (;;) {
      const status = this.splitOnce(splitter, input, start, end, out);
      if (status === SPLIT_FULL && splitter.consumed === start && splitter.commandCount === 0)
        throw new Error('an empty batch is full');
      start = splitter.consumed;
      if (status === SPLIT_ERROR) this.failed = true;
      if (status === SPLIT_ERROR || status === SPLIT_DRAINED || status === SPLIT_PARTIAL) break;
    }
    this.kept = input.slice(start, end);
    return out;
  }

  private splitOnce(splitter: Splitter, input: Uint8Array, start: number, end: number, out: SplitCommand[]): number {
    this.calls++;
    const { commands, args } = this;
    const status = splitter.split(CONNECTION, this.state, input, start, end, commands, 0, args, 0, this.limits);
    const argsOf = status === SPLIT_BIG ? splitter.bigArgs : args;
    for (let at = 0; at < splitter.commandCount * COMMAND_WORDS; at += COMMAND_WORDS) {
      if (commands[at] !== CONNECTION) throw new Error('a descriptor of another connection');
      out.push(copyCommand(input, commands, at, argsOf));
    }
    return status;
  }
}

/** A command or event, copied out of a batch. @param at word of `commands` where its descriptor begins */
export function copyCommand(input: Uint8Array, commands: Int32Array, at: number, args: Int32Array): SplitCommand {
  const command = commands[at + 1];
  const flags = commands[at + 6];
  if (command === EVENT_PROTOCOL_ERROR)
    return { command, argc: commands[at + 2], flags, detail: commands[at + 3], args: [] };
  const found: SplitArgument[] = [];
  for (let i = 0; i < commands[at + 2]; i++) {
    const [offset, length, hash, slot] = args.subarray((commands[at + 3] + i) * ARG_WORDS);
    if (offset < commands[at + 4] || offset + length > commands[at + 5])
      throw new Error('an argument outside of its frame');
    found.push({ bytes: input.slice(offset, offset + length), hash, slot });
  }
  return { command, argc: commands[at + 2], flags: flags & ~FLAG_BIG, detail: 0, args: found };
}

/** Feeds a stream cut at the given places; returns everything that it held. */
export function splitAll(stream: Uint8Array, cuts: readonly number[], options: StreamOptions = {}): SplitCommand[] {
  const splitStream = new SplitStream(options);
  const out: SplitCommand[] = [];
  for (const chunk of chunksOf(stream, cuts)) out.push(...splitStream.feed(chunk));
  return out;
}

export function chunksOf(stream: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const places = [0, ...cuts.map((cut) => Math.min(cut, stream.length)).sort((a, b) => a - b), stream.length];
  return places.slice(1).map((end, i) => stream.slice(places[i], end));
}

export function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'latin1'));
}

/** A command as a client sends it. */
export function encode(...args: (string | Uint8Array)[]): string {
  const bulks = args.map((arg) => {
    const text = typeof arg === 'string' ? arg : Buffer.from(arg).toString('latin1');
    return `$${text.length}\r\n${text}\r\n`;
  });
  return `*${args.length}\r\n${bulks.join('')}`;
}

/** The commands in a form that is easy to compare and to read in a failure. */
export function summary(commands: readonly SplitCommand[]): unknown[] {
  return commands.map(({ command, argc, detail, args }) =>
    command === EVENT_PROTOCOL_ERROR
      ? { error: argc, detail }
      : [command, ...args.map((arg) => Buffer.from(arg.bytes).toString('latin1'))],
  );
}

/** Everything that a splitter says of the commands, one line for each: quick to compare. */
export function lines(commands: readonly SplitCommand[]): string[] {
  return commands.map(({ command, argc, flags, detail, args }) => {
    const said = args.map(({ bytes, hash, slot }) => `${Buffer.from(bytes).toString('latin1')} ${hash} ${slot}`);
    return [command, argc, flags, detail, ...said].join('|');
  });
}
