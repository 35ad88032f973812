/** What INFO is made from. */

import type { CommandTable } from '../commands/table.js';
import type { Keyspace } from '../engine/keyspace.js';
import type { Config } from './config/config.js';
import type { FleetFigures } from './fleet-figures.js';
import type { ServerFacts } from './worker-data.js';

export interface InfoSources {
  readonly config: Config;
  readonly keyspace: Keyspace;
  readonly table: CommandTable;
  readonly fleet: FleetFigures;
  readonly facts: ServerFacts;
  /** Words that all threads share (worker-data.ts). */
  readonly shared: Int32Array;
  /** Whether the native core does the network work. */
  readonly native: boolean;
}

/** Name and value of a field. */
export type Field = readonly [name: string, value: string | number];
