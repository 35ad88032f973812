/**
 * One build at a time in one checkout: `npm start` and `npm test` in two terminals must not both empty build/.
 *
 * The lock is a file made with O_EXCL that says who builds: `process id, space, since when it runs`. A builder that was killed leaves the file
 * behind, which is seen by its process being gone; or, after a restart of the machine or the container, by its id being that of another process.
 */

import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stateDirectory } from './paths.mjs';
import { say } from './run.mjs';

const POLL_MS = 100;
/** The file is empty between its making and its writing, for less than this; for longer, if the machine went down before it was on disk. */
const EMPTY_MS_MAX = 2000;
const lockFile = join(stateDirectory, 'lock');

/**
 * Runs `work` while holding the lock; waits for as long as another process builds.
 * @template T
 * @param {() => T} work synchronous
 * @returns {T}
 */
export function withLock(work) {
  mkdirSync(stateDirectory, { recursive: true });
  for (let waits = 0; !tryToLock(); waits++) {
    if (waits === 1) say('another process builds here: waiting for it');
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, POLL_MS);
  }
  try {
    return work();
  } finally {
    rmSync(lockFile, { force: true });
  }
}

function tryToLock() {
  try {
    writeFileSync(lockFile, `${process.pid} ${runsSince(process.pid)}`, { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
  }
  if (isLeftBehind()) rmSync(lockFile, { force: true });
  return false;
}

function isLeftBehind() {
  try {
    const holder = readFileSync(lockFile, 'utf8');
    if (holder === '') return Date.now() - statSync(lockFile).mtimeMs > EMPTY_MS_MAX;
    const [pid, since] = holder.split(' ');
    if (since !== '') return since !== runsSince(pid);
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    // EPERM: the process exists and is somebody else's. ENOENT: the lock has just been given back.
    return error.code === 'ESRCH';
  }
}

/** What tells a process from another that has its id later: the start of the machine, and the time from then to its own. Empty where Linux does not tell. */
function runsSince(pid) {
  try {
    // The name of the program, in parentheses, may have blanks; the time is the 20th field behind it.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}/${fields[19]}`;
  } catch {
    return '';
  }
}
