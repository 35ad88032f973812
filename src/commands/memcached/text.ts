/** The commands of Memcached's text protocol, classic and meta. */

import type { MemcachedCommand } from './command.js';
import { META_COMMANDS } from './meta.js';
import { TEXT_ITEM_COMMANDS } from './text-items.js';
import { TEXT_RETRIEVAL_COMMANDS } from './text-retrieval.js';
import { TEXT_SERVER_COMMANDS } from './text-server.js';
import { TEXT_STORAGE_COMMANDS } from './text-storage.js';

export const TEXT_COMMANDS: readonly MemcachedCommand[] = [
  ...TEXT_RETRIEVAL_COMMANDS,
  ...TEXT_STORAGE_COMMANDS,
  ...TEXT_ITEM_COMMANDS,
  ...META_COMMANDS,
  ...TEXT_SERVER_COMMANDS,
];
