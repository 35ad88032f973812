/** A cache of a few shards for the tests of scans and of items that change places: strings as keys, a clock that is set by hand. */

import { Clock } from '../../../src/base/clock.js';
import { Random } from '../../../src/base/random.js';
import { POLICIES, type PolicyName } from '../../../src/engine/control.js';
import { expiryOf, isRaw, keyLength, keyOffset, valueLength, valueOffset } from '../../../src/engine/item.js';
import { Keyspace } from '../../../src/engine/keyspace.js';
import type { Shard } from '../../../src/engine/shard.js';

export interface Stored {
  readonly value: string;
  readonly expiry: number;
  readonly raw: boolean;
}

export class SmallCache {
  readonly keyspace: Keyspace;
  readonly random: Random;
  /** Milliseconds since 1970. */
  now = 1_700_000_000_000;

  constructor(options: { shards: number; megabytes: number; policy?: PolicyName; seed?: number; databases?: number }) {
    this.random = new Random(options.seed ?? 1, 2, 3);
    const clock = new Clock(() => this.now);
    this.keyspace = Keyspace.create(
      {
        maxMemory: options.megabytes * 2 ** 20,
        shards: options.shards,
        databases: options.databases ?? 4,
        policy: POLICIES.indexOf(options.policy ?? 'noeviction'),
        hashKey: [this.random.nextInt32(), this.random.nextInt32()],
      },
      clock,
      () => this.random.float(),
    );
  }

  advance(milliseconds: number): void {
    this.now += milliseconds;
    this.keyspace.clock.tick();
  }

  /** The shard of a key, locked as far as one thread needs it, and what its methods want to know of the key. */
  at(name: string, database = 0): { shard: Shard; hash: number; key: Uint8Array; internal: number } {
    const key = Buffer.from(name, 'latin1');
    const shard = this.keyspace.enter(this.keyspace.shards[this.keyspace.shardNumber(key, 0, key.length)]);
    const internal = this.keyspace.control.internal(database);
    return { shard, hash: shard.hash(key, 0, key.length, internal), key, internal };
  }

  set(name: string, value = '', database = 0, expiry = 0): boolean {
    const { shard, hash, key, internal } = this.at(name, database);
    const bytes = Buffer.from(value, 'latin1');
    return shard.setString(hash, key, 0, key.length, internal, bytes, 0, bytes.length, expiry);
  }

  find(name: string, database = 0): number {
    const { shard, hash, key, internal } = this.at(name, database);
    return shard.find(hash, key, 0, key.length, internal);
  }

  get(name: string, database = 0): Stored | undefined {
    const item = this.find(name, database);
    if (item === 0) return undefined;
    const { words, bytes } = this.at(name, database).shard;
    const value = Buffer.from(
      bytes.slice(valueOffset(words, item), valueOffset(words, item) + valueLength(words, item)),
    );
    return { value: value.toString('latin1'), expiry: expiryOf(words, item), raw: isRaw(words, item) };
  }

  remove(name: string, database = 0): boolean {
    const item = this.find(name, database);
    if (item !== 0) this.at(name, database).shard.remove(item);
    return item !== 0;
  }
}

/** The key of an item, one character for each byte. */
export function keyText(shard: Shard, item: number): string {
  const at = keyOffset(shard.words, item);
  return Buffer.from(shard.bytes.slice(at, at + keyLength(shard.words, item))).toString('latin1');
}
