/**
 * The dispatcher: takes the descriptors of a batch, runs each command's function, and hands the replies to the transport.
 *
 * The hot path is `onBatch` → `execute` → the command's function: no allocation, one call through the table. What is not
 * ordinary (authentication, CLIENT REPLY, CLIENT PAUSE, MONITOR, exact timing) sets a bit in the client's or the worker's `gate`, and such commands
 * take `executeGuarded` instead.
 *
 * Replies of a connection lie side by side in the output arena, because its commands do in the batch: one segment for each connection.
 * When the arena is full in the middle of a reply, what is there is flushed and the arena is used from its start again.
 *
 * Time is read twice a batch; a command that is not `fast` is timed by itself, and the others share what is left of the batch.
 */

import { performance } from 'node:perf_hooks';
import {
  CLOSE_AFTER_REPLY,
  CLOSE_NO,
  CLOSE_NOW,
  type Client,
  REPLY_ON,
  REPLY_SKIP,
  REPLY_SKIP_NEXT,
} from '../commands/client.js';
import type { Answer, RunAsync } from '../commands/command.js';
import { NOAUTH, wrongArity } from '../commands/replies.js';
import { Request } from '../commands/request.js';
import type { ServerPort } from '../commands/server-port.js';
import type { CommandTable, TableEntry } from '../commands/table.js';
import type { Keyspace } from '../engine/keyspace.js';
import { COMMAND_WORDS, EVENT_CLOSED, EVENT_PROTOCOL_ERROR, SPEAKS_RESP } from '../protocol/descriptors.js';
import { ReplyWriter } from '../protocol/resp/reply.js';
import type { Transport } from '../transport/transport.js';
import { CallRuns } from './call-runs.js';
import { HotKeySampler } from './hot-keys.js';
import { MemcachedRefusals } from './memcached-refusals.js';
import { PostponedCommand } from './postponed.js';
import { httpWarning, isHttp, protocolError, unknownCommand, unknownSubcommand } from './refusals.js';
import {
  BLOCKED,
  BUSY_MICROSECONDS,
  EVENT_LOOP_TURNS,
  MEMCACHED_BYTES_IN,
  MEMCACHED_BYTES_OUT,
  PROTOCOL_ERRORS,
  type Statistics,
  TOTAL_COMMANDS,
  TOTAL_ERRORS,
  UNKNOWN_COMMANDS,
} from './statistics.js';

const WORDS = COMMAND_WORDS;
const SEGMENT_WORDS = 3;
/** How long a closing connection may take to read its last replies. */
const LINGER_MS = 5000;
/** Time between two warnings of the same. */
const WARNING_INTERVAL_MS = 60_000;

/** A threshold that no request and no reply comes up to. */
export const NEVER_LARGE = 0x7fffffff;

/** Bits of the worker's gate. */
export const GATE_PAUSED = 1;
export const GATE_MONITORED = 2;
export const GATE_TIMED = 4;

/** What the dispatcher tells the worker. */
export interface DispatcherHooks {
  readonly log: (level: 'warn' | 'error', message: string) => void;
  /** A connection is gone; `client` is no longer in the table. */
  closed(client: Client, reason: number): void;
  /** The command is about to run and somebody watches. */
  monitored(request: Request, command: TableEntry): void;
  /** A command took this long, and the slowlog or the latency monitor may want it. */
  slow(request: Request, command: TableEntry, microseconds: number): void;
  /** The request (`request.bytes`) or the reply of a command came up to the threshold of its log. */
  large(request: Request, command: TableEntry, replyBytes: number): void;
  /** Whether the command must wait for the end of CLIENT PAUSE. */
  mustWait(command: TableEntry): boolean;
}

