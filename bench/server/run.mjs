/**
 * `npm run bench [-- options]`: Ashlar beside redis-server, by Redis's protocol, and beside memcached, by each of its three protocols,
 * where they are installed. One serving thread each, on core 0, the load generator on core 1; what counts is the server's CPU time
 * per operation, because throughput and latency on a small machine depend on the generator too. Then Ashlar with two threads against
 * one, and the expiry lag of Ashlar and redis-server. `--help` lists the options.
 *
 * Results go to bench/results: server.{md,json}; server-quick.* with --quick, server-part.* with a selection.
 */

import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { main, StepError } from '../../scripts/steps/run.mjs';
import { describeMachine } from '../common/machine.mjs';
import { prepareOrSay } from '../common/prepare.mjs';
import { note, writeResults } from '../common/report.mjs';
import { PROTOCOLS, parseServers, presentServers, versionOf } from '../common/servers.mjs';
import { buildLoad } from './build-load.mjs';
import { expiryPlan, measureExpiry } from './expiry.mjs';
import { byDataset, cellName, chooseCells, threadCells } from './matrix.mjs';
import { measureDataset, measureFloor } from './measure.mjs';
import { rowText, toMarkdown } from './summary.mjs';

const USAGE = `usage: npm run bench -- [options]
  --quick | --full         a few cells (5 minutes), or every one (40 minutes); otherwise 13 minutes
  --protocols a,b          of resp (Redis's), and memcached's text, meta, binary
  --servers a,b            of ashlar, redis, memcached, floor, with all the protocols they speak, or one: memcached:text
  --only get,set,...       operations: get, set, mixed, multi (multi-get)
  --depth 1,16,100         requests under way on each connection
  --values 16,100          value sizes         --keys 100000,3000000  --dist uniform,zipf
  --seconds S              for each measurement (2; 1.5 in the middle matrix)
  --rounds N               turns of each server; medians are reported (3)
  --connections N          (50)
  --threads-only           only "two threads against one"
  --no-threads             without "two threads against one"
  --no-expiry              without the expiry lag
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
  protocols: { type: 'string' },
  seconds: { type: 'string' },
  rounds: { type: 'string' },
  connections: { type: 'string' },
  'threads-only': { type: 'boolean' },
  'no-threads': { type: 'boolean' },
  'no-expiry': { type: 'boolean' },
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
  const data = await measureAll(plan, presentServers(plan.servers, words.servers !== undefined));
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
  const protocols = list(words.protocols) ?? PROTOCOLS;
  for (const name of protocols) if (!PROTOCOLS.includes(name)) throw new Error(`unknown protocol ${name}`);
  const servers = (list(words.servers) ?? ['ashlar', 'redis', 'memcached']).flatMap(parseServers);
  const chosen = [words.servers, words.protocols, words['threads-only']].some((word) => word !== undefined);
  const isPart = chosen || Object.keys(only).length > 0;
  const suffix = isPart ? '-part' : matrix === 'quick' || matrix === 'smoke' ? `-${matrix}` : '';
  const several = availableParallelism() > 1;
  return {
    servers: servers.filter(({ protocol }) => protocols.includes(protocol)),
    parts: words['threads-only']
      ? []
      : protocols.map((protocol) => ({ protocol, cells: chooseCells(matrix, protocol, only) })),
    threadCells: words['no-threads'] || (isPart && !words['threads-only']) ? [] : threadCells(matrix),
    expiry: words['no-expiry'] || isPart ? undefined : expiryPlan(matrix),
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
  const { settings } = plan;
  const data = {
    machine: describeMachine(),
    versions: {},
    commandLines: {},
    settings,
    rows: [],
    threadRows: [],
    expiryRows: [],
  };
  for (const server of servers) data.versions[server.name] ??= versionOf(server);
  for (const { protocol, cells } of plan.parts) {
    await measurePart(
      cells,
      servers.filter((server) => server.protocol === protocol),
      plan,
      data,
    );
  }
  const ashlar = servers.find((server) => server.label === 'ashlar');
  const free = { ...settings, generatorCore: undefined };
  for (const dataset of ashlar ? byDataset(plan.threadCells) : []) {
    const entries = [1, 2].map((threads) => ({
      label: `ashlar, ${threads} thr.`,
      server: ashlar,
      options: { threads },
    }));
    remember(data, await measureDataset(dataset, entries, free, into(data.threadRows)));
  }
  for (const server of plan.expiry ? servers.filter(({ label }) => label === 'ashlar' || label === 'redis') : []) {
    data.expiryRows.push(await measureExpiry(server, plan.expiry));
  }
  return data;
}

/** The servers of one protocol beside each other. */
async function measurePart(cells, servers, { settings, serverCore }, data) {
  const floor = servers.find((server) => server.name === 'floor');
  const loadable = servers.filter((server) => server !== floor);
  const pinned = loadable.map((server) => ({ label: server.label, server, options: { core: serverCore } }));
  for (const dataset of byDataset(cells)) {
    if (loadable.length > 0) remember(data, await measureDataset(dataset, pinned, settings, into(data.rows)));
    for (const cell of floor ? dataset.cells : []) {
      await measureFloor(cell, floor, { core: serverCore }, settings, into(data.rows));
    }
  }
}

/** Takes rows as they come, and says each. */
function into(rows) {
  return (row) => {
    rows.push(row);
    note(`${cellName(row)}: ${rowText(row)}`);
  };
}

function remember(data, started) {
  for (const { label, commandLine } of started) data.commandLines[label] = commandLine;
}
