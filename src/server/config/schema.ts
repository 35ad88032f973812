/**
 * Every configuration parameter, once. The command line's options, the configuration file, `ASHLAR_*` environment variables,
 * CONFIG GET / SET / REWRITE and docs/configuration.md are all read from this table; adding a parameter is adding an entry.
 *
 * A parameter that Redis has too has Redis's name, unit and, unless its help says why not, default. In TypeScript the names are
 * in camel case: `maxmemory-policy` is `config.maxmemoryPolicy`.
 */

import { PIN_PREFIX_BYTES_MAX, PIN_PREFIXES_MAX } from '../../engine/control.js';
import { VALUE_BYTES_MAX } from '../../engine/item.js';
import { SHARDS_MAX } from '../../engine/keyspace.js';
import type { Machine } from './machine.js';
import {
  addressesType,
  booleanType,
  bytesOrPercentType,
  bytesType,
  constantType,
  durationType,
  enumerationType,
  integerType,
  octalType,
  outputLimitsType,
  textType,
  type ValueType,
  wordsType,
} from './values.js';

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;
/** Where Redis has the largest 64-bit number, we have the largest exact one. */
const UNLIMITED = Number.MAX_SAFE_INTEGER;
const INT_MAX = 2 ** 31 - 1;
/** Largest TCP_KEEPIDLE that Linux takes. */
const KEEPALIVE_SECONDS_MAX = 32_767;
/** Largest delay of a timer, in seconds. */
const TIMER_SECONDS_MAX = Math.floor(INT_MAX / 1000);

/** A text and a documentation heading; the order is that of the reference. */
export const GROUPS = {
  network: 'Network',
  memory: 'Memory and eviction',
  clients: 'Limits of clients',
  threads: 'Threads and upkeep',
  security: 'Security',
  observability: 'Logging and observability',
  compatibility: 'For compatibility only',
} as const;

export interface Parameter<T> {
  readonly type: ValueType<T>;
  readonly group: keyof typeof GROUPS;
  /** The default; or, for `automatic` parameters, how it follows from the machine. */
  readonly initial: NoInfer<T> | ((machine: Machine) => NoInfer<T>);
  /** Where `initial` is computed: how, in words. Setting such a parameter to 0 means: compute it. */
  readonly automatic?: string;
  /** Whether CONFIG SET can change it; others are fixed when the server starts. */
  readonly mutable: boolean;
  /** Whether its value is a secret, kept out of messages. */
  readonly secret?: boolean;
  /** For the reference and `--help`: the first sentence must do alone. */
  readonly help: string;
}

/** Types the entry: literal types of enumerations would be lost in a plain object. */
function parameter<T>(entry: Parameter<T>): Parameter<T> {
  return entry;
}

