/**
 * One build at a time in one checkout: `npm start` and `npm test` in two terminals must not both empty build/.
 *
 * The lock is a file made with O_EXCL that holds the builder's process id. A builder that was killed leaves the file behind,
 * which is seen by its process being gone.
 */

import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stateDirectory } from './paths.mjs';

const POLL_MS = 100;
const lockFile = join(stateDirectory, 'lock');

/**
 * Runs `work` while holding the lock; waits for as long as another process builds.
 * @template T
 * @param {() => T} work synchronous
 * @returns {T}
 */
export function withLock(work) {
  mkdirSync(stateDirectory, { recursive: true });
  while (!tryToLock()) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, POLL_MS);
  try {
    return work();
  } finally {
    rmSync(lockFile, { force: true });
  }
}

function tryToLock() {
  try {
    writeFileSync(lockFile, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
  }
  if (!holderIsAlive()) rmSync(lockFile, { force: true });
  return false;
}

function holderIsAlive() {
  try {
    const pid = Number(readFileSync(lockFile, 'utf8'));
    // The file is empty for the moment between its making and its writing.
    if (pid > 0) process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: the process exists and is somebody else's. ENOENT: the lock has just been given back.
    return error.code === 'EPERM';
  }
}
