/**
 * The engine's policies inside the process, beside known ones at the same number of items, for work on the policies:
 *
 *   node bench/eviction/policies.mjs [--traces DIR]      --help lists the options
 *
 * Every value has the same size here, so that what is compared is which keys stay, and not how memory is divided: the engine gets as many pages
 * as hold about so many items, and the simulators as many items as it has held then, on average over the second half.
 */

import { parseArgs } from 'node:util';
import { main, StepError } from '../../scripts/steps/run.mjs';
import { prepareOrSay } from '../common/prepare.mjs';
import { figure, note, table } from '../common/report.mjs';
import { generateTrace, PATTERN_NAMES, randomOf } from './generate.mjs';
import { SIMULATORS } from './simulators.mjs';
import { readTrace, tracesIn } from './traces.mjs';

const USAGE = `usage: node bench/eviction/policies.mjs [options]
  --traces DIR         traces: DIR/*.csv.gz; without it, generated ones
  --only a,b           these of them (generated: ${PATTERN_NAMES.join(', ')})
  --requests N         the first N of each trace (1000000)
  --sizes 1,5,10,25    items in percent of the keys
  --policies a,b       of the engine (allkeys-keystone,allkeys-lfu,allkeys-lru)
  --no-build           measure what is built
`;

/** An item of these takes a cell of a 64th of a page. */
const VALUE_BYTES = 1000;
const CELLS = 64;
const PAGE_BYTES = 65_536;
/** Pages of a shard's tables, and of the index for each item. */
const TABLES = 4;
const INDEX_OF_ITEM = 8 / 0.65 / PAGE_BYTES;
const PAGES_MIN = 16;
/** Requests between two counts of the items. */
const COUNT_EVERY = 1024;

await main(async () => {
  const { values: words } = parseArgs({
    options: {
      traces: { type: 'string' },
      only: { type: 'string' },
      requests: { type: 'string', default: '1000000' },
      sizes: { type: 'string', default: '1,5,10,25' },
      policies: { type: 'string', default: 'allkeys-keystone,allkeys-lfu,allkeys-lru' },
      smoke: { type: 'boolean' },
      'no-build': { type: 'boolean' },
      help: { type: 'boolean' },
    },
  });
  if (words.help) return void process.stdout.write(USAGE);
  if (words.smoke) Object.assign(words, { only: 'scan', requests: '4000', sizes: '25' });
  if (!words['no-build']) prepareOrSay();
  // What is built, once it is.
  const { Inside } = await import('./inside.mjs');
  const policies = words.policies.split(',');
  const rows = [];
  let requests = 0;
  for (const makeTrace of chooseTraces(words)) {
    const trace = makeTrace();
    for (const size of words.sizes.split(',').map(Number)) {
      const row = compare(Inside, trace, size, policies);
      note(row.join(' | '));
      rows.push(row);
      requests += trace.requests.length / 2;
    }
  }
  const heads = ['trace', 'of keys', 'items', ...policies, ...Object.keys(SIMULATORS)];
  process.stdout.write(
    `Hit ratio, %, at the same number of items.\n\n${table(heads, rows)}\n\n${requests} requests replayed\n`,
  );
});

/** @returns {(() => import('./traces.mjs').Trace)[]} */
function chooseTraces({ traces, only, requests }) {
  const count = Number(requests);
  const names = only?.split(',');
  if (traces !== undefined) return tracesIn(traces, names).map((path) => () => readTrace(path, count));
  const unknown = names?.find((name) => !PATTERN_NAMES.includes(name));
  if (unknown !== undefined) throw new StepError(`no generated trace ${unknown}`);
  return (names ?? PATTERN_NAMES).map((name) => () => generateTrace(name, count));
}

/** A line of the table. */
function compare(Inside, trace, percent, policies) {
  // Keys are as long as each other too.
  const keys = trace.keys.map((_, number) => `k${number.toString(16).padStart(8, '0')}`);
  const wanted = Math.max(1, Math.round((keys.length * percent) / 100));
  const pages = Math.max(PAGES_MIN, Math.ceil(TABLES + wanted * (1 / CELLS + INDEX_OF_ITEM)));
  const ratios = [];
  let capacity = 0;
  for (const policy of policies) {
    const inside = new Inside(policy, pages * PAGE_BYTES, keys, VALUE_BYTES);
    const { ratio, items } = replay(
      trace,
      (key) => inside.ask(key, VALUE_BYTES),
      () => inside.figures.items,
    );
    ratios.push(ratio);
    capacity ||= Math.round(items);
    inside.close();
  }
  for (const make of Object.values(SIMULATORS)) {
    const simulator = make(capacity, keys.length, randomOf(3));
    ratios.push(
      replay(
        trace,
        (key) => simulator.ask(key, 1),
        () => capacity,
      ).ratio,
    );
  }
  return [trace.name, `${percent} %`, figure(capacity), ...ratios.map((ratio) => (ratio * 100).toFixed(2))];
}

/** Asks for every key in order. @returns {{ ratio: number, items: number }} items: on average over the second half */
function replay({ requests }, ask, countItems) {
  const count = requests.length / 2;
  let [hits, sum, counts] = [0, 0, 0];
  for (let i = 0; i < count; i++) {
    if (ask(requests[2 * i] & 0x7fffffff)) hits++;
    if (i >= count / 2 && i % COUNT_EVERY === 0) {
      sum += countItems();
      counts++;
    }
  }
  return { ratio: hits / count, items: counts > 0 ? sum / counts : countItems() };
}
