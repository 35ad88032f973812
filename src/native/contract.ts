/**
 * The native core as TypeScript sees it: what `native/addon.cc` exports. Types only, and the loader's contract;
 * the addon is optional, and everything it does has a TypeScript twin (`streams.ts`, `protocol/splitters.ts`).
 *
 * All arrays are made by TypeScript, and native code keeps their addresses (and a reference) from the constructor on.
 */

import type { SplitterTable } from '../protocol/descriptors.js';

/** Where the native core finds the index, to prefetch it: read without the lock, never trusted, never written. */
export interface ShardIndexLayout {
  /** One view per shard over its whole SharedArrayBuffer. shard = slot % shards.length. */
  readonly shards: Int32Array[];
  /** Word index, in a shard, of the word that holds the directory's depth. */
  readonly depthWord: number;
  /** Word index, in a shard, of the first word of the directory. Each directory word is the word index of a segment. */
  readonly directoryWord: number;
  /** Word index i such that map[i + db] is the salt to XOR into the hash of a key in logical database db. */
  readonly databaseSalts: Int32Array;
}

export interface PollerOptions {
  /** Input arena: received bytes, from which commands read their arguments. */
  readonly input: Uint8Array;
  /** Command descriptors, COMMAND_WORDS words each. */
  readonly commands: Int32Array;
  /** Arguments, ARG_WORDS words each. */
  readonly args: Int32Array;
  /** Output arena: the replies that `flush` sends. */
  readonly output: Uint8Array;
  /** Triples [connection, start, end) of ranges in `output`, the argument of `flush`. */
  readonly segments: Int32Array;
  /** One word per connection slot: logical database of the connection, written by TypeScript, for prefetching. */
  readonly databases: Int32Array;
  /** One word, written by native code: 1 while the buffers of all connections take less or more than `setBufferWatch` says. */
  readonly full: Int32Array;
  /** What the splitters know of the commands of all protocols. */
  readonly table: SplitterTable;
  readonly hashKey: readonly [number, number];
  readonly index: ShardIndexLayout;
  /** Called from the event loop when at least one connection is ready. */
  readonly onReady: () => void;
}

/**
 * One epoll set with its connections: belongs to one worker thread, watched by that thread's libuv loop.
 * All methods are called from that thread.
 */
export interface NativePoller {
  /**
   * Adopts a connected, non-blocking socket, on which the protocol `speaks` (SPEAKS_*) is spoken. Returns its connection slot, or -1 when all
   * slots are taken (the socket is closed then).
   */
  add(fd: number, speaks: number): number;
  /**
   * Receives from the ready sockets and splits; never blocks. Returns the number of descriptors (commands and events) written
   * to `commands`; 0 when nothing was ready. Commands of one connection are adjacent and in order. The contents of
   * `input`, `commands` and `args` are valid until the next call.
   *
   * A frame that does not fit the arena (FLAG_BIG) is always the only descriptor of its batch, and its bytes and arguments are in
   * `bigInput()` and `bigArgs()`.
   */
  receive(): number;
  /** The bytes of the batch's big frame, from offset 0. Valid until the next `receive`, when the memory is freed (the view is detached). */
  bigInput(): Uint8Array;
  /** The arguments of the batch's big frame. */
  bigArgs(): Int32Array;
  /**
   * Sends `count` segments, in order. What a socket does not take is kept and sent when it can be. Called also in the middle of a batch
   * when the output arena is full.
   */
  flush(count: number): void;
  /**
   * Stops a connection in the middle of a batch: input from `offset` (the frameEnd of its last executed command) on
   * is given back, and nothing is received or split for it until `resume`. A peer that goes away meanwhile is reported by EVENT_CLOSED.
   */
  suspend(connection: number, offset: number): void;
  /** The connection goes on: input that was given back is split by the next `receive`. Calls `onReady` soon when there is any. */
  resume(connection: number): void;
  /**
   * As `suspend`, for a connection that is throttled, because more output is pending than `setBufferWatch` says: nothing of it is received or split
   * until its peer has taken half of that. Returns false when it is not throttled: then nothing has changed.
   */
  hold(connection: number, offset: number): boolean;
  /**
   * Closes a connection: reads nothing more, sends what is pending (for at most `lingerMs`, 0 = at once, drop what is pending),
   * then shuts down and closes. Its remaining descriptors in the batch are to be skipped by the caller; EVENT_CLOSED is reported when the slot is free,
   * for this kind of close too.
   */
  close(connection: number, lingerMs: number): void;
  /** Sets the frame limits of a connection. outputBytesMax: hard limit on pending output, 0 = none. */
  setLimits(connection: number, argumentsMax: number, bulkBytesMax: number, outputBytesMax: number): void;
  /** Sets the limit on bytes buffered for one incomplete frame (`client-query-buffer-limit`), for all connections. */
  setQueryBufferLimit(bytes: number): void;
  /** Bytes of memory in the buffers of all connections below and above which `full` is set; and bytes of pending output above which a connection is throttled. */
  setBufferWatch(least: number, most: number, throttleAbove: number): void;
  /** TCP keep-alive of one connection in seconds, 0 = off. A no-op on unix sockets. */
  setKeepAlive(connection: number, seconds: number): void;
  /** `ip:port` or the path of a unix socket. */
  peerAddress(connection: number): string;
  localAddress(connection: number): string;
  fd(connection: number): number;
  /** Bytes waiting for the peer to read. */
  pendingOutput(connection: number): number;
  /** Bytes of an incomplete frame or of input given back. */
  pendingInput(connection: number): number;
  /** Bytes of memory that the buffers of a connection take. */
  buffers(connection: number): number;
  /**
   * Fills `out` with [connections, bytes received, bytes sent, pending input bytes (all connections), pending output bytes (all connections),
   * calls of `receive`, frames split, bytes of memory in the buffers of all connections, times that bytes came from a socket, times that a socket took
   * some]. Float64Array of 10.
   */
  stats(out: Float64Array): void;
  /** Closes every connection and the epoll set. Runs also when the thread's environment ends. */
  destroy(): void;
}

