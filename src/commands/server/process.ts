/** MONITOR, SHUTDOWN and ROLE. */

import { CLOSE_AFTER_REPLY, type Client } from '../client.js';
import { type Answer, type Command, command } from '../command.js';
import { SYNTAX } from '../replies.js';
import type { Request } from '../request.js';

/** A client that is a monitor already gets no reply, as in Redis. */
async function monitor({ client, server }: Request): Promise<Answer> {
  if (client.monitor) return () => {};
  await server.monitor(client);
  return (reply) => reply.ok();
}

interface ShutdownOptions {
  readonly save: boolean;
  readonly force: boolean;
  readonly abort: boolean;
}

/** Reads SHUTDOWN's options; undefined when they do not go together. */
function shutdownOptions(request: Request): ShutdownOptions | undefined {
  const words = new Set<string>();
  for (let i = 1; i < request.argc; i++) words.add(request.text(i).toLowerCase());
  const known = ['nosave', 'save', 'now', 'force', 'abort'];
  if ([...words].some((word) => !known.includes(word))) return undefined;
  const [nosave, save, now, force, abort] = known.map((word) => words.has(word));
  if ((abort && (nosave || save || now || force)) || (nosave && save)) return undefined;
  return { save, force, abort };
}

/**
 * Stops the server as SIGTERM does: what has been read is answered first. NOW is about replicas that are behind, and there are none. There is nothing
 * to save to: SAVE cannot be done, and stops the server only with FORCE, as in Redis when saving fails.
 */
function shutdown(request: Request): void {
  const { client, reply, server } = request;
  const options = shutdownOptions(request);
  if (options === undefined) reply.error(SYNTAX);
  else if (options.abort) reply.error('ERR No shutdown in progress.');
  else if (options.save && !options.force) {
    server.log('SHUTDOWN SAVE was refused: persistence is not available');
    reply.error('ERR Errors trying to SHUTDOWN. Check logs.');
  } else {
    hangUp(client);
    server.shutdown();
  }
}

/** The end of the connection is the reply. */
function hangUp(client: Client): void {
  client.closing = CLOSE_AFTER_REPLY;
}

function role({ reply }: Request): void {
  reply.array(3);
  reply.bulkAscii('master');
  reply.integer(0);
  reply.array(0);
}

export const PROCESS_COMMANDS: readonly Command[] = [
  command({
    name: 'monitor',
    arity: 1,
    flags: ['admin', 'noscript', 'loading', 'stale'],
    group: 'server',
    since: '1.0.0',
    summary: 'Listens for all requests received by the server in real-time.',
    runAsync: monitor,
  }),
  command({
    name: 'shutdown',
    arity: -1,
    flags: ['admin', 'noscript', 'loading', 'stale', 'no_multi', 'allow_busy'],
    group: 'server',
    since: '1.0.0',
    summary: 'Synchronously saves the database(s) to disk and shuts down the Redis server.',
    complexity:
      'O(N) when saving, where N is the total number of keys in all databases when saving data, otherwise O(1)',
    run: shutdown,
  }),
  command({
    name: 'role',
    arity: 1,
    flags: ['noscript', 'loading', 'stale', 'fast'],
    categories: ['admin', 'dangerous'],
    group: 'server',
    since: '2.8.12',
    summary: 'Returns the replication role.',
    run: role,
  }),
];
