/** What COMMAND DOCS says of arguments agrees with what the table says of their number, and of which of them are keys. */

import { describe, expect, it, test } from 'vitest';
import { COMMANDS } from '../../../src/commands/all.js';
import { keySpecsOf } from '../../../src/commands/server/command-details.js';
import { COMMANDS_WITH_CHANGES } from '../../../src/commands/server/command-history.js';
import { type Argument, argumentsOf, COMMANDS_WITH_ARGUMENTS } from '../../../src/commands/server/command-syntax.js';

/** How many words an argument is, at least and at most. */
function wordsOf(argument: Argument): [least: number, most: number] {
  const [least, most] = bareWordsOf(argument);
  const withToken = argument.token === undefined || argument.type === 'pure-token' ? 0 : 1;
  return [argument.optional ? 0 : least + withToken, argument.multiple ? Number.POSITIVE_INFINITY : most + withToken];
}

function bareWordsOf({ type, arguments: inner = [] }: Argument): [number, number] {
  if (type === 'oneof') {
    const counts = inner.map(wordsOf);
    return [Math.min(...counts.map(([least]) => least)), Math.max(...counts.map(([, most]) => most))];
  }
  if (type !== 'block') return [1, 1];
  return inner.map(wordsOf).reduce(([a, b], [c, d]) => [a + c, b + d], [0, 0]);
}

describe('the syntax of every command', () => {
  test('is of a command that there is, and so are changes', () => {
    for (const name of COMMANDS_WITH_ARGUMENTS) expect(COMMANDS.id(name), name).toBeGreaterThanOrEqual(0);
    for (const name of COMMANDS_WITH_CHANGES) expect(COMMANDS.id(name), name).toBeGreaterThanOrEqual(0);
  });

  for (const entry of COMMANDS.redisEntries) {
    if (entry.command.subcommands !== undefined && entry.subcommand === undefined) continue;
    // DEBUG has subcommands of its own, each with its own arguments.
    if (entry.name === 'debug') continue;
    it(`agrees with the table: ${entry.name}`, () => {
      const args = argumentsOf(entry.name);
      const names = entry.subcommand === undefined ? 1 : 2;
      const [least, most] = bareWordsOf({ name: '', type: 'block', arguments: [...args] });
      const { arity } = entry;
      // Redis counts the new form of CLIENT KILL, whose words can all be left out, as one word at least.
      expect(Math.max(least, entry.name === 'client|kill' ? 1 : 0) + names).toBe(Math.abs(arity));
      if (arity > 0) expect(most + names).toBe(arity);
      const ranges = new Set(keysOf(args).map(({ keyRange }) => keyRange));
      expect([...ranges].sort()).toEqual(keySpecsOf(entry).map((_, range) => range));
    });
  }
});

function keysOf(args: readonly Argument[]): Argument[] {
  return args.flatMap((argument) => (argument.type === 'key' ? [argument] : keysOf(argument.arguments ?? [])));
}

describe('notation', () => {
  it('is read as it is written', () => {
    expect(argumentsOf('expire')).toEqual([
      { name: 'key', type: 'key', keyRange: 0 },
      { name: 'seconds', type: 'integer' },
      {
        name: 'condition',
        type: 'oneof',
        optional: true,
        since: '7.0.0',
        arguments: ['NX', 'XX', 'GT', 'LT'].map((token) => ({ name: token.toLowerCase(), type: 'pure-token', token })),
      },
    ]);
    expect(argumentsOf('bitfield_ro')[1]).toEqual({
      name: 'get-block',
      type: 'block',
      token: 'GET',
      optional: true,
      multiple: true,
      multipleToken: true,
      arguments: [
        { name: 'encoding', type: 'string' },
        { name: 'offset', type: 'integer' },
      ],
    });
    expect(argumentsOf('client|list')[1]).toEqual({
      name: 'client-id',
      type: 'integer',
      token: 'ID',
      optional: true,
      multiple: true,
      since: '6.2.0',
    });
    expect(argumentsOf('client|kill')[0].arguments?.[0]).toEqual({
      name: 'old-format',
      type: 'string',
      deprecatedSince: '2.8.12',
    });
    expect(argumentsOf('rename')[1]).toEqual({ name: 'newkey', type: 'key', keyRange: 1 });
  });
});
