/** One cell: a fresh server of a given memory, a trace replayed against it, and what it says of itself afterwards. */

import { connect } from 'node:net';
import { StepError } from '../../scripts/steps/run.mjs';
import { Client } from '../common/client.mjs';
import { residentBytes } from '../common/memory.mjs';
import { start, stop, tellingLine } from '../common/processes.mjs';
import { startServer, usualServer } from '../common/servers.mjs';
import { replayPath } from './build-replay.mjs';

export const MIB = 2 ** 20;
const LIMIT_MS = 600_000;
/** memcached refuses a larger item limit than half of its memory, or than 1 GiB. */
const ITEM_LIMIT_SHARE = 2;
const ITEM_LIMIT_MAX_MIB = 1024;
/** What memcached counts besides the value, at most: key, header. */
const ITEM_EXTRA = 512;
/** A server that has taken more than this times what it was given has not kept to it. */
const KEPT = 1.05;
/** Values under way at the same time: at most this part of the memory, and never more than sockets take. */
const WINDOW_SHARE = 256;
const WINDOW_BYTES_MAX = 128 * 1024;

/** What is measured, the default first. */
const CONTENDERS = [
  ['ashlar', 'allkeys-keystone'],
  ['ashlar', 'allkeys-lfu'],
  ['ashlar', 'allkeys-lru'],
  ['redis', 'allkeys-lru'],
  ['redis', 'allkeys-lfu'],
  ['memcached', undefined],
];

/** @typedef {{ label: string, name: string, policy?: string, server: import('../common/servers.mjs').Server }} Contender */

/** @param {string[]} names of servers @returns {Contender[]} */
export function contendersOf(names) {
  return CONTENDERS.filter(([name]) => names.includes(name)).map(([name, policy]) => ({
    label: policy === undefined ? name : `${name} ${policy.replace('allkeys-', '')}`,
    name,
    policy,
    server: name === 'memcached' ? { ...usualServer(name), protocol: 'text' } : usualServer(name),
  }));
}

/** What the server is told of its memory, as its user would. */
function memoryOptions({ name, policy }, mebibytes, largest) {
  if (name !== 'memcached') return ['--maxmemory', mebibytes * MIB, '--maxmemory-policy', policy];
  const wanted = Math.max(1, Math.ceil((largest + ITEM_EXTRA) / MIB));
  const limit = Math.min(wanted, Math.floor(mebibytes / ITEM_LIMIT_SHARE), ITEM_LIMIT_MAX_MIB);
  return ['-m', mebibytes, '-I', `${Math.max(1, limit)}m`];
}

/**
 * @typedef {{ server: string, commandLine: string, hitRatio: number, gets: number, hits: number, sets: number, refused: number, windows: number,
 *   checksum: number, seconds: number, items: number, evictions: number, takenBytes: number, residentBytes: number, grownBytes: number }} Cell
 *   refused: values that the server did not take; takenBytes: by the server's own account of what it limits; grownBytes: of resident memory,
 *   since the server was empty
 * @param {Contender} contender
 * @param {{ path: string, largest: number }} trace path: as writeForReplay wrote it
 * @param {number} mebibytes
 * @param {{ window: number }} settings
 * @returns {Promise<Cell>}
 */
export async function measureCell(contender, trace, mebibytes, { window }) {
  const started = await startServer(contender.server, { more: memoryOptions(contender, mebibytes, trace.largest) });
  try {
    const empty = residentBytes(started.pid);
    const bytes = Math.min(WINDOW_BYTES_MAX, (mebibytes * MIB) / WINDOW_SHARE);
    const result = await replay([started.protocol, started.port, trace.path, window, bytes], contender.label);
    const residentAfter = residentBytes(started.pid);
    return {
      server: contender.label,
      commandLine: started.commandLine,
      hitRatio: result.gets > 0 ? result.hits / result.gets : 0,
      ...result,
      ...(await (contender.name === 'memcached' ? memcachedStats(started.port) : redisStats(started.port))),
      residentBytes: residentAfter,
      grownBytes: residentAfter - empty,
    };
  } finally {
    await started.stop();
  }
}

/** Whether a server has kept to the memory that it was given. @param {Cell} cell @param {number} mebibytes */
export function hasKept(cell, mebibytes) {
  return cell.takenBytes <= mebibytes * MIB * KEPT;
}

/** @throws {StepError} if the replayer fails, or takes too long */
async function replay(args, label) {
  const child = start(replayPath, args.map(String));
  const timer = setTimeout(() => stop(child), LIMIT_MS);
  await child.ended;
  clearTimeout(timer);
  if (child.exitCode !== 0) throw new StepError(`replay against ${label} failed: ${tellingLine(child.output)}`);
  return JSON.parse(child.output);
}

async function redisStats(port) {
  const client = await Client.open(port);
  try {
    const info = `${await client.ask('INFO', 'stats')}${await client.ask('INFO', 'memory')}`;
    const figureOf = (name) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1]);
    const items = await client.number('DBSIZE');
    return { items, evictions: figureOf('evicted_keys'), takenBytes: figureOf('used_memory') };
  } finally {
    client.close();
  }
}

/** Everything that is said until the server closes. */
async function memcachedStats(port) {
  const socket = connect(port, '127.0.0.1').setEncoding('latin1');
  socket.write('stats\r\nstats slabs\r\nquit\r\n');
  let text = '';
  for await (const piece of socket) text += piece;
  const stat = (name) => Number(new RegExp(`^STAT ${name} (\\d+)`, 'm').exec(text)?.[1]);
  return { items: stat('curr_items'), evictions: stat('evictions'), takenBytes: stat('total_malloced') };
}
