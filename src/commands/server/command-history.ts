/** How commands have changed since their first version, for COMMAND DOCS: what Redis's clients may and may not expect of an older server. */

import type { EntryFacts } from '../facts.js';

/** A version of Redis, and what it brought. */
export type Change = readonly [since: string, what: string];

/** Commands and subcommands -> their changes, oldest first. Those of Redis of which there is the outcome here too. */
const CHANGES: Readonly<Record<string, readonly Change[]>> = {
  set: [
    ['2.6.12', 'Options `EX`, `PX`, `NX` and `XX`.'],
    ['6.0.0', 'Option `KEEPTTL`.'],
    ['6.2.0', 'Options `GET`, `EXAT` and `PXAT`.'],
    ['7.0.0', '`NX` and `GET` may be given together.'],
  ],
  'bitcount bitpos': [['7.0.0', 'Ranges of bits: `BYTE` and `BIT`.']],
  exists: [['3.0.3', 'Takes several keys.']],
  'expire pexpire expireat pexpireat': [['7.0.0', 'Options `NX`, `XX`, `GT` and `LT`.']],
  'ttl pttl': [['2.8.0', 'Replies -2 where there is no key.']],
  renamenx: [['3.2.0', 'The same name twice is no error.']],
  scan: [['6.0.0', 'Option `TYPE`.']],
  'flushdb flushall': [
    ['4.0.0', 'Option `ASYNC`.'],
    ['6.2.0', 'Option `SYNC`.'],
  ],
  auth: [['6.0.0', 'Takes a user name before the password.']],
  hello: [['6.2.0', 'Without a protocol version it tells of the connection as it is.']],
  'client|list': [
    ['2.8.12', 'Field `id`.'],
    ['5.0.0', 'Option `TYPE`.'],
    ['6.0.0', 'Field `user`.'],
    ['6.2.0', 'Option `ID`; fields `argv-mem`, `tot-mem`, `laddr` and `redir`.'],
    ['7.0.0', 'Fields `resp`, `multi-mem`, `rbs` and `rbp`.'],
    ['7.0.3', 'Field `ssub`.'],
    ['7.2.0', 'Fields `lib-name` and `lib-ver`.'],
  ],
  'client|kill': [
    ['2.8.12', 'Filters in place of an address: `ID`, `TYPE`, `ADDR`, `SKIPME`.'],
    ['3.2.0', 'Clients of type `master`.'],
    ['5.0.0', 'Type `replica`; `slave` is another name for it.'],
    ['6.2.0', 'Option `LADDR`.'],
    ['7.4.0', 'Option `MAXAGE`.'],
  ],
  'client|pause': [['6.2.0', 'Pauses writes only, with `WRITE`.']],
  'command|info': [['7.0.0', 'Without a name it tells of all commands.']],
  'config|get': [['7.0.0', 'Takes several patterns.']],
  'config|set': [['7.0.0', 'Sets several parameters, all or none.']],
  info: [['7.0.0', 'Takes several sections.']],
  'slowlog|get': [['4.0.0', 'Address and name of the client are part of an entry.']],
  shutdown: [['7.0.0', 'Options `NOW`, `FORCE` and `ABORT`.']],
};

const changes = new Map(
  Object.entries(CHANGES).flatMap(([names, list]) => names.split(' ').map((name) => [name, list] as const)),
);

export function changesOf({ name }: EntryFacts): readonly Change[] {
  return changes.get(name) ?? [];
}

/** Commands and subcommands that have changed. */
export const COMMANDS_WITH_CHANGES: readonly string[] = [...changes.keys()];
