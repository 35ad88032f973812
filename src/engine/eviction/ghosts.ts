/**
 * Who has left lately: fingerprints of the keys that were evicted, and from which queue. One that comes back while its fingerprint is here was sent away
 * too early.
 *
 * ```
 *  bucket: 4 fingerprints of 16 bits, the newest first       bucket = hash & (buckets - 1)     fingerprint: | 15 mixed bits of the hash, never 0 | main 1 |
 *  ┌──────┬──────┬──────┬──────┐
 *  │ new  │      │      │ old ─┼──▶ forgotten when the next one comes
 *  └──────┴──────┴──────┴──────┘
 * ```
 *
 * The memory is to reach about as far back as there are items, so only so many buckets are in use, a power of two. One look-up in 8,000 finds
 * a fingerprint that is another key's; such a key is promoted undeservedly, and falls back. So nothing is ever cleared: fingerprints that mean nothing
 * any more are worn out soon.
 */

import { GHOST_BYTES, type PagePool } from '../memory/page-pool.js';

/** Buckets for each page that may be in use. */
const BUCKETS_OF_PAGE = GHOST_BYTES / 8;
const MIX = 0x9e3779b1;
/** In a fingerprint: the key left from the main queue. */
const FROM_MAIN = 1;
const PRINT = 0xffff;
const MIXED = PRINT & ~FROM_MAIN;

/** What `take` says: the key is not remembered, or it left on probation, or from the main queue. */
export const NOT_REMEMBERED = 0;
export const LEFT_PROBATION = 1;
export const LEFT_MAIN = 2;
/** A bit beside those: it is of the half that left last. */
export const LEFT_LATELY = 4;

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

  /** A key is evicted, on probation or from the main queue. @param items items in the shard */
  add(hash: number, onProbation: boolean, items: number): void {
    const words = this.words;
    const at = this.bucket(hash, items);
    const low = words[at];
    words[at + 1] = (words[at + 1] << 16) | (low >>> 16);
    words[at] = (low << 16) | fingerprint(hash) | (onProbation ? 0 : FROM_MAIN);
  }

  /** How a key was evicted lately, if it was; it is forgotten then. @param items items in the shard */
  take(hash: number, items: number): number {
    const at = this.bucket(hash, items);
    const wanted = fingerprint(hash);
    const lately = this.takeFrom(at, wanted);
    return lately === NOT_REMEMBERED ? this.takeFrom(at + 1, wanted) : lately | LEFT_LATELY;
  }

  /** Takes a fingerprint out of one of the words that have two. */
  private takeFrom(at: number, wanted: number): number {
    const word = this.words[at];
    const shift = (word & MIXED) === wanted ? 0 : ((word >>> 16) & MIXED) === wanted ? 16 : -1;
    if (shift < 0) return NOT_REMEMBERED;
    this.words[at] = word & ~(PRINT << shift);
    return ((word >>> shift) & FROM_MAIN) === 0 ? LEFT_PROBATION : LEFT_MAIN;
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
  return (Math.imul(hash, MIX) >>> 16) & MIXED || MIXED;
}
