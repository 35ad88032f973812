/**
 * The doors of a cache in an application. The server is loaded when a door is opened: the library does not depend on it.
 */

import type { Keyspace } from '../engine/keyspace.js';
import type { Attachment } from './attachment.js';

export interface ListenOptions {
  /** TCP port of the Redis door; 0, the default, takes a free one. */
  port?: number;
  /** TCP port of the Memcached door, 0 = a free one; left out, there is no such door. */
  memcachedPort?: number;
  /** Address; default 127.0.0.1. */
  host?: string;
  /** Paths of unix sockets to listen on as well, for Redis clients and for Memcached clients. */
  path?: string;
  memcachedPath?: string;
  /** Worker threads that serve; default 1. */
  threads?: number;
  /** Password that clients must give. */
  password?: string;
}

export interface Door {
  /** TCP port of the Redis door. */
  readonly port: number;
  /** TCP port of the Memcached door, 0 = there is none. */
  readonly memcachedPort: number;
  /** Stops serving; the cache stays. */
  close(): Promise<void>;
}

/** What this library knows of the server. */
interface Embedded {
  listenOn(keyspace: Keyspace, options: ListenOptions): Promise<Door>;
}

const EMBEDDED = '../server/embedded.js';

/** Opens the doors that are asked for. They hold the attachment until they are closed, whatever becomes of the object that opened them. */
export async function openDoor(attachment: Attachment, options: ListenOptions): Promise<Door> {
  attachment.hold();
  try {
    const { listenOn } = (await import(EMBEDDED)) as Embedded;
    const door = await listenOn(attachment.keyspace, options);
    let closing: Promise<void> | undefined;
    return {
      port: door.port,
      memcachedPort: door.memcachedPort,
      close: () => {
        closing ??= door.close().finally(() => attachment.release());
        return closing;
      },
    };
  } catch (error) {
    attachment.release();
    throw error;
  }
}
