/**
 * What `stats` shows, in both protocols, under memcached's names. What memcached counts and this server has no counterpart of is left out: a number that
 * is always 0 would say that something does not happen, when nobody looks.
 */

import { PAGE_BYTES } from '../../engine/memory/size-classes.js';
import type { Request } from '../request.js';
import type { MemcachedFigures, ServerPort } from '../server-port.js';
import {
  AUTH_CMDS,
  AUTH_ERRORS,
  CAS_BADVAL,
  CAS_HITS,
  CAS_MISSES,
  CMD_FLUSH,
  CMD_GET,
  CMD_META,
  CMD_SET,
  CMD_TOUCH,
  DECR_HITS,
  DECR_MISSES,
  DELETE_HITS,
  DELETE_MISSES,
  GET_EXPIRED,
  GET_HITS,
  GET_MISSES,
  INCR_HITS,
  INCR_MISSES,
  ofClass,
  overClasses,
  STORE_NO_MEMORY,
  STORE_TOO_LARGE,
  TOUCH_HITS,
  TOUCH_MISSES,
} from './counters.js';
import { DATABASE } from './flushing.js';
import { itemSizes, slabClasses } from './slab-classes.js';

export type Statistic = readonly [name: string, value: string | number];

const BUCKETS_PER_SEGMENT = 1024;

/** The counters of classes, as `stats slabs` names and orders them; `stats` shows their sums. */
const CLASS_COUNTERS: readonly (readonly [string, number])[] = [
  ['get_hits', GET_HITS],
  ['cmd_set', CMD_SET],
  ['delete_hits', DELETE_HITS],
  ['incr_hits', INCR_HITS],
  ['decr_hits', DECR_HITS],
  ['cas_hits', CAS_HITS],
  ['cas_badval', CAS_BADVAL],
  ['touch_hits', TOUCH_HITS],
];

/** The other counters of `stats`. */
const COUNTERS: readonly (readonly [string, number])[] = [
  ['cmd_get', CMD_GET],
  ['cmd_flush', CMD_FLUSH],
  ['cmd_touch', CMD_TOUCH],
  ['cmd_meta', CMD_META],
  ['get_misses', GET_MISSES],
  ['get_expired', GET_EXPIRED],
  ['delete_misses', DELETE_MISSES],
  ['incr_misses', INCR_MISSES],
  ['decr_misses', DECR_MISSES],
  ['cas_misses', CAS_MISSES],
  ['touch_misses', TOUCH_MISSES],
  ['store_too_large', STORE_TOO_LARGE],
  ['store_no_memory', STORE_NO_MEMORY],
  ['auth_cmds', AUTH_CMDS],
  ['auth_errors', AUTH_ERRORS],
];

/** The statistics of a group, `` being the general ones; undefined when there is no such group. */
export function statisticsOf(request: Request, group: string): readonly Statistic[] | Promise<Statistic[]> | undefined {
  switch (group) {
    case '':
      return general(request);
    case 'settings':
      return settings(request.server, request.server.memcached());
    case 'items':
      return items(request);
    case 'slabs':
      return slabs(request);
    case 'sizes':
      return [...itemSizes(request.keyspace)].sort(([a], [b]) => a - b).map(([size, count]) => [String(size), count]);
    case 'conns':
      return connections(request);
    default:
      return undefined;
  }
}

function general({ keyspace, server, clock }: Request): Statistic[] {
  const figures = server.memcached();
  const shards = keyspace.figures();
  return [
    ['pid', figures.pid],
    ['uptime', figures.uptime],
    ['time', Math.floor(clock.now / 1000)],
    ['version', server.memcachedVersion],
    ['pointer_size', 64],
    ['rusage_user', figures.userSeconds.toFixed(6)],
    ['rusage_system', figures.systemSeconds.toFixed(6)],
    ['max_connections', figures.connectionsMax],
    ['curr_connections', figures.connections],
    ['total_connections', figures.totalConnections],
    ['rejected_connections', figures.rejectedConnections],
    ...COUNTERS.map(([name, counter]): Statistic => [name, figures.counters[counter]]),
    ...CLASS_COUNTERS.map(([name, counter]): Statistic => [name, overClasses(figures.counters, counter)]),
    ['idle_kicks', figures.idleKicks],
    ['bytes_read', figures.bytesRead],
    ['bytes_written', figures.bytesWritten],
    ['limit_maxbytes', server.configGet('maxmemory') ?? ''],
    ['accepting_conns', 1],
    ['threads', figures.threads],
    ['hash_power_level', Math.floor(Math.log2(Math.max(1, shards.segments) * BUCKETS_PER_SEGMENT))],
    ['hash_bytes', shards.segments * PAGE_BYTES],
    ['bytes', shards.itemBytes],
    ['curr_items', keyspace.items(DATABASE)],
    ['total_items', shards.stored],
    ['evictions', shards.evicted],
    ['reclaimed', shards.expired - shards.expiredBySweep],
    ['crawler_reclaimed', shards.expiredBySweep],
  ];
}

