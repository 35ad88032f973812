/**
 * The acceptor: listening sockets on the main thread, each accepted connection handed to the worker with the fewest.
 *
 * A file descriptor belongs to the process, so the worker only has to be told its number. When the process has no descriptor left,
 * accepting pauses for a moment instead of spinning.
 */

import { AshlarError } from '../base/errors.js';
import type { NativeAddon, NativeListener } from '../native/contract.js';

const OUT_OF_DESCRIPTORS_PAUSE_MS = 100;
const MAX_CLIENTS_TEXT = '-ERR max number of clients reached\r\n';

export interface AcceptorOptions {
  readonly hosts: readonly string[];
  /** 0 = a free one; negative = no TCP. */
  readonly port: number;
  readonly unixPath: string;
  readonly unixMode: number;
  readonly backlog: number;
}

export interface AcceptorEvents {
  /** Whether one more connection is allowed. */
  mayAccept(): boolean;
  /** Hands the socket on. */
  accepted(fd: number): void;
  refused(): void;
  trouble(message: string): void;
}

export class Acceptor {
  private readonly addon: NativeAddon;
  private readonly events: AcceptorEvents;
  private readonly listeners: NativeListener[] = [];

  constructor(addon: NativeAddon, events: AcceptorEvents) {
    this.addon = addon;
    this.events = events;
  }

  /**
   * Listens.
   * @returns the TCP port, 0 when there is none
   * @throws AshlarError ERR_ADDRESS_IN_USE, ERR_ADDRESS_UNAVAILABLE
   */
  listen(options: AcceptorOptions): number {
    let port = options.port;
    for (const host of options.port < 0 ? [] : options.hosts) {
      // A host that begins with '-' may be missing, as in Redis.
      const optional = host.startsWith('-');
      const listener = this.open({ host: optional ? host.slice(1) : host, port, backlog: options.backlog }, optional);
      if (listener !== undefined && port === 0) port = listener.port;
    }
    if (options.unixPath !== '')
      this.open({ path: options.unixPath, mode: options.unixMode, backlog: options.backlog }, false);
    return Math.max(0, port);
  }

  close(): void {
    for (const listener of this.listeners) listener.close();
    this.listeners.length = 0;
  }

  private open(where: Parameters<NativeAddon['listen']>[0], optional: boolean): NativeListener | undefined {
    let listener: NativeListener;
    try {
      listener = this.addon.listen(where, (fd) => this.onAccept(fd, listener));
    } catch (error) {
      if (optional) return undefined;
      throw listenError(error as NodeJS.ErrnoException);
    }
    this.listeners.push(listener);
    return listener;
  }

  private onAccept(fd: number, listener: NativeListener): void {
    if (fd < 0) {
      this.events.trouble(`accepting a connection failed (errno ${-fd})`);
      listener.pause();
      setTimeout(() => {
        if (this.listeners.includes(listener)) listener.resume();
      }, OUT_OF_DESCRIPTORS_PAUSE_MS);
      return;
    }
    if (this.events.mayAccept()) {
      this.events.accepted(fd);
      return;
    }
    this.events.refused();
    this.addon.reject(fd, MAX_CLIENTS_TEXT);
  }
}

/** The error of a failed listen, in our words. */
export function listenError(error: NodeJS.ErrnoException): AshlarError {
  const code = error.code === 'EADDRINUSE' ? 'ERR_ADDRESS_IN_USE' : 'ERR_ADDRESS_UNAVAILABLE';
  return new AshlarError(code, error.message, { cause: error });
}
