/** What `Ashlar.create` takes, checked and turned into what the engine takes. */

import { availableParallelism } from 'node:os';
import { AshlarError } from '../base/errors.js';
import { parseBytes } from '../base/units.js';
import { POLICIES, type PolicyName } from '../engine/control.js';
import { defaultShards, type KeyspaceOptions, SHARD_BYTES_MAX, SHARDS_MAX } from '../engine/keyspace.js';
import type { Codec } from './codecs.js';

export interface CreateOptions {
  /** Bytes for everything that is stored, the index included: a number, or text like `512mb` or `1gb`. */
  maxMemory: number | string;
  /** Bytes of address space, up to which `maxMemory` can be raised later; default `maxMemory`. */
  reserve?: number | string;
  /**
   * Parts with a lock each. More of them let more threads work at once; a value must fit into one. Default: 8 for each processor, as far as
   * 16 MB are left for each.
   */
  shards?: number;
  /** What goes when the memory is used up; default `allkeys-keystone`. */
  policy?: PolicyName;
  /** Logical databases, for clients of the Redis door that use SELECT: 1 to 48, default 16. */
  databases?: number;
  /** How `setValue` and `getValue` store values; default `codecs.json`. */
  codec?: Codec;
}

const DATABASES_DEFAULT = 16;
const DATABASES_MAX = 48;
/** With eight shards for each thread, two threads seldom meet. */
const SHARDS_PER_PROCESSOR = 8;

/** @throws AshlarError ERR_BAD_OPTION */
export function keyspaceOptions(options: CreateOptions): KeyspaceOptions {
  const maxMemory = bytesOf('maxMemory', options.maxMemory);
  const reserve = options.reserve === undefined ? maxMemory : Math.max(maxMemory, bytesOf('reserve', options.reserve));
  const policy = POLICIES.indexOf(options.policy ?? 'allkeys-keystone');
  if (policy === -1) throw bad(`policy is one of ${POLICIES.join(', ')}, not ${String(options.policy)}`);
  const shards = options.shards ?? defaultShards(maxMemory, availableParallelism() * SHARDS_PER_PROCESSOR, reserve);
  if (maxMemory / wholeNumber('shards', shards, SHARDS_MAX) > SHARD_BYTES_MAX) {
    throw bad(`${maxMemory} bytes need at least ${Math.ceil(maxMemory / SHARD_BYTES_MAX)} shards`);
  }
  return {
    maxMemory,
    reserve,
    policy,
    shards,
    databases: wholeNumber('databases', options.databases ?? DATABASES_DEFAULT, DATABASES_MAX),
  };
}

/** Bytes of a number, or of text like `512mb`. @throws AshlarError ERR_BAD_OPTION */
export function bytesOf(name: string, value: number | string): number {
  const bytes = typeof value === 'string' ? parseBytes(value) : value;
  if (bytes === undefined || !Number.isSafeInteger(bytes) || bytes <= 0) {
    throw bad(`${name} is a number of bytes, or text like '512mb', not ${String(value)}`);
  }
  return bytes;
}

function wholeNumber(name: string, value: number, most: number): number {
  if (!Number.isInteger(value) || value < 1 || value > most)
    throw bad(`${name} is a whole number from 1 to ${most}, not ${String(value)}`);
  return value;
}

function bad(message: string): AshlarError {
  return new AshlarError('ERR_BAD_OPTION', message);
}
