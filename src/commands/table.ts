/**
 * The command table: every command there is, in one list. A command's id is its place in it.
 *
 * ```
 *  id  0 ...            commands.length ...      memcachedBase ...
 *      Redis commands   their subcommands        Memcached commands
 *      get set ...      config|get ...           memcached|get memcached|binary-get ...
 * ```
 *
 * Dispatch, COMMAND, key extraction in the splitters, and the statistics by command are all made from this list: what is executed, counted and
 * shown is an entry of `entries`. Memcached's commands are found by their splitters alone; to Redis's clients they do not exist.
 */

import { asciiBytes } from '../base/bytes.js';
import type { SplitterTable } from '../protocol/descriptors.js';
import type { Command, RunAsync, Subcommand } from './command.js';
import type { Catalogue, EntryFacts } from './facts.js';
import type { MemcachedCommand } from './memcached/command.js';
import type { Request } from './request.js';

/** What can be executed: a command, or a subcommand of a container. */
export interface TableEntry extends EntryFacts {
  readonly command: Command;
  readonly subcommand: Subcommand | undefined;
  /** Undefined for containers, and for what answers later. */
  readonly run: ((request: Request) => void) | undefined;
  readonly runAsync: RunAsync | undefined;
}

export class CommandTable implements Catalogue, SplitterTable {
  readonly commands: readonly Command[];
  readonly memcached: readonly MemcachedCommand[];
  /** Id of the first Memcached command. */
  readonly memcachedBase: number;
  readonly entries: readonly TableEntry[];
  readonly redisEntries: readonly TableEntry[];
  private readonly ids = new Map<string, number>();
  /** Names of a container's subcommands as bytes, and their ids. */
  private readonly subcommands: (readonly { name: Uint8Array; id: number }[] | undefined)[] = [];

  constructor(commands: readonly Command[], memcached: readonly MemcachedCommand[]) {
    this.commands = commands;
    this.memcached = memcached;
    const entries: TableEntry[] = [];
    const add = (command: Command, subcommand: Subcommand | undefined): number => {
      const { arity, flags, run, runAsync } = subcommand ?? command;
      const name = subcommand === undefined ? command.name : `${command.name}|${subcommand.name}`;
      const id = entries.length;
      if (this.ids.has(name)) throw new Error(`command '${name}' is in the table twice`);
      this.ids.set(name, id);
      entries.push({ id, name, protocol: 'resp', arity, flags, command, subcommand, run, runAsync });
      return id;
    };
    for (const command of commands) add(command, undefined);
    for (const command of commands) {
      this.subcommands.push(
        command.subcommands?.map((subcommand) => ({ name: asciiBytes(subcommand.name), id: add(command, subcommand) })),
      );
    }
    this.redisEntries = entries;
    this.memcachedBase = entries.length;
    this.entries = [...entries, ...memcached.map((command, index) => memcachedEntry(command, entries.length + index))];
    if (new Set(this.entries.map(({ name }) => name)).size < this.entries.length)
      throw new Error('a Memcached command is in the table twice');
  }

  id(name: string): number {
    return this.ids.get(name) ?? -1;
  }

  /**
   * The subcommand that a request to a container asks for.
   * @param container id of the container
   * @returns id of the subcommand's entry, -1 when there is none of that name
   */
  subcommandId(container: number, request: Request): number {
    const found = this.subcommands[container]?.find((subcommand) => request.is(1, subcommand.name));
    return found === undefined ? -1 : found.id;
  }
}

function memcachedEntry(command: MemcachedCommand, id: number): TableEntry {
  const { protocol, arity, flags, run, runAsync } = command;
  const name = `memcached|${protocol === 'binary' ? 'binary-' : ''}${command.name}`;
  return { id, name, protocol, arity, flags, command, subcommand: undefined, run, runAsync };
}
