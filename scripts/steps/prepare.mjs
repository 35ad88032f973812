/** All steps in order: dependencies, native core, TypeScript. Each does nothing when its result is up to date. */

import { ensureDependencies } from './dependencies.mjs';
import { withLock } from './lock.mjs';
import { buildNative, nativeIsStale, recallFailure } from './native.mjs';
import { buildTypeScript, typeScriptIsStale } from './typescript.mjs';

/**
 * Brings a checkout to where it can run.
 * @param {{ tests?: boolean, retryNative?: boolean, optionalNative?: boolean }} [options]
 *   tests: the development dependencies are needed even if nothing is to be built;
 *   retryNative: build the native core again if it failed before;
 *   optionalNative: a failing native build is a notice (the default)
 * @throws {StepError}
 */
export function prepare({ tests = false, retryNative = false, optionalNative = true } = {}) {
  const stale = () => nativeIsStale({ retry: retryNative }) || typeScriptIsStale();
  if (!stale()) {
    ensureDependencies({ dev: tests });
    recallFailure();
    return;
  }
  withLock(() => {
    // Somebody else may have built all of it while we waited.
    ensureDependencies({ dev: tests || stale() });
    if (nativeIsStale({ retry: retryNative })) buildNative({ optional: optionalNative });
    else recallFailure();
    if (typeScriptIsStale()) buildTypeScript();
  });
}
