/**
 * A log of a worker: the last commands that took long, had a large request, or had a large reply, with their arguments trimmed as Redis trims
 * them. SLOWLOG and COMMANDLOG collect the logs of all workers; entries of one kind are numbered over all of them.
 */

import type { Request } from '../commands/request.js';
import type { CommandLogEntry, CommandLogKind } from '../commands/server-port.js';
import type { Config } from './config/config.js';
import type { Replacements } from './secrets.js';

/** Arguments that are kept of a command; the last of them says how many more there were. */
const ARGUMENTS_MAX = 32;
/** Bytes that are kept of an argument. */
const ARGUMENT_BYTES_MAX = 128;

const encoder = new TextEncoder();

export class CommandLog {
  /** Oldest first. */
  private entries: CommandLogEntry[] = [];
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
  list(): CommandLogEntry[] {
    return [...this.entries].reverse();
  }

  clear(): void {
    this.entries = [];
  }

  /** Keeps a command, with the time or the size for which it is kept. `instead`: what is kept in the place of some arguments. */
  add(id: number, request: Request, value: number, instead: Replacements): void {
    this.entries.push({
      id,
      time: Math.floor(request.clock.now / 1000),
      value: Math.floor(value),
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
export function mergeCommandLogs(logs: readonly (readonly CommandLogEntry[])[], lengthMax: number): CommandLogEntry[] {
  return logs
    .flat()
    .sort((a, b) => b.id - a.id)
    .slice(0, lengthMax);
}

/** Entries that are kept of a kind, at most. */
export function logLengthOf(config: Config, kind: CommandLogKind): number {
  if (kind === 'slow') return config.slowlogMaxLen;
  return kind === 'large-request' ? config.commandlogLargeRequestMaxLen : config.commandlogLargeReplyMaxLen;
}
