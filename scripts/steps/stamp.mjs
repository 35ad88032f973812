/**
 * Stamps: how a step knows that it has nothing to do.
 *
 * A stamp is a small JSON file in .build/ with the hash of everything the step read, by content: times of files say nothing
 * after a checkout. A step compares the hash of today with the stamp, and writes the stamp when it is done.
 */

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root, stateDirectory } from './paths.mjs';

/**
 * Hash of files and folders, by path and content; what doesn't exist counts as absent.
 * @param {string[]} paths relative to the package
 * @param {{ facts?: string[], skip?: (path: string) => boolean }} [options] further facts the step depends on; paths to leave out
 */
export function hashOf(paths, { facts = [], skip = () => false } = {}) {
  const hash = createHash('sha256');
  for (const fact of facts) hash.update(`${fact}\0`);
  for (const path of paths.flatMap((path) => filesUnder(path, skip))) {
    hash
      .update(`${path}\0`)
      .update(readFileSync(join(root, path)))
      .update('\0');
  }
  return hash.digest('hex');
}

/** @returns {string[]} the files at or under a path, sorted, so that the order of a directory doesn't matter */
export function filesUnder(path, skip = () => false) {
  const absolute = join(root, path);
  if (!existsSync(absolute) || skip(path)) return [];
  if (!statSync(absolute).isDirectory()) return [path];
  return readdirSync(absolute)
    .sort()
    .flatMap((name) => filesUnder(`${path}/${name}`, skip));
}

/** @returns {Record<string, unknown>} the stamp's content, or an empty one */
export function readStamp(name) {
  try {
    return JSON.parse(readFileSync(join(stateDirectory, `${name}.json`), 'utf8'));
  } catch {
    return {};
  }
}

/** @param {Record<string, unknown>} content */
export function writeStamp(name, content) {
  mkdirSync(stateDirectory, { recursive: true });
  writeFileSync(join(stateDirectory, `${name}.json`), `${JSON.stringify(content)}\n`);
}
