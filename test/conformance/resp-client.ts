/**
 * A RESP client for tests that hides nothing: every reply keeps its wire type, errors are values, and bytes are latin1 strings
 * (one character per byte). It has its own parser, so that a fault in the server's code cannot hide itself in the test's.
 */

import { connect, type Socket } from 'node:net';

/** A reply as it was on the wire. `type` is its first byte; `$-1` and `*-1` keep theirs, with `value` null. */
export interface Reply {
  readonly type: '+' | '-' | ':' | '$' | '*' | '_' | '#' | ',' | '(' | '=' | '!' | '%' | '~' | '>';
  /** Text of scalars as it was sent; elements of aggregates (a map's are key, value, key, value, ...). */
  readonly value: string | null | readonly Reply[];
}

/** An argument: a string has one character per byte. */
export type Argument = string | number | bigint | Uint8Array;

const BLOB_TYPES = '$=!';
const AGGREGATE_TYPES = '*%~>';
const KNOWN_TYPES = '+-:$*_#,(=!%~>';

/** The next reply is not complete yet. */
const INCOMPLETE = Symbol('incomplete');

/** Reads one reply at a time out of what has arrived. */
class ReplyParser {
  private chunks: Buffer = Buffer.alloc(0);
  private at = 0;

  push(chunk: Buffer): void {
    this.chunks = this.at === this.chunks.length ? chunk : Buffer.concat([this.chunks.subarray(this.at), chunk]);
    this.at = 0;
  }

  /** The next whole reply, or undefined. Throws when the bytes are no RESP. */
  next(): Reply | undefined {
    const start = this.at;
    try {
      return this.read();
    } catch (signal) {
      if (signal !== INCOMPLETE) throw signal;
      this.at = start;
      return undefined;
    }
  }

  private line(): string {
    const end = this.chunks.indexOf('\r\n', this.at, 'latin1');
    if (end === -1) throw INCOMPLETE;
    const line = this.chunks.toString('latin1', this.at, end);
    this.at = end + 2;
    return line;
  }

  private read(): Reply {
    const line = this.line();
    const type = line[0] as Reply['type'];
    const rest = line.slice(1);
    if (type === undefined || !KNOWN_TYPES.includes(type))
      throw new Error(`not a RESP reply: ${JSON.stringify(line.slice(0, 80))}`);
    if (BLOB_TYPES.includes(type)) return { type, value: this.blob(rest) };
    if (!AGGREGATE_TYPES.includes(type)) return { type, value: type === '_' ? null : rest };
    if (rest === '-1') return { type, value: null };
    const count = length(rest) * (type === '%' ? 2 : 1);
    return { type, value: Array.from({ length: count }, () => this.read()) };
  }

  private blob(rest: string): string | null {
    if (rest === '-1') return null;
    const end = this.at + length(rest);
    if (this.chunks.length < end + 2) throw INCOMPLETE;
    const value = this.chunks.toString('latin1', this.at, end);
    if (this.chunks.toString('latin1', end, end + 2) !== '\r\n') throw new Error('a bulk string without a line end');
    this.at = end + 2;
    return value;
  }
}

function length(text: string): number {
  if (!/^\d+$/.test(text)) throw new Error(`not a RESP length: ${JSON.stringify(text)}`);
  return Number(text);
}

/** A command as a multibulk frame. */
export function frame(args: readonly Argument[]): Buffer {
  const parts: Buffer[] = [Buffer.from(`*${args.length}\r\n`)];
  for (const arg of args) {
    const bytes = arg instanceof Uint8Array ? Buffer.from(arg) : Buffer.from(String(arg), 'latin1');
    parts.push(Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from('\r\n'));
  }
  return Buffer.concat(parts);
}

interface Waiter {
  resolve(reply: Reply): void;
  reject(error: Error): void;
}

export class RespClient {
  private readonly socket: Socket;
  private readonly parser = new ReplyParser();
  private readonly waiting: Waiter[] = [];
  private readonly arrived: Reply[] = [];
  private failure: Error | undefined;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk) => this.onData(chunk));
    socket.on('error', (error) => this.fail(error));
    socket.on('close', () => this.fail(new Error('the server closed the connection')));
  }

  static open(port: number): Promise<RespClient> {
    return RespClient.over(() => connect({ port, host: '127.0.0.1' }));
  }

  /** Connects to a unix socket. */
  static openPath(path: string): Promise<RespClient> {
    return RespClient.over(() => connect({ path }));
  }

  private static over(begin: () => Socket): Promise<RespClient> {
    return new Promise((resolve, reject) => {
      const socket = begin();
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new RespClient(socket));
      });
    });
  }

  /** Sends a command and waits for its reply. */
  command(...args: Argument[]): Promise<Reply> {
    this.write(frame(args));
    return this.reply();
  }

  /** Sends bytes as they are. */
  write(bytes: Uint8Array | string): void {
    this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  }

  /** The next reply that has not been taken yet, a push included. */
  reply(): Promise<Reply> {
    const reply = this.arrived.shift();
    if (reply !== undefined) return Promise.resolve(reply);
    if (this.failure !== undefined) return Promise.reject(this.failure);
    return new Promise((resolve, reject) => this.waiting.push({ resolve, reject }));
  }

  /** Replies that have arrived and nobody has taken. */
  get untaken(): number {
    return this.arrived.length;
  }

  /** Whether the connection has ended. */
  get closed(): boolean {
    return this.failure !== undefined;
  }

  /** Reads nothing until `resume`. */
  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  close(): void {
    this.socket.destroy();
  }

  private onData(chunk: Buffer): void {
    this.parser.push(chunk);
    try {
      for (let reply = this.parser.next(); reply !== undefined; reply = this.parser.next()) {
        const waiter = this.waiting.shift();
        if (waiter === undefined) this.arrived.push(reply);
        else waiter.resolve(reply);
      }
    } catch (error) {
      this.fail(error as Error);
      this.socket.destroy();
    }
  }

  private fail(error: Error): void {
    this.failure ??= error;
    for (const waiter of this.waiting.splice(0)) waiter.reject(this.failure);
  }
}
