/** The commands that concern the server as a whole. */

import type { Command } from '../command.js';
import { COMMAND_COMMAND } from './command.js';
import { CONFIG_COMMAND } from './config.js';
import { INFO_COMMANDS } from './info.js';

export const SERVER_COMMANDS: readonly Command[] = [COMMAND_COMMAND, CONFIG_COMMAND, ...INFO_COMMANDS];
