/**
 * Storage commands of the text protocol:
 *
 * ```
 *  set|add|replace|append|prepend <key> <flags> <exptime> <bytes> [noreply]\r\n<data>\r\n
 *  cas <key> <flags> <exptime> <bytes> <cas> [noreply]\r\n<data>\r\n
 * ```
 *
 * The splitter has taken the data by `bytes`, and makes it the last argument; without it the line stands alone, and was wrong. A set that fails
 * leaves nothing under its key: whoever wrote must not find the value that was there before.
 */

import { Uint64 } from '../../base/uint64.js';
import { FLAG_BAD_CHUNK, FLAG_DATA, FLAG_TOO_LARGE } from '../../protocol/descriptors.js';
import type { Request } from '../request.js';
import { type MemcachedCommand, textCommand } from './command.js';
import { STORE_NO_MEMORY, STORE_TOO_LARGE } from './counters.js';
import { deadlineOf } from './deadline.js';
import {
  ADD,
  APPEND,
  CAS,
  forget,
  ItemKey,
  isTooLarge,
  joinItem,
  NO_MEMORY,
  PREPEND,
  REPLACE,
  SET,
  storeItem,
} from './storage.js';
import {
  BAD_CHUNK,
  BAD_FORMAT,
  ERROR,
  exptime,
  isNoreply,
  replyOutcome,
  TOO_LARGE,
  takeKey,
  uint32,
} from './text-arguments.js';

const FLAGS_WITH_DATA = FLAG_DATA | FLAG_TOO_LARGE;

const KEY = 1;
const CLIENT_FLAGS = 2;
const EXPTIME = 3;
const BYTES = 4;
const UNIQUE = 5;

const key = new ItemKey();
const unique = new Uint64();

/** Runs a storage command, or answers why not. @param words arguments of the line without `noreply` and data */
function storage(request: Request, how: number, words: number): void {
  const { memcached } = request;
  const given = (request.flags & FLAG_DATA) === 0 ? request.argc : request.argc - 1;
  if (given < words || given > words + 1) {
    memcached.error(ERROR);
    return;
  }
  const quiet = isNoreply(request, given - 1);
  if (quiet) memcached.quiet = true;
  store(request, how);
  if (quiet) memcached.quiet = false;
}

function store(request: Request, how: number): void {
  const { memcached, input, flags } = request;
  const clientFlags = uint32(request, CLIENT_FLAGS);
  const seconds = exptime(request, EXPTIME);
  if (Number.isNaN(clientFlags) || Number.isNaN(seconds) || (flags & FLAGS_WITH_DATA) === 0) {
    memcached.error(BAD_FORMAT);
    return;
  }
  if (how === CAS && !unique.parse(input, request.offset(UNIQUE), request.length(UNIQUE))) {
    memcached.error(BAD_FORMAT);
    return;
  }
  if (!takeKey(request, KEY, key)) return;
  const data = request.argc - 1;
  if ((flags & FLAG_TOO_LARGE) !== 0 || isTooLarge(request, key.length, request.length(data), clientFlags)) {
    refuseLarge(request, how);
    return;
  }
  if ((flags & FLAG_BAD_CHUNK) !== 0) {
    memcached.error(BAD_CHUNK);
    return;
  }
  const at = request.offset(data);
  const bytes = request.length(data);
  const deadline = deadlineOf(seconds, request.clock.now);
  const { low, high } = unique;
  const outcome =
    how === APPEND || how === PREPEND
      ? joinItem(request, key, how, input, at, bytes, 0, 0, false)
      : storeItem(request, key, how, input, at, bytes, clientFlags, deadline, low, high, false);
  if (outcome > 0) {
    memcached.stored();
    return;
  }
  if (outcome === NO_MEMORY) request.counters[STORE_NO_MEMORY]++;
  replyOutcome(request, outcome);
}

function refuseLarge(request: Request, how: number): void {
  request.counters[STORE_TOO_LARGE]++;
  if (how === SET) forget(key);
  request.memcached.error(TOO_LARGE);
}

/** A storage command. Fewer arguments than `arity` are answered before it runs. */
function command(name: string, how: number, summary: string): MemcachedCommand {
  const words = how === CAS ? UNIQUE + 1 : BYTES + 1;
  return textCommand({
    name,
    arity: -words,
    flags: ['write', 'fast'],
    firstKey: KEY,
    dataLength: BYTES,
    summary,
    run: (request) => storage(request, how, words),
  });
}

export const TEXT_STORAGE_COMMANDS: readonly MemcachedCommand[] = [
  command('set', SET, 'Stores a value.'),
  command('add', ADD, 'Stores a value if there is none under the key.'),
  command('replace', REPLACE, 'Stores a value if there is one under the key.'),
  command('append', APPEND, 'Adds data behind a value.'),
  command('prepend', PREPEND, 'Adds data before a value.'),
  command('cas', CAS, 'Stores a value if the one under the key is still the one that `gets` showed.'),
];
