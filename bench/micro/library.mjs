/**
 * `npm run bench:library`: Ashlar inside the application's process, beside what else one would take: Map, lru-cache, lmdb, and
 * Redis over the loopback. A million random 16-byte keys and 100-byte values, met in an order that the CPU's caches can't help
 * with. Subjects take turns; a figure is the median over the rounds. Time is the process's CPU time, so that what else runs on the
 * machine counts little; for Redis, where most of the time is spent elsewhere, it is the clock's. Results go to
 * bench/results/library.{md,json}.
 *
 *   --rounds N   (3)      --smoke   a few keys, to see that it works      --no-build   measure what is built
 */

import { parseArgs } from 'node:util';
import { measure } from 'mitata';
import { main, StepError } from '../../scripts/steps/run.mjs';
import { describeMachine, machineLine } from '../common/machine.mjs';
import { prepareOrSay } from '../common/prepare.mjs';
import { figure, median, note, table, writeResults } from '../common/report.mjs';
import { randomStrings, shuffledCopies } from './data.mjs';
import { makeAshlar, makeLmdb, makeLruCache, makeMap, makeRedis } from './subjects.mjs';

const KEY_BYTES = 16;
const VALUE_BYTES = 100;
const MAKERS = [makeMap, makeLruCache, makeAshlar, makeLmdb, makeRedis];
const BASES = { get: ['Map.get', 'lru-cache get'], set: ['Map.set', 'lru-cache set'] };

await main(async () => {
  const { values: words } = parseArgs({
    options: { rounds: { type: 'string' }, smoke: { type: 'boolean' }, 'no-build': { type: 'boolean' } },
  });
  if (!words['no-build']) prepareOrSay();
  const count = words.smoke ? 5000 : 1_000_000;
  const rounds = words.smoke ? 1 : Number(words.rounds ?? 3);
  const data = makeData(count);
  const stores = [];
  try {
    for (const make of MAKERS) {
      const store = await make(data);
      if (store) stores.push(store);
    }
    const subjects = stores.flatMap((store) => store.subjects);
    const options = words.smoke ? { min_cpu_time: 5e6, batch_samples: 256 } : {};
    report(
      { machine: describeMachine(), keys: count, rounds, rows: await measureAll(subjects, rounds, options) },
      words,
    );
  } finally {
    for (const store of stores) await store.close();
  }
});

function makeData(count) {
  const keys = randomStrings(count, KEY_BYTES, 1);
  return { keys, values: randomStrings(count, VALUE_BYTES, 2), lookups: shuffledCopies(keys, 3) };
}

/** @returns {Promise<{ name: string, kind: string, ns: number, minNs: number, maxNs: number, checksum: number }[]>} */
async function measureAll(subjects, rounds, options) {
  const times = subjects.map(() => []);
  const sums = subjects.map(() => 0);
  for (let round = 0; round < rounds; round++) {
    for (const [i, { name, step, operations = 1, isRemote }] of subjects.entries()) {
      const result = await step();
      sums[i] += checked(name, result);
      const stats = await measure(step, isRemote ? options : { ...options, now: cpuNs });
      times[i].push(stats.avg / operations);
      note(`${name}: ${figure(times[i].at(-1))} ns`);
    }
  }
  return subjects.map(({ name, kind }, i) => ({
    ...{
      name,
      kind,
      ns: median(times[i]),
      minNs: Math.min(...times[i]),
      maxNs: Math.max(...times[i]),
      checksum: sums[i],
    },
  }));
}

function cpuNs() {
  const { user, system } = process.cpuUsage();
  return (user + system) * 1000;
}

/** A GET that found nothing would be fast. @returns {number} what goes into the checksum */
function checked(name, result) {
  const isPlausible = typeof result === 'number' ? result >= VALUE_BYTES : result !== false;
  if (!isPlausible) throw new StepError(`${name} did not do its work: it returned ${result}`);
  return Number(result) || 1;
}

function report(data, words) {
  const markdown = toMarkdown(data);
  const path = writeResults(words.smoke ? 'library-smoke' : 'library', markdown, data);
  const checksum = data.rows.reduce((sum, row) => sum + row.checksum, 0);
  process.stdout.write(`${markdown}\n\nchecksum ${checksum}; written to ${path}\n`);
}

function toMarkdown({ machine, keys, rounds, rows }) {
  const parts = ['get', 'set'].map((kind) => {
    const group = rows.filter((row) => row.kind === kind);
    const bases = BASES[kind].map((name) => group.find((row) => row.name === name));
    const lines = group.map((row) => [
      row.name,
      figure(row.ns),
      `${figure(row.minNs)}-${figure(row.maxNs)}`,
      ...bases.map((base) => (row.ns / base.ns).toFixed(2)),
    ]);
    return table([kind, 'ns', 'lowest-highest', ...BASES[kind].map((name) => `÷ ${name}`)], lines);
  });
  return [
    '# In the application’s process',
    '',
    machineLine(machine),
    `${keys.toLocaleString('en-US')} random ${KEY_BYTES}-byte string keys with values of ${VALUE_BYTES} bytes, in random order, one thread. Nanoseconds of CPU`,
    `time for an operation (for ioredis, by the clock), the median of ${rounds} rounds in which the subjects took turns. Looked-up keys are`,
    'other string objects than the stored ones. Map and lru-cache return the object they hold and use the hash that V8 keeps in a',
    'string; the others hash the bytes and make a new value.',
    '',
    parts.join('\n\n'),
  ].join('\n');
}
