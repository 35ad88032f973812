/**
 * Authentication of binary clients: SASL, with the one mechanism PLAIN, whose message is `[identity] NUL user NUL password`. It comes
 * with AUTH, or, if that has none, with STEP.
 *
 * As in memcached, there is no SASL where no password is asked for: the requests are unknown then. Where one is, VERSION and these requests are
 * all that a client may send before; another one is refused, and the connection closed.
 */

import {
  STATUS_AUTH_CONTINUE,
  STATUS_AUTH_ERROR,
  STATUS_INVALID,
  STATUS_UNKNOWN_COMMAND,
} from '../../protocol/memcached/binary-reply.js';
import { authenticate } from '../authentication.js';
import type { Client } from '../client.js';
import type { Request } from '../request.js';
import { begin, KEY, MAY_HAVE_VALUE, NEEDS_KEY, NO_KEY, VALUE } from './binary-request.js';
import { binaryCommand, type MemcachedCommand } from './command.js';
import { AUTH_CMDS, AUTH_ERRORS } from './counters.js';

const MECHANISM = 'PLAIN';
/** Longest name of a mechanism. */
const MECHANISM_BYTES_MAX = 32;
const AUTHENTICATED = 'Authenticated';
const NUL = 0;

/** Whether there is SASL here; answers when there is not. */
function isOffered(request: Request): boolean {
  if (request.server.requirePassword !== '') return true;
  request.memcachedBinary.status(STATUS_UNKNOWN_COMMAND);
  return false;
}

function listMechanisms(request: Request): void {
  if (begin(request, 0, NO_KEY) && isOffered(request)) request.memcachedBinary.text(MECHANISM);
}

/** Clients that have begun without a message, which is to come by a STEP. */
const begun = new WeakSet<Client>();

function auth(request: Request): void {
  if (!begin(request, 0, NEEDS_KEY | MAY_HAVE_VALUE) || !isOffered(request)) return;
  const { client, memcachedBinary: reply } = request;
  if (request.length(KEY) > MECHANISM_BYTES_MAX) {
    reply.status(STATUS_INVALID);
    return;
  }
  const known = request.text(KEY).toUpperCase() === MECHANISM;
  if (known && request.length(VALUE) === 0) {
    begun.add(client);
    reply.status(STATUS_AUTH_CONTINUE);
  } else answer(request, known && isRight(request));
}

function step(request: Request): void {
  if (!begin(request, 0, NEEDS_KEY | MAY_HAVE_VALUE) || !isOffered(request)) return;
  answer(request, begun.delete(request.client) && isRight(request));
}

function answer({ counters, memcachedBinary: reply }: Request, right: boolean): void {
  counters[AUTH_CMDS]++;
  if (right) {
    reply.text(AUTHENTICATED);
    return;
  }
  counters[AUTH_ERRORS]++;
  reply.status(STATUS_AUTH_ERROR);
}

/** Whether a PLAIN message has the right user and password: the client is authenticated then. */
function isRight(request: Request): boolean {
  const message = request.copy(VALUE);
  const user = message.indexOf(NUL) + 1;
  const password = message.indexOf(NUL, user) + 1;
  if (user === 0 || password === 0) return false;
  const name = Buffer.from(message.subarray(user, password - 1)).toString();
  return authenticate(request, name, message.subarray(password));
}

function sasl(name: string, opcode: number, summary: string, run: (request: Request) => void): MemcachedCommand {
  return binaryCommand({ name, opcode, flags: ['no_auth', 'fast'], summary, run });
}

export const BINARY_SASL_COMMANDS: readonly MemcachedCommand[] = [
  sasl('sasl-list-mechs', 0x20, 'Names the mechanisms of authentication.', listMechanisms),
  sasl('sasl-auth', 0x21, 'Begins to authenticate, and with PLAIN is all of it.', auth),
  sasl('sasl-step', 0x22, 'Goes on authenticating.', step),
];
