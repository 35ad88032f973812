/** What a connection may set for itself: its name, its library's, whether it is answered, spared and counted. */

import { type Client, REPLY_OFF, REPLY_ON, REPLY_SKIP_NEXT } from '../client.js';
import type { Subcommand } from '../command.js';
import type { CommandFlag } from '../facts.js';
import { SYNTAX } from '../replies.js';
import type { Request } from '../request.js';
import { validName } from './names.js';

const FLAGS: readonly CommandFlag[] = ['noscript', 'loading', 'stale'];
const UNPRINTABLE = 'cannot contain spaces, newlines or special characters.';

function setName(request: Request): void {
  const name = request.text(2);
  if (!validName(name)) {
    request.reply.error(`ERR Client names ${UNPRINTABLE}`);
    return;
  }
  request.client.name = name;
  request.reply.ok();
}

function getName({ client, reply }: Request): void {
  if (client.name === '') reply.nullBulk();
  else reply.bulkAscii(client.name);
}

function setInfo(request: Request): void {
  const { client, reply } = request;
  const option = request.text(2);
  const value = request.text(3);
  const lower = option.toLowerCase();
  if (lower !== 'lib-name' && lower !== 'lib-ver') reply.error(`ERR Unrecognized option '${option}'`);
  else if (!validName(value)) reply.error(`ERR ${option} ${UNPRINTABLE}`);
  else {
    if (lower === 'lib-name') client.libraryName = value;
    else client.libraryVersion = value;
    reply.ok();
  }
}

function replyMode(request: Request): void {
  const { client, reply } = request;
  switch (request.text(2).toLowerCase()) {
    case 'on':
      client.replyMode = REPLY_ON;
      reply.mute = false;
      reply.ok();
      break;
    case 'off':
      client.replyMode = REPLY_OFF;
      break;
    case 'skip':
      if (client.replyMode !== REPLY_OFF) client.replyMode = REPLY_SKIP_NEXT;
      break;
    default:
      reply.error(SYNTAX);
  }
  client.updateGate();
}

/** A switch with the words ON and OFF. */
function onOff(change: (client: Client, on: boolean) => void): (request: Request) => void {
  return (request) => {
    const word = request.text(2).toLowerCase();
    if (word !== 'on' && word !== 'off') {
      request.reply.error(SYNTAX);
      return;
    }
    change(request.client, word === 'on');
    request.client.updateGate();
    request.reply.ok();
  };
}

const setNoEvict = onOff((client, on) => {
  client.noEvict = on;
});
const setNoTouch = onOff((client, on) => {
  client.noTouch = on;
});

export const CLIENT_STATE_SUBCOMMANDS: readonly Subcommand[] = [
  {
    name: 'id',
    arity: 2,
    flags: FLAGS,
    since: '5.0.0',
    summary: 'Returns the unique client ID of the connection.',
    run: ({ client, reply }) => reply.integer(client.id),
  },
  {
    name: 'setname',
    arity: 3,
    flags: FLAGS,
    since: '2.6.9',
    summary: 'Sets the connection name.',
    run: setName,
  },
  {
    name: 'getname',
    arity: 2,
    flags: FLAGS,
    since: '2.6.9',
    summary: 'Returns the name of the connection.',
    run: getName,
  },
  {
    name: 'setinfo',
    arity: 4,
    flags: FLAGS,
    since: '7.2.0',
    summary: 'Sets information specific to the client or connection.',
    run: setInfo,
  },
  {
    name: 'reply',
    arity: 3,
    flags: FLAGS,
    since: '3.2.0',
    summary: 'Instructs the server whether to reply to commands.',
    run: replyMode,
  },
  {
    name: 'no-evict',
    arity: 3,
    flags: ['admin', ...FLAGS],
    since: '7.0.0',
    summary: 'Sets the client eviction mode of the connection.',
    run: setNoEvict,
  },
  {
    name: 'no-touch',
    arity: 3,
    flags: FLAGS,
    since: '7.2.0',
    summary: 'Controls whether commands sent by the client affect the LRU/LFU of accessed keys.',
    run: setNoTouch,
  },
];