export class Dispatcher {
  /** Clients by connection slot. */
  readonly clients: (Client | undefined)[] = [];
  readonly request: Request;
  readonly reply: ReplyWriter;
  readonly hotKeys: HotKeySampler;
  /** GATE_ bits: not zero when commands of every connection take the slow path. */
  gate = 0;
  /** Microseconds from which a command is reported to `slow`; negative = never. */
  slowMicroseconds = -1;
  /** Bytes from which a request or a reply is reported to `large`. */
  largeRequestBytes = NEVER_LARGE;
  largeReplyBytes = NEVER_LARGE;
  /** Whether an argument that is too large is so for the memory that there is. */
  memoryBoundsArguments = false;
  /** Commands that have begun and will answer later. */
  unanswered = 0;
  private readonly keyspace: Keyspace;
  private readonly transport: Transport;
  private readonly statistics: Statistics;
  private readonly hooks: DispatcherHooks;
  private readonly memcached: MemcachedRefusals;
  private readonly table: CommandTable;
  private readonly entries: readonly TableEntry[];
  private readonly runs: ((request: Request) => void)[];
  private readonly minArgs: Int32Array;
  private readonly maxArgs: Int32Array;
  /** 1 for commands that are timed by themselves. */
  private readonly timed: Uint8Array;
  /** 1 for commands that answer later: they are counted when they have. */
  private readonly later: Uint8Array;
  private postponed: PostponedCommand[] = [];
  /** When it was logged that somebody speaks HTTP. */
  private warnedOfHttp = 0;
  // The batch that is being worked on.
  private client: Client | undefined;
  private segments = 0;
  private segmentStart = 0;
  private frameEnd = 0;
  /** Bytes of the batch's replies that the arena has been emptied of. */
  private flushed = 0;
  private measured = 0;
  private rejected = 0;
  private readonly fast: CallRuns;

  constructor(
    keyspace: Keyspace,
    table: CommandTable,
    transport: Transport,
    statistics: Statistics,
    server: ServerPort,
    hooks: DispatcherHooks,
    nobody: Client,
  ) {
    this.keyspace = keyspace;
    this.transport = transport;
    this.statistics = statistics;
    this.hooks = hooks;
    this.table = table;
    this.entries = table.entries;
    this.reply = new ReplyWriter(transport.arrays.output, () => this.makeRoom());
    this.request = new Request(keyspace, this.reply, server, nobody, transport.input, transport.args);
    this.runs = table.entries.map((entry) => this.runOf(entry));
    this.hotKeys = new HotKeySampler(table.entries, keyspace.clock, keyspace.random);
    // No number of arguments suits a container, so that looking for its subcommand is off the hot path.
    this.fast = new CallRuns(statistics);
    this.memcached = new MemcachedRefusals(this.request);
    this.minArgs = Int32Array.from(table.entries, (entry) => (isContainer(entry) ? 0x7fffffff : Math.abs(entry.arity)));
    this.maxArgs = Int32Array.from(table.entries, (entry) => (entry.arity < 0 ? 0x7fffffff : entry.arity));
    this.timed = Uint8Array.from(table.entries, ({ flags, command }) =>
      flags.includes('fast') || command.shareTime === true ? 0 : 1,
    );
    this.later = Uint8Array.from(table.entries, ({ runAsync }) => (runAsync === undefined ? 0 : 1));
  }

  // ---------------------------------------------------------------------------------------------- the batch

