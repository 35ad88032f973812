/** MEMORY: where the memory is, what a key takes, and giving back what is not needed. */

import { formatBytesRounded } from '../../base/units.js';
import type { ReplyWriter } from '../../protocol/resp/reply.js';
import { type Answer, type Command, command } from '../command.js';
import { helpSubcommand } from '../help.js';
import { memoryUsage } from '../keys.js';
import type { Request } from '../request.js';
import type { MemoryFigures } from '../server-port.js';
import { BIGKEYS_SUBCOMMAND } from './big-keys.js';
import { slabReport } from './shard-reports.js';

/** Bytes of the index that an item takes: one entry. */
const INDEX_ENTRY_BYTES = 8;
const MIB = 2 ** 20;
/** Below this much there is nothing to be said about proportions. */
const DOCTOR_BYTES_MIN = 5 * MIB;

/** Names and numbers of MEMORY STATS; a number with a fraction is a double. */
function statsOf(memory: MemoryFigures): [string, number][] {
  const overhead = memory.used - memory.dataset;
  const data = Math.max(0, memory.used - memory.startup);
  return [
    ['peak.allocated', memory.peak],
    ['total.allocated', memory.used],
    ['startup.allocated', memory.startup],
    ['replication.backlog', 0],
    ['clients.slaves', 0],
    ['clients.normal', memory.clients],
    ['cluster.links', 0],
    ['aof.buffer', 0],
    ['lua.caches', 0],
    ['functions.caches', 0],
    ['overhead.total', overhead],
    ['keys.count', memory.keys],
    ['keys.bytes-per-key', memory.keys === 0 ? 0 : Math.floor(data / memory.keys)],
    ['dataset.bytes', memory.dataset],
    ['allocator.allocated', memory.used],
    ['allocator.active', memory.used],
    ['allocator.resident', memory.resident],
    ['fragmentation.bytes', memory.resident - memory.used],
  ];
}

function ratiosOf(memory: MemoryFigures): [string, number][] {
  const data = Math.max(1, memory.used - memory.startup);
  return [
    ['dataset.percentage', (memory.dataset * 100) / data],
    ['peak.percentage', (memory.used * 100) / memory.peak],
    ['fragmentation', memory.resident / memory.used],
  ];
}

function stats(request: Request): void {
  const { reply, server, keyspace } = request;
  const memory = server.memory();
  const databases = Array.from({ length: keyspace.control.databases }, (_, database) => database).filter(
    (database) => keyspace.size(database) > 0,
  );
  const numbers = statsOf(memory);
  const ratios = ratiosOf(memory);
  reply.map(numbers.length + ratios.length + databases.length);
  replyNumbers(reply, numbers);
  for (const [name, ratio] of ratios) {
    reply.bulkAscii(name);
    reply.double(ratio);
  }
  for (const database of databases) {
    reply.bulkAscii(`db.${database}`);
    reply.map(3);
    replyNumbers(reply, [
      ['overhead.hashtable.main', keyspace.size(database) * INDEX_ENTRY_BYTES],
      ['overhead.hashtable.expires', keyspace.expiring(database) * INDEX_ENTRY_BYTES],
      ['overhead.hashtable.slot-to-keys', 0],
    ]);
  }
}

function replyNumbers(reply: ReplyWriter, numbers: readonly (readonly [string, number])[]): void {
  for (const [name, number] of numbers) {
    reply.bulkAscii(name);
    reply.integer(number);
  }
}

