/**
 * Where Ashlar's bytes are, by its own books: INFO counts items, their bytes and the index's segments; MEMORY MALLOC-STATS has a line
 * for each size class. An item of the 100-byte class, say, and its share of what it can't do without:
 *
 *   page of 64 KiB  ┌──────────────────────────────────────┬──────┬─────────┬─────┬──────┐
 *                   │ header │ blocks │ key │ value │ round │ item │ free    │ ... │ tail │
 *                   └──────────────────────────────────────┴──────┴─────────┴─────┴──────┘
 *                    └──────────── cell ──────────────────┘
 *   index segment   ┌───────┬───────┬──────┬───────┬──────┐
 *                   │ entry │ entry │ room │ entry │ room │
 *                   └───────┴───────┴──────┴───────┴──────┘
 */

import { pathToFileURL } from 'node:url';
import { inRoot } from '../../scripts/steps/paths.mjs';
import { StepError } from '../../scripts/steps/run.mjs';
import { figure, table } from '../common/report.mjs';

const PAGE_BYTES = 65_536;
const ENTRY_BYTES = 8;
const READS_MAX = 20;

/**
 * @typedef {{ header: number, blocks: number, entry: number, room: number, rounding: number, tails: number, free: number }} Parts
 *   bytes per item; blocks: deadlines, versions, client flags; room: of the index, not filled; rounding: items up to their cells; tails:
 *   of pages, behind the last cell; free: cells without an item
 */

/** What each part is called in the table. */
const HEADS = {
  header: 'header',
  blocks: 'blocks',
  entry: 'index entry',
  room: 'index room',
  rounding: 'rounding',
  tails: 'page tails',
  free: 'free cells',
};

/**
 * @param {import('../common/client.mjs').Client} client of an Ashlar server
 * @param {number} dataBytes of all keys and values that are stored; none of them in a run of pages
 * @returns {Promise<Parts>}
 * @throws {StepError} when its books don't add up to the pages in use
 */
export async function readParts(client, dataBytes) {
  const { info, classes } = await readBooks(client);
  const { itemBytes } = await import(pathToFileURL(inRoot('dist', 'engine', 'item.js')).href);
  const items = info.ashlar_items;
  const cells = sum(classes, (row) => row.live * row.cell);
  const bytes = {
    header: items * itemBytes(0, 0, false),
    blocks: info.ashlar_item_bytes - items * itemBytes(0, 0, false) - dataBytes,
    entry: items * ENTRY_BYTES,
    room: info.ashlar_index_segments * PAGE_BYTES - items * ENTRY_BYTES,
    rounding: cells - info.ashlar_item_bytes,
    tails: sum(classes, (row) => row.pages * PAGE_BYTES - row.cells * row.cell),
    free: sum(classes, (row) => (row.cells - row.live) * row.cell),
  };
  return Object.fromEntries(Object.entries(bytes).map(([name, all]) => [name, all / items]));
}

/** INFO and the classes as they are at one moment: a page that changes hands between the two questions has them asked again. */
async function readBooks(client) {
  for (let tries = 1; ; tries++) {
    const info = fieldsOf(await client.ask('INFO', 'everything'));
    const classes = rowsOf(await client.ask('MEMORY', 'MALLOC-STATS'));
    const slabPages = sum(classes, ({ pages }) => pages);
    const pages = info.used_memory_startup / PAGE_BYTES + info.ashlar_index_segments + slabPages;
    if (pages === info.ashlar_pages_used) return { info, classes };
    if (tries === READS_MAX)
      throw new StepError(`ashlar has ${info.ashlar_pages_used} pages in use, and ${pages} of them are explained`);
  }
}

/** @param {{ name: string, overhead: number, parts: Parts }[]} rows overhead: by resident memory, bytes an item */
export function partsTable(rows) {
  const names = Object.keys(HEADS);
  const lines = rows.map(({ name, overhead, parts }) => {
    const explained = sum(names, (part) => parts[part]);
    return [name, ...names.map((part) => figure(rounded(parts[part]))), figure(overhead - explained), figure(overhead)];
  });
  return [
    "Bytes an item beyond key and value by Ashlar's own books. *Blocks* are what only some items have: a deadline, which those of 2 KiB and",
    'more always have room for. *Rest* is what resident memory grew by and the books do not have: touched tables of the shards, buffers and',
    'heap of the process, pages that were freed and are kept; less cells that were never touched.',
    '',
    table(['items', ...Object.values(HEADS), 'rest', 'resident'], lines),
  ].join('\n');
}

const rounded = (bytes) => Math.round(bytes * 100) / 100;

const sum = (list, read) => list.reduce((total, each) => total + read(each), 0);

/** INFO as numbers by name. */
function fieldsOf(text) {
  return Object.fromEntries([...text.matchAll(/^(\w+):(\S*)\r$/gm)].map(([, name, value]) => [name, Number(value)]));
}

/** A table of columns under a line of heads as objects. */
function rowsOf(text) {
  const [heads, ...lines] = text
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/));
  return lines.map((cells) => Object.fromEntries(heads.map((head, i) => [head, Number(cells[i])])));
}
