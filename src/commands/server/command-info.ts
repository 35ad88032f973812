/** COMMAND and COMMAND INFO: what clients read to know which arguments are keys, and what a command does. */

import type { ReplyWriter } from '../../protocol/resp/reply.js';
import type { Catalogue, CommandFlag, EntryFacts } from '../facts.js';
import type { Request } from '../request.js';
import { categoriesOf } from './acl-categories.js';
import { type KeySpec, keyRangeOf, keySpecsOf, tipsOf } from './command-details.js';

/** Flags that are shown, in Redis's order. */
const SHOWN_FLAGS: readonly CommandFlag[] = [
  'write',
  'readonly',
  'denyoom',
  'admin',
  'pubsub',
  'noscript',
  'blocking',
  'loading',
  'stale',
  'skip_monitor',
  'skip_slowlog',
  'fast',
  'no_auth',
  'noasync',
  'no_multi',
  'movablekeys',
  'allow_busy',
];

/** Where the name differs from ours. */
const FLAG_NAMES: Partial<Record<CommandFlag, string>> = { noasync: 'no_async_loading' };

/** Words as a set of status replies. */
export function replyWords(reply: ReplyWriter, words: readonly string[]): void {
  reply.set(words.length);
  for (const word of words) reply.simple(word);
}

function replyRange(reply: ReplyWriter, spec: KeySpec): void {
  const range = { lastkey: spec.last, keystep: spec.step, limit: 0 };
  reply.map(Object.keys(range).length);
  for (const [name, value] of Object.entries(range)) {
    reply.bulkAscii(name);
    reply.integer(value);
  }
}

function replyKeySpec(reply: ReplyWriter, spec: KeySpec): void {
  reply.map(spec.notes === undefined ? 3 : 4);
  if (spec.notes !== undefined) {
    reply.bulkAscii('notes');
    reply.bulkAscii(spec.notes);
  }
  reply.bulkAscii('flags');
  replyWords(reply, spec.flags);
  replyTyped(reply, 'begin_search', 'index');
  reply.map(1);
  reply.bulkAscii('index');
  reply.integer(spec.first);
  replyTyped(reply, 'find_keys', 'range');
  replyRange(reply, spec);
}

/** `name: {type: ..., spec: ` of which the specification itself follows. */
function replyTyped(reply: ReplyWriter, name: string, type: string): void {
  reply.bulkAscii(name);
  reply.map(2);
  reply.bulkAscii('type');
  reply.bulkAscii(type);
  reply.bulkAscii('spec');
}

/** Subcommands of a container, in their order. */
export function subcommandsOf(table: Catalogue, entry: EntryFacts): EntryFacts[] {
  if (entry.subcommand !== undefined) return [];
  return table.redisEntries.filter((other) => other.subcommand !== undefined && other.command === entry.command);
}

/** The ten elements of a command. */
function replyEntry(reply: ReplyWriter, table: Catalogue, entry: EntryFacts): void {
  const flags = SHOWN_FLAGS.filter((flag) => entry.flags.includes(flag)).map((flag) => FLAG_NAMES[flag] ?? flag);
  const specs = keySpecsOf(entry);
  const subcommands = subcommandsOf(table, entry);
  reply.array(10);
  reply.bulkAscii(entry.name);
  reply.integer(entry.arity);
  replyWords(reply, flags);
  for (const number of keyRangeOf(entry)) reply.integer(number);
  replyWords(
    reply,
    categoriesOf(entry).map((category) => `@${category}`),
  );
  const tips = tipsOf(entry);
  reply.set(tips.length);
  for (const tip of tips) reply.bulkAscii(tip);
  reply.set(specs.length);
  for (const spec of specs) replyKeySpec(reply, spec);
  // Redis's own inconsistency.
  if (subcommands.length === 0) reply.set(0);
  else reply.array(subcommands.length);
  for (const subcommand of subcommands) replyEntry(reply, table, subcommand);
}

/** COMMAND without arguments, and COMMAND INFO without names: all commands. */
export function replyAll({ reply, server }: Request): void {
  reply.array(server.table.commands.length);
  for (let id = 0; id < server.table.commands.length; id++) replyEntry(reply, server.table, server.table.entries[id]);
}

/** The entry that a name means, in any case: `get`, `config|get`. */
export function findEntry({ server }: Request, name: string): EntryFacts | undefined {
  return server.table.entries[server.table.id(name.toLowerCase())];
}

/** COMMAND INFO. */
export function info(request: Request): void {
  const { reply, server } = request;
  if (request.argc === 2) {
    replyAll(request);
    return;
  }
  reply.array(request.argc - 2);
  for (let i = 2; i < request.argc; i++) {
    const entry = findEntry(request, request.text(i));
    if (entry === undefined) reply.nullBulk();
    else replyEntry(reply, server.table, entry);
  }
}
