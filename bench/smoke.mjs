/**
 * `npm run bench:smoke`: every benchmark once with tiny inputs, so that none of them rots. Says nothing about speed; fails when a
 * benchmark fails, or has done no work. Takes half a minute. `--no-build` takes what is built.
 */

import { existsSync } from 'node:fs';
import { inRoot } from '../scripts/steps/paths.mjs';
import { prepare } from '../scripts/steps/prepare.mjs';
import { main, StepError } from '../scripts/steps/run.mjs';
import { start, stop, tellingLine } from './common/processes.mjs';
import { buildLoad } from './server/build-load.mjs';

const LIMIT_MS = 60_000;

/** What each prints when it has worked, with a number. */
const BENCHES = [
  { script: 'bench/server/run.mjs', work: /(\d+) operations measured/ },
  { script: 'bench/server/expiry.mjs', work: /(\d+) keys expired/ },
  { script: 'bench/server/memory.mjs', work: /(\d+) items stored/ },
  { script: 'bench/server/memory-day.mjs', work: /(\d+) requests in a day/ },
  { script: 'bench/eviction/replay.mjs', work: /checksum (\d+)/ },
  { script: 'bench/eviction/policies.mjs', work: /(\d+) requests replayed/ },
  { script: 'bench/micro/library.mjs', work: /checksum (\d+)/ },
  { script: 'bench/micro/hot-keys.mjs', work: /(\d+) commands executed/ },
  { script: 'bench/micro/threads.mjs', work: /(\d+) values found/, needs: 'dist/index.js' },
];

await main(async () => {
  if (!process.argv.includes('--no-build')) prepare({ tests: true });
  buildLoad();
  for (const bench of BENCHES) {
    const line =
      bench.needs && !existsSync(inRoot(bench.needs)) ? `left out, without ${bench.needs}` : await smoke(bench);
    process.stdout.write(`${bench.script}: ${line}\n`);
  }
});

/** @returns {Promise<string>} the work it did and the time it took */
async function smoke({ script, work }) {
  const startedMs = Date.now();
  const child = start('node', [script, '--smoke', '--no-build']);
  const timer = setTimeout(() => stop(child), LIMIT_MS);
  await child.ended;
  clearTimeout(timer);
  if (child.exitCode !== 0) throw new StepError(`${script} failed: ${tellingLine(child.output)}`);
  const found = work.exec(child.output);
  if (!(Number(found?.[1]) > 0)) throw new StepError(`${script} did no work: ${tellingLine(child.output)}`);
  return `${found[0]}, ${((Date.now() - startedMs) / 1000).toFixed(1)} s`;
}
