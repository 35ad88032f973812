/**
 * Which cells `npm run bench` measures. A cell is {op, depth, valueSize, keys, dist}; cells with the same keys and values share a
 * dataset, which is loaded once.
 */

const SMALL = 100_000;
const LARGE = 3_000_000;

const cross = (lists) =>
  Object.entries(lists).reduce(
    (cells, [name, values]) => cells.flatMap((cell) => values.map((value) => ({ ...cell, [name]: value }))),
    [{}],
  );

const small = { keys: [SMALL], dist: ['uniform'] };

const MATRICES = {
  smoke: cross({ op: ['get', 'set', 'mixed'], depth: [4], valueSize: [100], keys: [1000], dist: ['uniform'] }),
  quick: cross({ op: ['get', 'set'], depth: [1, 16, 100], valueSize: [100], ...small }),
  default: [
    ...cross({ op: ['get', 'set', 'mixed'], depth: [1, 16, 100], valueSize: [100], ...small }),
    ...cross({ op: ['get', 'set'], depth: [16], valueSize: [16, 1000, 16_000], ...small }),
    ...cross({ op: ['get'], depth: [16], valueSize: [100], keys: [SMALL], dist: ['zipf'] }),
    ...cross({ op: ['get', 'set'], depth: [1, 16, 100], valueSize: [100], keys: [LARGE], dist: ['uniform'] }),
    ...cross({ op: ['get', 'mixed'], depth: [16], valueSize: [100], keys: [LARGE], dist: ['zipf'] }),
  ],
  full: cross({ op: ['get', 'set', 'mixed'], depth: [1, 16, 100], dist: ['uniform', 'zipf'] }).flatMap((cell) => [
    ...[16, 100, 1000, 16_000].map((valueSize) => ({ ...cell, valueSize, keys: SMALL })),
    { ...cell, valueSize: 100, keys: LARGE },
  ]),
};

/** What the cells of "two threads against one" are. */
export const threadCells = (matrix) =>
  matrix === 'smoke'
    ? cross({ op: ['get'], depth: [4], valueSize: [100], keys: [1000], dist: ['uniform'] })
    : cross({ op: ['get', 'set'], depth: [1, 16], valueSize: [100], ...small });

/**
 * The cells to measure.
 * @param {string} matrix smoke, quick, default or full
 * @param {{ op?: string[], depth?: number[], valueSize?: number[], keys?: number[], dist?: string[] }} only
 *   what is given replaces what the matrix has there: every combination of it, with the matrix's values for the rest
 */
export function chooseCells(matrix, only) {
  if (Object.keys(only).length === 0) return MATRICES[matrix];
  const base = { op: ['get', 'set'], depth: [1, 16, 100], valueSize: [100], ...small };
  return cross({ ...base, ...only });
}

/** Cells by dataset. @returns {{ keys: number, valueSize: number, cells: object[] }[]} */
export function byDataset(cells) {
  const datasets = new Map();
  for (const cell of cells) {
    const name = `${cell.keys} ${cell.valueSize}`;
    if (!datasets.has(name)) datasets.set(name, { keys: cell.keys, valueSize: cell.valueSize, cells: [] });
    datasets.get(name).cells.push(cell);
  }
  return [...datasets.values()];
}

/** A cell in words. */
export const cellName = ({ op, depth, valueSize, keys, dist }) =>
  `${op === 'mixed' ? '90/10' : op.toUpperCase()} depth ${depth}, ${valueSize} B, ${keys >= 1e6 ? `${keys / 1e6}M` : `${keys / 1e3}k`} keys${dist === 'zipf' ? ', Zipf' : ''}`;
