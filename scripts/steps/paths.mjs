/** Where things are in a checkout (or in the installed package), for the scripts. */

import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The package's own directory, absolute. */
export const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

/** @param {string[]} parts path inside the package */
export const inRoot = (...parts) => join(root, ...parts);

/** What the scripts remember between runs: stamps, the log of the native build, the lock. Never committed. */
export const stateDirectory = inRoot('.build');
