/**
 * Who has left lately: fingerprints of the keys that were evicted on probation. One that comes back while its fingerprint is here was sent away too early.
 *
 * ```
 *  bucket: 4 fingerprints of 16 bits, the newest first       bucket = hash & (buckets - 1)     fingerprint: 16 mixed bits of the hash, never 0
 *  ┌──────┬──────┬──────┬──────┐
 *  │ new  │      │      │ old ─┼──▶ forgotten when the next one comes
 *  └──────┴──────┴──────┴──────┘
 * ```
 *
 * The memory is to reach about as far back as there are items, so only so many buckets are in use, a power of two. One look-up in 16,000 finds
 * a fingerprint that is another key's; such a key is promoted undeservedly, and falls back. So nothing is ever cleared: fingerprints that mean nothing
 * any more are worn out soon.
 */

import { GHOST_BYTES, type PagePool } from '../memory/page-pool.js';

/** Buckets for each page that may be in use. */
const BUCKETS_OF_PAGE = GHOST_BYTES / 8;
const MIX = 0x9e3779b1;

export class Ghosts {
  private readonly words: Int32Array;
  /** Word index of the first bucket. */
  private readonly first: number;
  private readonly pool: PagePool;

  constructor(pool: PagePool) {
    this.pool = pool;
    this.words = pool.words;
    this.first = pool.ghostWord;
  }

  /** A key is evicted. @param items items in the shard */
  add(hash: number, items: number): void {
    const words = this.words;
    const at = this.bucket(hash, items);
    const low = words[at];
    words[at + 1] = (words[at + 1] << 16) | (low >>> 16);
    words[at] = (low << 16) | fingerprint(hash);
  }

  /** Whether a key was evicted lately; it is forgotten then. @param items items in the shard */
  take(hash: number, items: number): boolean {
    const words = this.words;
    const at = this.bucket(hash, items);
    const wanted = fingerprint(hash);
    const low = words[at];
    const high = words[at + 1];
    if ((low & 0xffff) === wanted) words[at] = low & ~0xffff;
    else if (low >>> 16 === wanted) words[at] = low & 0xffff;
    else if ((high & 0xffff) === wanted) words[at + 1] = high & ~0xffff;
    else if (high >>> 16 === wanted) words[at + 1] = high & 0xffff;
    else return false;
    return true;
  }

  private bucket(hash: number, items: number): number {
    // The power of two nearest to a quarter of the items, if there is room for so many.
    const wanted = powerBelow((items * 3) >>> 3);
    const most = powerBelow(this.pool.budget * BUCKETS_OF_PAGE);
    return this.first + ((hash & (Math.min(wanted, most) - 1)) << 1);
  }
}

/** The largest power of two that is not above a number; 1 for 0. */
function powerBelow(number: number): number {
  return 1 << (31 - Math.clz32(number | 1));
}

function fingerprint(hash: number): number {
  return Math.imul(hash, MIX) >>> 16 || 1;
}
