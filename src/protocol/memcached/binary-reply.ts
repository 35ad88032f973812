/**
 * The encoder of Memcached's binary responses. It writes into the arena of an OutputWriter, as all encoders do.
 *
 * ```
 *  byte 0      1        2           4         5        6        8             12       16     24
 *  ┌──────────┬────────┬───────────┬─────────┬────────┬────────┬─────────────┬────────┬──────┬────────┬─────┬───────┐
 *  │magic 0x81│ opcode │ key length│ extras  │ data   │ status │ body length │ opaque │ CAS  │ extras │ key │ value │
 *  │          │        │           │ length  │ type 0 │        │             │        │      │        │     │       │
 *  └──────────┴────────┴───────────┴─────────┴────────┴────────┴─────────────┴────────┴──────┴────────┴─────┴───────┘
 *                                                                 the body: extras, key and value
 * ```
 *
 * Numbers are big-endian. A response has the opcode and the opaque of the request that `begin` was given: the opaque is any four bytes of the client's.
 * The CAS is a 64-bit number as two 32-bit halves, 0 where there is none. Responses to quiet requests are not written by simply not
 * calling the encoder: what is quiet depends on the command.
 */

import { asciiBytes, copyBytes } from '../../base/bytes.js';
import type { OutputWriter } from '../output.js';

// Imported bindings are slower than local ones in hot functions.
const copy = copyBytes;

export const STATUS_OK = 0x00;
export const STATUS_NOT_FOUND = 0x01;
export const STATUS_EXISTS = 0x02;
export const STATUS_TOO_LARGE = 0x03;
export const STATUS_INVALID = 0x04;
export const STATUS_NOT_STORED = 0x05;
export const STATUS_NOT_NUMERIC = 0x06;
export const STATUS_AUTH_ERROR = 0x20;
/** The next message of an authentication is awaited. */
export const STATUS_AUTH_CONTINUE = 0x21;
export const STATUS_UNKNOWN_COMMAND = 0x81;
export const STATUS_NO_MEMORY = 0x82;

const RESPONSE_MAGIC = 0x81;
const HEADER_BYTES = 24;
const OPCODE_AT = 1;
const OPAQUE_AT = 12;
const FLAGS_BYTES = 4;
const NUMBER_BYTES = 8;

/** memcached's texts: clients show them, and some match on them. */
const STATUS_TEXTS: readonly (readonly [status: number, text: string])[] = [
  [STATUS_NOT_FOUND, 'Not found'],
  [STATUS_EXISTS, 'Data exists for key.'],
  [STATUS_TOO_LARGE, 'Too large.'],
  [STATUS_INVALID, 'Invalid arguments'],
  [STATUS_NOT_STORED, 'Not stored.'],
  [STATUS_NOT_NUMERIC, 'Non-numeric server-side value for incr or decr'],
  [STATUS_AUTH_ERROR, 'Auth failure.'],
  [STATUS_UNKNOWN_COMMAND, 'Unknown command'],
  [STATUS_NO_MEMORY, 'Out of memory'],
];
const STATUSES = 256;
const NOTHING: Uint8Array = new Uint8Array(0);
/** By status, as texts and as bytes. */
const TEXTS = Array.from({ length: STATUSES }, () => '');
const TEXT_BYTES = Array.from({ length: STATUSES }, () => NOTHING);
for (const [status, text] of STATUS_TEXTS) {
  TEXTS[status] = text;
  TEXT_BYTES[status] = asciiBytes(text);
}

/** 1 for statuses that say what became of a request that was in order, not that it was wrong. */
const OUTCOMES = new Uint8Array(STATUSES);
for (const status of [STATUS_NOT_FOUND, STATUS_EXISTS, STATUS_NOT_STORED, STATUS_AUTH_CONTINUE]) OUTCOMES[status] = 1;

export class BinaryReply {
  private readonly out: OutputWriter;
  private opcode = 0;
  /** The opaque's bytes, as a word in the order in which they came. */
  private opaque = 0;

  constructor(out: OutputWriter) {
    this.out = out;
  }

