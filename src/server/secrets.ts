/** Arguments that nobody is to see: passwords, in the slow log and in the feed of MONITOR. */

import type { Request } from '../commands/request.js';
import type { TableEntry } from '../commands/table.js';

/** What stands in the place of a secret. */
export const REDACTED = new TextEncoder().encode('(redacted)');

/** Indexes of a request's arguments that are secrets. `isSecret` tells it of configuration parameters. */
export function secretArguments(
  request: Request,
  entry: TableEntry,
  isSecret: (parameter: string) => boolean,
): ReadonlySet<number> {
  const secrets = new Set<number>();
  if (entry.name === 'auth') {
    for (let i = 1; i < request.argc; i++) secrets.add(i);
  } else if (entry.name === 'hello') {
    for (let i = 2; i < request.argc; i++) {
      const option = request.text(i).toLowerCase();
      if (option === 'setname') i++;
      if (option !== 'auth') continue;
      secrets.add(i + 1).add(i + 2);
      i += 2;
    }
  } else if (entry.name === 'config|set') {
    for (let i = 2; i < request.argc; i += 2) if (isSecret(request.text(i))) secrets.add(i + 1);
  }
  return secrets;
}
