/**
 * `npm run bench:expiry`: how long after its deadline a key's memory is back, beside redis-server. Nobody reads the keys that expire.
 *
 * A server gets keys with deadlines that follow each other evenly, PER_SECOND of them each second, in another order than that in which
 * they were stored; meanwhile the load generator asks for other keys at a fixed rate. DBSIZE, which counts a key until it is removed, is
 * asked every SAMPLE_MS, and is set against the deadlines:
 *
 *   keys │╲╲                     the k-th deadline, and the sample in which k keys were gone: the time between is the k-th lag.
 *        │  ╲ ╲ removed          So lags are those of a server that removes in the order of deadlines; of one that doesn't, the
 *        │ due╲ ╲                mean is right, and some keys waited longer than the longest lag here.
 *        └──────────▶ time
 *
 *   --servers ashlar,redis   --keys N   (1,000,000)
 *   --order scattered|stored (scattered): how deadlines follow each other
 *   --smoke   few keys       --no-build  measure what is built
 *
 * Results go to bench/results/expiry.{md,json}; `npm run bench` has them too.
 */

import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { main, StepError } from '../../scripts/steps/run.mjs';
import { Client, request } from '../common/client.mjs';
import { runLoad } from '../common/load.mjs';
import { describeMachine, machineLine } from '../common/machine.mjs';
import { prepareOrSay } from '../common/prepare.mjs';
import { figure, note, table, writeResults } from '../common/report.mjs';
import { presentServers, startServer, usualServer, versionOf } from '../common/servers.mjs';
import { buildLoad } from './build-load.mjs';

const PER_SECOND = 50_000;
const SAMPLE_MS = 10;
const VALUE = 'x'.repeat(100);
const KEY_BYTES = 16;
const CHUNK = 1000;
const GETS_PER_SECOND = 30_000;
/** How much slower than before storing may become, in the first attempt and in those that follow when it was slower. */
const SLOWER = [2, 5, 12];
/** When the keys aren't gone this long after the last deadline, the rest count as gone then. */
const PATIENCE_MS = 60_000;

/**
 * @typedef {{ keys: number, otherKeys: number, order: 'scattered' | 'stored', baselineSeconds: number, marginMs: number }} Plan
 *   baselineSeconds: how long the GETs are measured alone; marginMs: from there to the first deadline at least
 */

/** @returns {Plan} by the size of the matrix in matrix.mjs */
export function expiryPlan(matrix) {
  const usual = { keys: 1_000_000, otherKeys: 100_000, order: 'scattered', baselineSeconds: 3, marginMs: 1500 };
  if (matrix === 'smoke') return { ...usual, keys: 5000, otherKeys: 1000, baselineSeconds: 0.2, marginMs: 400 };
  return matrix === 'quick' ? { ...usual, keys: 250_000 } : usual;
}

/**
 * @typedef {{ server: string, keys: number, order: string, p50: number, p99: number, max: number, mean: number, overdue: number,
 *   left: number, cpuAlone: number, cpu: number, getsPerS: number, getP99: number, getP999: number, gets: number }} ExpiryRow
 *   lags in ms; overdue: most keys that were due and still there; left: keys that were never removed; cpu: cores that the server
 *   took while keys expired, cpuAlone: for the GETs alone; getP99: µs
 */

/**
 * @param {import('../common/servers.mjs').Server} server that speaks Redis's protocol
 * @param {Plan} plan
 * @returns {Promise<ExpiryRow>}
 * @throws {StepError} when the machine is too busy to store the keys before the first deadline
 */
export async function measureExpiry(server, plan) {
  for (const slower of SLOWER) {
    const row = await attempt(server, plan, slower);
    if (row === undefined) continue;
    note(
      `expiry lag, ${row.server}: p50 ${figure(row.p50)}, p99 ${figure(row.p99)}, max ${figure(row.max)} ms, CPU ${percent(row.cpu)}`,
    );
    return row;
  }
  throw new StepError(`${server.label}: storing the keys took until they expired; is the machine busy?`);
}

