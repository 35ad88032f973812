/** What the server commands answer. */

import {
  between,
  type Case,
  double,
  type Expectation,
  error,
  errorLike,
  map,
  matching,
  OK,
  push,
  set,
  simple,
  text,
  verbatim,
} from './harness.js';
import type { Reply } from './resp-client.js';

const SYNTAX = error('ERR syntax error');
const NO_SAMPLES = error("ERR No samples available for event 'x'");

/** An error of CONFIG SET. */
function refused(name: string, reason: string): Expectation {
  return error(`ERR CONFIG SET failed (possibly related to argument '${name}') - ${reason}`);
}

const HELP = matching('lines of help', ({ value }) => {
  const last = Array.isArray(value) ? value.at(-1) : undefined;
  return last?.type === '+' && /^ {4}Prints? this help\.$/.test(String(last.value));
});

/** COMMAND INFO of a command with one range of keys. */
function keySpec(flags: readonly string[], first: number, last: number, step: number): Expectation {
  return map(
    ['flags', set(...flags.map(simple))],
    ['begin_search', map(['type', 'index'], ['spec', map(['index', first])])],
    ['find_keys', map(['type', 'range'], ['spec', map(['lastkey', last], ['keystep', step], ['limit', 0])])],
  );
}

/** Elements of an aggregate; none when it is none. */
function elements(value: Reply['value']): readonly Reply[] {
  return Array.isArray(value) ? value : [];
}

/** The texts of a reply, of however many levels, in their order. */
function scalars(reply: Reply | undefined): (string | null)[] {
  if (reply === undefined) return [];
  return typeof reply.value === 'string' || reply.value === null ? [reply.value] : reply.value.flatMap(scalars);
}

/**
 * Entries of the slow log, newest first, of a client called `me`. Those about the slow log itself are left out: ours notes commands that answer later
 * before they have their effect, Redis after.
 */
function slowlog(commands: readonly string[]): Expectation {
  return matching(`entries ${commands.join(', ')}`, ({ value }) => {
    const entries = elements(value).map((entry) => elements(entry.value));
    const lines = entries.map((fields) =>
      elements(fields[3].value)
        .map((arg) => arg.value)
        .join(' '),
    );
    const wellFormed = entries.every(
      (fields) =>
        fields.slice(0, 3).every(({ type }) => type === ':') &&
        /^127\.0\.0\.1:\d+$/.test(String(fields[4].value)) &&
        fields[5].value === 'me',
    );
    return wellFormed && lines.filter((line) => !/slowlog/i.test(line)).join('\n') === commands.join('\n');
  });
}

