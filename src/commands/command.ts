/**
 * What a command is: the one description from which dispatch, COMMAND, key extraction and the statistics are made. What is said of it is in facts.ts;
 * here is what it does.
 */

import type { ReplyWriter } from '../protocol/resp/reply.js';
import type { CommandFacts, SubcommandFacts } from './facts.js';
import type { Request } from './request.js';

/** Writes the reply of a command that answers later. */
export type Answer = (reply: ReplyWriter) => void;

/**
 * A command that answers later. It takes what it needs of the request before its first `await`; the connection reads no further
 * command until the promise is settled and the answer is written.
 */
export type RunAsync = (request: Request) => Promise<Answer>;

/** One subcommand of a container (`config get`). */
export interface Subcommand extends SubcommandFacts {
  /** Answers at once. Exactly one of `run` and `runAsync` is there. */
  readonly run?: (request: Request) => void;
  readonly runAsync?: RunAsync;
}

export interface Command extends CommandFacts {
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
