/**
 * `maxmemory` where the configuration is not alone in setting it: the application that made a cache can change its limit from any thread, while doors of the
 * cache are open. The limit itself is in the shards, for all to see; every thread that serves looks there, and has its configuration follow.
 */

import type { Keyspace } from '../engine/keyspace.js';
import type { Config } from './config/config.js';

/** Brings `maxmemory` in line with the limit of the cache. Returns whether it was not. */
export function followBudget(config: Config, keyspace: Keyspace): boolean {
  if (keyspace.isLimitedTo(config.maxmemory)) return false;
  config.adopt({ maxmemory: keyspace.maxMemory });
  return true;
}
