/**
 * Commands of the text protocol about the server and the connection. What memcached has and cannot be had here (its LRU, its slabs' page mover, its log
 * watchers) is refused, in memcached's words where it has some for a server that does not allow it.
 */

import { CLOSE_AFTER_REPLY, CLOSE_NOW } from '../client.js';
import type { Answer } from '../command.js';
import type { Request } from '../request.js';
import { type MemcachedCommand, textCommand } from './command.js';
import { CMD_FLUSH } from './counters.js';
import { flush } from './flushing.js';
import { logLevelOf, type Statistic, statisticsOf } from './statistics.js';
import { BAD_EXPTIME, BAD_FORMAT, ERROR, exptime, isNoreply, uint32 } from './text-arguments.js';
import { cachedump, crawler } from './text-dumps.js';

const MIB = 2 ** 20;
const MEMLIMIT_MIB_MIN = 8;
const MEMLIMIT_MIB_MAX = 1_000_000_000;

const TOO_SMALL = 'MEMLIMIT_TOO_SMALL cannot set maxbytes to less than 8m';
const NOT_MEGABYTES = 'MEMLIMIT_ADJUST_FAILED input value is megabytes not bytes';
const NOT_ADJUSTED = 'MEMLIMIT_ADJUST_FAILED out of bounds or unable to adjust';
const NO_SHUTDOWN = 'SERVER_ERROR: shutdown not enabled';
const BAD_SHUTDOWN = 'CLIENT_ERROR invalid shutdown mode';
const NO_DETAIL = 'CLIENT_ERROR stats detail not allowed';
const NO_REASSIGN = 'CLIENT_ERROR slab reassignment disabled';
const NO_AUTOMOVE = 'CLIENT_ERROR slab automove cannot be set: memory moves between sizes as it is needed';
const NO_LRU = 'CLIENT_ERROR the lru cannot be tuned: see maxmemory-policy';
const NO_WATCH = 'CLIENT_ERROR watch commands not allowed';

const HTTP = 'HTTP/';

/** Writes nothing. */
const silence: Answer = () => {};

/** Whether the last argument is `noreply`. */
function endsQuietly(request: Request): boolean {
  return isNoreply(request, request.argc - 1);
}

// ---------------------------------------------------------------------------------------------- statistics

async function stats(request: Request): Promise<Answer> {
  const { memcached, server } = request;
  const group = request.argc === 1 ? '' : request.text(1);
  if (group === 'reset') {
    await server.resetStatistics();
    return () => memcached.line('RESET');
  }
  if (group === 'detail') return () => memcached.error(NO_DETAIL);
  if (group === 'cachedump') return cachedump(request);
  const found = await (request.argc > 1 && group === '' ? undefined : statisticsOf(request, group));
  return found === undefined ? () => memcached.error(ERROR) : () => showStatistics(request, found);
}

function showStatistics({ memcached }: Request, statistics: readonly Statistic[]): void {
  for (const [name, value] of statistics) memcached.statistic(name, value);
  memcached.end();
}

// ---------------------------------------------------------------------------------------------- the items of all

function flushAll(request: Request): void {
  const { memcached } = request;
  if (request.argc > 3) {
    memcached.error(ERROR);
    return;
  }
  request.counters[CMD_FLUSH]++;
  const quiet = endsQuietly(request);
  const given = request.argc - (quiet ? 1 : 0);
  const delay = given > 1 ? exptime(request, 1) : 0;
  if (quiet) memcached.quiet = true;
  if (Number.isNaN(delay)) memcached.error(BAD_EXPTIME);
  else {
    flush(request, delay);
    memcached.ok();
  }
  if (quiet) memcached.quiet = false;
}

async function memoryLimit(request: Request): Promise<Answer> {
  const quiet = endsQuietly(request);
  const line = request.argc > 3 ? ERROR : await setMemoryLimit(request);
  if (quiet) return silence;
  return () => (line === 'OK' ? request.memcached.ok() : request.memcached.error(line));
}

async function setMemoryLimit(request: Request): Promise<string> {
  const megabytes = uint32(request, 1);
  if (Number.isNaN(megabytes)) return ERROR;
  if (megabytes < MEMLIMIT_MIB_MIN) return TOO_SMALL;
  if (megabytes > MEMLIMIT_MIB_MAX) return NOT_MEGABYTES;
  const error = await request.server.configSet([['maxmemory', String(megabytes * MIB)]]);
  return error === undefined ? 'OK' : NOT_ADJUSTED;
}