export const CONFIG_CASES: readonly Case[] = [
  {
    name: 'CONFIG GET',
    steps: [
      ['CONFIG GET maxclients', map(['maxclients', '10000'])],
      ['CONFIG GET MaxClients', map(['MaxClients', '10000'])],
      ['CONFIG GET maxclients maxclien*', map(['maxclients', '10000'])],
      ['config get max?lient[s]', map(['maxclients', '10000'])],
      ['CONFIG GET MAXCLIENT*', map(['maxclients', '10000'])],
      ['CONFIG GET nosuch', map()],
      ['CONFIG GET save', map(['save', ''])],
      ['CONFIG GET appendonly', map(['appendonly', 'no'])],
      ['CONFIG GET databases', map(['databases', '16'])],
      ['CONFIG GET HZ h[z] hz', map(['HZ', '10'])],
      ['CONFIG GET', error("ERR wrong number of arguments for 'config|get' command")],
    ],
  },
  { name: 'CONFIG GET in RESP3', protocol: 3, steps: [['CONFIG GET hz', map(['hz', '10'])]] },
  {
    name: 'CONFIG SET',
    steps: [
      ['CONFIG SET timeout 300 tcp-keepalive 200', OK],
      ['CONFIG GET timeout', map(['timeout', '300'])],
      ['CONFIG GET tcp-keepalive', map(['tcp-keepalive', '200'])],
      ['CONFIG SET TIMEOUT 0 tcp-keepalive 300', OK],
      ['CONFIG SET slowlog-max-len 5', OK],
      ['CONFIG SET slowlog-max-len 128', OK],
      ['CONFIG SET timeout', error("ERR wrong number of arguments for 'config|set' command")],
      ['CONFIG SET timeout 1 hz', SYNTAX],
      ['CONFIG SET nosuch 1', error("ERR Unknown option or number of arguments for CONFIG SET - 'nosuch'")],
      ['CONFIG SET timeout 1 nosuch 1', error("ERR Unknown option or number of arguments for CONFIG SET - 'nosuch'")],
      [
        ['CONFIG', 'SET', 'timeout', '\xff', 'nosuch', '\xff'],
        error("ERR Unknown option or number of arguments for CONFIG SET - 'nosuch'"),
      ],
      ['CONFIG GET timeout', map(['timeout', '0'])],
      ['CONFIG SET timeout x', refused('timeout', "argument couldn't be parsed into an integer")],
      ['CONFIG SET timeout 9223372036854775808', refused('timeout', "argument couldn't be parsed into an integer")],
      ['CONFIG SET hz 9223372036854775808', refused('hz', "argument couldn't be parsed into an integer")],
      [
        'CONFIG SET timeout 1 maxclients 0',
        refused('maxclients', 'argument must be between 1 and 4294967295 inclusive'),
      ],
      ['CONFIG GET timeout', map(['timeout', '0'])],
      ['CONFIG SET timeout 1 timeout 2', refused('timeout', 'duplicate parameter')],
      ['CONFIG SET databases 3', refused('databases', "can't set immutable config")],
      [
        'CONFIG SET maxmemory-policy x',
        errorLike(/'maxmemory-policy'\) - argument\(s\) must be one of the following: /),
      ],
    ],
  },
  {
    name: 'CONFIG SET of memory',
    steps: [
      ['CONFIG SET maxmemory 200mb maxmemory-policy volatile-ttl', OK],
      ['CONFIG GET maxmemory', map(['maxmemory', '209715200'])],
      ['CONFIG GET maxmemory-policy', map(['maxmemory-policy', 'volatile-ttl'])],
      ['CONFIG SET maxmemory-policy allkeys-lru maxmemory-samples 7', OK],
      ['CONFIG GET maxmemory-samples', map(['maxmemory-samples', '7'])],
      ['CONFIG SET maxmemory x', refused('maxmemory', 'argument must be a memory value')],
    ],
  },
  {
    name: 'maxmemory within what was reserved',
    ashlarOnly: 'memory is reserved at the start',
    steps: [
      ['CONFIG SET maxmemory 1', errorLike(/'maxmemory'\) - \d+ shards? needs? at least \d+ bytes$/)],
      ['CONFIG SET maxmemory 1000tb', errorLike(/'maxmemory'\) - at most \d+ bytes of address space were reserved/)],
      ['CONFIG SET maxmemory 0', OK],
      ['INFO memory', text(/\r\nmaxmemory:(\d+)\r\n.*\r\nmaxmemory_reserve:\1\r\n/s)],
      ['CONFIG SET maxmemory 200mb', OK],
    ],
  },
  {
    name: 'CONFIG SET client-output-buffer-limit',
    steps: [
      [
        'CONFIG GET client-output-buffer-limit',
        map(['client-output-buffer-limit', 'normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60']),
      ],
      [['CONFIG', 'SET', 'client-output-buffer-limit', 'pubsub 1mb 1kb 5'], OK],
      [
        'CONFIG GET client-output-buffer-limit',
        map(['client-output-buffer-limit', 'normal 0 0 0 slave 268435456 67108864 60 pubsub 1048576 1024 5']),
      ],
      [['CONFIG', 'SET', 'client-output-buffer-limit', 'pubsub 32mb 8mb 60'], OK],
      [
        ['CONFIG', 'SET', 'client-output-buffer-limit', 'x 1 1 1'],
        refused('client-output-buffer-limit', 'Invalid client class specified in buffer limit configuration.'),
      ],
    ],
  },
  {
    name: 'CONFIG REWRITE, RESETSTAT, HELP',
    steps: [
      ['CONFIG REWRITE', error('ERR The server is running without a config file')],
      ['CONFIG RESETSTAT x', error("ERR wrong number of arguments for 'config|resetstat' command")],
      ['SET k v', OK],
      ['GET k', 'v'],
      ['GET none', null],
      ['CONFIG RESETSTAT', OK],
      ['INFO stats', text(/\r\ntotal_commands_processed:[01]\r\n.*\r\nkeyspace_hits:0\r\nkeyspace_misses:0\r\n/s)],
      [
        'INFO commandstats',
        text(
          /^# Commandstats\r\ncmdstat_config\|resetstat:calls=1,[^\n]*\r\ncmdstat_info|^# Commandstats\r\ncmdstat_info:/,
        ),
      ],
      ['CONFIG HELP', HELP],
    ],
  },
];