  /** Executes a batch and sends its replies. */
  onBatch(count: number): void {
    const descriptors = this.transport.arrays.commands;
    const request = this.request;
    const reply = this.reply;
    const begin = performance.now();
    this.keyspace.clock.tick();
    request.input = this.transport.input;
    request.args = this.transport.args;
    this.begin();
    this.hotKeys.left -= count;
    if (this.hotKeys.left <= 0) this.hotKeys.sample(descriptors, count, request.args, request.input, this.clients);
    let connection = -1;
    let client: Client | undefined;
    let total = 0;
    let { flushed } = this;
    for (let at = 0, end = count * WORDS; at < end; at += WORDS) {
      if (descriptors[at] !== connection) {
        connection = descriptors[at];
        client = this.switchTo(this.clients[connection]);
      }
      if (client === undefined) continue;
      const id = descriptors[at + 1];
      if (id === EVENT_CLOSED) {
        this.forget(client, descriptors[at + 2]);
        client = undefined;
        continue;
      }
      if (client.suspended || client.closing !== CLOSE_NO) continue;
      this.frameEnd = descriptors[at + 5];
      const bytes = this.frameEnd - descriptors[at + 4];
      client.bytesIn += bytes;
      client.commands++;
      total++;
      this.keyspace.yield();
      request.first = descriptors[at + 3] << 2;
      request.argc = descriptors[at + 2];
      request.flags = descriptors[at + 6];
      request.bytes = bytes;
      if (id >= 0) {
        const { authenticated } = client;
        const written = this.flushed + reply.position;
        this.execute(id, client);
        const replyBytes = this.flushed + reply.position - written;
        if (bytes >= this.largeRequestBytes || replyBytes >= this.largeReplyBytes) {
          // Whoever was not let in yet cannot fill the logs, and a password that a Memcached client gives in a `set` is in none.
          if (authenticated) this.reportLarge(client, replyBytes);
        }
      } else this.executeOdd(id, client, descriptors[at + 2], descriptors[at + 3]);
      if (this.flushed === flushed) continue;
      flushed = this.flushed;
      // Whoever does not read its replies does not get more of them: the rest of its requests waits.
      if (this.transport.hold(connection, this.frameEnd)) client = undefined;
    }
    const microseconds = (performance.now() - begin) * 1000;
    this.end();
    this.statistics.add(TOTAL_COMMANDS, total - this.rejected);
    this.statistics.add(EVENT_LOOP_TURNS, 1);
    this.statistics.add(BUSY_MICROSECONDS, microseconds);
    this.reportSlow(total, microseconds);
    // Each took its share of the time that was not measured by itself.
    this.fast.count(total === 0 ? 0 : Math.max(0, microseconds - this.measured) / total);
  }

  /** A fast command that was alone in its batch has been timed by itself after all. */
  private reportSlow(commands: number, microseconds: number): void {
    if (commands !== 1 || this.fast.length !== 1 || this.slowMicroseconds < 0 || microseconds < this.slowMicroseconds)
      return;
    this.hooks.slow(this.request, this.entries[this.fast.first], microseconds);
  }

  /** What waits for the end of CLIENT PAUSE is reported when it has run. */
  private reportLarge(client: Client, replyBytes: number): void {
    if (client.postponed || client.lastCommand < 0) return;
    this.hooks.large(this.request, this.entries[client.lastCommand], replyBytes);
  }

  private execute(id: number, client: Client): void {
    const request = this.request;
    if (request.argc < this.minArgs[id] || request.argc > this.maxArgs[id]) {
      this.executeSubcommand(id, client);
      return;
    }
    client.lastCommand = id;
    if ((client.gate | this.gate) !== 0) {
      this.executeGuarded(id, client);
      return;
    }
    if (this.timed[id] === 1) {
      this.executeTimed(id);
      return;
    }
    const errors = this.reply.errors;
    this.runs[id](request);
    if (this.reply.errors !== errors) this.countError(id);
    this.fast.note(id);
    if (client.closing !== CLOSE_NO) this.closeAfterReply(client);
  }

  /** A container's subcommand; or a wrong number of arguments. */
  private executeSubcommand(id: number, client: Client): void {
    const entry = this.entries[id];
    const request = this.request;
    client.lastCommand = id;
    if (entry.protocol !== 'resp') {
      if (client.authenticated) this.rejectMemcached(id, () => this.memcached.wrongArity(entry));
      else this.rejectMemcached(id, () => this.memcached.unauthenticated(entry));
      return;
    }
    if (!isContainer(entry) || request.argc < Math.abs(entry.arity)) {
      this.rejectGuarded(id, client, wrongArity(entry.name));
      return;
    }
    if (request.argc === 1) {
      this.executeGuarded(id, client);
      return;
    }
    const subcommand = this.table.subcommandId(id, request);
    if (subcommand >= 0) {
      this.execute(subcommand, client);
      return;
    }
    client.lastCommand = -1;
    this.rejectGuarded(-1, client, unknownSubcommand(entry.name, request));
  }

