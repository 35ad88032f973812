/**
 * `npm run bench:eviction [-- --traces DIR]`: what stays in the cache when memory is short. Traces are replayed against each server, fresh and
 * alone, as a cache-aside application would, at the same number of bytes: Ashlar with keystone (its default), lfu and lru, redis-server
 * with lru and lfu, memcached. What counts is the hit ratio.
 *
 *   trace (CSV, or generated) ──▶ .build/…  ──▶ replay (C++, one connection) ──▶ server ──▶ hits, items, evictions, resident memory
 *
 * `--help` lists the options. Results go to bench/results/eviction.{md,json}; eviction-part.* with a selection or generated traces.
 */

import { mkdirSync, rmSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { inRoot } from '../../scripts/steps/paths.mjs';
import { main, StepError } from '../../scripts/steps/run.mjs';
import { describeMachine } from '../common/machine.mjs';
import { prepareOrSay } from '../common/prepare.mjs';
import { note, writeResults } from '../common/report.mjs';
import { presentServers, versionOf } from '../common/servers.mjs';
import { buildReplay } from './build-replay.mjs';
import { generateTrace, PATTERN_NAMES } from './generate.mjs';
import { contendersOf, hasKept, MIB, measureCell } from './measure.mjs';
import { toMarkdown } from './summary.mjs';
import { readTrace, tracesIn, writeForReplay } from './traces.mjs';

const USAGE = `usage: npm run bench:eviction -- [options]
  --traces DIR         traces: DIR/*.csv.gz, lines of key,size_bytes,op,ttl_seconds; without it, generated ones
  --only a,b           these of them
  --generate           also generated ones: ${PATTERN_NAMES.join(', ')}
  --requests N         the first N of each trace (300000)
  --sizes 1,5,10,25    memory in percent of the footprint
  --min MIB            the least memory (4)
  --servers a,b        of ashlar, redis, memcached
  --window N           requests under way at the same time (16); 1 is strictly one after the other
  --no-build           measure what is built
  --out NAME           results go to bench/results/NAME.md and .json
`;

const SMOKE = { requests: '4000', sizes: '25', min: '2', only: 'scan', out: 'eviction-smoke' };

await main(async () => {
  const { values: given } = parseArgs({
    options: {
      traces: { type: 'string' },
      only: { type: 'string' },
      generate: { type: 'boolean' },
      requests: { type: 'string', default: '300000' },
      sizes: { type: 'string', default: '1,5,10,25' },
      min: { type: 'string', default: '4' },
      servers: { type: 'string' },
      window: { type: 'string', default: '16' },
      out: { type: 'string' },
      smoke: { type: 'boolean' },
      'no-build': { type: 'boolean' },
      help: { type: 'boolean' },
    },
  });
  if (given.help) return void process.stdout.write(USAGE);
  const words = given.smoke ? { ...given, ...SMOKE } : given;
  const settings = {
    requests: whole(words.requests, '--requests'),
    sizes: words.sizes.split(',').map((size) => whole(size, '--sizes')),
    min: whole(words.min, '--min'),
    window: whole(words.window, '--window'),
  };
  if (!words['no-build']) prepareOrSay();
  buildReplay();
  const names = words.servers?.split(',') ?? ['ashlar', 'redis', 'memcached'];
  const contenders = presentContenders(names, words.servers !== undefined);
  const data = { machine: describeMachine(), settings, versions: {}, traces: [], contenders: [], rows: [] };
  data.contenders = contenders.map(({ label }) => label);
  for (const { name, server } of contenders) data.versions[name] ??= versionOf(server);
  for (const makeTrace of chooseTraces(words, settings.requests)) await measureTrace(makeTrace(), contenders, data);
  const markdown = toMarkdown(data);
  const isWhole = words.traces && !words.only && !words.servers;
  const path = writeResults(words.out ?? (isWhole ? 'eviction' : 'eviction-part'), markdown, data);
  process.stdout.write(`${markdown}\n\nchecksum ${checksumOf(data.rows)}; written to ${path}\n`);
});

function whole(text, option) {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new StepError(`${option}: a whole number above 0, not ${text}`);
  return Number(text);
}

function presentContenders(names, asked) {
  const contenders = contendersOf(names);
  const present = presentServers([...new Set(contenders.map(({ server }) => server))], asked);
  return contenders.filter(({ server }) => present.includes(server));
}

/** @returns {(() => import('./traces.mjs').Trace)[]} one is in memory at a time */
function chooseTraces(words, requests) {
  const only = words.only?.split(',');
  const read = words.traces === undefined ? [] : tracesIn(words.traces, words.generate ? undefined : only);
  const generated = words.traces === undefined || words.generate ? PATTERN_NAMES : [];
  if (words.traces === undefined) {
    const unknown = only?.find((name) => !PATTERN_NAMES.includes(name));
    if (unknown !== undefined)
      throw new StepError(`no generated trace ${unknown}; there are ${PATTERN_NAMES.join(', ')}`);
  }
  return [
    ...read.map((path) => () => readTrace(path, requests)),
    ...generated.filter((name) => only?.includes(name) ?? true).map((name) => () => generateTrace(name, requests)),
  ];
}

async function measureTrace(trace, contenders, data) {
  const { name, keys, requests, footprint, largest, unlimited } = trace;
  data.traces.push({ name, requests: requests.length / 2, keys: keys.length, footprint, largest });
  const path = inRoot('.build', `trace-${process.pid}`);
  mkdirSync(inRoot('.build'), { recursive: true });
  try {
    writeForReplay(trace, path);
    for (const [mebibytes, shares] of memoriesOf(footprint, data.settings)) {
      const row = { trace: name, mebibytes, shares, unlimited, cells: [] };
      for (const contender of contenders) {
        const cell = await measureCell(contender, { path, largest }, mebibytes, data.settings);
        row.cells.push(cell);
        note(`${name}, ${mebibytes} MiB, ${cell.server}: ${(cell.hitRatio * 100).toFixed(2)} %, ${cell.seconds} s`);
      }
      await level(row, contenders[0], { path, largest }, data.settings);
      data.rows.push(row);
    }
  } finally {
    rmSync(path, { force: true });
  }
}

/** Where a server took more than it was given, the first contender (the default) is measured again with as much. */
async function level(row, contender, trace, settings) {
  const most = Math.max(...row.cells.map(({ takenBytes }) => takenBytes));
  if (row.cells.every((cell) => hasKept(cell, row.mebibytes))) return;
  row.levelMebibytes = Math.ceil(most / MIB);
  row.level = await measureCell(contender, trace, row.levelMebibytes, settings);
}

/** @returns {Map<number, number[]>} memory in MiB → the percentages of the footprint that come to it */
function memoriesOf(footprint, { sizes, min }) {
  const memories = new Map();
  for (const size of sizes) {
    const mebibytes = Math.max(min, Math.round((footprint * size) / 100 / MIB));
    memories.set(mebibytes, [...(memories.get(mebibytes) ?? []), size]);
  }
  return memories;
}

/** Which requests were hits, of all cells together. */
function checksumOf(rows) {
  return rows.flatMap((row) => row.cells).reduce((sum, { checksum }) => (sum * 31 + checksum) % 2 ** 32, 0);
}
