/** Finding out which keys there are: SCAN, KEYS, RANDOMKEY. */

import { asciiBytes, equalsIgnoreCase } from '../../base/bytes.js';
import { globMatch } from '../../base/glob.js';
import { keyLength, keyOffset, TYPE_NAMES, typeOf } from '../../engine/item.js';
import { randomKey } from '../../engine/random-item.js';
import { SCAN_END, SCAN_START, Scan } from '../../engine/scan.js';
import type { Shard } from '../../engine/shard.js';
import { command } from '../command.js';
import { NOT_INTEGER, SYNTAX } from '../replies.js';
import type { Request } from '../request.js';
import { KeyList } from './key-list.js';

const COUNT_DEFAULT = 10;
/** Work that every SCAN may do, and what each key that it asks for allows beyond: a bucket is 1, a key 8, and there is room for sparse places. */
const WORK_MIN = 16_384;
const WORK_OF_KEY = 20;

const MATCH = asciiBytes('match');
const COUNT = asciiBytes('count');
const TYPE = asciiBytes('type');
const STAR = 0x2a;
const TYPES = TYPE_NAMES.map(asciiBytes);
/** Type of SCAN TYPE with a name that is no type's: no key has it. */
const NO_SUCH_TYPE = -1;
const ANY_TYPE = 0;

/** What strtoul takes: Redis reads cursors with it. */
const CURSOR = /^[+-]?\d+$/;
const UINT64_MAX = 2n ** 64n - 1n;

/** The keys of the reply being made. */
const keys = new KeyList();

/** Which keys are wanted. */
interface Filter {
  /** Argument that is the pattern; 0 = all keys. */
  pattern: number;
  type: number;
}

/** A cursor beyond every shard, when the number is too large to be one of ours; undefined when it is no number. */
function parseCursor(text: string): number | undefined {
  const digits = text.split('\0', 1)[0];
  if (digits === '') return SCAN_START;
  if (!CURSOR.test(digits)) return undefined;
  const value = BigInt(digits.replace('+', ''));
  if (value > UINT64_MAX || value < -UINT64_MAX) return undefined;
  return Number(BigInt.asUintN(64, value));
}

function typeNumber(request: Request, index: number): number {
  const at = request.offset(index);
  const length = request.length(index);
  const type = TYPES.findIndex((name) => equalsIgnoreCase(request.input, at, length, name));
  return type <= 0 ? NO_SUCH_TYPE : type;
}

/** An argument as a pattern. `*` is none: it is the only one that matches the empty key too. */
function patternArgument(request: Request, index: number): number {
  return request.length(index) === 1 && request.input[request.offset(index)] === STAR ? 0 : index;
}

/** SCAN's options; undefined when an error was answered. */
function parseScan(request: Request): (Filter & { count: number }) | undefined {
  const options = { pattern: 0, type: ANY_TYPE, count: COUNT_DEFAULT };
  for (let index = 2; index < request.argc; index += 2) {
    const hasValue = index + 1 < request.argc;
    if (hasValue && request.is(index, COUNT)) {
      const count = request.bigInteger(index + 1);
      if (count === undefined || count < 1n) {
        request.reply.error(count === undefined ? NOT_INTEGER : SYNTAX);
        return undefined;
      }
      options.count = Number(count);
    } else if (hasValue && request.is(index, MATCH)) options.pattern = patternArgument(request, index + 1);
    else if (hasValue && request.is(index, TYPE)) options.type = typeNumber(request, index + 1);
    else {
      request.reply.error(SYNTAX);
      return undefined;
    }
  }
  return options;
}

/** Whether an item's type and key are those wanted. */
function passes(request: Request, filter: Filter, shard: Shard, item: number): boolean {
  const { words } = shard;
  if (filter.type !== ANY_TYPE && typeOf(words, item) !== filter.type) return false;
  if (filter.pattern === 0) return true;
  const pattern = filter.pattern;
  const at = keyOffset(words, item);
  const length = keyLength(words, item);
  return globMatch(request.input, request.offset(pattern), request.length(pattern), shard.bytes, at, length, false);
}

function collect(shard: Shard, item: number): void {
  keys.add(shard.bytes, keyOffset(shard.words, item), keyLength(shard.words, item));
}

function scan(request: Request): void {
  const cursor = parseCursor(request.text(1));
  if (cursor === undefined) {
    request.reply.error('ERR invalid cursor');
    return;
  }
  const options = parseScan(request);
  if (options === undefined) return;
  keys.clear();
  const walk = new Scan(request.keyspace, request.client.database, (shard, item) => {
    if (passes(request, options, shard, item) && !shard.removeExpired(item)) collect(shard, item);
  });
  walk.items = options.count;
  walk.work = WORK_MIN + options.count * WORK_OF_KEY;
  const next = walk.walk(cursor);
  request.reply.array(2);
  request.reply.bulkInteger(next);
  keys.answer(request.reply);
}

/** Expired keys are left where they are, as in Redis. */
function listKeys(request: Request): void {
  const filter = { pattern: patternArgument(request, 1), type: ANY_TYPE };
  keys.clear();
  const walk = new Scan(request.keyspace, request.client.database, (shard, item) => {
    if (passes(request, filter, shard, item) && !shard.isExpired(item)) collect(shard, item);
  });
  let cursor = SCAN_START;
  do cursor = walk.walk(cursor);
  while (cursor !== SCAN_END);
  keys.answer(request.reply);
}

function random(request: Request): void {
  const key = randomKey(request.keyspace, request.client.database);
  if (key === undefined) request.reply.nullBulk();
  else request.reply.bulk(key, 0, key.length);
}

export const ITERATION_COMMANDS = [
  command({
    name: 'keys',
    arity: 2,
    flags: ['readonly'],
    categories: ['keyspace', 'dangerous'],
    firstKey: 0,
    group: 'generic',
    since: '1.0.0',
    complexity:
      'O(N) with N being the number of keys in the database, under the assumption that the key names in the database and the given pattern have limited length.',
    summary: 'Returns all key names that match a pattern.',
    run: listKeys,
  }),
  command({
    name: 'scan',
    arity: -2,
    flags: ['readonly'],
    categories: ['keyspace'],
    firstKey: 0,
    group: 'generic',
    since: '2.8.0',
    complexity:
      'O(1) for every call. O(N) for a complete iteration, including enough command calls for the cursor to return back to 0. N is the number of elements inside the collection.',
    summary: 'Iterates over the key names in the database.',
    run: scan,
  }),
  command({
    name: 'randomkey',
    arity: 1,
    flags: ['readonly'],
    categories: ['keyspace'],
    firstKey: 0,
    group: 'generic',
    since: '1.0.0',
    summary: 'Returns a random key name from the database.',
    run: random,
  }),
];
