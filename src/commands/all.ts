/** Every command, family by family: the lists that the command table is made from. */

import { BITMAP_COMMANDS } from './bits/bitmaps.js';
import { CONNECTION_COMMANDS } from './connection/index.js';
import { KEY_COMMANDS } from './keys.js';
import { LCS_COMMANDS } from './lcs.js';
import { LEASE_COMMANDS } from './leases.js';
import { MEMCACHED_COMMANDS } from './memcached/index.js';
import { PIN_COMMANDS } from './pins.js';
import { SERVER_COMMANDS } from './server/index.js';
import { STRING_BATCH_COMMANDS } from './string-batches.js';
import { STRING_NUMBER_COMMANDS } from './string-numbers.js';
import { STRING_RANGE_COMMANDS } from './string-ranges.js';
import { STRING_COMMANDS } from './strings.js';
import { CommandTable } from './table.js';

export const COMMANDS = new CommandTable(
  [
    ...STRING_COMMANDS,
    ...STRING_NUMBER_COMMANDS,
    ...STRING_RANGE_COMMANDS,
    ...STRING_BATCH_COMMANDS,
    ...LCS_COMMANDS,
    ...LEASE_COMMANDS,
    ...PIN_COMMANDS,
    ...BITMAP_COMMANDS,
    ...KEY_COMMANDS,
    ...CONNECTION_COMMANDS,
    ...SERVER_COMMANDS,
  ],
  MEMCACHED_COMMANDS,
);
