/**
 * CACHE.PIN, CACHE.UNPIN, CACHE.PINS: keys that eviction must leave alone (engine/pins.ts). Pinned keys expire, can be deleted and written as any others;
 * a pin stays with its key when that is written, and goes with it.
 */

import { type Command, command } from './command.js';
import type { Request } from './request.js';

const NO_ROOM = 'OOM the share of the memory that pinned keys may take is used up (pin-memory-max)';

/** CACHE.PIN key [key ...]: all of the keys that are there, or none. Answers how many. */
function pin(request: Request): void {
  const last = request.argc - 1;
  request.atomically(1, last, 1, () => {
    const fresh: number[] = [];
    let pinned = 0;
    for (let index = 1; index <= last; index++) {
      const item = request.find(index);
      if (item === 0) continue;
      const { pins } = request.shard;
      const before = pins.items;
      if (!pins.pin(item)) {
        for (const other of fresh) {
          const taken = request.find(other);
          request.shard.pins.unpin(taken);
        }
        request.reply.error(NO_ROOM);
        return;
      }
      if (pins.items > before) fresh.push(index);
      pinned++;
    }
    request.reply.integer(pinned);
  });
}

/** CACHE.UNPIN key [key ...]: answers how many were pinned. */
function unpin(request: Request): void {
  const last = request.argc - 1;
  request.atomically(1, last, 1, () => {
    let unpinned = 0;
    for (let index = 1; index <= last; index++) {
      const item = request.find(index);
      if (item !== 0 && request.shard.pins.unpin(item)) unpinned++;
    }
    request.reply.integer(unpinned);
  });
}

/** CACHE.PINS: what is pinned, of all databases. */
function pins({ reply, keyspace }: Request): void {
  const { pinnedItems, pinnedBytes, pinsRefused } = keyspace.figures();
  const fields: [string, number][] = [
    ['keys', pinnedItems],
    ['bytes', pinnedBytes],
    ['bytes-max', keyspace.control.pinBytesMax * keyspace.shards.length],
    ['refused', pinsRefused],
  ];
  reply.map(fields.length);
  for (const [name, value] of fields) {
    reply.bulkAscii(name);
    reply.integer(value);
  }
}

export const PIN_COMMANDS: readonly Command[] = [
  command({
    name: 'cache.pin',
    arity: -2,
    flags: ['write', 'fast'],
    firstKey: 1,
    lastKey: -1,
    group: 'ashlar',
    since: '7.2.99',
    summary: 'Protects keys from eviction.',
    complexity: 'O(N) where N is the number of keys',
    run: pin,
  }),
  command({
    name: 'cache.unpin',
    arity: -2,
    flags: ['write', 'fast'],
    firstKey: 1,
    lastKey: -1,
    group: 'ashlar',
    since: '7.2.99',
    summary: 'Lets keys be evicted again.',
    complexity: 'O(N) where N is the number of keys',
    run: unpin,
  }),
  command({
    name: 'cache.pins',
    arity: 1,
    flags: ['readonly', 'fast'],
    group: 'ashlar',
    since: '7.2.99',
    summary:
      'Returns how many keys are protected from eviction, how much memory they take, and how much they may take.',
    run: pins,
  }),
];
