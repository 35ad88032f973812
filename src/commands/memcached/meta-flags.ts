/**
 * The flags of meta commands: one letter each, some with a token behind it, in any order.
 *
 * ```
 *  mg <key> <flag>*          ms <key> <bytes> <flag>*          Oopaque T30 v k
 *           └ from 2                          └ from 3
 * ```
 *
 * They are read once before anything is done, so that a wrong one leaves nothing half done; the replies walk over them again, because they have the
 * flags in the order of the request. Every command takes every flag, and leaves what means nothing to it.
 */

import { decodeBase64 } from '../../base/base64.js';
import { ByteArena } from '../../base/bytes.js';
import { parseDigits } from '../../base/numbers.js';
import { Uint64 } from '../../base/uint64.js';
import { FLAG_DATA } from '../../protocol/descriptors.js';
import type { Request } from '../request.js';
import type { ItemKey } from './storage.js';
import { BAD_FORMAT, KEY_BYTES_MAX, parseExptime, UINT32_MAX } from './text-arguments.js';

/** Most arguments of a line, name and key included. */
const ARGUMENTS_MAX = 20;
/** Longest opaque, its letter included. */
const OPAQUE_BYTES_MAX = 32;

const BAD_TOKEN = 'CLIENT_ERROR bad token in command line format';
const BAD_INITIAL = 'CLIENT_ERROR invalid numeric initial value';
const BAD_DELTA = 'CLIENT_ERROR invalid numeric delta value';
const BAD_MODE = 'CLIENT_ERROR incorrect length for M token';
const BAD_KEY = 'CLIENT_ERROR error decoding key';
const DUPLICATE_FLAG = 'CLIENT_ERROR duplicate flag';
const UNKNOWN_FLAG = 'CLIENT_ERROR invalid flag';
export const OPAQUE_TOO_LONG = 'CLIENT_ERROR opaque token too long';
const TOO_MANY_FLAGS = 'CLIENT_ERROR options flags are too long';

/** Flags' letters, of the replies too. */
const COMPARE_CAS = 0x43;
const DELTA = 0x44;
const NEW_CAS = 0x45;
const CLIENT_FLAGS = 0x46;
const INVALIDATE = 0x49;
const INITIAL = 0x4a;
const PATH = 0x4c;
const MODE = 0x4d;
const VIVIFY = 0x4e;
const OPAQUE = 0x4f;
const PROXY = 0x50;
const RECACHE = 0x52;
const TTL = 0x54;
const BASE64 = 0x62;
const SHOW_CAS = 0x63;
const SHOW_FLAGS = 0x66;
const SHOW_HIT = 0x68;
const SHOW_KEY = 0x6b;
const SHOW_ACCESS = 0x6c;
const QUIET = 0x71;
const SHOW_SIZE = 0x73;
const SHOW_TTL = 0x74;
const NO_BUMP = 0x75;
const VALUE = 0x76;
const NO_VALUE = 0x78;

/** The letters, from A to z, are bits of two words. */
const LETTER_A = 0x41;
const LETTER_Z_SMALL = 0x7a;
const ASCII_MAX = 0x7e;

export class MetaFlags {
  /** Index of the first flag, and of what comes behind the last. */
  from = 0;
  end = 0;
  /** b: the key is in base64, and is shown so. */
  base64 = false;
  /** q: the usual outcome is not answered. */
  quiet = false;
  /** v: the value is wanted. */
  value = false;
  /** c: the CAS number is wanted. */
  showCas = false;
  /** u: the item is not to be bumped. */
  noBump = false;
  /** I. */
  invalidate = false;
  /** x: the value goes, the item stays. */
  noValue = false;
  /** T, N, R: index of the argument, 0 = none, and seconds. */
  ttlIndex = 0;
  ttl = 0;
  vivifyIndex = 0;
  vivify = 0;
  recacheIndex = 0;
  recache = 0;
  /** C: the CAS number must be this one. */
  hasCas = false;
  readonly cas = new Uint64();
  /** E: it is to be this one; 0 is as good as none. */
  hasNewCas = false;
  readonly newCas = new Uint64();
  /** F. */
  clientFlags = 0;
  /** M: the mode's letter, 0 = none. */
  mode = 0;
  /** D and J. */
  readonly delta = new Uint64();
  readonly initial = new Uint64();
  /** Why `read` returned false. */
  error = '';
  private seenCapitals = 0;
  private seenSmall = 0;
  private readonly decoded = new ByteArena(new ArrayBuffer(KEY_BYTES_MAX));

  /**
   * Reads the flags of a request, and checks its key's length.
   * @param from index of the first flag
   * @returns false when something is wrong: `error` says what
   */
  read(request: Request, from: number): boolean {
    this.reset();
    this.from = from;
    this.end = (request.flags & FLAG_DATA) === 0 ? request.argc : request.argc - 1;
    if (request.length(1) > KEY_BYTES_MAX) return this.refuse(BAD_FORMAT);
    if (this.end > ARGUMENTS_MAX) return this.refuse(TOO_MANY_FLAGS);
    for (let index = from; index < this.end; index++) {
      if (!this.readFlag(request, index)) return false;
    }
    return this.error === '';
  }

  /** Reads the one flag that `me` takes, b, and checks the key's length; what else there is is ignored, as in memcached. */
  readBase64(request: Request): boolean {
    this.reset();
    this.base64 = request.argc > 2 && request.length(2) === 1 && request.input[request.offset(2)] === BASE64;
    return request.length(1) <= KEY_BYTES_MAX;
  }

