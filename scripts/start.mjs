/**
 * `npm start [-- options]`: from a fresh clone to a running server. Installs and builds what is missing or out of date, then
 * is the server: the command line runs in this same process, so signals, standard streams and the exit code need no forwarding.
 */

import { pathToFileURL } from 'node:url';
import { inRoot } from './steps/paths.mjs';
import { prepare } from './steps/prepare.mjs';
import { main } from './steps/run.mjs';

await main(prepare);
const launcher = inRoot('bin', 'ashlar.mjs');
process.argv = [process.argv[0], launcher, 'serve', ...process.argv.slice(2)];
await import(pathToFileURL(launcher).href);
