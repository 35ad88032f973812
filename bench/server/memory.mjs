/**
 * `npm run bench:memory`: what an item costs beyond its key and its value. For each size, with and without a time to live, a fresh
 * server is filled, and the growth of its resident memory is divided by the items; then the same after churn. Ashlar beside
 * redis-server and memcached; for Ashlar also where the bytes are. Results go to bench/results/memory.{md,json}.
 *
 *   --servers a,b   which (ashlar, redis, memcached)      --items N   instead of a million
 *   --smoke         a few items, to see that it works      --no-build  measure what is built
 */

import { parseArgs } from 'node:util';
import { main, StepError } from '../../scripts/steps/run.mjs';
import { Client } from '../common/client.mjs';
import { runLoad } from '../common/load.mjs';
import { describeMachine, machineLine } from '../common/machine.mjs';
import { settledBytes } from '../common/memory.mjs';
import { prepareOrSay } from '../common/prepare.mjs';
import { figure, note, table, writeResults } from '../common/report.mjs';
import { presentServers, startServer, usualServer, versionOf } from '../common/servers.mjs';
import { buildLoad } from './build-load.mjs';
import { churnTable, measureChurn } from './memory-churn.mjs';
import { partsTable, readParts } from './memory-parts.mjs';

const KEY_BYTES = 16;
const TTL_SECONDS = 86_400;
const SIZES = [
  { items: 1_000_000, valueSize: 8 },
  { items: 1_000_000, valueSize: 32 },
  { items: 1_000_000, valueSize: 100 },
  { items: 1_000_000, valueSize: 500 },
  { items: 200_000, valueSize: 4096 },
];
const SMOKE_SIZES = [{ items: 5000, valueSize: 32 }];
const CHURN_KEYS = 1_000_000;
const SMOKE_CHURN_KEYS = 400;

/** Memory is read after so long a rest, in which memory is tidied up and heaps are swept, and when it has stood still for the other time. */
const REST = { restMs: 10_000, stillMs: 1000 };
const SMOKE_REST = { restMs: 0, stillMs: 50 };

/** Before memory is read for the first time: code is compiled, buffers and heaps have grown to what traffic needs. */
const WARM_UP = { op: 'set', keys: 1000, depth: 16, warmup: 0, requests: 200_000 };

await main(async () => {
  const { values: words } = parseArgs({
    options: {
      servers: { type: 'string' },
      items: { type: 'string' },
      smoke: { type: 'boolean' },
      'no-build': { type: 'boolean' },
    },
  });
  if (!words['no-build']) prepareOrSay();
  buildLoad();
  const names = words.servers?.split(',') ?? ['ashlar', 'redis', 'memcached'];
  const servers = presentServers(names.map(usualServer), words.servers !== undefined);
  const rest = words.smoke ? SMOKE_REST : REST;
  const data = { machine: describeMachine(), versions: {}, rows: [], churnRows: [] };
  for (const server of servers) data.versions[server.name] = versionOf(server);
  for (const cell of cellsOf(words)) {
    data.rows.push(...(await measure(servers, cell, rest)));
  }
  for (const server of servers.filter(({ protocol }) => protocol === 'resp')) {
    data.churnRows.push(...(await churn(server, words.smoke ? SMOKE_CHURN_KEYS : CHURN_KEYS, rest)));
  }
  const markdown = toMarkdown(data);
  const path = writeResults(words.smoke ? 'memory-smoke' : 'memory', markdown, data);
  const items = data.rows.reduce((sum, row) => sum + row.items, 0);
  process.stdout.write(`${markdown}\n\n${items} items stored; written to ${path}\n`);
});

function cellsOf(words) {
  const sizes = words.smoke ? SMOKE_SIZES : SIZES;
  const items = words.items === undefined ? undefined : Number(words.items);
  return sizes.flatMap((size) => [false, true].map((ttl) => ({ ...size, items: items ?? size.items, ttl })));
}

/**
 * Servers are filled one after the other, and rest together.
 * @returns {Promise<object[]>} a row for each: bytes an item beyond key and value, and what they come from
 */
