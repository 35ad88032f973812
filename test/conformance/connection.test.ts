/** Runs the cases of the connection commands. */

import { CLIENT_CASES, CONNECTION_CASES, MONITOR_CASES, PASSWORD_CASES } from './connection.cases.js';
import { defineCases } from './harness.js';

defineCases('connections', CONNECTION_CASES);
defineCases('CLIENT', CLIENT_CASES);
defineCases('MONITOR', MONITOR_CASES);

const PASSWORD = ['--requirepass', 'secret'];
defineCases('passwords', PASSWORD_CASES, { args: { ashlar: PASSWORD, redis: PASSWORD }, password: 'secret' });
