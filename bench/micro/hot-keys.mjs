/**
 * What finding hot keys costs: nanoseconds a GET from the descriptor to the reply, by the real dispatcher over 100,000 keys that are asked for after Zipf's law,
 * for several values of `hotkeys-sample`. Values alternate in short rounds, so that all of them get the same weather; the figure is the lower quartile of the
 * rounds' processor time. The network, which costs as much again or more, is left out.
 *
 *   node bench/micro/hot-keys.mjs      --smoke   little of each, to see that it works      --no-build   measure what is built
 */

import { parseArgs } from 'node:util';
import { main } from '../../scripts/steps/run.mjs';
import { prepareOrSay } from '../common/prepare.mjs';
import { figure, table } from '../common/report.mjs';

const KEYS = 100_000;
const VALUE_BYTES = 100;
/** Batches that are executed in turn, each with keys of its own. */
const BATCHES = 1024;
const SAMPLES = [0, 1000, 100, 10, 1];
const DEPTHS = [1, 16, 100];
const LIMITS = { argumentsMax: 1024 * 1024, bulkBytesMax: 2 ** 29, inlineBytesMax: 65_536 };

await main(async () => {
  const { values: words } = parseArgs({ options: { smoke: { type: 'boolean' }, 'no-build': { type: 'boolean' } } });
  if (!words['no-build']) prepareOrSay();
  const rounds = words.smoke ? 1 : 401;
  const commandsOfRound = 2000;
  const rows = [];
  let executed = 0;
  for (const depth of DEPTHS) {
    const { dispatcher, transport } = await subject(depth);
    const times = SAMPLES.map(() => []);
    for (let round = 0; round < rounds; round++) {
      SAMPLES.forEach((_, turn) => {
        // Nobody always comes first, or behind the same one.
        const i = (turn * (1 + (round % (SAMPLES.length - 1))) + round) % SAMPLES.length;
        dispatcher.hotKeys.rate = SAMPLES[i];
        times[i].push(run(dispatcher, transport, depth, commandsOfRound));
        executed += commandsOfRound;
      });
    }
    const quartiles = times.map(lowerQuartile);
    rows.push([String(depth), ...quartiles.map((ns) => `${figure(ns)} (${percent(ns / quartiles[0] - 1)})`)]);
  }
  const heads = ['commands in a batch', ...SAMPLES.map((every) => (every === 0 ? 'off' : `1 in ${every}`))];
  process.stdout.write(`${table(heads, rows)}\n\n${executed} commands executed\n`);
});

/** @returns {number} nanoseconds a command */
function run(dispatcher, transport, depth, commands) {
  const batches = Math.ceil(commands / depth);
  const begin = cpuNs();
  for (let i = 0; i < batches; i++) {
    transport.turn(i % BATCHES);
    dispatcher.onBatch(depth);
  }
  return (cpuNs() - begin) / (batches * depth);
}

/** A dispatcher over a full cache, and a transport whose batches are there already. */
async function subject(depth) {
  const { Clock } = await import('../../dist/base/clock.js');
  const { Random } = await import('../../dist/base/random.js');
  const { Keyspace } = await import('../../dist/engine/keyspace.js');
  const { COMMANDS } = await import('../../dist/commands/all.js');
  const { Client } = await import('../../dist/commands/client.js');
  const { Dispatcher } = await import('../../dist/server/dispatcher.js');
  const { Statistics } = await import('../../dist/server/statistics.js');
  const random = new Random(1, 2, 3);
  const options = { maxMemory: 64 * 2 ** 20, shards: 2, databases: 16, policy: 1, hashKey: [1, 2] };
  const keyspace = Keyspace.create(options, new Clock(), () => random.float());
  fill(keyspace);
  const statistics = new Statistics(Statistics.allocate());
  const transport = await batches(COMMANDS, depth, random);
  const hooks = { log: () => {}, closed: () => {}, monitored: () => {}, slow: () => {}, large: () => {} };
  const port = { table: COMMANDS, memcachedCounters: statistics.counters };
  const nobody = new Client(0, 0, 0, '', '', -1, 0, true);
  const dispatcher = new Dispatcher(keyspace, COMMANDS, transport, statistics, port, hooks, nobody);
  dispatcher.clients[0] = new Client(1, 0, 0, '', '', -1, 0, true);
  return { dispatcher, transport };
}

function fill(keyspace) {
  const value = Buffer.alloc(VALUE_BYTES, 'v');
  for (let i = 0; i < KEYS; i++) {
    const key = Buffer.from(keyOf(i));
    const shard = keyspace.enter(keyspace.shards[keyspace.shardNumber(key, 0, key.length)]);
    const hash = shard.hash(key, 0, key.length, keyspace.control.internal(0));
    shard.setString(hash, key, 0, key.length, keyspace.control.internal(0), value, 0, value.length, 0);
  }
  keyspace.leave();
}

function keyOf(number) {
  return `key:${String(number).padStart(12, '0')}`;
}

/** A transport that sends nothing. `turn` chooses the batch that the next `onBatch` finds. */
async function batches(table, depth, random) {
  const { RespSplitter } = await import('../../dist/protocol/resp/splitter.js');
  const { FrameState } = await import('../../dist/protocol/splitter.js');
  const splitter = new RespSplitter(table.commands, 1, 2, 2);
  const all = Array.from({ length: BATCHES }, () => {
    const text = Array.from({ length: depth }, () => `get ${keyOf(zipf(random))}\r\n`).join('');
    const input = Uint8Array.from(Buffer.from(text));
    const commands = new Int32Array(8 * depth);
    const args = new Int32Array(4 * 4 * depth);
    splitter.split(0, new FrameState(), input, 0, input.length, commands, 0, args, 0, LIMITS);
    return { input, commands, args };
  });
  const arrays = { output: new Uint8Array(1 << 20), segments: new Int32Array(3 * 64), commands: all[0].commands };
  return {
    arrays,
    input: all[0].input,
    args: all[0].args,
    flush: () => {},
    turn(batch) {
      arrays.commands = all[batch].commands;
      this.input = all[batch].input;
      this.args = all[batch].args;
    },
  };
}

/** A key's number by Zipf's law with an exponent near 1. */
function zipf(random) {
  return Math.floor(KEYS ** random.float()) - 1;
}

function cpuNs() {
  const { user, system } = process.cpuUsage();
  return (user + system) * 1000;
}

function lowerQuartile(values) {
  return [...values].sort((a, b) => a - b)[values.length >> 2];
}

function percent(share) {
  return `${share < 0 ? '' : '+'}${(share * 100).toFixed(1)} %`;
}
