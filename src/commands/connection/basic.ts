/** PING, ECHO, QUIT, RESET: what clients send to see whether anybody is there, and to begin again. */

import { CLOSE_AFTER_REPLY, REPLY_ON } from '../client.js';
import { type Command, command } from '../command.js';
import { wrongArity } from '../replies.js';
import type { Request } from '../request.js';

function ping(request: Request): void {
  if (request.argc > 2) request.reply.error(wrongArity('ping'));
  else if (request.argc === 1) request.reply.pong();
  else request.reply.bulk(request.input, request.offset(1), request.length(1));
}

function echo(request: Request): void {
  request.reply.bulk(request.input, request.offset(1), request.length(1));
}

function quit({ client, reply }: Request): void {
  reply.ok();
  client.closing = CLOSE_AFTER_REPLY;
}

/** The connection becomes what it was when it was new; only its id and its library's name stay. */
function reset(request: Request): void {
  const { client, reply, server } = request;
  client.database = 0;
  client.protocol = 2;
  client.name = '';
  client.user = 'default';
  client.authenticated = server.requirePassword === '';
  client.replyMode = REPLY_ON;
  client.monitor = false;
  client.noEvict = false;
  client.noTouch = false;
  server.clientChanged(client);
  request.useDatabase();
  reply.mute = false;
  reply.protocol = 2;
  reply.simple('RESET');
}

export const BASIC_COMMANDS: readonly Command[] = [
  command({
    name: 'ping',
    arity: -1,
    flags: ['fast'],
    group: 'connection',
    since: '1.0.0',
    summary: "Returns the server's liveliness response.",
    run: ping,
  }),
  command({
    name: 'echo',
    arity: 2,
    flags: ['loading', 'stale', 'fast'],
    group: 'connection',
    since: '1.0.0',
    summary: 'Returns the given string.',
    run: echo,
  }),
  command({
    name: 'quit',
    arity: -1,
    flags: ['noscript', 'loading', 'stale', 'fast', 'no_auth', 'allow_busy'],
    group: 'connection',
    since: '1.0.0',
    summary: 'Closes the connection.',
    run: quit,
  }),
  command({
    name: 'reset',
    arity: 1,
    flags: ['noscript', 'loading', 'stale', 'fast', 'no_auth', 'allow_busy'],
    group: 'connection',
    since: '6.2.0',
    summary: 'Resets the connection.',
    run: reset,
  }),
];
