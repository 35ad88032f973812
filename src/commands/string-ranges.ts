/** String commands that work on a part of a value, in place: APPEND, STRLEN, GETRANGE, SETRANGE. */

import { copyBytes } from '../base/bytes.js';
import { markRaw, valueLength, valueOffset } from '../engine/item.js';
import { command } from './command.js';
import { stringOfLength } from './growing.js';
import { clampedInteger, isGreater } from './integers.js';
import { OFFSET_OUT_OF_RANGE, STRING_TOO_LONG } from './replies.js';
import type { Request } from './request.js';

function append(request: Request): void {
  const item = request.modify(1);
  const added = request.length(2);
  if (item === 0) {
    if (request.setString(1, request.input, request.offset(2), added, 0)) request.reply.integer(added);
    else request.refuse(1);
    return;
  }
  if (!request.isString(item)) return;
  const { shard } = request;
  const length = valueLength(shard.words, item);
  if (length + added > request.server.valueBytesMax) {
    request.reply.error(STRING_TOO_LONG);
    return;
  }
  const grown = shard.resizeString(item, length + added);
  if (grown === 0) {
    request.refuse(1);
    return;
  }
  copyBytes(request.input, request.offset(2), shard.bytes, valueOffset(shard.words, grown) + length, added);
  markRaw(shard.words, grown);
  shard.changed(grown);
  request.reply.integer(length + added);
}

function strlen(request: Request): void {
  const item = request.read(1);
  if (item === 0) request.reply.integer(0);
  else if (request.isString(item)) request.reply.integer(valueLength(request.shard.words, item));
}

function getrange(request: Request): void {
  const start = clampedInteger(request, 2);
  if (Number.isNaN(start)) return;
  const end = clampedInteger(request, 3);
  if (Number.isNaN(end)) return;
  const item = request.read(1);
  if (item === 0) {
    request.reply.emptyBulk();
    return;
  }
  if (!request.isString(item)) return;
  const { words, bytes } = request.shard;
  const length = valueLength(words, item);
  const from = Math.max(0, start < 0 ? length + start : start);
  const to = Math.min(length - 1, Math.max(0, end < 0 ? length + end : end));
  const inverted = start < 0 && end < 0 && isGreater(request, 2, start, 3, end);
  if (inverted || from > to) request.reply.emptyBulk();
  else request.reply.bulk(bytes, valueOffset(words, item) + from, to - from + 1);
}

function setrange(request: Request): void {
  const offset = clampedInteger(request, 2);
  if (Number.isNaN(offset)) return;
  if (offset < 0) {
    request.reply.error(OFFSET_OUT_OF_RANGE);
    return;
  }
  const length = request.length(3);
  if (length === 0) {
    // Nothing is written: the length is answered, and no key is made.
    lengthBeforeWrite(request);
    return;
  }
  if (offset + length > request.server.valueBytesMax) {
    const item = request.modify(1);
    if (item === 0 || request.isString(item)) request.reply.error(STRING_TOO_LONG);
    return;
  }
  const item = stringOfLength(request, 1, offset + length);
  if (item === 0) return;
  const { words, bytes } = request.shard;
  copyBytes(request.input, request.offset(3), bytes, valueOffset(words, item) + offset, length);
  request.reply.integer(valueLength(words, item));
}

function lengthBeforeWrite(request: Request): void {
  const item = request.modify(1);
  if (item === 0) request.reply.integer(0);
  else if (request.isString(item)) request.reply.integer(valueLength(request.shard.words, item));
}

export const STRING_RANGE_COMMANDS = [
  command({
    name: 'append',
    arity: 3,
    flags: ['write', 'denyoom', 'fast'],
    group: 'string',
    since: '2.0.0',
    summary: 'Appends a string to the value of a key. Creates the key if it does not exist.',
    run: append,
  }),
  command({
    name: 'strlen',
    arity: 2,
    flags: ['readonly', 'fast'],
    group: 'string',
    since: '2.2.0',
    summary: 'Returns the length of a string value.',
    run: strlen,
  }),
  command({
    name: 'getrange',
    arity: 4,
    flags: ['readonly'],
    group: 'string',
    since: '2.4.0',
    summary: 'Returns a substring of the string stored at a key.',
    complexity: 'O(N) where N is the length of the returned string',
    run: getrange,
  }),
  command({
    name: 'substr',
    arity: 4,
    flags: ['readonly'],
    group: 'string',
    since: '1.0.0',
    summary: 'Returns a substring from a string value: the old name of GETRANGE.',
    complexity: 'O(N) where N is the length of the returned string',
    run: getrange,
  }),
  command({
    name: 'setrange',
    arity: 4,
    flags: ['write', 'denyoom'],
    group: 'string',
    since: '2.2.0',
    summary: 'Overwrites a part of a string value with another by an offset. Creates the key if it does not exist.',
    complexity: 'O(1) for short strings, otherwise O(N) where N is the length of the value argument',
    run: setrange,
  }),
];
