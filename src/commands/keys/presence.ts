/** Whether keys are there, and what they are: DEL, UNLINK, EXISTS, TOUCH, TYPE. */

import { TYPE_NAMES, typeOf } from '../../engine/item.js';
import { command } from '../command.js';
import type { Request } from '../request.js';

const NO_TYPE = 0;

function exists(request: Request, key: number): boolean {
  const item = request.find(key);
  request.shard.ledger.lookup(item !== 0);
  return item !== 0;
}

/** CLIENT NO-TOUCH does not hold for TOUCH, so this is not `request.read`. */
function touch(request: Request, key: number): boolean {
  const at = request.offset(key);
  const shard = request.enter(key);
  return shard.read(request.hash(key), request.input, at, request.length(key), request.database) !== 0;
}

/** Answers for how many of the keys `test` holds; all at one moment. */
function countKeys(request: Request, test: (request: Request, key: number) => boolean): void {
  if (request.argc === 2) {
    request.reply.integer(test(request, 1) ? 1 : 0);
    return;
  }
  let count = 0;
  request.atomically(1, request.argc - 1, 1, () => {
    for (let key = 1; key < request.argc; key++) if (test(request, key)) count++;
  });
  request.reply.integer(count);
}

function remove(request: Request): void {
  countKeys(request, (one, key) => one.remove(key));
}

function type(request: Request): void {
  const item = request.find(1);
  request.shard.ledger.lookup(item !== 0);
  request.reply.simple(TYPE_NAMES[item === 0 ? NO_TYPE : typeOf(request.shard.words, item)]);
}

export const PRESENCE_COMMANDS = [
  command({
    name: 'del',
    arity: -2,
    flags: ['write'],
    categories: ['keyspace'],
    lastKey: -1,
    group: 'generic',
    since: '1.0.0',
    complexity:
      'O(N) where N is the number of keys that will be removed. When a key to remove holds a value other than a string, the individual complexity for this key is O(M) where M is the number of elements in the list, set, sorted set or hash. Removing a single key that holds a string value is O(1).',
    summary: 'Deletes one or more keys.',
    run: remove,
  }),
  command({
    name: 'unlink',
    arity: -2,
    flags: ['write', 'fast'],
    categories: ['keyspace'],
    lastKey: -1,
    group: 'generic',
    since: '4.0.0',
    complexity:
      'O(1) for each key removed regardless of its size. Then the command does O(N) work in a different thread in order to reclaim memory, where N is the number of allocations the deleted objects where composed of.',
    summary: 'Asynchronously deletes one or more keys.',
    run: remove,
  }),
  command({
    name: 'exists',
    arity: -2,
    flags: ['readonly', 'fast'],
    categories: ['keyspace'],
    lastKey: -1,
    group: 'generic',
    since: '1.0.0',
    complexity: 'O(N) where N is the number of keys to check.',
    summary: 'Determines whether one or more keys exist.',
    run: (request) => countKeys(request, exists),
  }),
  command({
    name: 'touch',
    arity: -2,
    flags: ['readonly', 'fast'],
    categories: ['keyspace'],
    lastKey: -1,
    group: 'generic',
    since: '3.2.1',
    complexity: 'O(N) where N is the number of keys that will be touched.',
    summary:
      'Returns the number of existing keys out of those specified after updating the time they were last accessed.',
    run: (request) => countKeys(request, touch),
  }),
  command({
    name: 'type',
    arity: 2,
    flags: ['readonly', 'fast'],
    categories: ['keyspace'],
    group: 'generic',
    since: '1.0.0',
    summary: 'Determines the type of value stored at a key.',
    run: type,
  }),
];
