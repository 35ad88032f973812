/** Runs the cases of the server commands. */

import { defineCases } from './harness.js';
import {
  COMMAND_CASES,
  CONFIG_CASES,
  DEBUG_CASES,
  INFO_CASES,
  NO_DEBUG_CASES,
  OBSERVING_CASES,
} from './server.cases.js';

defineCases('CONFIG', CONFIG_CASES);
defineCases('COMMAND', COMMAND_CASES);
defineCases('INFO', [...INFO_CASES, ...NO_DEBUG_CASES]);

const DEBUG = ['--enable-debug-command', 'yes'];
defineCases('observing', OBSERVING_CASES, { args: { ashlar: DEBUG, redis: DEBUG } });
defineCases('DEBUG', DEBUG_CASES, { args: { ashlar: DEBUG, redis: DEBUG } });
