/** INFO and TIME: what the server says of itself. */

import { type Command, command } from '../command.js';
import type { Request } from '../request.js';

function info(request: Request): void {
  const sections: string[] = [];
  for (let i = 1; i < request.argc; i++) sections.push(request.text(i).toLowerCase());
  request.reply.verbatim('txt', request.server.info(sections));
}

function time({ reply }: Request): void {
  // Not the clock of the batch: whoever asks for microseconds wants them.
  const microseconds = Math.floor((performance.timeOrigin + performance.now()) * 1000);
  const seconds = Math.floor(microseconds / 1e6);
  reply.array(2);
  reply.bulkInteger(seconds);
  reply.bulkInteger(microseconds - seconds * 1e6);
}

export const INFO_COMMANDS: readonly Command[] = [
  command({
    name: 'info',
    arity: -1,
    flags: ['loading', 'stale'],
    categories: ['dangerous'],
    group: 'server',
    since: '1.0.0',
    summary: 'Returns information and statistics about the server.',
    run: info,
  }),
  command({
    name: 'time',
    arity: 1,
    flags: ['loading', 'stale', 'fast'],
    group: 'server',
    since: '2.6.0',
    summary: 'Returns the server time.',
    run: time,
  }),
];
