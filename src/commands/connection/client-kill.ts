/** CLIENT KILL: by address, as it was first, or by any of what CLIENT LIST shows. */

import { CLOSE_AFTER_REPLY } from '../client.js';
import type { Answer, Subcommand } from '../command.js';
import { SYNTAX } from '../replies.js';
import type { Request } from '../request.js';
import { CLIENT_TYPES, type ClientFilter, type ClientType } from '../server-port.js';

const USER = 'default';
const BAD_ID = 'ERR client-id should be greater than 0';
const BAD_MAXAGE = 'ERR maxage is not an integer or out of range';
const MAXAGE_NOT_POSITIVE = 'ERR maxage should be greater than 0';

/** A class of clients by its name, in any case; `slave` is the old name of `replica`. */
export function parseClientType(name: string): ClientType | undefined {
  const lower = name.toLowerCase();
  return CLIENT_TYPES.find((type) => type === (lower === 'slave' ? 'replica' : lower));
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/** Reads `option value` into the filter. @returns an error text when it is wrong */
function readOption(request: Request, at: number, filter: Mutable<ClientFilter>): string | undefined {
  const value = request.text(at + 1);
  switch (request.text(at).toLowerCase()) {
    case 'id': {
      const id = request.bigInteger(at + 1);
      if (id === undefined || id < 1n) return BAD_ID;
      filter.ids = [Number(id)];
      return undefined;
    }
    case 'type':
      filter.type = parseClientType(value);
      return filter.type === undefined ? `ERR Unknown client type '${value}'` : undefined;
    case 'addr':
      filter.address = value;
      return undefined;
    case 'laddr':
      filter.localAddress = value;
      return undefined;
    case 'user':
      filter.user = value;
      return value === USER ? undefined : `ERR No such user '${value}'`;
    case 'maxage': {
      const age = request.bigInteger(at + 1);
      if (age === undefined) return BAD_MAXAGE;
      filter.maxAge = Number(age);
      return age < 1n ? MAXAGE_NOT_POSITIVE : undefined;
    }
    case 'skipme':
      return readSkipMe(request, value.toLowerCase(), filter);
    default:
      return SYNTAX;
  }
}

function readSkipMe(request: Request, value: string, filter: Mutable<ClientFilter>): string | undefined {
  if (value !== 'yes' && value !== 'no') return SYNTAX;
  filter.exceptId = value === 'yes' ? request.client.id : undefined;
  return undefined;
}

/** Which clients are meant; an error text when the options are wrong. */
function killFilter(request: Request): ClientFilter | string {
  if (request.argc === 3) return { address: request.text(2) };
  const filter: Mutable<ClientFilter> = { exceptId: request.client.id };
  for (let at = 2; at < request.argc; at += 2) {
    const error = at + 1 < request.argc ? readOption(request, at, filter) : SYNTAX;
    if (error !== undefined) return error;
  }
  return filter;
}

async function kill(request: Request): Promise<Answer> {
  const { client, server } = request;
  const oldForm = request.argc === 3;
  const filter = killFilter(request);
  if (typeof filter === 'string') return (reply) => reply.error(filter);
  const { killed, self } = await server.killClients(filter, client);
  return (reply) => {
    if (!oldForm) reply.integer(killed);
    else if (killed === 0) reply.error('ERR No such client');
    else reply.ok();
    if (self) client.closing = CLOSE_AFTER_REPLY;
  };
}

export const CLIENT_KILL_SUBCOMMAND: Subcommand = {
  name: 'kill',
  arity: -3,
  flags: ['admin', 'noscript', 'loading', 'stale'],
  since: '2.4.0',
  summary: 'Terminates open connections.',
  complexity: 'O(N) where N is the number of client connections',
  runAsync: kill,
};
