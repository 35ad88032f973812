/**
 * Codecs: how `setValue` and `getValue` turn values into bytes and back. A codec runs before a lock is taken or after it was given up, so it can
 * take its time, throw, and use the cache itself.
 */

import { deserialize, serialize } from 'node:v8';
import { AshlarError } from '../base/errors.js';

export interface Codec {
  /** Bytes of a value, or a string that is stored as UTF-8. */
  encode(value: unknown): string | Uint8Array;
  /** The value of bytes; they are a copy, which is the codec's to keep. */
  decode(bytes: Buffer): unknown;
}

/** JSON: readable for every client. `undefined` and functions cannot be stored; Dates become strings. */
const json: Codec = {
  encode(value) {
    const text: string | undefined = JSON.stringify(value);
    if (text === undefined)
      throw new AshlarError('ERR_BAD_ARGUMENT', `JSON has no form for a value of type ${typeof value}`);
    return text;
  },
  decode: (bytes) => JSON.parse(bytes.toString()),
};

/** V8's structured clone: Map, Set, Date, BigInt, typed arrays and circles too; readable for Node only. */
const v8: Codec = { encode: serialize, decode: deserialize };

/** The codecs that are built in. */
export const codecs = { json, v8 } as const;

/** Name by which a handle tells other threads which codec is meant. A codec of one's own cannot be sent: it is passed to `attach`. */
export type CodecName = keyof typeof codecs | 'own';

export function nameOf(codec: Codec): CodecName {
  if (codec === json) return 'json';
  return codec === v8 ? 'v8' : 'own';
}

/** The codec with a name. One of somebody's own is not known here, which is an error once it is used. */
export function codecNamed(name: CodecName): Codec {
  return name === 'own' ? missing : codecs[name];
}

const refuse = (): never => {
  throw new AshlarError(
    'ERR_BAD_OPTION',
    'the cache was made with a codec of its own: pass it to attach(handle, { codec })',
  );
};
const missing: Codec = { encode: refuse, decode: refuse };