  /** Runs a command between two looks at the clock. */
  private executeTimed(id: number): void {
    const request = this.request;
    const client = request.client;
    const begin = performance.now();
    const errors = this.reply.errors;
    this.runs[id](request);
    const microseconds = (performance.now() - begin) * 1000;
    this.measured += microseconds;
    if (this.later[id] === 0) this.statistics.countCall(id, microseconds);
    if (this.reply.errors !== errors) this.countError(id);
    if (this.slowMicroseconds >= 0 && microseconds >= this.slowMicroseconds)
      this.hooks.slow(request, this.entries[id], microseconds);
    if (client.closing !== CLOSE_NO) this.closeAfterReply(client);
  }

  /** Everything that a command can meet before it runs. */
  private executeGuarded(id: number, client: Client): void {
    const command = this.entries[id];
    if (!client.authenticated && !command.flags.includes('no_auth')) {
      if (command.protocol === 'resp') this.reject(id, NOAUTH);
      else this.rejectMemcached(id, () => this.memcached.unauthenticated(command));
      return;
    }
    if ((this.gate & GATE_PAUSED) !== 0 && this.hooks.mustWait(command)) {
      this.postpone(id, client);
      return;
    }
    if ((this.gate & GATE_MONITORED) !== 0) this.hooks.monitored(this.request, command);
    this.muteIfWanted(client);
    this.executeTimed(id);
    this.unmute(client);
  }

  /** CLIENT REPLY: the reply that comes now may be one that is not to be sent. */
  private muteIfWanted(client: Client): void {
    if (client.replyMode === REPLY_SKIP_NEXT) client.replyMode = REPLY_SKIP;
    this.reply.mute = client.replyMode !== REPLY_ON;
  }

  private unmute(client: Client): void {
    this.reply.mute = false;
    if (client.replyMode !== REPLY_SKIP) return;
    client.replyMode = REPLY_ON;
    client.updateGate();
  }

  /** Unknown commands and protocol errors. */
  private executeOdd(id: number, client: Client, detail: number, extra: number): void {
    if (id === EVENT_PROTOCOL_ERROR) {
      this.statistics.add(PROTOCOL_ERRORS, 1);
      if (client.speaks === SPEAKS_RESP) this.reply.error(protocolError(detail, extra, this.memoryBoundsArguments));
      else this.memcached.protocolError(detail);
      client.closing = CLOSE_AFTER_REPLY;
      this.closeAfterReply(client);
      return;
    }
    this.statistics.add(UNKNOWN_COMMANDS, 1);
    client.lastCommand = -1;
    if (isHttp(this.request)) this.hangUp(client);
    else this.rejectGuarded(-1, client, unknownCommand(this.request));
  }

  private hangUp(client: Client): void {
    const { now } = this.keyspace.clock;
    // Not each time: an attacker could fill the disk with our warnings.
    if (now - this.warnedOfHttp > WARNING_INTERVAL_MS) this.hooks.log('warn', httpWarning(client.address));
    this.warnedOfHttp = now;
    client.closing = CLOSE_NOW;
    this.closeAfterReply(client);
  }

  // ---------------------------------------------------------------------------------------------- replies and segments

  private begin(): void {
    this.reply.position = 0;
    this.segments = 0;
    this.segmentStart = 0;
    this.flushed = 0;
    this.measured = 0;
    this.rejected = 0;
    this.client = undefined;
  }

  private end(): void {
    this.switchTo(undefined);
    this.keyspace.leave();
    if (this.segments > 0) this.transport.flush(this.segments);
    this.reply.position = 0;
    this.segments = 0;
  }

