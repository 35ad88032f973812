/** Readable pictures of the shards and their slabs: DEBUG SHARDS, DEBUG SLABS and MEMORY MALLOC-STATS. */

import { formatBytesRounded } from '../../base/units.js';
import type { Keyspace } from '../../engine/keyspace.js';
import { CELL_BYTES, CLASSES, PAGE_BYTES } from '../../engine/memory/size-classes.js';
import { readFigures } from '../../engine/shard-figures.js';

type Cell = string | number;

/** Rows as columns of equal width, numbers to the right. */
function table(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => String(row[column]).length)));
  const line = (cells: readonly Cell[]): string => {
    return `${cells.map((cell, column) => String(cell).padStart(widths[column])).join('  ')}\n`;
  };
  return [head, ...rows].map(line).join('');
}

function percent(part: number, whole: number): string {
  return `${whole === 0 ? '0.0' : ((part * 100) / whole).toFixed(1)}%`;
}

/** A line for each shard: how full it is, and what has happened in it. */
export function shardReport(keyspace: Keyspace): string {
  const head = [
    'shard',
    'items',
    'used',
    'budget',
    'full',
    'data',
    'segments',
    'evicted',
    'expired',
    'refused',
    'resets',
  ];
  const rows = keyspace.shards.map((shard, number) => {
    const figures = readFigures(shard);
    return [
      number,
      figures.items,
      formatBytesRounded(figures.usedBytes),
      formatBytesRounded(figures.budgetBytes),
      percent(figures.usedBytes, figures.budgetBytes),
      percent(figures.itemBytes, figures.usedBytes),
      figures.segments,
      figures.evicted,
      figures.expired,
      figures.refused,
      figures.resets,
    ];
  });
  return table(head, rows);
}

/** A line for each size class that has pages, over all shards. */
export function slabReport(keyspace: Keyspace): string {
  const head = ['class', 'cell', 'pages', 'cells', 'live', 'full', 'free'];
  const rows: Cell[][] = [];
  for (let sizeClass = 0; sizeClass < CLASSES; sizeClass++) {
    let pages = 0;
    let cells = 0;
    let live = 0;
    for (const { slabs } of keyspace.shards) {
      pages += slabs.classPages(sizeClass);
      cells += slabs.classCells(sizeClass);
      live += slabs.classLive(sizeClass);
    }
    if (pages === 0) continue;
    const free = formatBytesRounded(pages * PAGE_BYTES - live * CELL_BYTES[sizeClass]);
    rows.push([sizeClass, CELL_BYTES[sizeClass], pages, cells, live, percent(live, cells), free]);
  }
  return table(head, rows);
}
