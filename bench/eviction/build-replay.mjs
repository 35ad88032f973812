/** Compiles the replayer from bench/eviction/replay into .build/, when its sources have changed. */

import { existsSync, mkdirSync } from 'node:fs';
import { inRoot, stateDirectory } from '../../scripts/steps/paths.mjs';
import { run, StepError, say } from '../../scripts/steps/run.mjs';
import { hashOf, readStamp, writeStamp } from '../../scripts/steps/stamp.mjs';

const SOURCES = 'bench/eviction/replay';
const SHARED = 'bench/server/load/sockets.h';
const FLAGS = ['-std=c++17', '-O2', '-Wall', '-Wextra'];
const compiler = process.env.CXX ?? 'c++';

export const replayPath = inRoot('.build', 'replay');

/** @throws {StepError} if the compiler refuses, or this is not Linux */
export function buildReplay() {
  if (process.platform !== 'linux') throw new StepError('replaying traces needs Linux (/proc)');
  const hash = hashOf([SOURCES, SHARED], { facts: [process.platform, process.arch, compiler, ...FLAGS] });
  if (readStamp('replay').hash === hash && existsSync(replayPath)) return;
  say('building the replayer');
  mkdirSync(stateDirectory, { recursive: true });
  run('the replayer', compiler, [...FLAGS, '-o', replayPath, inRoot(SOURCES, 'replay.cc')]);
  writeStamp('replay', { hash });
}
