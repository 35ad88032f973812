/**
 * Memcached's counters by command, for `stats`: a worker adds to its own block, `request.counters[GET_HITS]++`, and whoever asks gets the sums over
 * all workers (`MemcachedFigures.counters`).
 *
 * Some go by two names in memcached: `cmd_set` counts every store, whatever became of it; hits and misses add up to the commands.
 */

export const CMD_GET = 0;
export const CMD_SET = 1;
export const CMD_FLUSH = 2;
export const CMD_TOUCH = 3;
export const CMD_META = 4;
export const GET_HITS = 5;
export const GET_MISSES = 6;
/** Misses whose item had expired, or had been flushed. */
export const GET_EXPIRED = 7;
export const GET_FLUSHED = 8;
export const DELETE_HITS = 9;
export const DELETE_MISSES = 10;
export const INCR_HITS = 11;
export const INCR_MISSES = 12;
export const DECR_HITS = 13;
export const DECR_MISSES = 14;
export const CAS_HITS = 15;
export const CAS_MISSES = 16;
export const CAS_BADVAL = 17;
export const TOUCH_HITS = 18;
export const TOUCH_MISSES = 19;
export const AUTH_CMDS = 20;
export const AUTH_ERRORS = 21;
/** Stores refused because the value is above the limit, or because there was no memory for it. */
export const STORE_TOO_LARGE = 22;
export const STORE_NO_MEMORY = 23;

export const MEMCACHED_COUNTERS = 24;
