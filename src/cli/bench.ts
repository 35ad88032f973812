/** `ashlar bench`: runs the load generator of a source checkout. The installed package doesn't have it. */

import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { AshlarError } from '../base/errors.js';

const RUNNER = new URL('../../bench/server/run.mjs', import.meta.url);

/**
 * Becomes the load generator, with its arguments.
 * @throws {AshlarError} ERR_FILE if there is none
 */
export async function bench(args: readonly string[]): Promise<void> {
  const path = fileURLToPath(RUNNER);
  if (!existsSync(path)) {
    const text = 'the benchmark is not in the installed package: run `npm run bench` in a checkout of the sources';
    throw new AshlarError('ERR_FILE', text);
  }
  process.argv = [process.argv[0], path, ...args];
  await import(RUNNER.href);
}
