/**
 * What the server needs of a transport: connections that deliver command descriptors, and take replies.
 *
 * Two implementations: `native.ts` (the native core: a whole batch per call) and `streams.ts` (Node streams and the TypeScript splitter).
 * Both call `onBatch(count)` with `count` descriptors in `commands`, which are valid during the call; replies are written to `output`
 * and announced as triples in `segments`.
 */

/** Where the clients of one protocol come in. */
export interface Door {
  /** SPEAKS_*: what is spoken there. */
  readonly speaks: number;
  readonly hosts: readonly string[];
  /** TCP port, 0 = a free one; negative = no TCP. */
  readonly port: number;
  /** Path of a unix socket, empty = none. */
  readonly unixPath: string;
  /** Permissions of the unix socket, 0 = what the umask leaves. */
  readonly unixMode: number;
  readonly backlog: number;
}

/** Figures of a transport (`stats`). */
export const TRANSPORT_STATS = 10;

/** The arrays that a transport and the dispatcher share. */
export interface TransportArrays {
  readonly output: Uint8Array;
  /** Triples [connection, start, end). */
  readonly segments: Int32Array;
  readonly commands: Int32Array;
  /** Logical database by connection slot: a hint for prefetching. */
  readonly databases: Int32Array;
}

export interface TransportEvents {
  /** Descriptors are ready: execute them, write replies. The transport sends them when this returns (`flush` in between is the dispatcher's). */
  onBatch(count: number): void;
  /** A socket was adopted, on which `speaks` (SPEAKS_*) is spoken. */
  onConnect(connection: number, speaks: number): void;
  /**
   * The buffers of all connections together take less or more than `setBufferWatch` says. Called again and again while they do.
   * @param inBatch in the middle of one
   */
  onBuffersChanged(inBatch: boolean): void;
  /** Text with which a new connection is to be refused, empty when it may come in. Asked by transports that accept by themselves. */
  refusal(speaks: number): string;
}

export interface Transport {
  readonly arrays: TransportArrays;
  /** Bytes and arguments of the current batch; both change from batch to batch when a frame is big. */
  readonly input: Uint8Array;
  readonly args: Int32Array;
  /** Sends `count` segments. */
  flush(count: number): void;
  /** Stops a connection: nothing after input offset `offset` is executed until `resume`. */
  suspend(connection: number, offset: number): void;
  resume(connection: number): void;
  /**
   * Stops a connection that has too much output pending: nothing after input offset `offset` is executed until its peer has read half of it.
   * @returns false when it has not: nothing has changed
   */
  hold(connection: number, offset: number): boolean;
  /** Closes; what is pending is sent first, for at most `lingerMs` (0 = at once). EVENT_CLOSED follows. */
  close(connection: number, lingerMs: number): void;
  setLimits(connection: number, argumentsMax: number, bulkBytesMax: number, outputBytesMax: number): void;
  setQueryBufferLimit(bytes: number): void;
  /**
   * @param least bytes of memory in the buffers of all connections, below which `onBuffersChanged` is called
   * @param most bytes above which it is
   * @param throttleAbove bytes of output pending for one connection, above which it is not served until half of it is gone; there is a limit to
   *   it anyway
   */
  setBufferWatch(least: number, most: number, throttleAbove: number): void;
  setKeepAlive(connection: number, seconds: number): void;
  peerAddress(connection: number): string;
  localAddress(connection: number): string;
  fd(connection: number): number;
  pendingInput(connection: number): number;
  pendingOutput(connection: number): number;
  /** Bytes of memory that the buffers of a connection take. */
  buffers(connection: number): number;
  /** Gives memory back to the system that is kept for buffers to come. */
  releaseMemory(): void;
  /**
   * Fills `out` (TRANSPORT_STATS doubles) with [connections, bytes in, bytes out, pending input, pending output, turns in which was received, frames,
   * memory of buffers, reads of sockets, writes to sockets].
   */
  stats(out: Float64Array): void;
  /** Executes what was received and has not been executed, as far as that goes now. Returns whether there is some that will be executed in a moment. */
  catchUp(): boolean;
  /** Lets every connection read its replies, and closes. */
  stop(): Promise<void>;
  /** Closes everything at once. */
  destroy(): void;
}

/** Most connections of one worker: slots are numbered below it. */
export const CONNECTIONS_MAX = 65_536;
export const INPUT_BYTES = 1 << 20;
export const OUTPUT_BYTES = 1 << 20;
export const COMMANDS_MAX = 4096;
export const ARGS_MAX = 32_768;
export const SEGMENTS_MAX = 8192;
