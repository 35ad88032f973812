/**
 * Transport over the native core: one epoll set for each worker, two native calls for each turn of its event loop.
 */

import { performance } from 'node:perf_hooks';
import { ByteArena } from '../base/bytes.js';
import type { Keyspace } from '../engine/keyspace.js';
import { DIRECTORY_DEPTH_WORD } from '../engine/table/hash-index.js';
import type { NativeAddon, NativePoller } from '../native/contract.js';
import { ARG_WORDS, COMMAND_WORDS, FLAG_BIG, type SplitterTable } from '../protocol/descriptors.js';
import {
  ARGS_MAX,
  COMMANDS_MAX,
  CONNECTIONS_MAX,
  INPUT_BYTES,
  OUTPUT_BYTES,
  SEGMENTS_MAX,
  TRANSPORT_STATS,
  type Transport,
  type TransportArrays,
  type TransportEvents,
} from './transport.js';

const FLAGS = 6;
/** Turns in one go before timers and messages get their chance. */
const TURNS_MAX = 64;
/** How long a stop lets a connection read its last replies. */
const STOP_LINGER_MS = 2000;
const STOP_POLL_MS = 5;

export class NativeTransport implements Transport {
  readonly arrays: TransportArrays;
  input: Uint8Array;
  args: Int32Array;
  private readonly addon: NativeAddon;
  private readonly poller: NativePoller;
  private readonly events: TransportEvents;
  private readonly arena: ByteArena;
  private readonly arenaArgs: Int32Array;
  /** One past the highest slot ever given out. */
  private slots = 0;
  private readonly figures = new Float64Array(TRANSPORT_STATS);
  private readonly full = new Int32Array(1);

  constructor(addon: NativeAddon, table: SplitterTable, keyspace: Keyspace, events: TransportEvents) {
    this.addon = addon;
    this.events = events;
    this.arena = new ByteArena(new ArrayBuffer(INPUT_BYTES));
    this.arenaArgs = new Int32Array(ARGS_MAX * ARG_WORDS);
    this.input = this.arena;
    this.args = this.arenaArgs;
    this.arrays = {
      output: new ByteArena(new ArrayBuffer(OUTPUT_BYTES)),
      segments: new Int32Array(SEGMENTS_MAX * 3),
      commands: new Int32Array(COMMANDS_MAX * COMMAND_WORDS),
      databases: new Int32Array(CONNECTIONS_MAX),
    };
    this.poller = new addon.Poller({
      input: this.arena,
      commands: this.arrays.commands,
      args: this.arenaArgs,
      output: this.arrays.output,
      segments: this.arrays.segments,
      databases: this.arrays.databases,
      full: this.full,
      table,
      hashKey: keyspace.control.hashKey,
      index: {
        shards: keyspace.shards.map((shard) => shard.words),
        depthWord: DIRECTORY_DEPTH_WORD,
        directoryWord: keyspace.shards[0].pool.directoryWord,
        databaseSalts: keyspace.control.salts,
      },
      onReady: () => this.onReady(),
    });
  }

  /** Takes over an accepted socket, on which `speaks` (SPEAKS_*) is spoken. Returns its connection slot, -1 when there is none left. */
  adopt(fd: number, speaks: number): number {
    const connection = this.poller.add(fd, speaks);
    if (connection < 0) return connection;
    this.slots = Math.max(this.slots, connection + 1);
    this.events.onConnect(connection, speaks);
    return connection;
  }

  private onReady(): void {
    const commands = this.arrays.commands;
    for (let turn = 0; turn < TURNS_MAX; turn++) {
      const count = this.poller.receive();
      if (this.full[0] !== 0) this.events.onBuffersChanged(false);
      if (count === 0) return;
      if ((commands[FLAGS] & FLAG_BIG) !== 0) this.bigBatch(count);
      else this.events.onBatch(count);
    }
  }

  private bigBatch(count: number): void {
    this.input = this.poller.bigInput();
    this.args = this.poller.bigArgs();
    this.events.onBatch(count);
    this.input = this.arena;
    this.args = this.arenaArgs;
  }

  flush(count: number): void {
    this.poller.flush(count);
    if (this.full[0] !== 0) this.events.onBuffersChanged(true);
  }

  suspend(connection: number, offset: number): void {
    this.poller.suspend(connection, offset);
  }

  resume(connection: number): void {
    this.poller.resume(connection);
  }

  hold(connection: number, offset: number): boolean {
    return this.poller.hold(connection, offset);
  }

  close(connection: number, lingerMs: number): void {
    this.poller.close(connection, lingerMs);
  }

  setLimits(connection: number, argumentsMax: number, bulkBytesMax: number, outputBytesMax: number): void {
    this.poller.setLimits(connection, argumentsMax, bulkBytesMax, outputBytesMax);
  }

  setQueryBufferLimit(bytes: number): void {
    this.poller.setQueryBufferLimit(bytes);
  }

  setBufferWatch(least: number, most: number, throttleAbove: number): void {
    this.poller.setBufferWatch(least, most, throttleAbove);
  }

  setKeepAlive(connection: number, seconds: number): void {
    this.poller.setKeepAlive(connection, seconds);
  }

  peerAddress(connection: number): string {
    return this.poller.peerAddress(connection);
  }

  localAddress(connection: number): string {
    return this.poller.localAddress(connection);
  }

  fd(connection: number): number {
    return this.poller.fd(connection);
  }

  pendingInput(connection: number): number {
    return this.poller.pendingInput(connection);
  }

  pendingOutput(connection: number): number {
    return this.poller.pendingOutput(connection);
  }

  buffers(connection: number): number {
    return this.poller.buffers(connection);
  }

  releaseMemory(): void {
    this.addon.releaseHeap();
  }

  stats(out: Float64Array): void {
    this.poller.stats(out);
  }

  catchUp(): boolean {
    this.onReady();
    return false;
  }

  /** Lets every connection read its replies, and closes. */
  async stop(): Promise<void> {
    for (let connection = 0; connection < this.slots; connection++) this.close(connection, STOP_LINGER_MS);
    const deadline = performance.now() + 2 * STOP_LINGER_MS;
    while (this.connectionCount() > 0 && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, STOP_POLL_MS));
      this.onReady();
    }
    this.destroy();
  }

  private connectionCount(): number {
    this.poller.stats(this.figures);
    return this.figures[0];
  }

  destroy(): void {
    this.poller.destroy();
  }
}
