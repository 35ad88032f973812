/** The results of replay.mjs as Markdown. */

import { machineLine } from '../common/machine.mjs';
import { figure, table } from '../common/report.mjs';
import { hasKept, MIB } from './measure.mjs';

const DEFAULT = 'ashlar keystone';
const REDIS_LRU = 'redis lru';

const percent = (ratio) => (ratio === undefined ? '-' : (ratio * 100).toFixed(2));
const points = (difference) =>
  difference === undefined ? '-' : `${difference < 0 ? '' : '+'}${(difference * 100).toFixed(2)}`;
const isOurs = (label) => label.startsWith('ashlar');

/** @param {object} data what replay.mjs writes as JSON */
export function toMarkdown(data) {
  const labels = data.contenders;
  const withDefault = labels.includes(DEFAULT);
  const others = labels.filter((label) => !isOurs(label));
  const withLevel = data.rows.some((row) => row.level !== undefined);
  const heads = [
    ...['trace', 'memory', 'of footprint', 'unlimited', ...labels],
    ...(withLevel ? ['default in as much'] : []),
    ...(withDefault && others.length > 0 ? ['default − best other'] : []),
    ...(withDefault && others.includes(REDIS_LRU) ? ['default − redis lru'] : []),
  ];
  const lines = data.rows.map((row) => {
    const ratio = (label) => row.cells.find((cell) => cell.server === label)?.hitRatio;
    return [
      ...[row.trace, `${row.mebibytes} MiB`, `${row.shares.join(', ')} %`, percent(row.unlimited)],
      ...row.cells.map(
        (cell) =>
          `${percent(cell.hitRatio)}${hasKept(cell, row.mebibytes) ? '' : ` in ${Math.ceil(cell.takenBytes / MIB)}`}`,
      ),
      ...(withLevel ? [row.level === undefined ? '' : `${percent(row.level.hitRatio)} in ${row.levelMebibytes}`] : []),
      ...(withDefault && others.length > 0 ? [points(ratio(DEFAULT) - bestOf(row, others))] : []),
      ...(withDefault && others.includes(REDIS_LRU) ? [points(ratio(DEFAULT) - ratio(REDIS_LRU))] : []),
    ];
  });
  return [
    '# Eviction: hit ratios',
    machineLine(data.machine),
    introduction(data),
    '## Hit ratio, %',
    table(heads, lines, 1),
    comparisons(data.rows, labels, others).join('\n'),
    '## Memory, items, evictions',
    inside(data.rows),
  ].join('\n\n');
}

/** The best of other servers' hit ratios, of those that kept to their memory. */
function bestOf(row, others) {
  const kept = row.cells.filter((cell) => others.includes(cell.server) && hasKept(cell, row.mebibytes));
  return Math.max(0, ...kept.map(({ hitRatio }) => hitRatio));
}

function introduction({ versions, traces, settings }) {
  const servers = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const lines = traces.map(
    ({ name, requests, keys, footprint, largest }) =>
      `- ${name}: ${requests.toLocaleString('en-US')} requests, ${keys.toLocaleString('en-US')} keys, ${figure(footprint / MIB)} MiB of keys and values; the largest value has ${figure(largest)} bytes`,
  );
  return [
    `${servers.join(', ')}; one serving thread each. A trace is replayed as a cache-aside application would: GET, and on a miss SET of the traced size.`,
    `Every server gets the same number of bytes (\`--maxmemory\`, \`-m\`): the given part of what the trace's keys and last values add up to, rounded to`,
    `whole MiB because memcached knows no other, and no less than ${settings.min} MiB, because redis-server counts about 1 MiB of its own. Redis and Ashlar count the index and all`,
    'overhead in it; memcached counts the pages of its slabs, and not its hash table. But it gives each size class its first page of 1 MiB whatever `-m` says: where a server has taken',
    'more than a twentieth over what it was given, by its own account, the table says how many MiB (`in N`), it is not what others are compared with, and the default is measured again in as much.',
    'memcached has `-I` as large as the largest value, but it allows no more than half of its memory; a value that a server refuses is a miss each time.',
    '',
    `Up to ${settings.window} requests with distinct keys are under way at the same time, together at most a 256th of the memory, as from that many clients; \`--window 1\` is one client that waits for`,
    'each reply. Every hit is compared with what was stored. A whole trace passes in seconds: redis-server and `ashlar lru` keep times of access in seconds, so theirs are',
    'coarser here than where items stay for minutes.',
    '',
    ...lines,
  ].join('\n');
}

function comparisons(rows, labels, others) {
  if (others.length === 0) return [];
  const ratioIn = (row, label) => row.cells.find((cell) => cell.server === label).hitRatio;
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  return labels.filter(isOurs).flatMap((label) => {
    const leads = rows.map((row) => ratioIn(row, label) - bestOf(row, others));
    const behind = rows.flatMap((row, i) =>
      leads[i] < 0 ? [`${row.trace} at ${row.mebibytes} MiB (${points(leads[i])})`] : [],
    );
    const overLru = others.includes(REDIS_LRU)
      ? `, ${points(mean(rows.map((row) => ratioIn(row, label) - ratioIn(row, REDIS_LRU))))} over redis lru`
      : '';
    const where = behind.length > 0 ? `behind the best other: ${behind.join(', ')}` : 'nowhere behind the best other';
    return [`- ${label}: on average ${points(mean(leads))} points over the best other${overLru}; ${where}.`];
  });
}

function inside(rows) {
  const lines = rows.flatMap((row) =>
    row.cells.map((cell) => [
      ...[row.trace, `${row.mebibytes} MiB`, cell.server, figure(cell.items), figure(cell.evictions)],
      ...[cell.refused, cell.takenBytes / MIB, cell.residentBytes / MIB, cell.grownBytes / MIB].map(figure),
      cell.seconds.toFixed(1),
    ]),
  );
  const heads = [
    'trace',
    'memory',
    'server',
    'items',
    'evictions',
    'refused',
    'counted, MiB',
    'RSS, MiB',
    'grown by, MiB',
    'seconds',
  ];
  return table(heads, lines, 3);
}
