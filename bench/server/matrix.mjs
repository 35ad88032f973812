/**
 * Which cells `npm run bench` measures. A cell is {op, depth, valueSize, keys, dist}; cells with the same keys and values share a
 * dataset, which is loaded once. op: get, set, mixed (90 % GET, 10 % SET), or multi: multi-gets of MULTI_KEYS keys, where an operation
 * is a key.
 */

const SMALL = 100_000;
const LARGE = 3_000_000;

/** Keys of a multi-get. */
export const MULTI_KEYS = 100;

const cross = (lists) =>
  Object.entries(lists).reduce(
    (cells, [name, values]) => cells.flatMap((cell) => values.map((value) => ({ ...cell, [name]: value }))),
    [{}],
  );

const small = { keys: [SMALL], dist: ['uniform'] };

const OPS = ['get', 'set', 'mixed'];
const DEPTHS = [1, 16, 100];
const multi = cross({ op: ['multi'], depth: [1], valueSize: [100], ...small });

/** Cells for Redis's protocol. */
const RESP = {
  smoke: cross({ op: [...OPS, 'multi'], depth: [4], valueSize: [100], keys: [1000], dist: ['uniform'] }),
  quick: cross({ op: ['get', 'set'], depth: DEPTHS, valueSize: [100], ...small }),
  default: [
    ...cross({ op: OPS, depth: DEPTHS, valueSize: [100], ...small }),
    ...multi,
    ...cross({ op: ['get', 'set'], depth: [16], valueSize: [16, 1000, 16_000], ...small }),
    ...cross({ op: ['get'], depth: [16], valueSize: [100], keys: [SMALL], dist: ['zipf'] }),
    ...cross({ op: ['get', 'set'], depth: DEPTHS, valueSize: [100], keys: [LARGE], dist: ['uniform'] }),
    ...cross({ op: ['get', 'mixed'], depth: [16], valueSize: [100], keys: [LARGE], dist: ['zipf'] }),
  ],
  full: cross({ op: OPS, depth: DEPTHS, dist: ['uniform', 'zipf'] })
    .flatMap((cell) => [
      ...[16, 100, 1000, 16_000].map((valueSize) => ({ ...cell, valueSize, keys: SMALL })),
      { ...cell, valueSize: 100, keys: LARGE },
    ])
    .concat(multi),
};

/** Cells for each of memcached's protocols. */
const MEMCACHED = {
  smoke: cross({ op: ['mixed', 'multi'], depth: [2], valueSize: [100], keys: [1000], dist: ['uniform'] }),
  quick: [...cross({ op: ['get'], depth: DEPTHS, valueSize: [100], ...small }), ...multi],
  default: [...cross({ op: OPS, depth: DEPTHS, valueSize: [100], ...small }), ...multi],
  full: [
    ...cross({ op: OPS, depth: DEPTHS, valueSize: [100], ...small }),
    ...multi,
    ...cross({ op: ['get', 'set'], depth: DEPTHS, valueSize: [100], keys: [LARGE], dist: ['uniform'] }),
    ...cross({ op: ['multi'], depth: [1], valueSize: [100], keys: [LARGE], dist: ['uniform'] }),
  ],
};

/** What the cells of "two threads against one" are. */
export const threadCells = (matrix) =>
  matrix === 'smoke'
    ? cross({ op: ['get'], depth: [4], valueSize: [100], keys: [1000], dist: ['uniform'] })
    : cross({ op: ['get', 'set'], depth: [1, 16], valueSize: [100], ...small });

/**
 * The cells to measure.
 * @param {string} matrix smoke, quick, default or full
 * @param {string} protocol one of PROTOCOLS in common/servers.mjs
 * @param {{ op?: string[], depth?: number[], valueSize?: number[], keys?: number[], dist?: string[] }} only
 *   what is given replaces what the matrix has there: every combination of it, with the matrix's values for the rest
 */
export function chooseCells(matrix, protocol, only) {
  if (Object.keys(only).length === 0) return (protocol === 'resp' ? RESP : MEMCACHED)[matrix];
  return cross({ op: ['get', 'set'], depth: DEPTHS, valueSize: [100], ...small, ...only });
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
export function cellName({ op, depth, valueSize, keys, dist }) {
  const what = { mixed: '90/10', multi: `multi-get of ${MULTI_KEYS},` }[op] ?? op.toUpperCase();
  const count = keys >= 1e6 ? `${keys / 1e6}M` : `${keys / 1e3}k`;
  return `${what} depth ${depth}, ${valueSize} B, ${count} keys${dist === 'zipf' ? ', Zipf' : ''}`;
}
