/** INFO's sections by command and by error: how often, how long, how many failed. */

import type { CommandHistogram } from '../commands/server-port.js';
import type { TableEntry } from '../commands/table.js';
import type { FleetFigures } from './fleet-figures.js';
import type { Field, InfoSources } from './info-sources.js';
import { ERROR_CODES, HISTOGRAM_BUCKETS } from './statistics.js';

const PERCENTILES = [50, 99, 99.9];

export function commandStatistics({ table, fleet }: InfoSources): Field[] {
  const fields: Field[] = [];
  for (const { id, name } of table.entries) {
    const calls = fleet.of((block) => block.calls(id));
    const rejected = fleet.of((block) => block.rejected(id));
    const failed = fleet.of((block) => block.failed(id));
    if (calls === 0 && rejected === 0 && failed === 0) continue;
    const microseconds = fleet.of((block) => block.microseconds(id));
    const each = calls === 0 ? 0 : microseconds / calls;
    const text = `calls=${calls},usec=${Math.round(microseconds)},usec_per_call=${each.toFixed(2)},rejected_calls=${rejected},failed_calls=${failed}`;
    fields.push([`cmdstat_${name}`, text]);
  }
  return fields;
}

export function errorStatistics({ fleet }: InfoSources): Field[] {
  return ERROR_CODES.map(
    (code, index): Field => [`errorstat_${code}`, `count=${fleet.of((block) => block.errors(index))}`],
  )
    .filter(([, text]) => text !== 'count=0')
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

export function latencyStatistics({ config, table, fleet }: InfoSources): Field[] {
  if (!config.latencyTracking) return [];
  const fields: Field[] = [];
  for (const { id, name } of table.entries) {
    const counts = histogram(fleet, id);
    if (counts.every((count) => count === 0)) continue;
    const parts = PERCENTILES.map((percentile) => `p${percentile}=${percentileOf(counts, percentile).toFixed(3)}`);
    fields.push([`latency_percentiles_usec_${name}`, parts.join(',')]);
  }
  return fields;
}

/** Calls of a command by bucket, over all workers. */
function histogram(fleet: FleetFigures, id: number): number[] {
  return Array.from({ length: HISTOGRAM_BUCKETS }, (_, bucket) => fleet.of((block) => block.bucket(id, bucket)));
}

/** Microseconds that a share of the calls stayed below, as if the calls of a bucket were spread evenly in it. */
function percentileOf(counts: readonly number[], percentile: number): number {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const wanted = (total * percentile) / 100;
  let seen = 0;
  for (let bucket = 0; bucket < counts.length; bucket++) {
    const count = counts[bucket];
    if (count > 0 && seen + count >= wanted) {
      const lower = bucket === 0 ? 0 : 2 ** (bucket - 1);
      return lower + ((2 ** bucket - lower) * (wanted - seen)) / count;
    }
    seen += count;
  }
  return 2 ** (counts.length - 1);
}

/**
 * Cumulative histograms for LATENCY HISTOGRAM. Names are full names, or those of containers, which mean all their subcommands (`memcached`: all commands of
 * that door); none means all.
 */
export function commandHistograms({ table, fleet }: InfoSources, names: readonly string[]): CommandHistogram[] {
  const named = (name: string): TableEntry[] =>
    table.entries.filter((entry) => entry.name === name || entry.name.startsWith(`${name}|`));
  const entries = names.length === 0 ? table.entries : names.flatMap((name) => named(name.toLowerCase()));
  return entries.map((entry) => cumulative(entry.name, histogram(fleet, entry.id))).filter(({ calls }) => calls > 0);
}

function cumulative(name: string, counts: readonly number[]): CommandHistogram {
  const buckets: [number, number][] = [];
  let calls = 0;
  counts.forEach((count, bucket) => {
    calls += count;
    if (count > 0) buckets.push([2 ** bucket, calls]);
  });
  return { name, calls, buckets };
}
