/**
 * Types of parameters: how each kind of value is read from words, printed for CONFIG GET, and written into a file.
 *
 * Error texts are Redis's, because clients and tools compare them. A `ValueError` carries such a text alone; whoever asked adds
 * which parameter it was and where it came from.
 */

import { formatBytes, formatDuration, parseBytes, parseDuration, type TimeUnit } from '../../base/units.js';
import { quoteWord } from './words.js';

/** A value was refused; the message says what it must be. */
export class ValueError extends Error {}

export interface ValueType<T> {
  /** For the reference: what can be written. */
  readonly syntax: string;
  /** Whether the value is a list of words: on the command line, in the file, and inside one CONFIG SET argument. */
  readonly list: boolean;
  /**
   * Reads a value from words (one word, unless `list`).
   * @param current the value so far, for types that are changed in part
   * @throws {ValueError}
   */
  parse(words: readonly string[], current: T): T;
  /** As CONFIG GET prints it. */
  print(value: T): string;
  /** For people: `512mb`, `5min`. */
  describe(value: T): string;
  /** What follows the name in a configuration file; more than one if the value takes several lines. */
  lines(value: T): string[];
  /** Whether two values are the same. */
  equal(a: T, b: T): boolean;
}

/** What types have in common if they are told by one word. */
function scalar<T>(syntax: string, parse: (word: string) => T, print: (value: T) => string = String): ValueType<T> {
  return {
    syntax,
    list: false,
    parse: (words) => parse(words[0]),
    print,
    describe: print,
    lines: (value) => [quoteWord(print(value))],
    equal: (a, b) => a === b,
  };
}

export interface Range {
  readonly min: number;
  readonly max: number;
}

/** An integer of 64 bits, as Redis's `string2ll` takes it: digits without ornaments, no plus, no leading zeros, no blanks. */
function isInteger(word: string): boolean {
  return /^(?:0|-?[1-9]\d{0,18})$/.test(word) && BigInt.asIntN(64, BigInt(word)) === BigInt(word);
}

function inRange(value: number, { min, max }: Range): number {
  if (value < min || value > max) throw new ValueError(`argument must be between ${min} and ${max} inclusive`);
  return value;
}

/** A whole number. `clamp`: what is out of range becomes the nearest end of it, as Redis does it with `hz`. */
export function integerType(range: Range, clamp = false): ValueType<number> {
  const { min, max } = range;
  return scalar(`integer, ${rangeText(range)}`, (word) => {
    if (!isInteger(word)) throw new ValueError("argument couldn't be parsed into an integer");
    return clamp ? Math.min(Math.max(Number(word), min), max) : inRange(Number(word), range);
  });
}

/** File permissions in octal; 0 leaves them to the umask. */
export function octalType(range: Range): ValueType<number> {
  const octal = (value: number) => value.toString(8);
  return scalar(
    `octal number, ${octal(range.min)} to ${octal(range.max)}`,
    (word) => {
      if (!/^[0-7]+$/.test(word)) throw new ValueError("argument couldn't be parsed as an octal number");
      const value = Number.parseInt(word, 8);
      if (value < range.min || value > range.max) {
        throw new ValueError(`argument must be between ${octal(range.min)} and ${octal(range.max)} inclusive`);
      }
      return value;
    },
    octal,
  );
}

/** An amount of memory, in bytes. */
export function bytesType(range: Range): ValueType<number> {
  const type = scalar(`bytes, ${rangeText(range, formatBytes)}`, (word) => {
    const value = parseBytes(word);
    if (value === undefined) throw new ValueError('argument must be a memory value');
    return inRange(value, range);
  });
  return { ...type, describe: formatBytes, lines: (value) => [formatBytes(value)] };
}

