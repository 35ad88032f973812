/**
 * What the Memcached door answers where no command does: to requests that are malformed, to whoever has not authenticated, and when a command
 * breaks down. Each in the protocol of the request, and in memcached's words.
 *
 * With a password (`requirepass`), text clients authenticate as with memcached's option -Y: `set <any key> 0 0 <n>` whose data is the user's
 * name, a blank and the password; until then nothing else is answered. Binary clients authenticate by SASL.
 */

import { authenticate } from '../commands/authentication.js';
import { CLOSE_AFTER_REPLY } from '../commands/client.js';
import { AUTH_CMDS, AUTH_ERRORS } from '../commands/memcached/counters.js';
import type { Request } from '../commands/request.js';
import type { TableEntry } from '../commands/table.js';
import { ERROR_LINE_TOO_LONG, FLAG_BAD_CHUNK, FLAG_DATA, FLAG_TOO_LARGE } from '../protocol/descriptors.js';
import { type BinaryReply, STATUS_AUTH_ERROR, STATUS_INVALID } from '../protocol/memcached/binary-reply.js';

const STATUS_INTERNAL_ERROR = 0x84;

const UNAUTHENTICATED = 'CLIENT_ERROR unauthenticated';
const AUTHENTICATION_FAILURE = 'CLIENT_ERROR authentication failure';
const BAD_TOKEN = 'CLIENT_ERROR bad authentication token format';
const LONG_TOKEN = 'CLIENT_ERROR auth token too long';
const BAD_TERMINATION = 'CLIENT_ERROR bad command line termination';
const LINE_TOO_LONG = 'CLIENT_ERROR line too long';
const INTERNAL_ERROR = 'internal error';

/** The command by which text clients authenticate. */
const TEXT_AUTHENTICATION = 'memcached|set';

export class MemcachedRefusals {
  private readonly request: Request;
  constructor(request: Request) {
    this.request = request;
  }

  /** The request's number of arguments is not one that the command takes. */
  wrongArity({ protocol }: TableEntry): void {
    if (protocol === 'text') this.request.memcached.error('ERROR');
    else this.inBinary().status(STATUS_INVALID);
  }

  /** The client has not authenticated, and the command is none that may run before; it may be the one by which a text client does. */
  unauthenticated(entry: TableEntry): void {
    const { client, memcached } = this.request;
    if (entry.protocol === 'binary') {
      this.inBinary().status(STATUS_AUTH_ERROR);
      client.closing = CLOSE_AFTER_REPLY;
      return;
    }
    const error = entry.name === TEXT_AUTHENTICATION ? this.authenticationError() : UNAUTHENTICATED;
    if (error === '') memcached.stored();
    else memcached.error(error);
  }

  /** A frame that cannot be read; the connection is closed behind the answer. memcached gives none. @param code of EVENT_PROTOCOL_ERROR */
  protocolError(code: number): void {
    // On a binary connection, what begins with the wrong byte need not be Memcached at all.
    if (code === ERROR_LINE_TOO_LONG) this.request.memcached.error(LINE_TOO_LONG);
  }

  /** A copy of the request's header, for an answer that comes later; empty where the protocol has none. */
  headerOf({ protocol }: TableEntry): Uint8Array {
    const { request } = this;
    return protocol === 'binary' ? request.copy(0) : new Uint8Array(0);
  }

  /** A command that answers later has failed. */
  internalError({ protocol }: TableEntry, header: Uint8Array): void {
    if (protocol === 'text') {
      this.request.memcached.error(`SERVER_ERROR ${INTERNAL_ERROR}`);
      return;
    }
    const reply = this.request.memcachedBinary;
    reply.begin(header, 0);
    reply.error(STATUS_INTERNAL_ERROR, INTERNAL_ERROR);
  }

  private inBinary(): BinaryReply {
    const { request } = this;
    const { memcachedBinary: reply } = request;
    reply.begin(request.input, request.offset(0));
    return reply;
  }

  /** Authenticates a text client by the data of its `set`. @returns an error text, empty when it is authenticated now */
  private authenticationError(): string {
    const { request } = this;
    const { flags, counters } = request;
    if ((flags & FLAG_BAD_CHUNK) !== 0) return BAD_TERMINATION;
    if ((flags & FLAG_TOO_LARGE) !== 0) return LONG_TOKEN;
    if ((flags & FLAG_DATA) === 0) return UNAUTHENTICATED;
    // The password is the rest: it may have blanks in it.
    const token = /^ *([^ ]+) +(.+)$/s.exec(request.text(request.argc - 1));
    if (token === null) return BAD_TOKEN;
    const [, user, password] = token;
    counters[AUTH_CMDS]++;
    if (authenticate(request, user, Buffer.from(password, 'latin1'))) return '';
    counters[AUTH_ERRORS]++;
    return AUTHENTICATION_FAILURE;
  }
}
