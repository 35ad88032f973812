/** AUTH and HELLO: who a client is, and which version of the protocol it speaks. */

import { authenticate, DEFAULT_USER } from '../authentication.js';
import { type Command, command } from '../command.js';
import { SYNTAX } from '../replies.js';
import type { Request } from '../request.js';
import { validName } from './names.js';

const WRONGPASS = 'WRONGPASS invalid username-password pair or user is disabled.';
const NO_PASSWORD =
  'ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?';
const NOPROTO = 'NOPROTO unsupported protocol version';
const NOT_A_VERSION = 'ERR Protocol version is not an integer or out of range';
const HELLO_NOAUTH =
  'NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time';
const BAD_NAME = 'ERR Client names cannot contain spaces, newlines or special characters.';

/** Checks user and password, and answers WRONGPASS when they are wrong. `user` is 0 when it was left out, else its argument. */
function authenticated(request: Request, user: number, password: number): boolean {
  const right = authenticate(request, user === 0 ? DEFAULT_USER : request.text(user), request.copy(password));
  if (!right) request.reply.error(WRONGPASS);
  return right;
}

function auth(request: Request): void {
  if (request.argc > 3) request.reply.error(SYNTAX);
  else if (request.argc === 2 && request.server.requirePassword === '') request.reply.error(NO_PASSWORD);
  else if (request.argc === 2 ? authenticated(request, 0, 1) : authenticated(request, 1, 2)) request.reply.ok();
}

interface HelloOptions {
  /** Index of the user's name; the password follows. 0 = not given. */
  readonly auth: number;
  /** Index of the connection's name, 0 = not given. */
  readonly name: number;
}

/** Reads HELLO's options; an error text when they are wrong. */
function helloOptions(request: Request): HelloOptions | string {
  const options = { auth: 0, name: 0 };
  for (let i = 2; i < request.argc; i++) {
    const option = request.text(i).toLowerCase();
    const more = request.argc - 1 - i;
    if (option === 'auth' && more >= 2) {
      options.auth = i + 1;
      i += 2;
    } else if (option === 'setname' && more >= 1) {
      if (!validName(request.text(i + 1))) return BAD_NAME;
      options.name = ++i;
    } else return `ERR Syntax error in HELLO option '${request.text(i)}'`;
  }
  return options;
}

/** The version that HELLO asks for; an error text when it is none. */
function helloVersion(request: Request): 2 | 3 | string {
  if (request.argc < 2) return request.client.protocol;
  const given = request.bigInteger(1);
  if (given === undefined) return NOT_A_VERSION;
  if (given === 2n) return 2;
  return given === 3n ? 3 : NOPROTO;
}

function hello(request: Request): void {
  const { client, reply } = request;
  const version = helloVersion(request);
  const options = typeof version === 'string' ? version : helloOptions(request);
  if (typeof version === 'string' || typeof options === 'string') {
    reply.error(String(options));
    return;
  }
  if (options.auth !== 0 && !authenticated(request, options.auth, options.auth + 1)) return;
  if (!client.authenticated) {
    reply.error(HELLO_NOAUTH);
    return;
  }
  if (options.name !== 0) client.name = request.text(options.name);
  client.protocol = version;
  reply.protocol = version;
  request.server.clientChanged(client);
  replyHello(request);
}

function replyHello({ client, reply, server }: Request): void {
  reply.map(7);
  const facts = {
    server: 'redis',
    version: server.redisVersion,
    proto: client.protocol,
    id: client.id,
    mode: 'standalone',
    role: 'master',
  };
  for (const [name, value] of Object.entries(facts)) {
    reply.bulkAscii(name);
    if (typeof value === 'number') reply.integer(value);
    else reply.bulkAscii(value);
  }
  reply.bulkAscii('modules');
  reply.array(0);
}

export const AUTH_COMMANDS: readonly Command[] = [
  command({
    name: 'auth',
    arity: -2,
    flags: ['noscript', 'loading', 'stale', 'fast', 'no_auth', 'allow_busy'],
    group: 'connection',
    since: '1.0.0',
    summary: 'Authenticates the connection.',
    complexity: 'O(N) where N is the number of passwords defined for the user',
    run: auth,
  }),
  command({
    name: 'hello',
    arity: -1,
    flags: ['noscript', 'loading', 'stale', 'fast', 'no_auth', 'allow_busy'],
    group: 'connection',
    since: '6.0.0',
    summary: 'Handshakes with the Redis server.',
    run: hello,
  }),
];
