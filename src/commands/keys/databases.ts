/** Databases as a whole: SELECT, SWAPDB, DBSIZE, FLUSHDB, FLUSHALL. */

import { asciiBytes } from '../../base/bytes.js';
import { command } from '../command.js';
import { DB_OUT_OF_RANGE, NOT_INTEGER, SYNTAX } from '../replies.js';
import type { Request } from '../request.js';

const INT_MIN = -(2 ** 31);
const INT_MAX = 2 ** 31 - 1;
const NOT_INT = `ERR value is out of range, value must between ${INT_MIN} and ${INT_MAX}`;

const ASYNC = asciiBytes('async');
const SYNC = asciiBytes('sync');

/** An argument as a C int, as Redis reads it; NaN when an error was answered. @param otherError said instead of Redis's usual ones */
function intArgument(request: Request, index: number, otherError?: string): number {
  const value = request.integer(index);
  if (value >= INT_MIN && value <= INT_MAX) return value;
  request.reply.error(otherError ?? (request.bigInteger(index) === undefined ? NOT_INTEGER : NOT_INT));
  return Number.NaN;
}

function isDatabase(request: Request, number: number): boolean {
  return number >= 0 && number < request.keyspace.control.databases;
}

/** An argument that numbers a database; -1 when it does not, and an error was answered. */
export function databaseArgument(request: Request, index: number): number {
  const number = intArgument(request, index);
  if (isDatabase(request, number)) return number;
  if (!Number.isNaN(number)) request.reply.error(DB_OUT_OF_RANGE);
  return -1;
}

function select(request: Request): void {
  const database = databaseArgument(request, 1);
  if (database === -1) return;
  request.client.database = database;
  request.useDatabase();
  request.server.clientChanged(request.client);
  request.reply.ok();
}

function swap(request: Request): void {
  const first = intArgument(request, 1, 'ERR invalid first DB index');
  if (Number.isNaN(first)) return;
  const second = intArgument(request, 2, 'ERR invalid second DB index');
  if (Number.isNaN(second)) return;
  if (!isDatabase(request, first) || !isDatabase(request, second)) {
    request.reply.error(DB_OUT_OF_RANGE);
    return;
  }
  request.keyspace.swapDatabases(first, second);
  request.reply.ok();
}

/** Keys are gone at once either way; ASYNC and SYNC are only checked. */
function flush(request: Request, empty: () => void): void {
  if (request.argc > 2 || (request.argc === 2 && !request.is(1, ASYNC) && !request.is(1, SYNC))) {
    request.reply.error(SYNTAX);
    return;
  }
  empty();
  request.reply.ok();
}

export const DATABASE_COMMANDS = [
  command({
    name: 'select',
    arity: 2,
    flags: ['loading', 'stale', 'fast'],
    categories: ['connection'],
    group: 'connection',
    since: '1.0.0',
    summary: 'Changes the selected database.',
    run: select,
  }),
  command({
    name: 'swapdb',
    arity: 3,
    flags: ['write', 'fast'],
    categories: ['keyspace', 'dangerous'],
    group: 'server',
    since: '4.0.0',
    complexity: 'O(N) where N is the count of clients watching or blocking on keys from both databases.',
    summary: 'Swaps two Redis databases.',
    run: swap,
  }),
  command({
    name: 'dbsize',
    arity: 1,
    flags: ['readonly', 'fast'],
    categories: ['keyspace'],
    group: 'server',
    since: '1.0.0',
    summary: 'Returns the number of keys in the database.',
    run: (request) => request.reply.integer(request.keyspace.size(request.client.database)),
  }),
  command({
    name: 'flushdb',
    arity: -1,
    flags: ['write'],
    categories: ['keyspace', 'dangerous'],
    group: 'server',
    since: '1.0.0',
    complexity: 'O(N) where N is the number of keys in the selected database',
    summary: 'Remove all keys from the current database.',
    run: (request) => flush(request, () => request.keyspace.flushDatabase(request.client.database)),
  }),
  command({
    name: 'flushall',
    arity: -1,
    flags: ['write'],
    categories: ['keyspace', 'dangerous'],
    group: 'server',
    since: '1.0.0',
    complexity: 'O(N) where N is the total number of keys in all databases',
    summary: 'Removes all keys from all databases.',
    run: (request) => flush(request, () => request.keyspace.flushAll()),
  }),
];
