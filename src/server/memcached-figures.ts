/** What Memcached's `stats` shows of the server: sums over all workers. */

import process from 'node:process';
import { MEMCACHED_COUNTERS } from '../commands/memcached/counters.js';
import type { MemcachedFigures } from '../commands/server-port.js';
import type { InfoSources } from './info-sources.js';
import {
  MEMCACHED_BYTES_IN,
  MEMCACHED_BYTES_OUT,
  MEMCACHED_CONNECTED,
  MEMCACHED_CONNECTIONS,
  TIMED_OUT_CLIENTS,
} from './statistics.js';
import { REJECTED_CONNECTIONS } from './worker-data.js';

export function memcachedFigures({ config, facts, fleet, keyspace, shared }: InfoSources): MemcachedFigures {
  const { user, system } = process.cpuUsage();
  const counters = new Float64Array(MEMCACHED_COUNTERS);
  for (const block of fleet.blocks)
    block.counters.forEach((count, counter) => {
      counters[counter] += count;
    });
  return {
    pid: process.pid,
    uptime: Math.floor((keyspace.clock.now - facts.startedAt) / 1000),
    userSeconds: user / 1e6,
    systemSeconds: system / 1e6,
    connections: fleet.sum(MEMCACHED_CONNECTED),
    totalConnections: fleet.sum(MEMCACHED_CONNECTIONS),
    connectionsMax: config.maxclients,
    rejectedConnections: Atomics.load(shared, REJECTED_CONNECTIONS),
    idleKicks: fleet.sum(TIMED_OUT_CLIENTS),
    bytesRead: fleet.sum(MEMCACHED_BYTES_IN),
    bytesWritten: fleet.sum(MEMCACHED_BYTES_OUT),
    threads: config.threads,
    port: facts.memcachedPort,
    unixSocket: config.memcachedUnixsocket,
    counters,
  };
}
