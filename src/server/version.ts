/** The version, from package.json: the one place where it is written. */

import { readFileSync } from 'node:fs';

const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

export const VERSION = manifest.version;

/** The Redis version whose commands and replies this server has: what clients read in INFO and HELLO to decide what they may send. */
export const REDIS_VERSION = '7.2.5';

/** The memcached version whose commands and replies the Memcached door has: the answer to `version`. */
export const MEMCACHED_VERSION = '1.6.18';
