/** HELP, the subcommand that every container has, in the form that Redis gives it; and the error that points to it. */

import type { Subcommand } from './command.js';
import type { Request } from './request.js';

/** A subcommand that takes optional arguments was given more of them than it takes. */
export function badSubcommand(container: string, request: Request): string {
  const name = request.text(1).slice(0, 128);
  return `ERR unknown subcommand or wrong number of arguments for '${name}'. Try ${container.toUpperCase()} HELP.`;
}

/**
 * The HELP subcommand of a container.
 * @param container lower-case name
 * @param since first Redis version that had it
 * @param lines what HELP prints between its first line and the lines about itself
 */
export function helpSubcommand(container: string, since: string, lines: readonly string[]): Subcommand {
  const all = [
    `${container.toUpperCase()} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:`,
    ...lines,
    'HELP',
    '    Print this help.',
  ];
  return {
    name: 'help',
    arity: 2,
    flags: ['loading', 'stale'],
    summary: 'Returns helpful text about the different subcommands.',
    since,
    run: ({ reply }) => {
      reply.array(all.length);
      for (const line of all) reply.simple(line);
    },
  };
}
