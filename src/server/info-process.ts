/** INFO's sections about the process: server, CPU; and about what it does not do: persistence, replication. */

import os from 'node:os';
import process from 'node:process';
import type { Field, InfoSources } from './info-sources.js';
import { REDIS_VERSION } from './version.js';

const NO_ID = '0'.repeat(40);
const DAY_SECONDS = 86_400;

export function serverSection({ config, facts, keyspace, native }: InfoSources): Field[] {
  const uptime = Math.floor((keyspace.clock.now - facts.startedAt) / 1000);
  return [
    ['redis_version', REDIS_VERSION],
    ['redis_git_sha1', '00000000'],
    ['redis_git_dirty', 0],
    ['redis_build_id', facts.version],
    ['redis_mode', 'standalone'],
    ['ashlar_version', facts.version],
    ['node_version', process.versions.node],
    ['os', `${os.type()} ${os.release()} ${os.machine()}`],
    ['arch_bits', 64],
    ['monotonic_clock', 'POSIX clock_gettime'],
    ['multiplexing_api', native ? 'epoll' : 'libuv'],
    ['process_id', process.pid],
    ['process_supervised', 'no'],
    ['run_id', facts.runId],
    ['tcp_port', facts.port],
    ['memcached_port', facts.memcachedPort],
    ['server_time_usec', Math.floor((performance.timeOrigin + performance.now()) * 1000)],
    ['uptime_in_seconds', uptime],
    ['uptime_in_days', Math.floor(uptime / DAY_SECONDS)],
    ['hz', config.hz],
    ['configured_hz', config.hz],
    ['lru_clock', keyspace.clock.seconds],
    ['executable', facts.executable],
    ['config_file', config.file ?? ''],
    ['io_threads_active', config.threads > 1 ? 1 : 0],
    ...listeners([
      ...listening('tcp', 'unix', config.bind, facts.port, config.unixsocket),
      ...listening('memcached-tcp', 'memcached-unix', config.bind, facts.memcachedPort, config.memcachedUnixsocket),
    ]),
  ];
}

/** One field for each kind of address that is listened on. */
function listeners(texts: readonly string[]): Field[] {
  return texts.map((text, index) => [`listener${index}`, text]);
}

/** Where a door listens; its addresses go by these names. */
function listening(tcp: string, unix: string, bind: readonly string[], port: number, unixPath: string): string[] {
  const found: string[] = [];
  if (port > 0) found.push(`name=${tcp},${bind.map((host) => `bind=${host},`).join('')}port=${port}`);
  if (unixPath !== '') found.push(`name=${unix},bind=${unixPath}`);
  return found;
}

export function cpuSection(): Field[] {
  const { user, system } = process.cpuUsage();
  const seconds = (microseconds: number): string => (microseconds / 1e6).toFixed(6);
  return [
    ['used_cpu_sys', seconds(system)],
    ['used_cpu_user', seconds(user)],
    ['used_cpu_sys_children', '0.000000'],
    ['used_cpu_user_children', '0.000000'],
  ];
}

/** Nothing is kept on disk. The fields are those by which tools tell that a server is ready and its last save went well. */
export function persistenceSection(): Field[] {
  return [
    ['loading', 0],
    ['async_loading', 0],
    ['rdb_changes_since_last_save', 0],
    ['rdb_bgsave_in_progress', 0],
    ['rdb_last_save_time', 0],
    ['rdb_last_bgsave_status', 'ok'],
    ['rdb_last_bgsave_time_sec', -1],
    ['rdb_current_bgsave_time_sec', -1],
    ['aof_enabled', 0],
    ['aof_rewrite_in_progress', 0],
    ['aof_rewrite_scheduled', 0],
    ['aof_last_rewrite_time_sec', -1],
    ['aof_current_rewrite_time_sec', -1],
    ['aof_last_bgrewrite_status', 'ok'],
    ['aof_last_write_status', 'ok'],
  ];
}

/** There are no replicas. */
export function replicationSection({ facts }: InfoSources): Field[] {
  return [
    ['role', 'master'],
    ['connected_slaves', 0],
    ['master_failover_state', 'no-failover'],
    ['master_replid', facts.replicationId],
    ['master_replid2', NO_ID],
    ['master_repl_offset', 0],
    ['second_repl_offset', -1],
    ['repl_backlog_active', 0],
    ['repl_backlog_size', 0],
    ['repl_backlog_first_byte_offset', 0],
    ['repl_backlog_histlen', 0],
  ];
}
