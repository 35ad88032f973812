/**
 * `npm run build [-- --optional] [-- --force]`: builds whatever is out of date, and tries the native core again if it failed before.
 *
 *   --optional  a native core that cannot be built is a notice instead of an error. In the installed package, which ships
 *               dist/ compiled and has no install script, `node node_modules/ashlar/scripts/build.mjs --optional` adds the native core.
 *   --force     builds everything again.
 */

import { rmSync } from 'node:fs';
import { inRoot } from './steps/paths.mjs';
import { prepare } from './steps/prepare.mjs';
import { main, StepError } from './steps/run.mjs';

main(() => {
  const args = process.argv.slice(2);
  const unknown = args.find((arg) => arg !== '--optional' && arg !== '--force');
  if (unknown !== undefined) throw new StepError(`unknown argument ${unknown}; known are --optional and --force`);
  if (args.includes('--force')) {
    for (const stamp of ['native', 'typescript']) rmSync(inRoot('.build', `${stamp}.json`), { force: true });
  }
  prepare({ retryNative: true, optionalNative: args.includes('--optional') });
});
