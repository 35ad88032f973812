/**
 * Errors that a user of Ashlar can meet and act on, each with a code that does not change between versions. One table says
 * what they mean; the message of a thrown error adds the particulars. Mistakes of this program itself assert (assert.ts).
 */

/** Every code, with what it means. */
export const ERROR_CODES = {
  ERR_CLOSED: 'The cache, server or connection has been closed.',
  ERR_TYPE: 'The key holds a value of another type than the operation needs.',
  ERR_KEY_TOO_LARGE: 'The key is longer than a key can be.',
  ERR_VALUE_TOO_LARGE: 'The value is larger than a value can be.',
  ERR_OUT_OF_MEMORY: 'There is no room for the write, and the eviction policy found nothing to remove.',
  ERR_TOO_LITTLE_MEMORY: 'The memory limit is too small for the configured number of shards and threads.',
  ERR_NOT_AN_INTEGER: 'The value is not an integer of 64 bits.',
  ERR_OVERFLOW: 'The sum is beyond 64 bits.',
  ERR_BUFFER_TOO_SMALL: 'The value is longer than the room for it.',
  ERR_BAD_ARGUMENT: 'A key, value or number is not what the method takes.',
  ERR_BAD_OPTION: 'An option or configuration parameter is unknown, malformed or out of range.',
  ERR_BAD_HANDLE: 'The handle does not describe a cache of this version, or the cache it described is gone.',
  ERR_ADDRESS_IN_USE: 'The address or port is taken by another process.',
  ERR_ADDRESS_UNAVAILABLE:
    'The address cannot be listened on: it is not one of this machine, or the privilege is missing.',
  ERR_TOO_MANY_THREADS: 'More threads want to attach to the cache than it has places for.',
  ERR_NATIVE_UNAVAILABLE: 'The native core was required and could not be loaded.',
  ERR_NO_CONFIG_FILE: 'The operation needs a configuration file, and the server was started without one.',
  ERR_FILE: 'A file could not be read or written.',
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

/** Base of all errors that Ashlar throws on purpose. */
export class AshlarError extends Error {
  override readonly name: string = 'AshlarError';
  readonly code: ErrorCode;

  /** @param message what happened, in one line, without the code */
  constructor(code: ErrorCode, message: string = ERROR_CODES[code], options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Whether an error is one of ours, with the given code if one is given. */
export function isAshlarError(error: unknown, code?: ErrorCode): error is AshlarError {
  return error instanceof AshlarError && (code === undefined || error.code === code);
}
