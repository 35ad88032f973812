/**
 * `npm run bench:threads`: two threads on one cache against one. Each worker attaches to the cache and makes a fixed number of
 * random gets (or 90 % gets and 10 % sets) over a million keys; one worker alone, then two at the same moment. Perfect scaling
 * is twice the operations in the same time, and the same CPU time for each; where other work takes the cores away, only the CPU time
 * says something. Results go to bench/results/threads.{md,json}.
 *
 *   --rounds N   (3)      --smoke   a few keys, to see that it works      --no-build   measure what is built
 */

import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { main } from '../../scripts/steps/run.mjs';
import { describeMachine, machineLine } from '../common/machine.mjs';
import { prepareOrSay } from '../common/prepare.mjs';
import { figure, median, note, table, writeResults } from '../common/report.mjs';
import { loadAshlar } from './ashlar.mjs';
import { randomStrings, shuffledCopies } from './data.mjs';

const KEY_BYTES = 16;
const VALUE_BYTES = 100;
const SEED = 1;
const THREADS = 2;

await (isMainThread ? main(compare) : work(workerData));

async function compare() {
  const { values: words } = parseArgs({
    options: { rounds: { type: 'string' }, smoke: { type: 'boolean' }, 'no-build': { type: 'boolean' } },
  });
  if (!words['no-build']) prepareOrSay();
  const Ashlar = await loadAshlar();
  if (Ashlar === undefined) return;
  const size = words.smoke ? { keys: 5000, operations: 20_000 } : { keys: 1_000_000, operations: 2_000_000 };
  const rounds = words.smoke ? 1 : Number(words.rounds ?? 3);
  const cache = Ashlar.create({ maxMemory: '1gb' });
  const value = 'v'.repeat(VALUE_BYTES);
  for (const key of randomStrings(size.keys, KEY_BYTES, SEED)) cache.set(key, value);
  const workers = await Promise.all(Array.from({ length: THREADS }, (_, i) => startWorker(cache.handle, size, i)));
  try {
    report(await measureAll(workers, size, rounds), { size, rounds }, words);
  } finally {
    for (const worker of workers) await worker.terminate();
    await cache.close();
  }
}

async function startWorker(handle, size, number) {
  const worker = new Worker(fileURLToPath(import.meta.url), { workerData: { handle, size, number } });
  await once(worker, 'message');
  return worker;
}

/**
 * @returns {Promise<{ name: string, one: Rate, two: Rate, scaling: number, found: number }[]>}
 * @typedef {{ opsPerS: number, cpuNs: number }} Rate CPU in nanoseconds of the whole process for an operation
 */
async function measureAll(workers, { operations }, rounds) {
  const rows = [];
  for (const [name, writes] of [
    ['get', false],
    ['90 % get, 10 % set', true],
  ]) {
    const one = [];
    const two = [];
    let found = 0;
    for (let round = 0; round < rounds; round++) {
      for (const [group, rates] of [
        [workers.slice(0, 1), one],
        [workers, two],
      ]) {
        const { seconds, cpuSeconds, hits } = await runTogether(group, { operations, writes });
        const total = operations * group.length;
        rates.push({ opsPerS: total / seconds, cpuNs: (cpuSeconds / total) * 1e9 });
        found += hits;
      }
      note(`${name}: one thread ${rateText(one.at(-1))}, two ${rateText(two.at(-1))}`);
    }
    const rates = { one: medianRate(one), two: medianRate(two) };
    rows.push({ name, ...rates, scaling: rates.two.opsPerS / rates.one.opsPerS, found });
  }
  return rows;
}

function medianRate(rates) {
  const middle = (name) => median(rates.map((rate) => rate[name]));
  return { opsPerS: middle('opsPerS'), cpuNs: middle('cpuNs') };
}

function rateText({ opsPerS, cpuNs }) {
  return `${figure(opsPerS)} ops/s (CPU ${figure(cpuNs)} ns)`;
}

/** All workers of a group start at the same moment: they wait at a gate. @returns seconds from the gate to the last one's end */
async function runTogether(group, task) {
  const gate = new Int32Array(new SharedArrayBuffer(8));
  const answers = group.map((worker) => once(worker, 'message'));
  for (const worker of group) worker.postMessage({ ...task, gate });
  while (Atomics.load(gate, 1) < group.length) await new Promise((resolve) => setTimeout(resolve, 1));
  const before = process.cpuUsage();
  Atomics.store(gate, 0, 1);
  Atomics.notify(gate, 0);
  const results = (await Promise.all(answers)).map(([result]) => result);
  const cpu = process.cpuUsage(before);
  const startedNs = Math.min(...results.map((result) => result.startedNs));
  const endedNs = Math.max(...results.map((result) => result.endedNs));
  return {
    seconds: (endedNs - startedNs) / 1e9,
    cpuSeconds: (cpu.user + cpu.system) / 1e6,
    hits: results.reduce((sum, result) => sum + result.hits, 0),
  };
}

/** The worker's side: attach once, then a task for each message. */
async function work({ handle, size, number }) {
  const Ashlar = await loadAshlar();
  const cache = Ashlar.attach(handle);
  const lookups = shuffledCopies(randomStrings(size.keys, KEY_BYTES, SEED), number + 2);
  const value = 'w'.repeat(VALUE_BYTES);
  parentPort.on('message', ({ operations, writes, gate }) => {
    Atomics.add(gate, 1, 1);
    Atomics.wait(gate, 0, 0);
    const startedNs = Number(process.hrtime.bigint());
    const hits = operate(cache, lookups, value, { operations, writes });
    parentPort.postMessage({ startedNs, endedNs: Number(process.hrtime.bigint()), hits });
  });
  parentPort.postMessage('ready');
}

/** @returns {number} how many gets found a whole value */
function operate(cache, lookups, value, { operations, writes }) {
  let hits = 0;
  for (let i = 0, at = 0; i < operations; i++) {
    const key = lookups[at];
    if (writes && i % 10 === 0) cache.set(key, value);
    else if (cache.get(key)?.length === VALUE_BYTES) hits++;
    at = at + 1 === lookups.length ? 0 : at + 1;
  }
  return hits;
}

function report(rows, { size, rounds }, words) {
  const machine = describeMachine();
  const lines = rows.map(({ name, one, two, scaling }) => [
    name,
    ...[one.opsPerS, two.opsPerS].map(figure),
    scaling.toFixed(2),
    ...[one.cpuNs, two.cpuNs].map(figure),
  ]);
  const markdown = [
    '# Two threads on one cache',
    '',
    machineLine(machine),
    `${size.keys.toLocaleString('en-US')} random ${KEY_BYTES}-byte keys with values of ${VALUE_BYTES} bytes; ${size.operations.toLocaleString('en-US')} random operations for each thread; medians of ${rounds} rounds.`,
    '',
    table(['', '1 thread, ops/s', '2 threads', 'scaling', '1 thread, CPU ns/op', '2 threads'], lines),
  ].join('\n');
  const path = writeResults(words.smoke ? 'threads-smoke' : 'threads', markdown, { machine, size, rounds, rows });
  const found = rows.reduce((sum, row) => sum + row.found, 0);
  process.stdout.write(`${markdown}\n\n${found} values found; written to ${path}\n`);
}
