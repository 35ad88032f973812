/** Memcached's text commands on a cache of a few shards, without a server: lines in, replies out, and a clock that is set by hand. */

import { COMMANDS } from '../../../src/commands/all.js';
import { Client } from '../../../src/commands/client.js';
import { MEMCACHED_COUNTERS } from '../../../src/commands/memcached/counters.js';
import { Request } from '../../../src/commands/request.js';
import type { ServerPort } from '../../../src/commands/server-port.js';
import { TYPE_LIST } from '../../../src/engine/item.js';
import { tendShard } from '../../../src/engine/upkeep.js';
import { TextSplitter } from '../../../src/protocol/memcached/text-splitter.js';
import { ReplyWriter } from '../../../src/protocol/resp/reply.js';
import { FrameState } from '../../../src/protocol/splitter.js';
import { SmallCache } from '../engine/small-cache.js';

const VALUE_BYTES_MAX = 1 << 20;
const LIMITS = { argumentsMax: 1 << 20, bulkBytesMax: VALUE_BYTES_MAX, inlineBytesMax: 1 << 16 };
const TYPE_SHIFT = 26;

export class TextDoor {
  readonly cache: SmallCache;
  readonly counters = new Float64Array(MEMCACHED_COUNTERS);
  readonly reply: ReplyWriter;
  /** What another thread does when a command is about to lock the shard of its key. */
  meanwhile = (): void => {};
  private readonly request: Request;
  private readonly splitter: TextSplitter;
  private readonly commands = new Int32Array(8 * 64);
  private readonly args = new Int32Array(4 * 1024);
  private written = '';

  constructor(options: ConstructorParameters<typeof SmallCache>[0]) {
    this.cache = new SmallCache(options);
    const { keyspace } = this.cache;
    const [k0, k1] = keyspace.control.hashKey;
    this.splitter = new TextSplitter(COMMANDS, k0, k1, keyspace.shards.length);
    this.reply = new ReplyWriter(new Uint8Array(4096), () => this.flush());
    const server = {
      memcachedCounters: this.counters,
      memcachedValueBytesMax: VALUE_BYTES_MAX,
    } as unknown as ServerPort;
    const client = new Client(1, 0, 0, '', '', 0, 0, true);
    this.request = new Request(keyspace, this.reply, server, client, new Uint8Array(0), this.args);
  }

  /** Sends lines, `\n` being `\r\n`, one put behind the last; returns what is answered, in the same form. */
  ask(text: string): string {
    const input = Buffer.from(`${text.replaceAll('\n', '\r\n')}\r\n`, 'latin1');
    const { request, splitter } = this;
    splitter.split(0, new FrameState(), input, 0, input.length, this.commands, 0, this.args, 0, LIMITS);
    request.input = input;
    for (let i = 0; i < splitter.commandCount; i++) {
      const [, id, argc, argBase, , , flags] = this.commands.subarray(8 * i);
      request.argc = argc;
      request.first = argBase * 4;
      request.flags = flags;
      request.useDatabase();
      this.meanwhile();
      COMMANDS.entries[id].run?.(request);
    }
    this.cache.keyspace.leave();
    this.flush();
    const answer = this.written;
    this.written = '';
    return answer.replaceAll('\r\n', '\n').replace(/\n$/, '');
  }

  advance(milliseconds: number): void {
    this.cache.advance(milliseconds);
  }

  /** What upkeep does of itself. */
  tend(): void {
    for (const shard of this.cache.keyspace.shards) tendShard(this.cache.keyspace, shard);
  }

  /** Makes a list of a key's item. No command makes one yet. */
  makeList(key: string): void {
    const item = this.cache.find(key);
    const { words } = this.cache.at(key).shard;
    words[item >>> 2] = (words[item >>> 2] & ~(7 << TYPE_SHIFT)) | (TYPE_LIST << TYPE_SHIFT);
    this.cache.keyspace.leave();
  }

  private flush(): void {
    this.written += Buffer.from(this.reply.bytes.subarray(0, this.reply.position)).toString('latin1');
    this.reply.position = 0;
  }
}
