/** INFO's sections of figures: clients, memory, stats, keyspace, and our own. */

import os from 'node:os';
import { formatBytesRounded } from '../base/units.js';
import { PAGE_BYTES } from '../engine/memory/size-classes.js';
import type { Field, InfoSources } from './info-sources.js';
import { withheldBytes } from './memory-limits.js';
import { memoryFigures } from './memory-report.js';
import {
  AUTH_FAILURES,
  BLOCKED,
  BUSY_MICROSECONDS,
  BYTES_IN_PER_SECOND,
  BYTES_OUT_PER_SECOND,
  COMMANDS_PER_SECOND,
  CONNECTED,
  EVENT_LOOP_TURNS,
  EVICTED_CLIENTS,
  MEMCACHED_BYTES_IN,
  MEMCACHED_BYTES_OUT,
  MEMCACHED_CONNECTED,
  MONITORS,
  OUTPUT_LIMIT_CLOSES,
  PROTOCOL_ERRORS,
  QUERY_LIMIT_CLOSES,
  RECENT_MAX_INPUT,
  RECENT_MAX_OUTPUT,
  TIMED_OUT_CLIENTS,
  TOTAL_BYTES_IN,
  TOTAL_BYTES_OUT,
  TOTAL_COMMANDS,
  TOTAL_CONNECTIONS,
  TOTAL_ERRORS,
  TOTAL_READS,
  TOTAL_WRITES,
  TURNS_PER_SECOND,
  UNKNOWN_COMMANDS,
} from './statistics.js';
import { REJECTED_CONNECTIONS, WORKERS_REPLACED } from './worker-data.js';

export function clientsSection({ config, fleet }: InfoSources): Field[] {
  return [
    ['connected_clients', fleet.sum(CONNECTED)],
    ['cluster_connections', 0],
    ['maxclients', config.maxclients],
    ['client_recent_max_input_buffer', fleet.max(RECENT_MAX_INPUT)],
    ['client_recent_max_output_buffer', fleet.max(RECENT_MAX_OUTPUT)],
    ['blocked_clients', fleet.sum(BLOCKED)],
    ['tracking_clients', 0],
    ['clients_in_timeout_table', 0],
    ['total_blocking_keys', 0],
    ['total_blocking_keys_on_nokey', 0],
  ];
}

/** A figure, and the same for people. */
function withHuman(name: string, bytes: number): Field[] {
  return [
    [name, bytes],
    [`${name}_human`, formatBytesRounded(bytes)],
  ];
}

function percent(part: number, whole: number): string {
  return `${(whole > 0 ? (part * 100) / whole : 0).toFixed(2)}%`;
}

export function memorySection({ config, keyspace, fleet }: InfoSources): Field[] {
  const memory = memoryFigures(keyspace, fleet);
  const overhead = memory.used - memory.dataset;
  return [
    ...withHuman('used_memory', memory.used),
    ...withHuman('used_memory_rss', memory.resident),
    ...withHuman('used_memory_peak', memory.peak),
    ['used_memory_peak_perc', percent(memory.used, memory.peak)],
    ['used_memory_overhead', overhead],
    ['used_memory_startup', memory.startup],
    ['used_memory_dataset', memory.dataset],
    ['used_memory_dataset_perc', percent(memory.dataset, memory.used - memory.startup)],
    ...withHuman('total_system_memory', os.totalmem()),
    ['used_memory_lua', 0],
    ['used_memory_lua_human', '0B'],
    ['used_memory_scripts', 0],
    ['used_memory_scripts_human', '0B'],
    ...withHuman('maxmemory', config.maxmemory),
    ['maxmemory_policy', config.maxmemoryPolicy],
    ...withHuman('maxmemory_reserve', memory.reserve),
    ['mem_fragmentation_ratio', (memory.resident / memory.used).toFixed(2)],
    ['mem_fragmentation_bytes', memory.resident - memory.used],
    ['mem_not_counted_for_evict', memory.clients - withheldBytes(memory.clients)],
    ['mem_replication_backlog', 0],
    ['mem_total_replication_buffers', 0],
    ['mem_clients_slaves', 0],
    ['mem_clients_normal', memory.clients],
    ['mem_cluster_links', 0],
    ['mem_aof_buffer', 0],
    ['mem_allocator', 'slabs'],
    ['active_defrag_running', 0],
    ['lazyfree_pending_objects', 0],
    ['lazyfreed_objects', 0],
  ];
}