/** What is out of proportion, and what can be done about it: a line each. */
function diagnose(memory: MemoryFigures): string[] {
  const found: string[] = [];
  if (memory.peak > memory.used * 1.5) {
    found.push(
      `Peak memory: ${formatBytesRounded(memory.peak)} were used once, more than one and a half times as much as now. MEMORY PURGE gives the pages that are free now back to the system.`,
    );
  }
  if (memory.used - memory.startup > 2 * memory.dataset && memory.used - memory.startup > 10 * MIB) {
    found.push(
      'Sparse pages: the items take less than half of the pages in use. After many deletions pages are shared by few items; they fill up again with new items of the same sizes, and are emptied when memory is needed.',
    );
  }
  if (memory.clients > memory.used / 4 && memory.clients > 10 * MIB) {
    found.push(
      'Big client buffers: more than a quarter of the memory in use is in the buffers of clients. CLIENT LIST tells whose; client-output-buffer-limit and maxmemory-clients bound them.',
    );
  }
  if (memory.refusedWrites > 0) {
    found.push(
      `Refused writes: ${memory.refusedWrites} writes found no memory. Raise maxmemory (up to ${formatBytesRounded(memory.reserve)} while the server runs), or choose an eviction policy that may remove more.`,
    );
  }
  return found;
}

function doctor({ reply, server }: Request): void {
  const memory = server.memory();
  const found = diagnose(memory);
  if (memory.used - memory.startup < DOCTOR_BYTES_MIN && found.length === 0) {
    reply.verbatim('txt', 'There is very little data, so that nothing can be said about how memory is used.\n');
  } else if (found.length === 0) {
    reply.verbatim('txt', 'No memory issue was found.\n');
  } else {
    reply.verbatim('txt', `What was found:\n\n${found.map((line) => ` * ${line}\n`).join('\n')}`);
  }
}

async function purge({ server }: Request): Promise<Answer> {
  await server.purgeMemory();
  return (reply) => reply.ok();
}

const ALLOCATOR_COMPLEXITY = 'Depends on how much memory is allocated, could be slow';

export const MEMORY_COMMAND: Command = command({
  name: 'memory',
  arity: -2,
  flags: [],
  group: 'server',
  since: '4.0.0',
  summary: 'A container for memory diagnostics commands.',
  complexity: 'Depends on subcommand.',
  subcommands: [
    {
      name: 'usage',
      arity: -3,
      flags: ['readonly'],
      firstKey: 2,
      lastKey: 2,
      keyStep: 1,
      since: '4.0.0',
      summary: 'Estimates the memory usage of a key.',
      complexity: 'O(N) where N is the number of samples.',
      run: memoryUsage,
    },
    {
      name: 'stats',
      arity: 2,
      flags: [],
      since: '4.0.0',
      summary: 'Returns details about memory usage.',
      run: stats,
    },
    {
      name: 'doctor',
      arity: 2,
      flags: [],
      since: '4.0.0',
      summary: 'Outputs a memory problems report.',
      run: doctor,
    },
    {
      name: 'malloc-stats',
      arity: 2,
      flags: [],
      since: '4.0.0',
      summary: 'Returns the allocator statistics.',
      complexity: ALLOCATOR_COMPLEXITY,
      run: ({ reply, keyspace }) => reply.verbatim('txt', slabReport(keyspace)),
    },
    {
      name: 'purge',
      arity: 2,
      flags: [],
      since: '4.0.0',
      summary: 'Asks the allocator to release memory.',
      complexity: ALLOCATOR_COMPLEXITY,
      runAsync: purge,
    },
    BIGKEYS_SUBCOMMAND,
    helpSubcommand('memory', '4.0.0', [
      'BIGKEYS [COUNT <count>]',
      '    Return the largest keys of all databases (default: 10), with their databases,',
      '    the bytes of memory that they take, and the lengths of their values.',
      'DOCTOR',
      '    Return memory problems reports.',
      'MALLOC-STATS',
      '    Return internal statistics report from the memory allocator.',
      'PURGE',
      '    Attempt to purge dirty pages for reclamation by the allocator.',
      'STATS',
      '    Return information about the memory usage of the server.',
      'USAGE <key> [SAMPLES <count>]',
      '    Return memory in bytes used by <key> and its value. Nested values are',
      '    sampled up to <count> times (default: 5, 0 means sample all).',
    ]),
  ],
});