  /** Takes argument 1 as the key. False when it is not the base64 that it should be: `error` says so. */
  takeKey(request: Request, key: ItemKey): boolean {
    if (!this.base64) {
      key.take(request, 1);
      return true;
    }
    const length = decodeBase64(request.input, request.offset(1), request.length(1), this.decoded);
    if (length <= 0) return this.refuse(BAD_KEY);
    key.takeBytes(request, this.decoded, 0, length);
    return true;
  }

  /** Writes the flags that every reply repeats: key and opaque. False when the argument is another flag. */
  echo(request: Request, index: number, key: ItemKey): boolean {
    const letter = request.input[request.offset(index)];
    if (letter === OPAQUE) request.memcached.token(request.input, request.offset(index), request.length(index));
    else if (letter !== SHOW_KEY) return false;
    else if (this.base64) request.memcached.binaryKey(key.bytes, key.at, key.length);
    else request.memcached.key(key.bytes, key.at, key.length);
    return true;
  }

  /** A reply of a status and of what every reply repeats. */
  answer(request: Request, status: number, key: ItemKey): void {
    const { memcached } = request;
    memcached.meta(status);
    for (let index = this.from; index < this.end; index++) this.echo(request, index, key);
    memcached.endLine();
  }

  private reset(): void {
    this.base64 = false;
    this.quiet = false;
    this.value = false;
    this.showCas = false;
    this.noBump = false;
    this.invalidate = false;
    this.noValue = false;
    this.ttlIndex = 0;
    this.ttl = 0;
    this.vivifyIndex = 0;
    this.recacheIndex = 0;
    this.hasCas = false;
    this.cas.set(0, 0);
    this.hasNewCas = false;
    this.clientFlags = 0;
    this.mode = 0;
    this.delta.set(1, 0);
    this.initial.set(0, 0);
    this.error = '';
    this.seenCapitals = 0;
    this.seenSmall = 0;
  }

  private refuse(error: string): false {
    this.error = error;
    return false;
  }

  /**
   * Reads one flag. A token that is wrong is remembered, and the reading goes on, as in memcached: a flag that is wrong later is the one that is
   * complained of.
   */
  private readFlag(request: Request, index: number): boolean {
    const letter = request.input[request.offset(index)];
    if (letter > ASCII_MAX || !this.isNew(letter)) return this.refuse(DUPLICATE_FLAG);
    switch (letter) {
      case VALUE:
        this.value = true;
        return true;
      case SHOW_CAS:
        this.showCas = true;
        return true;
      case QUIET:
        this.quiet = true;
        return true;
      case BASE64:
        this.base64 = true;
        return true;
      case NO_BUMP:
        this.noBump = true;
        return true;
      case INVALIDATE:
        this.invalidate = true;
        return true;
      case NO_VALUE:
        this.noValue = true;
        return true;
      case SHOW_FLAGS:
      case SHOW_HIT:
      case SHOW_KEY:
      case SHOW_ACCESS:
      case SHOW_SIZE:
      case SHOW_TTL:
      case PATH:
      case PROXY:
        return true;
      default:
        return this.readToken(request, index, letter);
    }
  }

  /** Reads a flag that has a token. */
  private readToken(request: Request, index: number, letter: number): boolean {
    const { input } = request;
    const at = request.offset(index) + 1;
    const length = request.length(index) - 1;
    switch (letter) {
      case OPAQUE:
        if (length >= OPAQUE_BYTES_MAX) this.error = OPAQUE_TOO_LONG;
        return true;
      case TTL:
        this.ttlIndex = index;
        this.ttl = this.seconds(input, at, length);
        return true;
      case VIVIFY:
        this.vivifyIndex = index;
        this.vivify = this.seconds(input, at, length);
        return true;
      case RECACHE:
        this.recacheIndex = index;
        this.recache = this.seconds(input, at, length);
        return true;
      case COMPARE_CAS:
        this.hasCas = true;
        if (!this.cas.parse(input, at, length)) this.error = BAD_TOKEN;
        return true;
      case NEW_CAS:
        if (!this.newCas.parse(input, at, length)) this.error = BAD_TOKEN;
        this.hasNewCas = !this.newCas.isZero;
        return true;
      case CLIENT_FLAGS:
        this.clientFlags = parseDigits(input, at, length, UINT32_MAX);
        if (Number.isNaN(this.clientFlags)) this.error = BAD_FORMAT;
        return true;
      case MODE:
        this.mode = input[at];
        if (length !== 1) this.error = BAD_MODE;
        return true;
      case INITIAL:
        if (!this.initial.parse(input, at, length)) this.error = BAD_INITIAL;
        return true;
      case DELTA:
        if (!this.delta.parse(input, at, length)) this.error = BAD_DELTA;
        return true;
      default:
        return this.refuse(UNKNOWN_FLAG);
    }
  }

  private seconds(input: Uint8Array, at: number, length: number): number {
    const seconds = parseExptime(input, at, length);
    if (Number.isNaN(seconds)) this.error = BAD_TOKEN;
    return seconds;
  }

  /** Whether a letter was not there before. */
  private isNew(letter: number): boolean {
    if (letter < LETTER_A || letter > LETTER_Z_SMALL) return true;
    const bit = 1 << (letter & 31);
    const capital = letter < 0x60;
    const seen = capital ? this.seenCapitals : this.seenSmall;
    if (capital) this.seenCapitals = seen | bit;
    else this.seenSmall = seen | bit;
    return (seen & bit) === 0;
  }
}
