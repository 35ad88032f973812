/** Removing every item, as `flush_all` and the binary FLUSH do: those of the database that Memcached's clients are in. */

import type { Request } from '../request.js';
import { deadlineOf } from './deadline.js';

/** Memcached's clients are in this database. */
export const DATABASE = 0;

/**
 * Removes every item, at once or after a time. A flush that is still to come is replaced, as in memcached.
 * @param delay an expiration time; 0 and below = at once
 */
export function flush(request: Request, delay: number): void {
  const { keyspace, clock } = request;
  keyspace.flushLater(delay > 0 ? deadlineOf(delay, clock.now) : 0);
  if (delay <= 0) keyspace.flushDatabase(DATABASE);
}
