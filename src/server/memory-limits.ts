/** How `maxmemory` is shared between what is stored and the buffers of clients: what the configuration comes to, in bytes. */

import { shareOf } from '../base/units.js';
import type { Config } from './config/config.js';

/** About what a connection takes here and in the native core while nothing waits in its buffers. */
export const CLIENT_BYTES = 1024;

/** So much of clients is in the fixed part of what the process takes: a small cache is not to be emptied by a few large requests. */
const FREE_BYTES = 16 * 2 ** 20;

/** An argument may be as large as this part of `maxmemory`, because it is in a buffer and in the data at the same time; or as what the fixed part has room for. */
const ARGUMENT_PART = 3;
const ARGUMENT_FREE_BYTES = (FREE_BYTES * 3) / 4;

/** Bytes that all clients may take together; 0 = no limit. A share of `maxmemory` is no less than what the fixed part has. */
export function clientBytesMax({ maxmemoryClients, maxmemory }: Config): number {
  const bytes = shareOf(maxmemoryClients, maxmemory);
  return maxmemoryClients < 0 ? Math.max(bytes, FREE_BYTES) : bytes;
}

/** Bytes that the data may not have while clients take `used`. */
export function withheldBytes(used: number): number {
  return Math.max(0, used - FREE_BYTES);
}

/** Bytes of the longest argument that there is memory for. */
export function argumentBytesMax({ maxmemory }: Config): number {
  return Math.max(Math.floor(maxmemory / ARGUMENT_PART), ARGUMENT_FREE_BYTES);
}
