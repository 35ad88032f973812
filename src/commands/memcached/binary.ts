/** The commands of Memcached's binary protocol: those about the connection and the server are here, the others in files of their own. */

import { STATUS_UNKNOWN_COMMAND } from '../../protocol/memcached/binary-reply.js';
import { CLOSE_AFTER_REPLY } from '../client.js';
import type { CommandFlag } from '../command.js';
import type { Request } from '../request.js';
import { BINARY_ITEM_COMMANDS } from './binary-items.js';
import { begin, EXTRAS, MAY_HAVE_KEY, MAY_HAVE_VALUE, NO_KEY } from './binary-request.js';
import { BINARY_SASL_COMMANDS } from './binary-sasl.js';
import { binaryCommand, type MemcachedCommand } from './command.js';

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
  plain('unknown', -1, ['fast'], 'Answers a request whose opcode is none.', unknown),
];
