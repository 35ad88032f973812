/** Figures that change with time: totals that survive a reset, and rates. */

import { expect, it } from 'vitest';
import { Sampler } from '../../../src/server/sampler.js';
import {
  BYTES_IN_PER_SECOND,
  COMMANDS_PER_SECOND,
  PENDING_OUTPUT,
  Statistics,
  TOTAL_BYTES_IN,
  TOTAL_COMMANDS,
  TOTAL_READS,
  TOTAL_WRITES,
} from '../../../src/server/statistics.js';
import { TRANSPORT_STATS, type Transport } from '../../../src/transport/transport.js';

const BYTES_IN = 1;
const READS = 8;
const WRITES = 9;
const OUTPUT = 4;
const SAMPLES = 16;

function setUp() {
  const statistics = new Statistics(Statistics.allocate());
  const counted = new Float64Array(TRANSPORT_STATS);
  const transport = { stats: (out: Float64Array) => out.set(counted) } as unknown as Transport;
  return { statistics, counted, sampler: new Sampler(statistics, transport, 0) };
}

it('what the transport counted is added, also after CONFIG RESETSTAT', () => {
  const { statistics, counted, sampler } = setUp();
  counted[BYTES_IN] = 100;
  counted[OUTPUT] = 7;
  counted[READS] = 3;
  counted[WRITES] = 2;
  sampler.collect();
  sampler.collect();
  expect([statistics.get(TOTAL_BYTES_IN), statistics.get(PENDING_OUTPUT)]).toEqual([100, 7]);
  expect([statistics.get(TOTAL_READS), statistics.get(TOTAL_WRITES)]).toEqual([3, 2]);
  statistics.reset();
  counted[BYTES_IN] = 130;
  counted[OUTPUT] = 0;
  sampler.collect();
  expect([statistics.get(TOTAL_BYTES_IN), statistics.get(PENDING_OUTPUT)]).toEqual([30, 0]);
});

it('rates are averages of the last samples', () => {
  const { statistics, counted, sampler } = setUp();
  for (let turn = 1; turn <= SAMPLES; turn++) {
    statistics.add(TOTAL_COMMANDS, 50);
    counted[BYTES_IN] += 1000;
    sampler.sample(turn * 100);
  }
  expect(statistics.get(COMMANDS_PER_SECOND)).toBeCloseTo(500);
  expect(statistics.get(BYTES_IN_PER_SECOND)).toBeCloseTo(10_000);
  for (let turn = SAMPLES + 1; turn <= SAMPLES * 1.5; turn++) sampler.sample(turn * 100);
  expect(statistics.get(COMMANDS_PER_SECOND)).toBeCloseTo(250);
});

it('a reset of the counters is not a negative rate', () => {
  const { statistics, sampler } = setUp();
  statistics.add(TOTAL_COMMANDS, 1000);
  sampler.sample(100);
  statistics.reset();
  sampler.sample(200);
  expect(statistics.get(COMMANDS_PER_SECOND)).toBeCloseTo(10_000 / SAMPLES);
});
