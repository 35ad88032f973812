/** CLIENT LIST and CLIENT INFO: connections as lines of `name=value`, in Redis's words and order, and one word of ours: what they speak. */

import type { Answer, Subcommand } from '../command.js';
import { SYNTAX } from '../replies.js';
import type { Request } from '../request.js';
import type { ClientFacts, ClientFilter } from '../server-port.js';
import { parseClientType } from './client-kill.js';

/** By SPEAKS_*. */
const SPEAKS_NAMES = ['resp', 'memcached', 'memcached-text', 'memcached-binary'];

/** A connection's line. What does not exist here (transactions, subscriptions, tracking) has the value that says so. */
export function clientLine(facts: ClientFacts): string {
  const fields: readonly (readonly [string, string | number])[] = [
    ['id', facts.id],
    ['addr', facts.address],
    ['laddr', facts.localAddress],
    ['fd', facts.fd],
    ['name', facts.name],
    ['age', facts.ageSeconds],
    ['idle', facts.idleSeconds],
    ['flags', facts.flags],
    ['db', facts.database],
    ['sub', 0],
    ['psub', 0],
    ['ssub', 0],
    ['multi', -1],
    ['qbuf', facts.pendingInput],
    ['qbuf-free', 0],
    ['argv-mem', 0],
    ['multi-mem', 0],
    ['rbs', 0],
    ['rbp', 0],
    ['obl', 0],
    ['oll', facts.pendingOutput > 0 ? 1 : 0],
    ['omem', facts.pendingOutput],
    ['tot-mem', facts.memory],
    ['events', facts.pendingOutput > 0 ? 'rw' : 'r'],
    ['cmd', facts.command],
    ['user', facts.user],
    ['redir', -1],
    ['resp', facts.protocol],
    ['lib-name', facts.libraryName],
    ['lib-ver', facts.libraryVersion],
    ['speaks', SPEAKS_NAMES[facts.speaks]],
  ];
  return `${fields.map(([name, value]) => `${name}=${value}`).join(' ')}\n`;
}

/** Which clients a CLIENT LIST is about; an error text when its options are wrong. */
function listFilter(request: Request): ClientFilter | string {
  const option = request.argc > 2 ? request.text(2).toLowerCase() : '';
  if (request.argc === 4 && option === 'type') {
    const type = parseClientType(request.text(3));
    return type === undefined ? `ERR Unknown client type '${request.text(3)}'` : { type };
  }
  if (request.argc > 3 && option === 'id') {
    const ids: number[] = [];
    for (let i = 3; i < request.argc; i++) {
      const id = request.bigInteger(i);
      if (id === undefined) return 'ERR Invalid client ID';
      ids.push(Number(id));
    }
    return { ids };
  }
  return request.argc === 2 ? {} : SYNTAX;
}

async function list(request: Request): Promise<Answer> {
  const filter = listFilter(request);
  if (typeof filter === 'string') return (reply) => reply.error(filter);
  const found = await request.server.clients(filter);
  // Clients asked for by id come in the order asked for, each as often as it was.
  const clients = filter.ids?.flatMap((id) => found.filter((client) => client.id === id)) ?? found;
  return (reply) => reply.verbatim('txt', clients.map(clientLine).join(''));
}

function info({ client, reply, server }: Request): void {
  reply.verbatim('txt', clientLine(server.clientFacts(client)));
}

export const CLIENT_LIST_SUBCOMMANDS: readonly Subcommand[] = [
  {
    name: 'info',
    arity: 2,
    flags: ['noscript', 'loading', 'stale'],
    since: '6.2.0',
    summary: 'Returns information about the connection.',
    run: info,
  },
  {
    name: 'list',
    arity: -2,
    flags: ['admin', 'noscript', 'loading', 'stale'],
    since: '2.4.0',
    summary: 'Lists open connections.',
    complexity: 'O(N) where N is the number of client connections',
    runAsync: list,
  },
];
