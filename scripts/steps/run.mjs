/** Running a tool to its end, and the failure that every step reports in the same way. */

import { spawnSync } from 'node:child_process';
import { root } from './paths.mjs';

/** A step failed in a way that one line explains: shown without a stack. */
export class StepError extends Error {}

/**
 * Runs a program with the caller's terminal.
 * @param {string} what the step, for the message
 * @throws {StepError} if it cannot be started, fails or is killed
 */
export function run(what, command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options });
  if (result.error) throw new StepError(`${what}: ${result.error.message}`);
  if (result.signal) throw new StepError(`${what}: ended by ${result.signal}`);
  if (result.status !== 0) throw new StepError(`${what} failed (exit code ${result.status})`);
}

/** Runs a script's main function; a StepError becomes one line on standard error and exit code 1. */
export async function main(work) {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof StepError)) throw error;
    process.stderr.write(`ashlar: ${error.message}\n`);
    process.exit(1);
  }
}

/** A line about what goes on, on standard error: standard output belongs to the server's or the test runner's own words. */
export function say(line) {
  process.stderr.write(`ashlar: ${line}\n`);
}