/** An amount of memory in bytes, or a share of something in percent, which is kept as a negative number (see `shareOf` in base/units.ts). */
export function bytesOrPercentType(): ValueType<number> {
  const print = (value: number, format = String as (value: number) => string) =>
    value < 0 ? `${-value}%` : format(value);
  const type = scalar(
    'bytes, or a percentage',
    (word) => {
      const percent = /^(\d+)%$/.exec(word);
      if (percent !== null && Number(percent[1]) > 100) {
        throw new ValueError('percentage argument must be less or equal to 100');
      }
      const value = percent === null ? parseBytes(word) : 0 - Number(percent[1]);
      if (value === undefined) throw new ValueError('argument must be a memory or percent value');
      return value;
    },
    (value) => print(value),
  );
  return { ...type, describe: (value) => print(value, formatBytes), lines: (value) => [print(value, formatBytes)] };
}

/**
 * A span of time, counted in `unit`. Plain numbers are in `unit`, as in Redis; suffixes (`100ms`, `10s`) are taken too, but never
 * written, so that Redis can read a file that was rewritten.
 */
export function durationType(unit: TimeUnit, range: Range): ValueType<number> {
  const names = { us: 'microseconds', ms: 'milliseconds', s: 'seconds', min: 'minutes' };
  const type = scalar(`duration in ${names[unit]}, ${rangeText(range)}`, (word) => {
    const value = isInteger(word) ? Number(word) : parseDuration(word, unit);
    if (value === undefined) throw new ValueError("argument couldn't be parsed into an integer");
    return inRange(value, range);
  });
  return { ...type, describe: (value) => (value > 0 ? formatDuration(value, unit) : String(value)) };
}

/** `yes` or `no`. */
export function booleanType(): ValueType<boolean> {
  return scalar(
    '`yes` or `no`',
    (word) => {
      const lower = word.toLowerCase();
      if (lower !== 'yes' && lower !== 'no') throw new ValueError("argument must be 'yes' or 'no'");
      return lower === 'yes';
    },
    (value) => (value ? 'yes' : 'no'),
  );
}

/** One of a set of names. */
export function enumerationType<const Names extends readonly string[]>(names: Names): ValueType<Names[number]> {
  return scalar(names.map((name) => `\`${name}\``).join(', '), (word): Names[number] => {
    const name = word.toLowerCase();
    if (!names.includes(name)) throw new ValueError(`argument(s) must be one of the following: ${names.join(', ')}`);
    return name;
  });
}

/** Any text. */
export function textType(syntax: string): ValueType<string> {
  return scalar(syntax, (word) => word);
}

/** A parameter that exists because clients ask for it, and that can have one value only. */
export function constantType(only: string, otherwise: string): ValueType<string> {
  const type = textType(only === '' ? 'empty' : `\`${only}\``);
  const parse = (words: readonly string[]): string => {
    if (words.join(' ').toLowerCase() !== only) throw new ValueError(otherwise);
    return only;
  };
  // A list, so that `save 900 1` in a file from Redis is told the reason and not that it has too many words.
  return { ...type, list: true, parse };
}

/** A list of words, of which each is short; written apart by blanks. */
export function wordsType(syntax: string, wordsMax: number, bytesMax: number): ValueType<readonly string[]> {
  return {
    syntax: `${syntax}: at most ${wordsMax} words of at most ${bytesMax} ASCII characters`,
    list: true,
    parse: (words) => {
      const list = words.flatMap((word) => word.split(/\s+/)).filter((word) => word !== '');
      if (list.length > wordsMax) throw new ValueError(`at most ${wordsMax} words are allowed`);
      if (list.some((word) => word.length > bytesMax || !/^[!-~]+$/.test(word)))
        throw new ValueError(`a word may have at most ${bytesMax} characters, all of them ASCII`);
      return list;
    },
    print: (value) => value.join(' '),
    describe: (value) => value.join(' '),
    lines: (value) => [value.length === 0 ? '""' : value.map(quoteWord).join(' ')],
    equal: (a, b) => a.length === b.length && a.every((word, index) => word === b[index]),
  };
}

const ADDRESSES_MAX = 16;

