/** CLIENT PAUSE: how pauses add up, and how a worker keeps one. */

import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { COMMANDS } from '../../../src/commands/all.js';
import { mergePause, NO_PAUSE, Pause } from '../../../src/server/pause.js';

const NOW = 1_000_000;
const write = COMMANDS.entries[COMMANDS.id('set')];
const read = COMMANDS.entries[COMMANDS.id('get')];

beforeEach(() => vi.useFakeTimers({ now: NOW }));
afterEach(() => vi.useRealTimers());

it('the later end counts, and the stricter mode', () => {
  const first = { until: NOW + 100, all: false };
  expect(mergePause(NO_PAUSE, first, NOW)).toEqual(first);
  expect(mergePause(first, { until: NOW + 50, all: true }, NOW)).toEqual({ until: NOW + 100, all: true });
  expect(mergePause({ until: NOW + 50, all: true }, first, NOW)).toEqual({ until: NOW + 100, all: true });
});

it('a pause that is over counts no longer', () => {
  expect(mergePause({ until: NOW, all: true }, { until: NOW + 1, all: false }, NOW)).toEqual({
    until: NOW + 1,
    all: false,
  });
});

it('UNPAUSE ends all pauses', () => {
  expect(mergePause({ until: NOW + 100, all: true }, NO_PAUSE, NOW)).toEqual(NO_PAUSE);
});

it('holds up writes, or everything, until its end', () => {
  const changes: boolean[] = [];
  const pause = new Pause((paused) => changes.push(paused));
  pause.set({ until: NOW + 100, all: false });
  expect([pause.holds(write), pause.holds(read)]).toEqual([true, false]);
  pause.set({ until: NOW + 200, all: true });
  expect([pause.holds(write), pause.holds(read)]).toEqual([true, true]);
  vi.advanceTimersByTime(199);
  expect(changes).toEqual([true, true]);
  vi.advanceTimersByTime(1);
  expect(changes).toEqual([true, true, false]);
});

it('lasts longer than a timer can', () => {
  const changes: boolean[] = [];
  const pause = new Pause((paused) => changes.push(paused));
  const days = 40 * 86_400_000;
  pause.set({ until: NOW + days, all: true });
  vi.advanceTimersByTime(days - 1);
  expect(changes).not.toContain(false);
  vi.advanceTimersByTime(1);
  expect(changes.at(-1)).toBe(false);
});
