/** Runs the cases of Memcached's meta commands. */

import { META_CASES } from './memcached-meta.cases.js';
import { defineTextCases } from './memcached-text-harness.js';

defineTextCases('meta commands', META_CASES);
