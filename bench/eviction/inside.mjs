/**
 * The engine without sockets: one shard, asked as a cache-aside application asks. For work on the policies.
 *
 * Time is the trace's: so many requests a second that items stay for minutes, as they do where a cache is used.
 */

import { Clock } from '../../dist/base/clock.js';
import { POLICIES } from '../../dist/engine/control.js';
import { Keyspace } from '../../dist/engine/keyspace.js';
import { randomOf } from './generate.mjs';

const START_MS = 1_700_000_000_000;
const REQUESTS_PER_SECOND = 1000;
const HASH_KEY = [1, 2];

export class Inside {
  #shard;
  #clock;
  #names;
  #value;
  #requests = 0;

  /**
   * @param {string} policy @param {number} bytes of memory @param {string[]} keys @param {number} largest bytes of a value
   * @param {{ random?: () => number }} [options]
   */
  constructor(policy, bytes, keys, largest, { random = randomOf(2) } = {}) {
    this.#clock = new Clock(() => START_MS + (this.#requests * 1000) / REQUESTS_PER_SECOND);
    const options = { maxMemory: bytes, shards: 1, databases: 1, policy: POLICIES.indexOf(policy), hashKey: HASH_KEY };
    this.keyspace = Keyspace.create(options, this.#clock, random);
    this.#shard = this.keyspace.shards[0];
    this.#names = keys.map((key) => Buffer.from(key, 'latin1'));
    this.#value = Buffer.alloc(largest, 'v');
  }

  /** Whether a key is there; if not, it is stored, with a value of `size` bytes. */
  ask(key, size) {
    if (this.#requests++ % REQUESTS_PER_SECOND === 0) this.#clock.tick();
    const shard = this.#shard;
    const name = this.#names[key];
    const hash = shard.hash(name, 0, name.length, 0);
    if (shard.read(hash, name, 0, name.length, 0) !== 0) return true;
    shard.setString(hash, name, 0, name.length, 0, this.#value, 0, size, 0);
    return false;
  }

  get figures() {
    return this.keyspace.figures();
  }

  close() {
    this.keyspace.detach();
  }
}
