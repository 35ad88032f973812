/**
 * The settings that are the cache's and not one server's: its limit, its policy, what may be pinned.
 *
 * They are in the shards and in the control block, where the engine reads them. Several may set them: every server that opens doors to the cache, by
 * CONFIG SET, and the application that made it. So what is there counts. Every thread that serves looks there ten times a second, and before it shows its
 * configuration, and has that follow; the main thread's brings back what CONFIG SET changes, and nothing else: to write back what was read
 * might undo what somebody else has set meanwhile.
 */

import { POLICIES } from '../engine/control.js';
import type { Keyspace } from '../engine/keyspace.js';
import type { Config, ConfigChanges } from './config/config.js';
import type { ConfigValues } from './config/schema.js';

interface Setting<Value> {
  /** Whether the engine has this value. */
  has(keyspace: Keyspace, value: Value): boolean;
  read(keyspace: Keyspace): Value;
  write(keyspace: Keyspace, value: Value): void;
}

type Key =
  | 'maxmemory'
  | 'maxmemoryPolicy'
  | 'maxmemorySamples'
  | 'lfuLogFactor'
  | 'lfuDecayTime'
  | 'pinMemoryMax'
  | 'pinPrefixes';

const SETTINGS: { readonly [K in Key]: Setting<ConfigValues[K]> } = {
  maxmemory: {
    // The engine's limit is in whole pages.
    has: (keyspace, bytes) => keyspace.isLimitedTo(bytes),
    read: (keyspace) => keyspace.maxMemory,
    write: (keyspace, bytes) => {
      keyspace.maxMemory = bytes;
    },
  },
  maxmemoryPolicy: {
    has: ({ control }, policy) => control.policyName === policy,
    read: ({ control }) => control.policyName,
    write: ({ control }, policy) => {
      control.policy = POLICIES.indexOf(policy);
    },
  },
  maxmemorySamples: number(
    ({ control }) => control.samples,
    ({ control }, samples) => {
      control.samples = samples;
    },
  ),
  lfuLogFactor: number(
    ({ control }) => control.lfuLogFactor,
    ({ control }, factor) => {
      control.lfuLogFactor = factor;
    },
  ),
  lfuDecayTime: number(
    ({ control }) => control.lfuDecayMinutes,
    ({ control }, minutes) => {
      control.lfuDecayMinutes = minutes;
    },
  ),
  pinMemoryMax: number(
    (keyspace) => keyspace.pinMemory,
    (keyspace, memory) => {
      keyspace.pinMemory = memory;
    },
  ),
  pinPrefixes: {
    has: ({ control }, prefixes) => {
      const there = control.pinPrefixes;
      return there.length === prefixes.length && there.every((bytes, i) => bytes.equals(Buffer.from(prefixes[i])));
    },
    read: ({ control }) => control.pinPrefixes.map((bytes) => bytes.toString()),
    write: ({ control }, prefixes) => control.setPinPrefixes(prefixes.map((prefix) => Buffer.from(prefix))),
  },
};

function number(
  read: (keyspace: Keyspace) => number,
  write: (keyspace: Keyspace, value: number) => void,
): Setting<number> {
  return { has: (keyspace, value) => read(keyspace) === value, read, write };
}

const KEYS = Object.keys(SETTINGS) as Key[];

export class EngineSettings {
  private readonly config: Config;
  private readonly keyspace: Keyspace;
  private following = false;

  constructor(config: Config, keyspace: Keyspace) {
    this.config = config;
    this.keyspace = keyspace;
  }

  /** Has the engine do what the configuration says. */
  apply(): void {
    for (const key of KEYS) this.write(key, this.config[key]);
  }

  /** From now on the engine does what CONFIG SET says. */
  lead(): void {
    for (const key of KEYS) {
      this.config.onChange(key, (value) => {
        if (!this.following) this.write(key, value);
      });
    }
  }

  /** Brings the configuration in line with the engine. Returns whether it was not. */
  follow(): boolean {
    const differing = KEYS.filter((key) => !SETTINGS[key].has(this.keyspace, this.config[key] as never));
    if (differing.length === 0) return false;
    const changes = Object.fromEntries(differing.map((key) => [key, SETTINGS[key].read(this.keyspace)]));
    this.following = true;
    try {
      this.config.adopt(changes as ConfigChanges);
    } finally {
      this.following = false;
    }
    return true;
  }

  private write<K extends Key>(key: K, value: ConfigValues[K]): void {
    const setting: Setting<ConfigValues[K]> = SETTINGS[key];
    if (!setting.has(this.keyspace, value)) setting.write(this.keyspace, value);
  }
}
