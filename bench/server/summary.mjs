/** The results of run.mjs as text: a line while it runs, the Markdown at its end. */

import { machineLine } from '../common/machine.mjs';
import { figure, table } from '../common/report.mjs';
import { cellName } from './matrix.mjs';

/** One measurement in a line. */
export function rowText(row) {
  const { server, opsPerS, cpuUs, userUs, systemUs, p50, p99, p999, misses, errors } = row;
  const trouble = (misses > 0 ? `, ${misses} misses` : '') + (errors > 0 ? `, ${errors} ERRORS` : '');
  const cpu = `CPU ${figure(cpuUs)} µs/op (user ${figure(userUs)}, system ${figure(systemUs)})`;
  return `${server}: ${figure(opsPerS)} ops/s, ${cpu}, p50/p99/p99.9 ${figure(p50)}/${figure(p99)}/${figure(p999)} µs${trouble}`;
}

/** @param {object} data what run.mjs writes as JSON */
export function toMarkdown(data) {
  const parts = ['# Servers side by side', machineLine(data.machine), introduction(data)];
  if (data.rows.length > 0) parts.push(ratioPart(data.rows), detailPart(data.rows));
  if (data.threadRows.length > 0) parts.push(threadPart(data.threadRows));
  return parts.join('\n\n');
}

function introduction({ versions, commandLines, settings }) {
  const named = Object.entries(versions).map(([name, version]) => (version ? `${name} ${version}` : name));
  const { connections, rounds, seconds } = settings;
  const lines = Object.entries(commandLines).map(([label, line]) => `- ${label}: \`${line}\``);
  return [
    `${named.join(', ')}. ${connections} connections, 16-byte keys; every figure is the median of ${rounds} rounds of ${seconds} s in which the`,
    'servers took turns. CPU is user and system time of the whole server process over the measured window, divided by the operations',
    'in it. Latency is of a whole batch of `depth` requests on one connection, under full load.',
    '',
    ...lines,
  ].join('\n');
}

/** CPU per operation, a line for each cell, servers beside each other. */
function ratioPart(rows) {
  const servers = [...new Set(rows.map((row) => row.server))];
  const cells = groupBy(rows, cellName);
  const hasAshlar = servers.includes('ashlar');
  const heads = ['CPU µs per operation', ...servers, ...(hasAshlar ? ['ashlar ÷ redis', 'ashlar ÷ best other'] : [])];
  const lines = [...cells].map(([name, group]) => {
    const cpu = (server) => group.find((row) => row.server === server)?.cpuUs;
    const others = group
      .filter((row) => !row.server.startsWith('ashlar') && row.server !== 'floor')
      .map((row) => row.cpuUs);
    const ratios = [cpu('ashlar') / cpu('redis'), cpu('ashlar') / Math.min(...others)];
    return [name, ...servers.map((server) => figure(cpu(server))), ...(hasAshlar ? ratios.map(ratioText) : [])];
  });
  return table(heads, lines);
}

function detailPart(rows) {
  const heads = [
    'cell',
    'server',
    'ops/s',
    'CPU µs',
    'user',
    'system',
    '÷ redis',
    'p50 µs',
    'p99',
    'p99.9',
    'generator µs',
    'misses',
    'errors',
  ];
  const lines = rows.map((row) => {
    const redis = rows.find((other) => other.server === 'redis' && cellName(other) === cellName(row));
    return [
      cellName(row),
      row.server,
      figure(row.opsPerS),
      ...cpuFigures(row),
      ratioText(row.cpuUs / redis?.cpuUs),
      ...restFigures(row),
    ];
  });
  return `## Everything measured\n\n${table(heads, lines, 2)}`;
}

function threadPart(rows) {
  const heads = [
    'cell',
    'server',
    'ops/s',
    'CPU µs',
    'user',
    'system',
    '÷ 1 thread',
    'p50 µs',
    'p99',
    'p99.9',
    'generator µs',
    'misses',
    'errors',
  ];
  const lines = rows.map((row) => {
    const one = rows.find((other) => cellName(other) === cellName(row));
    return [
      cellName(row),
      row.server,
      figure(row.opsPerS),
      ...cpuFigures(row),
      ratioText(row.cpuUs / one.cpuUs),
      ...restFigures(row),
    ];
  });
  const note =
    'Nothing is pinned here, and the generator needs a core of its own: where there are only two, look at the CPU per operation.';
  return `## Two threads against one\n\n${note}\n\n${table(heads, lines, 2)}`;
}

const cpuFigures = (row) => [row.cpuUs, row.userUs, row.systemUs].map(figure);

const restFigures = (row) => [row.p50, row.p99, row.p999, row.generatorUs, row.misses, row.errors].map(figure);

const ratioText = (ratio) => (Number.isFinite(ratio) ? ratio.toFixed(2) : '-');

function groupBy(rows, name) {
  const groups = new Map();
  for (const row of rows) groups.set(name(row), [...(groups.get(name(row)) ?? []), row]);
  return groups;
}