function settings(server: ServerPort, figures: MemcachedFigures): Statistic[] {
  const setting = (name: string): string => server.configGet(name) ?? '';
  const yes = (on: boolean): string => (on ? 'yes' : 'no');
  return [
    ['maxbytes', setting('maxmemory')],
    ['maxconns', figures.connectionsMax],
    ['tcpport', figures.port],
    ['udpport', 0],
    ['inter', setting('bind')],
    ['verbosity', verbosityOf(setting('loglevel'))],
    ['evictions', setting('maxmemory-policy') === 'noeviction' ? 'off' : 'on'],
    ['eviction_policy', setting('maxmemory-policy')],
    ['domain_socket', figures.unixSocket === '' ? 'NULL' : figures.unixSocket],
    ['umask', setting('memcached-unixsocketperm')],
    ['shutdown_command', setting('memcached-enable-shutdown')],
    ['num_threads', figures.threads],
    ['detail_enabled', 'no'],
    ['cas_enabled', 'yes'],
    ['tcp_backlog', setting('tcp-backlog')],
    ['binding_protocol', bindingProtocol(setting('memcached-protocol'))],
    ['auth_enabled_sasl', yes(server.requirePassword !== '')],
    ['auth_enabled_ascii', yes(server.requirePassword !== '')],
    ['item_size_max', setting('memcached-item-size-max')],
    ['maxconns_fast', 'yes'],
    ['flush_enabled', 'yes'],
    ['dump_enabled', 'yes'],
    ['hash_algorithm', 'halfsiphash13'],
    ['idle_timeout', setting('timeout')],
    ['track_sizes', 'yes'],
    ['client_flags_size', 4],
  ];
}

/** Log levels as memcached's verbosity counts them. */
const LOG_LEVELS: readonly string[] = ['notice', 'verbose', 'debug'];

/** Log level of a verbosity. */
export function logLevelOf(verbosity: number): string {
  return LOG_LEVELS[Math.min(verbosity, LOG_LEVELS.length - 1)];
}

function verbosityOf(level: string): number {
  return Math.max(0, LOG_LEVELS.indexOf(level));
}

/** memcached's word for what its option -B sets. */
function bindingProtocol(protocol: string): string {
  if (protocol === 'auto') return 'auto-negotiate';
  return protocol === 'text' ? 'ascii' : protocol;
}

function items({ keyspace }: Request): Statistic[] {
  return slabClasses(keyspace)
    .filter((slab) => slab.items > 0)
    .flatMap((slab): Statistic[] => [
      [`items:${slab.number}:number`, slab.items],
      [`items:${slab.number}:mem_allocated`, slab.used * slab.chunkBytes],
    ]);
}

/** Classes that have pages, and those that had some: their counters stay. */
function slabs({ keyspace, server }: Request): Statistic[] {
  const classes = slabClasses(keyspace);
  const { counters } = server.memcached();
  const lines = classes.flatMap(({ number, chunkBytes, chunksPerPage, pages, chunks, used }): Statistic[] => {
    const counts = CLASS_COUNTERS.map(
      ([name, counter]): Statistic => [`${number}:${name}`, counters[ofClass(number) + counter]],
    );
    if (pages === 0 && counts.every(([, count]) => count === 0)) return [];
    return [
      [`${number}:chunk_size`, chunkBytes],
      [`${number}:chunks_per_page`, chunksPerPage],
      [`${number}:total_pages`, pages],
      [`${number}:total_chunks`, chunks],
      [`${number}:used_chunks`, used],
      [`${number}:free_chunks`, chunks - used],
      ...counts,
    ];
  });
  const pages = classes.reduce((sum, slab) => sum + slab.pages, 0);
  lines.push(['active_slabs', classes.filter((slab) => slab.pages > 0).length], ['total_malloced', pages * PAGE_BYTES]);
  return lines;
}

/** Connections of the Memcached door. */
async function connections({ server, client: self }: Request): Promise<Statistic[]> {
  const clients = await server.clients({ memcached: true });
  return clients.flatMap((facts): Statistic[] => {
    // Without the native core there are no file descriptors to show.
    const name = facts.fd < 0 ? facts.id : facts.fd;
    return [
      [`${name}:addr`, addressText(facts.address)],
      [`${name}:listen_addr`, addressText(facts.localAddress)],
      [`${name}:state`, stateOf(facts.id === self.id, facts.pendingOutput, facts.pendingInput)],
      [`${name}:secs_since_last_cmd`, facts.idleSeconds],
    ];
  });
}

function addressText(address: string): string {
  return address.startsWith('/') ? `unix:${address.replace(/:0$/, '')}` : `tcp:${address}`;
}

/** memcached's word for what a connection is doing. */
function stateOf(self: boolean, pendingOutput: number, pendingInput: number): string {
  if (self) return 'conn_parse_cmd';
  if (pendingOutput > 0) return 'conn_mwrite';
  return pendingInput > 0 ? 'conn_waiting' : 'conn_read';
}
