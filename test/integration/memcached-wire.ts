/** A connection to the Memcached door as bytes: what is sent and what must come back, in order. Strings are latin1. */

import { connect, type Socket } from 'node:net';

const PATIENCE_MS = 8000;

export class MemcachedWire {
  private readonly socket: Socket;
  private received = '';
  private ended = false;
  private notify: () => void = () => {};

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      this.received += chunk.toString('latin1');
      this.notify();
    });
    socket.on('close', () => {
      this.ended = true;
      this.notify();
    });
  }

  /** Connects to a port of the loopback, or to the path of a unix socket. */
  static open(where: number | string): Promise<MemcachedWire> {
    return new Promise((resolve, reject) => {
      const socket = typeof where === 'number' ? connect(where, '127.0.0.1') : connect(where);
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new MemcachedWire(socket));
      });
    });
  }

  get closed(): boolean {
    return this.ended;
  }

  /** Own address, as the server sees it. */
  get address(): string {
    return `${this.socket.localAddress}:${this.socket.localPort}`;
  }

  write(bytes: string | Buffer): void {
    this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  }

  /** Sends, and takes what comes up to and including `end`. */
  ask(bytes: string | Buffer, end = '\r\n'): Promise<string> {
    this.write(bytes);
    return this.take(end);
  }

  /** Takes what comes up to and including `end`; fails when the connection is closed before, or when it takes too long. */
  async take(end = '\r\n'): Promise<string> {
    await this.until(() => this.received.includes(end), `${JSON.stringify(end)} to come`);
    return this.cut(this.received.indexOf(end) + end.length);
  }

  /** Takes so many bytes. */
  async takeBytes(count: number): Promise<Buffer> {
    await this.until(() => this.received.length >= count, `${count} bytes to come`);
    return Buffer.from(this.cut(count), 'latin1');
  }

  /** Takes what comes until the server closes the connection. */
  async rest(): Promise<string> {
    await this.until(() => this.ended, 'the connection to be closed');
    return this.cut(this.received.length);
  }

  close(): void {
    this.socket.destroy();
  }

  private cut(length: number): string {
    const taken = this.received.slice(0, length);
    this.received = this.received.slice(length);
    return taken;
  }

  private async until(condition: () => boolean, what: string): Promise<void> {
    const deadline = Date.now() + PATIENCE_MS;
    while (!condition()) {
      const left = deadline - Date.now();
      if (this.ended || left <= 0)
        throw new Error(
          `waited in vain for ${what}; ${this.ended ? 'closed, ' : ''}got ${JSON.stringify(this.received)}`,
        );
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.notify = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
}

const HEADER_BYTES = 24;

/** A request of the binary protocol. */
export function binaryRequest(opcode: number, key = '', extras = Buffer.alloc(0), value = ''): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header[0] = 0x80;
  header[1] = opcode;
  header.writeUInt16BE(key.length, 2);
  header[4] = extras.length;
  header.writeUInt32BE(extras.length + key.length + value.length, 8);
  return Buffer.concat([header, extras, Buffer.from(key, 'latin1'), Buffer.from(value, 'latin1')]);
}

export interface BinaryResponse {
  readonly opcode: number;
  readonly status: number;
  /** Extras, key and value. */
  readonly body: string;
}

/** Takes a response of the binary protocol. */
export async function binaryResponse(wire: MemcachedWire): Promise<BinaryResponse> {
  const header = await wire.takeBytes(HEADER_BYTES);
  const body = await wire.takeBytes(header.readUInt32BE(8));
  return { opcode: header[1], status: header.readUInt16BE(6), body: body.toString('latin1') };
}