// ---------------------------------------------------------------------------------------------- the server

/** The verbosity is that of the log: 0 what everybody should know, 1 more, 2 and beyond all there is. */
async function verbosity(request: Request): Promise<Answer> {
  const { memcached, server } = request;
  const quiet = endsQuietly(request);
  const level = uint32(request, 1);
  let error = request.argc > 3 ? ERROR : Number.isNaN(level) ? BAD_FORMAT : '';
  if (error === '' && (await server.configSet([['loglevel', logLevelOf(level)]])) !== undefined)
    error = 'SERVER_ERROR the log level cannot be set';
  if (quiet) return silence;
  return () => (error === '' ? memcached.ok() : memcached.error(error));
}

function version({ memcached, server }: Request): void {
  memcached.line(`VERSION ${server.memcachedVersion}`);
}

/** The end of the connection is the reply. Graceful or not, what has been read is answered first. */
function shutdown(request: Request): void {
  const { memcached, server, client } = request;
  if (server.configGet('memcached-enable-shutdown') !== 'yes') memcached.error(NO_SHUTDOWN);
  else if (request.argc > 2 || (request.argc === 2 && request.text(1) !== 'graceful')) memcached.error(BAD_SHUTDOWN);
  else {
    client.closing = CLOSE_AFTER_REPLY;
    server.shutdown();
  }
}

function quit({ client }: Request): void {
  client.closing = CLOSE_AFTER_REPLY;
}

// ---------------------------------------------------------------------------------------------- what there is not

function slabs(request: Request): void {
  const word = request.argc > 1 ? request.text(1) : '';
  const error = word === 'reassign' ? NO_REASSIGN : word === 'automove' ? NO_AUTOMOVE : ERROR;
  request.memcached.error(error);
}

function refused(name: string, arity: number, summary: string, error: string): MemcachedCommand {
  return textCommand({ name, arity, flags: ['admin'], summary, run: ({ memcached }) => memcached.error(error) });
}

/** A line that is no command. A request of HTTP is somebody's browser being used against us: the connection is hung up on, as memcached does. */
function unknown(request: Request): void {
  const { memcached, argc, client } = request;
  if (argc > 1 && request.text(argc - 1).startsWith(HTTP)) client.closing = CLOSE_NOW;
  else memcached.error(ERROR);
}

export const TEXT_SERVER_COMMANDS: readonly MemcachedCommand[] = [
  textCommand({
    name: 'stats',
    arity: -1,
    flags: ['admin'],
    summary: 'Shows statistics: general ones, settings, items, slabs, sizes or conns; or resets them.',
    runAsync: stats,
  }),
  textCommand({
    name: 'flush_all',
    arity: -1,
    flags: ['write'],
    summary: 'Removes every item, at once or after some seconds.',
    run: flushAll,
  }),
  textCommand({
    name: 'cache_memlimit',
    arity: -2,
    flags: ['admin'],
    summary: 'Sets the memory limit, in megabytes.',
    runAsync: memoryLimit,
  }),
  textCommand({
    name: 'verbosity',
    arity: -2,
    flags: ['admin'],
    summary: 'Sets how much is logged.',
    runAsync: verbosity,
  }),
  textCommand({ name: 'version', arity: -1, flags: ['fast'], summary: 'Names the version.', run: version }),
  textCommand({ name: 'shutdown', arity: -1, flags: ['admin'], summary: 'Stops the server.', run: shutdown }),
  textCommand({ name: 'quit', arity: -1, flags: ['fast'], summary: 'Closes the connection.', run: quit }),
  textCommand({ name: 'slabs', arity: -1, flags: ['admin'], summary: "Refuses to move slabs' pages.", run: slabs }),
  refused('lru', -1, 'Refuses to tune the LRU.', NO_LRU),
  textCommand({
    name: 'lru_crawler',
    arity: -1,
    flags: ['admin'],
    summary: 'Lists the items (metadump, mgdump).',
    run: crawler,
  }),
  refused('watch', -1, 'Refuses to show the log.', NO_WATCH),
  textCommand({
    name: 'unknown',
    arity: -1,
    flags: ['fast'],
    summary: 'Answers a line that is no command.',
    run: unknown,
  }),
];
