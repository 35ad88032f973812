/**
 * A worker thread: attaches to the keyspace, opens its transport, and dispatches commands until it is told to stop.
 *
 * This file composes; what it puts together is in keyspace, transport, dispatcher, worker-server (what commands ask of the server) and upkeep.
 */

import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '../base/assert.js';
import { Clock } from '../base/clock.js';
import { COMMANDS } from '../commands/all.js';
import { Keyspace } from '../engine/keyspace.js';
import { Upkeep } from '../engine/upkeep.js';
import { loadAddon } from '../native/addon.js';
import { NativeTransport } from '../transport/native.js';
import type { StreamTransport } from '../transport/streams.js';
import type { Door } from '../transport/transport.js';
import { Bus } from './bus.js';
import { Config, type ConfigChanges } from './config/config.js';
import { Dispatcher } from './dispatcher.js';
import type { Accepted } from './handover.js';
import { ADOPTED, CONNECTED, Statistics, TABLE_ENTRIES_MAX } from './statistics.js';
import type { WorkerData } from './worker-data.js';
import { WorkerServer } from './worker-server.js';

const data = workerData as WorkerData;
const port = parentPort;
assert(COMMANDS.entries.length <= TABLE_ENTRIES_MAX, 'worker: more commands than there is room for in the statistics');
if (port === null) throw new Error('worker.js runs as a worker thread only');

const clock = new Clock();
const addon = data.native ? loadAddon().addon : undefined;
const keyspace = Keyspace.attach(data.keyspace, clock, Math.random, addon);
const config = Config.fromObject(data.config, { file: data.configFile });
const statistics = new Statistics(data.statistics[data.index]);

const server = new WorkerServer({
  data,
  config,
  keyspace,
  table: COMMANDS,
  statistics,
  bus: (handlers) => new Bus(port, handlers),
});
const events = {
  onBatch: (count: number): void => {
    dispatcher.onBatch(count);
    upkeep.poll();
  },
  onConnect: (connection: number, speaks: number): void => {
    if (addon === undefined) statistics.add(CONNECTED, 1);
    server.connected(connection, speaks);
  },
  onBuffersChanged: (inBatch: boolean): void => server.buffersChanged(inBatch),
  refusal: (speaks: number): string => server.refusal(speaks),
};
const transport = addon === undefined ? await openStreams() : new NativeTransport(addon, COMMANDS, keyspace, events);

/** The fallback is loaded only where it is needed. */
async function openStreams(): Promise<StreamTransport> {
  const streams = await import('../transport/streams.js');
  return new streams.StreamTransport(COMMANDS, keyspace, events);
}
const dispatcher: Dispatcher = new Dispatcher(
  keyspace,
  COMMANDS,
  transport,
  statistics,
  server,
  server.hooks,
  server.nobody,
);
const upkeep: Upkeep = new Upkeep(keyspace, { first: data.index });
upkeep.restMs = 1000 / config.hz;

config.onChange('hz', (hz) => {
  upkeep.restMs = 1000 / hz;
});
config.onChange('activeExpireEffort', (effort) => {
  upkeep.effort = effort;
});
upkeep.effort = config.activeExpireEffort;

server.start(dispatcher, transport, {
  adopt: ({ fd, speaks }: Accepted): void => {
    if (!(transport instanceof NativeTransport)) return;
    // Before, so that nobody else closes a socket that is this worker's; and side by side, so that the socket is among those that are there or those
    // that are on their way, whenever `maxclients` is looked at.
    statistics.add(CONNECTED, 1);
    statistics.add(ADOPTED, 1);
    if (transport.adopt(fd, speaks) < 0) statistics.add(CONNECTED, -1);
  },
  listen: (door: Door): Promise<number> => {
    if (transport instanceof NativeTransport) throw new Error('the native transport is given its sockets');
    return transport.listen(door);
  },
  stop: async (): Promise<void> => {
    upkeep.stop();
    await server.stopped();
    await transport.stop();
  },
  configChanged: (changes: ConfigChanges): void => config.adopt(changes),
});
upkeep.start();
