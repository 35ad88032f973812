/**
 * Warnings in the log before memory is used up: of what is stored, where nothing makes room, and of clients' buffers. One for each time that the limit
 * comes near; the next one when it was far in between.
 */

import { formatBytesRounded } from '../base/units.js';

/** Of a limit: from here on it is near, and from here down it is far. */
const NEAR = 0.8;
const FAR = 0.75;

export interface MemoryLimits {
  /** Bytes in use, and that may be, of all that counts in `maxmemory`. */
  readonly used: number;
  readonly maxmemory: number;
  /** Whether writes are refused when it is used up. */
  readonly refuses: boolean;
  /** Bytes that clients take, and that they may take; 0 = no limit. */
  readonly clients: number;
  readonly clientsMax: number;
}

export class MemoryWarnings {
  private readonly log: (message: string) => void;
  /** What was warned of, and is not far again. */
  private readonly near = { data: false, clients: false };

  constructor(log: (message: string) => void) {
    this.log = log;
  }

  /** Looks at the limits; to be called now and then. */
  look({ used, maxmemory, refuses, clients, clientsMax }: MemoryLimits): void {
    this.compare(
      'data',
      refuses ? used : 0,
      maxmemory,
      (amount) => `${amount} of maxmemory is used, and maxmemory-policy is noeviction: writes will be refused`,
    );
    this.compare(
      'clients',
      clientsMax > 0 ? clients : 0,
      clientsMax,
      (amount) => `${amount} of maxmemory-clients is used by the buffers of clients: the largest will be closed`,
    );
  }

  private compare(
    what: keyof typeof this.near,
    used: number,
    limit: number,
    warning: (amount: string) => string,
  ): void {
    if (used < FAR * limit || used === 0) this.near[what] = false;
    if (used < NEAR * limit || used === 0 || this.near[what]) return;
    this.near[what] = true;
    const percent = Math.round((used * 100) / limit);
    this.log(warning(`${percent} % (${formatBytesRounded(used)} of ${formatBytesRounded(limit)})`));
  }
}
