/** Runs the cases of Memcached's classic text commands. */

import { TEXT_CASES } from './memcached-text.cases.js';
import { defineTextCases } from './memcached-text-harness.js';

defineTextCases('the text protocol', TEXT_CASES);
