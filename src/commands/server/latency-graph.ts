/** LATENCY GRAPH: an event's history drawn in characters, oldest at the left, with how long ago it was written downwards below. */

import type { LatencyEvent } from '../server-port.js';

const COLUMNS = 80;
const ROWS = 4;
/** A cell is empty, or filled up to one of these heights, or wholly. */
const HEIGHTS = '_o#';
const FULL = '|';

/** `59s`, `3m`, `2h`, `1d`. */
function age(seconds: number): string {
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`;
  return seconds < 86_400 ? `${Math.floor(seconds / 3600)}h` : `${Math.floor(seconds / 86_400)}d`;
}

/** @param now seconds since 1970 */
export function latencyGraph(event: LatencyEvent, now: number): string {
  const values = event.samples.map(({ milliseconds }) => milliseconds);
  const high = Math.max(...values);
  const low = Math.min(...values);
  const title = `${event.name} - high ${high} ms, low ${low} ms (all time high ${event.maxMs} ms)\n${'-'.repeat(COLUMNS)}\n`;
  const parts: string[] = [];
  for (let at = 0; at < values.length; at += COLUMNS) {
    const labels = event.samples.slice(at, at + COLUMNS).map(({ time }) => age(now - time));
    parts.push(draw(values.slice(at, at + COLUMNS), labels, low, high));
  }
  return title + parts.join('\n');
}

function draw(values: readonly number[], labels: readonly string[], low: number, high: number): string {
  const steps = HEIGHTS.length * ROWS;
  const range = Math.max(1, high - low);
  const heights = values.map((value) => Math.min(steps - 1, Math.floor(((value - low) * steps) / range)));
  const lines: string[] = [];
  for (let row = ROWS - 1; row >= 0; row--) {
    lines.push(heights.map((height) => cell(height - row * HEIGHTS.length)).join(''));
  }
  lines.push(' '.repeat(values.length));
  const longest = Math.max(...labels.map((label) => label.length));
  for (let i = 0; i < longest; i++) lines.push(labels.map((label) => label[i] ?? ' ').join(''));
  return lines.map((line) => `${line}\n`).join('');
}

function cell(height: number): string {
  if (height < 0) return ' ';
  return HEIGHTS[height] ?? FULL;
}
