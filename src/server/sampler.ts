/**
 * The figures of a worker that change with time: what the transport has counted is brought into the statistics block, and rates are taken from it.
 * Whoever asks for INFO adds up the blocks of all workers.
 */

import { TRANSPORT_STATS, type Transport } from '../transport/transport.js';
import {
  BUFFERS,
  BYTES_IN_PER_SECOND,
  BYTES_OUT_PER_SECOND,
  COMMANDS_PER_SECOND,
  EVENT_LOOP_TURNS,
  PENDING_INPUT,
  PENDING_OUTPUT,
  type Statistics,
  TOTAL_BYTES_IN,
  TOTAL_BYTES_OUT,
  TOTAL_COMMANDS,
  TOTAL_READS,
  TOTAL_WRITES,
  TURNS_PER_SECOND,
} from './statistics.js';

/** Samples that a rate is the average of. At ten a second: of the last 1.6 seconds, as in Redis. */
const SAMPLES = 16;

/** Words of Transport.stats. */
const BYTES_IN = 1;
const BYTES_OUT = 2;
const INPUT = 3;
const OUTPUT = 4;
const MEMORY = 7;
const READS = 8;
const WRITES = 9;

/** Counters of which a rate is kept, and where it is kept. */
const RATES = [
  [TOTAL_COMMANDS, COMMANDS_PER_SECOND],
  [TOTAL_BYTES_IN, BYTES_IN_PER_SECOND],
  [TOTAL_BYTES_OUT, BYTES_OUT_PER_SECOND],
  [EVENT_LOOP_TURNS, TURNS_PER_SECOND],
] as const;

export class Sampler {
  private readonly statistics: Statistics;
  private readonly transport: Transport;
  private readonly now = new Float64Array(TRANSPORT_STATS);
  /** What the transport had counted when it was asked last. */
  private readonly before = new Float64Array(TRANSPORT_STATS);
  /** Counters at the last sample. */
  private readonly counted = RATES.map(() => 0);
  /** The last rates, by counter. */
  private readonly recent = RATES.map(() => new Float64Array(SAMPLES));
  private index = 0;
  private sampledAt: number;

  /** @param now milliseconds, of any clock that `sample` is given too */
  constructor(statistics: Statistics, transport: Transport, now: number) {
    this.statistics = statistics;
    this.transport = transport;
    this.sampledAt = now;
  }

  /** Brings the block up to date. The transport's counters only grow, and the block's may be reset: so differences are added. */
  collect(): void {
    const { statistics, now, before } = this;
    this.transport.stats(now);
    statistics.add(TOTAL_BYTES_IN, now[BYTES_IN] - before[BYTES_IN]);
    statistics.add(TOTAL_BYTES_OUT, now[BYTES_OUT] - before[BYTES_OUT]);
    statistics.add(TOTAL_READS, now[READS] - before[READS]);
    statistics.add(TOTAL_WRITES, now[WRITES] - before[WRITES]);
    statistics.values[PENDING_INPUT] = now[INPUT];
    statistics.values[PENDING_OUTPUT] = now[OUTPUT];
    statistics.values[BUFFERS] = now[MEMORY];
    before.set(now);
  }

  /** Takes a sample of the rates. */
  sample(now: number): void {
    this.collect();
    const seconds = (now - this.sampledAt) / 1000;
    this.sampledAt = now;
    if (seconds <= 0) return;
    const { values } = this.statistics;
    RATES.forEach(([counter, rate], i) => {
      // Less than before: the counters have been reset.
      const grown = Math.max(0, values[counter] - this.counted[i]);
      this.counted[i] = values[counter];
      this.recent[i][this.index] = grown / seconds;
      values[rate] = this.recent[i].reduce((sum, each) => sum + each, 0) / SAMPLES;
    });
    this.index = (this.index + 1) % SAMPLES;
  }
}
