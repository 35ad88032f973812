/**
 * Compiles the load generator and the floor server from bench/server/load into .build/, when their sources have changed.
 * `node bench/server/build-load.mjs` does only that, and prints where the generator is.
 */

import { existsSync, mkdirSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { inRoot, stateDirectory } from '../../scripts/steps/paths.mjs';
import { main, run, StepError, say } from '../../scripts/steps/run.mjs';
import { hashOf, readStamp, writeStamp } from '../../scripts/steps/stamp.mjs';

const SOURCES = 'bench/server/load';
const FLAGS = ['-std=c++17', '-O2', '-Wall', '-Wextra'];
const compiler = process.env.CXX ?? 'c++';

export const loadPath = inRoot('.build', 'load');
export const floorPath = inRoot('.build', 'floor');

/** @throws {StepError} if the compiler refuses, or there is no epoll */
export function buildLoad() {
  if (process.platform !== 'linux') throw new StepError('the load generator needs Linux (epoll, /proc)');
  if (!loadIsStale()) return;
  say('building the load generator');
  mkdirSync(stateDirectory, { recursive: true });
  run('the load generator', compiler, [...FLAGS, '-o', loadPath, inRoot(SOURCES, 'load.cc')]);
  run('the floor server', compiler, [...FLAGS, '-o', floorPath, inRoot(SOURCES, 'floor.cc')]);
  writeStamp('load', { hash: sourceHash() });
}

const loadIsStale = () => readStamp('load').hash !== sourceHash() || !existsSync(loadPath) || !existsSync(floorPath);

const sourceHash = () => hashOf([SOURCES], { facts: [process.platform, process.arch, compiler, ...FLAGS] });

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  await main(buildLoad);
  process.stdout.write('.build/load\n');
}
