/** The commands of Memcached's binary protocol: those about the connection and the server are here, the others in files of their own. */

import { STATUS_NOT_FOUND, STATUS_OK, STATUS_UNKNOWN_COMMAND } from '../../protocol/memcached/binary-reply.js';
import { CLOSE_AFTER_REPLY } from '../client.js';
import type { Answer } from '../command.js';
import type { CommandFlag } from '../facts.js';
import type { Request } from '../request.js';
import { BINARY_ITEM_COMMANDS } from './binary-items.js';
import {
  begin,
  EXTRAS,
  extra,
  HEADER,
  KEY,
  MAY_HAVE_KEY,
  MAY_HAVE_VALUE,
  NO_KEY,
  statusOfShape,
} from './binary-request.js';
import { BINARY_SASL_COMMANDS } from './binary-sasl.js';
import { binaryCommand, type MemcachedCommand } from './command.js';
import { CMD_FLUSH } from './counters.js';
import { flush } from './flushing.js';
import { statisticsOf } from './statistics.js';

const DELAY_BYTES = 4;

function noop(request: Request): void {
  if (begin(request, 0, NO_KEY)) request.memcachedBinary.empty(0, 0);
}

function version(request: Request): void {
  if (begin(request, 0, NO_KEY)) request.memcachedBinary.text(request.server.memcachedVersion);
}

function quit(request: Request): void {
  if (!begin(request, 0, NO_KEY)) return;
  request.memcachedBinary.empty(0, 0);
  request.client.closing = CLOSE_AFTER_REPLY;
}

function quitq(request: Request): void {
  if (begin(request, 0, NO_KEY)) request.client.closing = CLOSE_AFTER_REPLY;
}

function flushAll(request: Request, quiet: boolean): void {
  const hasDelay = request.length(EXTRAS) > 0;
  if (!begin(request, hasDelay ? DELAY_BYTES : 0, NO_KEY)) return;
  request.counters[CMD_FLUSH]++;
  flush(request, hasDelay ? extra(request, 0) >>> 0 : 0);
  if (!quiet) request.memcachedBinary.empty(0, 0);
}

/** One response for each statistic, and an empty one. The key names the group. */
async function stat(request: Request): Promise<Answer> {
  const { memcachedBinary, server, client } = request;
  // The answer comes later, when other requests have been answered.
  const header = request.copy(HEADER);
  const status = statusOfShape(request, 0, MAY_HAVE_KEY | MAY_HAVE_VALUE);
  if (status !== STATUS_OK) {
    return () => {
      memcachedBinary.begin(header, 0);
      memcachedBinary.status(status);
      client.closing = CLOSE_AFTER_REPLY;
    };
  }
  const group = request.text(KEY);
  const found = group === 'reset' ? [] : await statisticsOf(request, group);
  if (group === 'reset') await server.resetStatistics();
  return () => {
    memcachedBinary.begin(header, 0);
    if (found === undefined) {
      memcachedBinary.status(STATUS_NOT_FOUND);
      return;
    }
    for (const [name, value] of found) memcachedBinary.statistic(name, String(value));
    memcachedBinary.empty(0, 0);
  };
}

function unknown(request: Request): void {
  if (begin(request, request.length(EXTRAS), MAY_HAVE_KEY | MAY_HAVE_VALUE))
    request.memcachedBinary.status(STATUS_UNKNOWN_COMMAND);
}

function plain(
  name: string,
  opcode: number,
  flags: readonly CommandFlag[],
  summary: string,
  run: (request: Request) => void,
): MemcachedCommand {
  return binaryCommand({ name, opcode, flags, summary, run });
}

export const BINARY_COMMANDS: readonly MemcachedCommand[] = [
  ...BINARY_ITEM_COMMANDS,
  ...BINARY_SASL_COMMANDS,
  plain('noop', 0x0a, ['fast'], 'Answers, behind all that quiet requests had to say.', noop),
  plain('version', 0x0b, ['fast', 'no_auth'], 'Names the version.', version),
  plain('quit', 0x07, ['fast'], 'Answers and closes the connection.', quit),
  plain('quitq', 0x17, ['fast'], 'Closes the connection.', quitq),
  plain('flush', 0x08, ['write'], 'Removes every item, at once or after some seconds.', (request) =>
    flushAll(request, false),
  ),
  plain('flushq', 0x18, ['write'], 'As FLUSH; answers errors only.', (request) => flushAll(request, true)),
  binaryCommand({ name: 'stat', opcode: 0x10, flags: ['admin'], summary: 'Shows statistics.', runAsync: stat }),
  plain('unknown', -1, ['fast'], 'Answers a request whose opcode is none.', unknown),
];