/** The table, by Redis's names, in the order of the reference. */
export const PARAMETERS = {
  port: parameter({
    type: integerType({ min: 0, max: 65_535 }),
    group: 'network',
    initial: 6379,
    mutable: false,
    help: 'TCP port to listen on. 0 means none if there is a `unixsocket`, and any free port otherwise.',
  }),
  bind: parameter({
    type: addressesType(),
    group: 'network',
    initial: ['127.0.0.1'],
    mutable: false,
    help: 'Addresses to listen on. `*` (or `0.0.0.0`) stands for all IPv4 and `::*` (or `::`) for all IPv6 addresses; with a leading `-` an address may be unavailable. The default lets only this machine in: set `requirepass` before opening up.',
  }),
  unixsocket: parameter({
    type: textType('path'),
    group: 'network',
    initial: '',
    mutable: false,
    help: 'Path of a Unix socket to listen on besides; empty means none.',
  }),
  unixsocketperm: parameter({
    type: octalType({ min: 0, max: 0o777 }),
    group: 'network',
    initial: 0,
    mutable: false,
    help: 'Permissions of the Unix socket; 0 leaves them to the umask.',
  }),
  'memcached-port': parameter({
    type: integerType({ min: 0, max: 65_535 }),
    group: 'network',
    initial: 11_211,
    mutable: false,
    help: 'TCP port of the Memcached door, on the addresses of `bind`; 0 means none.',
  }),
  'memcached-protocol': parameter({
    type: enumerationType(['auto', 'text', 'binary']),
    group: 'network',
    initial: 'auto',
    mutable: false,
    help: "What the Memcached door speaks: the text protocol (meta commands included), the binary one, or `auto`: what a connection's first byte says.",
  }),
  'memcached-unixsocket': parameter({
    type: textType('path'),
    group: 'network',
    initial: '',
    mutable: false,
    help: 'Path of a Unix socket for Memcached clients; empty means none.',
  }),
  'memcached-unixsocketperm': parameter({
    type: octalType({ min: 0, max: 0o777 }),
    group: 'network',
    initial: 0,
    mutable: false,
    help: 'Permissions of that socket; 0 leaves them to the umask.',
  }),
  'tcp-backlog': parameter({
    type: integerType({ min: 0, max: INT_MAX }),
    group: 'network',
    initial: 511,
    mutable: false,
    help: 'Connections that may wait to be accepted. The kernel caps it at net.core.somaxconn.',
  }),
  'tcp-keepalive': parameter({
    type: durationType('s', { min: 0, max: KEEPALIVE_SECONDS_MAX }),
    group: 'network',
    initial: 300,
    mutable: true,
    help: 'Silence after which a connection is probed with TCP keep-alive; 0 means never.',
  }),
  timeout: parameter({
    type: durationType('s', { min: 0, max: TIMER_SECONDS_MAX }),
    group: 'network',
    initial: 0,
    mutable: true,
    help: 'Idle time after which a client is closed; 0 means never.',
  }),

  maxmemory: parameter({
    type: bytesType({ min: 0, max: UNLIMITED }),
    group: 'memory',
    initial: ({ memoryBytes }: Machine) => Math.floor(memoryBytes / 4 / MIB) * MIB,
    automatic: 'a quarter of the memory of the machine or container',
    mutable: true,
    help: 'Memory for everything that comes from clients: keys, values, index, and the buffers of connections. What buffers take above 16 MB, the data gives up. The process takes this and a fixed part: 128 MB, of which buffers have 16 MB, and 16 MB for each thread. There is no "unlimited"; 0 means the default.',
  }),
  'maxmemory-policy': parameter({
    type: enumerationType([
      'volatile-lru',
      'volatile-lfu',
      'volatile-random',
      'volatile-ttl',
      'allkeys-lru',
      'allkeys-lfu',
      'allkeys-random',
      'noeviction',
      'allkeys-keystone',
      'volatile-keystone',
    ]),
    group: 'memory',
    initial: 'allkeys-keystone',
    mutable: true,
    help: "What is removed when memory is full. `keystone` is Ashlar's own: keys that come back are kept, and of those rather the small ones. `lfu` chooses as it does and keeps Redis's counter for OBJECT FREQ; `lru`, `random` and `ttl` are Redis's. Redis's default is `noeviction`; Ashlar is a cache, and a cache makes room.",
  }),
  'maxmemory-samples': parameter({
    type: integerType({ min: 1, max: 64 }),
    group: 'memory',
    initial: 5,
    mutable: true,
    help: 'Candidates that an eviction by `lru`, `random` or `ttl` adds to the sixteen that are remembered. More is closer to the exact policy, and slower. `keystone` and `lfu` always take twelve.',
  }),
  'maxmemory-reserve': parameter({
    type: bytesType({ min: 0, max: UNLIMITED }),
    group: 'memory',
    initial: 0,
    mutable: false,
    help: 'Address space that is reserved at the start, and up to which `maxmemory` can be raised at run time. Reserved is not used: the memory is taken as it fills. 0 means automatic.',
  }),
  'maxmemory-clients': parameter({
    type: bytesOrPercentType(),
    group: 'memory',
    initial: -50,
    mutable: true,
    help: "Memory for the buffers of all clients together, in bytes or percent of `maxmemory` (at least 16 MB); above it, the clients that take most are closed. 0 means no limit, which is Redis's default: `maxmemory` is none then where clients do not read their replies.",
  }),
  'pin-memory-max': parameter({
    type: bytesOrPercentType(),
    group: 'memory',
    initial: -10,
    mutable: true,
    help: 'Memory that pinned keys may take together, in bytes or percent of `maxmemory`, and never more than half of it. CACHE.PIN is refused above it, and keys are stored without a pin. Each shard has its part of it.',
  }),
  'pin-prefixes': parameter({
    type: wordsType('prefixes of keys', PIN_PREFIXES_MAX, PIN_PREFIX_BYTES_MAX),
    group: 'memory',
    initial: [],
    mutable: true,
    help: 'Keys that begin with one of these are pinned when they are written: eviction leaves them alone. Keys that are there already are pinned when they are written the next time.',
  }),
  'lfu-log-factor': parameter({
    type: integerType({ min: 0, max: INT_MAX }),
    group: 'memory',
    initial: 10,
    mutable: true,
    help: 'How slowly the access counters of the LFU policies grow: the larger, the more accesses they can tell apart.',
  }),
  'lfu-decay-time': parameter({
    type: durationType('min', { min: 0, max: INT_MAX }),
    group: 'memory',
    initial: 1,
    mutable: true,
    help: 'Time without access after which an LFU counter falls by one; 0 means never.',
  }),

  maxclients: parameter({
    type: integerType({ min: 1, max: 4_294_967_295 }),
    group: 'clients',
    initial: 10_000,
    mutable: true,
    help: 'Connections that may be open at the same time; more are refused with an error.',
  }),
  'proto-max-bulk-len': parameter({
    type: bytesType({ min: MIB, max: VALUE_BYTES_MAX }),
    group: 'clients',
    initial: VALUE_BYTES_MAX,
    mutable: true,
    help: 'Longest argument of a command, and so the longest value. What is longer than a third of `maxmemory` (and than 12 MB) is refused too.',
  }),
  'memcached-item-size-max': parameter({
    type: bytesType({ min: KIB, max: VALUE_BYTES_MAX }),
    group: 'clients',
    initial: MIB,
    mutable: true,
    help: "Largest item that can be stored through the Memcached door, as memcached's option -I: its value, its key and what memcached counts besides. The default is memcached's, so that what was refused there is refused here; what Redis clients have stored can be read whatever its size.",
  }),
  'client-query-buffer-limit': parameter({
    type: bytesType({ min: MIB, max: UNLIMITED }),
    group: 'clients',
    initial: GIB,
    mutable: true,
    help: 'Bytes that a client may have sent and not had executed; above it, the client is closed.',
  }),
  'client-output-buffer-limit': parameter({
    type: outputLimitsType(),
    group: 'clients',
    initial: {
      normal: { hardBytes: 0, softBytes: 0, softSeconds: 0 },
      slave: { hardBytes: 256 * MIB, softBytes: 64 * MIB, softSeconds: 60 },
      pubsub: { hardBytes: 32 * MIB, softBytes: 8 * MIB, softSeconds: 60 },
    },
    mutable: true,
    help: 'Bytes of replies that a client may leave unread, by class of client; above it, the client is closed. 0 means no limit.',
  }),

  threads: parameter({
    type: integerType({ min: 0, max: 256 }),
    group: 'threads',
    initial: ({ cores }: Machine) => Math.min(cores, 256),
    automatic: 'the number of available processors',
    mutable: false,
    help: 'Threads that serve clients. 0 means the default.',
  }),
  shards: parameter({
    type: integerType({ min: 0, max: SHARDS_MAX }),
    group: 'threads',
    initial: 0,
    mutable: false,
    help: 'Parts into which the keys are divided, each with a lock of its own. 0 means automatic: by threads and memory.',
  }),
  databases: parameter({
    type: integerType({ min: 1, max: 48 }),
    group: 'threads',
    initial: 16,
    mutable: false,
    help: 'Numbered databases, from 0, between which SELECT switches.',
  }),
  hz: parameter({
    type: integerType({ min: 1, max: 500 }, true),
    group: 'threads',
    initial: 10,
    mutable: true,
    help: 'Turns per second of the upkeep: idle clients, statistics. Expired keys are looked for sixty times a second, or more often if this is more.',
  }),
  'active-expire-effort': parameter({
    type: integerType({ min: 1, max: 10 }),
    group: 'threads',
    initial: 1,
    mutable: true,
    help: 'How many slices of 0.4 ms upkeep may spend in a row on removing expired keys, while more are due than one slice removes.',
  }),
  native: parameter({
    type: enumerationType(['auto', 'off', 'required']),
    group: 'threads',
    initial: 'auto',
    mutable: false,
    help: 'Whether the native core does the network work. `auto` uses it if it is built, `required` refuses to start without it, `off` uses Node streams.',
  }),

  requirepass: parameter({
    type: textType('text'),
    group: 'security',
    initial: '',
    mutable: true,
    secret: true,
    help: 'Password that clients must give with AUTH or HELLO; empty means none. In the environment (`ASHLAR_REQUIREPASS`) other users of the machine do not see it.',
  }),

  'memcached-enable-shutdown': parameter({
    type: booleanType(),
    group: 'security',
    initial: false,
    mutable: false,
    help: "Whether Memcached clients may stop the server by `shutdown`, as memcached's option -A.",
  }),

  'enable-debug-command': parameter({
    type: enumerationType(['no', 'local', 'yes']),
    group: 'security',
    initial: 'no',
    mutable: false,
    help: 'Who may use DEBUG: nobody, clients on this machine, or everybody. It is for tests: DEBUG SLEEP stops a thread and all of its clients.',
  }),

  loglevel: parameter({
    type: enumerationType(['debug', 'verbose', 'notice', 'warning', 'nothing']),
    group: 'observability',
    initial: 'notice',
    mutable: true,
    help: 'The least important messages that are logged.',
  }),
  logfile: parameter({
    type: textType('path'),
    group: 'observability',
    initial: '',
    mutable: false,
    help: 'File that the log is appended to, one JSON object a line; empty means standard error. SIGHUP opens it anew, for log rotation.',
  }),
  'slowlog-log-slower-than': parameter({
    type: durationType('us', { min: -1, max: UNLIMITED }),
    group: 'observability',
    initial: 10_000,
    mutable: true,
    help: 'Execution time from which a command is kept in the slow log; 0 keeps all, -1 none.',
  }),
  'slowlog-max-len': parameter({
    type: integerType({ min: 0, max: INT_MAX }),
    group: 'observability',
    initial: 128,
    mutable: true,
    help: 'Entries that the slow log keeps.',
  }),
  'commandlog-request-larger-than': parameter({
    type: integerType({ min: -1, max: UNLIMITED }),
    group: 'observability',
    initial: MIB,
    mutable: true,
    help: 'Bytes of a request from which its command is kept in the log of large requests (COMMANDLOG); 0 keeps all, -1 none.',
  }),
  'commandlog-large-request-max-len': parameter({
    type: integerType({ min: 0, max: INT_MAX }),
    group: 'observability',
    initial: 128,
    mutable: true,
    help: 'Entries that the log of large requests keeps.',
  }),
  'commandlog-reply-larger-than': parameter({
    type: integerType({ min: -1, max: UNLIMITED }),
    group: 'observability',
    initial: MIB,
    mutable: true,
    help: 'Bytes of a reply from which its command is kept in the log of large replies (COMMANDLOG); 0 keeps all, -1 none. Replies of administrative commands that ask all threads are not measured.',
  }),
  'commandlog-large-reply-max-len': parameter({
    type: integerType({ min: 0, max: INT_MAX }),
    group: 'observability',
    initial: 128,
    mutable: true,
    help: 'Entries that the log of large replies keeps.',
  }),
  'latency-monitor-threshold': parameter({
    type: durationType('ms', { min: 0, max: UNLIMITED }),
    group: 'observability',
    initial: 0,
    mutable: true,
    help: 'Duration from which an event is kept for the LATENCY command; 0 means none is.',
  }),
  'latency-tracking': parameter({
    type: booleanType(),
    group: 'observability',
    initial: true,
    mutable: true,
    help: 'Whether the distribution of execution times is kept for each command.',
  }),

  'hotkeys-sample': parameter({
    type: integerType({ min: 0, max: 1_000_000 }),
    group: 'observability',
    initial: 100,
    mutable: true,
    help: 'One in so many commands is looked at to find the hot keys that HOTKEYS shows; 0 means none. A sample costs 100 to 300 nanoseconds: at the default 1 to 2 % of what executing a GET takes, and below 1 % when the network is counted; 1 looks at every command, and costs a quarter to a third.',
  }),

  save: parameter({
    type: constantType('', 'persistence is not available'),
    group: 'compatibility',
    initial: '',
    mutable: true,
    help: 'Always empty: persistence is not available. Tools ask for it.',
  }),
  appendonly: parameter({
    type: constantType('no', 'persistence is not available'),
    group: 'compatibility',
    initial: 'no',
    mutable: true,
    help: 'Always `no`: persistence is not available. Tools ask for it.',
  }),
};

