/**
 * Which items there are, for tools that ask memcached:
 *
 * ```
 *  lru_crawler metadump all|hash|<class>[,<class>]*   ->  key=<key> exp=<seconds> la=<seconds> cas=.. fetch=.. cls=.. size=..\n   for each, then END
 *  lru_crawler mgdump all|hash|<class>[,<class>]*     ->  mg <key>\r\n or mg <base64> b\r\n                                      for each, then EN
 *  stats cachedump <class> <most>                     ->  ITEM <key> [<bytes> b; <seconds> s]\r\n                                for each, then END
 * ```
 *
 * As with KEYS, a dump of everything is made in one go: it keeps its thread busy, and is kept until the client has it. `stats cachedump` shows 2 MB at most.
 * Times are since 1970. There is no crawler to be tuned: what else `lru_crawler` can do in memcached is refused.
 */

import { expiryOf, keyLength, keyOffset, TYPE_STRING, typeOf, valueLength } from '../../engine/item.js';
import { SCAN_END, SCAN_START, Scan, type Visit } from '../../engine/scan.js';
import type { Shard } from '../../engine/shard.js';
import type { Answer } from '../command.js';
import type { Request } from '../request.js';
import { RUN_CLASS } from './counters.js';
import { factsOf } from './item-facts.js';
import { slabClassOf } from './slab-classes.js';
import { BAD_FORMAT, ERROR, KEY_BYTES_MAX, uint32 } from './text-arguments.js';

const BAD_CLASS = 'BADCLASS invalid class id';
const BAD_LINE = 'CLIENT_ERROR bad command line';
const ILLEGAL_CLASS = 'CLIENT_ERROR Illegal slab id';
const NO_CRAWLER = 'CLIENT_ERROR lru crawler disabled';

const MS = 1000;
/** What `stats cachedump` shows at most, with the bytes of its END. */
const CACHEDUMP_BYTES_MAX = 2 << 20;
const END_BYTES = 6;

/** Characters of a key that stand for themselves. */
const UNRESERVED = /[^A-Za-z0-9._~-]/g;
/** What a key in text cannot have: blanks, and what is not printed. */
const UNPRINTABLE = /[^\x21-\x7e\x80-\xff]/;

/** `lru_crawler`. */
export function crawler(request: Request): void {
  const { memcached, argc } = request;
  const word = argc > 1 ? request.text(1) : '';
  if (argc !== 3) memcached.error(argc === 2 && (word === 'enable' || word === 'disable') ? NO_CRAWLER : ERROR);
  else if (word === 'metadump') dump(request, metaLine, 'END');
  else if (word === 'mgdump') dump(request, getLine, 'EN');
  else memcached.error(NO_CRAWLER);
}

/** Writes a line for each item of the classes that are asked for. */
function dump(request: Request, line: (shard: Shard, item: number, now: number) => string, end: string): void {
  const { memcached, clock } = request;
  const classes = classesOf(request.text(2));
  if (classes === undefined) {
    memcached.error(BAD_CLASS);
    return;
  }
  walk(request, (shard, item) => {
    if (classes.size === 0 || classes.has(slabClassOf(shard, item))) memcached.text(line(shard, item, clock.now));
  });
  memcached.line(end);
}

/** The classes in a list; none stands for all. Undefined when it is no list of classes. */
function classesOf(text: string): Set<number> | undefined {
  if (text === 'all' || text === 'hash') return new Set();
  const numbers = text.split(',').map((word) => (/^\d+$/.test(word) ? Number(word) : 0));
  return numbers.every((number) => number >= 1 && number <= RUN_CLASS) ? new Set(numbers) : undefined;
}

function metaLine(shard: Shard, item: number, now: number): string {
  const key = keyOf(shard, item).replace(
    UNRESERVED,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  );
  const used = Math.floor(now / MS) - shard.idleSeconds(item);
  return `key=${key} exp=${secondsOf(shard, item, -1)} la=${used} ${factsOf(shard, item)}\n`;
}

function getLine(shard: Shard, item: number): string {
  const key = keyOf(shard, item);
  return UNPRINTABLE.test(key) ? `mg ${Buffer.from(key, 'latin1').toString('base64')} b\r\n` : `mg ${key}\r\n`;
}

/** `stats cachedump`: the items are read now, and shown later. */
export function cachedump(request: Request): Answer {
  const { memcached } = request;
  if (request.argc < 4) return () => memcached.error(BAD_LINE);
  const number = uint32(request, 2);
  const most = uint32(request, 3);
  if (Number.isNaN(number) || Number.isNaN(most)) return () => memcached.error(BAD_FORMAT);
  if (number > RUN_CLASS) return () => memcached.error(ILLEGAL_CLASS);
  const lines: string[] = [];
  let left = CACHEDUMP_BYTES_MAX - END_BYTES;
  walk(request, (shard, item) => {
    if (slabClassOf(shard, item) !== number || (most > 0 && lines.length === most)) return;
    const key = keyOf(shard, item);
    if (UNPRINTABLE.test(key)) return;
    const line = `ITEM ${key} [${valueLength(shard.words, item)} b; ${secondsOf(shard, item, 0)} s]\r\n`;
    left -= line.length;
    if (left >= 0) lines.push(line);
  });
  return () => {
    for (const line of lines) memcached.text(line);
    memcached.end();
  };
}

/** Visits the strings that a Memcached client can ask for. */
function walk(request: Request, visit: Visit): void {
  const scan = new Scan(request.keyspace, request.client.database, (shard, item) => {
    const { words } = shard;
    const key = keyLength(words, item);
    if (typeOf(words, item) !== TYPE_STRING || key === 0 || key > KEY_BYTES_MAX) return;
    if (!shard.isExpired(item)) visit(shard, item);
  });
  let cursor = SCAN_START;
  do cursor = scan.walk(cursor);
  while (cursor !== SCAN_END);
}

/** The key, a character for each byte. */
function keyOf({ words, bytes }: Shard, item: number): string {
  const at = keyOffset(words, item);
  return Buffer.from(bytes.subarray(at, at + keyLength(words, item))).toString('latin1');
}

/** When the item expires, in seconds since 1970. */
function secondsOf({ words }: Shard, item: number, never: number): number {
  const deadline = expiryOf(words, item);
  return deadline === 0 ? never : Math.ceil(deadline / MS);
}
