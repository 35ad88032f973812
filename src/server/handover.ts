/**
 * Accepted sockets on their way from the main thread to a worker.
 *
 * A descriptor travels as a number in a message, and a worker that dies takes its unread messages with it: nobody would own the socket, and its client
 * would wait for ever. So the main thread remembers what it has sent until the worker has counted it as adopted.
 */

import { ADOPTED, type Statistics } from './statistics.js';

/** An accepted socket, and what its door speaks (SPEAKS_*). */
export interface Accepted {
  readonly fd: number;
  readonly speaks: number;
}

export class Handover {
  private readonly workers: readonly Statistics[];
  /** By worker, sockets that it may not have adopted yet, in the order in which they were sent. */
  private readonly sockets: Accepted[][];
  /** By worker, how many of those that it adopted are no longer in `sockets`. */
  private readonly forgotten: number[];

  /** @param workers what each worker counts */
  constructor(workers: readonly Statistics[]) {
    this.workers = workers;
    this.sockets = workers.map(() => []);
    this.forgotten = workers.map((statistics) => statistics.get(ADOPTED));
  }

  /** A socket is being sent. */
  sent(worker: number, socket: Accepted): void {
    this.settle(worker);
    this.sockets[worker].push(socket);
  }

  /** Sockets that are still on their way. */
  pending(worker: number): number {
    this.settle(worker);
    return this.sockets[worker].length;
  }

  /** A worker is gone: takes back what it has not adopted. */
  takeBack(worker: number): Accepted[] {
    this.settle(worker);
    return this.sockets[worker].splice(0);
  }

  private settle(worker: number): void {
    const adopted = this.workers[worker].get(ADOPTED) - this.forgotten[worker];
    if (adopted === 0) return;
    this.sockets[worker].splice(0, adopted);
    this.forgotten[worker] += adopted;
  }
}