/** @returns {Promise<ExpiryRow | undefined>} undefined: the first deadline came too early */
async function attempt(server, plan, slower) {
  const [serverCore, generatorCore] = availableParallelism() > 1 ? [0, 1] : [];
  const started = await startServer(server, { core: serverCore });
  const client = await Client.open(started.port);
  try {
    const gets = { op: 'get', keys: plan.otherKeys, 'key-size': KEY_BYTES, rate: GETS_PER_SECOND, cpu: generatorCore };
    const loadMs = await storeOthers(client, plan.otherKeys);
    const keyMs = (slower * loadMs) / plan.otherKeys;
    const firstMs = Math.ceil(Date.now() + plan.keys * keyMs + plan.baselineSeconds * 1000 + plan.marginMs);
    await storeVolatile(client, plan, firstMs);
    const alone = await runLoad(started, { ...gets, warmup: 0.1, seconds: plan.baselineSeconds });
    const warmup = (firstMs - Date.now()) / 1000;
    if (warmup < 0) return undefined;
    const curve = sampleSizes(client, plan, firstMs);
    const meanwhile = await runLoad(started, { ...gets, warmup, seconds: plan.keys / PER_SECOND });
    return {
      ...{ server: server.label, keys: plan.keys, order: plan.order },
      ...lagsOf(await curve, plan, firstMs),
      ...{ cpuAlone: alone.serverCpu.total / alone.seconds, cpu: meanwhile.serverCpu.total / meanwhile.seconds },
      ...{ getsPerS: meanwhile.ops_per_s, getP99: meanwhile.p99, getP999: meanwhile.p999, gets: meanwhile.hits },
    };
  } finally {
    client.close();
    await started.stop();
  }
}

/** Stores the keys that are asked for, as the generator names them. @returns {Promise<number>} milliseconds it took */
async function storeOthers(client, count) {
  const startedMs = Date.now();
  await store(client, count, (i) => request('SET', `key:${String(i).padStart(KEY_BYTES - 4, '0')}`, VALUE));
  return Date.now() - startedMs;
}

/** Stores the keys that expire. */
async function storeVolatile(client, { keys, order }, firstMs) {
  const step = order === 'stored' ? 1 : stepOver(keys);
  await store(client, keys, (i) => {
    const deadline = Math.ceil(deadlineOf((i * step) % keys, firstMs));
    return request('SET', `ttl:${String(i).padStart(KEY_BYTES - 4, '0')}`, VALUE, 'PXAT', deadline);
  });
}

/** When the k-th key is due, in milliseconds since 1970. */
const deadlineOf = (k, firstMs) => firstMs + (k * 1000) / PER_SECOND;

/** A stride that meets every number below `count` once, far apart. */
function stepOver(count) {
  const divisor = (a, b) => (b === 0 ? a : divisor(b, a % b));
  let step = Math.max(1, Math.floor(count * 0.618));
  while (divisor(step, count) !== 1) step++;
  return step;
}

async function store(client, count, requestOf) {
  for (let from = 0; from < count; from += CHUNK) {
    const length = Math.min(CHUNK, count - from);
    await client.send(Array.from({ length }, (_, i) => requestOf(from + i)).join(''), length);
  }
}

/**
 * Asks how many of the volatile keys are there until none is.
 * @returns {Promise<{ ms: number, left: number }[]>}
 */
async function sampleSizes(client, { keys, otherKeys }, firstMs) {
  const curve = [];
  const endMs = deadlineOf(keys, firstMs) + PATIENCE_MS;
  for (let left = keys; left > 0 && Date.now() < endMs; ) {
    left = (await client.number('DBSIZE')) - otherKeys;
    curve.push({ ms: Date.now(), left });
    await sleep(SAMPLE_MS);
  }
  return curve;
}

