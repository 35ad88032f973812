/** COMMAND GETKEYS and GETKEYSANDFLAGS: which arguments of a request are keys, and what the command would do with them. */

import { arityFits, type EntryFacts } from '../facts.js';
import type { Request } from '../request.js';
import { type KeySpec, keySpecsOf } from './command-details.js';
import { replyWords } from './command-info.js';

/** Arguments before the request that is asked about: `command getkeys`. */
const PREFIX = 2;

interface KeyArgument {
  readonly index: number;
  readonly flags: readonly string[];
}

/** The request that is asked about, in the words of the table. */
function askedEntry(request: Request): EntryFacts | undefined {
  const { table } = request.server;
  const id = table.id(request.text(PREFIX).toLowerCase());
  const entry = table.entries[id];
  if (entry?.command.subcommands === undefined || request.argc === PREFIX + 1) return entry;
  return table.entries[table.id(`${entry.name}|${request.text(PREFIX + 1).toLowerCase()}`)];
}

/** Key arguments of a range, in a request of `argc` arguments. */
function keysOfRange({ first, last, step, flags }: KeySpec, argc: number): KeyArgument[] {
  const end = last < 0 ? argc + last : first + last;
  const keys: KeyArgument[] = [];
  for (let index = first; index <= end && index < argc; index += step) keys.push({ index, flags });
  return keys;
}

/** What SET and BITFIELD do with their key depends on their options. */
function refine(request: Request, name: string, flags: readonly string[]): readonly string[] {
  if (!flags.includes('variable_flags')) return flags;
  const options: string[] = [];
  for (let i = PREFIX + 2; i < request.argc; i++) options.push(request.text(i).toLowerCase());
  if (name === 'set') return options.slice(1).includes('get') ? ['RW', 'access', 'update'] : ['OW', 'update'];
  const onlyGets = options.every((option, i) => i % 3 !== 0 || option === 'get') && options.length % 3 === 0;
  return onlyGets ? ['RO', 'access'] : ['RW', 'access', 'update'];
}

/** The keys of the request that is asked about; an error text when there are none. */
function askedKeys(request: Request, entry: EntryFacts | undefined): KeyArgument[] | string {
  if (entry === undefined) return 'ERR Invalid command specified';
  const specs = keySpecsOf(entry);
  const argc = request.argc - PREFIX;
  if (specs.length === 0) return 'ERR The command has no key arguments';
  if (!arityFits(entry.arity, argc)) return 'ERR Invalid number of arguments specified for command';
  const keys = specs.flatMap((spec) => keysOfRange(spec, argc));
  return keys.length === 0 ? 'ERR Invalid arguments specified for command' : keys;
}

function getKeys(request: Request, replyKey: (key: KeyArgument, name: string) => void): void {
  const entry = askedEntry(request);
  const keys = askedKeys(request, entry);
  if (typeof keys === 'string' || entry === undefined) {
    request.reply.error(String(keys));
    return;
  }
  request.reply.array(keys.length);
  for (const key of keys) replyKey(key, entry.name);
}

export function getKeysOnly(request: Request): void {
  getKeys(request, ({ index }) => replyArgument(request, index));
}

export function getKeysAndFlags(request: Request): void {
  getKeys(request, ({ index, flags }, name) => {
    request.reply.array(2);
    replyArgument(request, index);
    replyWords(request.reply, refine(request, name, flags));
  });
}

function replyArgument(request: Request, index: number): void {
  request.reply.bulk(request.input, request.offset(index + PREFIX), request.length(index + PREFIX));
}
