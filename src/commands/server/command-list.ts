/** COMMAND LIST: names of commands and subcommands, all or filtered. */

import { globMatch } from '../../base/glob.js';
import type { EntryFacts } from '../facts.js';
import { SYNTAX } from '../replies.js';
import type { Request } from '../request.js';
import { categoriesOf } from './acl-categories.js';

type Filter = (entry: EntryFacts) => boolean;

/** The filter that FILTERBY names; undefined when it is none. */
function filterOf(kind: string, argument: string): Filter | undefined {
  switch (kind) {
    case 'module':
      // There are no modules, so no command is one of a module.
      return () => false;
    case 'aclcat':
      return (entry) => categoriesOf(entry).includes(argument.toLowerCase());
    case 'pattern': {
      const pattern = Buffer.from(argument, 'latin1');
      return ({ name }) => {
        const text = Buffer.from(name);
        return globMatch(pattern, 0, pattern.length, text, 0, text.length, true);
      };
    }
    default:
      return undefined;
  }
}

export function list(request: Request): void {
  const { reply, server } = request;
  let filter: Filter | undefined = () => true;
  if (request.argc > 2) {
    const asked = request.argc === 5 && request.text(2).toLowerCase() === 'filterby';
    filter = asked ? filterOf(request.text(3).toLowerCase(), request.text(4)) : undefined;
  }
  if (filter === undefined) {
    reply.error(SYNTAX);
    return;
  }
  const found = server.table.redisEntries.filter(filter);
  reply.array(found.length);
  for (const { name } of found) reply.bulkAscii(name);
}
