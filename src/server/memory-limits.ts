/** How `maxmemory` is shared between what is stored and the buffers of clients: what the configuration comes to, in bytes. */

import type { Config } from './config/config.js';
import { shareOf } from './config/values.js';

/** About what a connection takes here and in the native core while nothing waits in its buffers. */
export const CLIENT_BYTES = 1024;

/** An argument may be as large as this part of `maxmemory`: it is in a buffer and in the data at the same time. */
const ARGUMENT_PART = 3;

/** Bytes that all clients may take together; 0 = no limit. */
export function clientBytesMax({ maxmemoryClients, maxmemory }: Config): number {
  return shareOf(maxmemoryClients, maxmemory);
}

/** Bytes of the longest argument that there is memory for. */
export function argumentBytesMax({ maxmemory }: Config): number {
  return Math.floor(maxmemory / ARGUMENT_PART);
}
