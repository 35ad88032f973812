/**
 * What commands can ask of the server (ServerPort), in a worker: this thread's clients at once, the rest over the bus from the main thread.
 */

import { Client } from '../commands/client.js';
import type { Command } from '../commands/command.js';
import type { Request } from '../commands/request.js';
import type { ClientFacts, ClientFilter, LatencyEvent, ServerPort, SlowlogEntry } from '../commands/server-port.js';
import type { CommandTable } from '../commands/table.js';
import type { Keyspace } from '../engine/keyspace.js';
import type { Transport } from '../transport/transport.js';
import type { Bus, Handler } from './bus.js';
import type { Config, ConfigChanges } from './config/config.js';
import type { Dispatcher, DispatcherHooks } from './dispatcher.js';
import { CONNECTED, type Statistics, TOTAL_CONNECTIONS } from './statistics.js';
import { NEXT_CLIENT, type WorkerData } from './worker-data.js';

const UNAUTHENTICATED_ARGUMENTS_MAX = 10;
const UNAUTHENTICATED_BULK_BYTES_MAX = 16_384;
const UNAUTHENTICATED_OUTPUT_BYTES_MAX = 1024;
const ARGUMENTS_MAX = 1024 * 1024;

export interface WorkerParts {
  readonly data: WorkerData;
  readonly config: Config;
  readonly keyspace: Keyspace;
  readonly table: CommandTable;
  readonly statistics: Statistics;
  readonly bus: (handlers: Readonly<Record<string, Handler>>) => Bus;
}

/** What the main thread may ask of the composition. */
export interface WorkerActions {
  adopt(fd: number): void;
  listen(options: never): Promise<number>;
  stop(): Promise<void>;
  configChanged(changes: ConfigChanges): void;
}

export class WorkerServer implements ServerPort {
  /** The client of requests that come from nobody. */
  readonly nobody: Client;
  readonly hooks: DispatcherHooks;
  private readonly parts: WorkerParts;
  private readonly shared: Int32Array;
  private dispatcher!: Dispatcher;
  private transport!: Transport;
  private bus!: Bus;

  constructor(parts: WorkerParts) {
    this.parts = parts;
    this.shared = new Int32Array(parts.data.shared);
    this.nobody = new Client(0, 0, parts.data.index, '', '', -1, 0, true);
    this.hooks = {
      log: (level, message) => this.bus.send('log', { level, message }),
      closed: () => this.parts.statistics.add(CONNECTED, -1),
      monitored: () => {},
      slow: () => {},
      mustWait: () => false,
    };
  }

  /** Connects the parts that need each other, and says that this worker serves. */
  start(dispatcher: Dispatcher, transport: Transport, actions: WorkerActions): void {
    this.dispatcher = dispatcher;
    this.transport = transport;
    this.bus = this.parts.bus({
      adopt: actions.adopt as Handler,
      listen: actions.listen as Handler,
      stop: () => actions.stop(),
      configChanged: actions.configChanged as Handler,
      facts: () => {},
    });
    transport.setQueryBufferLimit(this.parts.config.clientQueryBufferLimit);
    this.bus.send('serving');
  }

  /** A connection has been adopted. */
  connected(connection: number): void {
    const id = Atomics.add(this.shared, NEXT_CLIENT, 1) + 1;
    const transport = this.transport;
    const client = new Client(
      id,
      connection,
      this.parts.data.index,
      transport.peerAddress(connection),
      transport.localAddress(connection),
      transport.fd(connection),
      this.parts.keyspace.clock.now,
      this.parts.config.requirepass === '',
    );
    this.dispatcher.clients[connection] = client;
    this.parts.statistics.add(CONNECTED, 1);
    this.parts.statistics.add(TOTAL_CONNECTIONS, 1);
    if (this.parts.config.tcpKeepalive > 0) transport.setKeepAlive(connection, this.parts.config.tcpKeepalive);
    this.clientChanged(client);
  }

  clientChanged(client: Client): void {
    client.updateGate();
    this.transport.arrays.databases[client.connection] = client.database;
    if (client.authenticated) this.transport.setLimits(client.connection, ARGUMENTS_MAX, this.parts.config.protoMaxBulkLen, 0);
    else {
      this.transport.setLimits(
        client.connection,
        UNAUTHENTICATED_ARGUMENTS_MAX,
        UNAUTHENTICATED_BULK_BYTES_MAX,
        UNAUTHENTICATED_OUTPUT_BYTES_MAX,
      );
    }
  }
}
