/**
 * What the slow log and the feed of MONITOR show in the place of an argument: of passwords, that there is one; of a Memcached command's name or header, the
 * full name (`memcached|get`), so that nobody takes it for Redis's.
 */

import type { Request } from '../commands/request.js';
import type { TableEntry } from '../commands/table.js';

/** What is shown in the place of arguments, by their indexes. */
export type Replacements = ReadonlyMap<number, Uint8Array>;

/** What stands in the place of a secret. */
export const REDACTED = new TextEncoder().encode('(redacted)');

/** The argument that is the value of a request in Memcached's binary protocol. */
const BINARY_VALUE = 3;

/** What is shown in the place of some of a request's arguments. `isSecret` tells it of configuration parameters. */
export function replacements(
  request: Request,
  entry: TableEntry,
  isSecret: (parameter: string) => boolean,
): Replacements {
  const shown = new Map<number, Uint8Array>();
  for (const index of secretArguments(request, entry, isSecret)) shown.set(index, REDACTED);
  if (entry.protocol !== 'resp') shown.set(0, new TextEncoder().encode(entry.name));
  return shown;
}

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
  } else if (entry.name.startsWith('memcached|binary-sasl')) {
    secrets.add(BINARY_VALUE);
  } else if (entry.name === 'config|set') {
    for (let i = 2; i < request.argc; i += 2) if (isSecret(request.text(i))) secrets.add(i + 1);
  }
  return secrets;
}
