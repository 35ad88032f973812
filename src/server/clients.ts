/**
 * The clients of this worker: what CLIENT LIST shows of them, and who must go: killed, idle for too long, or too slow a reader.
 *
 * Limits that hold at any moment (the hard limit on pending output, the size of a frame) are the transport's; what takes time to
 * be true is looked at here, ten times a second.
 */

import { CLOSE_NO, CLOSE_NOW, Client } from '../commands/client.js';
import type { ClientFacts, ClientFilter } from '../commands/server-port.js';
import type { CommandTable } from '../commands/table.js';
import {
  SPEAKS_MEMCACHED,
  SPEAKS_MEMCACHED_BINARY,
  SPEAKS_MEMCACHED_TEXT,
  SPEAKS_RESP,
} from '../protocol/descriptors.js';
import type { Transport } from '../transport/transport.js';
import type { Config } from './config/config.js';
import type { OutputLimit } from './config/values.js';
import { argumentBytesMax, CLIENT_BYTES, clientBytesMax } from './memory-limits.js';

/** Limits of connections that have not given their password yet. */
const UNAUTHENTICATED_ARGUMENTS_MAX = 10;
const UNAUTHENTICATED_BULK_BYTES_MAX = 16_384;
const UNAUTHENTICATED_OUTPUT_BYTES_MAX = 1024;
const ARGUMENTS_MAX = 1024 * 1024;

/** What `Clients` asks of the dispatcher. */
export interface ClientHolder {
  readonly clients: (Client | undefined)[];
  kill(client: Client): void;
}

/** A client, and bytes that it takes. */
export interface SizedClient {
  readonly client: Client;
  readonly bytes: number;
}

export class Clients {
  private readonly config: Config;
  private readonly table: CommandTable;
  private readonly holder: ClientHolder;
  private readonly transport: Transport;
  /** Clients above the soft limit of pending output, and since when. */
  private aboveSoftLimit = new Map<Client, number>();

  constructor(config: Config, table: CommandTable, holder: ClientHolder, transport: Transport) {
    this.config = config;
    this.table = table;
    this.holder = holder;
    this.transport = transport;
  }

  /** Clients that are not on their way out. */
  get open(): Client[] {
    return this.holder.clients.filter(
      (client): client is Client => client !== undefined && client.closing === CLOSE_NO,
    );
  }

  /** What CLIENT LIST shows of a client. */
  facts(client: Client, now: number): ClientFacts {
    const pendingInput = this.transport.pendingInput(client.connection);
    const pendingOutput = this.transport.pendingOutput(client.connection);
    return {
      id: client.id,
      address: client.address,
      localAddress: client.localAddress,
      fd: client.fd,
      worker: client.worker,
      name: client.name,
      user: client.user,
      database: client.database,
      protocol: client.speaks === SPEAKS_RESP ? client.protocol : 0,
      speaks: this.speaks(client),
      libraryName: client.libraryName,
      libraryVersion: client.libraryVersion,
      ageSeconds: age(client, now),
      idleSeconds: Math.max(0, Math.floor(now / 1000) - Math.floor(client.lastInteraction / 1000)),
      flags: this.flags(client),
      pendingInput,
      pendingOutput,
      memory: this.memoryOf(client),
      command: client.lastCommand < 0 ? 'NULL' : this.table.entries[client.lastCommand].name,
      bytesIn: client.bytesIn,
      bytesOut: client.bytesOut,
      commands: client.commands,
    };
  }

  /** A door that takes both protocols of Memcached is told by the first command which of them it is. */
  private speaks({ speaks, lastCommand }: Client): number {
    if (speaks !== SPEAKS_MEMCACHED || lastCommand < 0) return speaks;
    return this.table.entries[lastCommand].protocol === 'binary' ? SPEAKS_MEMCACHED_BINARY : SPEAKS_MEMCACHED_TEXT;
  }

  private flags(client: Client): string {
    const letters = [
      client.monitor ? 'O' : '',
      client.postponed ? 'b' : '',
      client.unixSocket ? 'U' : '',
      client.noEvict ? 'e' : '',
      client.noTouch ? 'T' : '',
    ].join('');
    return letters === '' ? 'N' : letters;
  }

  matching(filter: ClientFilter, now: number): Client[] {
    return this.open.filter((client) => matches(client, filter, now));
  }

  /** Closes the clients that match, except for `self`. @returns how many matched, and whether `self` did */
  kill(filter: ClientFilter, selfId: number, now: number): { killed: number; self: boolean } {
    const found = this.matching(filter, now);
    for (const client of found) if (client.id !== selfId) this.holder.kill(client);
    return { killed: found.length, self: found.some((client) => client.id === selfId) };
  }

