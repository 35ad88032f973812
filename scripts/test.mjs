/**
 * `npm test [-- vitest's arguments]`: the same preparation as `npm start`, then all tests once, in this same process, so that
 * the terminal, signals and the exit code are vitest's own.
 */

import { pathToFileURL } from 'node:url';
import { inRoot } from './steps/paths.mjs';
import { prepare } from './steps/prepare.mjs';
import { main } from './steps/run.mjs';

await main(() => prepare({ tests: true }));
const vitest = inRoot('node_modules', 'vitest', 'vitest.mjs');
process.argv = [process.argv[0], vitest, 'run', ...process.argv.slice(2)];
await import(pathToFileURL(vitest).href);
