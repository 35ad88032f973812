/** What `me` and the dumps tell people of an item, in the same words. */

import { MARK_FETCHED, marksOf, sizeOf, versionHigh, versionLow } from '../../engine/item.js';
import type { Shard } from '../../engine/shard.js';
import { slabClassOf } from './slab-classes.js';

/** CAS number (0 when nobody asked for one), whether it was read, class, and bytes that it takes. */
export function factsOf(shard: Shard, item: number): string {
  const { words } = shard;
  const cas = (BigInt(versionHigh(words, item) >>> 0) << 32n) | BigInt(versionLow(words, item) >>> 0);
  const fetched = (marksOf(words, item) & MARK_FETCHED) === 0 ? 'no' : 'yes';
  return `cas=${cas} fetch=${fetched} cls=${slabClassOf(shard, item)} size=${sizeOf(words, item)}`;
}
