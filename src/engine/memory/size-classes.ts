/**
 * The sizes that a slab page is cut into.
 *
 * Up to 256 bytes there is a class every 8 bytes; above it, about 16 for each doubling, and each class is stretched to
 * the largest size of which the same number still fits a page, so that little is left over at the page's end:
 *
 *   16 24 32 ... 248 256 | 272 288 ... 4368 | 4680 5040 ... 21840 32768 65536
 *
 * Fine steps are what keeps the cost of an item low: the average loss is about 3 % of an item, where power-of-two classes lose a third.
 * The price is one partly filled page for each class in use.
 */

/** Bytes of a page: the unit in which a shard's memory is handed out. */
export const PAGE_BYTES = 65536;
/** Smallest cell; holds an item header with a key of four bytes. */
const CELL_BYTES_MIN = 16;
const FINE_BYTES_MAX = 256;
const STEPS_PER_DOUBLING = 16;

const sizes: number[] = [];
for (let size = CELL_BYTES_MIN; size <= FINE_BYTES_MAX; size += 8) sizes.push(size);
for (let grid = FINE_BYTES_MAX; grid < PAGE_BYTES; ) {
  const step = Math.max(8, 2 ** Math.floor(Math.log2(grid)) / STEPS_PER_DOUBLING);
  grid += step;
  const cells = Math.max(1, Math.floor(PAGE_BYTES / grid));
  const size = Math.floor(PAGE_BYTES / cells / 8) * 8;
  if (size > sizes[sizes.length - 1]) sizes.push(size);
}

/** Number of size classes. */
export const CLASSES = sizes.length;
/** Bytes of a cell, by class. */
export const CELL_BYTES = Int32Array.from(sizes);
/** Cells in a page, by class. */
export const CELLS_PER_PAGE = Int32Array.from(sizes, (size) => Math.floor(PAGE_BYTES / size));

/** Class by size in 8-byte units. */
const CLASS_OF_UNITS = new Uint8Array(PAGE_BYTES / 8 + 1);
for (let units = 0, sizeClass = 0; units < CLASS_OF_UNITS.length; units++) {
  while (CELL_BYTES[sizeClass] < units * 8) sizeClass++;
  CLASS_OF_UNITS[units] = sizeClass;
}

/** Smallest class whose cells hold `bytes`; `bytes` is at most PAGE_BYTES. */
export function classOf(bytes: number): number {
  return CLASS_OF_UNITS[(bytes + 7) >>> 3];
}
