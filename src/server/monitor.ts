/**
 * MONITOR: the feed of commands. Every worker writes a line for each command that it executes and sends the lines of a turn of its event loop to
 * its own monitors and, through the main thread, to those of other workers.
 */

import type { Client } from '../commands/client.js';
import type { Request } from '../commands/request.js';
import type { TableEntry } from '../commands/table.js';
import type { Replacements } from './secrets.js';

/** Most characters in one piece. */
const CHUNK_CHARACTERS_MAX = 1 << 20;

/** What the feed asks of the worker. */
export interface MonitorSink {
  /** Writes to a client outside of a batch. */
  deliver(client: Client, lines: string): void;
  /** Sends lines to the other workers. */
  forward(lines: string): void;
}

export class MonitorFeed {
  /** This worker's monitors. */
  readonly monitors = new Set<Client>();
  private readonly sink: MonitorSink;
  private pending: string[] = [];
  private scheduled = false;
  /** Whether other workers have monitors. */
  othersListen = false;

  constructor(sink: MonitorSink) {
    this.sink = sink;
  }

  /** Notes a command. It is in the middle of a batch, so that nothing can be written to other clients now. */
  add(request: Request, instead: Replacements): void {
    this.pending.push(monitorLine(request, instead, performance.timeOrigin + performance.now()));
    if (this.scheduled) return;
    this.scheduled = true;
    setImmediate(() => this.flush());
  }

  /** Lines that other workers sent. */
  receive(lines: string): void {
    for (const client of this.monitors) this.sink.deliver(client, lines);
  }

  private flush(): void {
    this.scheduled = false;
    const lines = this.pending;
    this.pending = [];
    for (const chunk of chunks(lines)) {
      this.receive(chunk);
      if (this.othersListen) this.sink.forward(chunk);
    }
  }
}

function chunks(lines: readonly string[]): string[] {
  const found: string[] = [];
  let chunk = '';
  for (const line of lines) {
    if (chunk.length + line.length > CHUNK_CHARACTERS_MAX && chunk !== '') {
      found.push(chunk);
      chunk = '';
    }
    chunk += line;
  }
  if (chunk !== '') found.push(chunk);
  return found;
}

/** Whether MONITOR shows a command: administration is nobody's business, and neither is what is marked so. */
export function isShown({ flags }: TableEntry): boolean {
  return !flags.includes('admin') && !flags.includes('skip_monitor');
}

/** `+1339518083.107412 [0 127.0.0.1:60866] "keys" "*"`, with its line end. */
export function monitorLine(request: Request, instead: Replacements, milliseconds: number): string {
  const { client } = request;
  const microseconds = Math.floor(milliseconds * 1000);
  const seconds = Math.floor(microseconds / 1e6);
  const fraction = String(microseconds - seconds * 1e6).padStart(6, '0');
  const address = client.unixSocket ? `unix:${client.address.replace(/:0$/, '')}` : client.address;
  let line = `+${seconds}.${fraction} [${client.database} ${address}]`;
  for (let i = 0; i < request.argc; i++) {
    const shown = instead.get(i);
    line += ` ${shown === undefined ? quotedArgument(request, i) : quoted(shown, 0, shown.length)}`;
  }
  return `${line}\r\n`;
}

function quotedArgument(request: Request, index: number): string {
  return quoted(request.input, request.offset(index), request.length(index));
}

const ESCAPES: Readonly<Record<string, string>> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\t': '\\t',
  '\n': '\\n',
  '\r': '\\r',
  '"': '\\"',
  '\\': '\\\\',
};

/** Bytes in double quotes, as Redis's `sdscatrepr` writes them. */
export function quoted(bytes: Uint8Array, offset: number, length: number): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + offset, length).toString('latin1');
  return `"${text.replace(/[^ !#-[\]-~]/g, escapeByte)}"`;
}

function escapeByte(character: string): string {
  return ESCAPES[character] ?? `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
}
