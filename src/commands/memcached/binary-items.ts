/**
 * The commands of Memcached's binary protocol that work on items.
 *
 * Quiet twins are silent about what is expected: GETQ about misses, SETQ about success. Errors are always answered, so that a client which sends a
 * batch of quiet requests and a NOOP knows what became of all of them.
 */

import { Uint64 } from '../../base/uint64.js';
import {
  clientFlagsOf,
  TYPE_STRING,
  typeOf,
  valueLength,
  valueOffset,
  versionHigh,
  versionLow,
} from '../../engine/item.js';
import {
  STATUS_EXISTS,
  STATUS_INVALID,
  STATUS_NO_MEMORY,
  STATUS_NOT_FOUND,
  STATUS_NOT_NUMERIC,
  STATUS_NOT_STORED,
  STATUS_TOO_LARGE,
} from '../../protocol/memcached/binary-reply.js';
import type { Request } from '../request.js';
import {
  begin,
  casHigh,
  casLow,
  extra,
  KEY,
  key,
  MAY_HAVE_VALUE,
  NEEDS_KEY,
  takeKey,
  VALUE,
  wasThrownAway,
} from './binary-request.js';
import { binaryCommand, type MemcachedCommand } from './command.js';
import { DECR_MISSES, INCR_MISSES, STORE_NO_MEMORY, STORE_TOO_LARGE } from './counters.js';
import { countItem } from './counting.js';
import { deadlineOf } from './deadline.js';
import {
  ADD,
  APPEND,
  CAS,
  deleteItem,
  EXISTS,
  forget,
  isTooLarge,
  joinItem,
  makeItem,
  NO_MEMORY,
  NOT_FOUND,
  NOT_NUMERIC,
  PREPEND,
  REPLACE,
  readItem,
  SET,
  storeItem,
  touchItem,
  WRONG_TYPE,
  withVersion,
} from './storage.js';

/** How a request is answered: bits. */
const PLAIN = 0;
const QUIET = 1;
const WITH_KEY = 2;
const WITHOUT_VALUE = 4;

const STORE_EXTRAS = 8;
const COUNT_EXTRAS = 20;
const TOUCH_EXTRAS = 4;
/** The expiration of an INCREMENT that is to make no counter. */
const MAKE_NONE = 0xffffffff;

const NO_MEMORY_FOR_ITEM = 'Out of memory allocating item';
const COLLECTION = 'Wrong type: the key holds a Redis collection';
const NO_MEMORY_FOR_NUMBER = 'Out of memory incrementing value';

const delta = new Uint64();
const number = new Uint64();
const digits = new Uint8Array(20);

// ---------------------------------------------------------------------------------------------- reading

function get(request: Request, how: number): void {
  if (!begin(request, 0, NEEDS_KEY)) return;
  const item = readItem(request, takeKey(request));
  if (item === 0) replyMiss(request, how);
  else if (item === WRONG_TYPE) replyWrongType(request);
  else replyItem(request, item, how);
}

function touch(request: Request, how: number): void {
  if (!begin(request, TOUCH_EXTRAS, NEEDS_KEY | MAY_HAVE_VALUE)) return;
  const item = touchItem(request, takeKey(request), deadlineAt(request, 0));
  if (item === NOT_FOUND) replyMiss(request, how);
  else if (item === NO_MEMORY) request.memcachedBinary.error(STATUS_NO_MEMORY, NO_MEMORY_FOR_ITEM);
  else if ((how & WITHOUT_VALUE) === 0 && typeOf(key.shard.words, item) !== TYPE_STRING) replyWrongType(request);
  else replyItem(request, item, how);
}

function replyMiss(request: Request, how: number): void {
  if ((how & QUIET) !== 0) return;
  const reply = request.memcachedBinary;
  if ((how & WITH_KEY) === 0) reply.status(STATUS_NOT_FOUND);
  else reply.missingKey(request.input, request.offset(KEY), request.length(KEY));
}

function replyWrongType(request: Request): void {
  request.memcachedBinary.error(STATUS_INVALID, COLLECTION);
}

/** Answers an item, with its CAS: whoever reads by this protocol is told one. */
function replyItem(request: Request, found: number, how: number): void {
  const { shard } = key;
  const { words, bytes } = shard;
  const item = withVersion(shard, found);
  const keyBytes = (how & WITH_KEY) === 0 ? 0 : request.length(KEY);
  request.memcachedBinary.value(
    clientFlagsOf(words, item),
    request.input,
    request.offset(KEY),
    keyBytes,
    bytes,
    valueOffset(words, item),
    (how & WITHOUT_VALUE) === 0 ? valueLength(words, item) : 0,
    versionLow(words, item),
    versionHigh(words, item),
  );
}

