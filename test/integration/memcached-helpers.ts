/** A server with both doors open, and what was opened to it: for the tests of the Memcached door. */

import type { RespClient } from '../conformance/resp-client.js';
import { freePort, RunningServer } from '../conformance/servers.js';
import { MemcachedWire } from './memcached-wire.js';

/** Ways in which the same server is run: with the native core where there is one, and without. */
export const TRANSPORTS: readonly (readonly [name: string, args: readonly string[]])[] = [
  ['native core', []],
  ['Node streams', ['--native', 'off']],
];

export class TwoDoors {
  readonly server: RunningServer;
  readonly memcachedPort: number;
  private readonly opened: { close(): void }[] = [];

  private constructor(server: RunningServer, memcachedPort: number) {
    this.server = server;
    this.memcachedPort = memcachedPort;
  }

  static async start(...args: string[]): Promise<TwoDoors> {
    const port = await freePort();
    return new TwoDoors(await RunningServer.start('ashlar', ['--memcached-port', String(port), ...args]), port);
  }

  /** A Redis client. */
  async redis(): Promise<RespClient> {
    const client = await this.server.open();
    this.opened.push(client);
    return client;
  }

  /** A Memcached client, through the port or through a unix socket. */
  async memcached(path?: string): Promise<MemcachedWire> {
    const wire = await MemcachedWire.open(path ?? this.memcachedPort);
    this.opened.push(wire);
    return wire;
  }

  async stop(): Promise<void> {
    for (const client of this.opened.splice(0)) client.close();
    await this.server.stop();
  }
}
