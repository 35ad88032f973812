/** CONFIG: reading and changing the configuration while the server runs. */

import { globMatch } from '../../base/glob.js';
import { type Answer, type Command, command } from '../command.js';
import type { CommandFlag } from '../facts.js';
import { helpSubcommand } from '../help.js';
import { SYNTAX } from '../replies.js';
import type { Request } from '../request.js';
import type { ConfigPair } from '../server-port.js';

const FLAGS: readonly CommandFlag[] = ['admin', 'noscript', 'loading', 'stale'];

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** An argument as the text that it encodes; undefined when it is no UTF-8, so that it could not be given back as it was. */
function unicode(request: Request, index: number): string | undefined {
  try {
    return decoder.decode(request.copy(index));
  } catch {
    return undefined;
  }
}

/**
 * Names with the values that match the patterns, by the names in lower case: each parameter once. A name without wildcards is answered as it was
 * written.
 */
function matches(request: Request): Map<string, readonly [name: string, value: string]> {
  const { server } = request;
  const found = new Map<string, readonly [string, string]>();
  for (let i = 2; i < request.argc; i++) {
    const pattern = request.text(i);
    const names = /[*?[]/.test(pattern)
      ? server.configNames().filter((name) => matchesPattern(pattern, name))
      : [pattern];
    for (const name of names) {
      const value = server.configGet(name);
      const key = name.toLowerCase();
      if (value !== undefined && !found.has(key)) found.set(key, [name, value]);
    }
  }
  return found;
}

function matchesPattern(pattern: string, name: string): boolean {
  const [glob, text] = [Buffer.from(pattern, 'latin1'), Buffer.from(name)];
  return globMatch(glob, 0, glob.length, text, 0, text.length, true);
}

function get(request: Request): void {
  const { reply } = request;
  const found = matches(request);
  reply.map(found.size);
  for (const [name, value] of found.values()) {
    reply.bulkString(name);
    reply.bulkString(value);
  }
}

async function set(request: Request): Promise<Answer> {
  if (request.argc % 2 === 1) return (reply) => reply.error(SYNTAX);
  const pairs: ConfigPair[] = [];
  for (let i = 2; i < request.argc; i += 2) pairs.push([request.text(i), unicode(request, i + 1)]);
  return done(request.server.configSet(pairs));
}

/** OK, or the error text that the promise resolves to. */
async function done(result: Promise<string | undefined>): Promise<Answer> {
  const error = await result;
  return (reply) => (error === undefined ? reply.ok() : reply.error(error));
}

async function resetStatistics({ server }: Request): Promise<Answer> {
  await server.resetStatistics();
  return (reply) => reply.ok();
}

export const CONFIG_COMMAND: Command = command({
  name: 'config',
  arity: -2,
  flags: [],
  group: 'server',
  since: '2.0.0',
  summary: 'A container for server configuration commands.',
  complexity: 'Depends on subcommand.',
  subcommands: [
    {
      name: 'get',
      arity: -3,
      flags: FLAGS,
      since: '2.0.0',
      summary: 'Returns the effective values of configuration parameters.',
      complexity: 'O(N) when N is the number of configuration parameters provided',
      run: get,
    },
    {
      name: 'set',
      arity: -4,
      flags: FLAGS,
      since: '2.0.0',
      summary: 'Sets configuration parameters in-flight.',
      complexity: 'O(N) when N is the number of configuration parameters provided',
      runAsync: set,
    },
    {
      name: 'resetstat',
      arity: 2,
      flags: FLAGS,
      since: '2.0.0',
      summary: "Resets the server's statistics.",
      runAsync: resetStatistics,
    },
    {
      name: 'rewrite',
      arity: 2,
      flags: FLAGS,
      since: '2.8.0',
      summary: 'Persists the effective configuration to file.',
      runAsync: ({ server }) => done(server.configRewrite()),
    },
    helpSubcommand('config', '5.0.0', [
      'GET <pattern>',
      '    Return parameters matching the glob-like <pattern> and their values.',
      'SET <directive> <value>',
      '    Set the configuration <directive> to <value>.',
      'RESETSTAT',
      '    Reset statistics reported by the INFO command.',
      'REWRITE',
      '    Rewrite the configuration file.',
    ]),
  ],
});
