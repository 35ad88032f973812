/** What the commands of the text protocol have in common: keys, numbers, `noreply`, and the texts of their errors. */

import { asciiBytes, ByteArena, equalBytes } from '../../base/bytes.js';
import { parseDigits } from '../../base/numbers.js';
import type { Request } from '../request.js';
import { EXISTS, type ItemKey, NO_MEMORY, NOT_FOUND, NOT_NUMERIC, NOT_STORED, WRONG_TYPE } from './storage.js';

/** The name was right and the rest was not: memcached's answer to a wrong number of arguments. */
export const ERROR = 'ERROR';
export const BAD_FORMAT = 'CLIENT_ERROR bad command line format';
export const BAD_CHUNK = 'CLIENT_ERROR bad data chunk';
export const BAD_EXPTIME = 'CLIENT_ERROR invalid exptime argument';
export const BAD_DELTA = 'CLIENT_ERROR invalid numeric delta argument';
export const NOT_A_NUMBER = 'CLIENT_ERROR cannot increment or decrement non-numeric value';
export const NOT_A_STRING = 'CLIENT_ERROR wrong type: the key holds a Redis collection';
export const TOO_LARGE = 'SERVER_ERROR object too large for cache';
export const OUT_OF_MEMORY_STORING = 'SERVER_ERROR out of memory storing object';
export const OUT_OF_MEMORY_READING = 'SERVER_ERROR out of memory writing get response';
export const OUT_OF_MEMORY = 'SERVER_ERROR out of memory';

export const KEY_BYTES_MAX = 250;
/** Client flags, and times since 1970, are unsigned numbers of 32 bits. */
export const UINT32_MAX = 2 ** 32 - 1;

const MINUS = 0x2d;
const NOREPLY = new ByteArena(asciiBytes('noreply').buffer);

/** Whether an argument is `noreply`. */
export function isNoreply(request: Request, index: number): boolean {
  return (
    request.length(index) === NOREPLY.length &&
    equalBytes(request.input, request.offset(index), NOREPLY, 0, NOREPLY.length)
  );
}

/** Takes an argument as the key; answers when it is too long. */
export function takeKey(request: Request, index: number, key: ItemKey): boolean {
  if (request.length(index) > KEY_BYTES_MAX) {
    request.memcached.error(BAD_FORMAT);
    return false;
  }
  key.take(request, index);
  return true;
}

/** An argument as an unsigned number of 32 bits; NaN when it is none. */
export function uint32(request: Request, index: number): number {
  return parseDigits(request.input, request.offset(index), request.length(index), UINT32_MAX);
}

/** An argument as an expiration time in seconds; NaN when it is none. */
export function exptime(request: Request, index: number): number {
  return parseExptime(request.input, request.offset(index), request.length(index));
}

/** The expiration time that some bytes spell: digits, and perhaps a minus before them. NaN when they do not. */
export function parseExptime(bytes: Uint8Array, at: number, length: number): number {
  if (length > 0 && bytes[at] === MINUS) return -parseDigits(bytes, at + 1, length - 1, UINT32_MAX);
  return parseDigits(bytes, at, length, UINT32_MAX);
}

/** Writes what a classic command answers to one of storage's outcomes. */
export function replyOutcome({ memcached }: Request, outcome: number): void {
  if (outcome === NOT_FOUND) memcached.notFound();
  else if (outcome === EXISTS) memcached.exists();
  else if (outcome === NOT_STORED) memcached.notStored();
  else memcached.error(failureText(outcome));
}

/** The error that both classic and meta commands answer to an outcome which is a failure. */
export function failureText(outcome: number): string {
  if (outcome === NO_MEMORY) return OUT_OF_MEMORY_STORING;
  return outcome === NOT_NUMERIC ? NOT_A_NUMBER : outcome === WRONG_TYPE ? NOT_A_STRING : OUT_OF_MEMORY;
}
