/**
 * Memcached's counters, for `stats`: a worker adds to its own block, and whoever asks gets the sums over all workers (`MemcachedFigures.counters`).
 *
 * ```
 *  [by command 16][class 1: what was done with items of its size 8][class 2 8] ... [class CLASSES + 1 8]
 * ```
 *
 * `counters[GET_MISSES]++`, and for what is done with items `counters[ofItem(shard, sizeOf(words, item)) + GET_HITS]++`. An item's class is the one that its size
 * asks for; short of memory it may have a larger cell. Some go by two names in memcached: `cmd_set` counts every store, whatever became of it; hits and
 * misses add up to the commands.
 */

import { CLASSES } from '../../engine/memory/size-classes.js';
import type { Shard } from '../../engine/shard.js';

export const CMD_GET = 0;
export const CMD_FLUSH = 1;
export const CMD_TOUCH = 2;
export const CMD_META = 3;
export const GET_MISSES = 4;
/** Misses whose item had expired. */
export const GET_EXPIRED = 5;
export const DELETE_MISSES = 6;
export const INCR_MISSES = 7;
export const DECR_MISSES = 8;
export const CAS_MISSES = 9;
export const TOUCH_MISSES = 10;
export const AUTH_CMDS = 11;
export const AUTH_ERRORS = 12;
/** Stores refused because the value is above the limit, or because there was no memory for it. */
export const STORE_TOO_LARGE = 13;
export const STORE_NO_MEMORY = 14;

// Of a class: places behind `ofClass` or `ofItem`.
export const GET_HITS = 0;
export const CMD_SET = 1;
export const DELETE_HITS = 2;
export const INCR_HITS = 3;
export const DECR_HITS = 4;
export const CAS_HITS = 5;
export const CAS_BADVAL = 6;
export const TOUCH_HITS = 7;

const BY_CLASS = 16;
const CLASS_SHIFT = 3;

/** Number of the last class: values that are larger than a cell have runs of pages of their own. The others are 1 .. CLASSES. */
export const RUN_CLASS = CLASSES + 1;

export const MEMCACHED_COUNTERS = BY_CLASS + (RUN_CLASS << CLASS_SHIFT);

/** Where the counters of a class begin. */
export function ofClass(number: number): number {
  return BY_CLASS + ((number - 1) << CLASS_SHIFT);
}

/** Where the counters begin of the class of a shard's items that take `bytes`. */
export function ofItem({ memory }: Shard, bytes: number): number {
  return BY_CLASS + (memory.classOf(bytes) << CLASS_SHIFT);
}

/** A counter of the classes, over all of them. */
export function overClasses(counters: Float64Array, counter: number): number {
  let sum = 0;
  for (let number = 1; number <= RUN_CLASS; number++) sum += counters[ofClass(number) + counter];
  return sum;
}
