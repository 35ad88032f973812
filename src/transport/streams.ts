/**
 * Transport over Node streams and the TypeScript splitter: where there is no native core.
 *
 * The same descriptors, one connection per batch. Node cannot hand a socket from one thread to another, so the worker that has this
 * transport listens itself.
 *
 * What a connection speaks is a matter of the socket it came in by, and of its first byte where that has doors for several protocols.
 *
 * A chunk is split where it lies. What is left of it (an incomplete frame) goes into the connection's `held` buffer, which grows as bytes
 * arrive, and the splitter goes on where it stopped, so that a large value is scanned once.
 */

import { chmodSync, rmSync, statSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { ByteArena } from '../base/bytes.js';
import type { Keyspace } from '../engine/keyspace.js';
import {
  ARG_WORDS,
  CLOSE_ERROR,
  CLOSE_OUTPUT_LIMIT,
  CLOSE_PEER,
  CLOSE_QUERY_LIMIT,
  COMMAND_WORDS,
  EVENT_CLOSED,
  type FrameLimits,
  type SplitterTable,
} from '../protocol/descriptors.js';
import { FrameState, SPLIT_BIG, SPLIT_ERROR, SPLIT_PARTIAL, type Splitter } from '../protocol/splitter.js';
import { Splitters } from '../protocol/splitters.js';
import {
  ARGS_MAX,
  COMMANDS_MAX,
  CONNECTIONS_MAX,
  type Door,
  OUTPUT_BYTES,
  SEGMENTS_MAX,
  type Transport,
  type TransportArrays,
  type TransportEvents,
} from './transport.js';

const INLINE_BYTES_MAX = 65_536;
/** What libuv reads at a time: a chunk of this size has more behind it. */
const FULL_CHUNK_BYTES = 65_536;
/** A suspended connection is read from up to here, so that its end is noticed. */
const SUSPENDED_INPUT_MAX = 65_536;
/** How long a suspended connection whose peer has ended its side is kept: the peer may wait for the reply, or be gone. */
const HALF_CLOSED_MS = 2000;
/** A connection that is closing is kept for longer when its peer has sent so much more; and never when it has sent this much in all. */
const DISCARD_STEP = 2 ** 20;
const DISCARD_MOST = 1024 * DISCARD_STEP;
/** How long a client that is not let in may take to read why. */
const REFUSED_LINGER_MS = 2000;
/** How long a stop lets a connection read its last replies. */
const STOP_LINGER_MS = 1000;
const STOP_POLL_MS = 5;
/** A connection that has this much to read yet, at most, is not served. */
const PENDING_OUTPUT_MAX = 64 * 2 ** 20;
/** The buffers of all connections are counted when so much has come and gone: each time would be too often. */
const COUNT_BYTES = 2 ** 20;

class Connection {
  readonly socket: Socket;
  /** SPEAKS_*, as the socket was opened. */
  readonly speaks: number;
  /** Known from the first byte on. */
  splitter: Splitter | undefined;
  readonly state = new FrameState();
  readonly limits: FrameLimits = { argumentsMax: 1024 * 1024, bulkBytesMax: 2 ** 29, inlineBytesMax: INLINE_BYTES_MAX };
  outputBytesMax = 0;
  /** Bytes that are not split yet: held[0..heldBytes). */
  held: Uint8Array = new Uint8Array(0);
  heldBytes = 0;
  suspended = false;
  /** Too much output is pending: it is not served until the peer has read it. */
  throttled = false;
  /** No longer suspended, and what it sent meanwhile is about to be executed. */
  resuming = false;
  closing = false;
  /** The others have their turn. */
  yielding = false;
  /** The peer has ended its side; the connection closes when what it sent has been answered. */
  ended = false;
  /** Bytes that came since the connection is closing. */
  discarded = 0;
  lingerTimer: NodeJS.Timeout | undefined;

  constructor(socket: Socket, speaks: number) {
    this.socket = socket;
    this.speaks = speaks;
  }

  /** Keeps bytes behind those held already. */
  hold(bytes: Uint8Array, start: number, end: number): void {
    const length = end - start;
    if (this.heldBytes + length > this.held.length) {
      const grown = new Uint8Array(Math.max(this.heldBytes + length, this.held.length * 2));
      grown.set(this.held.subarray(0, this.heldBytes));
      this.held = grown;
    }
    this.held.set(bytes.subarray(start, end), this.heldBytes);
    this.heldBytes += length;
  }

  /** Forgets the first `count` bytes held. */
  drop(count: number): void {
    this.heldBytes -= count;
    if (this.heldBytes === 0) this.held = new Uint8Array(0);
    else this.held.copyWithin(0, count, count + this.heldBytes);
  }
}

export class StreamTransport implements Transport {
  readonly arrays: TransportArrays;
  input: Uint8Array = new Uint8Array(0);
  args: Int32Array;
  private readonly arenaArgs: Int32Array;
  private readonly splitters: Splitters;
  private readonly events: TransportEvents;
  private readonly connections: (Connection | undefined)[] = [];
  private readonly freeSlots: number[] = [];
  private readonly servers: Server[] = [];
  private queryBufferLimit = 2 ** 30;
  private buffersLeast = 0;
  private buffersMost = Number.POSITIVE_INFINITY;
  private throttleAbove = PENDING_OUTPUT_MAX;
  /** Bytes that came and went since the buffers were counted. */
  private uncounted = 0;
  private bytesIn = 0;
  private bytesOut = 0;
  private chunks = 0;
  private writes = 0;
  private frames = 0;
  /** Where the connection whose batch is being executed was suspended: offset in `input`, -1 = it was not. */
  private suspendedAt = -1;

  constructor(table: SplitterTable, keyspace: Keyspace, events: TransportEvents) {
    const [k0, k1] = keyspace.control.hashKey;
    this.splitters = new Splitters(table, k0, k1, keyspace.shards.length);
    this.events = events;
    this.arenaArgs = new Int32Array(ARGS_MAX * ARG_WORDS);
    this.args = this.arenaArgs;
    this.arrays = {
      output: new ByteArena(new ArrayBuffer(OUTPUT_BYTES)),
      segments: new Int32Array(SEGMENTS_MAX * 3),
      commands: new Int32Array(COMMANDS_MAX * COMMAND_WORDS),
      databases: new Int32Array(CONNECTIONS_MAX),
    };
  }

  /** Listens; resolves to the TCP port, 0 when there is none. Rejects with Node's error. */
  async listen(door: Door): Promise<number> {
    const { speaks, backlog, unixPath, unixMode } = door;
    let port = door.port;
    for (const host of door.port < 0 ? [] : door.hosts) port = await this.open({ host, port, backlog }, speaks);
    if (unixPath !== '') {
      removeStaleSocket(unixPath);
      await this.open({ path: unixPath, backlog }, speaks);
      if (unixMode !== 0) chmodSync(unixPath, unixMode);
    }
    return Math.max(0, port);
  }

  private open(
    where: { host?: string; port?: number; path?: string; backlog: number },
    speaks: number,
  ): Promise<number> {
    return new Promise((resolve, reject) => {
      const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => this.accept(socket, speaks));
      server.once('error', reject);
      server.listen(where, () => {
        server.off('error', reject);
        this.servers.push(server);
        const address = server.address();
        resolve(typeof address === 'object' && address !== null ? address.port : 0);
      });
    });
  }

  private accept(socket: Socket, speaks: number): void {
    const refusal = this.events.refusal(speaks);
    if (refusal !== '') {
      socket.on('error', () => {});
      endInTime(socket.end(refusal), REFUSED_LINGER_MS);
      return;
    }
    const slot = this.freeSlots.pop() ?? this.connections.length;
    const connection = new Connection(socket, speaks);
    this.connections[slot] = connection;
    socket.on('data', (chunk: Buffer) => this.receive(slot, connection, chunk));
    socket.on('drain', () => this.drained(slot, connection));
    socket.on('error', () => this.gone(slot, connection, CLOSE_ERROR));
    socket.on('close', () => this.gone(slot, connection, CLOSE_PEER));
    socket.on('end', () => {
      connection.ended = true;
      if (connection.suspended) this.destroyAfter(connection, HALF_CLOSED_MS);
      this.endIfAnswered(connection);
    });
    this.events.onConnect(slot, speaks);
  }

  // ---------------------------------------------------------------------------------------------- input

  private receive(slot: number, connection: Connection, chunk: Buffer): void {
    this.bytesIn += chunk.length;
    if (connection.closing) {
      this.discard(connection, chunk.length);
      return;
    }
    this.chunks++;
    const waits = connection.suspended || connection.throttled;
    if (connection.heldBytes === 0 && !waits) {
      const bytes = new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length);
      const consumed = this.execute(slot, connection, bytes, chunk.length);
      if (consumed < chunk.length && !connection.closing) connection.hold(bytes, consumed, chunk.length);
    } else {
      connection.hold(chunk, 0, chunk.length);
      if (!waits) this.executeHeld(slot, connection);
    }
    this.uncounted += chunk.length;
    this.countBuffers(false);
    if (connection.heldBytes > this.queryBufferLimit) this.fail(slot, connection, CLOSE_QUERY_LIMIT);
    else {
      if (chunk.length >= FULL_CHUNK_BYTES) this.yieldToOthers(connection);
      this.updateReading(connection);
    }
  }

  /** libuv would go on reading from a socket that has more, up to 2 MB at a time, while all others wait. */
  private yieldToOthers(connection: Connection): void {
    connection.yielding = true;
    setImmediate(() => {
      connection.yielding = false;
      this.updateReading(connection);
    });
  }

  private executeHeld(slot: number, connection: Connection): void {
    const consumed = this.execute(slot, connection, connection.held, connection.heldBytes);
    if (!connection.closing) connection.drop(consumed);
  }

  /** Splits and executes what can be; returns how many bytes were used up. */
  private execute(slot: number, connection: Connection, bytes: Uint8Array, length: number): number {
    if (length === 0) return 0;
    const splitter = (connection.splitter ??= this.splitters.of(connection.speaks, bytes[0]));
    let start = 0;
    while (start < length && !connection.closing && !connection.suspended && !connection.throttled) {
      const { commands } = this.arrays;
      const status = splitter.split(
        slot,
        connection.state,
        bytes,
        start,
        length,
        commands,
        0,
        this.arenaArgs,
        0,
        connection.limits,
      );
      this.args = status === SPLIT_BIG ? splitter.bigArgs : this.arenaArgs;
      start = splitter.consumed;
      if (splitter.commandCount > 0) start = this.runBatch(connection, bytes, splitter.commandCount, start);
      if (status === SPLIT_PARTIAL || status === SPLIT_ERROR) break;
    }
    return start;
  }

  /** Runs a batch of descriptors; returns the offset up to which input is used up. */
  private runBatch(connection: Connection, bytes: Uint8Array, count: number, consumed: number): number {
    this.frames += count;
    this.input = bytes;
    this.suspendedAt = -1;
    this.events.onBatch(count);
    if (this.suspendedAt < 0) return consumed;
    // What follows the command that suspended is split again later, an incomplete frame too; the state is what begins at `consumed`.
    if (this.suspendedAt !== consumed) connection.state.clear();
    return this.suspendedAt;
  }

  /** A socket that may not be read from now is paused: suspended, slow to read its replies, or letting others have their turn. */
  private updateReading(connection: Connection): void {
    // What a closing connection still sends is read, and dropped.
    if (connection.closing) return;
    const { socket, suspended, throttled, yielding, heldBytes } = connection;
    const stop = (suspended && heldBytes > SUSPENDED_INPUT_MAX) || yielding || throttled;
    if (stop && !socket.isPaused()) socket.pause();
    else if (!stop && socket.isPaused()) socket.resume();
  }

  // ---------------------------------------------------------------------------------------------- output

  flush(count: number): void {
    const { segments, output } = this.arrays;
    for (let i = 0; i < count; i++) {
      const slot = segments[i * 3];
      const connection = this.connections[slot];
      if (connection === undefined || connection.socket.writableEnded || connection.socket.destroyed) continue;
      const start = segments[i * 3 + 1];
      const end = segments[i * 3 + 2];
      this.bytesOut += end - start;
      // A copy: the arena is written again before the socket has taken it.
      connection.socket.write(output.slice(start, end));
      this.writes++;
      this.uncounted += end - start;
      const limit = connection.outputBytesMax;
      const pending = connection.socket.writableLength;
      if (limit > 0 && pending > limit) this.fail(slot, connection, CLOSE_OUTPUT_LIMIT);
      // Where there is a limit at which it is closed, it may come to that.
      else if (pending > this.throttleAbove && (limit === 0 || limit > PENDING_OUTPUT_MAX)) connection.throttled = true;
    }
    this.countBuffers(true);
  }

  /** The peer has read what it was sent. */
  private drained(slot: number, connection: Connection): void {
    const { throttled } = connection;
    connection.throttled = false;
    if (throttled && !connection.suspended && !connection.closing && connection.heldBytes > 0)
      this.executeHeld(slot, connection);
    this.endIfAnswered(connection);
    this.updateReading(connection);
  }

  /** Counts what waits in all buffers now and then. */
  private countBuffers(inBatch: boolean): void {
    if (this.uncounted < COUNT_BYTES) return;
    this.uncounted = 0;
    let sum = 0;
    for (const connection of this.connections) if (connection !== undefined) sum += memoryOf(connection);
    if (sum > this.buffersMost || sum < this.buffersLeast) this.events.onBuffersChanged(inBatch);
  }

  // ---------------------------------------------------------------------------------------------- connections

  suspend(slot: number, offset: number): void {
    const connection = this.connections[slot];
    if (connection === undefined) return;
    connection.suspended = true;
    if (connection.ended) this.destroyAfter(connection, HALF_CLOSED_MS);
    this.suspendedAt = offset;
    this.updateReading(connection);
  }

  resume(slot: number): void {
    const connection = this.connections[slot];
    if (connection === undefined || !connection.suspended) return;
    clearTimeout(connection.lingerTimer);
    connection.suspended = false;
    connection.resuming = true;
    setImmediate(() => {
      connection.resuming = false;
      if (this.connections[slot] !== connection || connection.suspended || connection.closing) return;
      if (connection.heldBytes > 0) this.executeHeld(slot, connection);
      this.endIfAnswered(connection);
      this.updateReading(connection);
    });
  }

  /** The peer has ended its side: ours ends when everything that it sent has been answered. */
  private endIfAnswered({ socket, ended, suspended, resuming, throttled }: Connection): void {
    if (ended && !suspended && !resuming && !throttled) socket.end();
  }

  hold(slot: number, offset: number): boolean {
    if (this.connections[slot]?.throttled !== true) return false;
    this.suspendedAt = offset;
    return true;
  }

  close(slot: number, lingerMs: number): void {
    const connection = this.connections[slot];
    if (connection === undefined) return;
    if (lingerMs === 0) connection.socket.destroy();
    if (connection.closing) return;
    connection.closing = true;
    if (lingerMs === 0) return;
    // Sent is not delivered, and Node does not tell what is: bytes that come in for a closed socket make it send a reset, which destroys the replies on
    // their way. So it is the peer who closes, once it has been told that this is the end; until then its bytes are read and dropped.
    connection.socket.end();
    connection.socket.resume();
    this.destroyAfter(connection, lingerMs);
  }

  /** The peer sends although the connection is closing: it may have much to send before it reads, and is waited for as long as it gets on with that. */
  private discard(connection: Connection, bytes: number): void {
    const steps = Math.floor(connection.discarded / DISCARD_STEP);
    connection.discarded += bytes;
    if (connection.discarded > DISCARD_MOST) connection.socket.destroy();
    else if (Math.floor(connection.discarded / DISCARD_STEP) > steps) connection.lingerTimer?.refresh();
  }

  private destroyAfter(connection: Connection, ms: number): void {
    clearTimeout(connection.lingerTimer);
    connection.lingerTimer = destroyLater(connection.socket, ms);
  }

  private fail(slot: number, connection: Connection, reason: number): void {
    this.gone(slot, connection, reason);
    connection.socket.destroy();
  }

  /** Reports that a connection is gone, once. */
  private gone(slot: number, connection: Connection, reason: number): void {
    if (this.connections[slot] !== connection) return;
    clearTimeout(connection.lingerTimer);
    connection.closing = true;
    // Not now: this may be in the middle of a batch.
    setImmediate(() => {
      if (this.connections[slot] !== connection) return;
      const commands = this.arrays.commands;
      commands.fill(0, 0, COMMAND_WORDS);
      commands[0] = slot;
      commands[1] = EVENT_CLOSED;
      commands[2] = reason;
      this.events.onBatch(1);
      this.connections[slot] = undefined;
      this.freeSlots.push(slot);
    });
  }

  setLimits(slot: number, argumentsMax: number, bulkBytesMax: number, outputBytesMax: number): void {
    const connection = this.connections[slot];
    if (connection === undefined) return;
    connection.limits.argumentsMax = argumentsMax;
    connection.limits.bulkBytesMax = bulkBytesMax;
    connection.outputBytesMax = outputBytesMax;
  }

  setQueryBufferLimit(bytes: number): void {
    this.queryBufferLimit = bytes;
  }

  setBufferWatch(least: number, most: number, throttleAbove: number): void {
    this.buffersLeast = least;
    this.buffersMost = most;
    this.throttleAbove = Math.min(throttleAbove, PENDING_OUTPUT_MAX);
  }

  setKeepAlive(slot: number, seconds: number): void {
    this.connections[slot]?.socket.setKeepAlive(seconds > 0, seconds * 1000);
  }

  peerAddress(slot: number): string {
    const socket = this.connections[slot]?.socket;
    return socket === undefined ? '' : addressText(socket.remoteAddress, socket.remotePort);
  }

  localAddress(slot: number): string {
    const socket = this.connections[slot]?.socket;
    return socket === undefined ? '' : addressText(socket.localAddress, socket.localPort);
  }

  fd(slot: number): number {
    const handle = (this.connections[slot]?.socket as unknown as { _handle?: { fd?: number } } | undefined)?._handle;
    return handle?.fd ?? -1;
  }

  pendingInput(slot: number): number {
    return this.connections[slot]?.heldBytes ?? 0;
  }

  pendingOutput(slot: number): number {
    return this.connections[slot]?.socket.writableLength ?? 0;
  }

  buffers(slot: number): number {
    const connection = this.connections[slot];
    return connection === undefined ? 0 : memoryOf(connection);
  }

  releaseMemory(): void {}

  stats(out: Float64Array): void {
    let connected = 0;
    let input = 0;
    let output = 0;
    let buffers = 0;
    for (const connection of this.connections) {
      if (connection === undefined) continue;
      connected++;
      input += connection.heldBytes;
      output += connection.socket.writableLength;
      buffers += memoryOf(connection);
    }
    out.set([
      connected,
      this.bytesIn,
      this.bytesOut,
      input,
      output,
      this.chunks,
      this.frames,
      buffers,
      this.chunks,
      this.writes,
    ]);
  }

  /** Whatever comes is executed at once, but for what a connection was suspended with. */
  catchUp(): boolean {
    return this.connections.some((connection) => connection?.resuming);
  }

  /** Stops listening, lets every connection have its replies, and closes. */
  async stop(): Promise<void> {
    for (const server of this.servers) server.close();
    this.connections.forEach((_, slot) => {
      this.close(slot, STOP_LINGER_MS);
    });
    const deadline = performance.now() + 2 * STOP_LINGER_MS;
    while (this.connections.some((connection) => connection !== undefined) && performance.now() < deadline)
      await new Promise((resolve) => setTimeout(resolve, STOP_POLL_MS));
    this.destroy();
  }

  destroy(): void {
    for (const server of this.servers) server.close();
    for (const connection of this.connections) connection?.socket.destroy();
  }
}

/** Ends a socket whose peer is expected to close; after a while it is not waited for any more. */
function endInTime(socket: Socket, ms: number): void {
  const timer = destroyLater(socket, ms);
  socket.once('close', () => clearTimeout(timer));
  // What it sends is of no interest, and its end is.
  socket.resume();
}

function destroyLater(socket: Socket, ms: number): NodeJS.Timeout {
  return setTimeout(() => socket.destroy(), ms).unref();
}

/** Of `held`, what was never written to takes no memory. */
function memoryOf({ heldBytes, socket }: Connection): number {
  return heldBytes + socket.writableLength;
}

/** Takes away the socket that a server left that is gone; a file of another kind stays, and listening fails. */
function removeStaleSocket(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isSocket()) rmSync(path);
}

function addressText(address: string | undefined, port: number | undefined): string {
  if (address === undefined) return 'unix';
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
