/**
 * Keys that get another name or another database: RENAME, RENAMENX, COPY, MOVE.
 *
 * Both keys' shards are locked for the whole command. An item that stays in its shard and fits its cell keeps it; otherwise it is copied, and the
 * source goes last, so that it is whole when there is no memory for the copy.
 */

import { asciiBytes, equalBytes } from '../../base/bytes.js';
import { isPinned, isPlaceholder } from '../../engine/item.js';
import type { Shard } from '../../engine/shard.js';
import { command } from '../command.js';
import { NO_SUCH_KEY, SYNTAX } from '../replies.js';
import type { Request } from '../request.js';
import { databaseArgument } from './databases.js';

const SAME_OBJECT = 'ERR source and destination objects are the same';

const REPLACE = asciiBytes('replace');
const DB = asciiBytes('db');

/** Where an item is to go: a key argument in a logical database. */
interface Target {
  readonly key: number;
  readonly database: number;
}

/** The item under the target key, in `request.shard`; 0 when there is none, or a placeholder. */
function findTarget(request: Request, target: Target): number {
  const shard = request.enter(target.key);
  const at = request.offset(target.key);
  const internal = request.keyspace.control.internal(target.database);
  const item = shard.find(targetHash(request, target), request.input, at, request.length(target.key), internal);
  return item !== 0 && isPlaceholder(shard.words, item) ? 0 : item;
}

function targetHash(request: Request, target: Target): number {
  return request.hash(target.key) ^ request.salt ^ request.keyspace.control.salt(target.database);
}

/** Puts an item under the target key, in the place of whatever is there. False: no memory, the item is as it was. */
function transfer(request: Request, source: Shard, item: number, target: Target, keepSource: boolean): boolean {
  const shard = request.enter(target.key);
  const { input } = request;
  const hash = targetHash(request, target);
  const at = request.offset(target.key);
  const length = request.length(target.key);
  const internal = request.keyspace.control.internal(target.database);
  if (!keepSource && source === shard && shard.relocation.rename(item, hash, input, at, length, internal)) return true;
  if (!shard.relocation.addCopy(source, item, hash, input, at, length, internal)) return false;
  if (keepSource) return true;
  // As when the item itself is given another key.
  if (isPinned(source.words, item)) shard.pins.pin(shard.find(hash, input, at, length, internal));
  source.remove(item);
  return true;
}

function sameKey(request: Request): boolean {
  const { input } = request;
  const length = request.length(1);
  return length === request.length(2) && equalBytes(input, request.offset(1), input, request.offset(2), length);
}

function rename(request: Request, onlyNew: boolean): void {
  request.atomically(1, 2, 1, () => {
    const { reply } = request;
    const item = request.modify(1);
    const source = request.shard;
    const target = { key: 2, database: request.client.database };
    if (item === 0) reply.error(NO_SUCH_KEY);
    else if (sameKey(request)) {
      if (onlyNew) reply.integer(0);
      else reply.ok();
    } else if (onlyNew && findTarget(request, target) !== 0) reply.integer(0);
    else if (!transfer(request, source, item, target, false)) request.refuse(target.key);
    else if (onlyNew) reply.integer(1);
    else reply.ok();
  });
}

/** The options of COPY; undefined when an error was answered. */
function parseCopy(request: Request): (Target & { replace: boolean }) | undefined {
  let replace = false;
  let database = request.client.database;
  for (let index = 3; index < request.argc; index++) {
    if (request.is(index, REPLACE)) replace = true;
    else if (request.is(index, DB) && index + 1 < request.argc) {
      database = databaseArgument(request, ++index);
      if (database === -1) return undefined;
    } else {
      request.reply.error(SYNTAX);
      return undefined;
    }
  }
  return { key: 2, database, replace };
}

function copy(request: Request): void {
  const target = parseCopy(request);
  if (target === undefined) return;
  if (target.database === request.client.database && sameKey(request)) {
    request.reply.error(SAME_OBJECT);
    return;
  }
  request.atomically(1, 2, 1, () => {
    const { reply } = request;
    const item = request.read(1);
    const source = request.shard;
    if (item === 0 || (!target.replace && findTarget(request, target) !== 0)) reply.integer(0);
    else if (transfer(request, source, item, target, true)) reply.integer(1);
    else request.refuse(target.key);
  });
}

function move(request: Request): void {
  const database = databaseArgument(request, 2);
  if (database === -1) return;
  if (database === request.client.database) {
    request.reply.error(SAME_OBJECT);
    return;
  }
  request.atomically(1, 1, 1, () => {
    const { reply } = request;
    const target = { key: 1, database };
    const item = request.modify(1);
    if (item === 0 || findTarget(request, target) !== 0) reply.integer(0);
    else if (transfer(request, request.shard, item, target, false)) reply.integer(1);
    else request.refuse(target.key);
  });
}

export const TRANSFER_COMMANDS = [
  command({
    name: 'rename',
    arity: 3,
    flags: ['write'],
    categories: ['keyspace'],
    lastKey: 2,
    group: 'generic',
    since: '1.0.0',
    summary: 'Renames a key and overwrites the destination.',
    run: (request) => rename(request, false),
  }),
  command({
    name: 'renamenx',
    arity: 3,
    flags: ['write', 'fast'],
    categories: ['keyspace'],
    lastKey: 2,
    group: 'generic',
    since: '1.0.0',
    summary: "Renames a key only when the target key name doesn't exist.",
    run: (request) => rename(request, true),
  }),
  command({
    name: 'copy',
    arity: -3,
    flags: ['write', 'denyoom'],
    categories: ['keyspace'],
    lastKey: 2,
    group: 'generic',
    since: '6.2.0',
    complexity: 'O(N) worst case for collections, where N is the number of nested items. O(1) for string values.',
    summary: 'Copies the value of a key to a new key.',
    run: copy,
  }),
  command({
    name: 'move',
    arity: 3,
    flags: ['write', 'fast'],
    categories: ['keyspace'],
    group: 'generic',
    since: '1.0.0',
    summary: 'Moves a key to another database.',
    run: move,
  }),
];
