/**
 * What the native core, where it has been built, can do for an application's cache: copy large values faster, and have the shards lie in
 * huge pages. Look-ups are random, so that in pages of 4 KiB nearly each one misses the processor's table of pages, which costs about as
 * much as all the rest of it. Everything works without.
 */

import type { Keyspace } from '../engine/keyspace.js';
import { loadAddon } from '../transport/addon.js';

/** Loads the native core into this thread; from then on it copies large values. */
export function useNativeCopy(): void {
  loadAddon();
}

/** Asks for huge pages for the shards of a new cache. */
export function useHugePages(keyspace: Keyspace): void {
  const { addon } = loadAddon();
  for (const shard of keyspace.shards) addon?.adviseHugePages(shard.bytes, 0, shard.bytes.length);
}
