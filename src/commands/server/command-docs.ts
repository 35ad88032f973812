/** COMMAND DOCS: what a command is for, for people and for `redis-cli`'s help. */

import type { ReplyWriter } from '../../protocol/resp/reply.js';
import type { Request } from '../request.js';
import type { CommandTable, TableEntry } from '../table.js';
import { deprecationOf } from './command-details.js';
import { findEntry, replyWords, subcommandsOf } from './command-info.js';

/** Commands for maintainers, not for applications. */
const SYSTEM_COMMANDS = ['debug'];

function replyDocs(reply: ReplyWriter, table: CommandTable, entry: TableEntry): void {
  const { command } = entry;
  const { summary, since } = entry.subcommand ?? command;
  const deprecation = deprecationOf(entry);
  const subcommands = subcommandsOf(table, entry);
  const isSystem = SYSTEM_COMMANDS.includes(entry.name);
  const texts: [string, string][] = [
    ['summary', summary],
    ['since', since],
    ['group', command.group],
    ['complexity', (entry.subcommand ?? command).complexity ?? 'O(1)'],
  ];
  const flagged = deprecation !== undefined || isSystem;
  reply.map(texts.length + (flagged ? 1 : 0) + (deprecation === undefined ? 0 : 2) + (subcommands.length > 0 ? 1 : 0));
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
  if (subcommands.length === 0) return;
  reply.bulkAscii('subcommands');
  replyMap(reply, table, subcommands);
}

function replyTexts(reply: ReplyWriter, texts: readonly (readonly [string, string])[]): void {
  for (const [name, text] of texts) {
    reply.bulkAscii(name);
    reply.bulkString(text);
  }
}

function replyMap(reply: ReplyWriter, table: CommandTable, entries: readonly TableEntry[]): void {
  reply.map(entries.length);
  for (const entry of entries) {
    reply.bulkAscii(entry.name);
    replyDocs(reply, table, entry);
  }
}

/** All commands, or those that are named; names that mean nothing are left out. */
export function docs(request: Request): void {
  const { table } = request.server;
  const entries: TableEntry[] = [];
  for (let i = 2; i < request.argc; i++) {
    const entry = findEntry(request, request.text(i));
    if (entry !== undefined) entries.push(entry);
  }
  replyMap(request.reply, table, request.argc === 2 ? table.entries.slice(0, table.commands.length) : entries);
}
