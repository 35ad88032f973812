/**
 * The command that is being executed, as its function sees it: arguments in place in the input bytes, the client, the keyspace, the reply.
 *
 * There is one Request per thread, filled anew for each command by the dispatcher; nothing in it outlives the command. An asynchronous
 * command takes what it needs before its first `await`, and answers through the `Answer` it asked for.
 *
 * Arguments are counted as Redis counts them: 0 is the command's name.
 */

import { equalsIgnoreCase } from '../base/bytes.js';
import type { Clock } from '../base/clock.js';
import { parseBigInt64, parseInt64 } from '../base/numbers.js';
import { isPlaceholder, KEY_BYTES_MAX, TYPE_STRING, typeOf } from '../engine/item.js';
import type { Keyspace } from '../engine/keyspace.js';
import type { Shard } from '../engine/shard.js';
import { BinaryReply } from '../protocol/memcached/binary-reply.js';
import { TextReply } from '../protocol/memcached/text-reply.js';
import type { ReplyWriter } from '../protocol/resp/reply.js';
import type { Client } from './client.js';
import { KEY_TOO_LONG, OOM, WRONGTYPE } from './replies.js';
import type { ServerPort } from './server-port.js';

const OFFSET = 0;
const LENGTH = 1;
const HASH = 2;
const SLOT = 3;
const ARG_SHIFT = 2;

const ONLY_SHARD: readonly number[] = [0];

export class Request {
  readonly keyspace: Keyspace;
  readonly clock: Clock;
  readonly reply: ReplyWriter;
  /** The encoder of Memcached's text protocol: it writes where `reply` writes. */
  readonly memcached: TextReply;
  /** The encoder of Memcached's binary protocol. */
  readonly memcachedBinary: BinaryReply;
  readonly server: ServerPort;
  /** This thread's part of Memcached's counters, by their numbers in memcached/counters.ts. */
  readonly counters: Float64Array;
  /** Bytes in which the arguments lie. */
  input: Uint8Array;
  /** Argument descriptors. */
  args: Int32Array;
  /** Word index of argument 0. */
  first = 0;
  argc = 0;
  /** FLAG_ bits of the command's descriptor. */
  flags = 0;
  /** Bytes of the command's frame. */
  bytes = 0;
  client: Client;
  /** Internal number of the client's database. */
  database = 0;
  /** Salt of the keys of that database. */
  salt = 0;
  /** Shard of the last key looked up. */
  shard: Shard;

  constructor(
    keyspace: Keyspace,
    reply: ReplyWriter,
    server: ServerPort,
    client: Client,
    input: Uint8Array,
    args: Int32Array,
  ) {
    this.keyspace = keyspace;
    this.clock = keyspace.clock;
    this.reply = reply;
    this.memcached = new TextReply(reply);
    this.memcachedBinary = new BinaryReply(reply);
    this.server = server;
    this.counters = server.memcachedCounters;
    this.client = client;
    this.input = input;
    this.args = args;
    this.shard = keyspace.shards[0];
  }

  /**
   * The client's database has changed (SELECT) or may have been given another number (FLUSHDB, SWAPDB, by any thread). What is read here holds
   * while a shard is locked.
   */
  useDatabase(): void {
    this.database = this.keyspace.control.internal(this.client.database);
    this.salt = this.keyspace.control.salt(this.client.database);
  }

  // ---------------------------------------------------------------------------------------------- arguments

  /** Offset of an argument in `input`. */
  offset(index: number): number {
    return this.args[this.first + (index << ARG_SHIFT) + OFFSET];
  }

  /** Bytes of an argument. */
  length(index: number): number {
    return this.args[this.first + (index << ARG_SHIFT) + LENGTH];
  }

  /** An argument as a string, one character per byte: for names and options, not for keys and values. */
  text(index: number): string {
    const offset = this.offset(index);
    return Buffer.from(this.input.buffer, this.input.byteOffset + offset, this.length(index)).toString('latin1');
  }

  /** A copy of an argument's bytes, which outlives the command. */
  copy(index: number): Uint8Array {
    const offset = this.offset(index);
    return this.input.slice(offset, offset + this.length(index));
  }

  /** Whether an argument is this option, in any case. `option` is in lower case. */
  is(index: number, option: Uint8Array): boolean {
    return (
      this.length(index) === option.length && equalsIgnoreCase(this.input, this.offset(index), option.length, option)
    );
  }

  /** An argument as an integer; NaN when it is none, or not a safe one. */
  integer(index: number): number {
    return parseInt64(this.input, this.offset(index), this.length(index));
  }

