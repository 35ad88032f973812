/**
 * What a Memcached command is: an entry of the same table as Redis's commands, run by the same dispatcher on the same shards. Only what the
 * splitters must know of it differs (`MemcachedKeys`), and that it writes its replies with the encoders of its own protocol.
 *
 * In the table a command of the text protocol is named `memcached|get` and one of the binary protocol `memcached|binary-get`; those names are shown in
 * statistics, and to Redis's clients there are no such commands.
 */

import type { MemcachedKeys } from '../../protocol/descriptors.js';
import type { Command, RunAsync } from '../command.js';
import type { CommandFlag } from '../facts.js';
import type { Request } from '../request.js';

export interface MemcachedCommand extends Command, MemcachedKeys {}

/** What the families of commands write down; the rest follows from it. */
interface Definition {
  /** Text: what the line begins with. Binary: the opcode's name in lower case. `unknown` stands for all that is none of the others. */
  readonly name: string;
  /** Text: number of arguments, the name and the data block included; negative = at least. Another number is answered by `ERROR`. */
  readonly arity: number;
  /** As for Redis's commands: `write` waits for the end of CLIENT PAUSE, `fast` is not timed by itself, `no_auth` may run before authentication. */
  readonly flags: readonly CommandFlag[];
  readonly firstKey?: number;
  readonly lastKey?: number;
  readonly keyStep?: number;
  /** One sentence. */
  readonly summary: string;
  /** Exactly one of `run` and `runAsync` is there. */
  readonly run?: (request: Request) => void;
  readonly runAsync?: RunAsync;
}

/**
 * A command of the text protocol, meta commands included.
 * @param definition `dataLength`: index of the argument that says how long the data block is, when there is one
 */
export function textCommand(definition: Definition & { readonly dataLength?: number }): MemcachedCommand {
  return complete({ dataLength: 0, ...definition, protocol: 'text', opcode: -1 });
}

/** A command of the binary protocol. Its arguments are always header, key, extras and value: argument 1 is the key. */
export function binaryCommand(definition: Omit<Definition, 'arity'> & { readonly opcode: number }): MemcachedCommand {
  return complete({ ...definition, arity: 4, protocol: 'binary', dataLength: 0 });
}

function complete(
  definition: Definition & Pick<MemcachedKeys, 'protocol' | 'dataLength' | 'opcode'>,
): MemcachedCommand {
  const firstKey = definition.firstKey ?? 0;
  return {
    ...definition,
    firstKey,
    lastKey: definition.lastKey ?? firstKey,
    keyStep: definition.keyStep ?? (firstKey === 0 ? 0 : 1),
    group: 'memcached',
    categories: [],
    since: '',
    complexity: 'O(1)',
  };
}
