/** What a process takes of the machine's memory. */

import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** Memory stands still when it has moved less than this from one reading to the next; it is read this often at most. */
const STILL_BYTES = 256 * 1024;
const READINGS_MAX = 10;

/** Resident memory in bytes. */
export function residentBytes(pid) {
  const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kilobytes) * 1024;
}

/**
 * Resident memory of a server at rest: tables grow, caches fill and free memory is sorted out for a moment after the last request.
 * @param {number} pid
 * @param {{ restMs: number, stillMs: number }} rest for how long it has nothing to do, and then for how long its memory stands still
 */
export async function settledBytes(pid, { restMs, stillMs }) {
  await sleep(restMs);
  let before = residentBytes(pid);
  for (let reading = 0; reading < READINGS_MAX; reading++) {
    await sleep(stillMs);
    const now = residentBytes(pid);
    if (Math.abs(now - before) < STILL_BYTES) return now;
    before = now;
  }
  return before;
}