/** The lags by the curve. */
function lagsOf(curve, { keys }, firstMs) {
  const lags = new Float64Array(keys);
  const endMs = deadlineOf(keys, firstMs) + PATIENCE_MS;
  let gone = 0;
  let overdue = 0;
  for (const { ms, left } of curve) {
    for (; gone < keys - left; gone++) lags[gone] = Math.max(0, ms - deadlineOf(gone, firstMs));
    const due = Math.min(keys, ((ms - firstMs) * PER_SECOND) / 1000);
    overdue = Math.max(overdue, Math.round(due - (keys - left)));
  }
  for (let k = gone; k < keys; k++) lags[k] = endMs - deadlineOf(k, firstMs);
  const mean = lags.reduce((sum, lag) => sum + lag, 0) / keys;
  lags.sort();
  const at = (share) => lags[Math.min(keys - 1, Math.floor(keys * share))];
  return { p50: at(0.5), p99: at(0.99), max: lags[keys - 1], mean, overdue, left: keys - gone };
}

const percent = (share) => `${figure(share * 100)} %`;

/** @param {ExpiryRow[]} rows not empty @returns {string} a table with a column for each server, and what it means */
export function expiryTable(rows) {
  const line = (name, read) => [name, ...rows.map(read)];
  const [{ keys, order }] = rows;
  return [
    `${keys.toLocaleString('en-US')} keys of 100 bytes, ${PER_SECOND.toLocaleString('en-US')} of them due each second, ${order === 'stored' ? 'in the order in which they were stored' : 'scattered over the order in which they were stored'}, while`,
    `${GETS_PER_SECOND.toLocaleString('en-US')} GETs a second ask for other keys. The lag is the time from a deadline until DBSIZE, asked every ${SAMPLE_MS} ms, says`,
    'that so many keys are gone.',
    '',
    table(
      ['expiry', ...rows.map((row) => row.server)],
      [
        line('lag p50, ms', (row) => figure(row.p50)),
        line('lag p99, ms', (row) => figure(row.p99)),
        line('lag max, ms', (row) => figure(row.max)),
        line('lag mean, ms', (row) => figure(row.mean)),
        line('most keys due and still there', (row) => figure(row.overdue)),
        line('keys never removed', (row) => figure(row.left)),
        line('CPU for the GETs alone', (row) => percent(row.cpuAlone)),
        line('CPU while keys expire', (row) => percent(row.cpu)),
        line('CPU µs per expired key', (row) => figure(((row.cpu - row.cpuAlone) * 1e6) / PER_SECOND)),
        line('GETs per second', (row) => figure(row.getsPerS)),
        line('GET p99, µs', (row) => figure(row.getP99)),
        line('GET p99.9, µs', (row) => figure(row.getP999)),
      ],
    ),
  ].join('\n');
}

async function run() {
  const { values: words } = parseArgs({
    options: {
      servers: { type: 'string' },
      keys: { type: 'string' },
      order: { type: 'string' },
      smoke: { type: 'boolean' },
      'no-build': { type: 'boolean' },
    },
  });
  if (!words['no-build']) prepareOrSay();
  buildLoad();
  const plan = expiryPlan(words.smoke ? 'smoke' : 'default');
  if (words.keys !== undefined) plan.keys = Number(words.keys);
  if (words.order !== undefined) plan.order = words.order;
  const names = words.servers?.split(',') ?? ['ashlar', 'redis'];
  const servers = presentServers(names.map(usualServer), words.servers !== undefined);
  const data = { machine: describeMachine(), versions: {}, rows: [] };
  for (const server of servers) {
    data.versions[server.name] = versionOf(server);
    data.rows.push(await measureExpiry(server, plan));
  }
  const versions = Object.entries(data.versions).map((words) => words.join(' '));
  const markdown = [
    '# Expiry lag',
    `${machineLine(data.machine)}\n${versions.join(', ')}.`,
    expiryTable(data.rows),
  ].join('\n\n');
  const path = writeResults(words.smoke ? 'expiry-smoke' : 'expiry', markdown, data);
  const expired = data.rows.reduce((sum, row) => sum + row.keys - row.left, 0);
  process.stdout.write(`${markdown}\n\n${expired} keys expired; written to ${path}\n`);
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) await main(run);
