/** Tables, medians, and the files in bench/results. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { inRoot } from '../../scripts/steps/paths.mjs';

/** @param {number[]} values not empty */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** @param {number} value; 3 significant digits, thousands separated; `-` for what isn't there */
export function figure(value) {
  if (value === undefined || !Number.isFinite(value)) return '-';
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en-US');
  return String(Number(value.toPrecision(3)));
}

/**
 * A Markdown table; the first columns are text, the others are aligned right.
 * @param {string[]} heads
 * @param {string[][]} rows
 * @param {number} [textColumns]
 */
export function table(heads, rows, textColumns = 1) {
  const widths = heads.map((head, i) => Math.max(head.length, 3, ...rows.map((row) => row[i].length)));
  const line = (cells) =>
    `| ${cells.map((cell, i) => (i < textColumns ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join(' | ')} |`;
  const rule = widths.map((width, i) => (i < textColumns ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`));
  return [line(heads), line(rule), ...rows.map(line)].join('\n');
}

/** A line about what has been measured so far, on standard error; standard output gets the tables. */
export function note(line) {
  process.stderr.write(`${line}\n`);
}

/** Writes bench/results/NAME.md and NAME.json. @returns {string} the path of the Markdown, for people */
export function writeResults(name, markdown, data) {
  mkdirSync(inRoot('bench', 'results'), { recursive: true });
  writeFileSync(inRoot('bench', 'results', `${name}.md`), `${markdown.trim()}\n`);
  writeFileSync(inRoot('bench', 'results', `${name}.json`), `${JSON.stringify(data, null, 2)}\n`);
  return `bench/results/${name}.md`;
}
