/**
 * The slow log of a worker: the last commands that took `slowlog-log-slower-than` microseconds or more, with their arguments trimmed as Redis
 * trims them. SLOWLOG collects the logs of all workers; entries are numbered over all of them.
 */

import type { Request } from '../commands/request.js';
import type { SlowlogEntry } from '../commands/server-port.js';
import type { Replacements } from './secrets.js';

/** Arguments that are kept of a command; the last of them says how many more there were. */
const ARGUMENTS_MAX = 32;
/** Bytes that are kept of an argument. */
const ARGUMENT_BYTES_MAX = 128;

const encoder = new TextEncoder();

export class Slowlog {
  /** Oldest first. */
  private entries: SlowlogEntry[] = [];
  private lengthMax: number;

  constructor(lengthMax: number) {
    this.lengthMax = lengthMax;
  }

  /** Entries that are kept at most. */
  set limit(lengthMax: number) {
    this.lengthMax = lengthMax;
    this.trim();
  }

  /** Newest first. */
  list(): SlowlogEntry[] {
    return [...this.entries].reverse();
  }

  clear(): void {
    this.entries = [];
  }

  /** Keeps a command. `instead`: what is kept in the place of some arguments. */
  add(id: number, request: Request, microseconds: number, instead: Replacements): void {
    this.entries.push({
      id,
      time: Math.floor(request.clock.now / 1000),
      microseconds: Math.floor(microseconds),
      args: trimmedArguments(request, instead),
      address: request.client.address,
      name: request.client.name,
    });
    this.trim();
  }

  private trim(): void {
    if (this.entries.length > this.lengthMax) this.entries.splice(0, this.entries.length - this.lengthMax);
  }
}

function trimmedArguments(request: Request, instead: Replacements): Uint8Array[] {
  const shown = Math.min(request.argc, ARGUMENTS_MAX);
  const args: Uint8Array[] = [];
  for (let i = 0; i < shown; i++) {
    if (request.argc > ARGUMENTS_MAX && i === shown - 1) {
      args.push(encoder.encode(`... (${request.argc - shown + 1} more arguments)`));
    } else args.push(instead.get(i) ?? trimmedArgument(request, i));
  }
  return args;
}

function trimmedArgument(request: Request, index: number): Uint8Array {
  const length = request.length(index);
  if (length <= ARGUMENT_BYTES_MAX) return request.copy(index);
  const offset = request.offset(index);
  const note = encoder.encode(`... (${length - ARGUMENT_BYTES_MAX} more bytes)`);
  const trimmed = new Uint8Array(ARGUMENT_BYTES_MAX + note.length);
  trimmed.set(request.input.subarray(offset, offset + ARGUMENT_BYTES_MAX));
  trimmed.set(note, ARGUMENT_BYTES_MAX);
  return trimmed;
}

/** The logs of several workers as one: newest first, `lengthMax` entries at most. */
export function mergeSlowlogs(logs: readonly (readonly SlowlogEntry[])[], lengthMax: number): SlowlogEntry[] {
  return logs
    .flat()
    .sort((a, b) => b.id - a.id)
    .slice(0, lengthMax);
}