/** Addresses to listen on. Redis's `*` and `::*` are kept as what the system calls them. */
export function addressesType(): ValueType<readonly string[]> {
  return {
    syntax: 'addresses',
    list: true,
    parse: (words) => {
      const list = words.flatMap((word) => word.split(/\s+/)).filter((word) => word !== '');
      if (list.length > ADDRESSES_MAX) throw new ValueError('Too many bind addresses specified.');
      return list.map((address) => address.replace(/^(-?)\*$/, '$10.0.0.0').replace(/^(-?)::\*$/, '$1::'));
    },
    print: (value) => value.join(' '),
    describe: (value) => value.join(' '),
    lines: (value) => [value.length === 0 ? '""' : value.map(quoteWord).join(' ')],
    equal: (a, b) => a.length === b.length && a.every((word, index) => word === b[index]),
  };
}

/** Limits of one class of clients' output buffers; 0 is no limit. */
export interface OutputLimit {
  /** Bytes at which the client is closed at once. */
  readonly hardBytes: number;
  /** Bytes at which the client is closed if it stays above for `softSeconds`. */
  readonly softBytes: number;
  readonly softSeconds: number;
}

/** Classes of clients, by Redis's names; `slave` is a replica. */
export const CLIENT_CLASSES = ['normal', 'slave', 'pubsub'] as const;
export type ClientClass = (typeof CLIENT_CLASSES)[number];
export type OutputLimits = Readonly<Record<ClientClass, OutputLimit>>;

/** Groups of `class hard soft seconds`; the classes that are not named keep their limits. */
export function outputLimitsType(): ValueType<OutputLimits> {
  const group = (
    name: ClientClass,
    { hardBytes, softBytes, softSeconds }: OutputLimit,
    format = String as typeof formatBytes,
  ) => `${name} ${format(hardBytes)} ${format(softBytes)} ${softSeconds}`;
  return {
    syntax:
      'groups of: class (`normal`, `slave` or `replica`, `pubsub`), hard limit, soft limit, seconds above the soft limit',
    list: true,
    parse: parseOutputLimits,
    print: (value) => CLIENT_CLASSES.map((name) => group(name, value[name])).join(' '),
    describe: (value) => CLIENT_CLASSES.map((name) => group(name, value[name], formatBytes)).join(' '),
    lines: (value) => CLIENT_CLASSES.map((name) => group(name, value[name], formatBytes)),
    equal: (a, b) => CLIENT_CLASSES.every((name) => group(name, a[name]) === group(name, b[name])),
  };
}

function parseOutputLimits(words: readonly string[], current: OutputLimits): OutputLimits {
  const list = words.flatMap((word) => word.split(/\s+/)).filter((word) => word !== '');
  if (list.length === 0 || list.length % 4 !== 0) {
    throw new ValueError('Wrong number of arguments in buffer limit configuration.');
  }
  const limits: Record<ClientClass, OutputLimit> = { ...current };
  for (let at = 0; at < list.length; at += 4) {
    const name = list[at].toLowerCase() === 'replica' ? 'slave' : list[at].toLowerCase();
    const known = CLIENT_CLASSES.find((candidate) => candidate === name);
    if (known === undefined) throw new ValueError('Invalid client class specified in buffer limit configuration.');
    const [hardBytes, softBytes] = [parseBytes(list[at + 1]), parseBytes(list[at + 2])];
    const softSeconds = parseDuration(list[at + 3], 's');
    if (hardBytes === undefined || softBytes === undefined || softSeconds === undefined) {
      throw new ValueError('Error in hard, soft or soft_seconds setting in buffer limit configuration.');
    }
    limits[known] = { hardBytes, softBytes, softSeconds };
  }
  return limits;
}

function rangeText({ min, max }: Range, format: (value: number) => string = String): string {
  if (max === Number.MAX_SAFE_INTEGER) return `${format(min)} or more`;
  return `${format(min)} to ${format(max)}`;
}