/** A deadline out of the extras. The protocol's expiration times have no sign. */
function deadlineAt(request: Request, at: number): number {
  return deadlineOf(extra(request, at) >>> 0, request.clock.now);
}

// ---------------------------------------------------------------------------------------------- writing

function store(request: Request, way: number, how: number): void {
  if (!begin(request, STORE_EXTRAS, NEEDS_KEY | MAY_HAVE_VALUE)) return;
  takeKey(request);
  const flags = extra(request, 0);
  if (isValueTooLarge(request, flags)) {
    if (way === SET) forget(key);
    replyTooLarge(request);
    return;
  }
  const low = casLow(request);
  const high = casHigh(request);
  const item = storeItem(
    request,
    key,
    (low | high) === 0 ? way : CAS,
    request.input,
    request.offset(VALUE),
    request.length(VALUE),
    flags,
    deadlineAt(request, 4),
    low,
    high,
    how !== QUIET,
  );
  replyStored(request, item, way, how);
}

function join(request: Request, way: number, how: number): void {
  if (!begin(request, 0, NEEDS_KEY | MAY_HAVE_VALUE)) return;
  takeKey(request);
  if (isValueTooLarge(request, 0)) {
    replyTooLarge(request);
    return;
  }
  const low = casLow(request);
  const high = casHigh(request);
  const versioned = how !== QUIET;
  const { input } = request;
  const item = joinItem(request, key, way, input, request.offset(VALUE), request.length(VALUE), low, high, versioned);
  replyStored(request, item, way, how);
}

function isValueTooLarge(request: Request, flags: number): boolean {
  return wasThrownAway(request) || isTooLarge(request, request.length(KEY), request.length(VALUE), flags);
}

function replyTooLarge(request: Request): void {
  request.counters[STORE_TOO_LARGE]++;
  request.memcachedBinary.status(STATUS_TOO_LARGE);
}

/** Answers a store. @param item the item, or why there is none */
function replyStored(request: Request, item: number, way: number, how: number): void {
  const reply = request.memcachedBinary;
  if (item > 0) {
    const { words } = key.shard;
    if (how !== QUIET) reply.empty(versionLow(words, item), versionHigh(words, item));
  } else if (item === NOT_FOUND) reply.status(STATUS_NOT_FOUND);
  else if (item === EXISTS) reply.status(STATUS_EXISTS);
  else if (item === NO_MEMORY) {
    request.counters[STORE_NO_MEMORY]++;
    reply.error(STATUS_NO_MEMORY, NO_MEMORY_FOR_ITEM);
  } else if (item === WRONG_TYPE) replyWrongType(request);
  else if (way === ADD) reply.status(STATUS_EXISTS);
  else reply.status(way === REPLACE ? STATUS_NOT_FOUND : STATUS_NOT_STORED);
}

function remove(request: Request, how: number): void {
  if (!begin(request, 0, NEEDS_KEY)) return;
  const reply = request.memcachedBinary;
  const outcome = deleteItem(request, takeKey(request), casLow(request), casHigh(request));
  if (outcome === NOT_FOUND) reply.status(STATUS_NOT_FOUND);
  else if (outcome === EXISTS) reply.status(STATUS_EXISTS);
  else if (how !== QUIET) reply.empty(0, 0);
}

// ---------------------------------------------------------------------------------------------- counting

function count(request: Request, up: boolean, how: number): void {
  if (!begin(request, COUNT_EXTRAS, NEEDS_KEY)) return;
  takeKey(request);
  delta.set(extra(request, 4), extra(request, 0));
  const found = countItem(request, key, up, delta, casLow(request), casHigh(request), number);
  const item = found === NOT_FOUND ? makeCounter(request, up) : found;
  if (item > 0) replyNumber(request, item, how);
  else if (item === NO_MEMORY) request.memcachedBinary.error(STATUS_NO_MEMORY, NO_MEMORY_FOR_NUMBER);
  else if (item === WRONG_TYPE) replyWrongType(request);
  else request.memcachedBinary.status(statusOfCount(item));
}

