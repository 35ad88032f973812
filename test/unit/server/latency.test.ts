/** The latency monitor: one sample a second, and the samples of several threads as one. */

import { describe, expect, it } from 'vitest';
import { latencyGraph } from '../../../src/commands/server/latency-graph.js';
import { LatencyMonitor, mergeLatencyEvents } from '../../../src/server/latency.js';

describe('a worker', () => {
  it('keeps the worst of each second', () => {
    const monitor = new LatencyMonitor();
    for (const [time, milliseconds] of [
      [1, 5],
      [1, 9],
      [1, 7],
      [2, 3],
    ])
      monitor.add('command', time, milliseconds);
    expect(monitor.events()).toEqual([
      {
        name: 'command',
        samples: [
          { time: 1, milliseconds: 9 },
          { time: 2, milliseconds: 3 },
        ],
        maxMs: 9,
      },
    ]);
  });

  it('keeps the last 160 seconds, and the worst of all', () => {
    const monitor = new LatencyMonitor();
    monitor.add('command', 0, 1000);
    for (let time = 1; time <= 200; time++) monitor.add('command', time, time);
    const [{ samples, maxMs }] = monitor.events();
    expect([samples.length, samples[0].time, samples.at(-1)?.time, maxMs]).toEqual([160, 41, 200, 1000]);
  });

  it('forgets what it is told to', () => {
    const monitor = new LatencyMonitor();
    monitor.add('command', 1, 1);
    monitor.add('fast-command', 1, 1);
    expect(monitor.reset(['command', 'nosuch'])).toEqual(['command']);
    expect(monitor.events().map(({ name }) => name)).toEqual(['fast-command']);
    expect(monitor.reset([])).toEqual(['fast-command']);
    expect(monitor.events()).toEqual([]);
  });
});

it('samples of several workers are one history', () => {
  const merged = mergeLatencyEvents([
    [
      {
        name: 'command',
        samples: [
          { time: 1, milliseconds: 5 },
          { time: 3, milliseconds: 5 },
        ],
        maxMs: 50,
      },
    ],
    [],
    [
      {
        name: 'command',
        samples: [
          { time: 1, milliseconds: 8 },
          { time: 2, milliseconds: 2 },
        ],
        maxMs: 8,
      },
    ],
  ]);
  expect(merged).toEqual([
    {
      name: 'command',
      samples: [
        { time: 1, milliseconds: 8 },
        { time: 2, milliseconds: 2 },
        { time: 3, milliseconds: 5 },
      ],
      maxMs: 50,
    },
  ]);
});

it('a graph shows low to high and how long ago', () => {
  const samples = [1, 2, 13].map((milliseconds, i) => ({ time: i * 60, milliseconds }));
  expect(latencyGraph({ name: 'command', samples, maxMs: 20 }, 150).split('\n')).toEqual([
    'command - high 13 ms, low 1 ms (all time high 20 ms)',
    '-'.repeat(80),
    '  #',
    '  |',
    '  |',
    '_o|',
    '   ',
    '213',
    'mm0',
    '  s',
    '',
  ]);
});
