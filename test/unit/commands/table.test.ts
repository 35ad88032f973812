/** The command table: two lists with one numbering, of which Redis's clients see one. */

import { describe, expect, it } from 'vitest';
import { COMMANDS } from '../../../src/commands/all.js';
import { textCommand } from '../../../src/commands/memcached/command.js';
import { CommandTable } from '../../../src/commands/table.js';

const twice = textCommand({ name: 'x', arity: 1, flags: [], summary: '', run: () => {} });

describe('the command table', () => {
  it('numbers commands, then subcommands, then Memcached commands', () => {
    COMMANDS.entries.forEach((entry, index) => {
      expect(entry.id).toBe(index);
    });
    COMMANDS.commands.forEach(({ name }, id) => {
      expect(COMMANDS.entries[id].name).toBe(name);
    });
    expect(COMMANDS.memcachedBase).toBe(COMMANDS.redisEntries.length);
    COMMANDS.memcached.forEach((command, index) => {
      expect(COMMANDS.entries[COMMANDS.memcachedBase + index].command).toBe(command);
    });
    expect(COMMANDS.entries).toHaveLength(COMMANDS.redisEntries.length + COMMANDS.memcached.length);
  });

  it('names Memcached commands by their protocol, and finds none of them by name', () => {
    const names = COMMANDS.entries.filter(({ protocol }) => protocol !== 'resp').map(({ name }) => name);
    expect(names).toContain('memcached|unknown');
    expect(names).toContain('memcached|binary-unknown');
    for (const name of names) expect(COMMANDS.id(name)).toBe(-1);
    expect(COMMANDS.redisEntries.every(({ protocol }) => protocol === 'resp')).toBe(true);
  });

  it('has one entry of each protocol for what is unknown', () => {
    for (const protocol of ['text', 'binary']) {
      const unknown = COMMANDS.memcached.filter(
        (command) => command.protocol === protocol && command.name === 'unknown',
      );
      expect(unknown).toHaveLength(1);
    }
  });

  it('has every opcode once', () => {
    const opcodes = COMMANDS.memcached.flatMap(({ protocol, opcode }) => (protocol === 'binary' ? [opcode] : []));
    expect(new Set(opcodes).size).toBe(opcodes.length);
  });

  it('refuses a list that has a command twice', () => {
    expect(() => new CommandTable([], [twice, twice])).toThrow('twice');
    expect(() => new CommandTable([COMMANDS.commands[0], COMMANDS.commands[0]], [])).toThrow('twice');
  });
});
