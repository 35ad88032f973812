/**
 * What a command is: the one description from which dispatch, COMMAND, key extraction and the statistics are made.
 */

import type { CommandKeys } from '../protocol/descriptors.js';
import type { ReplyWriter } from '../protocol/resp/reply.js';
import type { Request } from './request.js';

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

/** Writes the reply of a command that answers later. */
export type Answer = (reply: ReplyWriter) => void;

/**
 * A command that answers later. It takes what it needs of the request before its first `await`; the connection reads no further
 * command until the promise is settled and the answer is written.
 */
export type RunAsync = (request: Request) => Promise<Answer>;

/** One subcommand of a container (`config get`). */
export interface Subcommand {
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
  /** Answers at once. Exactly one of `run` and `runAsync` is there. */
  readonly run?: (request: Request) => void;
  readonly runAsync?: RunAsync;
}

export interface Command extends CommandKeys {
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
  /** Exactly one of `run`, `runAsync` and `subcommands` is there. */
  readonly run?: (request: Request) => void;
  readonly runAsync?: RunAsync;
  /**
   * The command is too quick to be timed by itself, though Redis does not flag it `fast`: like those, it is given its share of the time of
   * its batch.
   */
  readonly shareTime?: boolean;
  /** A container's subcommands: the table makes its `run`. */
  readonly subcommands?: readonly Subcommand[];
  /** Keys that first, last and step cannot say: indexes of the key arguments of a request. */
  readonly findKeys?: (request: Request) => number[];
}

/** Shorthand with the defaults of most commands: one key at position 1. */
export function command(
  definition: Omit<Command, 'firstKey' | 'lastKey' | 'keyStep' | 'categories' | 'complexity'> &
    Partial<Pick<Command, 'firstKey' | 'lastKey' | 'keyStep' | 'categories' | 'complexity'>>,
): Command {
  const keyed = definition.group === 'string' || definition.group === 'bitmap' || definition.group === 'generic';
  const firstKey = definition.firstKey ?? (keyed ? 1 : 0);
  return {
    ...definition,
    firstKey,
    lastKey: definition.lastKey ?? firstKey,
    keyStep: definition.keyStep ?? (firstKey === 0 ? 0 : 1),
    categories: definition.categories ?? [],
    complexity: definition.complexity ?? 'O(1)',
  };
}
