/**
 * The acceptor: listening sockets on the main thread, each accepted connection handed to the worker with the fewest.
 *
 * A file descriptor belongs to the process, so the worker only has to be told its number. When the process has no descriptor left,
 * accepting pauses for a moment instead of spinning.
 */

import type { NativeAddon, NativeListener } from '../native/contract.js';
import type { Door } from '../transport/transport.js';
import { fullText } from './doors.js';
import type { Accepted } from './handover.js';

const OUT_OF_DESCRIPTORS_PAUSE_MS = 100;

export interface AcceptorEvents {
  /** Whether one more connection is allowed. */
  mayAccept(): boolean;
  /** Hands the socket on. */
  accepted(socket: Accepted): void;
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
   * Opens a door.
   * @returns its TCP port, 0 when it has none
   * @throws what the system answers
   */
  listen({ speaks, hosts, port: wanted, unixPath, unixMode, backlog }: Door): number {
    let port = wanted;
    for (const host of wanted < 0 ? [] : hosts) port = this.open({ host, port, backlog }, speaks).port;
    if (unixPath !== '') this.open({ path: unixPath, mode: unixMode, backlog }, speaks);
    return Math.max(0, port);
  }

  close(): void {
    for (const listener of this.listeners) listener.close();
    this.listeners.length = 0;
  }

  private open(where: Parameters<NativeAddon['listen']>[0], speaks: number): NativeListener {
    const listener = this.addon.listen(where, (fd) => this.onAccept(fd, speaks, listener));
    this.listeners.push(listener);
    return listener;
  }

  private onAccept(fd: number, speaks: number, listener: NativeListener): void {
    if (fd < 0) {
      this.events.trouble(`accepting a connection failed (errno ${-fd})`);
      listener.pause();
      setTimeout(() => {
        if (this.listeners.includes(listener)) listener.resume();
      }, OUT_OF_DESCRIPTORS_PAUSE_MS);
      return;
    }
    if (this.events.mayAccept()) {
      this.events.accepted({ fd, speaks });
      return;
    }
    this.events.refused();
    this.addon.reject(fd, fullText(speaks));
  }
}
