/** What the machine offers: the facts from which some defaults are computed. Tests pass their own. */

import { readFileSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';

export interface Machine {
  /** Processors that this process may use, at least 1. */
  readonly cores: number;
  /** Memory that this process may use, in bytes: the machine's, or the limit of its container. */
  readonly memoryBytes: number;
}

/** The machine that this process runs on, seen through the limits of its container. */
export function thisMachine(): Machine {
  const limit = process.constrainedMemory();
  const memoryBytes = limit > 0 ? Math.min(limit, totalmem()) : totalmem();
  const cores = Math.max(1, Math.min(availableParallelism(), Math.ceil(processorQuota())));
  return { cores, memoryBytes };
}

/**
 * Processors' worth of time that the container may take (`docker run --cpus`), which `availableParallelism` does not know:
 * more threads than that would be stopped in the middle of their work.
 */
function processorQuota(): number {
  const [quota, period] = (readLine('/sys/fs/cgroup/cpu.max') ?? '').split(' ').map(Number);
  if (quota > 0 && period > 0) return quota / period;
  const quotaV1 = Number(readLine('/sys/fs/cgroup/cpu/cpu.cfs_quota_us'));
  const periodV1 = Number(readLine('/sys/fs/cgroup/cpu/cpu.cfs_period_us'));
  return quotaV1 > 0 && periodV1 > 0 ? quotaV1 / periodV1 : Number.POSITIVE_INFINITY;
}

function readLine(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
}
