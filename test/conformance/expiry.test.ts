/** Runs the cases of deadlines. */

import { EXPIRY_CASES } from './expiry.cases.js';
import { defineCases } from './harness.js';

defineCases('expiry', EXPIRY_CASES);
