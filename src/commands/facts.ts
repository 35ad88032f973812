/**
 * What is said of a command: its name, its flags, its keys, what it is for; not what it does. Dispatch needs what it does (command.ts); COMMAND, ACL
 * categories and statistics need no more than this.
 *
 * Nothing here knows of requests. So a request can know the server, and the server's port the catalogue of all commands, without a circle.
 */

import type { CommandKeys, MemcachedKeys } from '../protocol/descriptors.js';

/** Redis's flags that mean something here; COMMAND INFO shows them. */
export type CommandFlag =
  | 'write'
  | 'readonly'
  | 'denyoom'
  | 'admin'
  | 'noscript'
  | 'loading'
  | 'stale'
  | 'fast'
  | 'no_auth'
  | 'blocking'
  | 'movablekeys'
  | 'allow_busy'
  | 'no_multi'
  | 'noasync'
  | 'pubsub'
  | 'skip_monitor'
  | 'skip_slowlog'
  | 'protected';

export type CommandGroup = 'string' | 'bitmap' | 'generic' | 'connection' | 'server' | 'ashlar' | 'memcached';

/** What is said of one subcommand of a container (`config get`). */
export interface SubcommandFacts {
  /** Lower case, e.g. `get`. */
  readonly name: string;
  /** As Redis counts it: the container's and the subcommand's names included; negative = at least. */
  readonly arity: number;
  readonly flags: readonly CommandFlag[];
  readonly categories?: readonly string[];
  readonly firstKey?: number;
  readonly lastKey?: number;
  readonly keyStep?: number;
  readonly summary: string;
  readonly since: string;
  readonly complexity?: string;
}

/** What is said of a command. */
export interface CommandFacts extends CommandKeys {
  /** Lower-case name. */
  readonly name: string;
  /** Number of arguments, the name included; negative = at least. */
  readonly arity: number;
  readonly flags: readonly CommandFlag[];
  /** ACL categories without the `@`, beyond those that follow from flags and group. */
  readonly categories: readonly string[];
  readonly group: CommandGroup;
  readonly summary: string;
  /** First Redis version that had it. */
  readonly since: string;
  readonly complexity: string;
  /** A container's subcommands. */
  readonly subcommands?: readonly SubcommandFacts[];
}

/** A command, or a subcommand of a container. */
export interface EntryFacts {
  readonly id: number;
  /** Full name: `get`, `config|get`, `memcached|get`, `memcached|binary-get`. */
  readonly name: string;
  /** What its requests and replies are written in. */
  readonly protocol: 'resp' | MemcachedKeys['protocol'];
  readonly arity: number;
  readonly flags: readonly CommandFlag[];
  /** The command, or the container. */
  readonly command: CommandFacts;
  /** Undefined when the entry is a command. */
  readonly subcommand: SubcommandFacts | undefined;
}

/** Every command there is. */
export interface Catalogue {
  /** Redis's commands. */
  readonly commands: readonly CommandFacts[];
  /** The commands, in their order, then the subcommands, then Memcached's commands. */
  readonly entries: readonly EntryFacts[];
  /** What Redis's clients may know of: the commands and the subcommands. */
  readonly redisEntries: readonly EntryFacts[];
  /** Id of a Redis command by its lower-case name, -1 when there is none. Subcommands are found by their full names (`config|get`). */
  id(name: string): number;
}

/** Whether `argc` arguments are what a command of this arity takes. */
export function arityFits(arity: number, argc: number): boolean {
  return arity >= 0 ? argc === arity : argc >= -arity;
}
