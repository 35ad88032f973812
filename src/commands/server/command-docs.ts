/** COMMAND DOCS: what a command is for, for people and for `redis-cli`'s help. */

import type { ReplyWriter } from '../../protocol/resp/reply.js';
import type { Catalogue, EntryFacts } from '../facts.js';
import type { Request } from '../request.js';
import { deprecationOf } from './command-details.js';
import { type Change, changesOf } from './command-history.js';
import { findEntry, replyWords, subcommandsOf } from './command-info.js';
import { type Argument, argumentsOf } from './command-syntax.js';

/** Commands for maintainers, not for applications. */
const SYSTEM_COMMANDS = ['debug'];

function replyDocs(reply: ReplyWriter, table: Catalogue, entry: EntryFacts): void {
  const { command } = entry;
  const { summary, since } = entry.subcommand ?? command;
  const deprecation = deprecationOf(entry);
  const subcommands = subcommandsOf(table, entry);
  const changes = changesOf(entry);
  const args = argumentsOf(entry.name);
  const isSystem = SYSTEM_COMMANDS.includes(entry.name);
  const texts: [string, string][] = [
    ['summary', summary],
    ['since', since],
    ['group', command.group],
    ['complexity', (entry.subcommand ?? command).complexity ?? 'O(1)'],
  ];
  const flagged = deprecation !== undefined || isSystem;
  const more = [
    flagged,
    deprecation !== undefined,
    deprecation !== undefined,
    changes.length > 0,
    args.length > 0,
    subcommands.length > 0,
  ];
  reply.map(texts.length + more.filter(Boolean).length);
  replyTexts(reply, texts);
  if (flagged) {
    reply.bulkAscii('doc_flags');
    replyWords(reply, isSystem ? ['syscmd'] : ['deprecated']);
  }
  if (deprecation !== undefined) {
    replyTexts(reply, [
      ['deprecated_since', deprecation.since],
      ['replaced_by', deprecation.replacedBy],
    ]);
  }
  if (changes.length > 0) {
    reply.bulkAscii('history');
    replyChanges(reply, changes);
  }
  if (args.length > 0) {
    reply.bulkAscii('arguments');
    replyArguments(reply, args);
  }
  if (subcommands.length === 0) return;
  reply.bulkAscii('subcommands');
  replyMap(reply, table, subcommands);
}

function replyChanges(reply: ReplyWriter, changes: readonly Change[]): void {
  reply.set(changes.length);
  for (const [since, what] of changes) {
    reply.array(2);
    reply.bulkAscii(since);
    reply.bulkString(what);
  }
}

function replyArguments(reply: ReplyWriter, args: readonly Argument[]): void {
  reply.array(args.length);
  for (const argument of args) replyArgument(reply, argument);
}

function replyArgument(reply: ReplyWriter, argument: Argument): void {
  const { name, type, token, keyRange, since, deprecatedSince } = argument;
  const flags = flagsOf(argument);
  const texts: [string, string][] = [
    ['name', name],
    ['type', type],
  ];
  if (argument.arguments === undefined) texts.push(['display_text', name]);
  const details: [string, string][] = [];
  if (token !== undefined) details.push(['token', token]);
  if (since !== undefined) details.push(['since', since]);
  if (deprecatedSince !== undefined) details.push(['deprecated_since', deprecatedSince]);
  const more = [keyRange !== undefined, flags.length > 0, argument.arguments !== undefined];
  reply.map(texts.length + details.length + more.filter(Boolean).length);
  replyTexts(reply, texts);
  if (keyRange !== undefined) {
    reply.bulkAscii('key_spec_index');
    reply.integer(keyRange);
  }
  replyTexts(reply, details);
  if (flags.length > 0) {
    reply.bulkAscii('flags');
    replyWords(reply, flags);
  }
  if (argument.arguments === undefined) return;
  reply.bulkAscii('arguments');
  replyArguments(reply, argument.arguments);
}

function flagsOf({ optional, multiple, multipleToken }: Argument): string[] {
  const flags = [optional && 'optional', multiple && 'multiple', multipleToken && 'multiple_token'];
  return flags.filter((flag) => typeof flag === 'string');
}

function replyTexts(reply: ReplyWriter, texts: readonly (readonly [string, string])[]): void {
  for (const [name, text] of texts) {
    reply.bulkAscii(name);
    reply.bulkString(text);
  }
}

function replyMap(reply: ReplyWriter, table: Catalogue, entries: readonly EntryFacts[]): void {
  reply.map(entries.length);
  for (const entry of entries) {
    reply.bulkAscii(entry.name);
    replyDocs(reply, table, entry);
  }
}

/** All commands, or those that are named; names that mean nothing are left out. */
export function docs(request: Request): void {
  const { table } = request.server;
  const entries: EntryFacts[] = [];
  for (let i = 2; i < request.argc; i++) {
    const entry = findEntry(request, request.text(i));
    if (entry !== undefined) entries.push(entry);
  }
  replyMap(request.reply, table, request.argc === 2 ? table.entries.slice(0, table.commands.length) : entries);
}