export const COMMAND_CASES: readonly Case[] = [
  {
    name: 'COMMAND INFO',
    since: '7.2.0',
    steps: [
      [
        'COMMAND INFO get nosuch MSET',
        [
          [
            'get',
            2,
            set(simple('readonly'), simple('fast')),
            1,
            1,
            1,
            set(simple('@read'), simple('@string'), simple('@fast')),
            [],
            set(keySpec(['RO', 'access'], 1, 0, 1)),
            [],
          ],
          null,
          [
            'mset',
            -3,
            set(simple('write'), simple('denyoom')),
            1,
            -1,
            2,
            set(simple('@write'), simple('@string'), simple('@slow')),
            ['request_policy:multi_shard', 'response_policy:all_succeeded'],
            set(keySpec(['OW', 'update'], 1, -1, 2)),
            [],
          ],
        ],
      ],
      [
        'COMMAND INFO config|rewrite',
        [
          [
            'config|rewrite',
            2,
            set(simple('admin'), simple('noscript'), simple('loading'), simple('stale')),
            0,
            0,
            0,
            set(simple('@admin'), simple('@slow'), simple('@dangerous')),
            ['request_policy:all_nodes', 'response_policy:all_succeeded'],
            [],
            [],
          ],
        ],
      ],
    ],
  },
  {
    name: 'COMMAND INFO in RESP3',
    protocol: 3,
    steps: [
      [
        'COMMAND INFO ping nosuch',
        [
          [
            'ping',
            -1,
            set(simple('fast')),
            0,
            0,
            0,
            set(simple('@fast'), simple('@connection')),
            set('request_policy:all_shards', 'response_policy:all_succeeded'),
            set(),
            set(),
          ],
          null,
        ],
      ],
    ],
  },
  {
    name: 'COMMAND, COUNT, LIST',
    steps: [
      ['COMMAND COUNT', between(60, 500)],
      ['COMMAND COUNT x', error("ERR wrong number of arguments for 'command|count' command")],
      ['COMMAND', matching('all commands', ({ value }) => Array.isArray(value) && value.length > 60)],
      ['COMMAND INFO', matching('all commands', ({ value }) => Array.isArray(value) && value.length > 60)],
      ['COMMAND LIST', matching('names', ({ value }) => JSON.stringify(value).includes('"config|get"'))],
      ['COMMAND LIST FILTERBY MODULE x', []],
      ['COMMAND LIST FILTERBY ACLCAT nosuch', []],
      ['COMMAND LIST FILTERBY PATTERN getra*', ['getrange']],
      ['command list filterby pattern GETRANG?', ['getrange']],
      ['COMMAND LIST FILTERBY PATTERN nosuch*', []],
      ['COMMAND LIST FILTERBY x y', SYNTAX],
      ['COMMAND LIST FILTERBY', SYNTAX],
      ['COMMAND LIST x', SYNTAX],
      ['COMMAND nosuch', error("ERR unknown subcommand 'nosuch'. Try COMMAND HELP.")],
      ['COMMAND HELP', HELP],
    ],
  },
  {
    name: 'COMMAND DOCS',
    since: '7.2.0',
    protocol: 3,
    steps: [
      ['COMMAND DOCS nosuch', map()],
      [
        'COMMAND DOCS get',
        matching('the documentation of GET', (reply) => {
          const entry = elements(reply.value);
          const fields = elements(entry[1]?.value).map(({ value }) => value);
          const expected = [
            'summary',
            'Returns the string value of a key.',
            'since',
            '1.0.0',
            'group',
            'string',
            'complexity',
            'O(1)',
          ];
          return reply.type === '%' && entry[0]?.value === 'get' && expected.every((word, i) => fields[i] === word);
        }),
      ],
      [
        'COMMAND DOCS bitop',
        matching('the arguments of BITOP', (reply) => {
          const fields = elements(elements(reply.value)[1]?.value);
          const at = fields.findIndex(({ value }) => value === 'arguments');
          const words = [
            ...'name operation type oneof arguments'.split(' '),
            ...['and', 'or', 'xor', 'not'].flatMap((word) =>
              `name ${word} type pure-token display_text ${word} token ${word.toUpperCase()}`.split(' '),
            ),
            ...'name destkey type key display_text destkey key_spec_index 0'.split(' '),
            ...'name key type key display_text key key_spec_index 1 flags multiple'.split(' '),
          ];
          return at > 0 && scalars(fields[at + 1]).join() === words.join();
        }),
      ],
      [
        'COMMAND DOCS',
        matching('all commands', ({ type, value }) => type === '%' && Array.isArray(value) && value.length > 100),
      ],
    ],
  },
  {
    name: 'COMMAND GETKEYS',
    since: '7.2.0',
    steps: [
      ['COMMAND GETKEYS GET a', ['a']],
      ['COMMAND GETKEYS MSET a 1 b 2', ['a', 'b']],
      ['COMMAND GETKEYS DEL a b c', ['a', 'b', 'c']],
      ['COMMAND GETKEYS BITOP AND d a b', ['d', 'a', 'b']],
      ['COMMAND GETKEYS RENAME a b', ['a', 'b']],
      ['COMMAND GETKEYS OBJECT ENCODING a', ['a']],
      ['COMMAND GETKEYS MEMORY USAGE a', ['a']],
      ['COMMAND GETKEYS nosuch a', error('ERR Invalid command specified')],
      ['COMMAND GETKEYS CONFIG nosuch a', error('ERR Invalid command specified')],
      ['COMMAND GETKEYS GET', error('ERR Invalid number of arguments specified for command')],
      ['COMMAND GETKEYS PING', error('ERR The command has no key arguments')],
      ['COMMAND GETKEYS CONFIG GET a', error('ERR The command has no key arguments')],
      ['COMMAND GETKEYS', error("ERR wrong number of arguments for 'command|getkeys' command")],
      ['COMMAND GETKEYSANDFLAGS GET a', [['a', [simple('RO'), simple('access')]]]],
      ['COMMAND GETKEYSANDFLAGS SET a b', [['a', [simple('OW'), simple('update')]]]],
      ['COMMAND GETKEYSANDFLAGS SET a b EX 10 GET', [['a', [simple('RW'), simple('access'), simple('update')]]]],
      ['COMMAND GETKEYSANDFLAGS BITFIELD a GET u8 0', [['a', [simple('RO'), simple('access')]]]],
      ['COMMAND GETKEYSANDFLAGS BITFIELD a SET u8 0 1', [['a', [simple('RW'), simple('access'), simple('update')]]]],
      [
        'COMMAND GETKEYSANDFLAGS COPY a b',
        [
          ['a', [simple('RO'), simple('access')]],
          ['b', [simple('OW'), simple('update')]],
        ],
      ],
    ],
  },
];

