/** What the main thread gives a worker at its start. */

import type { Control } from '../engine/control.js';
import type { KeyspaceHandle } from '../engine/keyspace.js';
import type { ConfigValues } from './config/schema.js';
import type { PauseState } from './pause.js';

export interface WorkerData {
  /** Number of this worker: 0..threads-1. */
  readonly index: number;
  /** Workers of the server. A worker looks after shards index, index + threads, ... */
  readonly threads: number;
  readonly keyspace: KeyspaceHandle;
  readonly config: ConfigValues;
  readonly configFile: string | undefined;
  /** Statistics blocks of all workers, by number. */
  readonly statistics: readonly SharedArrayBuffer[];
  /** Words that all threads share: SERVER_WORDS. */
  readonly shared: SharedArrayBuffer;
  /** CLIENT PAUSE, where one is going on. */
  readonly pause: PauseState;
  /** Clients of other workers that have asked for MONITOR. */
  readonly monitors: number;
  /** Facts that INFO shows. */
  readonly facts: ServerFacts;
  /** Whether the native core is to be used. */
  readonly native: boolean;
}

export interface ServerFacts {
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  /** 40 hexadecimal digits, new at each start. */
  readonly runId: string;
  /** 40 hexadecimal digits: the name of this history of changes. */
  readonly replicationId: string;
  readonly version: string;
  /** TCP ports of the Redis door and of the Memcached door, 0 = none. */
  readonly port: number;
  readonly memcachedPort: number;
  readonly executable: string;
}

/** Words of the block that all threads share. */
export const SERVER_WORDS = 16;
/** Next client id. */
export const NEXT_CLIENT = 0;
/** Next number of a slow log's entry. */
export const NEXT_SLOWLOG = 1;
/** Workers that died and were replaced. */
export const WORKERS_REPLACED = 2;
/** Connections refused for `maxclients`. */
export const REJECTED_CONNECTIONS = 3;
/** Next numbers of entries of the logs of large requests and replies. */
export const NEXT_LARGE_REQUEST = 4;
export const NEXT_LARGE_REPLY = 5;
/** Pages of each shard that are withheld for the buffers of this server's connections. */
const WITHHELD_PAGES = 6;

/** Withholds so many pages of each shard in place of those before, whichever thread of the server has counted them. Other servers withhold their own. */
export function withhold(control: Control, shared: Int32Array, pages: number): void {
  control.withholdMore(pages - Atomics.exchange(shared, WITHHELD_PAGES, pages));
}
