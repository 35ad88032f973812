/** Garbage collection on demand, for MEMORY PURGE: what this thread's JavaScript heap no longer needs is given back. */

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

let collector: (() => void) | undefined;

export function collectGarbage(): void {
  if (collector === undefined) {
    // The function is there only in contexts that are made while the flag is on.
    setFlagsFromString('--expose-gc');
    collector = runInNewContext('gc') as () => void;
    setFlagsFromString('--no-expose-gc');
  }
  collector();
}
