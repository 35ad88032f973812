/**
 * DEBUG: for tests and for looking inside. As in Redis it is refused unless `enable-debug-command` allows it, because DEBUG SLEEP alone stops the
 * thread that executes it, with all of its clients.
 */

import { asciiBytes } from '../../base/bytes.js';
import { type Command, command } from '../command.js';
import { badSubcommand } from '../help.js';
import { debugObject } from '../keys.js';
import { OOM } from '../replies.js';
import type { Request } from '../request.js';
import { replyOfKind } from './debug-protocol.js';
import { shardReport, slabReport } from './shard-reports.js';

const NOT_ALLOWED =
  'ERR DEBUG command not allowed. If the enable-debug-command option is set to "local", you can run it from a local connection, otherwise you need to set this option in the configuration file, and then restart the server.';

const HELP = [
  'DEBUG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:',
  'ERROR <string>',
  '    Return a Redis protocol error with <string> as message. Useful for clients',
  '    unit tests to simulate Redis errors.',
  'LOG <message>',
  '    Write <message> to the server log.',
  'OBJECT <key>',
  '    Show low level info about `key` and associated value.',
  'PANIC',
  '    Crash the thread that serves this connection. Its connections are closed, and',
  '    another thread takes its place.',
  'POPULATE <count> [<prefix>] [<size>]',
  '    Create <count> string keys named key:<num>. If <prefix> is specified then',
  "    it is used instead of the 'key' prefix.",
  'PROTOCOL <type>',
  '    Reply with a test value of the specified type. <type> can be: string,',
  '    integer, double, bignum, null, array, set, map, attrib, push, verbatim,',
  '    true, false.',
  'SET-ACTIVE-EXPIRE <0|1>',
  '    Setting it to 0 disables expiring keys in background when they are not',
  '    accessed (otherwise the Redis behavior). Setting it to 1 reenables back the',
  '    default.',
  'SHARDS',
  '    Show how full each shard is, and what has happened in it.',
  'SLABS',
  '    Show how full the pages of each size class are.',
  'SLEEP <seconds>',
  '    Stop the thread that serves this connection for <seconds>. Decimals allowed.',
  'HELP',
  '    Print this help.',
];

/** Whether this client may use DEBUG. */
function isAllowed({ client, server }: Request): boolean {
  const allowed = server.configGet('enable-debug-command');
  if (allowed !== 'local') return allowed === 'yes';
  return client.unixSocket || /^(?:127\.|\[::1\])/.test(client.address);
}

/** The number that an argument begins with, 0 when it begins with none: as C reads numbers. */
function leadingNumber(request: Request, index: number): number {
  return Number.parseFloat(request.text(index)) || 0;
}

/** Stops this thread. */
function sleep(request: Request): void {
  const milliseconds = leadingNumber(request, 2) * 1000;
  // A lock that is kept between commands would stop the other threads as well.
  request.keyspace.leave();
  if (milliseconds > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
  request.reply.ok();
}

/** What a mistake in the program would do: for tests of what comes after it. */
function panic(): void {
  throw new Error('a client sent DEBUG PANIC');
}

function populate(request: Request): void {
  const { reply } = request;
  const count = request.integer(2);
  const size = request.argc === 5 ? request.integer(4) : 0;
  if (!(count >= 0) || !(size >= 0)) {
    reply.error('ERR value is out of range, must be positive');
    return;
  }
  const prefix = request.argc > 3 ? request.text(3) : 'key';
  for (let i = 0; i < count; i++) {
    if (addString(request, Buffer.from(`${prefix}:${i}`, 'latin1'), sized(`value:${i}`, size))) continue;
    reply.error(OOM);
    return;
  }
  reply.ok();
}

/** A text as bytes, cut or filled up with zeros to `size`, 0 = as long as it is. */
function sized(text: string, size: number): Uint8Array {
  if (size === 0) return asciiBytes(text);
  const bytes = new Uint8Array(size);
  bytes.set(asciiBytes(text.slice(0, size)));
  return bytes;
}

/** Stores a string unless the key is there. False: no memory. */
function addString(request: Request, key: Uint8Array, value: Uint8Array): boolean {
  const { keyspace } = request;
  const shard = request.lock(keyspace.shards[keyspace.shardNumber(key, 0, key.length)]);
  const { database } = request;
  const hash = shard.hash(key, 0, key.length, database);
  if (shard.find(hash, key, 0, key.length, database) !== 0) return true;
  return shard.setString(hash, key, 0, key.length, database, value, 0, value.length, 0);
}

/** What each subcommand does, and how many arguments it takes. */
const SUBCOMMANDS: Readonly<Record<string, readonly [least: number, most: number, run: (request: Request) => void]>> = {
  error: [3, 3, (request) => request.reply.error(request.text(2))],
  help: [2, 2, help],
  log: [
    3,
    3,
    (request) => {
      request.server.log(`DEBUG LOG: ${request.text(2)}`);
      request.reply.ok();
    },
  ],
  object: [3, 3, debugObject],
  panic: [2, 2, panic],
  populate: [3, 5, populate],
  protocol: [3, 3, (request) => replyOfKind(request.reply, request.text(2).toLowerCase())],
  'set-active-expire': [
    3,
    3,
    (request) => {
      request.keyspace.control.activeExpire = Math.trunc(leadingNumber(request, 2)) !== 0;
      request.reply.ok();
    },
  ],
  shards: [2, 2, ({ reply, keyspace }) => reply.verbatim('txt', shardReport(keyspace))],
  slabs: [2, 2, ({ reply, keyspace }) => reply.verbatim('txt', slabReport(keyspace))],
  sleep: [3, 3, sleep],
};

function help({ reply }: Request): void {
  reply.array(HELP.length);
  for (const line of HELP) reply.simple(line);
}

function debug(request: Request): void {
  if (!isAllowed(request)) {
    request.reply.error(NOT_ALLOWED);
    return;
  }
  const name = request.text(1).toLowerCase();
  const [least, most, run] = Object.hasOwn(SUBCOMMANDS, name) ? SUBCOMMANDS[name] : [1, 0, help];
  if (request.argc < least || request.argc > most) request.reply.error(badSubcommand('debug', request));
  else run(request);
}

export const DEBUG_COMMAND: Command = command({
  name: 'debug',
  arity: -2,
  flags: ['admin', 'noscript', 'loading', 'stale', 'protected'],
  group: 'server',
  since: '1.0.0',
  summary: 'A container for debugging commands.',
  complexity: 'Depends on subcommand.',
  run: debug,
});
