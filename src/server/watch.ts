/**
 * Those who watch a worker's commands: the logs of slow and large commands, the latency monitor, and the clients that asked for MONITOR. While
 * nobody watches, commands do not come by here: the dispatcher's gate and its thresholds keep them away.
 */

import { CLOSE_NO, type Client } from '../commands/client.js';
import type { Request } from '../commands/request.js';
import { COMMAND_LOGS, type CommandLogKind } from '../commands/server-port.js';
import type { TableEntry } from '../commands/table.js';
import type { Bus, Handler } from './bus.js';
import { CommandLog, logLengthOf } from './command-log.js';
import type { Config } from './config/config.js';
import { findParameter, parameterOf } from './config/schema.js';
import { type Dispatcher, GATE_MONITORED, GATE_TIMED, NEVER_LARGE } from './dispatcher.js';
import { LatencyMonitor } from './latency.js';
import { isShown, MonitorFeed } from './monitor.js';
import { type Replacements, replacements } from './secrets.js';
import { MONITORS, type Statistics } from './statistics.js';
import { NEXT_LARGE_REPLY, NEXT_LARGE_REQUEST, NEXT_SLOWLOG } from './worker-data.js';

/** Below this threshold every command is timed by itself; above it, only those that are not `fast`. */
const EXACT_TIMING_MICROSECONDS = 1000;

/** The parameters that say how many entries a log keeps. */
const LENGTHS = {
  slow: 'slowlogMaxLen',
  'large-request': 'commandlogLargeRequestMaxLen',
  'large-reply': 'commandlogLargeReplyMaxLen',
} as const;

/** The parameters that say what is worth noting. */
const THRESHOLDS = [
  'slowlogLogSlowerThan',
  'latencyMonitorThreshold',
  'commandlogRequestLargerThan',
  'commandlogReplyLargerThan',
] as const;

export interface WatchParts {
  readonly config: Config;
  readonly statistics: Statistics;
  readonly dispatcher: Dispatcher;
  /** Words that all threads share (worker-data.ts). */
  readonly shared: Int32Array;
  /** The way to the main thread; there from the first command on. */
  readonly bus: () => Bus;
}

export class Watch {
  /** What the main thread may call. */
  readonly handlers: Readonly<Record<string, Handler>>;
  private readonly parts: WatchParts;
  private readonly logs: Readonly<Record<CommandLogKind, CommandLog>>;
  private readonly latency = new LatencyMonitor();
  private readonly feed: MonitorFeed;
  /** Clients that have asked for MONITOR and are not answered yet. */
  private joining = 0;

  constructor(parts: WatchParts) {
    const { config, dispatcher, bus } = parts;
    this.parts = parts;
    this.logs = {
      slow: new CommandLog(config.slowlogMaxLen),
      'large-request': new CommandLog(config.commandlogLargeRequestMaxLen),
      'large-reply': new CommandLog(config.commandlogLargeReplyMaxLen),
    };
    this.feed = new MonitorFeed({
      deliver: (client, lines) => dispatcher.outside(client, () => this.writeLines(lines)),
      forward: (lines) => bus().send('monitorLines', lines),
    });
    this.handlers = {
      monitors: (total: number) => this.setMonitors(total),
      monitorLines: (lines: string) => this.feed.receive(lines),
      commandLog: (kind: CommandLogKind) => this.logs[kind].list(),
      commandLogReset: (kind: CommandLogKind) => this.logs[kind].clear(),
      latencyEvents: () => this.latency.events(),
      latencyReset: (names: readonly string[]) => this.latency.reset(names),
    } as Record<string, Handler>;
    this.followConfig(config);
  }

  private followConfig(config: Config): void {
    for (const kind of COMMAND_LOGS) {
      config.onChange(LENGTHS[kind], () => {
        this.logs[kind].limit = logLengthOf(config, kind);
      });
    }
    for (const threshold of THRESHOLDS) config.onChange(threshold, () => this.applyThresholds());
    this.applyThresholds();
  }