export const INFO_CASES: readonly Case[] = [
  {
    name: 'the sizes of keys',
    ashlarOnly: 'Redis counts the lengths of values, from 8.0 on, and finds big keys by a scan',
    steps: [
      ['MEMORY BIGKEYS', []],
      ['INFO keysizes', '# Keysizes\r\ndistrib_items_memory:\r\n'],
      [['SET', 'medium', 'x'.repeat(5000)], OK],
      [['MSET', 'k', 'v', 'l', 'v'], OK],
      ['SELECT 3', OK],
      [['SET', 'large', 'x'.repeat(100_000)], OK],
      [
        'MEMORY BIGKEYS COUNT 2',
        [
          ['large', 3, 2 * 65_536 + 8, 100_000],
          ['medium', 0, between(5000, 5500), 5000],
        ],
      ],
      ['MEMORY BIGKEYS', matching('four keys', ({ value }) => Array.isArray(value) && value.length === 4)],
      ['INFO keysizes', '# Keysizes\r\ndistrib_items_memory:16=2,4K=1,128K=1\r\n'],
      ['INFO everything', text(/\r\n# Keysizes\r\n/)],
      ['MEMORY BIGKEYS COUNT 0', error('ERR COUNT is a number from 1 to 1000')],
      ['MEMORY BIGKEYS COUNT 1001', error('ERR COUNT is a number from 1 to 1000')],
      ['MEMORY BIGKEYS COUNT x', error('ERR COUNT is a number from 1 to 1000')],
      ['MEMORY BIGKEYS 3', SYNTAX],
      ['MEMORY BIGKEYS COUNTS 3', SYNTAX],
    ],
  },
  {
    name: 'INFO: sections',
    steps: [
      [
        'INFO',
        text(
          /^# Server\r\nredis_version:7\..*\r\n\r\n# Clients\r\n.*\r\n\r\n# Memory\r\n.*\r\n\r\n# Persistence\r\n.*\r\n\r\n# Stats\r\n.*\r\n\r\n# Replication\r\n.*\r\n\r\n# CPU\r\n.*\r\n\r\n# Modules\r\n\r\n# Errorstats\r\n.*\r\n# Cluster\r\ncluster_enabled:0\r\n\r\n# Keyspace\r\n/s,
        ),
      ],
      ['INFO default', text(/^# Server\r\n.*\r\n# Keyspace\r\n/s)],
      [
        'INFO all',
        text(
          /^# Server\r\n.*\r\n# Modules\r\n\r\n# Commandstats\r\n.*\r\n# Errorstats\r\n.*\r\n# Latencystats\r\n.*\r\n# Cluster\r\n/s,
        ),
      ],
      ['INFO everything', text(/\r\n# Commandstats\r\n/)],
      ['INFO SERVER', text(/^# Server\r\n(?!.*# Clients)/s)],
      ['INFO cpu Clients', text(/^# Clients\r\n[^#]*\r\n\r\n# CPU\r\n[^#]*$/)],
      ['INFO nosuch', ''],
      ['INFO cluster nosuch', '# Cluster\r\ncluster_enabled:0\r\n'],
    ],
  },
  {
    name: 'INFO in RESP3',
    protocol: 3,
    steps: [['INFO cluster', verbatim('txt', '# Cluster\r\ncluster_enabled:0\r\n')]],
  },
  {
    name: 'INFO: figures',
    steps: [
      ['CONFIG RESETSTAT', OK],
      ['SET a 1', OK],
      ['SET b 1 EX 1000', OK],
      ['GET a', '1'],
      ['GET none', null],
      ['GET', error("ERR wrong number of arguments for 'get' command")],
      ['INCRBY a x', error('ERR value is not an integer or out of range')],
      ['OBJECT nosuch', errorLike(/^ERR unknown subcommand/)],
      [
        'INFO commandstats',
        text(/\r\ncmdstat_get:calls=2,usec=\d+,usec_per_call=\d+\.\d\d,rejected_calls=1,failed_calls=0\r\n/),
      ],
      [
        'INFO commandstats',
        text(/\r\ncmdstat_incrby:calls=1,usec=\d+,usec_per_call=\d+\.\d\d,rejected_calls=0,failed_calls=1\r\n/),
      ],
      ['INFO commandstats', text(/\r\ncmdstat_config\|resetstat:calls=1,/)],
      ['INFO errorstats', '# Errorstats\r\nerrorstat_ERR:count=3\r\n'],
      ['INFO stats', text(/\r\ntotal_error_replies:3\r\n/)],
      ['INFO stats', text(/\r\nkeyspace_hits:1\r\nkeyspace_misses:1\r\n/)],
      [
        'INFO latencystats',
        text(/\r\nlatency_percentiles_usec_get:p50=\d+\.\d{3},p99=\d+\.\d{3},p99\.9=\d+\.\d{3}\r\n/),
      ],
      ['INFO keyspace', text(/^# Keyspace\r\ndb0:keys=2,expires=1,avg_ttl=\d+\r\n$/)],
      ['INFO clients', text(/\r\nconnected_clients:\d+\r\n.*\r\nmaxclients:10000\r\n.*\r\nblocked_clients:0\r\n/s)],
      ['INFO replication', text(/\r\nrole:master\r\nconnected_slaves:0\r\n.*\r\nmaster_replid:[0-9a-f]{40}\r\n/s)],
      [
        'INFO memory',
        text(
          /\r\nused_memory:\d+\r\nused_memory_human:[\d.]+[BKMG]\r\nused_memory_rss:\d+\r\n.*\r\nmem_fragmentation_ratio:\d+\.\d\d\r\n/s,
        ),
      ],
      ['INFO cpu', text(/\r\nused_cpu_sys:\d+\.\d{6}\r\nused_cpu_user:\d+\.\d{6}\r\n/)],
      ['INFO server', text(/\r\nrun_id:[0-9a-f]{40}\r\ntcp_port:\d+\r\n.*\r\nuptime_in_seconds:\d+\r\n/s)],
    ],
  },
  {
    name: 'errors without a command',
    since: '7.2.0',
    steps: [
      ['CONFIG RESETSTAT', OK],
      ['nosuch', errorLike(/^ERR unknown command/)],
      ['HELLO 9', errorLike(/^NOPROTO/)],
      ['AUTH nobody x', errorLike(/^WRONGPASS/)],
      [
        'INFO errorstats',
        '# Errorstats\r\nerrorstat_ERR:count=1\r\nerrorstat_NOPROTO:count=1\r\nerrorstat_WRONGPASS:count=1\r\n',
      ],
      ['INFO stats', text(/\r\nacl_access_denied_auth:1\r\n/)],
    ],
  },
  {
    name: 'TIME',
    steps: [
      ['TIME', [text(/^\d{10}$/), text(/^\d{1,6}$/)]],
      ['TIME x', error("ERR wrong number of arguments for 'time' command")],
    ],
  },
  { name: 'ROLE', steps: [['ROLE', ['master', 0, []]]] },
];

export const OBSERVING_CASES: readonly Case[] = [
  {
    name: 'SLOWLOG',
    steps: [
      ['SLOWLOG RESET', OK],
      ['CLIENT SETNAME me', OK],
      ['CONFIG SET slowlog-log-slower-than 0', OK],
      ['SLOWLOG RESET', OK],
      ['SET k v', OK],
      [['SET', 'long', 'x'.repeat(200)], OK],
      [['DEL', ...Array.from({ length: 40 }, (_, i) => `k${i}`)], 0],
      ['AUTH default secret', OK],
      ['CONFIG SET requirepass x requirepass y', errorLike(/duplicate/)],
      ['CONFIG SET slowlog-log-slower-than -1', OK],
      ['SLOWLOG LEN', 6],
      [
        'SLOWLOG GET',
        slowlog([
          'CONFIG SET requirepass (redacted) requirepass (redacted)',
          'AUTH (redacted) (redacted)',
          `DEL ${Array.from({ length: 30 }, (_, i) => `k${i}`).join(' ')} ... (10 more arguments)`,
          `SET long ${'x'.repeat(128)}... (72 more bytes)`,
          'SET k v',
        ]),
      ],
      ['SLOWLOG GET 0', []],
      ['SLOWLOG GET -1', matching('all entries', ({ value }) => Array.isArray(value) && value.length === 6)],
      ['SLOWLOG GET -2', error('ERR count should be greater than or equal to -1')],
      ['SLOWLOG GET x', error('ERR count should be greater than or equal to -1')],
      ['SLOWLOG GET 1 2', error("ERR unknown subcommand or wrong number of arguments for 'GET'. Try SLOWLOG HELP.")],
      ['SLOWLOG LEN x', error("ERR wrong number of arguments for 'slowlog|len' command")],
      ['CONFIG SET slowlog-max-len 2', OK],
      ['SLOWLOG LEN', between(2, 6)],
      ['SLOWLOG RESET', OK],
      ['SLOWLOG LEN', 0],
      ['CONFIG SET slowlog-max-len 128 slowlog-log-slower-than 10000', OK],
      ['SLOWLOG HELP', HELP],
    ],
  },
  {
    name: 'LATENCY',
    steps: [
      ['LATENCY RESET', between(0, 10)],
      ['CONFIG SET latency-monitor-threshold 50', OK],
      ['DEBUG SLEEP 0.1', OK],
      ['LATENCY LATEST', [['command', between(1e9, 3e9), between(100, 300), between(100, 300)]]],
      ['LATENCY HISTORY command', [[between(1e9, 3e9), between(100, 300)]]],
      ['LATENCY HISTORY x', []],
      ['LATENCY GRAPH command', text(/^command - high \d+ ms, low \d+ ms \(all time high \d+ ms\)\n-{80}\n/)],
      ['LATENCY GRAPH x', NO_SAMPLES],
      ['LATENCY DOCTOR', text(/command: 1 /)],
      ['LATENCY RESET x command', 1],
      ['LATENCY LATEST', []],
      ['LATENCY RESET', 0],
      ['CONFIG SET latency-monitor-threshold 0', OK],
      ['LATENCY DOCTOR', text(/latency-monitor-threshold/)],
      ['LATENCY HELP', HELP],
    ],
  },
  {
    name: 'LATENCY HISTOGRAM',
    protocol: 3,
    steps: [
      ['CONFIG RESETSTAT', OK],
      ['SET k v', OK],
      ['GET k', 'v'],
      ['GET k', 'v'],
      [
        'LATENCY HISTOGRAM get nosuch',
        matching('a histogram of GET', ({ type, value }) => {
          const [name, histogram] = Array.isArray(value) ? value : [];
          const [calls, two, buckets, counts] = Array.isArray(histogram?.value) ? histogram.value : [];
          const last = Array.isArray(counts?.value) ? counts.value.at(-1) : undefined;
          return (
            type === '%' &&
            name?.value === 'get' &&
            calls?.value === 'calls' &&
            two?.value === '2' &&
            buckets?.value === 'histogram_usec' &&
            last?.value === '2'
          );
        }),
      ],
      ['LATENCY HISTOGRAM nosuch', map()],
      [
        'LATENCY HISTOGRAM',
        matching('all histograms', ({ type, value }) => type === '%' && Array.isArray(value) && value.length >= 6),
      ],
      [
        'LATENCY HISTOGRAM config',
        matching('of subcommands', ({ value }) => Array.isArray(value) && value[0]?.value === 'config|resetstat'),
      ],
    ],
  },
  {
    name: 'MEMORY',
    steps: [
      ['SET k v', OK],
      ['MEMORY USAGE k', between(16, 200)],
      ['MEMORY USAGE none', null],
      ['MEMORY USAGE k SAMPLES 5', between(16, 200)],
      ['MEMORY USAGE k x', SYNTAX],
      ['MEMORY DOCTOR', text(/./)],
      ['MEMORY PURGE', OK],
      ['MEMORY MALLOC-STATS', text(/./)],
      [
        'MEMORY STATS',
        matching(
          'fields',
          ({ value }) =>
            JSON.stringify(value).includes('"peak.allocated"') && JSON.stringify(value).includes('"keys.count"'),
        ),
      ],
      ['MEMORY STATS x', error("ERR wrong number of arguments for 'memory|stats' command")],
      ['MEMORY nosuch', error("ERR unknown subcommand 'nosuch'. Try MEMORY HELP.")],
      ['MEMORY HELP', HELP],
    ],
  },
  {
    name: 'SHUTDOWN: errors',
    steps: [
      ['SHUTDOWN x', SYNTAX],
      ['SHUTDOWN SAVE NOSAVE', SYNTAX],
      ['SHUTDOWN ABORT NOW', SYNTAX],
      ['SHUTDOWN ABORT', error('ERR No shutdown in progress.')],
    ],
  },
];

export const DEBUG_CASES: readonly Case[] = [
  {
    name: 'DEBUG',
    steps: [
      ['DEBUG', error("ERR wrong number of arguments for 'debug' command")],
      ['DEBUG nosuch', error("ERR unknown subcommand or wrong number of arguments for 'nosuch'. Try DEBUG HELP.")],
      ['DEBUG SLEEP', error("ERR unknown subcommand or wrong number of arguments for 'SLEEP'. Try DEBUG HELP.")],
      ['DEBUG SLEEP 0.01', OK],
      ['DEBUG SLEEP 0', OK],
      [['DEBUG', 'ERROR', 'CODE some\nthing'], error('CODE some thing')],
      ['DEBUG LOG hello', OK],
      ['DEBUG HELP', HELP],
    ],
  },
  {
    name: 'DEBUG SET-ACTIVE-EXPIRE',
    steps: [
      ['DEBUG SET-ACTIVE-EXPIRE 0', OK],
      ['SET k v PX 10', OK],
      { sleep: 500 },
      ['DBSIZE', 1],
      ['DEBUG SET-ACTIVE-EXPIRE 1', OK],
      { sleep: 1500 },
      ['DBSIZE', 0],
    ],
  },
  {
    name: 'DEBUG POPULATE',
    steps: [
      ['SET key:1 mine', OK],
      ['DEBUG POPULATE 3', OK],
      ['DBSIZE', 3],
      ['GET key:0', 'value:0'],
      ['GET key:1', 'mine'],
      ['DEBUG POPULATE 2 p 10', OK],
      ['GET p:1', 'value:1\0\0\0'],
      ['DEBUG POPULATE 1 q 3', OK],
      ['GET q:0', 'val'],
      ['DEBUG POPULATE -1', error('ERR value is out of range, must be positive')],
      ['DEBUG POPULATE x', error('ERR value is out of range, must be positive')],
    ],
  },
  {
    name: 'DEBUG PROTOCOL',
    steps: [
      ['DEBUG PROTOCOL string', 'Hello World'],
      ['DEBUG PROTOCOL integer', 12345],
      ['DEBUG PROTOCOL double', '3.141'],
      ['DEBUG PROTOCOL bignum', '1234567999999999999999999999999999999'],
      ['DEBUG PROTOCOL null', null],
      ['DEBUG PROTOCOL array', [0, 1, 2]],
      ['DEBUG PROTOCOL set', [0, 1, 2]],
      ['DEBUG PROTOCOL map', [0, 0, 1, 1, 2, 0]],
      ['DEBUG PROTOCOL attrib', 'Some real reply following the attribute'],
      ['DEBUG PROTOCOL push', error('ERR RESP2 is not supported by this command')],
      ['DEBUG PROTOCOL verbatim', 'This is a verbatim\nstring'],
      ['DEBUG PROTOCOL true', 1],
      ['DEBUG PROTOCOL false', 0],
      ['DEBUG PROTOCOL x', errorLike(/^ERR Wrong protocol type name\. Please use one of the following: string\|/)],
    ],
  },
  {
    name: 'DEBUG PROTOCOL in RESP3',
    since: '7.2.0',
    protocol: 3,
    steps: [
      ['DEBUG PROTOCOL double', double('3.141')],
      [
        'DEBUG PROTOCOL bignum',
        matching(
          'a big number',
          ({ type, value }) => type === '(' && value === '1234567999999999999999999999999999999',
        ),
      ],
      ['DEBUG PROTOCOL set', set(0, 1, 2)],
      ['DEBUG PROTOCOL push', 'Some real reply following the push reply'],
      { receive: [push('server-cpu-usage', 42)] },
      ['DEBUG PROTOCOL verbatim', verbatim('txt', 'This is a verbatim\nstring')],
      ['DEBUG PROTOCOL true', matching('true', ({ type, value }) => type === '#' && value === 't')],
    ],
  },
  {
    name: 'DEBUG SHARDS and SLABS',
    ashlarOnly: 'there are shards',
    steps: [
      ['SET k v', OK],
      ['DEBUG SHARDS', text(/^shard +items +used .*\n +0 +\d+ +/)],
      ['DEBUG SLABS', text(/^class +cell +pages .*\n +\d+ +16 +1 +\d+ +1 /)],
    ],
  },
];

export const NO_DEBUG_CASES: readonly Case[] = [
  {
    name: 'DEBUG is refused unless it is allowed',
    steps: [
      [
        'DEBUG SLEEP 0',
        error(
          'ERR DEBUG command not allowed. If the enable-debug-command option is set to "local", you can run it from a local connection, otherwise you need to set this option in the configuration file, and then restart the server.',
        ),
      ],
    ],
  },
];