  /** An argument as a 64-bit integer; undefined when it is none. */
  bigInteger(index: number): bigint | undefined {
    return parseBigInt64(this.input, this.offset(index), this.length(index));
  }

  // ---------------------------------------------------------------------------------------------- keys

  /** Salted hash of a key argument (one that the command table names as a key). */
  hash(index: number): number {
    return this.args[this.first + (index << ARG_SHIFT) + HASH] ^ this.salt;
  }

  /** Locks the shard of a key argument for this command, and returns it. Before it, `database`, `salt` and `hash` may be of a moment ago. */
  enter(index: number): Shard {
    return this.lock(this.keyspace.shardOfSlot(this.args[this.first + (index << ARG_SHIFT) + SLOT]));
  }

  /** Locks a shard for this command, and returns it. */
  lock(shard: Shard): Shard {
    this.shard = shard;
    const held = shard.isHeld;
    this.keyspace.enter(shard);
    // Databases are given other numbers while all shards are locked: they may have been until this one was.
    if (!held) this.useDatabase();
    return shard;
  }

  /** Number of the shard of a key argument. */
  shardNumber(index: number): number {
    return this.args[this.first + (index << ARG_SHIFT) + SLOT] % this.keyspace.shards.length;
  }

  /** Looks a key argument up to be read: counts hit or miss, and the access. Returns the item in `shard`, or 0. */
  read(index: number): number {
    const shard = this.enter(index);
    if (this.client.noTouch) {
      const item = this.find(index);
      shard.ledger.lookup(item !== 0);
      return item;
    }
    return shard.read(this.hash(index), this.input, this.offset(index), this.length(index), this.database);
  }

  /** Looks a key argument up without counting anything. A placeholder is no key. */
  find(index: number): number {
    const shard = this.enter(index);
    const item = shard.find(this.hash(index), this.input, this.offset(index), this.length(index), this.database);
    return item !== 0 && isPlaceholder(shard.words, item) ? 0 : item;
  }

  /** Removes whatever is under a key argument. A placeholder goes too, and its lease with it, but it was no key. Returns whether there was a key. */
  remove(index: number): boolean {
    const shard = this.enter(index);
    const item = shard.find(this.hash(index), this.input, this.offset(index), this.length(index), this.database);
    if (item === 0) return false;
    const wasKey = !isPlaceholder(shard.words, item);
    shard.remove(item);
    return wasKey;
  }

  /** Looks a key argument up to be changed: counts the access. */
  modify(index: number): number {
    const item = this.find(index);
    if (item !== 0 && !this.client.noTouch) this.shard.touch(item);
    return item;
  }

  /** Whether an item found is a string; answers WRONGTYPE when it is not. */
  isString(item: number): boolean {
    if (typeOf(this.shard.words, item) === TYPE_STRING) return true;
    this.reply.error(WRONGTYPE);
    return false;
  }

  /** Stores a string under a key argument. `expiry`: milliseconds since 1970, 0 = none, -1 = as it was. False: no memory. */
  setString(index: number, value: Uint8Array, valueAt: number, valueBytes: number, expiry: number): boolean {
    const shard = this.enter(index);
    const at = this.offset(index);
    return shard.setString(
      this.hash(index),
      this.input,
      at,
      this.length(index),
      this.database,
      value,
      valueAt,
      valueBytes,
      expiry,
    );
  }

  /** Answers for a write to a key argument that the engine refused: the key is too long, or there is no memory. */
  refuse(index: number): void {
    this.reply.error(this.length(index) > KEY_BYTES_MAX ? KEY_TOO_LONG : OOM);
  }

  /**
   * Runs `work` with the shards of several key arguments locked, so that it is atomic; `enter`, `read`, ... may be used within. The database is
   * the one that the client has then.
   * @param first index of the first key, `last` of the last, `step` between keys
   */
  atomically(first: number, last: number, step: number, work: () => void): void {
    this.keyspace.withShards(this.shardNumbers(first, last, step), () => {
      this.useDatabase();
      work();
    });
  }

  /** Shards of several key arguments, ascending. One shard too is locked as a set: `enter` gives a kept lock up now and then. */
  private shardNumbers(first: number, last: number, step: number): readonly number[] {
    if (this.keyspace.shards.length === 1) return ONLY_SHARD;
    const numbers = new Set<number>();
    for (let index = first; index <= last; index += step) numbers.add(this.shardNumber(index));
    return [...numbers].sort((a, b) => a - b);
  }
}
