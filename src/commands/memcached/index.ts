/** Every Memcached command, of both protocols: the second list that the command table is made from. */

import { BINARY_COMMANDS } from './binary.js';
import type { MemcachedCommand } from './command.js';
import { TEXT_COMMANDS } from './text.js';

export type { MemcachedCommand } from './command.js';

export const MEMCACHED_COMMANDS: readonly MemcachedCommand[] = [...TEXT_COMMANDS, ...BINARY_COMMANDS];
