/** LATENCY: how long commands take, and when something took too long. */

import { type Answer, type Command, command } from '../command.js';
import type { CommandFlag } from '../facts.js';
import { helpSubcommand } from '../help.js';
import type { Request } from '../request.js';
import type { LatencyEvent } from '../server-port.js';
import { latencyGraph } from './latency-graph.js';

const FLAGS: readonly CommandFlag[] = ['admin', 'noscript', 'loading', 'stale'];

/** Arguments from index 2 on. */
function names(request: Request): string[] {
  return Array.from({ length: request.argc - 2 }, (_, i) => request.text(i + 2));
}

function histogram(request: Request): void {
  const { reply, server } = request;
  const commands = server.latencyHistogram(names(request));
  reply.map(commands.length);
  for (const { name, calls, buckets } of commands) {
    reply.bulkAscii(name);
    reply.map(2);
    reply.bulkAscii('calls');
    reply.integer(calls);
    reply.bulkAscii('histogram_usec');
    reply.map(buckets.length);
    for (const [microseconds, count] of buckets) {
      reply.integer(microseconds);
      reply.integer(count);
    }
  }
}

async function latest({ server }: Request): Promise<Answer> {
  const events = await server.latencyEvents();
  return (reply) => {
    reply.array(events.length);
    for (const { name, samples, maxMs } of events) {
      const last = samples[samples.length - 1];
      reply.array(4);
      reply.bulkAscii(name);
      reply.integer(last.time);
      reply.integer(last.milliseconds);
      reply.integer(maxMs);
    }
  };
}

async function history(request: Request): Promise<Answer> {
  const event = await findEvent(request);
  const samples = event?.samples ?? [];
  return (reply) => {
    reply.array(samples.length);
    for (const { time, milliseconds } of samples) {
      reply.array(2);
      reply.integer(time);
      reply.integer(milliseconds);
    }
  };
}

async function graph(request: Request): Promise<Answer> {
  const name = request.text(2);
  const now = Math.floor(request.clock.now / 1000);
  const event = await findEvent(request);
  if (event === undefined) return (reply) => reply.error(`ERR No samples available for event '${name}'`);
  return (reply) => reply.verbatim('txt', latencyGraph(event, now));
}

/** The event that the request names. */
async function findEvent(request: Request): Promise<LatencyEvent | undefined> {
  const name = request.text(2);
  const events = await request.server.latencyEvents();
  return events.find((event) => event.name === name);
}

async function reset(request: Request): Promise<Answer> {
  const forgotten = await request.server.latencyReset(names(request));
  return (reply) => reply.integer(forgotten);
}

async function doctor({ server }: Request): Promise<Answer> {
  const threshold = Number(server.configGet('latency-monitor-threshold'));
  const events = await server.latencyEvents();
  return (reply) => reply.verbatim('txt', diagnosis(events, threshold));
}

function diagnosis(events: readonly LatencyEvent[], threshold: number): string {
  if (events.length === 0 && threshold === 0) {
    return 'Latency monitoring is off. CONFIG SET latency-monitor-threshold <milliseconds> turns it on.\n';
  }
  if (events.length === 0) return 'No latency spike has been seen.\n';
  const lines = events.map(({ name, samples, maxMs }, i) => {
    const average = samples.reduce((sum, { milliseconds }) => sum + milliseconds, 0) / samples.length;
    return `${i + 1}. ${name}: ${samples.length} seconds with spikes (average ${Math.round(average)}ms), worst of all ${maxMs}ms.\n`;
  });
  const advice = [
    ' * SLOWLOG GET shows which commands took long, if slowlog-log-slower-than is not above the threshold of this monitor.\n',
    ' * Commands on many keys or on large values take their time, and what is sent after them to the same thread waits.\n',
    ' * Fast commands that took long point to a machine that is short of processor time or swaps.\n',
  ];
  return `Latency spikes have been seen:\n\n${lines.join('')}\nWhat may help:\n\n${advice.join('')}`;
}

export const LATENCY_COMMAND: Command = command({
  name: 'latency',
  arity: -2,
  flags: [],
  group: 'server',
  since: '2.8.13',
  summary: 'A container for latency diagnostics commands.',
  complexity: 'Depends on subcommand.',
  subcommands: [
    {
      name: 'histogram',
      arity: -2,
      flags: FLAGS,
      since: '7.0.0',
      summary: 'Returns the cumulative distribution of latencies of a subset or all commands.',
      complexity: 'O(N) where N is the number of commands with latency information being retrieved.',
      run: histogram,
    },
    {
      name: 'latest',
      arity: 2,
      flags: FLAGS,
      since: '2.8.13',
      summary: 'Returns the latest latency samples for all events.',
      runAsync: latest,
    },
    {
      name: 'history',
      arity: 3,
      flags: FLAGS,
      since: '2.8.13',
      summary: 'Returns timestamp-latency samples for an event.',
      runAsync: history,
    },
    {
      name: 'graph',
      arity: 3,
      flags: FLAGS,
      since: '2.8.13',
      summary: 'Returns a latency graph for an event.',
      runAsync: graph,
    },
    {
      name: 'reset',
      arity: -2,
      flags: FLAGS,
      since: '2.8.13',
      summary: 'Resets the latency data for one or more events.',
      runAsync: reset,
    },
    {
      name: 'doctor',
      arity: 2,
      flags: FLAGS,
      since: '2.8.13',
      summary: 'Returns a human-readable latency analysis report.',
      runAsync: doctor,
    },
    helpSubcommand('latency', '2.8.13', [
      'DOCTOR',
      '    Return a human readable latency analysis report.',
      'GRAPH <event>',
      '    Return an ASCII latency graph for the <event> class.',
      'HISTORY <event>',
      '    Return time-latency samples for the <event> class.',
      'LATEST',
      '    Return the latest latency samples for all events.',
      'RESET [<event> ...]',
      '    Reset latency data of one or more <event> classes.',
      '    (default: reset all data for all event classes)',
      'HISTOGRAM [COMMAND ...]',
      '    Return a cumulative distribution of latencies in the format of a histogram for the specified command names.',
      '    If no commands are specified then all histograms are replied.',
    ]),
  ],
});
