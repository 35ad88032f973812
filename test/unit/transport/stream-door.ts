/** A stream transport with doors for all protocols, whose commands are written down and answered by their names. */

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { vi } from 'vitest';
import { Clock } from '../../../src/base/clock.js';
import { Keyspace } from '../../../src/engine/keyspace.js';
import {
  COMMAND_WORDS,
  EVENT_CLOSED,
  EVENT_PROTOCOL_ERROR,
  SPEAKS_MEMCACHED,
  SPEAKS_MEMCACHED_BINARY,
  SPEAKS_MEMCACHED_TEXT,
  SPEAKS_RESP,
} from '../../../src/protocol/descriptors.js';
import { StreamTransport } from '../../../src/transport/streams.js';
import { MEMCACHED_TABLE, type Shown, show } from '../protocol/memcached-streams.js';
import { copyCommand } from '../protocol/split-stream.js';

const PATIENCE_MS = 10_000;
const DOORS = [SPEAKS_RESP, SPEAKS_MEMCACHED, SPEAKS_MEMCACHED_TEXT, SPEAKS_MEMCACHED_BINARY];

export class StreamDoors {
  readonly transport: StreamTransport;
  /** What came, in order: commands and errors. */
  readonly log: Shown[] = [];
  /** [connection, speaks] of every connection that came in. */
  readonly introduced: [number, number][] = [];
  /** Reasons for which connections were closed. */
  readonly closed: number[] = [];
  readonly ports = new Map<number, number>();
  /** Called for each command; what it returns says whether the connection is suspended behind it. */
  suspends: (command: Shown) => boolean = () => false;
  refusal = '';
  private readonly clients: StreamClient[] = [];

  private constructor() {
    const keyspace = Keyspace.create(
      { maxMemory: 4 * 2 ** 20, shards: 2, databases: 1, policy: 0, hashKey: [1, 2] },
      new Clock(),
      Math.random,
    );
    this.transport = new StreamTransport(MEMCACHED_TABLE, keyspace, {
      onBatch: (count) => this.onBatch(count),
      onConnect: (connection, speaks) => this.introduced.push([connection, speaks]),
      onBuffersChanged: () => {},
      refusal: (speaks) => (this.refusal === '' ? '' : `${this.refusal} ${speaks}`),
    });
  }

  static async open(): Promise<StreamDoors> {
    const doors = new StreamDoors();
    for (const speaks of DOORS) {
      const door = { speaks, hosts: ['127.0.0.1'], port: 0, unixPath: '', unixMode: 0, backlog: 10 };
      doors.ports.set(speaks, await doors.transport.listen(door));
    }
    return doors;
  }

  /** A client at the door where this is spoken. */
  async connect(speaks: number): Promise<StreamClient> {
    const socket = connect({ port: this.ports.get(speaks) as number, host: '127.0.0.1' });
    await once(socket, 'connect');
    const client = new StreamClient(socket);
    this.clients.push(client);
    return client;
  }

  destroy(): void {
    for (const { socket } of this.clients) socket.destroy();
    this.transport.destroy();
  }

  private onBatch(count: number): void {
    const { transport } = this;
    const { commands, output, segments } = transport.arrays;
    const suspended = new Set<number>();
    const failed: number[] = [];
    let position = 0;
    let replies = 0;
    for (let at = 0; at < count * COMMAND_WORDS; at += COMMAND_WORDS) {
      const slot = commands[at];
      if (suspended.has(slot)) continue;
      if (commands[at + 1] === EVENT_CLOSED) {
        this.closed.push(commands[at + 2]);
        continue;
      }
      const [shown] = show([copyCommand(transport.input, commands, at, transport.args)]);
      this.log.push(shown);
      if (commands[at + 1] === EVENT_PROTOCOL_ERROR) failed.push(slot);
      const reply = Array.isArray(shown) ? `${shown[0]}\n` : `error ${shown.error}\n`;
      const length = Buffer.from(output.buffer, output.byteOffset).write(reply, position, 'latin1');
      segments.set([slot, position, position + length], replies * 3);
      position += length;
      replies++;
      if (this.suspends(shown)) {
        suspended.add(slot);
        transport.suspend(slot, commands[at + 5]);
      }
    }
    transport.flush(replies);
    for (const slot of failed) transport.close(slot, 1000);
  }
}

export class StreamClient {
  readonly socket: Socket;
  received = '';
  ended = false;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (bytes: Buffer) => {
      this.received += bytes.toString('latin1');
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.ended = true;
    });
  }

  /** Sends Latin-1; resolves when it is on its way. */
  send(text: string): Promise<void> {
    return new Promise((resolve) => this.socket.write(Buffer.from(text, 'latin1'), () => resolve()));
  }

  /** Waits until so many replies have come, in all; resolves to them. */
  async replies(count: number): Promise<string[]> {
    const lines = (): string[] => this.received.split('\n').slice(0, -1);
    await eventually(() => lines().length >= count);
    return lines();
  }
}

/** Waits for a condition. */
export async function eventually(condition: () => boolean): Promise<void> {
  await vi.waitFor(
    () => {
      if (!condition()) throw new Error(`not in time: ${condition}`);
    },
    { timeout: PATIENCE_MS, interval: 2 },
  );
}
