/**
 * An operating system for tests of memory that is given back: it knows which pages of a buffer are resident, makes huge pages where it was
 * advised to, and takes what is discarded at its word: the bytes become zeros, whoever was using them.
 */

import { EXTENT_PAGES, type MemoryAdvice } from '../../../src/engine/memory/extents.js';
import { PAGE_BYTES } from '../../../src/engine/memory/size-classes.js';

export class FakeKernel implements MemoryAdvice {
  /** Pages that are resident, by their number in the last buffer that was advised on. */
  readonly resident = new Set<number>();
  /** What was called, in order: `discard 32 64` (pages), `huge 0 31`, `small 32 63`. */
  readonly calls: string[] = [];
  /** Whether it takes pages back at all. */
  willing = true;
  private readonly huge = new Set<number>();
  /** One past the last page that was advised on: the last extent may be shorter than others. */
  private end = 0;

  bytesToBoundary(): number {
    return 0;
  }

  adviseHugePages(_bytes: Uint8Array, offset: number, length: number): boolean {
    this.note('huge', offset, length);
    this.end = Math.max(this.end, (offset + length) / PAGE_BYTES);
    this.extents(offset, length).forEach((extent) => {
      this.huge.add(extent);
    });
    return true;
  }

  adviseSmallPages(_bytes: Uint8Array, offset: number, length: number): boolean {
    this.note('small', offset, length);
    this.extents(offset, length).forEach((extent) => {
      this.huge.delete(extent);
    });
    return true;
  }

  discardPages(bytes: Uint8Array, offset: number, length: number): boolean {
    if (!this.willing) return false;
    this.note('discard', offset, length);
    bytes.fill(0, offset, offset + length);
    for (let page = offset / PAGE_BYTES; page < (offset + length) / PAGE_BYTES; page++) this.resident.delete(page);
    return true;
  }

  /** A page is written to. */
  touch(page: number): void {
    const extent = Math.floor(page / EXTENT_PAGES);
    const first = extent * EXTENT_PAGES;
    const length = Math.min(EXTENT_PAGES, this.end - first);
    const pages = Array.from({ length }, (_, i) => first + i);
    const fresh = this.huge.has(extent) && !pages.some((each) => this.resident.has(each));
    for (const each of fresh ? pages : [page]) this.resident.add(each);
  }

  private extents(offset: number, length: number): number[] {
    const first = Math.floor(offset / PAGE_BYTES / EXTENT_PAGES);
    const end = Math.ceil((offset + length) / PAGE_BYTES / EXTENT_PAGES);
    return Array.from({ length: end - first }, (_, i) => first + i);
  }

  private note(what: string, offset: number, length: number): void {
    this.calls.push(`${what} ${offset / PAGE_BYTES} ${length / PAGE_BYTES}`);
  }
}
