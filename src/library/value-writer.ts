/** Values on their way into the cache: as bytes, before a lock is taken. */

import type { ByteSpace } from '../base/bytes.js';
import { AshlarError } from '../base/errors.js';
import { VALUE_BYTES_MAX } from '../engine/item.js';
import { Scratch } from './scratch.js';

/** Longest string that is written to the scratch, in UTF-16 units; longer ones get bytes of their own. */
const SCRATCH_CHARACTERS_MAX = 16_384;

export class ValueWriter {
  /** Bytes of the value that was taken last. */
  length = 0;
  private readonly scratch = new Scratch(4096);

  /**
   * The bytes of a value: the first `length` of the array returned, until the next call.
   * @throws AshlarError ERR_BAD_ARGUMENT, ERR_VALUE_TOO_LARGE
   */
  bytesOf(value: string | Uint8Array): Uint8Array {
    if (typeof value === 'string') {
      if (value.length > SCRATCH_CHARACTERS_MAX) return this.take(longText(value));
      this.length = this.scratch.writeText(value);
      return this.scratch.bytes;
    }
    return this.take(plainBytes(value));
  }

  private take(bytes: Uint8Array): Uint8Array {
    if (bytes.length > VALUE_BYTES_MAX) throw tooLarge(bytes.length);
    this.length = bytes.length;
    return bytes;
  }
}

/** The bytes of a value that is compared with and not stored. @throws AshlarError ERR_BAD_ARGUMENT */
export function expectedBytes(value: string | Uint8Array): Uint8Array {
  return typeof value === 'string' ? Buffer.from(value) : plainBytes(value);
}

/**
 * The bytes of an array, without whatever properties and methods the caller gave it: they would be used under a lock.
 * @throws AshlarError ERR_BAD_ARGUMENT
 */
function plainBytes(value: ByteSpace): Uint8Array {
  if (!(value instanceof Uint8Array))
    throw new AshlarError('ERR_BAD_ARGUMENT', `a value is a string or a Uint8Array, not ${typeof value}`);
  const prototype: unknown = Object.getPrototypeOf(value);
  if ((prototype === Uint8Array.prototype || prototype === Buffer.prototype) && value.view === undefined) return value;
  return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
}

function longText(text: string): Uint8Array {
  if (text.length > VALUE_BYTES_MAX) throw tooLarge(text.length);
  return Buffer.from(text);
}

function tooLarge(length: number): AshlarError {
  return new AshlarError('ERR_VALUE_TOO_LARGE', `a value has at most ${VALUE_BYTES_MAX} bytes, not ${length}`);
}
