/** The commands about keys, whatever their values are, and about databases. */

import { DATABASE_COMMANDS } from './keys/databases.js';
import { EXPIRY_COMMANDS } from './keys/expiry.js';
import { ITERATION_COMMANDS } from './keys/iteration.js';
import { OBJECT_COMMANDS } from './keys/object.js';
import { PRESENCE_COMMANDS } from './keys/presence.js';
import { TRANSFER_COMMANDS } from './keys/transfer.js';

export { debugObject, memoryUsage } from './keys/object.js';

export const KEY_COMMANDS = [
  ...PRESENCE_COMMANDS,
  ...EXPIRY_COMMANDS,
  ...TRANSFER_COMMANDS,
  ...ITERATION_COMMANDS,
  ...OBJECT_COMMANDS,
  ...DATABASE_COMMANDS,
];
