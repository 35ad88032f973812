/** The commands that concern the server as a whole. */

import type { Command } from '../command.js';
import { COMMAND_COMMAND } from './command.js';
import { CONFIG_COMMAND } from './config.js';
import { DEBUG_COMMAND } from './debug.js';
import { HOTKEYS_COMMAND } from './hotkeys.js';
import { INFO_COMMANDS } from './info.js';
import { LATENCY_COMMAND } from './latency.js';
import { MEMORY_COMMAND } from './memory.js';
import { PROCESS_COMMANDS } from './process.js';
import { COMMANDLOG_COMMAND, SLOWLOG_COMMAND } from './slowlog.js';

export const SERVER_COMMANDS: readonly Command[] = [
  COMMAND_COMMAND,
  CONFIG_COMMAND,
  ...INFO_COMMANDS,
  MEMORY_COMMAND,
  SLOWLOG_COMMAND,
  COMMANDLOG_COMMAND,
  LATENCY_COMMAND,
  HOTKEYS_COMMAND,
  ...PROCESS_COMMANDS,
  DEBUG_COMMAND,
];
