/**
 * `npm run bench:library`: Ashlar inside the application's process, beside what else one would take: Map, lru-cache, lmdb, and
 * Redis over the loopback. A million random 16-byte keys and 100-byte values, met in an order that the CPU's caches can't help
 * with. Subjects take turns; a figure is the median over the rounds. Time is the process's CPU time, so that what else runs on the
 * machine counts little; for Redis, where most of the time is spent elsewhere, it is the clock's. Results go to
 * bench/results/library.{md,json}.
 *
 * Each store has a process of its own in each round: the garbage collector goes through everything that is in a heap, and whoever makes strings would pay
 * for the millions of objects of the others.
 *
 *   --rounds N   (3)      --smoke   a few keys, to see that it works      --no-build   measure what is built
 */

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { measure } from 'mitata';
import { main, StepError } from '../../scripts/steps/run.mjs';
import { describeMachine, machineLine } from '../common/machine.mjs';
import { prepareOrSay } from '../common/prepare.mjs';
import { figure, median, note, table, writeResults } from '../common/report.mjs';
import { randomStrings, shuffledCopies } from './data.mjs';
import { makeAshlar, makeLmdb, makeLruCache, makeMap, makeRedis, makeTimedLruCache } from './subjects.mjs';

const KEY_BYTES = 16;
const VALUE_BYTES = 100;
const MAKERS = [makeMap, makeLruCache, makeTimedLruCache, makeAshlar, makeLmdb, makeRedis];
const BASES = { get: ['Map.get', 'lru-cache get'], set: ['Map.set', 'lru-cache set'] };

await main(process.send === undefined ? compare : measureStore);

async function compare() {
  const { values: words } = parseArgs({
    options: { rounds: { type: 'string' }, smoke: { type: 'boolean' }, 'no-build': { type: 'boolean' } },
  });
  if (!words['no-build']) prepareOrSay();
  const count = words.smoke ? 5000 : 1_000_000;
  const rounds = words.smoke ? 1 : Number(words.rounds ?? 3);
  const measured = [];
  for (let round = 0; round < rounds; round++)
    for (const maker of MAKERS.keys())
      measured.push(...(await measureApart(maker, { count, smoke: words.smoke === true })));
  report({ machine: describeMachine(), keys: count, rounds, rows: summary(measured) }, words);
}

/**
 * Measures a store in a process of its own.
 * @returns {Promise<Measured[]>} nothing where the store is not installed
 * @typedef {{ name: string, kind: 'get' | 'set', ns: number, checksum: number }} Measured
 */
async function measureApart(maker, options) {
  const child = fork(fileURLToPath(import.meta.url));
  let measured;
  child.on('message', (message) => {
    measured = message;
  });
  child.send({ maker, ...options });
  const [code] = await once(child, 'exit');
  if (code !== 0 || measured === undefined) throw new StepError(`the process that measures ended with ${code}`);
  for (const { name, ns } of measured) note(`${name}: ${figure(ns)} ns`);
  return measured;
}

/** What the process for one store does. */
async function measureStore() {
  const [{ maker, count, smoke }] = await once(process, 'message');
  const store = await MAKERS[maker](makeData(count));
  const options = smoke ? { min_cpu_time: 5e6, batch_samples: 256 } : {};
  const measured = [];
  try {
    for (const { name, kind, step, operations = 1, isRemote } of store?.subjects ?? []) {
      const checksum = checked(name, await step());
      // Once through all keys: code is compiled, and the strings that Map and lru-cache are asked for have their hashes.
      if (!isRemote) for (let i = 0; i < count; i++) step();
      const stats = await measure(step, isRemote ? options : { ...options, now: cpuNs });
      measured.push({ name, kind, ns: stats.avg / operations, checksum });
    }
  } finally {
    await store?.close();
  }
  process.send(measured, () => process.disconnect());
}

function makeData(count) {
  const keys = randomStrings(count, KEY_BYTES, 1);
  return { keys, values: randomStrings(count, VALUE_BYTES, 2), lookups: shuffledCopies(keys, 3) };
}

/** @param {Measured[]} measured in all rounds */
function summary(measured) {
  const names = [...new Set(measured.map(({ name }) => name))];
  return names.map((name) => {
    const rounds = measured.filter((row) => row.name === name);
    const times = rounds.map(({ ns }) => ns);
    const checksum = rounds.reduce((sum, row) => sum + row.checksum, 0);
    const { kind } = rounds[0];
    return { name, kind, ns: median(times), minNs: Math.min(...times), maxNs: Math.max(...times), checksum };
  });
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
    `time for an operation (for ioredis, by the clock), the median of ${rounds} rounds in which the stores took turns, each in a process of its own.`,
    'Looked-up keys are other string objects than the stored ones. Map and lru-cache return the object they hold and use the hash that V8',
    'keeps in a string; the others hash the bytes and make a new value.',
    '',
    parts.join('\n\n'),
  ].join('\n');
}
