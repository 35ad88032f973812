/** The lock of the build: one builder at a time, and one that died holds up nobody. */

import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeEach, expect, it } from 'vitest';

const directory = mkdtempSync(join(tmpdir(), 'ashlar-lock-'));
const state = join(directory, '.build');
const lock = join(state, 'lock');
cpSync(fileURLToPath(new URL('../../../scripts/steps', import.meta.url)), join(directory, 'scripts', 'steps'), {
  recursive: true,
});
afterAll(() => rmSync(directory, { recursive: true }));
beforeEach(() => {
  rmSync(state, { recursive: true, force: true });
  mkdirSync(state);
});

/** Runs a program while holding the lock; gives what it printed, or that it had to wait for too long. */
function holding(work: string, timeout = 10_000): Promise<string> {
  const program = `import { withLock } from './scripts/steps/lock.mjs'; withLock(() => { ${work} });`;
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], { cwd: directory, timeout });
    let printed = '';
    child.stdout.on('data', (data) => {
      printed += data;
    });
    child.once('close', (_, signal) => resolve(signal === null ? printed : `waited: ${signal}`));
  });
}

it('is held by one at a time, and given back', async () => {
  // Each reads, waits, and writes: two at once would lose what one of them added.
  const add = `
    const fs = process.getBuiltinModule('node:fs');
    const sum = Number(fs.readFileSync('sum', 'utf8'));
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
    fs.writeFileSync('sum', String(sum + 1));`;
  writeFileSync(join(directory, 'sum'), '0');
  await Promise.all([1, 2, 3, 4].map(() => holding(add)));
  expect(readFileSync(join(directory, 'sum'), 'utf8')).toBe('4');
  expect(existsSync(lock)).toBe(false);
});

it('of a process that is gone is taken over', async () => {
  await holding('process.kill(process.pid, "SIGKILL")');
  expect(existsSync(lock)).toBe(true);
  expect(await holding('console.log("built")')).toBe('built\n');
});

it.runIf(process.platform === 'linux')('of a process whose id is another one’s now is taken over', async () => {
  writeFileSync(lock, `${process.pid} before the restart`);
  expect(await holding('console.log("built")')).toBe('built\n');
});

it('that says nothing is taken over when nobody can be about to write it any more', async () => {
  writeFileSync(lock, '');
  const minuteAgo = Date.now() / 1000 - 60;
  utimesSync(lock, minuteAgo, minuteAgo);
  expect(await holding('console.log("built")')).toBe('built\n');
});
