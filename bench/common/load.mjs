/** Running the load generator (bench/server/load) against a started server, and reading what it says. */

import { StepError } from '../../scripts/steps/run.mjs';
import { loadPath } from '../server/build-load.mjs';
import { start, tellingLine } from './processes.mjs';

/** What a run may take beyond its own seconds: connecting, rendering requests, populating. */
const GRACE_SECONDS = 120;

/**
 * @param {{ port: number, pid: number, protocol: string, label: string }} server
 * @param {Record<string, string | number | true>} options the generator's, without the dashes: `{ op: 'get', 'value-size': 100 }`
 * @returns {Promise<object>} the generator's JSON
 * @throws {StepError} if it fails or takes too long
 */
export async function runLoad(server, options) {
  const all = { port: server.port, protocol: server.protocol, 'server-pid': server.pid, json: true, ...options };
  const args = Object.entries(all)
    .filter(([, value]) => value !== undefined)
    .flatMap(([name, value]) => (value === true ? [`--${name}`] : [`--${name}`, String(value)]));
  const limitMs = ((options.seconds ?? 0) + (options.warmup ?? 0) + GRACE_SECONDS) * 1000;
  const child = start(loadPath, args);
  const timer = setTimeout(() => child.kill('SIGKILL'), limitMs);
  await child.ended;
  clearTimeout(timer);
  if (child.exitCode === 0) return JSON.parse(child.output);
  throw new StepError(`load against ${server.label} failed (${args.join(' ')}): ${tellingLine(child.output)}`);
}
