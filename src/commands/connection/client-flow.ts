/** CLIENT PAUSE, UNPAUSE and UNBLOCK: holding up other connections, and letting them go. */

import type { Answer, Subcommand } from '../command.js';
import type { CommandFlag } from '../facts.js';
import { badSubcommand } from '../help.js';
import { NOT_INTEGER } from '../replies.js';
import type { Request } from '../request.js';

const FLAGS: readonly CommandFlag[] = ['admin', 'noscript', 'loading', 'stale'];
const INT64_MAX = 0x7fffffffffffffffn;

const error = (text: string): Answer => {
  return (reply) => reply.error(text);
};

async function pause(request: Request): Promise<Answer> {
  if (request.argc > 4) return error(badSubcommand('client', request));
  const mode = request.argc === 4 ? request.text(3).toLowerCase() : 'all';
  if (mode !== 'all' && mode !== 'write') return error('ERR CLIENT PAUSE mode must be WRITE or ALL');
  const milliseconds = request.bigInteger(2);
  if (milliseconds === undefined) return error('ERR timeout is not an integer or out of range');
  if (milliseconds < 0n) return error('ERR timeout is negative');
  const now = request.clock.now;
  if (milliseconds > INT64_MAX - BigInt(now)) return error('ERR timeout is out of range');
  if (milliseconds > 0n) await request.server.pause(now + Number(milliseconds), mode === 'all');
  return (reply) => reply.ok();
}

async function unpause(request: Request): Promise<Answer> {
  await request.server.pause(0, true);
  return (reply) => reply.ok();
}

/** No client is ever blocked in a command that could be ended: there are no blocking commands. */
function unblock(request: Request): void {
  const { reply } = request;
  const reason = request.argc >= 4 ? request.text(3).toLowerCase() : 'timeout';
  if (request.argc > 4) reply.error(badSubcommand('client', request));
  else if (reason !== 'timeout' && reason !== 'error')
    reply.error('ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR');
  else if (request.bigInteger(2) === undefined) reply.error(NOT_INTEGER);
  else reply.integer(0);
}

export const CLIENT_FLOW_SUBCOMMANDS: readonly Subcommand[] = [
  {
    name: 'pause',
    arity: -3,
    flags: FLAGS,
    since: '3.0.0',
    summary: 'Suspends commands processing.',
    runAsync: pause,
  },
  {
    name: 'unpause',
    arity: 2,
    flags: FLAGS,
    since: '6.2.0',
    summary: 'Resumes processing commands from paused clients.',
    complexity: 'O(N) Where N is the number of paused clients',
    runAsync: unpause,
  },
  {
    name: 'unblock',
    arity: -3,
    flags: FLAGS,
    since: '5.0.0',
    summary: 'Unblocks a client blocked by a blocking command from a different connection.',
    complexity: 'O(log N) where N is the number of client connections',
    run: unblock,
  },
];
