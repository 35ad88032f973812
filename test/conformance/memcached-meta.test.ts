/** Runs the cases of Memcached's meta commands. */

import { ACCESS_CASES, META_CASES } from './memcached-meta.cases.js';
import { defineTextCases } from './memcached-text-harness.js';

defineTextCases('meta commands', META_CASES);
defineTextCases('meta commands with an LRU', ACCESS_CASES, { ashlar: ['--maxmemory-policy', 'allkeys-lru'] });