  /** The responses that follow are to the request whose header is at `at`. */
  begin(input: Uint8Array, at: number): void {
    const opaque = at + OPAQUE_AT;
    this.opcode = input[at + OPCODE_AT];
    this.opaque = input[opaque] | (input[opaque + 1] << 8) | (input[opaque + 2] << 16) | (input[opaque + 3] << 24);
  }

  /** A response without a body. The CAS's halves are 0 when there is none. */
  empty(casLow: number, casHigh: number): void {
    this.header(STATUS_OK, 0, 0, 0, casLow, casHigh);
  }

  /** A 64-bit number as the value: what INCREMENT and DECREMENT answer. */
  number(low: number, high: number, casLow: number, casHigh: number): void {
    if (!this.header(STATUS_OK, 0, 0, NUMBER_BYTES, casLow, casHigh)) return;
    const { out } = this;
    out.view.setInt32(out.position, high, false);
    out.view.setInt32(out.position + 4, low, false);
    out.position += NUMBER_BYTES;
  }

  /** An item: its client flags, its key when `keyBytes` is not 0, and its value. */
  value(
    flags: number,
    key: Uint8Array,
    keyAt: number,
    keyBytes: number,
    value: Uint8Array,
    valueAt: number,
    valueBytes: number,
    casLow: number,
    casHigh: number,
  ): void {
    if (!this.header(STATUS_OK, FLAGS_BYTES, keyBytes, FLAGS_BYTES + keyBytes + valueBytes, casLow, casHigh)) return;
    const { out } = this;
    let at = out.position;
    out.view.setInt32(at, flags, false);
    at += FLAGS_BYTES;
    if (at + keyBytes + valueBytes > out.end) {
      out.position = at;
      out.raw(key, keyAt, keyBytes);
      out.raw(value, valueAt, valueBytes);
      return;
    }
    copy(key, keyAt, out.bytes, at, keyBytes);
    at += keyBytes;
    copy(value, valueAt, out.bytes, at, valueBytes);
    out.position = at + valueBytes;
  }

  /** A text as the value: what VERSION answers. Its characters are ASCII. */
  text(text: string): void {
    if (this.header(STATUS_OK, 0, 0, text.length, 0, 0)) this.out.latin1(text);
  }

  /** One statistic. */
  statistic(name: string, value: string): void {
    const key = Buffer.from(name);
    const text = Buffer.from(value);
    if (!this.header(STATUS_OK, 0, key.length, key.length + text.length, 0, 0)) return;
    this.out.raw(key, 0, key.length);
    this.out.raw(text, 0, text.length);
  }

  /** GETK and GATK of what is not there: the key is all that is said. */
  missingKey(key: Uint8Array, at: number, length: number): void {
    if (this.header(STATUS_NOT_FOUND, 0, length, length, 0, 0)) this.out.raw(key, at, length);
  }

  /** A status with memcached's text for it, if it has one. */
  status(status: number): void {
    if (OUTCOMES[status] === 0) this.out.countError(TEXTS[status]);
    const text = TEXT_BYTES[status];
    if (this.header(status, 0, 0, text.length, 0, 0)) this.out.raw(text, 0, text.length);
  }

  /** An error with a text of its own, in ASCII. */
  error(status: number, text: string): void {
    this.out.countError(text);
    if (this.header(status, 0, 0, text.length, 0, 0)) this.out.latin1(text);
  }

  /** Writes a header, with room behind it for what comes before key and value. False: nothing is to be written. */
  private header(
    status: number,
    extrasBytes: number,
    keyBytes: number,
    bodyBytes: number,
    casLow: number,
    casHigh: number,
  ): boolean {
    const { out } = this;
    const most = HEADER_BYTES + NUMBER_BYTES;
    if (out.position + most > out.end && !out.makeRoom(most)) return false;
    const { view, position } = out;
    view.setInt32(position, (RESPONSE_MAGIC << 24) | (this.opcode << 16) | keyBytes, false);
    view.setInt32(position + 4, (extrasBytes << 24) | status, false);
    view.setInt32(position + 8, bodyBytes, false);
    view.setInt32(position + OPAQUE_AT, this.opaque, true);
    view.setInt32(position + 16, casHigh, false);
    view.setInt32(position + 20, casLow, false);
    out.position = position + HEADER_BYTES;
    return true;
  }
}
