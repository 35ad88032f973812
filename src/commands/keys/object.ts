/** How keys are stored: OBJECT, and the subcommands MEMORY USAGE and DEBUG OBJECT. */

import { asciiBytes } from '../../base/bytes.js';
import { parseBigInt64 } from '../../base/numbers.js';
import { accessOf, isPlaceholder, isRaw, MARK_TEXT, marksOf, valueLength, valueOffset } from '../../engine/item.js';
import type { Shard } from '../../engine/shard.js';
import { command, type Subcommand } from '../command.js';
import { helpSubcommand } from '../help.js';
import { NO_SUCH_KEY, NOT_INTEGER, SYNTAX } from '../replies.js';
import type { Request } from '../request.js';

/** Place of the key in these subcommands. */
const KEY = 2;
const SAMPLES = asciiBytes('samples');

/** Digits, and a minus, of the longest 64-bit integer. */
const INT_BYTES_MAX = 20;
/** Longest string that Redis keeps in one piece with its object. */
const EMBSTR_BYTES_MAX = 44;

const SWITCHING =
  'Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.';
const NO_FREQUENCY = `ERR An LFU maxmemory policy is not selected, access frequency not tracked. ${SWITCHING}`;
const NO_IDLE_TIME = `ERR An LFU maxmemory policy is selected, idle time not tracked. ${SWITCHING}`;

const HELP = [
  'ENCODING <key>',
  '    Return the kind of internal representation used in order to store the value',
  '    associated with a <key>.',
  'FREQ <key>',
  '    Return the access frequency index of the <key>. The returned integer is',
  '    proportional to the logarithm of the recent access frequency of the key.',
  'IDLETIME <key>',
  '    Return the idle time of the <key>, that is the approximated number of',
  '    seconds elapsed since the last access to the key.',
  'REFCOUNT <key>',
  '    Return the number of references of the value associated with the specified',
  '    <key>.',
];

/** Looks up a key that the command table does not name, as it is an argument of a subcommand. Returns the item in `request.shard`, or 0. */
function findKey(request: Request, index: number): number {
  const { input, keyspace } = request;
  const at = request.offset(index);
  const length = request.length(index);
  const shard = request.lock(keyspace.shards[keyspace.shardNumber(input, at, length)]);
  const { database } = request;
  const item = shard.find(shard.hash(input, at, length, database), input, at, length, database);
  return item !== 0 && isPlaceholder(shard.words, item) ? 0 : item;
}

/** The 64-bit integer that a value is the text of; undefined when it is none. */
function intValue(shard: Shard, item: number): bigint | undefined {
  const length = valueLength(shard.words, item);
  if (length > INT_BYTES_MAX) return undefined;
  return parseBigInt64(shard.bytes, valueOffset(shard.words, item), length);
}

/** What Redis would call the encoding of a string. */
function encodingOf(shard: Shard, item: number): string {
  if (isRaw(shard.words, item)) return 'raw';
  const isText = (marksOf(shard.words, item) & MARK_TEXT) !== 0;
  if (!isText && intValue(shard, item) !== undefined) return 'int';
  return valueLength(shard.words, item) <= EMBSTR_BYTES_MAX ? 'embstr' : 'raw';
}

/** Bytes that Redis would take to write a string down, uncompressed. */
function serializedLength(shard: Shard, item: number): number {
  const length = valueLength(shard.words, item);
  const int = intValue(shard, item);
  for (const bytes of [1, 2, 4]) if (int !== undefined && BigInt.asIntN(bytes * 8, int) === int) return 1 + bytes;
  if (length < 64) return 1 + length;
  return (length < 16_384 ? 2 : 5) + length;
}

/** Answers something about a key's item, or null when the key is not there. */
function inspect(request: Request, answer: (request: Request, item: number) => void): void {
  const item = findKey(request, KEY);
  request.shard.ledger.lookup(item !== 0);
  if (item === 0) request.reply.nullBulk();
  else answer(request, item);
}

function encoding(request: Request, item: number): void {
  request.reply.bulkAscii(encodingOf(request.shard, item));
}

function frequency(request: Request, item: number): void {
  const { access, words } = request.shard;
  if (access.countsFrequency) request.reply.integer(access.counter(accessOf(words, item)));
  else request.reply.error(NO_FREQUENCY);
}

function idleTime(request: Request, item: number): void {
  const { access, words } = request.shard;
  if (access.countsFrequency) request.reply.error(NO_IDLE_TIME);
  else request.reply.integer(access.idleSeconds(accessOf(words, item)));
}

/** MEMORY USAGE key [SAMPLES count]: bytes of the cell that the item has, and of its index entry. */
export function memoryUsage(request: Request): void {
  for (let index = KEY + 1; index < request.argc; index += 2) {
    if (!request.is(index, SAMPLES) || index + 1 === request.argc) {
      request.reply.error(SYNTAX);
      return;
    }
    const samples = request.bigInteger(index + 1);
    if (samples === undefined || samples < 0n) {
      request.reply.error(samples === undefined ? NOT_INTEGER : SYNTAX);
      return;
    }
  }
  const item = findKey(request, KEY);
  if (item === 0) request.reply.nullBulk();
  else request.reply.integer(request.shard.memory.bytesOf(item));
}

/** DEBUG OBJECT key: the form of Redis's line; the address is the item's offset in its shard. */
export function debugObject(request: Request): void {
  const item = findKey(request, KEY);
  if (item === 0) {
    request.reply.error(NO_SUCH_KEY);
    return;
  }
  const shard = request.shard;
  const access = accessOf(shard.words, item);
  const idle = shard.access.idleSeconds(access);
  request.reply.simple(
    `Value at:0x${item.toString(16)} refcount:1 encoding:${encodingOf(shard, item)} serializedlength:${serializedLength(shard, item)} lru:${access & 0xffffff} lru_seconds_idle:${idle}`,
  );
}

function inspection(
  name: string,
  since: string,
  summary: string,
  answer: (request: Request, item: number) => void,
): Subcommand {
  return {
    name,
    arity: 3,
    flags: ['readonly'],
    categories: ['keyspace'],
    firstKey: KEY,
    lastKey: KEY,
    keyStep: 1,
    since,
    complexity: 'O(1)',
    summary,
    run: (request) => inspect(request, answer),
  };
}

export const OBJECT_COMMANDS = [
  command({
    name: 'object',
    arity: -2,
    flags: [],
    firstKey: 0,
    group: 'generic',
    since: '2.2.3',
    complexity: 'Depends on subcommand.',
    summary: 'A container for object introspection commands.',
    subcommands: [
      inspection('encoding', '2.2.3', 'Returns the internal encoding of a Redis object.', encoding),
      inspection('freq', '4.0.0', 'Returns the logarithmic access frequency counter of a Redis object.', frequency),
      helpSubcommand('object', '6.2.0', HELP),
      inspection('idletime', '2.2.3', 'Returns the time since the last access to a Redis object.', idleTime),
      inspection('refcount', '2.2.3', 'Returns the reference count of a value of a key.', (request) =>
        request.reply.integer(1),
      ),
    ],
  }),
];
