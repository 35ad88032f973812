/**
 * What the server knows of one connection: the state that commands read and change.
 */

import { SPEAKS_RESP } from '../protocol/descriptors.js';

/** CLIENT REPLY. */
export const REPLY_ON = 0;
export const REPLY_OFF = 1;
/** The reply of the next command is left out. */
export const REPLY_SKIP_NEXT = 2;
/** The reply of this command is left out. */
export const REPLY_SKIP = 3;

/** Why the connection is to be closed after its command's reply. */
export const CLOSE_NO = 0;
export const CLOSE_AFTER_REPLY = 1;
/** At once, nothing more is sent. */
export const CLOSE_NOW = 2;

export class Client {
  /** Unique in the process, never used again. */
  readonly id: number;
  /** Slot number in the worker's transport. */
  readonly connection: number;
  readonly address: string;
  readonly localAddress: string;
  readonly fd: number;
  /** What the connection's door lets it speak: SPEAKS_RESP, SPEAKS_MEMCACHED, ... Set when the connection comes. */
  speaks = SPEAKS_RESP;
  /** Connected to the unix socket. */
  unixSocket = false;
  /** Worker that serves it. */
  readonly worker: number;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  /** Logical database. */
  database = 0;
  /** RESP version: 2 or 3. */
  protocol: 2 | 3 = 2;
  authenticated: boolean;
  user = 'default';
  name = '';
  libraryName = '';
  libraryVersion = '';
  replyMode = REPLY_ON;
  closing = CLOSE_NO;
  /** Waiting for an asynchronous command's reply, or for the end of CLIENT PAUSE. */
  suspended = false;
  /** Suspended until the end of CLIENT PAUSE. */
  postponed = false;
  monitor = false;
  noEvict = false;
  noTouch = false;
  /**
   * Not zero when a command of this connection takes the slow path through the dispatcher: it must authenticate, replies are off or skipped,
   * or it does not touch.
   */
  gate = 0;
  lastInteraction: number;
  /** Id of the last command's entry in the table, -1 = none, or one that does not exist. */
  lastCommand = -1;
  bytesIn = 0;
  /** Of `bytesIn`, what the worker's statistics of the Memcached door have already. */
  bytesInCounted = 0;
  bytesOut = 0;
  commands = 0;

  constructor(
    id: number,
    connection: number,
    worker: number,
    address: string,
    localAddress: string,
    fd: number,
    now: number,
    authenticated: boolean,
  ) {
    this.id = id;
    this.connection = connection;
    this.worker = worker;
    this.address = address;
    this.localAddress = localAddress;
    this.fd = fd;
    this.createdAt = now;
    this.lastInteraction = now;
    this.authenticated = authenticated;
    this.updateGate();
  }

  /** To be called after any field that the gate depends on has changed. */
  updateGate(): void {
    this.gate =
      (this.authenticated ? 0 : 1) |
      (this.replyMode === REPLY_ON ? 0 : 2) |
      (this.noTouch ? 4 : 0) |
      (this.monitor ? 8 : 0);
  }
}