async function measure(servers, { items, valueSize, ttl }, rest) {
  const started = [];
  try {
    const sizes = { 'key-size': KEY_BYTES, 'value-size': valueSize, ttl: ttl ? TTL_SECONDS : undefined };
    // These keys are among those that are stored then, and their memory is there already.
    const there = Math.min(WARM_UP.keys, Math.floor(items / 10));
    for (const server of servers) {
      started.push(await startServer(server));
      await runLoad(started.at(-1), { ...WARM_UP, ...sizes, keys: there });
    }
    const settled = () => Promise.all(started.map(({ pid }) => settledBytes(pid, rest)));
    const before = await settled();
    for (const server of started) {
      const result = await runLoad(server, { ...sizes, op: 'none', load: true, keys: items });
      if (result.loaded !== items)
        throw new StepError(`${server.label} stored ${result.loaded} of ${items}: ${result.firstError}`);
    }
    const after = await settled();
    const rows = [];
    for (const [i, server] of started.entries()) {
      const grownBytes = after[i] - before[i];
      const overhead = grownBytes / (items - there) - KEY_BYTES - valueSize;
      const row = { server: server.label, items, valueSize, ttl, overhead, emptyBytes: before[i], grownBytes };
      note(`${server.label}: ${cellName(row)}: ${figure(overhead)} bytes beyond key and value`);
      rows.push(server.protocol === 'resp' ? { ...row, ...(await lookInside(server, row)) } : row);
    }
    return rows;
  } finally {
    for (const server of started) await server.stop();
  }
}

/** What only a server that speaks Redis's protocol can be asked. */
async function lookInside(server, { items, valueSize, ttl }) {
  const client = await Client.open(server.port);
  try {
    if (ttl) await checkTtl(server, client);
    return { parts: await partsOf(server, client, items * (KEY_BYTES + valueSize)) };
  } finally {
    client.close();
  }
}

/** A server that ignored the time to live would look good. */
async function checkTtl(server, client) {
  const seconds = await client.number('TTL', `key:${'0'.repeat(KEY_BYTES - 4)}`);
  if (!(seconds > 0)) throw new StepError(`${server.label}: items have no TTL: ${seconds}`);
}

async function partsOf(server, client, dataBytes) {
  return server.name === 'ashlar' ? readParts(client, dataBytes) : undefined;
}

async function churn(server, keys, rest) {
  const started = await startServer(server);
  try {
    await runLoad(started, WARM_UP);
    const rows = await measureChurn(
      started,
      { keys, keyBytes: KEY_BYTES },
      () => settledBytes(started.pid, rest),
      (client, dataBytes) => partsOf(server, client, dataBytes),
    );
    for (const row of rows) note(`${row.server}: ${row.name}: ${figure(row.overhead)} bytes beyond key and value`);
    return rows;
  } finally {
    await started.stop();
  }
}

function toMarkdown({ machine, versions, rows, churnRows }) {
  const servers = [...new Set(rows.map((row) => row.server))];
  const cells = [...new Set(rows.map(cellName))];
  const lines = cells.map((cell) => [
    cell,
    ...servers.map((server) => figure(rows.find((row) => row.server === server && cellName(row) === cell)?.overhead)),
  ]);
  const inside = [...rows.map((row) => ({ ...row, name: cellName(row) })), ...churnRows].filter((row) => row.parts);
  const empty = servers.map((server) => figure(rows.find((row) => row.server === server).emptyBytes / 2 ** 20));
  return [
    '# Memory of an item',
    '',
    machineLine(machine),
    `${Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(', ')}. Bytes of resident memory for an item beyond its ${KEY_BYTES}-byte key and its value: growth of`,
    'VmRSS while a fresh server is filled, divided by the items that it got, when the server has had nothing to do for ten seconds. It has',
    'everything in it that grows: headers, index, allocator, buffers.',
    '',
    table(['items', ...servers], lines),
    '',
    table(['', ...servers], [['the empty server, MiB', ...empty]]),
    ...(churnRows.length > 0 ? ['', '## After churn', '', churnTable(churnRows)] : []),
    ...(inside.length > 0 ? ['', "## Where Ashlar's bytes are", '', partsTable(inside)] : []),
  ].join('\n');
}

function cellName({ items, valueSize, ttl }) {
  return `${items.toLocaleString('en-US')} of ${valueSize} B${ttl ? ', TTL' : ''}`;
}
