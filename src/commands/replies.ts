/** Error texts that several commands give, word for word as Redis 7.2 gives them: client libraries match on them. */

export const WRONGTYPE = 'WRONGTYPE Operation against a key holding the wrong kind of value';
export const SYNTAX = 'ERR syntax error';
export const NOT_INTEGER = 'ERR value is not an integer or out of range';
export const NOT_FLOAT = 'ERR value is not a valid float';
export const OUT_OF_RANGE = 'ERR value is out of range';
export const NO_SUCH_KEY = 'ERR no such key';
export const OOM = "OOM command not allowed when used memory > 'maxmemory'.";
export const STRING_TOO_LONG = 'ERR string exceeds maximum allowed size (proto-max-bulk-len)';
export const KEY_TOO_LONG = 'ERR key is too long: at most 1048575 bytes are allowed';
export const OFFSET_OUT_OF_RANGE = 'ERR offset is out of range';
export const DB_OUT_OF_RANGE = 'ERR DB index is out of range';
export const OVERFLOW = 'ERR increment or decrement would overflow';
export const NOAUTH = 'NOAUTH Authentication required.';

/** Wrong number of arguments for a command or a subcommand (`config|get`). */
export function wrongArity(name: string): string {
  return `ERR wrong number of arguments for '${name}' command`;
}

/** A deadline that is not positive or does not fit. */
export function invalidExpire(name: string): string {
  return `ERR invalid expire time in '${name}' command`;
}
