/** Runs the string cases. */

import { defineCases } from './harness.js';
import { STRING_CASES } from './strings.cases.js';

defineCases('strings', STRING_CASES);
