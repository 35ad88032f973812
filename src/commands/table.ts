/**
 * The command table: every command there is, in one list. A command's id is its place in it.
 *
 * Dispatch, COMMAND, key extraction in both splitters, and the statistics by command are all made from this list. The subcommands of
 * containers (`config|get`) have ids too, behind those of the commands: what is executed, counted and shown is an entry of `entries`.
 */

import { asciiBytes } from '../base/bytes.js';
import type { Command, CommandFlag, RunAsync, Subcommand } from './command.js';
import type { Request } from './request.js';

/** What can be executed: a command, or a subcommand of a container. */
export interface TableEntry {
  readonly id: number;
  /** Full name: `get`, `config|get`. */
  readonly name: string;
  readonly arity: number;
  readonly flags: readonly CommandFlag[];
  /** The command, or the container. */
  readonly command: Command;
  /** Undefined when the entry is a command. */
  readonly subcommand: Subcommand | undefined;
  /** Undefined for containers, and for what answers later. */
  readonly run: ((request: Request) => void) | undefined;
  readonly runAsync: RunAsync | undefined;
}

export class CommandTable {
  readonly commands: readonly Command[];
  /** The commands, in their order, and then the subcommands. */
  readonly entries: readonly TableEntry[];
  private readonly ids = new Map<string, number>();
  /** Names of a container's subcommands as bytes, and their ids. */
  private readonly subcommands: (readonly { name: Uint8Array; id: number }[] | undefined)[] = [];

  constructor(commands: readonly Command[]) {
    this.commands = commands;
    const entries: TableEntry[] = [];
    const add = (command: Command, subcommand: Subcommand | undefined): number => {
      const { arity, flags, run, runAsync } = subcommand ?? command;
      const name = subcommand === undefined ? command.name : `${command.name}|${subcommand.name}`;
      const id = entries.length;
      if (this.ids.has(name)) throw new Error(`command '${name}' is in the table twice`);
      this.ids.set(name, id);
      entries.push({ id, name, arity, flags, command, subcommand, run, runAsync });
      return id;
    };
    for (const command of commands) add(command, undefined);
    for (const command of commands) {
      this.subcommands.push(
        command.subcommands?.map((subcommand) => ({ name: asciiBytes(subcommand.name), id: add(command, subcommand) })),
      );
    }
    this.entries = entries;
  }

  /** Id of a command by its lower-case name, -1 when there is none. Subcommands are found by their full names (`config|get`). */
  id(name: string): number {
    return this.ids.get(name) ?? -1;
  }

  get(name: string): Command | undefined {
    return this.commands[this.id(name)];
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

/** Whether `argc` arguments are what a command of this arity takes. */
export function arityFits(arity: number, argc: number): boolean {
  return arity >= 0 ? argc === arity : argc >= -arity;
}
