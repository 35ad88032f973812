/**
 * The sizes that a slab page is cut into: of all multiples of 8 bytes those that are the largest of which so many fit a page. More would bring nothing:
 * another number of cells is what makes a class, and up to a cell of each page is lost whatever its size.
 *
 *   16 24 32 ... 720 728 736 744 752 760 768 784 ... 3848 4096 4368 4680 ... 21840 32768 65536
 *
 * Fine steps are what keeps the cost of an item low: power-of-two classes lose a third of it. Their price is a partly filled page for each class in use.
 * So all classes are used where there are many pages, and where there are few only some: above 256 bytes about 16 for each doubling.
 */

/** Bytes of a page: the unit in which a shard's memory is handed out. */
export const PAGE_BYTES = 65536;
/** Smallest cell; holds an item header with a key of four bytes. */
const CELL_BYTES_MIN = 16;
/** Pages of address space from which on a shard uses all classes: 256 MiB. */
const MANY_PAGES = 4096;
/** What the others leave out begins here. */
const COARSE_FROM = 256;
const STEPS_PER_DOUBLING = 16;

/** The largest cell of which as many fit a page. */
function stretched(size: number): number {
  return Math.floor(PAGE_BYTES / Math.floor(PAGE_BYTES / size) / 8) * 8;
}

const sizes: number[] = [];
for (let size = CELL_BYTES_MIN; size <= PAGE_BYTES; size = sizes[sizes.length - 1] + 8) sizes.push(stretched(size));

/** Number of size classes. */
export const CLASSES = sizes.length;
/** Bytes of a cell, by class. */
export const CELL_BYTES = Int32Array.from(sizes);
/** Cells in a page, by class. */
export const CELLS_PER_PAGE = Int32Array.from(sizes, (size) => Math.floor(PAGE_BYTES / size));

/** Which of the classes a shard uses: class by size in 8-byte units. */
export type ClassTable = Uint8Array;

function tableOf(used: ReadonlySet<number>): ClassTable {
  const table = new Uint8Array(PAGE_BYTES / 8 + 1);
  for (let units = 0, sizeClass = 0; units < table.length; units++) {
    while (CELL_BYTES[sizeClass] < units * 8 || !used.has(CELL_BYTES[sizeClass])) sizeClass++;
    table[units] = sizeClass;
  }
  return table;
}

function coarseSizes(): Set<number> {
  const coarse = new Set(sizes.filter((size) => size <= COARSE_FROM));
  for (let grid = COARSE_FROM; grid < PAGE_BYTES; ) {
    grid += 2 ** Math.floor(Math.log2(grid)) / STEPS_PER_DOUBLING;
    coarse.add(stretched(grid));
  }
  return coarse;
}

const FINE = tableOf(new Set(sizes));
const COARSE = tableOf(coarseSizes());

/** The classes that a shard uses which has address space for so many pages. */
export function classTable(pages: number): ClassTable {
  return pages < MANY_PAGES ? COARSE : FINE;
}

/** Smallest class of a table whose cells hold `bytes`; `bytes` is at most PAGE_BYTES. */
export function classOf(table: ClassTable, bytes: number): number {
  return table[(bytes + 7) >>> 3];
}
