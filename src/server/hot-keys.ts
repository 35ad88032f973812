/**
 * Hot keys: which keys are used most just now, from a sample of the commands of a worker.
 *
 * One in `hotkeys-sample` commands is looked at, before its batch is executed. The loop over the commands does not know of it: the sampler counts down by whole
 * batches, and when the next sample lies in a batch, reads the descriptors there. So an ordinary command pays nothing, and each sample
 * costs 100 to 300 nanoseconds. The distance to the next sample is random, so that no rhythm of a client hides a key.
 *
 * ```
 *  batches:  | 40 commands | 12 | 25 ....▲... | 50 | ...      left: 64 → 24 → 12 → a sample, 13 commands into the batch
 * ```
 *
 * A client's database is the one that it has before the batch. Of a command with several keys one is taken by chance and counted for all of them. Each worker has a sketch of its own
 * (engine/heavy-hitters.ts); HOTKEYS adds them up.
 */

import type { Clock } from '../base/clock.js';
import type { Client } from '../commands/client.js';
import type { HotKey } from '../commands/server-port.js';
import type { TableEntry } from '../commands/table.js';
import { type HeavyHitter, HeavyHitters } from '../engine/heavy-hitters.js';
import { ARG_WORDS, COMMAND_WORDS } from '../protocol/descriptors.js';

/** Commands to go when nothing is sampled. */
const NEVER = 0x3fffffff;
/** Time after which the sketch fades. */
const FADE_MS = 500;
/** A clock that jumps is not to be taken at its word. */
const FADE_MS_MAX = 60_000;
/** A key is hot when at least so many samples of the last seconds surely were it: fewer come together by chance. */
const SAMPLES_MIN = 4;
/** A worker tells of keys with fewer: others may have some too. */
const SAMPLES_TOLD = 1;

/** What a worker tells of its sketch. */
export interface HotKeyReport {
  readonly keys: readonly HeavyHitter[];
  readonly total: number;
  readonly seconds: number;
}

export class HotKeySampler {
  /** Commands up to and including the next one that is sampled. */
  left = NEVER;
  private every = 0;
  private readonly sketch = new HeavyHitters();
  private readonly clock: Clock;
  private readonly random: () => number;
  private readonly firstKeys: Int32Array;
  private readonly lastKeys: Int32Array;
  private readonly keySteps: Int32Array;
  private fadedAt: number;

  /** @param random uniform in [0, 1) */
  constructor(entries: readonly TableEntry[], clock: Clock, random: () => number) {
    this.clock = clock;
    this.random = random;
    this.fadedAt = clock.now;
    // A container's keys are its subcommands', which only execution finds out.
    this.firstKeys = Int32Array.from(entries, ({ command, subcommand }) => (subcommand ? 0 : command.firstKey));
    this.lastKeys = Int32Array.from(entries, ({ command }) => command.lastKey);
    this.keySteps = Int32Array.from(entries, ({ command }) => Math.max(1, command.keyStep));
  }

  /** Samples one in `every` commands from now on; 0 = none, and what was counted is forgotten. */
  set rate(every: number) {
    this.every = every;
    this.left = every === 0 ? NEVER : this.distance();
    if (every === 0) this.clear();
  }

  clear(): void {
    this.sketch.clear();
    this.fadedAt = this.clock.now;
  }

  /**
   * Takes the samples that lie in a batch. `left` has been counted down by the batch, and so is not above 0.
   * @param count commands of the batch
   */
  sample(
    commands: Int32Array,
    count: number,
    args: Int32Array,
    input: Uint8Array,
    clients: readonly (Client | undefined)[],
  ): void {
    if (this.every === 0) {
      this.left = NEVER;
      return;
    }
    this.fade();
    let at = this.left + count - 1;
    for (; at < count; at += this.distance()) {
      const command = at * COMMAND_WORDS;
      const id = commands[command + 1];
      const client = clients[commands[command]];
      if (id < 0 || client === undefined || !client.authenticated) continue;
      this.take(id, client.database, commands[command + 2], commands[command + 3], args, input);
    }
    this.left = at - count + 1;
  }

  private take(id: number, database: number, argc: number, argBase: number, args: Int32Array, input: Uint8Array): void {
    const first = this.firstKeys[id];
    if (first === 0) return;
    const last = this.lastKeys[id] < 0 ? argc + this.lastKeys[id] : Math.min(this.lastKeys[id], argc - 1);
    const step = this.keySteps[id];
    const keys = Math.floor((last - first) / step) + 1;
    if (keys <= 0) return;
    const key = keys === 1 ? first : first + step * Math.floor(this.random() * keys);
    const at = (argBase + key) * ARG_WORDS;
    this.sketch.add(args[at + 2], database, input, args[at], args[at + 1], this.every * keys);
  }

  private distance(): number {
    return this.every === 1 ? 1 : 1 + Math.floor(this.random() * (2 * this.every - 1));
  }

  private fade(): void {
    const elapsed = this.clock.now - this.fadedAt;
    if (elapsed >= 0 && elapsed < FADE_MS) return;
    this.fadedAt = this.clock.now;
    if (elapsed > 0) this.sketch.fade(Math.min(elapsed, FADE_MS_MAX) / 1000);
  }

  /** What this worker knows. */
  report(): HotKeyReport {
    this.clock.tick();
    const { now } = this.clock;
    this.sketch.fade(Math.min(Math.max(0, now - this.fadedAt), FADE_MS_MAX) / 1000);
    this.fadedAt = now;
    const { total, seconds } = this.sketch;
    return { keys: this.sketch.list(SAMPLES_TOLD * this.every), total, seconds };
  }
}

/** The reports of all workers as one, hottest first. @param every one in so many commands was sampled */
export function mergeHotKeys(reports: readonly HotKeyReport[], every: number): HotKey[] {
  const all = reports.reduce((sum, { total, seconds }) => sum + total / seconds, 0);
  const found = new Map<string, HotKey & { count: number }>();
  for (const { keys, seconds } of reports) {
    for (const { key, length, database, identity, count } of keys) {
      const name = `${database} ${length} ${identity}`;
      const before = found.get(name);
      const perSecond = (before?.perSecond ?? 0) + count / seconds;
      const share = all === 0 ? 0 : perSecond / all;
      found.set(name, { key, length, database, perSecond, share, count: (before?.count ?? 0) + count });
    }
  }
  return [...found.values()]
    .filter(({ count }) => count >= SAMPLES_MIN * every)
    .map(({ key, length, database, perSecond, share }) => ({ key, length, database, perSecond, share }))
    .sort((a, b) => b.perSecond - a.perSecond);
}