  /** The next commands are this client's. */
  private switchTo(client: Client | undefined): Client | undefined {
    this.cutSegment();
    if (this.client !== undefined && this.client.speaks !== SPEAKS_RESP) this.countMemcachedInput(this.client);
    this.client = client;
    if (client === undefined) return undefined;
    const request = this.request;
    request.client = client;
    request.useDatabase();
    this.reply.protocol = client.protocol;
    client.lastInteraction = this.keyspace.clock.now;
    return client;
  }

  /** Ends the segment of the current client at the writer's position. */
  private cutSegment(): void {
    const position = this.reply.position;
    const client = this.client;
    if (client !== undefined && position > this.segmentStart) {
      const segments = this.transport.arrays.segments;
      const at = this.segments * SEGMENT_WORDS;
      segments[at] = client.connection;
      segments[at + 1] = this.segmentStart;
      segments[at + 2] = position;
      client.bytesOut += position - this.segmentStart;
      if (client.speaks !== SPEAKS_RESP) this.statistics.add(MEMCACHED_BYTES_OUT, position - this.segmentStart);
      this.segments++;
      if (at + 2 * SEGMENT_WORDS > segments.length) this.flushArena();
    }
    this.segmentStart = this.reply.position;
  }

  /** Called by the writer when the arena is full. */
  private makeRoom(): void {
    this.cutSegment();
    this.flushArena();
  }

  private flushArena(): void {
    this.transport.flush(this.segments);
    this.flushed += this.reply.position;
    this.segments = 0;
    this.segmentStart = 0;
    this.reply.position = 0;
  }

  // ---------------------------------------------------------------------------------------------- clients

  /** Closes a client after what it was answered so far. */
  private closeAfterReply(client: Client): void {
    const now = client.closing === CLOSE_NOW;
    if (!now) {
      this.cutSegment();
      if (this.segments > 0) this.flushArena();
    }
    this.transport.close(client.connection, now ? 0 : LINGER_MS);
  }

  /** Sends commands of every connection the slow way, or no longer, for one reason: a GATE_ bit. */
  setGate(bit: number, on: boolean): void {
    this.gate = on ? this.gate | bit : this.gate & ~bit;
  }

  /** Closes a client from outside of a command. */
  kill(client: Client): void {
    if (client.closing === CLOSE_NOW) return;
    client.closing = CLOSE_NOW;
    this.transport.close(client.connection, 0);
  }

  private forget(client: Client, reason: number): void {
    this.client = undefined;
    this.segmentStart = this.reply.position;
    this.clients[client.connection] = undefined;
    if (client.speaks !== SPEAKS_RESP) this.countMemcachedInput(client);
    if (client.postponed) this.statistics.add(BLOCKED, -1);
    client.closing = CLOSE_NOW;
    this.hooks.closed(client, reason);
  }

  // ---------------------------------------------------------------------------------------------- commands that answer later

  private runOf({ id, run, runAsync }: TableEntry): (request: Request) => void {
    if (run !== undefined) return run;
    return (request) => {
      if (runAsync !== undefined) this.start(id, runAsync, request);
    };
  }

  /** Begins a command that answers later: the client is suspended until it has. */
  private start(id: number, run: RunAsync, request: Request): void {
    const client = request.client;
    const muted = this.reply.mute;
    const begin = performance.now();
    this.suspend(client);
    this.unanswered++;
    const finish = (answer: Answer): void => {
      this.unanswered--;
      this.statistics.countCall(id, (performance.now() - begin) * 1000);
      this.answer(id, client, muted, answer);
    };
    const entry = this.entries[id];
    const header = this.memcached.headerOf(entry);
    run(request).then(finish, (error: Error) => {
      this.hooks.log('error', `a command failed: ${error.stack}`);
      if (entry.protocol === 'resp') finish((reply) => reply.error(`ERR internal error: ${error.message}`));
      else finish(() => this.memcached.internalError(entry, header));
    });
  }