  private applyThresholds(): void {
    const { config, dispatcher } = this.parts;
    const latency = config.latencyMonitorThreshold * 1000;
    const wanted = [config.slowlogLogSlowerThan, latency === 0 ? -1 : latency].filter((threshold) => threshold >= 0);
    const least = wanted.length === 0 ? -1 : Math.min(...wanted);
    dispatcher.slowMicroseconds = least;
    dispatcher.setGate(GATE_TIMED, least >= 0 && least < EXACT_TIMING_MICROSECONDS);
    dispatcher.largeRequestBytes = sizeThreshold(config.commandlogRequestLargerThan);
    dispatcher.largeReplyBytes = sizeThreshold(config.commandlogReplyLargerThan);
  }

  // ---------------------------------------------------------------------------------------------- slow commands

  /** A command took as long as the lower of the thresholds, or longer. */
  onSlow(request: Request, entry: TableEntry, microseconds: number): void {
    const { slowlogLogSlowerThan, latencyMonitorThreshold } = this.parts.config;
    if (slowlogLogSlowerThan >= 0 && microseconds >= slowlogLogSlowerThan && !entry.flags.includes('skip_slowlog')) {
      const id = Atomics.add(this.parts.shared, NEXT_SLOWLOG, 1);
      this.logs.slow.add(id, request, microseconds, this.shown(request, entry));
    }
    const milliseconds = Math.floor(microseconds / 1000);
    if (latencyMonitorThreshold > 0 && milliseconds >= latencyMonitorThreshold) {
      const event = entry.flags.includes('fast') ? 'fast-command' : 'command';
      this.latency.add(event, Math.floor(Date.now() / 1000), milliseconds);
    }
  }

  // ---------------------------------------------------------------------------------------------- large commands

  /** A command's request or reply was as large as its threshold, or larger. */
  onLarge(request: Request, entry: TableEntry, replyBytes: number): void {
    if (entry.flags.includes('skip_slowlog')) return;
    const { dispatcher, shared } = this.parts;
    if (request.bytes >= dispatcher.largeRequestBytes) {
      const id = Atomics.add(shared, NEXT_LARGE_REQUEST, 1);
      this.logs['large-request'].add(id, request, request.bytes, this.shown(request, entry));
    }
    if (replyBytes >= dispatcher.largeReplyBytes) {
      const id = Atomics.add(shared, NEXT_LARGE_REPLY, 1);
      this.logs['large-reply'].add(id, request, replyBytes, this.shown(request, entry));
    }
  }

  private shown(request: Request, entry: TableEntry): Replacements {
    return replacements(request, entry, isSecret);
  }

  // ---------------------------------------------------------------------------------------------- monitors

  /** A command is about to run, and somebody has asked for MONITOR. */
  onMonitored(request: Request, entry: TableEntry): void {
    if (isShown(entry)) this.feed.add(request, this.shown(request, entry));
  }

  /** Makes a client a monitor; resolves when all workers feed it. Nothing is written to it before, so that it gets its reply first. */
  async add(client: Client): Promise<void> {
    this.joining++;
    await this.report();
    this.joining--;
    if (client.closing === CLOSE_NO) this.feed.monitors.add(client);
    else await this.report();
  }

  /** A client is gone, or has become an ordinary one. */
  remove(client: Client): void {
    if (this.feed.monitors.delete(client)) void this.report();
  }

  /** Tells how many monitors this worker has; resolves when all workers know the sum. */
  private report(): Promise<void> {
    const monitors = this.feed.monitors.size + this.joining;
    this.parts.statistics.values[MONITORS] = monitors;
    return this.parts.bus().call('monitors', monitors);
  }

  /** So many clients of all workers are monitors. */
  setMonitors(total: number): void {
    this.feed.othersListen = total > this.feed.monitors.size + this.joining;
    this.parts.dispatcher.setGate(GATE_MONITORED, total > 0);
  }

  private writeLines(lines: string): void {
    const bytes = Buffer.from(lines, 'latin1');
    this.parts.dispatcher.reply.raw(bytes, 0, bytes.length);
  }
}

/** A threshold of the configuration as the dispatcher compares it: -1 stands for none. */
function sizeThreshold(bytes: number): number {
  return bytes < 0 ? NEVER_LARGE : Math.min(bytes, NEVER_LARGE);
}

/** Whether a configuration parameter is not to be shown. */
function isSecret(parameter: string): boolean {
  const found = findParameter(parameter);
  return found !== undefined && parameterOf(found).secret === true;
}
