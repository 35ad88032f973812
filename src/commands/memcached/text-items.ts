/**
 * Commands of the text protocol that change an item in one line:
 *
 * ```
 *  incr|decr <key> <delta> [noreply]    -> <number>   NOT_FOUND
 *  touch <key> <exptime> [noreply]      -> TOUCHED    NOT_FOUND
 *  delete <key> [0] [noreply]           -> DELETED    NOT_FOUND
 * ```
 */

import { Uint64 } from '../../base/uint64.js';
import type { Request } from '../request.js';
import { type MemcachedCommand, textCommand } from './command.js';
import { DECR_MISSES, INCR_MISSES } from './counters.js';
import { countItem } from './counting.js';
import { deadlineOf } from './deadline.js';
import { deleteItem, ItemKey, NOT_FOUND, touchItem } from './storage.js';
import {
  BAD_DELTA,
  BAD_EXPTIME,
  ERROR,
  exptime,
  isNoreply,
  OUT_OF_MEMORY,
  replyOutcome,
  takeKey,
} from './text-arguments.js';

const DELETE_USAGE = 'CLIENT_ERROR bad command line format.  Usage: delete <key> [noreply]';

const ZERO = 0x30;

const key = new ItemKey();
const delta = new Uint64();
const sum = new Uint64();

/** Runs a command that says nothing if its last argument is `noreply`. @param most largest number of arguments */
function quietly(request: Request, most: number, run: (request: Request) => void): void {
  const { memcached, argc } = request;
  if (argc > most) {
    memcached.error(ERROR);
    return;
  }
  const quiet = isNoreply(request, argc - 1);
  if (quiet) memcached.quiet = true;
  run(request);
  if (quiet) memcached.quiet = false;
}

function increase(request: Request): void {
  count(request, true);
}

function decrease(request: Request): void {
  count(request, false);
}

function count(request: Request, up: boolean): void {
  if (!takeKey(request, 1, key)) return;
  if (!delta.parse(request.input, request.offset(2), request.length(2))) {
    request.memcached.error(BAD_DELTA);
    return;
  }
  const outcome = countItem(request, key, up, delta, 0, 0, sum);
  if (outcome > 0) {
    request.memcached.number(sum.low, sum.high);
    return;
  }
  if (outcome === NOT_FOUND) request.counters[up ? INCR_MISSES : DECR_MISSES]++;
  replyOutcome(request, outcome);
}

function touch(request: Request): void {
  if (!takeKey(request, 1, key)) return;
  const seconds = exptime(request, 2);
  if (Number.isNaN(seconds)) {
    request.memcached.error(BAD_EXPTIME);
    return;
  }
  const outcome = touchItem(request, key, deadlineOf(seconds, request.clock.now));
  if (outcome > 0) request.memcached.touched();
  else if (outcome === NOT_FOUND) request.memcached.notFound();
  else request.memcached.error(OUT_OF_MEMORY);
}

/** Old clients give a time after which the key may be used again: 0 is still taken, as memcached does. */
function remove(request: Request): void {
  if (!takeKey(request, 1, key)) return;
  const { argc } = request;
  const right = argc === 2 || isZero(request, 2) || (argc === 3 && isNoreply(request, 2));
  if (!right || (argc === 4 && !isNoreply(request, 3))) request.memcached.error(DELETE_USAGE);
  else if (deleteItem(request, key, 0, 0) === NOT_FOUND) request.memcached.notFound();
  else request.memcached.deleted();
}

function isZero(request: Request, index: number): boolean {
  return request.length(index) === 1 && request.input[request.offset(index)] === ZERO;
}

export const TEXT_ITEM_COMMANDS: readonly MemcachedCommand[] = [
  textCommand({
    name: 'incr',
    arity: -3,
    flags: ['write', 'fast'],
    firstKey: 1,
    summary: 'Adds to a number.',
    run: (request) => quietly(request, 4, increase),
  }),
  textCommand({
    name: 'decr',
    arity: -3,
    flags: ['write', 'fast'],
    firstKey: 1,
    summary: 'Subtracts from a number, down to 0.',
    run: (request) => quietly(request, 4, decrease),
  }),
  textCommand({
    name: 'touch',
    arity: -3,
    flags: ['write', 'fast'],
    firstKey: 1,
    summary: 'Sets the expiration time of an item.',
    run: (request) => quietly(request, 4, touch),
  }),
  textCommand({
    name: 'delete',
    arity: -2,
    flags: ['write', 'fast'],
    firstKey: 1,
    summary: 'Deletes an item.',
    run: (request) => quietly(request, 4, remove),
  }),
];
