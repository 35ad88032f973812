/** SLOWLOG: the commands that took longest. */

import { type Answer, type Command, type CommandFlag, command } from '../command.js';
import { badSubcommand, helpSubcommand } from '../help.js';
import type { Request } from '../request.js';
import type { SlowlogEntry } from '../server-port.js';

const FLAGS: readonly CommandFlag[] = ['admin', 'loading', 'stale'];
const DEFAULT_COUNT = 10;
const BAD_COUNT = 'ERR count should be greater than or equal to -1';

/** How many entries are asked for; an error text when the request is wrong. */
function countOf(request: Request): number | string {
  if (request.argc > 3) return badSubcommand('slowlog', request);
  if (request.argc === 2) return DEFAULT_COUNT;
  const count = request.bigInteger(2);
  if (count === undefined || count < -1n) return BAD_COUNT;
  return count === -1n ? Number.POSITIVE_INFINITY : Number(count);
}

async function get(request: Request): Promise<Answer> {
  const count = countOf(request);
  if (typeof count === 'string') return (reply) => reply.error(count);
  const entries = (await request.server.slowlog()).slice(0, count);
  return replyEntries(entries);
}

function replyEntries(entries: readonly SlowlogEntry[]): Answer {
  return (reply) => {
    reply.array(entries.length);
    for (const entry of entries) {
      reply.array(6);
      reply.integer(entry.id);
      reply.integer(entry.time);
      reply.integer(entry.microseconds);
      reply.array(entry.args.length);
      for (const arg of entry.args) reply.bulk(arg, 0, arg.length);
      reply.bulkString(entry.address);
      reply.bulkString(entry.name);
    }
  };
}

async function length({ server }: Request): Promise<Answer> {
  const entries = await server.slowlog();
  return (reply) => reply.integer(entries.length);
}

async function reset({ server }: Request): Promise<Answer> {
  await server.slowlogReset();
  return (reply) => reply.ok();
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
      runAsync: get,
    },
    {
      name: 'len',
      arity: 2,
      flags: FLAGS,
      since: '2.2.12',
      summary: 'Returns the number of entries in the slow log.',
      runAsync: length,
    },
    {
      name: 'reset',
      arity: 2,
      flags: FLAGS,
      since: '2.2.12',
      summary: 'Clears all entries from the slow log.',
      complexity: 'O(N) where N is the number of entries in the slowlog',
      runAsync: reset,
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