/** Makes a counter with the initial value, unless the client wants none. */
function makeCounter(request: Request, up: boolean): number {
  if (extra(request, 16) >>> 0 === MAKE_NONE) {
    request.counters[up ? INCR_MISSES : DECR_MISSES]++;
    return NOT_FOUND;
  }
  number.set(extra(request, 12), extra(request, 8));
  return makeItem(key, digits, 0, number.write(digits, 0), 0, deadlineAt(request, 16), true);
}

function statusOfCount(outcome: number): number {
  if (outcome === NOT_NUMERIC) return STATUS_NOT_NUMERIC;
  return outcome === EXISTS ? STATUS_EXISTS : STATUS_NOT_FOUND;
}

function replyNumber(request: Request, counted: number, how: number): void {
  if (how === QUIET) return;
  const { shard } = key;
  const item = withVersion(shard, counted);
  const { words } = shard;
  request.memcachedBinary.number(number.low, number.high, versionLow(words, item), versionHigh(words, item));
}

// ---------------------------------------------------------------------------------------------- the table

/** A command on one key. */
function keyed(
  name: string,
  opcode: number,
  writes: boolean,
  summary: string,
  run: (request: Request) => void,
): MemcachedCommand {
  return binaryCommand({
    name,
    opcode,
    flags: writes ? ['write', 'fast'] : ['readonly', 'fast'],
    firstKey: 1,
    summary,
    run,
  });
}

export const BINARY_ITEM_COMMANDS: readonly MemcachedCommand[] = [
  keyed('get', 0x00, false, 'Returns an item.', (request) => get(request, PLAIN)),
  keyed('getq', 0x09, false, 'Returns an item; nothing if there is none.', (request) => get(request, QUIET)),
  keyed('getk', 0x0c, false, 'Returns an item with its key.', (request) => get(request, WITH_KEY)),
  keyed('getkq', 0x0d, false, 'Returns an item with its key; nothing if there is none.', (request) =>
    get(request, WITH_KEY | QUIET),
  ),
  keyed('touch', 0x1c, true, "Changes an item's expiration.", (request) => touch(request, WITHOUT_VALUE)),
  keyed('gat', 0x1d, true, 'Returns an item and changes its expiration.', (request) => touch(request, PLAIN)),
  keyed('gatq', 0x1e, true, 'As GAT; nothing if there is no item.', (request) => touch(request, QUIET)),
  keyed('gatk', 0x23, true, 'As GAT, with the key.', (request) => touch(request, WITH_KEY)),
  keyed('gatkq', 0x24, true, 'As GATK; nothing if there is no item.', (request) => touch(request, WITH_KEY | QUIET)),
  keyed('set', 0x01, true, 'Stores an item.', (request) => store(request, SET, PLAIN)),
  keyed('add', 0x02, true, 'Stores an item if there is none.', (request) => store(request, ADD, PLAIN)),
  keyed('replace', 0x03, true, 'Stores an item if there is one.', (request) => store(request, REPLACE, PLAIN)),
  keyed('setq', 0x11, true, 'As SET; answers errors only.', (request) => store(request, SET, QUIET)),
  keyed('addq', 0x12, true, 'As ADD; answers errors only.', (request) => store(request, ADD, QUIET)),
  keyed('replaceq', 0x13, true, 'As REPLACE; answers errors only.', (request) => store(request, REPLACE, QUIET)),
  keyed('append', 0x0e, true, "Adds bytes behind an item's value.", (request) => join(request, APPEND, PLAIN)),
  keyed('prepend', 0x0f, true, "Adds bytes before an item's value.", (request) => join(request, PREPEND, PLAIN)),
  keyed('appendq', 0x19, true, 'As APPEND; answers errors only.', (request) => join(request, APPEND, QUIET)),
  keyed('prependq', 0x1a, true, 'As PREPEND; answers errors only.', (request) => join(request, PREPEND, QUIET)),
  keyed('delete', 0x04, true, 'Deletes an item.', (request) => remove(request, PLAIN)),
  keyed('deleteq', 0x14, true, 'As DELETE; answers errors only.', (request) => remove(request, QUIET)),
  keyed('increment', 0x05, true, 'Adds to a number.', (request) => count(request, true, PLAIN)),
  keyed('decrement', 0x06, true, 'Subtracts from a number.', (request) => count(request, false, PLAIN)),
  keyed('incrementq', 0x15, true, 'As INCREMENT; answers errors only.', (request) => count(request, true, QUIET)),
  keyed('decrementq', 0x16, true, 'As DECREMENT; answers errors only.', (request) => count(request, false, QUIET)),
];
