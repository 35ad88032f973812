/** Texts for requests that are none: commands that do not exist, frames that are malformed, and what was meant for a web server. */

import { OOM } from '../commands/replies.js';
import type { Request } from '../commands/request.js';
import { DETAIL_ABOVE_LIMIT, ERROR_BULK_LENGTH, PROTOCOL_ERRORS } from '../protocol/descriptors.js';

/** Characters of a request that a text repeats at most. */
const REPEATED_MAX = 128;

/** The name of a command that does not exist, and some of its arguments. */
export function unknownCommand(request: Request): string {
  let args = '';
  for (let i = 1; i < request.argc && args.length < REPEATED_MAX; i++) {
    args += `'${request.text(i).slice(0, REPEATED_MAX - args.length)}' `;
  }
  return `ERR unknown command '${request.text(0).slice(0, REPEATED_MAX)}', with args beginning with: ${args}`;
}

/** A container was given a subcommand that it does not have. */
export function unknownSubcommand(container: string, request: Request): string {
  const name = request.text(1).slice(0, REPEATED_MAX);
  return `ERR unknown subcommand '${name}'. Try ${container.toUpperCase()} HELP.`;
}

/**
 * @param code of EVENT_PROTOCOL_ERROR
 * @param detail the byte that was found in the place of another; or DETAIL_ABOVE_LIMIT
 * @param memoryBounds whether the limit of an argument is what there is memory for
 */
export function protocolError(code: number, detail: number, memoryBounds: boolean): string {
  if (code === ERROR_BULK_LENGTH && detail === DETAIL_ABOVE_LIMIT && memoryBounds) return OOM;
  return `ERR Protocol error: ${PROTOCOL_ERRORS[code].replace('%c', String.fromCharCode(detail & 0xff))}`;
}

/** HTTP on this port is somebody's browser, or worse, being used against us: the connection is hung up on. */
export function isHttp(request: Request): boolean {
  const name = request.text(0).toLowerCase();
  return name === 'post' || name === 'host:';
}

export function httpWarning(address: string): string {
  return `Possible SECURITY ATTACK detected. It looks like somebody is sending POST or Host: commands to the server. Connection from ${address} aborted.`;
}
