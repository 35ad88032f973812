/** String commands that read or write one whole value: GET, SET and their relatives. */

import { command } from './command.js';
import type { Request } from './request.js';
import { valueLength, valueOffset } from '../engine/item.js';
import { OOM } from './replies.js';

function get(request: Request): void {
  const item = request.read(1);
  if (item === 0) {
    request.reply.nullBulk();
    return;
  }
  if (!request.isString(item)) return;
  const shard = request.shard;
  request.reply.bulk(shard.bytes, valueOffset(shard.words, item), valueLength(shard.words, item));
}

function set(request: Request): void {
  if (request.setString(1, request.input, request.offset(2), request.length(2), 0)) request.reply.ok();
  else request.reply.error(OOM);
}

export const STRING_COMMANDS = [
  command({ name: 'get', arity: 2, flags: ['readonly', 'fast'], group: 'string', since: '1.0.0', summary: 'Returns the string value of a key.', run: get }),
  command({ name: 'set', arity: -3, flags: ['write', 'denyoom', 'fast'], group: 'string', since: '1.0.0', summary: 'Sets the string value of a key.', run: set }),
];
