/**
 * Candidates for eviction: the best of the items that were sampled lately and have not gone yet, for each group of items that are the same size.
 *
 * A sample of a few items finds one that is rather old; the best of many samples are among the oldest there are. So what is not needed is kept for the next
 * eviction, as Redis does:
 *
 * ```
 *  group:  size classes 0 .. CLASSES - 1, RUNS              16 slots each: item | its access word | its score when it was looked at last
 * ```
 *
 * These are hints, each thread's own. An item may have gone, moved or been used since it was noted: whoever takes one looks whether its access word is
 * still the same.
 */

import { CLASSES } from '../memory/size-classes.js';

/** Group of the large values, whatever their sizes. */
export const RUNS = CLASSES;
/** Number of groups. */
export const GROUPS = CLASSES + 1;
const SLOTS_SHIFT = 4;
const SLOTS = 1 << SLOTS_SHIFT;

export class Candidates {
  /** By slot: byte offset of the item, 0 = the slot is empty. */
  readonly items = new Int32Array(GROUPS * SLOTS);
  /** By slot: the item's access word. */
  readonly words = new Int32Array(GROUPS * SLOTS);
  /** By slot: how much the item deserves to go. */
  readonly scores = new Float64Array(GROUPS * SLOTS);

  /** First slot of a group. */
  begin(group: number): number {
    return group << SLOTS_SHIFT;
  }

  /** One past the last slot of a group. */
  end(group: number): number {
    return (group + 1) << SLOTS_SHIFT;
  }

  isEmpty(group: number): boolean {
    for (let slot = this.begin(group); slot < this.end(group); slot++) if (this.items[slot] !== 0) return false;
    return true;
  }

  /** Notes an item, if a slot is empty or has one that deserves less to go. */
  offer(group: number, item: number, word: number, score: number): void {
    const { items, scores } = this;
    const end = this.end(group);
    let worst = this.begin(group);
    for (let slot = worst; slot < end; slot++) {
      if (items[slot] === item) {
        worst = slot;
        break;
      }
      if (items[worst] !== 0 && (items[slot] === 0 || scores[slot] < scores[worst])) worst = slot;
    }
    if (items[worst] !== 0 && items[worst] !== item && scores[worst] >= score) return;
    items[worst] = item;
    this.words[worst] = word;
    scores[worst] = score;
  }

  /** The slot of a group that has the highest score; -1 when all are empty. */
  best(group: number): number {
    const { items, scores } = this;
    const end = this.end(group);
    let best = -1;
    for (let slot = this.begin(group); slot < end; slot++)
      if (items[slot] !== 0 && (best === -1 || scores[slot] > scores[best])) best = slot;
    return best;
  }

  /** Takes the item of a slot out. */
  take(slot: number): number {
    const item = this.items[slot];
    this.items[slot] = 0;
    return item;
  }
}
