/**
 * The descriptor arrays: the one form in which every splitter (native or TypeScript, every protocol)
 * hands commands to the engine. ARCHITECTURE.md draws the words.
 *
 * The module that walks the arrays in the hot loop re-binds these to local constants.
 */

/** Words of one command in the `commands` array. */
export const COMMAND_WORDS = 8;
/** Words of one argument in the `args` array: offset, length, hash, slot. */
export const ARG_WORDS = 4;

/** Word 1 of a descriptor that is not a command of the table. */
export const EVENT_UNKNOWN_COMMAND = -1;
export const EVENT_PROTOCOL_ERROR = -2;
export const EVENT_CLOSED = -3;

/** Bits of word 6. */
export const FLAG_BIG = 1;
export const FLAG_INLINE = 2;
/** Memcached: the last argument is the data block that the command announced (without its line end). */
export const FLAG_DATA = 4;
/** Memcached text: the data block did not end with a line end where it was announced to. */
export const FLAG_BAD_CHUNK = 8;
/** Memcached: the data block is above the limit. It is no argument, and the splitter throws its bytes away as they come. */
export const FLAG_TOO_LARGE = 16;
/** Memcached binary: the lengths in the header contradict each other. */
export const FLAG_MALFORMED = 32;

/** What a connection speaks. */
export const SPEAKS_RESP = 0;
/** Memcached, binary when the first byte is 0x80, text otherwise. */
export const SPEAKS_MEMCACHED = 1;
export const SPEAKS_MEMCACHED_TEXT = 2;
export const SPEAKS_MEMCACHED_BINARY = 3;

/** Why a connection closed: word 2 of EVENT_CLOSED. */
export const CLOSE_PEER = 0;
export const CLOSE_ERROR = 1;
export const CLOSE_OUTPUT_LIMIT = 2;
export const CLOSE_QUERY_LIMIT = 3;

/** Codes of EVENT_PROTOCOL_ERROR, with the texts that Redis's clients know. */
export const PROTOCOL_ERRORS: readonly string[] = [
  '',
  'too big mbulk count string',
  'invalid multibulk length',
  'unauthenticated multibulk length',
  'too big bulk count string',
  "expected '$', got '%c'",
  'invalid bulk length',
  'unauthenticated bulk length',
  'too big inline request',
  'unbalanced quotes in request',
];
/** The code of a bulk length that is none, and its detail when it is one, but above the limit. */
export const ERROR_BULK_LENGTH = 6;
export const DETAIL_ABOVE_LIMIT = 1;
/** Codes of EVENT_PROTOCOL_ERROR of the Memcached protocols. */
export const ERROR_LINE_TOO_LONG = 20;
export const ERROR_BAD_MAGIC = 21;

/** What a splitter must know of a command to find its id and its keys. */
export interface CommandKeys {
  /** Lower-case name, e.g. `get`. Its index in the array is the command's id. */
  readonly name: string;
  /** Index of the first key argument; 0 when the command has none. */
  readonly firstKey: number;
  /** Index of the last key argument; negative counts from the end (-1 = last argument). */
  readonly lastKey: number;
  /** Distance from one key to the next. */
  readonly keyStep: number;
}

/** What a splitter must know of a Memcached command. */
export interface MemcachedKeys extends CommandKeys {
  /** `text` (meta included): `name` is what the line begins with. `binary`: the opcode decides. */
  readonly protocol: 'text' | 'binary';
  /** Text: index of the argument that says how many bytes of data follow the line; 0 = none follow. */
  readonly dataLength: number;
  /** Binary: the opcode, -1 for the entry that stands for all unknown ones. Text: -1. */
  readonly opcode: number;
}

/** The commands that splitters know, of all protocols. */
export interface SplitterTable {
  /** RESP; the index is the command's id. */
  readonly commands: readonly CommandKeys[];
  /** Memcached; the id is `memcachedBase` + index. The entries named `unknown`, one of each protocol, stand for what is none of the others. */
  readonly memcached: readonly MemcachedKeys[];
  readonly memcachedBase: number;
}

/** Limits that a splitter enforces for one connection. */
export interface FrameLimits {
  /** Largest multibulk count. */
  argumentsMax: number;
  /** Largest bulk length in bytes (`proto-max-bulk-len`). */
  bulkBytesMax: number;
  /** Largest inline request in bytes (64 KiB in Redis). */
  inlineBytesMax: number;
}
