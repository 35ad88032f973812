/**
 * The command table: every command there is, in one list. A command's id is its place in it.
 *
 * Dispatch, COMMAND, key extraction in both splitters, and the statistics by command are all made from this list.
 */

import { asciiBytes } from '../base/bytes.js';
import type { Command, Subcommand } from './command.js';
import { wrongArity } from './replies.js';
import type { Request } from './request.js';

export class CommandTable {
  readonly commands: readonly Command[];
  private readonly ids = new Map<string, number>();

  constructor(commands: readonly Command[]) {
    this.commands = commands;
    commands.forEach((entry, id) => {
      if (this.ids.has(entry.name)) throw new Error(`command '${entry.name}' is in the table twice`);
      this.ids.set(entry.name, id);
    });
  }

  /** Id of a command by its lower-case name, -1 when there is none. */
  id(name: string): number {
    return this.ids.get(name) ?? -1;
  }

  get(name: string): Command | undefined {
    return this.commands[this.id(name)];
  }
}

/** The subcommand that a request to a container asks for; undefined when there is none of that name. */
export function findSubcommand(container: Command, request: Request): Subcommand | undefined {
  return container.subcommands?.find((subcommand) => request.is(1, subcommandBytes(subcommand)));
}

const namesAsBytes = new WeakMap<Subcommand, Uint8Array>();

function subcommandBytes(subcommand: Subcommand): Uint8Array {
  let bytes = namesAsBytes.get(subcommand);
  if (bytes === undefined) {
    bytes = asciiBytes(subcommand.name);
    namesAsBytes.set(subcommand, bytes);
  }
  return bytes;
}

/** Answers a request to a container that names no subcommand, or one with the wrong number of arguments. Returns undefined when it did. */
export function checkedSubcommand(container: Command, request: Request): Subcommand | undefined {
  const subcommand = findSubcommand(container, request);
  if (subcommand === undefined) {
    request.reply.error(`ERR unknown subcommand '${request.text(1).slice(0, 128)}'. Try ${container.name.toUpperCase()} HELP.`);
    return undefined;
  }
  if (!arityFits(subcommand.arity, request.argc)) {
    request.reply.error(wrongArity(`${container.name}|${subcommand.name}`));
    return undefined;
  }
  return subcommand;
}

/** Whether `argc` arguments are what a command of this arity takes. */
export function arityFits(arity: number, argc: number): boolean {
  return arity >= 0 ? argc === arity : argc >= -arity;
}
