/**
 * What commands may ask of the server that runs them. The server implements it; commands know only this.
 *
 * What concerns one thread is answered at once; what concerns all of them (clients of other workers, the configuration) is asked for, and
 * the answer comes later.
 */

import type { Client } from './client.js';

/** A client as CLIENT LIST shows it: plain data, from whichever worker serves it. */
export interface ClientFacts {
  readonly id: number;
  readonly address: string;
  readonly localAddress: string;
  readonly fd: number;
  readonly worker: number;
  readonly name: string;
  readonly user: string;
  readonly database: number;
  readonly protocol: number;
  readonly libraryName: string;
  readonly libraryVersion: string;
  readonly ageSeconds: number;
  readonly idleSeconds: number;
  /** Redis's letters: N normal, O monitor, b blocked, ... */
  readonly flags: string;
  readonly pendingInput: number;
  readonly pendingOutput: number;
  readonly command: string;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly commands: number;
}

/** Which clients CLIENT KILL and CLIENT LIST mean. Fields that are left out match every client. */
export interface ClientFilter {
  readonly ids?: readonly number[];
  readonly address?: string;
  readonly localAddress?: string;
  readonly user?: string;
  readonly type?: string;
  /** Seconds of age, at least. */
  readonly maxAge?: number;
  /** This client is left out. */
  readonly exceptId?: number;
}

export interface SlowlogEntry {
  readonly id: number;
  /** Seconds since 1970. */
  readonly time: number;
  readonly microseconds: number;
  readonly args: readonly Uint8Array[];
  readonly address: string;
  readonly name: string;
}

/** An event that LATENCY LATEST shows. */
export interface LatencyEvent {
  readonly name: string;
  /** Seconds since 1970 of the latest spike. */
  readonly time: number;
  readonly latestMs: number;
  readonly maxMs: number;
}

export interface ServerPort {
  /** Value of a configuration parameter, as CONFIG GET prints it; undefined when there is no such parameter. */
  configGet(name: string): string | undefined;
  configNames(): readonly string[];
  /** Changes parameters, all or none. Resolves to an error text (with its code), or undefined. */
  configSet(pairs: readonly (readonly [string, string])[]): Promise<string | undefined>;
  configRewrite(): Promise<string | undefined>;
  /** CONFIG RESETSTAT. */
  resetStatistics(): Promise<void>;
  /** Text of INFO for the sections asked for (lower case; empty = the default ones). */
  info(sections: readonly string[]): string;
  /** Facts of the clients that match, of all workers. */
  clients(filter: ClientFilter): Promise<ClientFacts[]>;
  /** Facts of one client of this worker. */
  clientFacts(client: Client): ClientFacts;
  /** Closes the clients that match; resolves to how many. `self` may be among them: it is closed after its reply. */
  killClients(filter: ClientFilter, self: Client): Promise<number>;
  /** CLIENT UNBLOCK: whether a client was blocked (in a command that can be ended) and is not any more. */
  unblockClient(id: number, withError: boolean): Promise<boolean>;
  /** CLIENT PAUSE until a time (milliseconds since 1970); 0 ends it. `all`: reads too. */
  pause(until: number, all: boolean): Promise<void>;
  /** The client's feed of commands begins. */
  monitor(client: Client): Promise<void>;
  /** The client's protocol, authentication or limits have changed. */
  clientChanged(client: Client): void;
  slowlog(): Promise<SlowlogEntry[]>;
  slowlogReset(): Promise<void>;
  /** Microsecond histograms by command name: pairs [upper bound in microseconds, cumulative count], and the count of calls. */
  latencyHistogram(names: readonly string[]): Array<{ name: string; calls: number; buckets: Array<[number, number]> }>;
  latencyEvents(): Promise<LatencyEvent[]>;
  /** Forgets events by name (empty = all); resolves to how many were forgotten. */
  latencyReset(names: readonly string[]): Promise<number>;
  /** Ends the process in an orderly way, as SIGTERM does. */
  shutdown(now: boolean): void;
  /** The password that AUTH must give, empty = none. */
  readonly requirePassword: string;
  /** Largest string, in bytes (`proto-max-bulk-len`). */
  readonly valueBytesMax: number;
  /** Text of MEMORY DOCTOR's and MEMORY STATS' figures: bytes of buffers of all connections. */
  connectionBuffers(): { input: number; output: number };
}
