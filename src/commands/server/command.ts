/** COMMAND: the container, which is a command by itself too. */

import { type Command, command } from '../command.js';
import type { CommandFlag } from '../facts.js';
import { helpSubcommand } from '../help.js';
import { docs } from './command-docs.js';
import { info, replyAll } from './command-info.js';
import { getKeysAndFlags, getKeysOnly } from './command-keys.js';
import { list } from './command-list.js';

const FLAGS: readonly CommandFlag[] = ['loading', 'stale'];
const CATEGORIES = ['connection'];
const EACH_LOOKUP = 'O(N) where N is the number of commands to look up';
const EACH_COMMAND = 'O(N) where N is the total number of Redis commands';
const EACH_ARGUMENT = 'O(N) where N is the number of arguments to the command';

export const COMMAND_COMMAND: Command = command({
  name: 'command',
  arity: -1,
  flags: FLAGS,
  categories: CATEGORIES,
  group: 'server',
  since: '2.8.13',
  summary: 'Returns detailed information about all commands.',
  complexity: EACH_COMMAND,
  run: replyAll,
  subcommands: [
    {
      name: 'count',
      arity: 2,
      flags: FLAGS,
      categories: CATEGORIES,
      since: '2.8.13',
      summary: 'Returns a count of commands.',
      run: ({ reply, server }) => reply.integer(server.table.commands.length),
    },
    {
      name: 'info',
      arity: -2,
      flags: FLAGS,
      categories: CATEGORIES,
      since: '2.8.13',
      summary: 'Returns information about one, multiple or all commands.',
      complexity: EACH_LOOKUP,
      run: info,
    },
    {
      name: 'list',
      arity: -2,
      flags: FLAGS,
      categories: CATEGORIES,
      since: '7.0.0',
      summary: 'Returns a list of command names.',
      complexity: EACH_COMMAND,
      run: list,
    },
    {
      name: 'docs',
      arity: -2,
      flags: FLAGS,
      categories: CATEGORIES,
      since: '7.0.0',
      summary: 'Returns documentary information about one, multiple or all commands.',
      complexity: EACH_LOOKUP,
      run: docs,
    },
    {
      name: 'getkeys',
      arity: -3,
      flags: FLAGS,
      categories: CATEGORIES,
      since: '2.8.13',
      summary: 'Extracts the key names from an arbitrary command.',
      complexity: EACH_ARGUMENT,
      run: getKeysOnly,
    },
    {
      name: 'getkeysandflags',
      arity: -3,
      flags: FLAGS,
      categories: CATEGORIES,
      since: '7.0.0',
      summary: 'Extracts the key names and access flags for an arbitrary command.',
      complexity: EACH_ARGUMENT,
      run: getKeysAndFlags,
    },
    {
      ...helpSubcommand('command', '5.0.0', [
        '(no subcommand)',
        '    Return details about all Redis commands.',
        'COUNT',
        '    Return the total number of commands in this Redis server.',
        'LIST',
        '    Return a list of all commands in this Redis server.',
        'INFO [<command-name> ...]',
        '    Return details about multiple Redis commands.',
        '    If no command names are given, documentation details for all',
        '    commands are returned.',
        'DOCS [<command-name> ...]',
        '    Return documentation details about multiple Redis commands.',
        '    If no command names are given, documentation details for all',
        '    commands are returned.',
        'GETKEYS <full-command>',
        '    Return the keys from a full Redis command.',
        'GETKEYSANDFLAGS <full-command>',
        '    Return the keys and the access flags from a full Redis command.',
      ]),
      categories: CATEGORIES,
    },
  ],
});
