/**
 * Measuring cells on several servers side by side. All servers of a dataset are up at the same time and take turns, round by
 * round, because a machine's speed drifts; a row has the medians over the rounds.
 */

import { StepError } from '../../scripts/steps/run.mjs';
import { runLoad } from '../common/load.mjs';
import { median } from '../common/report.mjs';
import { startServer } from '../common/servers.mjs';
import { MULTI_KEYS } from './matrix.mjs';

const METRICS = ['opsPerS', 'cpuUs', 'p50', 'p99', 'p999', 'generatorUs', 'misses', 'errors'];

/**
 * @typedef {{ server: string, protocol: string, op: string, depth: number, valueSize: number, keys: number, dist: string, opsPerS: number,
 *   cpuUs: number, userUs: number, systemUs: number, p50: number, p99: number, p999: number, generatorUs: number,
 *   misses: number, errors: number, ops: number }} Row CPU is in microseconds per operation, latency in microseconds a batch
 */

/**
 * Measures one dataset's cells.
 * @param {{ keys: number, valueSize: number, cells: object[] }} dataset
 * @param {{ label: string, server: object, options: object }[]} entries what to start; label names it in the rows
 * @param {{ seconds: number, warmup: number, rounds: number, connections: number, generatorCore?: number }} settings
 * @param {(row: Row) => void} report called with each row
 * @returns {Promise<{ label: string, commandLine: string }[]>} how they were started
 */
export async function measureDataset(dataset, entries, settings, report) {
  const running = [];
  try {
    for (const entry of entries) {
      const started = await startServer(entry.server, entry.options);
      running.push({ ...started, label: entry.label });
      await populate(started, dataset, settings);
    }
    for (const cell of dataset.cells) {
      for (const row of await measureCell(cell, running, settings)) report(row);
    }
    return running.map(({ label, commandLine }) => ({ label, commandLine }));
  } finally {
    await Promise.all(running.map((server) => server.stop()));
  }
}

/**
 * The floor can't be loaded and answers one kind of request: it's started for each cell.
 * @param {(row: Row) => void} report
 */
export async function measureFloor(cell, server, options, settings, report) {
  if (cell.op !== 'get' && cell.op !== 'set') return;
  const get = cell.op === 'get';
  const digits = String(cell.valueSize).length;
  const requestBytes = get ? 36 : 41 + digits + cell.valueSize;
  const reply = { requestBytes, valueSize: get ? cell.valueSize : 0 };
  const started = await startServer(server, { ...options, reply });
  try {
    for (const row of await measureCell(cell, [started], settings)) report(row);
  } finally {
    await started.stop();
  }
}

async function populate(server, { keys, valueSize }, settings) {
  const result = await runLoad(server, {
    ...{ op: 'none', load: true, keys, 'value-size': valueSize },
    ...{ connections: settings.connections, cpu: settings.generatorCore },
  });
  if (result.loaded === keys) return;
  throw new StepError(`${server.label} stored ${result.loaded} of ${keys} keys: ${result.firstError}`);
}

async function measureCell(cell, servers, settings) {
  const rounds = servers.map(() => []);
  for (let round = 0; round < settings.rounds; round++) {
    for (const [i, server] of servers.entries()) rounds[i].push(await measureOnce(cell, server, settings));
  }
  return servers.map((server, i) => summarize(rounds[i], { server: server.label, protocol: server.protocol, ...cell }));
}

/** @returns {Row} */
function summarize(results, names) {
  const sum = (name) => results.reduce((total, result) => total + result[name], 0);
  const medians = Object.fromEntries(METRICS.map((name) => [name, median(results.map((result) => result[name]))]));
  // The total is exact; user and system come in ticks of 10 ms, so only their proportion over all rounds is used.
  const userShare = sum('user') / Math.max(sum('user') + sum('system'), Number.MIN_VALUE);
  return {
    ...names,
    ...medians,
    userUs: medians.cpuUs * userShare,
    systemUs: medians.cpuUs * (1 - userShare),
    ops: sum('ops'),
  };
}

async function measureOnce(cell, server, settings) {
  const { connections, seconds, warmup, generatorCore } = settings;
  const { op, depth, keys, dist } = cell;
  const result = await runLoad(server, {
    ...{ op, depth, keys, dist, multi: MULTI_KEYS, 'value-size': cell.valueSize },
    ...{ connections, seconds, warmup, cpu: generatorCore },
  });
  const perOp = (time) => (time * 1e6) / result.ops;
  const { total, user, system } = result.serverCpu;
  return {
    opsPerS: result.ops_per_s,
    cpuUs: perOp(total),
    user,
    system,
    p50: result.p50,
    p99: result.p99,
    p999: result.p999,
    generatorUs: perOp(result.cpu.total),
    misses: result.misses,
    errors: result.errors,
    ops: result.ops,
  };
}
