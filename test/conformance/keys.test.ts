/** Runs the cases of keys and databases. */

import { defineCases } from './harness.js';
import { DEBUG_CASES, KEY_CASES, LFU_CASES } from './keys.cases.js';

defineCases('keys', KEY_CASES);

const LFU = ['--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lfu'];
defineCases('keys with frequencies', LFU_CASES, { args: { ashlar: LFU, redis: LFU } });

defineCases('keys and DEBUG', DEBUG_CASES, { args: { redis: ['--enable-debug-command', 'yes'] } });
