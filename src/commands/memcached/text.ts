/** The commands of Memcached's text protocol. */

import { asciiBytes } from '../../base/bytes.js';
import { type MemcachedCommand, textCommand } from './command.js';

const ERROR = asciiBytes('ERROR\r\n');

export const TEXT_COMMANDS: readonly MemcachedCommand[] = [
  textCommand({
    name: 'unknown',
    arity: -1,
    flags: ['fast'],
    summary: 'Answers a line that is no command.',
    run: ({ reply }) => reply.raw(ERROR, 0, ERROR.length),
  }),
];
