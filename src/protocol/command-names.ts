/**
 * From a command's name, as bytes, to its id, without making a string of it.
 *
 * An open-addressing table, at most a quarter full, of ids by a hash of the folded bytes. The names lie one behind the other in one array:
 *
 *   table:  | id + 1 | 0 | 0 | id + 1 | ...        0 = free; a power of two of entries
 *   starts: | start of name 0 | start of name 1 | ... | end |
 *   names:  g e t s e t d e l ...                  lower case
 */

import { asciiBytes, lowerCase } from '../base/bytes.js';
import type { CommandKeys } from './descriptors.js';

const fold = lowerCase;

const FREE_PER_NAME = 4;
const TABLE_ENTRIES_MIN = 16;
const HASH_FACTOR = 0x01000193;
/** Sets the case bit: enough to bring both cases to one hash. */
const CASE_BIT = 0x20;

/** Returned for a name that is no command's. */
export const NO_COMMAND = -1;

export class CommandNames {
  private readonly table: Int32Array;
  private readonly mask: number;
  private readonly names: Uint8Array;
  private readonly starts: Int32Array;

  /** @param commands with lower-case names; the index of a command is its id */
  constructor(commands: readonly CommandKeys[]) {
    this.names = asciiBytes(commands.map((command) => command.name).join(''));
    this.starts = new Int32Array(commands.length + 1);
    let entries = TABLE_ENTRIES_MIN;
    while (entries < commands.length * FREE_PER_NAME) entries *= 2;
    this.table = new Int32Array(entries);
    this.mask = entries - 1;
    for (let id = 0; id < commands.length; id++) {
      this.starts[id + 1] = this.starts[id] + commands[id].name.length;
      this.insert(id);
    }
  }

  /** Id of the command whose name, in any case, is the `length` bytes at `offset`, or NO_COMMAND. */
  find(bytes: Uint8Array, offset: number, length: number): number {
    const table = this.table;
    const mask = this.mask;
    let entry = hashName(bytes, offset, length) & mask;
    for (;;) {
      const id = table[entry] - 1;
      if (id < 0) return NO_COMMAND;
      if (this.is(id, bytes, offset, length)) return id;
      entry = (entry + 1) & mask;
    }
  }

  /** Id of the command whose name is exactly the `length` bytes at `offset`, or NO_COMMAND. */
  findExact(bytes: Uint8Array, offset: number, length: number): number {
    const id = this.find(bytes, offset, length);
    if (id < 0) return NO_COMMAND;
    const start = this.starts[id];
    for (let i = 0; i < length; i++) {
      if (bytes[offset + i] !== this.names[start + i]) return NO_COMMAND;
    }
    return id;
  }

  private is(id: number, bytes: Uint8Array, offset: number, length: number): boolean {
    const names = this.names;
    const start = this.starts[id];
    if (this.starts[id + 1] - start !== length) return false;
    for (let i = 0; i < length; i++) {
      if (fold(bytes[offset + i]) !== names[start + i]) return false;
    }
    return true;
  }

  private insert(id: number): void {
    const start = this.starts[id];
    let entry = hashName(this.names, start, this.starts[id + 1] - start) & this.mask;
    while (this.table[entry] !== 0) entry = (entry + 1) & this.mask;
    this.table[entry] = id + 1;
  }
}

/** Names are short; of a longer text the first bytes and the length are enough. */
function hashName(bytes: Uint8Array, offset: number, length: number): number {
  const end = offset + Math.min(length, 16);
  let hash = length;
  for (let i = offset; i < end; i++) hash = Math.imul(hash ^ (bytes[i] | CASE_BIT), HASH_FACTOR);
  return hash ^ (hash >>> 15);
}
