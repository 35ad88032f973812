/** The meta commands: the entries of mg, ms, md and ma in the table, and the two that need no file of their own. */

import { expiryOf } from '../../engine/item.js';
import { META_MISS } from '../../protocol/memcached/text-reply.js';
import type { Request } from '../request.js';
import { type MemcachedCommand, textCommand } from './command.js';
import { CMD_META } from './counters.js';
import { factsOf } from './item-facts.js';
import { metaArithmetic } from './meta-arithmetic.js';
import { metaDelete } from './meta-delete.js';
import { MetaFlags } from './meta-flags.js';
import { metaGet, secondsLeft } from './meta-get.js';
import { metaSet } from './meta-set.js';
import { ItemKey } from './storage.js';
import { BAD_FORMAT } from './text-arguments.js';

const key = new ItemKey();
const flags = new MetaFlags();

function metaNoop({ memcached }: Request): void {
  memcached.line('MN');
}

/** me: what is known of an item, for people. The key is shown as it was given. */
function metaDebug(request: Request): void {
  const { memcached, clock } = request;
  if (!flags.readBase64(request) || !flags.takeKey(request, key)) {
    memcached.error(BAD_FORMAT);
    return;
  }
  request.counters[CMD_META]++;
  const item = key.find();
  if (item === 0) {
    memcached.meta(META_MISS);
    memcached.endLine();
    return;
  }
  const { words } = key.shard;
  memcached.line(
    `ME ${request.text(1)} exp=${secondsLeft(expiryOf(words, item), clock.now)} la=${key.shard.idleSeconds(item)} ` +
      factsOf(key.shard, item),
  );
}

export const META_COMMANDS: readonly MemcachedCommand[] = [
  textCommand({
    name: 'mg',
    arity: -2,
    flags: ['write', 'fast'],
    firstKey: 1,
    summary: 'Shows an item; may touch it, and hand out the lease to make it anew.',
    run: metaGet,
  }),
  textCommand({
    name: 'ms',
    arity: -2,
    flags: ['write', 'fast'],
    firstKey: 1,
    dataLength: 2,
    summary: 'Stores a value, in any of the modes.',
    run: metaSet,
  }),
  textCommand({
    name: 'md',
    arity: -2,
    flags: ['write', 'fast'],
    firstKey: 1,
    summary: 'Deletes an item, or marks it as stale.',
    run: metaDelete,
  }),
  textCommand({
    name: 'ma',
    arity: -2,
    flags: ['write', 'fast'],
    firstKey: 1,
    summary: 'Adds to a number, or subtracts from it.',
    run: metaArithmetic,
  }),
  textCommand({
    name: 'me',
    arity: -2,
    flags: ['readonly', 'fast'],
    firstKey: 1,
    summary: 'Shows what is known of an item, without its value.',
    run: metaDebug,
  }),
  textCommand({
    name: 'mn',
    arity: -1,
    flags: ['fast'],
    summary: 'Answers, behind all that quiet requests had to say.',
    run: metaNoop,
  }),
];
