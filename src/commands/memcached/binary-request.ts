/**
 * The binary request that is being executed. Its arguments are always the same four, in place in the input:
 *
 * ```
 *  argument 0  header    0 magic 0x80 │ 1 opcode │ 2 key length │ 4 extras length │ 5 data type │ 6 reserved │ 8 body length │ 12 opaque │ 16 CAS
 *           1  key
 *           2  extras    numbers of the command's, as flags and expiration of a SET
 *           3  value
 * ```
 *
 * Numbers are big-endian. Each command begins with `begin`, which checks what it is made of as memcached does: a request of the wrong shape is
 * answered, and the connection is closed.
 */

import { FLAG_MALFORMED, FLAG_TOO_LARGE } from '../../protocol/descriptors.js';
import { STATUS_INVALID, STATUS_OK, STATUS_UNKNOWN_COMMAND } from '../../protocol/memcached/binary-reply.js';
import { CLOSE_AFTER_REPLY } from '../client.js';
import type { Request } from '../request.js';
import { ItemKey } from './storage.js';

export const HEADER = 0;
export const KEY = 1;
export const EXTRAS = 2;
export const VALUE = 3;

/** Longest key of memcached's. */
const KEY_BYTES_MAX = 250;
const CAS_HIGH_AT = 16;
const CAS_LOW_AT = 20;

/** What a request may have besides its extras: bits. */
export const NO_KEY = 0;
export const NEEDS_KEY = 1;
export const MAY_HAVE_KEY = 2;
export const MAY_HAVE_VALUE = 4;

/** The key of the request, once `takeKey` was called. */
export const key = new ItemKey();

/**
 * Begins a request: responses are to it from here on.
 * @param extrasBytes length of the extras
 * @param parts NEEDS_KEY, ... bits
 * @returns false when the request is not of this shape: it has been answered
 */
export function begin(request: Request, extrasBytes: number, parts: number): boolean {
  request.memcachedBinary.begin(request.input, request.offset(HEADER));
  const status = statusOfShape(request, extrasBytes, parts);
  if (status === STATUS_OK) return true;
  request.memcachedBinary.status(status);
  request.client.closing = CLOSE_AFTER_REPLY;
  return false;
}

/** STATUS_OK when a request is of a shape, or what it is to be answered before the connection is closed. */
export function statusOfShape(request: Request, extrasBytes: number, parts: number): number {
  if ((request.flags & FLAG_MALFORMED) !== 0) return STATUS_UNKNOWN_COMMAND;
  const keyBytes = request.length(KEY);
  const isShaped =
    keyBytes <= KEY_BYTES_MAX &&
    request.length(EXTRAS) === extrasBytes &&
    (keyBytes > 0 ? (parts & (NEEDS_KEY | MAY_HAVE_KEY)) !== 0 : (parts & NEEDS_KEY) === 0) &&
    ((parts & MAY_HAVE_VALUE) !== 0 || !hasValue(request));
  return isShaped ? STATUS_OK : STATUS_INVALID;
}

function hasValue(request: Request): boolean {
  return request.length(VALUE) > 0 || wasThrownAway(request);
}

/** Whether the value was above the connection's limit: its bytes are thrown away. */
export function wasThrownAway(request: Request): boolean {
  return (request.flags & FLAG_TOO_LARGE) !== 0;
}

/** The request's key, with its shard locked. */
export function takeKey(request: Request): ItemKey {
  key.take(request, KEY);
  return key;
}

/** Four bytes of the extras as a signed number. */
export function extra(request: Request, at: number): number {
  return readWord(request.input, request.offset(EXTRAS) + at);
}

/** Low half of the CAS that the request asks for; both halves are 0 when it asks for none. */
export function casLow(request: Request): number {
  return readWord(request.input, request.offset(HEADER) + CAS_LOW_AT);
}

export function casHigh(request: Request): number {
  return readWord(request.input, request.offset(HEADER) + CAS_HIGH_AT);
}

function readWord(bytes: Uint8Array, at: number): number {
  return (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
}