/** A listening socket, watched by the libuv loop of the thread that made it. */
export interface NativeListener {
  /** The bound port, 0 for a unix socket. */
  readonly port: number;
  /** Takes the listener out of the loop (`pause`) and back in: used when no file descriptor is left. */
  pause(): void;
  resume(): void;
  close(): void;
}

/** Splitter on memory, for tests: what the poller does with the bytes of one connection. */
export interface NativeSplitter {
  /**
   * Feeds one chunk. Returns the complete commands and events found so far that were not returned before:
   * arrays [command, argc, flags, [argument bytes, hash, slot]...] copied out.
   */
  feed(chunk: Uint8Array): Array<{
    command: number;
    argc: number;
    flags: number;
    detail: number;
    args: Array<{ bytes: Uint8Array; hash: number; slot: number }>;
  }>;
}

export interface NativeAddon {
  readonly Poller: new (options: PollerOptions) => NativePoller;
  /** Binds and listens; throws an Error with `code` (EADDRINUSE, EACCES, ...) as Node does. `onAccept` gets each accepted, non-blocking fd (TCP_NODELAY set), or -errno. */
  listen(
    options: { host?: string; port?: number; path?: string; mode?: number; backlog: number },
    onAccept: (fd: number) => void,
  ): NativeListener;
  /** Closes a file descriptor that was accepted but not adopted; `text` is sent first, as far as it goes without blocking. */
  reject(fd: number, text: string): void;
  readonly Splitter: new (options: {
    table: SplitterTable;
    /** SPEAKS_*: what the stream is. */
    speaks: number;
    hashKey: readonly [number, number];
    argumentsMax: number;
    bulkBytesMax: number;
    /** Chunks are received into an arena of this size, so that the big-frame path is reached with small inputs. */
    arenaBytes: number;
  }) => NativeSplitter;
  /** Asks the kernel to back a span of a shard by huge pages. Returns whether it took the advice. */
  adviseHugePages(bytes: Uint8Array, offset: number, length: number): boolean;
  /** Takes that advice back: the span is to be made of small pages. */
  adviseSmallPages(bytes: Uint8Array, offset: number, length: number): boolean;
  /** Bytes from the array's first byte on to the next address that is a multiple of `boundary`, a power of two. */
  bytesToBoundary(bytes: Uint8Array, boundary: number): number;
  /** Gives the memory of a span of a shard back to the kernel: it reads as zeros afterwards. Returns whether that was done. */
  discardPages(bytes: Uint8Array, offset: number, length: number): boolean;
  /** Gives memory back to the kernel that the allocator of connections' buffers keeps for later. */
  releaseHeap(): void;
  /** memmove between two arrays: for large copies that have a SharedArrayBuffer on one side. */
  copyBytes(target: Uint8Array, targetAt: number, source: Uint8Array, sourceAt: number, length: number): void;
  hashBytes(bytes: Uint8Array, offset: number, length: number, k0: number, k1: number): number;
  slotOf(bytes: Uint8Array, offset: number, length: number): number;
}
