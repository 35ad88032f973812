/** CLIENT: the container. */

import { type Command, command } from '../command.js';
import { helpSubcommand } from '../help.js';
import { CLIENT_FLOW_SUBCOMMANDS } from './client-flow.js';
import { CLIENT_KILL_SUBCOMMAND } from './client-kill.js';
import { CLIENT_LIST_SUBCOMMANDS } from './client-list.js';
import { CLIENT_STATE_SUBCOMMANDS } from './client-state.js';

const HELP = [
  'GETNAME',
  '    Return the name of the current connection.',
  'ID',
  '    Return the ID of the current connection.',
  'INFO',
  '    Return information about the current client connection.',
  'KILL <ip:port>',
  '    Kill connection made from <ip:port>.',
  'KILL <option> <value> [<option> <value> [...]]',
  '    Kill connections. Options are:',
  '    * ADDR (<ip:port>|<unixsocket>:0)',
  '      Kill connections made from the specified address',
  '    * LADDR (<ip:port>|<unixsocket>:0)',
  '      Kill connections made to specified local address',
  '    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)',
  '      Kill connections by type.',
  '    * USER <username>',
  '      Kill connections authenticated by <username>.',
  '    * ID <client-id>',
  '      Kill the connection with the specified ID.',
  '    * MAXAGE <seconds>',
  '      Kill connections that are at least this old.',
  '    * SKIPME (YES|NO)',
  '      Skip killing current connection (default: yes).',
  'LIST [options ...]',
  '    Return information about client connections. Options:',
  '    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)',
  '      Return clients of specified type.',
  '    * ID <client-id> [<client-id> ...]',
  '      Return clients with the specified IDs.',
  'UNPAUSE',
  '    Stop the current client pause, resuming traffic.',
  'PAUSE <timeout> [WRITE|ALL]',
  '    Suspend all, or just write, clients for <timeout> milliseconds.',
  'REPLY (ON|OFF|SKIP)',
  '    Control the replies sent to the current connection.',
  'SETNAME <name>',
  '    Assign the name <name> to the current connection.',
  'SETINFO <option> <value>',
  '    Set client meta attr. Options are:',
  '    * LIB-NAME: the client lib name.',
  '    * LIB-VER: the client lib version.',
  'UNBLOCK <clientid> [TIMEOUT|ERROR]',
  '    Unblock the specified blocked client.',
  'NO-EVICT (ON|OFF)',
  '    Protect current client connection from eviction.',
  'NO-TOUCH (ON|OFF)',
  '    Will not touch LRU/LFU stats when this mode is on.',
];

export const CLIENT_COMMAND: Command = command({
  name: 'client',
  arity: -2,
  flags: [],
  group: 'connection',
  since: '2.4.0',
  summary: 'A container for client connection commands.',
  complexity: 'Depends on subcommand.',
  subcommands: [
    ...CLIENT_STATE_SUBCOMMANDS,
    ...CLIENT_LIST_SUBCOMMANDS,
    CLIENT_KILL_SUBCOMMAND,
    ...CLIENT_FLOW_SUBCOMMANDS,
    helpSubcommand('client', '5.0.0', HELP),
  ],
});
