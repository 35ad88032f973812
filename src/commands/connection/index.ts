/** The commands that concern the connection itself. */

import type { Command } from '../command.js';
import { AUTH_COMMANDS } from './auth.js';
import { BASIC_COMMANDS } from './basic.js';
import { CLIENT_COMMAND } from './client-container.js';

export const CONNECTION_COMMANDS: readonly Command[] = [...BASIC_COMMANDS, ...AUTH_COMMANDS, CLIENT_COMMAND];