/** A parameter's name as Redis writes it. */
export type ParameterName = keyof typeof PARAMETERS;

type Camel<Name extends string> = Name extends `${infer Head}-${infer Tail}`
  ? `${Head}${Capitalize<Camel<Tail>>}`
  : Name;
type ValueOf<Entry> = Entry extends Parameter<infer T> ? T : never;

/** All values, by camel-case name. Plain data: it can be posted to worker threads. */
export type ConfigValues = { [Name in ParameterName as Camel<Name>]: ValueOf<(typeof PARAMETERS)[Name]> };

/** A parameter's name in TypeScript. */
export type ConfigKey = keyof ConfigValues;

/** All names, in the order of the table. */
export const PARAMETER_NAMES = Object.keys(PARAMETERS) as ParameterName[];

/** Whether there is a parameter with this name; case does not matter. */
export function findParameter(name: string): ParameterName | undefined {
  const lower = name.toLowerCase();
  return Object.hasOwn(PARAMETERS, lower) ? (lower as ParameterName) : undefined;
}

/** The entry of a parameter, for code that treats all alike. */
export function parameterOf(name: ParameterName): Parameter<unknown> {
  return PARAMETERS[name] as Parameter<unknown>;
}

/** `maxmemory-policy` to `maxmemoryPolicy`. */
export function keyOf(name: ParameterName): ConfigKey {
  return name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase()) as ConfigKey;
}

/** `maxmemory-policy` to `ASHLAR_MAXMEMORY_POLICY`. */
export function variableOf(name: ParameterName): string {
  return `ASHLAR_${name.replaceAll('-', '_').toUpperCase()}`;
}

/** The default on a machine. */
export function initialValue(name: ParameterName, machine: Machine): unknown {
  const { initial } = parameterOf(name);
  return typeof initial === 'function' ? initial(machine) : initial;
}
