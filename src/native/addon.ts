/**
 * Loads the native core, where it has been built and is wanted.
 *
 * `ASHLAR_NATIVE=off` leaves it out; a core that is missing or does not load is left out too, and the reason is kept for the banner.
 */

import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { useLargeCopy } from '../base/bytes.js';
import type { NativeAddon } from './contract.js';

export interface LoadedAddon {
  readonly addon: NativeAddon | undefined;
  /** Why there is none; empty when there is. */
  readonly reason: string;
}

/** Loads the native core. It may be loaded by any number of threads. */
export function loadAddon(): LoadedAddon {
  if (process.env.ASHLAR_NATIVE === 'off') return { addon: undefined, reason: 'switched off by ASHLAR_NATIVE' };
  const path = fileURLToPath(new URL('../../build/Release/ashlar.node', import.meta.url));
  if (!existsSync(path)) return { addon: undefined, reason: 'not built' };
  try {
    const addon = createRequire(import.meta.url)(path) as NativeAddon;
    if (addon.Poller === undefined) return { addon: undefined, reason: `no native sockets on ${process.platform}` };
    useLargeCopy(addon.copyBytes);
    return { addon, reason: '' };
  } catch (error) {
    return { addon: undefined, reason: `does not load: ${(error as Error).message}` };
  }
}
