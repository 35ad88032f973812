/** SLOWLOG and COMMANDLOG: the commands that took longest, and those with large requests and replies. */

import type { ReplyWriter } from '../../protocol/resp/reply.js';
import { type Answer, type Command, command } from '../command.js';
import type { CommandFlag } from '../facts.js';
import { badSubcommand, helpSubcommand } from '../help.js';
import type { Request } from '../request.js';
import { COMMAND_LOGS, type CommandLogEntry, type CommandLogKind } from '../server-port.js';

const FLAGS: readonly CommandFlag[] = ['admin', 'loading', 'stale'];
const DEFAULT_COUNT = 10;
const BAD_COUNT = 'ERR count should be greater than or equal to -1';
const BAD_KIND = `ERR type should be one of the following: ${COMMAND_LOGS.join(', ')}`;

// ---------------------------------------------------------------------------------------------- what both have in common

function errorAnswer(text: string): Answer {
  return (reply) => reply.error(text);
}

/** How many entries an argument asks for; undefined when it is no such number. */
function countOf(request: Request, index: number): number | undefined {
  const count = request.bigInteger(index);
  if (count === undefined || count < -1n) return undefined;
  return count === -1n ? Number.POSITIVE_INFINITY : Number(count);
}

async function answerEntries({ server }: Request, kind: CommandLogKind, count: number): Promise<Answer> {
  const entries = (await server.commandLog(kind)).slice(0, count);
  return (reply) => {
    reply.array(entries.length);
    for (const entry of entries) replyEntry(reply, entry);
  };
}

function replyEntry(reply: ReplyWriter, entry: CommandLogEntry): void {
  reply.array(6);
  reply.integer(entry.id);
  reply.integer(entry.time);
  reply.integer(entry.value);
  reply.array(entry.args.length);
  for (const arg of entry.args) reply.bulk(arg, 0, arg.length);
  reply.bulkString(entry.address);
  reply.bulkString(entry.name);
}

async function answerLength({ server }: Request, kind: CommandLogKind): Promise<Answer> {
  const { length } = await server.commandLog(kind);
  return (reply) => reply.integer(length);
}

async function answerReset({ server }: Request, kind: CommandLogKind): Promise<Answer> {
  await server.commandLogReset(kind);
  return (reply) => reply.ok();
}

// ---------------------------------------------------------------------------------------------- SLOWLOG

async function slowlogGet(request: Request): Promise<Answer> {
  if (request.argc > 3) return errorAnswer(badSubcommand('slowlog', request));
  const count = request.argc === 2 ? DEFAULT_COUNT : countOf(request, 2);
  return count === undefined ? errorAnswer(BAD_COUNT) : answerEntries(request, 'slow', count);
}

export const SLOWLOG_COMMAND: Command = command({
  name: 'slowlog',
  arity: -2,
  flags: [],
  group: 'server',
  since: '2.2.12',
  summary: 'A container for slow log commands.',
  complexity: 'Depends on subcommand.',
  subcommands: [
    {
      name: 'get',
      arity: -2,
      flags: FLAGS,
      since: '2.2.12',
      summary: "Returns the slow log's entries.",
      complexity: 'O(N) where N is the number of entries returned',
      runAsync: slowlogGet,
    },
    {
      name: 'len',
      arity: 2,
      flags: FLAGS,
      since: '2.2.12',
      summary: 'Returns the number of entries in the slow log.',
      runAsync: (request) => answerLength(request, 'slow'),
    },
    {
      name: 'reset',
      arity: 2,
      flags: FLAGS,
      since: '2.2.12',
      summary: 'Clears all entries from the slow log.',
      complexity: 'O(N) where N is the number of entries in the slowlog',
      runAsync: (request) => answerReset(request, 'slow'),
    },
    helpSubcommand('slowlog', '6.2.0', [
      'GET [<count>]',
      '    Return top <count> entries from the slowlog (default: 10, -1 mean all).',
      '    Entries are made of:',
      '    id, timestamp, time in microseconds, arguments array, client IP and port,',
      '    client name',
      'LEN',
      '    Return the length of the slowlog.',
      'RESET',
      '    Reset the slowlog.',
    ]),
  ],
});

// ---------------------------------------------------------------------------------------------- COMMANDLOG

/** The log that an argument names. */
function kindOf(request: Request, index: number): CommandLogKind | undefined {
  const name = request.text(index).toLowerCase();
  return COMMAND_LOGS.find((kind) => kind === name);
}

async function commandlogGet(request: Request): Promise<Answer> {
  const count = countOf(request, 2);
  if (count === undefined) return errorAnswer(BAD_COUNT);
  const kind = kindOf(request, 3);
  return kind === undefined ? errorAnswer(BAD_KIND) : answerEntries(request, kind, count);
}

async function commandlogLength(request: Request): Promise<Answer> {
  const kind = kindOf(request, 2);
  return kind === undefined ? errorAnswer(BAD_KIND) : answerLength(request, kind);
}

async function commandlogReset(request: Request): Promise<Answer> {
  const kind = kindOf(request, 2);
  return kind === undefined ? errorAnswer(BAD_KIND) : answerReset(request, kind);
}

/** A command of Valkey, whose syntax and replies these are. */
export const COMMANDLOG_COMMAND: Command = command({
  name: 'commandlog',
  arity: -2,
  flags: [],
  group: 'server',
  since: '7.2.99',
  summary: 'A container for the logs of slow commands, of large requests and of large replies.',
  complexity: 'Depends on subcommand.',
  subcommands: [
    {
      name: 'get',
      arity: 4,
      flags: FLAGS,
      since: '7.2.99',
      summary: 'Returns the newest entries of a log.',
      complexity: 'O(N) where N is the number of entries returned',
      runAsync: commandlogGet,
    },
    {
      name: 'len',
      arity: 3,
      flags: FLAGS,
      since: '7.2.99',
      summary: 'Returns the number of entries of a log.',
      runAsync: commandlogLength,
    },
    {
      name: 'reset',
      arity: 3,
      flags: FLAGS,
      since: '7.2.99',
      summary: 'Clears a log.',
      complexity: 'O(N) where N is the number of entries in the log',
      runAsync: commandlogReset,
    },
    helpSubcommand('commandlog', '7.2.99', [
      'GET <count> <type>',
      '    Return the newest <count> entries of a log (-1 for all). An entry is made of: id, timestamp,',
      '    microseconds (slow) or bytes (large-request, large-reply), arguments, client address, client name.',
      'LEN <type>',
      '    Return the number of entries of a log.',
      'RESET <type>',
      '    Clear a log.',
      'The types are slow, large-request and large-reply.',
    ]),
  ],
});
