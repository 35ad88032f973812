/** HOTKEYS: the keys that are used most just now. */

import { asciiBytes } from '../../base/bytes.js';
import { type Answer, type Command, command } from '../command.js';
import { SYNTAX } from '../replies.js';
import type { Request } from '../request.js';
import type { HotKey } from '../server-port.js';

const COUNT = asciiBytes('count');
const RESET = asciiBytes('reset');
/** Subcommands of Redis's HOTKEYS that make no sense where keys are counted all the time. */
const OTHERS = ['start', 'stop', 'get'].map(asciiBytes);
const DEFAULT_COUNT = 10;
const COUNT_MAX = 1000;
const BAD_COUNT = `ERR COUNT is a number from 1 to ${COUNT_MAX}`;
const NO_SESSIONS =
  'ERR keys are counted all the time: HOTKEYS [COUNT count] shows them, the parameter hotkeys-sample turns it on and off';
const OFF = 'ERR keys are not counted: hotkeys-sample is 0';

async function hotkeys(request: Request): Promise<Answer> {
  const { server } = request;
  if (request.argc === 2 && request.is(1, RESET)) {
    await server.hotKeysReset();
    return (reply) => reply.ok();
  }
  const refusal = refusalOf(request);
  if (refusal !== undefined) return (reply) => reply.error(refusal);
  const count = request.argc === 1 ? DEFAULT_COUNT : request.integer(2);
  return replyKeys((await server.hotKeys()).slice(0, count));
}

/** What is wrong with a request that is not RESET. */
function refusalOf(request: Request): string | undefined {
  if (request.argc > 1 && OTHERS.some((name) => request.is(1, name))) return NO_SESSIONS;
  if (request.argc !== 1 && (request.argc !== 3 || !request.is(1, COUNT))) return SYNTAX;
  if (request.argc === 3 && !(request.integer(2) >= 1 && request.integer(2) <= COUNT_MAX)) return BAD_COUNT;
  return request.server.configGet('hotkeys-sample') === '0' ? OFF : undefined;
}

function replyKeys(keys: readonly HotKey[]): Answer {
  return (reply) => {
    reply.array(keys.length);
    for (const { key, length, database, perSecond, share } of keys) {
      reply.array(4);
      if (length === key.length) reply.bulk(key, 0, length);
      else {
        const shown = Buffer.concat([key, Buffer.from(`... (${length - key.length} more bytes)`)]);
        reply.bulk(shown, 0, shown.length);
      }
      reply.integer(database);
      reply.integer(Math.round(perSecond));
      reply.double(Number(share.toFixed(4)));
    }
  };
}

export const HOTKEYS_COMMAND: Command = command({
  name: 'hotkeys',
  arity: -1,
  flags: ['admin', 'loading', 'stale'],
  group: 'ashlar',
  since: '7.2.99',
  summary: 'Returns the keys that are used most: name, database, operations a second, share of all operations.',
  complexity: 'O(1)',
  runAsync: hotkeys,
});
