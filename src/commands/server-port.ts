/**
 * What commands may ask of the server that runs them. The server implements it; commands know only this.
 *
 * What concerns one thread is answered at once; what concerns all of them (clients of other workers, the configuration) is asked for, and
 * the answer comes later.
 */

import type { Client } from './client.js';
import type { Catalogue } from './facts.js';

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
  /** RESP version, 0 = it speaks Memcached. */
  readonly protocol: number;
  /** SPEAKS_*; SPEAKS_MEMCACHED only before the first command, which says which protocol of Memcached it is. */
  readonly speaks: number;
  readonly libraryName: string;
  readonly libraryVersion: string;
  readonly ageSeconds: number;
  readonly idleSeconds: number;
  /** Redis's letters: N normal, O monitor, b blocked, ... */
  readonly flags: string;
  readonly pendingInput: number;
  readonly pendingOutput: number;
  /** Bytes that the connection takes, its buffers included. */
  readonly memory: number;
  /** Full name of the last command, `NULL` when there was none. */
  readonly command: string;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly commands: number;
}

/** Classes of clients, by Redis's names. Monitors are normal clients, and the others do not exist yet. */
export const CLIENT_TYPES = ['normal', 'replica', 'master', 'pubsub'] as const;
export type ClientType = (typeof CLIENT_TYPES)[number];

/** Which clients CLIENT KILL and CLIENT LIST mean. Fields that are left out match every client. */
export interface ClientFilter {
  readonly ids?: readonly number[];
  readonly address?: string;
  readonly localAddress?: string;
  readonly user?: string;
  readonly type?: ClientType;
  /** Clients of the Memcached door only. */
  readonly memcached?: boolean;
  /** Seconds of age, at least. */
  readonly maxAge?: number;
  /** This client is left out. */
  readonly exceptId?: number;
}

/** Why a command is logged, by Valkey's names. */
export const COMMAND_LOGS = ['slow', 'large-request', 'large-reply'] as const;
export type CommandLogKind = (typeof COMMAND_LOGS)[number];

export interface CommandLogEntry {
  readonly id: number;
  /** Seconds since 1970. */
  readonly time: number;
  /** Microseconds that the command took, or bytes of its request or reply. */
  readonly value: number;
  readonly args: readonly Uint8Array[];
  readonly address: string;
  readonly name: string;
}

/** A key that is used often. */
export interface HotKey {
  /** The key, or the beginning of a long one. */
  readonly key: Uint8Array;
  /** Bytes that the whole key has. */
  readonly length: number;
  readonly database: number;
  /** Estimated operations a second, over the last seconds. */
  readonly perSecond: number;
  /** Of all operations on keys: 0..1. */
  readonly share: number;
}

/** The worst of an event in one second. */
export interface LatencySample {
  /** Seconds since 1970. */
  readonly time: number;
  readonly milliseconds: number;
}

/** An event of the latency monitor, and what is kept of it. */
export interface LatencyEvent {
  readonly name: string;
  /** Oldest first. */
  readonly samples: readonly LatencySample[];
  /** The worst ever. */
  readonly maxMs: number;
}

/** What LATENCY HISTOGRAM shows of a command. */
export interface CommandHistogram {
  readonly name: string;
  readonly calls: number;
  /** Upper bound in microseconds, and how many calls took at most that. */
  readonly buckets: readonly (readonly [microseconds: number, calls: number])[];
}

/** Where the process's memory is. Bytes. */
export interface MemoryFigures {
  /** Pages of the shards that are in use, and the buffers of the clients. */
  readonly used: number;
  readonly peak: number;
  /** Before the first client: the tables that every shard begins with. */
  readonly startup: number;
  /** Items, without what rounding and the index cost. */
  readonly dataset: number;
  readonly clients: number;
  readonly clientsInput: number;
  readonly clientsOutput: number;
  /** Items, expired ones included until they are removed. */
  readonly keys: number;
  /** The JavaScript heaps' and the process's memory, as the system counts them. */
  readonly resident: number;
  readonly budget: number;
  readonly reserve: number;
  readonly refusedWrites: number;
}

