/**
 * What COMMAND shows and nothing else needs: tips for cluster clients, how a command uses its keys, what is deprecated.
 *
 * The words are Redis's. A command that is not listed has no tips, and its keys are used as its flags say.
 */

import type { EntryFacts } from '../facts.js';

/** A range of key arguments, and what the command does with them. */
export interface KeySpec {
  /** Index of the first key. */
  readonly first: number;
  /** Index of the last key from the first one; negative counts from the end of the request. */
  readonly last: number;
  readonly step: number;
  /** `RO`, `RW`, `OW` or `RM`, and what for. */
  readonly flags: readonly string[];
  readonly notes?: string;
}

export interface Deprecation {
  readonly since: string;
  readonly replacedBy: string;
}

/** Use of keys -> commands that use them so. */
const KEY_USE: Readonly<Record<string, string>> = {
  RO: 'exists memory|usage object|encoding object|freq object|idletime object|refcount strlen touch type',
  'RO access': 'bitcount bitfield_ro bitpos dump expiretime get getbit getrange lcs mget pexpiretime pttl substr ttl',
  'RW access update': 'decr decrby getex getset incr incrby incrbyfloat move setbit',
  'RW access update variable_flags': 'bitfield set',
  'RW access delete': 'getdel',
  'RW update': 'expire expireat persist pexpire pexpireat setrange',
  'RW insert': 'append',
  'OW update': 'mset psetex restore setex',
  'OW insert': 'msetnx setnx',
  'RM delete': 'del unlink',
};

/** Commands whose keys are used differently: one description for each of their ranges. */
const SEVERAL_RANGES: Readonly<Record<string, readonly KeySpec[]>> = {
  rename: [
    { first: 1, last: 0, step: 1, flags: ['RW', 'access', 'delete'] },
    { first: 2, last: 0, step: 1, flags: ['OW', 'update'] },
  ],
  renamenx: [
    { first: 1, last: 0, step: 1, flags: ['RW', 'access', 'delete'] },
    { first: 2, last: 0, step: 1, flags: ['OW', 'insert'] },
  ],
  copy: [
    { first: 1, last: 0, step: 1, flags: ['RO', 'access'] },
    { first: 2, last: 0, step: 1, flags: ['OW', 'update'] },
  ],
  bitop: [
    { first: 2, last: 0, step: 1, flags: ['OW', 'update'] },
    { first: 3, last: -1, step: 1, flags: ['RO', 'access'] },
  ],
};

const KEY_NOTES: Readonly<Record<string, string>> = {
  bitfield: 'This command allows both access and modification of the key',
  getex: 'RW and UPDATE because it changes the TTL',
  set: 'RW and ACCESS due to the optional `GET` argument',
};

/** Tips -> commands that have them. */
const TIPS: Readonly<Record<string, string>> = {
  nondeterministic_output:
    'client|info client|list dump object|encoding object|freq object|idletime object|refcount pttl time ttl',
  nondeterministic_output_order: 'command command|docs command|info command|list',
  'request_policy:all_nodes response_policy:all_succeeded':
    'client|setinfo client|setname config|resetstat config|rewrite config|set slowlog|reset commandlog|reset',
  'request_policy:all_shards response_policy:all_succeeded': 'flushall flushdb memory|purge ping',
  'request_policy:all_shards response_policy:agg_sum': 'dbsize',
  'request_policy:multi_shard response_policy:agg_sum': 'del exists touch unlink',
  'request_policy:multi_shard response_policy:all_succeeded': 'mset',
  'request_policy:multi_shard': 'mget',
  'nondeterministic_output request_policy:all_shards response_policy:special':
    'info memory|doctor memory|malloc-stats memory|stats',
  'nondeterministic_output request_policy:all_nodes response_policy:special':
    'latency|doctor latency|graph latency|histogram latency|history latency|latest',
  'request_policy:all_nodes response_policy:agg_sum': 'latency|reset',
  'request_policy:all_nodes response_policy:agg_sum nondeterministic_output': 'slowlog|len commandlog|len',
  'request_policy:all_nodes nondeterministic_output': 'slowlog|get commandlog|get',
  'request_policy:all_shards nondeterministic_output_order': 'keys',
  'request_policy:all_shards response_policy:special nondeterministic_output': 'randomkey',
  'nondeterministic_output request_policy:special response_policy:special': 'scan',
};

const DEPRECATED: Readonly<Record<string, Deprecation>> = {
  getset: { since: '6.2.0', replacedBy: '`SET` with the `!GET` argument' },
  psetex: { since: '2.6.12', replacedBy: '`SET` with the `PX` argument' },
  quit: { since: '7.2.0', replacedBy: 'just closing the connection' },
  setex: { since: '2.6.12', replacedBy: '`SET` with the `EX` argument' },
  setnx: { since: '2.6.12', replacedBy: '`SET` with the `NX` argument' },
  substr: { since: '2.0.0', replacedBy: '`GETRANGE`' },
};

function byCommand(table: Readonly<Record<string, string>>): Map<string, readonly string[]> {
  const found = new Map<string, readonly string[]>();
  for (const [words, names] of Object.entries(table)) {
    for (const name of names.split(' ')) found.set(name, words.split(' '));
  }
  return found;
}

const keyUse = byCommand(KEY_USE);
const tips = byCommand(TIPS);

export function tipsOf(entry: EntryFacts): readonly string[] {
  return tips.get(entry.name) ?? [];
}

export function deprecationOf(entry: EntryFacts): Deprecation | undefined {
  return DEPRECATED[entry.name];
}

/** First key, last key (as Redis writes it) and step of an entry; zeros when it has no keys. */
export function keyRangeOf({ command, subcommand }: EntryFacts): [first: number, last: number, step: number] {
  const of = subcommand ?? command;
  const first = of.firstKey ?? 0;
  return first === 0 ? [0, 0, 0] : [first, of.lastKey ?? first, of.keyStep ?? 1];
}

/** What a command's key arguments are, and what it does with them. */
export function keySpecsOf(entry: EntryFacts): readonly KeySpec[] {
  const several = SEVERAL_RANGES[entry.name];
  if (several !== undefined) return several;
  const [first, last, step] = keyRangeOf(entry);
  if (first === 0) return [];
  const byFlags = entry.flags.includes('write') ? ['RW', 'update'] : ['RO', 'access'];
  const spec = { first, last: last < 0 ? last : last - first, step, flags: keyUse.get(entry.name) ?? byFlags };
  const notes = KEY_NOTES[entry.name];
  return [notes === undefined ? spec : { ...spec, notes }];
}
