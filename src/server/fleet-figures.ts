/** Figures of all workers together: what INFO and the limits on all clients need. Every worker can read the blocks of all. */

import { Statistics } from './statistics.js';

export class FleetFigures {
  /** By worker. */
  readonly blocks: readonly Statistics[];

  constructor(buffers: readonly SharedArrayBuffer[]) {
    this.blocks = buffers.map((buffer) => new Statistics(buffer));
  }

  /** A total over all workers. */
  sum(total: number): number {
    return this.blocks.reduce((sum, block) => sum + block.get(total), 0);
  }

  /** The highest of all workers. */
  max(total: number): number {
    return Math.max(...this.blocks.map((block) => block.get(total)));
  }

  /** A figure of a command, over all workers. */
  of(figure: (block: Statistics) => number): number {
    return this.blocks.reduce((sum, block) => sum + figure(block), 0);
  }
}
