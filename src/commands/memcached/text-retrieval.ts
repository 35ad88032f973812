/**
 * Retrieval commands of the text protocol:
 *
 * ```
 *  get|gets <key>*\r\n    gat|gats <exptime> <key>*\r\n       -> VALUE <key> <flags> <bytes> [<cas>]\r\n<data>\r\n   for each item found
 *                                                             -> END\r\n
 * ```
 *
 * Items are written one by one, each under its shard's lock. An error that comes up between them ends the list in the place of `END`.
 */

import {
  clientFlagsOf,
  TYPE_STRING,
  typeOf,
  valueLength,
  valueOffset,
  versionHigh,
  versionLow,
} from '../../engine/item.js';
import type { Request } from '../request.js';
import { type MemcachedCommand, textCommand } from './command.js';
import { deadlineOf } from './deadline.js';
import { ItemKey, NO_MEMORY, NOT_FOUND, readItem, touchItem, WRONG_TYPE } from './storage.js';
import {
  BAD_EXPTIME,
  BAD_FORMAT,
  exptime,
  KEY_BYTES_MAX,
  NOT_A_STRING,
  OUT_OF_MEMORY_READING,
} from './text-arguments.js';

const key = new ItemKey();

function get(request: Request): void {
  if (!keysFit(request, 1)) return;
  for (let index = 1; index < request.argc; index++) {
    key.take(request, index);
    if (!answer(request, readItem(request, key), false)) return;
  }
  request.memcached.end();
}

function gets(request: Request): void {
  if (!keysFit(request, 1)) return;
  for (let index = 1; index < request.argc; index++) {
    key.take(request, index);
    if (!answer(request, readItem(request, key), true)) return;
  }
  request.memcached.end();
}

function getAndTouch(request: Request, withCas: boolean): void {
  const seconds = exptime(request, 1);
  if (Number.isNaN(seconds)) {
    request.memcached.error(BAD_EXPTIME);
    return;
  }
  if (!keysFit(request, 2)) return;
  const deadline = deadlineOf(seconds, request.clock.now);
  for (let index = 2; index < request.argc; index++) {
    key.take(request, index);
    const item = key.find();
    const collection = item !== 0 && typeOf(key.shard.words, item) !== TYPE_STRING;
    if (!answer(request, collection ? WRONG_TYPE : touchItem(request, key, deadline), withCas)) return;
  }
  request.memcached.end();
}

/** Whether no key is too long: otherwise that is the answer, and no item is shown. */
function keysFit(request: Request, first: number): boolean {
  for (let index = first; index < request.argc; index++) {
    if (request.length(index) <= KEY_BYTES_MAX) continue;
    request.memcached.error(BAD_FORMAT);
    return false;
  }
  return true;
}

/** Writes an item that was looked up; false when an error was written, which ends the list. @param found the item, 0, or an outcome */
function answer(request: Request, found: number, withCas: boolean): boolean {
  if (found === 0 || found === NOT_FOUND) return true;
  if (found < 0) {
    request.memcached.error(found === NO_MEMORY ? OUT_OF_MEMORY_READING : NOT_A_STRING);
    return false;
  }
  if (withCas) return answerWithCas(request, found);
  const { words, bytes } = key.shard;
  request.memcached.value(
    key.bytes,
    key.at,
    key.length,
    clientFlagsOf(words, found),
    bytes,
    valueOffset(words, found),
    valueLength(words, found),
  );
  return true;
}

function answerWithCas(request: Request, found: number): boolean {
  const { shard } = key;
  const { words, bytes } = shard;
  const item = shard.giveVersion(found);
  if (item === 0) {
    request.memcached.error(OUT_OF_MEMORY_READING);
    return false;
  }
  request.memcached.valueWithCas(
    key.bytes,
    key.at,
    key.length,
    clientFlagsOf(words, item),
    bytes,
    valueOffset(words, item),
    valueLength(words, item),
    versionLow(words, item),
    versionHigh(words, item),
  );
  return true;
}

export const TEXT_RETRIEVAL_COMMANDS: readonly MemcachedCommand[] = [
  textCommand({
    name: 'get',
    arity: -2,
    flags: ['readonly', 'fast'],
    firstKey: 1,
    lastKey: -1,
    summary: 'Shows the values under one or more keys.',
    run: get,
  }),
  textCommand({
    name: 'gets',
    arity: -2,
    flags: ['readonly', 'fast'],
    firstKey: 1,
    lastKey: -1,
    summary: 'Shows values, and the number that `cas` takes to see whether they have changed.',
    run: gets,
  }),
  textCommand({
    name: 'gat',
    arity: -3,
    flags: ['write', 'fast'],
    firstKey: 2,
    lastKey: -1,
    summary: 'Shows values and sets their expiration time.',
    run: (request) => getAndTouch(request, false),
  }),
  textCommand({
    name: 'gats',
    arity: -3,
    flags: ['write', 'fast'],
    firstKey: 2,
    lastKey: -1,
    summary: 'Shows values with their numbers for `cas`, and sets their expiration time.',
    run: (request) => getAndTouch(request, true),
  }),
];