/** What Memcached's `stats` and `stats settings` show of the server. Sums over all workers, since the start or since `stats reset`. */
export interface MemcachedFigures {
  readonly pid: number;
  /** Seconds since the server started. */
  readonly uptime: number;
  /** Seconds of processor time of the process. */
  readonly userSeconds: number;
  readonly systemSeconds: number;
  /** Of the Memcached door alone. */
  readonly connections: number;
  readonly totalConnections: number;
  /** Limit on the connections of all doors together (`maxclients`), and how many were refused for it. */
  readonly connectionsMax: number;
  readonly rejectedConnections: number;
  /** Connections of all doors that were closed for being idle (`timeout`). */
  readonly idleKicks: number;
  /** Bytes of requests and replies of the Memcached door. */
  readonly bytesRead: number;
  readonly bytesWritten: number;
  readonly threads: number;
  /** Port and path of the Memcached door; 0 and empty = none. */
  readonly port: number;
  readonly unixSocket: string;
  /** By the numbers in memcached/counters.ts. */
  readonly counters: Float64Array;
}

/** A parameter and the value that CONFIG SET gives it; undefined where the value's bytes are no text. */
export type ConfigPair = readonly [name: string, value: string | undefined];

export interface ServerPort {
  /** Every command there is. */
  readonly table: Catalogue;
  /** Redis version whose commands and replies these are. */
  readonly redisVersion: string;
  /** memcached version whose commands and replies these are. */
  readonly memcachedVersion: string;
  /** This thread's part of Memcached's counters, by their numbers in memcached/counters.ts. */
  readonly memcachedCounters: Float64Array;
  /** Value of a configuration parameter, as CONFIG GET prints it; undefined when there is no such parameter. */
  configGet(name: string): string | undefined;
  configNames(): readonly string[];
  /** Changes parameters, all or none. Resolves to an error text (with its code), or undefined. */
  configSet(pairs: readonly ConfigPair[]): Promise<string | undefined>;
  /** Resolves to an error text (with its code), or undefined. */
  configRewrite(): Promise<string | undefined>;
  /** CONFIG RESETSTAT, and Memcached's `stats reset`. */
  resetStatistics(): Promise<void>;
  /** Text of INFO for the sections asked for (lower case; empty = the default ones). */
  info(sections: readonly string[]): string;
  /** Facts of the clients that match, of all workers, by id. */
  clients(filter: ClientFilter): Promise<ClientFacts[]>;
  /** Facts of one client of this worker. */
  clientFacts(client: Client): ClientFacts;
  /** Closes the clients that match. `self` may be among them: it is counted, and left to the caller to close after its reply. */
  killClients(filter: ClientFilter, self: Client): Promise<{ killed: number; self: boolean }>;
  /** CLIENT PAUSE until a time (milliseconds since 1970); 0 ends it. `all`: reads too. */
  pause(until: number, all: boolean): Promise<void>;
  /** The client's feed of commands begins. */
  monitor(client: Client): Promise<void>;
  /** The client's protocol, database, authentication, monitoring or limits have changed. */
  clientChanged(client: Client): void;
  /** Newest first. */
  commandLog(kind: CommandLogKind): Promise<CommandLogEntry[]>;
  commandLogReset(kind: CommandLogKind): Promise<void>;
  /** The keys that are used most, hottest first. */
  hotKeys(): Promise<HotKey[]>;
  hotKeysReset(): Promise<void>;
  /** Histograms of the commands that were called, by full name; empty = all. */
  latencyHistogram(names: readonly string[]): CommandHistogram[];
  /** Events of the latency monitor, by name. */
  latencyEvents(): Promise<LatencyEvent[]>;
  /** Forgets events by name (empty = all); resolves to how many were forgotten. */
  latencyReset(names: readonly string[]): Promise<number>;
  memcached(): MemcachedFigures;
  memory(): MemoryFigures;
  /** Gives the memory of free pages and of every thread's garbage back to the operating system. */
  purgeMemory(): Promise<void>;
  /** Ends the process in an orderly way, as SIGTERM does. */
  shutdown(): void;
  /** The password that AUTH must give, empty = none. */
  readonly requirePassword: string;
  /** Writes a warning to the log. */
  log(message: string): void;
  /** AUTH or HELLO was given a wrong user or password. */
  countAuthFailure(): void;
  /** Largest string, in bytes (`proto-max-bulk-len`). */
  readonly valueBytesMax: number;
  /** Largest value of the Memcached door, in bytes (`memcached-item-size-max`). */
  readonly memcachedValueBytesMax: number;
}