  private suspend(client: Client): void {
    client.suspended = true;
    this.transport.suspend(client.connection, this.frameEnd);
  }

  /** Writes a late reply and lets the client go on. */
  private answer(id: number, client: Client, muted: boolean, answer: Answer): void {
    if (this.clients[client.connection] !== client || client.closing === CLOSE_NOW) return;
    client.suspended = false;
    this.outside(client, () => {
      const errors = this.reply.errors;
      this.reply.mute = muted;
      answer(this.reply);
      this.reply.mute = false;
      if (this.reply.errors !== errors) this.countError(id);
      if (client.closing !== CLOSE_NO) this.closeAfterReply(client);
    });
    if (client.closing === CLOSE_NO) this.transport.resume(client.connection);
  }

  /** Writes to a client outside of a batch: a late reply, a monitor's line. */
  outside(client: Client, write: () => void): void {
    if (this.clients[client.connection] !== client) return;
    this.begin();
    this.switchTo(client);
    write();
    this.end();
  }

  // ---------------------------------------------------------------------------------------------- CLIENT PAUSE

  private postpone(id: number, client: Client): void {
    this.postponed.push(new PostponedCommand(id, this.request));
    client.postponed = true;
    this.statistics.add(BLOCKED, 1);
    this.suspend(client);
  }

  /** Runs what waited for the end of CLIENT PAUSE. */
  unpause(): void {
    const postponed = this.postponed;
    this.postponed = [];
    for (const waiting of postponed) {
      const client = waiting.client;
      if (this.clients[client.connection] !== client || client.closing !== CLOSE_NO) continue;
      client.suspended = false;
      client.postponed = false;
      this.statistics.add(BLOCKED, -1);
      this.outside(client, () => {
        waiting.restore(this.request);
        this.keyspace.clock.tick();
        const written = this.reply.position;
        this.execute(waiting.id, client);
        const replyBytes = this.flushed + this.reply.position - written;
        const { largeRequestBytes, largeReplyBytes } = this;
        if (this.request.bytes >= largeRequestBytes || replyBytes >= largeReplyBytes)
          this.reportLarge(client, replyBytes);
      });
      if (!client.suspended && client.closing === CLOSE_NO) this.transport.resume(client.connection);
    }
  }

  // ---------------------------------------------------------------------------------------------- counting

  private reject(id: number, text: string): void {
    this.rejected++;
    this.reply.error(text);
    if (id >= 0) this.statistics.countRejected(id);
    this.statistics.countErrorText(text);
    this.statistics.add(TOTAL_ERRORS, 1);
  }

  /** Counts what a Memcached client is refused: the errors in it, and the command. */
  private rejectMemcached(id: number, refuse: () => void): void {
    const { errors } = this.reply;
    const { client } = this.request;
    refuse();
    if (this.reply.errors !== errors) {
      this.rejected++;
      this.statistics.countRejected(id);
      this.statistics.countErrorText(this.reply.lastError);
      this.statistics.add(TOTAL_ERRORS, 1);
    }
    if (client.closing !== CLOSE_NO) this.closeAfterReply(client);
  }

  /** Refuses a command that did not come as far as `executeGuarded`, where replies may be off. */
  private rejectGuarded(id: number, client: Client, text: string): void {
    this.muteIfWanted(client);
    this.reject(id, text);
    this.unmute(client);
  }

  private countError(id: number): void {
    this.statistics.countFailed(id);
    this.statistics.countErrorText(this.reply.lastError);
    this.statistics.add(TOTAL_ERRORS, 1);
  }

  private countMemcachedInput(client: Client): void {
    this.statistics.add(MEMCACHED_BYTES_IN, client.bytesIn - client.bytesInCounted);
    client.bytesInCounted = client.bytesIn;
  }
}

function isContainer(entry: TableEntry): boolean {
  return entry.command.subcommands !== undefined && entry.subcommand === undefined;
}