export function statsSection({ keyspace, fleet, shared }: InfoSources): Field[] {
  const figures = keyspace.figures();
  const kilobytes = (bytes: number): string => (bytes / 1024).toFixed(2);
  return [
    ['total_connections_received', fleet.sum(TOTAL_CONNECTIONS)],
    ['total_commands_processed', fleet.sum(TOTAL_COMMANDS)],
    ['instantaneous_ops_per_sec', Math.round(fleet.sum(COMMANDS_PER_SECOND))],
    ['total_net_input_bytes', fleet.sum(TOTAL_BYTES_IN)],
    ['total_net_output_bytes', fleet.sum(TOTAL_BYTES_OUT)],
    ['total_net_repl_input_bytes', 0],
    ['total_net_repl_output_bytes', 0],
    ['instantaneous_input_kbps', kilobytes(fleet.sum(BYTES_IN_PER_SECOND))],
    ['instantaneous_output_kbps', kilobytes(fleet.sum(BYTES_OUT_PER_SECOND))],
    ['instantaneous_input_repl_kbps', '0.00'],
    ['instantaneous_output_repl_kbps', '0.00'],
    ['rejected_connections', Atomics.load(shared, REJECTED_CONNECTIONS)],
    ['sync_full', 0],
    ['sync_partial_ok', 0],
    ['sync_partial_err', 0],
    ['expired_keys', figures.expired],
    ['expired_stale_perc', '0.00'],
    ['expired_time_cap_reached_count', 0],
    ['expire_cycle_cpu_milliseconds', Math.floor(figures.sweepMs)],
    ['evicted_keys', figures.evicted],
    ['evicted_clients', fleet.sum(EVICTED_CLIENTS)],
    ['total_eviction_exceeded_time', 0],
    ['current_eviction_exceeded_time', 0],
    ['keyspace_hits', figures.hits],
    ['keyspace_misses', figures.misses],
    ['pubsub_channels', 0],
    ['pubsub_patterns', 0],
    ['pubsubshard_channels', 0],
    ['latest_fork_usec', 0],
    ['total_forks', 0],
    ['migrate_cached_sockets', 0],
    ['tracking_total_keys', 0],
    ['tracking_total_items', 0],
    ['tracking_total_prefixes', 0],
    ['unexpected_error_replies', 0],
    ['total_error_replies', fleet.sum(TOTAL_ERRORS)],
    ['total_reads_processed', fleet.sum(TOTAL_READS)],
    ['total_writes_processed', fleet.sum(TOTAL_WRITES)],
    ['eventloop_cycles', fleet.sum(EVENT_LOOP_TURNS)],
    ['eventloop_duration_cmd_sum', Math.round(fleet.sum(BUSY_MICROSECONDS))],
    ['instantaneous_eventloop_cycles_per_sec', Math.round(fleet.sum(TURNS_PER_SECOND))],
    ['acl_access_denied_auth', fleet.sum(AUTH_FAILURES)],
    ['acl_access_denied_cmd', 0],
    ['acl_access_denied_key', 0],
    ['acl_access_denied_channel', 0],
  ];
}

export function keyspaceSection({ config, keyspace }: InfoSources): Field[] {
  const fields: Field[] = [];
  for (let database = 0; database < config.databases; database++) {
    const keys = keyspace.size(database);
    if (keys === 0) continue;
    const ttl = keyspace.averageTtl(database);
    fields.push([`db${database}`, `keys=${keys},expires=${keyspace.expiring(database)},avg_ttl=${ttl}`]);
  }
  return fields;
}

/** What exists only here. */
export function ashlarSection({ config, keyspace, fleet, shared, native }: InfoSources): Field[] {
  const figures = keyspace.figures();
  const oldest = keyspace.oldestDue();
  const lag = keyspace.expiryLag();
  return [
    ['ashlar_threads', config.threads],
    ['ashlar_native_core', native ? 1 : 0],
    ['ashlar_workers_replaced', Atomics.load(shared, WORKERS_REPLACED)],
    ['ashlar_shards', keyspace.shards.length],
    ['ashlar_shard_resets', figures.resets],
    ['ashlar_index_segments', figures.segments],
    ['ashlar_pages_used', figures.usedBytes / PAGE_BYTES],
    ['ashlar_pages_budget', figures.budgetBytes / PAGE_BYTES],
    ['ashlar_pages_reserved', keyspace.reserve / PAGE_BYTES],
    ['ashlar_free_resident_bytes', figures.freeResidentBytes],
    ['ashlar_given_back_bytes', figures.givenBackBytes],
    ['ashlar_compacted_bytes', figures.compactedBytes],
    ['ashlar_items', figures.items],
    ['ashlar_item_bytes', figures.itemBytes],
    ['ashlar_slab_occupancy', percent(figures.itemBytes, figures.slabBytes)],
    ['ashlar_refused_writes', figures.refused],
    ['ashlar_pinned_keys', figures.pinnedItems],
    ['ashlar_pinned_bytes', figures.pinnedBytes],
    ['ashlar_pinned_bytes_max', keyspace.control.pinBytesMax * keyspace.shards.length],
    ['ashlar_pins_refused', figures.pinsRefused],
    ['ashlar_expired_by_sweep', figures.expiredBySweep],
    ['ashlar_oldest_due', oldest],
    ['expire_lag_ms', oldest === 0 ? 0 : Math.max(0, keyspace.clock.now - oldest)],
    ['expire_lag_p50_ms', lag.p50],
    ['expire_lag_p99_ms', lag.p99],
    ['expire_lag_max_ms', lag.max],
    ['ashlar_memcached_clients', fleet.sum(MEMCACHED_CONNECTED)],
    ['ashlar_memcached_input_bytes', fleet.sum(MEMCACHED_BYTES_IN)],
    ['ashlar_memcached_output_bytes', fleet.sum(MEMCACHED_BYTES_OUT)],
    ['ashlar_monitors', fleet.sum(MONITORS)],
    ['ashlar_timed_out_clients', fleet.sum(TIMED_OUT_CLIENTS)],
    ['ashlar_output_limit_closes', fleet.sum(OUTPUT_LIMIT_CLOSES)],
    ['ashlar_query_limit_closes', fleet.sum(QUERY_LIMIT_CLOSES)],
    ['ashlar_unknown_commands', fleet.sum(UNKNOWN_COMMANDS)],
    ['ashlar_protocol_errors', fleet.sum(PROTOCOL_ERRORS)],
  ];
}
