/** Every command, family by family: the list that the command table is made from. */

import { KEY_COMMANDS } from './keys.js';
import { CommandTable } from './table.js';
import { STRING_COMMANDS } from './strings.js';

export const COMMANDS = new CommandTable([...STRING_COMMANDS, ...KEY_COMMANDS]);
