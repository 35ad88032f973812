/**
 * Pins: items that eviction must leave alone, because a command pinned them or because their keys begin with a prefix of the configuration.
 *
 * Being pinned is a bit of the item, which it keeps when it moves or is written anew; expiry, deletion and FLUSHALL take no notice of it. Pins cannot
 * fill the memory: each shard's pinned items have at most their share of it (`pin-memory-max`), counted in bytes of items without rounding. Whoever
 * asks for more is refused. An item that comes above it by a write is stored all the same, and is not pinned any more.
 *
 * Settings and prefixes are in the control block, so that they hold for every thread. The figures are in the shard's header, in doubles:
 * [pinned items][their bytes][pins refused or lost].
 */

import type { Control } from './control.js';
import { isPinned, setPinned, sizeOf } from './item.js';

const ITEMS = 0;
const BYTES = 1;
const REFUSED = 2;

/** Doubles of the header that the figures take. */
export const PIN_DOUBLES = 3;

export class Pins {
  private readonly words: Int32Array;
  private readonly figures: Float64Array;
  private readonly control: Control;

  /** @param figures PIN_DOUBLES doubles of the shard's header */
  constructor(words: Int32Array, figures: Float64Array, control: Control) {
    this.words = words;
    this.figures = figures;
    this.control = control;
  }

  get items(): number {
    return this.figures[ITEMS];
  }

  get bytes(): number {
    return this.figures[BYTES];
  }

  /** Times that an item was not pinned, or lost its pin, for want of memory for pins. */
  get refused(): number {
    return this.figures[REFUSED];
  }

  /** The shard has been emptied. */
  clear(): void {
    this.figures[ITEMS] = 0;
    this.figures[BYTES] = 0;
  }

  resetFigures(): void {
    this.figures[REFUSED] = 0;
  }

  /** Whether the item under a key is to be pinned when it is written: it is pinned already (`old`, 0 = none), or the key has a prefix that is. */
  wanted(old: number, key: Uint8Array, offset: number, length: number): boolean {
    return (old !== 0 && isPinned(this.words, old)) || this.control.hasPinPrefix(key, offset, length);
  }

  /** Pins an item that is there. False when there is no memory for more pins. */
  pin(item: number): boolean {
    if (isPinned(this.words, item)) return true;
    setPinned(this.words, item, true);
    this.count(item, 1);
    return isPinned(this.words, item);
  }

  /** Takes an item's pin away. Returns whether it had one. */
  unpin(item: number): boolean {
    if (!isPinned(this.words, item)) return false;
    this.count(item, -1);
    setPinned(this.words, item, false);
    return true;
  }

  /** Counts a pinned item in (1) or out (-1). One that comes in above the limit loses its pin. */
  count(item: number, sign: number): void {
    const bytes = sizeOf(this.words, item);
    if (sign > 0 && this.figures[BYTES] + bytes > this.control.pinBytesMax) {
      this.lose(item);
      return;
    }
    this.figures[ITEMS] += sign;
    this.figures[BYTES] += sign * bytes;
  }

  /** A pinned item has become longer or shorter where it is, by so many bytes. */
  resized(item: number, bytes: number): void {
    this.figures[BYTES] += bytes;
    if (bytes <= 0 || this.figures[BYTES] <= this.control.pinBytesMax) return;
    this.count(item, -1);
    this.lose(item);
  }

  private lose(item: number): void {
    setPinned(this.words, item, false);
    this.figures[REFUSED]++;
  }
}
