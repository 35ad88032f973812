/**
 * The sizes of cells. There are two kinds of classes, in one list by size:
 *
 * *Page classes* have slabs of one page. Of all multiples of 8 bytes they are those that are the largest of which so many fit a page: more would bring
 * nothing, because another number of cells is what makes a class, and up to a cell of each page is lost whatever its size.
 *
 *   16 24 32 ... 720 728 736 744 752 760 768 784 ... 3848 4096 4368 4680 ... 21840 32768 65536
 *
 * Fine steps are what keeps the cost of an item low: power-of-two classes lose a third of it. Their price is a partly filled page for each class in use.
 * So all of them are used where there are many pages, and where there are few only some: above 256 bytes about 16 for each doubling.
 *
 * *Wide classes* are for items above 4 KiB, of which a page would lose much at its end. Their slabs can have several adjacent pages, so their cells need
 * not care for the pages' ends, and go up to some pages' length:
 *
 *   4136 4176 4264 4392 ... 8232 8272 8488 ... 64552 67648 69904 ... 299592
 *
 * Up to a page, steps of a 32nd of a doubling, each 40 bytes above: so a value of a power of two fits with its header, a deadline and a key of 20 bytes; and
 * one class more for longer keys. Above a page, those of which another number fits the largest slab. An item's *tight* class is the smallest wide one that
 * holds it; whether it pays to use it is told by slab-choice.ts.
 */

/** Bytes of a page: the unit in which a shard's memory is handed out. */
export const PAGE_BYTES = 65536;
/** Pages of the largest slab, as a power of two: 2 MiB, an extent. */
export const SLAB_ORDER_MAX = 5;
/** Items of more bytes have a tight class; others are in page classes only. */
export const TIGHT_FROM = 4096;
/** Smallest cell; holds an item header with a key of four bytes. */
const CELL_BYTES_MIN = 16;
/** Pages of address space from which on a shard uses all page classes: 256 MiB. */
const MANY_PAGES = 4096;
/** What the others leave out begins here. */
const COARSE_FROM = 256;
const STEPS_PER_DOUBLING = 16;

const TIGHT_STEPS = 32;
/** Bytes of an item beside its value: header, deadline, and a key of ordinary length; and of a longer one. */
const BESIDE_VALUE = 40;
const BESIDE_VALUE_MORE = 80;
/** Of larger items fewer fit the largest slab, and whole pages are as good. */
const CELLS_PER_SLAB_MIN = 7;

/** The largest multiple of 8 of which as many fit into `bytes`. */
function stretched(size: number, bytes: number): number {
  return Math.floor(bytes / Math.floor(bytes / size) / 8) * 8;
}

function pageCells(): number[] {
  const sizes: number[] = [];
  for (let size = CELL_BYTES_MIN; size <= PAGE_BYTES; size = sizes[sizes.length - 1] + 8)
    sizes.push(stretched(size, PAGE_BYTES));
  return sizes;
}

function wideCells(): number[] {
  const sizes: number[] = [];
  for (let power = TIGHT_FROM; power < PAGE_BYTES; power *= 2) {
    sizes.push(power + BESIDE_VALUE, power + BESIDE_VALUE_MORE);
    for (let step = 1; step < TIGHT_STEPS; step++) sizes.push(power + (power / TIGHT_STEPS) * step + BESIDE_VALUE);
  }
  const slab = PAGE_BYTES << SLAB_ORDER_MAX;
  for (let cells = slab / PAGE_BYTES - 1; cells >= CELLS_PER_SLAB_MIN; cells--)
    sizes.push(stretched(slab / cells, slab));
  return sizes;
}

const pageSizes = pageCells();
const wideSizes = wideCells();
const sizes = [...pageSizes, ...wideSizes].sort((a, b) => a - b);

/** Number of size classes. */
export const CLASSES = sizes.length;
/** Bytes of a cell, by class. */
export const CELL_BYTES = Int32Array.from(sizes);
/** Cells in a slab of one page, by class; 0 where none fits. */
export const CELLS_PER_PAGE = Int32Array.from(sizes, (size) => Math.floor(PAGE_BYTES / size));
/** Whether a class's slabs may have several pages, by class. */
export const IS_WIDE: readonly boolean[] = sizes.map((size) => wideSizes.includes(size));

/** Which of the page classes a shard uses: class by size in 8-byte units. */
export type ClassTable = Uint16Array;

function tableOf(used: ReadonlySet<number>): ClassTable {
  const table = new Uint16Array(PAGE_BYTES / 8 + 1);
  for (let units = 0, sizeClass = 0; units < table.length; units++) {
    while (CELL_BYTES[sizeClass] < units * 8 || !used.has(CELL_BYTES[sizeClass])) sizeClass++;
    table[units] = sizeClass;
  }
  return table;
}

function coarseSizes(): Set<number> {
  const coarse = new Set(pageSizes.filter((size) => size <= COARSE_FROM));
  for (let grid = COARSE_FROM; grid < PAGE_BYTES; ) {
    grid += 2 ** Math.floor(Math.log2(grid)) / STEPS_PER_DOUBLING;
    coarse.add(stretched(grid, PAGE_BYTES));
  }
  return coarse;
}

const FINE = tableOf(new Set(pageSizes));
const COARSE = tableOf(coarseSizes());

/** The page classes that a shard uses which has address space for so many pages. */
export function classTable(pages: number): ClassTable {
  return pages < MANY_PAGES ? COARSE : FINE;
}

/** Smallest page class of a table whose cells hold `bytes`; `bytes` is at most PAGE_BYTES. */
export function classOf(table: ClassTable, bytes: number): number {
  return table[(bytes + 7) >>> 3];
}

/** The wide classes, by size. */
const TIGHT = Int32Array.from(wideSizes, (size) => sizes.indexOf(size));
/** Number of tight classes. */
export const TIGHT_CLASSES = TIGHT.length;
/** Place among the wide classes, by class; -1 = it is not wide. */
const PLACES = Int32Array.from(sizes, (size) => wideSizes.indexOf(size));
/** Items of more bytes have no tight class. */
export const TIGHT_BYTES_MAX = CELL_BYTES[TIGHT[TIGHT_CLASSES - 1]];

/** An item's tight class; `bytes` is more than TIGHT_FROM, and at most TIGHT_BYTES_MAX. */
export function tightClassOf(bytes: number): number {
  let low = 0;
  for (let high = TIGHT_CLASSES - 1; low < high; ) {
    const middle = (low + high) >>> 1;
    if (CELL_BYTES[TIGHT[middle]] < bytes) low = middle + 1;
    else high = middle;
  }
  return TIGHT[low];
}

/** Place of a wide class among the wide ones. */
export function tightPlace(sizeClass: number): number {
  return PLACES[sizeClass];
}
