/** Where and what was measured: goes with every result, because a number without it says nothing. */

import { spawnSync } from 'node:child_process';
import { availableParallelism, cpus, release, totalmem, type } from 'node:os';
import { root } from '../../scripts/steps/paths.mjs';

/** @returns {{ cpu: string, cores: number, memoryGiB: number, system: string, node: string, commit: string, date: string }} */
export function describeMachine() {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()}`,
    node: process.version,
    commit: describeCommit(),
    date: new Date().toISOString().slice(0, 10),
  };
}

/** The same as one line of Markdown. */
export function machineLine(machine) {
  const { cpu, cores, memoryGiB, system, node, commit, date } = machine;
  return `${cpu}, ${cores} cores, ${memoryGiB} GiB, ${system}, Node ${node}; commit ${commit}, ${date}.`;
}

function describeCommit() {
  const git = (...args) => spawnSync('git', args, { cwd: root, encoding: 'utf8' });
  const head = git('rev-parse', '--short=10', 'HEAD');
  if (head.error || head.status !== 0) return 'unknown';
  const changed = git('status', '--porcelain', '--', 'src', 'native', 'bin').stdout.trim() !== '';
  return head.stdout.trim() + (changed ? ' with uncommitted changes' : '');
}
