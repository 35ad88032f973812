/**
 * The latency monitor of a worker: for each kind of event the worst of each second in which it took `latency-monitor-threshold` milliseconds
 * or more. LATENCY shows what all workers saw as one.
 */

import type { LatencyEvent, LatencySample } from '../commands/server-port.js';

/** Seconds with an event that are kept of it. */
const SAMPLES_MAX = 160;

interface Series {
  samples: { time: number; milliseconds: number }[];
  maxMs: number;
}

export class LatencyMonitor {
  private readonly series = new Map<string, Series>();

  /** Notes an event. `time` in seconds since 1970. */
  add(name: string, time: number, milliseconds: number): void {
    let series = this.series.get(name);
    if (series === undefined) {
      series = { samples: [], maxMs: 0 };
      this.series.set(name, series);
    }
    series.maxMs = Math.max(series.maxMs, milliseconds);
    const last = series.samples.at(-1);
    if (last?.time === time) last.milliseconds = Math.max(last.milliseconds, milliseconds);
    else series.samples.push({ time, milliseconds });
    if (series.samples.length > SAMPLES_MAX) series.samples.shift();
  }

  events(): LatencyEvent[] {
    return [...this.series].map(([name, { samples, maxMs }]) => ({ name, samples, maxMs }));
  }

  /** Forgets events by name, all when none is named. @returns the names of those forgotten */
  reset(names: readonly string[]): string[] {
    const forgotten = names.length === 0 ? [...this.series.keys()] : names.filter((name) => this.series.has(name));
    for (const name of forgotten) this.series.delete(name);
    return forgotten;
  }
}

/** What several workers saw, as one. */
export function mergeLatencyEvents(lists: readonly (readonly LatencyEvent[])[]): LatencyEvent[] {
  const merged = new Map<string, LatencyEvent>();
  for (const event of lists.flat()) {
    const known = merged.get(event.name);
    if (known === undefined) merged.set(event.name, event);
    else {
      const samples = mergeSamples([...known.samples, ...event.samples]);
      merged.set(event.name, { name: event.name, samples, maxMs: Math.max(known.maxMs, event.maxMs) });
    }
  }
  return [...merged.values()];
}

/** By time, and the worst of each second. */
function mergeSamples(samples: readonly LatencySample[]): LatencySample[] {
  const worst = new Map<number, number>();
  for (const { time, milliseconds } of samples) worst.set(time, Math.max(milliseconds, worst.get(time) ?? 0));
  return [...worst]
    .sort(([a], [b]) => a - b)
    .map(([time, milliseconds]) => ({ time, milliseconds }))
    .slice(-SAMPLES_MAX);
}
