/**
 * `npm run bench [-- options]`: Ashlar beside redis-server and memcached, where they are installed. One serving thread each, on
 * core 0, the load generator on core 1; what counts is the server's CPU time per operation, because throughput and latency on a
 * small machine depend on the generator too. Then Ashlar with two threads against one. `--help` lists the options.
 *
 * Results go to bench/results: server.{md,json}; server-quick.* with --quick, server-part.* with a selection.
 */

import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { main, StepError } from '../../scripts/steps/run.mjs';
import { describeMachine } from '../common/machine.mjs';
import { prepareOrSay } from '../common/prepare.mjs';
import { note, writeResults } from '../common/report.mjs';
import { presentServers, versionOf } from '../common/servers.mjs';
import { buildLoad } from './build-load.mjs';
import { byDataset, cellName, chooseCells, threadCells } from './matrix.mjs';
import { measureDataset, measureFloor } from './measure.mjs';
import { rowText, toMarkdown } from './summary.mjs';

const USAGE = `usage: npm run bench -- [options]
  --quick | --full         a few cells (2 minutes), or every one (50 minutes); otherwise 12 minutes
  --only get,set,mixed     operations          --depth 1,16,100       requests under way on each connection
  --values 16,100          value sizes         --keys 100000,3000000  --dist uniform,zipf
  --servers a,b            of ashlar, redis, memcached, floor; also memcached:mcmeta for another protocol
  --seconds S              for each measurement (2; 1.5 in the middle matrix)
  --rounds N               turns of each server; medians are reported (3)
  --connections N          (50)
  --threads-only           only "two threads against one"
  --no-threads             without "two threads against one"
  --no-build               measure what is built
  --out NAME               results go to bench/results/NAME.md and .json
`;

const OPTIONS = {
  quick: { type: 'boolean' },
  full: { type: 'boolean' },
  smoke: { type: 'boolean' },
  only: { type: 'string' },
  depth: { type: 'string' },
  values: { type: 'string' },
  keys: { type: 'string' },
  dist: { type: 'string' },
  servers: { type: 'string' },
  seconds: { type: 'string' },
  rounds: { type: 'string' },
  connections: { type: 'string' },
  'threads-only': { type: 'boolean' },
  'no-threads': { type: 'boolean' },
  'no-build': { type: 'boolean' },
  out: { type: 'string' },
  help: { type: 'boolean' },
};

await main(async () => {
  const { values: words } = withMessage(() => parseArgs({ options: OPTIONS }));
  if (words.help) {
    process.stdout.write(USAGE);
    return;
  }
  const plan = withMessage(() => makePlan(words));
  if (!words['no-build']) prepareOrSay();
  buildLoad();
  const data = await measureAll(plan, presentServers(words.servers, usualServers(plan.matrix)));
  const path = writeResults(plan.out, toMarkdown(data), data);
  const rows = [...data.rows, ...data.threadRows];
  const ops = rows.reduce((sum, row) => sum + row.ops, 0);
  process.stdout.write(`\n${toMarkdown(data)}\n\n${ops} operations measured; written to ${path}\n`);
  const failed = rows.filter((row) => row.errors > 0);
  if (failed.length > 0)
    throw new StepError(`${failed.length} measurements have error replies: see the errors in ${path}`);
});

/** The command line, read into what is to be done. */
function makePlan(words) {
  const list = (text, read = String) => text?.split(',').map(read);
  const only = {
    op: list(words.only),
    depth: list(words.depth, integer),
    valueSize: list(words.values, integer),
    keys: list(words.keys, integer),
    dist: list(words.dist),
  };
  for (const name of Object.keys(only)) if (only[name] === undefined) delete only[name];
  const matrix = ['smoke', 'quick', 'full'].find((name) => words[name]) ?? 'default';
  const isPart = Object.keys(only).length > 0 || words.servers !== undefined || words['threads-only'];
  const suffix = isPart ? '-part' : matrix === 'quick' || matrix === 'smoke' ? `-${matrix}` : '';
  const several = availableParallelism() > 1;
  return {
    cells: words['threads-only'] ? [] : chooseCells(matrix, only),
    threadCells: words['no-threads'] || (isPart && !words['threads-only']) ? [] : threadCells(matrix),
    matrix,
    out: words.out ?? `server${suffix}`,
    serverCore: several ? 0 : undefined,
    settings: {
      seconds: Number(words.seconds ?? { smoke: 0.15, default: 1.5 }[matrix] ?? 2),
      warmup: matrix === 'smoke' ? 0.05 : 0.4,
      rounds: integer(words.rounds ?? (matrix === 'smoke' ? 1 : 3)),
      connections: integer(words.connections ?? 50),
      generatorCore: several ? 1 : undefined,
    },
  };
}

/** memcached's older text protocol is slow when pipelined, its meta protocol isn't: where there is time, both are measured. */
function usualServers(matrix) {
  const all = ['ashlar', 'redis', 'memcached', 'memcached:mcmeta'];
  return matrix === 'quick' || matrix === 'smoke' ? all.slice(0, 3) : all;
}

function integer(text) {
  if (!/^\d+$/.test(String(text))) throw new Error(`not a number: ${text}`);
  return Number(text);
}

/** What a user can get wrong is one line, without a stack. */
function withMessage(work) {
  try {
    return work();
  } catch (error) {
    throw new StepError(`${error.message}\n${USAGE}`);
  }
}

async function measureAll(plan, servers) {
  const { settings, serverCore } = plan;
  const data = { machine: describeMachine(), versions: {}, commandLines: {}, settings, rows: [], threadRows: [] };
  for (const server of servers) data.versions[server.name] = versionOf(server);
  const into = (rows) => (row) => {
    rows.push(row);
    note(`${cellName(row)}: ${rowText(row)}`);
  };
  const floor = servers.find((server) => server.name === 'floor');
  const loadable = servers.filter((server) => server !== floor);
  const pinned = loadable.map((server) => ({ label: server.label, server, options: { core: serverCore } }));
  for (const dataset of byDataset(plan.cells)) {
    if (loadable.length > 0) remember(data, await measureDataset(dataset, pinned, settings, into(data.rows)));
    for (const cell of floor ? dataset.cells : []) {
      await measureFloor(cell, floor, { core: serverCore }, settings, into(data.rows));
    }
  }
  const ashlar = loadable.find((server) => server.name === 'ashlar');
  const free = { ...settings, generatorCore: undefined };
  for (const dataset of ashlar ? byDataset(plan.threadCells) : []) {
    const entries = [1, 2].map((threads) => ({
      label: `ashlar, ${threads} thr.`,
      server: ashlar,
      options: { threads },
    }));
    remember(data, await measureDataset(dataset, entries, free, into(data.threadRows)));
  }
  return data;
}

function remember(data, started) {
  for (const { label, commandLine } of started) data.commandLines[label] = commandLine;
}
