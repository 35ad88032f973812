/**
 * Step: node_modules holds what package-lock.json names.
 *
 * npm leaves a list of what it installed in node_modules/.package-lock.json, as its last act. Comparing versions with it
 * tells a fresh clone, a changed lock file and an install that was interrupted from a good one, whoever ran the install.
 */

import { existsSync, readFileSync } from 'node:fs';
import { inRoot } from './paths.mjs';
import { run, say } from './run.mjs';

/**
 * Runs `npm ci` if something is missing or of another version.
 * @param {{ dev: boolean }} needs whether the development dependencies (compilers, test runner) are needed
 */
export function ensureDependencies({ dev }) {
  if (dependenciesAreComplete(dev)) return;
  say('installing dependencies (npm ci)');
  const args = ['ci', '--include=dev', '--no-audit', '--no-fund'];
  // npm says where it is when it runs us; a plain `node scripts/start.mjs` finds it on the path.
  const npm = process.env.npm_execpath;
  if (npm?.endsWith('.js')) run('npm ci', process.execPath, [npm, ...args], { stdio: ['ignore', 2, 2] });
  else run('npm ci', 'npm', args, { stdio: ['ignore', 2, 2], shell: process.platform === 'win32' });
}

function dependenciesAreComplete(dev) {
  // The installed package has no lock file, and its dependencies are its user's business.
  if (!existsSync(inRoot('package-lock.json'))) return true;
  const wanted = packagesOf('package-lock.json');
  const present = packagesOf('node_modules/.package-lock.json');
  return Object.entries(wanted).every(([path, entry]) => {
    const installed = present[path];
    if (path === '' || (entry.dev && !dev)) return true;
    // Packages for other platforms are in the lock file and nowhere else.
    if (!installed) return Boolean(entry.optional || entry.devOptional);
    return installed.version === entry.version;
  });
}

/** @returns {Record<string, { version?: string, dev?: boolean, optional?: boolean, devOptional?: boolean }>} */
function packagesOf(lockFile) {
  try {
    return JSON.parse(readFileSync(inRoot(lockFile), 'utf8')).packages ?? {};
  } catch {
    return {};
  }
}
