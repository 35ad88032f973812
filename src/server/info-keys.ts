/** INFO's section about the sizes of keys. */

import { sizeHistogram } from '../engine/item-sizes.js';
import type { Field, InfoSources } from './info-sources.js';

const UNITS = ['', 'K', 'M', 'G'];

/** 2^bits as Redis's histograms write it: 512, 1K, 64K, 2M. */
function powerText(bits: number): string {
  const unit = Math.floor(bits / 10);
  return `${2 ** (bits - 10 * unit)}${UNITS[unit]}`;
}

/**
 * The form is that of Redis 8's `db0_distrib_strings_sizes`: `lower bound=items`. What is counted differs: the memory that items take, key and
 * rounding included, of all databases together, because that is known without any work at writing.
 */
export function keysizesSection({ keyspace }: InfoSources): Field[] {
  const buckets = [...sizeHistogram(keyspace)].map((items, bits) => `${powerText(bits)}=${items}`);
  return [['distrib_items_memory', buckets.filter((text) => !text.endsWith('=0')).join(',')]];
}
