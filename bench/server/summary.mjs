/** The results of run.mjs as text: a line while it runs, the Markdown at its end. */

import { machineLine } from '../common/machine.mjs';
import { figure, table } from '../common/report.mjs';
import { expiryTable } from './expiry.mjs';
import { cellName } from './matrix.mjs';

/** One measurement in a line. */
export function rowText(row) {
  const { server, opsPerS, cpuUs, userUs, systemUs, p50, p99, p999, misses, errors } = row;
  const trouble = (misses > 0 ? `, ${misses} misses` : '') + (errors > 0 ? `, ${errors} ERRORS` : '');
  const cpu = `CPU ${figure(cpuUs)} µs/op (user ${figure(userUs)}, system ${figure(systemUs)})`;
  return `${server}: ${figure(opsPerS)} ops/s, ${cpu}, p50/p99/p99.9 ${figure(p50)}/${figure(p99)}/${figure(p999)} µs${trouble}`;
}

/** What we want of Ashlar: CPU per operation of 100 bytes, at most this share of memcached's; SET a tenth more than GET. */
const MEMCACHED_GOALS = {
  get: { 1: 0.75, 16: 0.45, 100: 0.35 },
  set: { 1: 0.83, 16: 0.5, 100: 0.39 },
  multi: { 1: 0.5 },
};

/** Which server Ashlar is compared with, by protocol. */
const referenceOf = (protocol) => (protocol === 'resp' ? 'redis' : `memcached:${protocol}`);

/** @param {object} data what run.mjs writes as JSON */
export function toMarkdown(data) {
  const parts = ['# Servers side by side', machineLine(data.machine), introduction(data)];
  const resp = data.rows.filter((row) => row.protocol === 'resp');
  const memcached = data.rows.filter((row) => row.protocol !== 'resp');
  if (resp.length > 0) parts.push(respPart(resp));
  if (memcached.length > 0) parts.push(memcachedPart(memcached));
  if (data.rows.length > 0)
    parts.push(`## Everything measured\n\n${detailTable(data.rows, '÷ other', otherOf(data.rows))}`);
  if (data.threadRows.length > 0) parts.push(threadPart(data.threadRows));
  if (data.expiryRows.length > 0) parts.push(`## Expiry lag\n\n${expiryTable(data.expiryRows)}`);
  return parts.join('\n\n');
}

function introduction({ versions, commandLines, settings }) {
  const named = Object.entries(versions).map(([name, version]) => (version ? `${name} ${version}` : name));
  const { connections, rounds, seconds } = settings;
  const lines = Object.entries(commandLines).map(([label, line]) => `- ${label}: \`${line}\``);
  return [
    `${named.join(', ')}. ${connections} connections, 16-byte keys; every figure is the median of ${rounds} rounds of ${seconds} s in which the`,
    'servers took turns. CPU is user and system time of the whole server process over the measured window, divided by the operations',
    'in it. Latency is of a whole batch of `depth` requests on one connection, under full load. Of a multi-get each key is an operation.',
    '',
    ...lines,
  ].join('\n');
}

/** Redis's protocol: CPU per operation, a line for each cell, servers beside each other. */
function respPart(rows) {
  const servers = [...new Set(rows.map((row) => row.server))];
  const lines = [...groupBy(rows, cellName)].map(([name, group]) => {
    const cpu = (server) => group.find((row) => row.server === server)?.cpuUs;
    return [name, ...servers.map((server) => figure(cpu(server))), ratioText(cpu('ashlar') / cpu('redis'))];
  });
  return `## Redis's protocol\n\n${table(['CPU µs per operation', ...servers, 'ashlar ÷ redis'], lines)}`;
}

/** memcached's protocols: CPU per operation, a line for each protocol and cell. */
function memcachedPart(rows) {
  const heads = ['CPU µs per operation', 'ashlar', 'memcached', 'ashlar ÷ memcached', 'wanted: at most'];
  const lines = [...groupBy(rows, rowName)].map(([name, group]) => {
    const cpu = (server) => group.find((row) => row.server === `${server}:${row.protocol}`)?.cpuUs;
    const { op, depth, valueSize } = group[0];
    const goal = valueSize === 100 ? MEMCACHED_GOALS[op]?.[depth] : undefined;
    return [
      name,
      ...[cpu('ashlar'), cpu('memcached')].map(figure),
      ratioText(cpu('ashlar') / cpu('memcached')),
      ratioText(goal),
    ];
  });
  const note = [
    'memcached runs as it is installed. Its option -R (20) bounds how many requests it takes from one connection before the next one has',
    'its turn, and replies that are ready are sent then: a pipeline of 100 takes five turns and five sends. The text protocol pays more:',
    'until 1.6.35 the reply to each `get` is sent by itself, whatever -R says. A multi-get is one `get` line; 100 quiet `mg` and an `mn`;',
    '100 quiet binary gets and a no-op, and -R counts each of those.',
  ].join('\n');
  return `## memcached's protocols\n\n${note}\n\n${table(heads, lines)}`;
}

/** For each row the row that it is compared with. */
const otherOf = (rows) => (row) =>
  rows.find((other) => other.server === referenceOf(row.protocol) && rowName(other) === rowName(row));

function detailTable(rows, ratioHead, other) {
  const heads = ['cell', 'server', 'ops/s', 'CPU µs', 'user', 'system', ratioHead, 'p50 µs', 'p99', 'p99.9'];
  const lines = rows.map((row) => [
    cellName(row),
    row.server,
    figure(row.opsPerS),
    ...[row.cpuUs, row.userUs, row.systemUs].map(figure),
    ratioText(row.cpuUs / other(row)?.cpuUs),
    ...[row.p50, row.p99, row.p999, row.generatorUs, row.misses, row.errors].map(figure),
  ]);
  return table([...heads, 'generator µs', 'misses', 'errors'], lines, 2);
}

function threadPart(rows) {
  const one = (row) => rows.find((other) => cellName(other) === cellName(row));
  const note =
    'Nothing is pinned here, and the generator needs a core of its own: where there are only two, look at the CPU per operation.';
  return `## Two threads against one\n\n${note}\n\n${detailTable(rows, '÷ 1 thread', one)}`;
}

const rowName = (row) => (row.protocol === 'resp' ? '' : `${row.protocol}: `) + cellName(row);

const ratioText = (ratio) => (Number.isFinite(ratio) ? ratio.toFixed(2) : '-');

function groupBy(rows, name) {
  const groups = new Map();
  for (const row of rows) groups.set(name(row), [...(groups.get(name(row)) ?? []), row]);
  return groups;
}
