/**
 * The Redis door of a cache in an application. The server is loaded when a door is opened: the library does not depend on it.
 */

import type { Keyspace } from '../engine/keyspace.js';
import type { Attachment } from './attachment.js';

export interface ListenOptions {
  /** TCP port; 0, the default, takes a free one. */
  port?: number;
  /** Address; default 127.0.0.1. */
  host?: string;
  /** Path of a unix socket to listen on as well. */
  path?: string;
  /** Worker threads that serve; default 1. */
  threads?: number;
  /** Password that clients must give. */
  password?: string;
}

export interface Door {
  /** TCP port. */
  readonly port: number;
  /** Stops serving; the cache stays. */
  close(): Promise<void>;
}

/** What this library knows of the server. */
interface Embedded {
  listenOn(keyspace: Keyspace, options: ListenOptions): Promise<Door>;
}

const EMBEDDED = '../server/embedded.js';

/** Opens the door. It holds the attachment until it is closed, whatever becomes of the object that opened it. */
export async function openDoor(attachment: Attachment, options: ListenOptions): Promise<Door> {
  attachment.hold();
  try {
    const { listenOn } = (await import(EMBEDDED)) as Embedded;
    const door = await listenOn(attachment.keyspace, options);
    let closing: Promise<void> | undefined;
    return {
      port: door.port,
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
