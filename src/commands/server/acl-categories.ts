/** ACL categories of commands, as Redis derives them from flags and groups. */

import type { CommandGroup, EntryFacts } from '../facts.js';

/** All categories, in the order in which Redis lists them. */
const CATEGORIES = [
  'keyspace',
  'read',
  'write',
  'set',
  'sortedset',
  'list',
  'hash',
  'string',
  'bitmap',
  'hyperloglog',
  'geo',
  'stream',
  'pubsub',
  'admin',
  'fast',
  'slow',
  'blocking',
  'dangerous',
  'connection',
  'transaction',
  'scripting',
];

const GROUP_CATEGORY: Partial<Record<CommandGroup, string>> = {
  string: 'string',
  bitmap: 'bitmap',
  generic: 'keyspace',
  connection: 'connection',
};

/** Names of the categories of a command or subcommand, without the `@`. */
export function categoriesOf({ command, subcommand, flags }: EntryFacts): string[] {
  const found = new Set((subcommand ?? command).categories ?? []);
  const isContainer = command.subcommands !== undefined && subcommand === undefined;
  const ofGroup = GROUP_CATEGORY[command.group];
  if (ofGroup !== undefined && !isContainer) found.add(ofGroup);
  if (flags.includes('write')) found.add('write');
  if (flags.includes('readonly')) found.add('read');
  if (flags.includes('admin')) found.add('admin').add('dangerous');
  if (flags.includes('pubsub')) found.add('pubsub');
  if (flags.includes('blocking')) found.add('blocking');
  found.add(flags.includes('fast') ? 'fast' : 'slow');
  return CATEGORIES.filter((category) => found.has(category));
}
