/** MEMORY BIGKEYS: the largest keys, without a scan. */

import { asciiBytes } from '../../base/bytes.js';
import { largestItems } from '../../engine/item-sizes.js';
import type { Subcommand } from '../command.js';
import { SYNTAX } from '../replies.js';
import type { Request } from '../request.js';

const COUNT = asciiBytes('count');
const DEFAULT_COUNT = 10;
const COUNT_MAX = 1000;
const BAD_COUNT = `ERR COUNT is a number from 1 to ${COUNT_MAX}`;

function bigKeys(request: Request): void {
  const { reply } = request;
  if (request.argc !== 2 && (request.argc !== 4 || !request.is(2, COUNT))) {
    reply.error(SYNTAX);
    return;
  }
  const count = request.argc === 2 ? DEFAULT_COUNT : request.integer(3);
  if (!(count >= 1 && count <= COUNT_MAX)) {
    reply.error(BAD_COUNT);
    return;
  }
  const items = largestItems(request.keyspace, count);
  reply.array(items.length);
  for (const { key, database, bytes, valueBytes } of items) {
    reply.array(4);
    reply.bulk(key, 0, key.length);
    reply.integer(database);
    reply.integer(bytes);
    reply.integer(valueBytes);
  }
}

export const BIGKEYS_SUBCOMMAND: Subcommand = {
  name: 'bigkeys',
  arity: -2,
  flags: ['readonly'],
  categories: ['dangerous'],
  since: '7.2.99',
  summary: 'Returns the largest keys of all databases: name, database, bytes of memory, bytes of the value.',
  complexity: 'O(N) where N is the number of pages of 64 KiB, and of items in those with the largest cells',
  run: bigKeys,
};