  /** Makes the client of a connection that has come. Redis shows a unix socket by its path, with a port of 0, for both ends. */
  introduce(id: number, connection: number, worker: number, speaks: number): Client {
    const { transport, config } = this;
    const peer = transport.peerAddress(connection);
    const unix = !/:\d+$/.test(peer);
    const path = speaks === SPEAKS_RESP ? config.unixsocket : config.memcachedUnixsocket;
    const address = unix ? `${path}:0` : peer;
    const local = unix ? address : transport.localAddress(connection);
    const open = config.requirepass === '';
    const client = new Client(id, connection, worker, address, local, transport.fd(connection), Date.now(), open);
    client.unixSocket = unix;
    client.speaks = speaks;
    return client;
  }

  // ---------------------------------------------------------------------------------------------- limits

  /** Tells the transport what a client may send and leave unread. */
  applyLimits(client: Client): void {
    const { transport, config } = this;
    if (!client.authenticated) {
      const [args, bulk, output] = [
        UNAUTHENTICATED_ARGUMENTS_MAX,
        UNAUTHENTICATED_BULK_BYTES_MAX,
        UNAUTHENTICATED_OUTPUT_BYTES_MAX,
      ];
      transport.setLimits(client.connection, args, bulk, output);
      return;
    }
    const most = client.speaks === SPEAKS_RESP ? config.protoMaxBulkLen : config.memcachedItemSizeMax;
    const valueBytesMax = Math.min(most, argumentBytesMax(config));
    transport.setLimits(client.connection, ARGUMENTS_MAX, valueBytesMax, this.outputLimit(client).hardBytes);
  }

  /**
   * A monitor is fed without asking, as a subscriber is, and has a subscriber's limits. (In Redis it has those of a normal client: none,
   * so that one that does not read fills the memory.)
   */
  private outputLimit(client: Client): OutputLimit {
    return this.config.clientOutputBufferLimit[client.monitor ? 'pubsub' : 'normal'];
  }

  /** Closes clients that have been above the soft limit for too long. @returns how many */
  closeSlowReaders(now: number): number {
    const before = this.aboveSoftLimit;
    this.aboveSoftLimit = new Map();
    let closed = 0;
    for (const client of this.open) {
      const { softBytes, softSeconds } = this.outputLimit(client);
      if (softBytes === 0 || this.transport.pendingOutput(client.connection) < softBytes) continue;
      const since = before.get(client) ?? now;
      if (now - since < softSeconds * 1000) {
        this.aboveSoftLimit.set(client, since);
        continue;
      }
      this.holder.kill(client);
      closed++;
    }
    return closed;
  }

  /** Nobody has anything pending. */
  noSlowReaders(): void {
    this.aboveSoftLimit.clear();
  }

  close(client: Client): void {
    this.holder.kill(client);
  }

  /** Closes clients that have asked nothing for `timeout` seconds. @returns how many */
  closeIdle(now: number): number {
    const limit = this.config.timeout * 1000;
    if (limit === 0) return 0;
    const idle = this.open.filter(
      (client) => !client.monitor && !client.suspended && now - client.lastInteraction > limit,
    );
    for (const client of idle) this.holder.kill(client);
    return idle.length;
  }

  /** Bytes that a client takes. */
  memoryOf(client: Client): number {
    return CLIENT_BYTES + this.transport.buffers(client.connection);
  }

  /**
   * The clients that may be closed for the memory that they take, largest first; those included that are read their last replies. CLIENT NO-EVICT does not
   * spare one that takes more by itself than all may: a single request can ask for a reply of any size.
   */
  bySize(): SizedClient[] {
    const all = clientBytesMax(this.config);
    return this.holder.clients
      .filter((client): client is Client => client !== undefined && client.closing !== CLOSE_NOW)
      .map((client) => ({ client, bytes: this.memoryOf(client) }))
      .filter(({ client, bytes }) => !client.noEvict || (all > 0 && bytes > all))
      .sort((a, b) => b.bytes - a.bytes);
  }
}

/** Seconds since a client came, as Redis counts them: turns of the second. */
function age(client: Client, now: number): number {
  return Math.floor(now / 1000) - Math.floor(client.createdAt / 1000);
}

function matches(client: Client, filter: ClientFilter, now: number): boolean {
  if (filter.ids !== undefined && !filter.ids.includes(client.id)) return false;
  if (filter.address !== undefined && filter.address !== client.address) return false;
  if (filter.localAddress !== undefined && filter.localAddress !== client.localAddress) return false;
  if (filter.user !== undefined && filter.user !== client.user) return false;
  if (filter.memcached === true && client.speaks === SPEAKS_RESP) return false;
  if (filter.type !== undefined && filter.type !== 'normal') return false;
  if (filter.maxAge !== undefined && age(client, now) < filter.maxAge) return false;
  return filter.exceptId !== client.id;
}
