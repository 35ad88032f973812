/** What the connection commands answer. */

import { anything, between, type Case, error, errorLike, matching, OK, simple, text } from './harness.js';

const SYNTAX = error('ERR syntax error');
const PONG = simple('PONG');
const RESET = simple('RESET');
const NOAUTH = error('NOAUTH Authentication required.');
const WRONGPASS = error('WRONGPASS invalid username-password pair or user is disabled.');
const NOT_INTEGER = error('ERR value is not an integer or out of range');

/** HELLO's reply when this version is agreed on. */
function hello(protocol: 2 | 3) {
  const type = protocol === 2 ? '*' : '%';
  return matching(`HELLO's reply with version ${protocol}`, (reply) => {
    if (reply.type !== type || !Array.isArray(reply.value) || reply.value.length !== 14) return false;
    const fields = new Map<unknown, { type: string; value: unknown }>();
    for (let i = 0; i < 14; i += 2) fields.set(reply.value[i].value, reply.value[i + 1]);
    return (
      fields.get('server')?.value === 'redis' &&
      /^7\.\d+\.\d+$/.test(String(fields.get('version')?.value)) &&
      fields.get('proto')?.value === String(protocol) &&
      fields.get('id')?.type === ':' &&
      fields.get('mode')?.value === 'standalone' &&
      fields.get('role')?.value === 'master' &&
      fields.get('modules')?.type === '*'
    );
  });
}

export const CONNECTION_CASES: readonly Case[] = [
  {
    name: 'PING and ECHO',
    steps: [
      ['PING', PONG],
      ['ping hello', 'hello'],
      [['PING', ''], ''],
      ['PING a b', error("ERR wrong number of arguments for 'ping' command")],
      [['ECHO', 'a\r\nb\0c'], 'a\r\nb\0c'],
      ['ECHO', error("ERR wrong number of arguments for 'echo' command")],
      ['ECHO a b', error("ERR wrong number of arguments for 'echo' command")],
    ],
  },
  { name: 'QUIT answers and closes', steps: [['QUIT', OK], { closed: 'first' }] },
  {
    name: 'what follows QUIT in the same packet is not executed',
    steps: [{ raw: 'SET k 1\r\nQUIT\r\nSET k 2\r\n', replies: [OK, OK] }, { closed: 'first' }, ['GET k', '1', 'other']],
  },
  {
    name: 'unknown commands and subcommands',
    steps: [
      ['nosuch', error("ERR unknown command 'nosuch', with args beginning with: ")],
      ['NoSuch a b', error("ERR unknown command 'NoSuch', with args beginning with: 'a' 'b' ")],
      [['x', 'y'.repeat(200), 'z'], error(`ERR unknown command 'x', with args beginning with: '${'y'.repeat(128)}' `)],
      [['x'.repeat(200)], error(`ERR unknown command '${'x'.repeat(128)}', with args beginning with: `)],
      [['a\r\nb', 'c\nd'], error("ERR unknown command 'a  b', with args beginning with: 'c d' ")],
      ['CLIENT', error("ERR wrong number of arguments for 'client' command")],
      ['CLIENT nosuch', error("ERR unknown subcommand 'nosuch'. Try CLIENT HELP.")],
      [['CLIENT', 'x'.repeat(200)], error(`ERR unknown subcommand '${'x'.repeat(128)}'. Try CLIENT HELP.`)],
      ['CLIENT ID x', error("ERR wrong number of arguments for 'client|id' command")],
      ['client Getname x', error("ERR wrong number of arguments for 'client|getname' command")],
    ],
  },
  {
    name: 'HELLO',
    steps: [
      ['HELLO', hello(2)],
      ['HELLO 2', hello(2)],
      ['HELLO 1', error('NOPROTO unsupported protocol version')],
      ['HELLO 4', error('NOPROTO unsupported protocol version')],
      ['HELLO x', error('ERR Protocol version is not an integer or out of range')],
      ['HELLO 3 nosuch', error("ERR Syntax error in HELLO option 'nosuch'")],
      ['HELLO 3 AUTH a', error("ERR Syntax error in HELLO option 'AUTH'")],
      ['HELLO 3 SETNAME', error("ERR Syntax error in HELLO option 'SETNAME'")],
      [
        ['HELLO', '3', 'SETNAME', 'a b'],
        error('ERR Client names cannot contain spaces, newlines or special characters.'),
      ],
      ['HELLO 3 AUTH nobody x', WRONGPASS],
      ['HELLO 2 SETNAME bob AUTH default x', hello(2)],
      ['CLIENT GETNAME', 'bob'],
    ],
  },
  {
    name: 'HELLO 3, and back',
    steps: [
      ['HELLO 3 setname x', hello(3)],
      ['HELLO', hello(3)],
      ['CLIENT GETNAME', 'x'],
      ['HELLO 2', hello(2)],
      ['GET none', null],
    ],
  },
  {
    name: 'AUTH without a password',
    steps: [
      [
        'AUTH x',
        error(
          'ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?',
        ),
      ],
      ['AUTH default x', OK],
      ['AUTH nobody x', WRONGPASS],
      ['AUTH a b c', SYNTAX],
      ['AUTH', error("ERR wrong number of arguments for 'auth' command")],
    ],
  },
  {
    name: 'RESET',
    since: '7.2.0',
    steps: [
      ['HELLO 3 SETNAME x', hello(3)],
      ['SELECT 3', OK],
      ['CLIENT NO-EVICT ON', OK],
      ['RESET', RESET],
      ['CLIENT GETNAME', null],
      ['CLIENT INFO', text(/ flags=N db=0 .* resp=2 /)],
    ],
  },
  {
    name: 'RESET turns replies on again',
    steps: [
      { raw: 'CLIENT REPLY OFF\r\nPING\r\nRESET\r\nPING\r\n', replies: [RESET, PONG] },
      ['RESET x', error("ERR wrong number of arguments for 'reset' command")],
    ],
  },
  {
    name: 'CLIENT REPLY',
    steps: [
      ['CLIENT REPLY ON', OK],
      { raw: 'CLIENT REPLY SKIP\r\nPING\r\nECHO a\r\n', replies: ['a'] },
      { raw: 'CLIENT REPLY SKIP\r\nNOSUCH\r\nECHO b\r\n', replies: ['b'] },
      { raw: 'CLIENT REPLY SKIP\r\nGET\r\nECHO c\r\n', replies: ['c'] },
      { raw: 'CLIENT REPLY SKIP\r\nCLIENT REPLY SKIP\r\nPING\r\nECHO d\r\n', replies: ['d'] },
      { raw: 'CLIENT REPLY OFF\r\nSET k v\r\nNOSUCH\r\nGET\r\nGET k\r\nCLIENT REPLY ON\r\n', replies: [OK] },
      {
        raw: 'CLIENT REPLY OFF\r\nCLIENT REPLY SKIP\r\nPING\r\nPING\r\nCLIENT REPLY ON\r\nGET k\r\n',
        replies: [OK, 'v'],
      },
      { raw: 'CLIENT REPLY SKIP\r\nCLIENT LIST\r\nCLIENT LIST ID 0\r\n', replies: [''] },
      ['CLIENT REPLY x', SYNTAX],
      ['CLIENT REPLY', error("ERR wrong number of arguments for 'client|reply' command")],
    ],
  },
];

export const CLIENT_CASES: readonly Case[] = [
  {
    name: 'CLIENT ID, SETNAME, GETNAME',
    steps: [
      ['CLIENT ID', between(1, 1e9)],
      ['CLIENT GETNAME', null],
      ['CLIENT SETNAME bob', OK],
      ['CLIENT GETNAME', 'bob'],
      [['CLIENT', 'SETNAME', 'a b'], error('ERR Client names cannot contain spaces, newlines or special characters.')],
      [['CLIENT', 'SETNAME', 'a\n'], error('ERR Client names cannot contain spaces, newlines or special characters.')],
      [['CLIENT', 'SETNAME', '\xe9'], error('ERR Client names cannot contain spaces, newlines or special characters.')],
      ['CLIENT GETNAME', 'bob'],
      [['CLIENT', 'SETNAME', ''], OK],
      ['CLIENT GETNAME', null],
    ],
  },
  {
    name: 'CLIENT SETINFO',
    since: '7.2.0',
    steps: [
      ['CLIENT SETINFO LIB-NAME redis-py', OK],
      ['CLIENT SETINFO lib-ver 5.0.1', OK],
      ['CLIENT INFO', text(/ lib-name=redis-py lib-ver=5\.0\.1( |\n)/)],
      [
        ['CLIENT', 'SETINFO', 'lib-name', 'a b'],
        error('ERR lib-name cannot contain spaces, newlines or special characters.'),
      ],
      [
        ['CLIENT', 'SETINFO', 'Lib-Ver', '\n'],
        error('ERR Lib-Ver cannot contain spaces, newlines or special characters.'),
      ],
      ['CLIENT SETINFO x y', error("ERR Unrecognized option 'x'")],
      [['CLIENT', 'SETINFO', 'lib-ver', ''], OK],
      ['CLIENT INFO', text(/ lib-name=redis-py lib-ver=( |\n)/)],
      ['CLIENT SETINFO lib-ver', error("ERR wrong number of arguments for 'client|setinfo' command")],
    ],
  },
  {
    name: "CLIENT INFO's line",
    steps: [
      ['CLIENT SETNAME me', OK],
      ['SELECT 2', OK],
      [
        'CLIENT INFO',
        text(
          /^id=\d+ addr=127\.0\.0\.1:\d+ laddr=127\.0\.0\.1:\d+ fd=\d+ name=me age=\d+ idle=0 flags=N db=2 sub=0 psub=0 ssub=0 multi=-1 qbuf=\d+ qbuf-free=\d+ argv-mem=\d+ multi-mem=0 rbs=\d+ rbp=\d+ obl=0 oll=0 omem=0 tot-mem=\d+ events=r cmd=client\|info user=default redir=-1 resp=2.*\n$/,
        ),
      ],
      ['CLIENT NO-EVICT ON', OK],
      ['CLIENT INFO', text(/ flags=e /)],
      ['CLIENT NO-EVICT OFF', OK],
      ['CLIENT NO-EVICT x', SYNTAX],
    ],
  },
  {
    name: 'CLIENT NO-TOUCH',
    since: '7.2.0',
    steps: [
      ['CLIENT NO-TOUCH ON', OK],
      ['CLIENT INFO', text(/ flags=T /)],
      ['CLIENT NO-TOUCH off', OK],
      ['CLIENT NO-TOUCH x', SYNTAX],
      ['CLIENT NO-TOUCH', error("ERR wrong number of arguments for 'client|no-touch' command")],
    ],
  },
  {
    name: 'CLIENT NO-TOUCH leaves the idle time of keys alone',
    since: '7.2.0',
    steps: [
      ['SET k v', OK],
      { sleep: 2100 },
      ['CLIENT NO-TOUCH ON', OK],
      ['GET k', 'v'],
      ['OBJECT IDLETIME k', between(2, 4)],
      ['CLIENT NO-TOUCH OFF', OK],
      ['GET k', 'v'],
      ['OBJECT IDLETIME k', between(0, 1)],
    ],
  },
  {
    name: 'CLIENT LIST',
    steps: [
      ['CLIENT SETNAME one', OK],
      ['CLIENT SETNAME two', OK, 'b'],
      ['CLIENT LIST', text(/^id=.* name=one .*\nid=.* name=two .* cmd=client\|setname .*\n$/s)],
      ['CLIENT LIST TYPE normal', text(/ name=two /)],
      ['CLIENT LIST type PubSub', ''],
      ['CLIENT LIST TYPE replica', ''],
      ['CLIENT LIST TYPE slave', ''],
      ['CLIENT LIST TYPE master', ''],
      ['CLIENT LIST TYPE x', error("ERR Unknown client type 'x'")],
      ['CLIENT LIST ID 0 999999', ''],
      ['CLIENT LIST ID x', error('ERR Invalid client ID')],
      ['CLIENT LIST ID', SYNTAX],
      ['CLIENT LIST x', SYNTAX],
      ['CLIENT LIST TYPE normal x', SYNTAX],
    ],
  },
  {
    name: 'CLIENT KILL: errors',
    steps: [
      ['CLIENT KILL nobody', error('ERR No such client')],
      ['CLIENT KILL', error("ERR wrong number of arguments for 'client|kill' command")],
      ['CLIENT KILL ID 0', error('ERR client-id should be greater than 0')],
      ['CLIENT KILL ID x', error('ERR client-id should be greater than 0')],
      ['CLIENT KILL TYPE x', error("ERR Unknown client type 'x'")],
      ['CLIENT KILL USER x', error("ERR No such user 'x'")],
      ['CLIENT KILL SKIPME x', SYNTAX],
      ['CLIENT KILL x y', SYNTAX],
      ['CLIENT KILL ID 1 TYPE', SYNTAX],
      ['CLIENT KILL ID 99999999', 0],
      ['CLIENT KILL ADDR 1.2.3.4:5', 0],
      ['CLIENT KILL LADDR 1.2.3.4:5 TYPE normal', 0],
      ['CLIENT KILL TYPE pubsub', 0],
    ],
  },
  {
    name: 'CLIENT KILL: others and oneself',
    steps: [
      ['PING', PONG],
      ['PING', PONG, 'b'],
      ['PING', PONG, 'c'],
      ['CLIENT KILL TYPE normal', between(2, 10)],
      { closed: 'b' },
      { closed: 'c' },
      ['CLIENT KILL USER default SKIPME no', 1],
      { closed: 'first' },
    ],
  },
  {
    name: 'CLIENT KILL MAXAGE',
    ashlarOnly: 'of Redis 7.4',
    steps: [
      ['CLIENT KILL MAXAGE 1000', 0],
      ['CLIENT KILL MAXAGE 0', error('ERR maxage should be greater than 0')],
      ['CLIENT KILL MAXAGE x', error('ERR maxage is not an integer or out of range')],
      ['PING', PONG, 'b'],
      { sleep: 2000 },
      ['PING', PONG, 'c'],
      ['CLIENT KILL MAXAGE 2', between(1, 2)],
      ['PING', PONG, 'c'],
      { closed: 'b' },
    ],
  },
  {
    name: 'CLIENT PAUSE: errors',
    since: '7.2.0',
    steps: [
      ['CLIENT PAUSE x', error('ERR timeout is not an integer or out of range')],
      ['CLIENT PAUSE -1', error('ERR timeout is negative')],
      ['CLIENT PAUSE 9223372036854775807', error('ERR timeout is out of range')],
      ['CLIENT PAUSE 1 x', error('ERR CLIENT PAUSE mode must be WRITE or ALL')],
      [
        'CLIENT PAUSE 1 all x',
        error("ERR unknown subcommand or wrong number of arguments for 'PAUSE'. Try CLIENT HELP."),
      ],
      ['CLIENT PAUSE 0', OK],
      ['CLIENT UNPAUSE', OK],
    ],
  },
  {
    name: 'CLIENT PAUSE WRITE holds up writes only, until UNPAUSE',
    steps: [
      ['SET k 1', OK],
      ['CLIENT PAUSE 60000 WRITE', OK],
      ['GET k', '1', 'b'],
      { raw: 'SET k 2\r\nGET k\r\n', replies: [], connection: 'c' },
      { sleep: 50 },
      ['GET k', '1'],
      ['CLIENT LIST', text(/ flags=b .* cmd=set /)],
      ['CLIENT UNPAUSE', OK],
      { receive: [OK, '2'], connection: 'c' },
    ],
  },
  {
    name: 'CLIENT PAUSE holds up everything until its end',
    steps: [
      { raw: 'SET k 1\r\nCLIENT PAUSE 100\r\nGET k\r\nSET k 2\r\n', replies: [OK, OK, '1', OK] },
      ['GET k', '2', 'b'],
    ],
  },
  {
    name: 'CLIENT UNBLOCK',
    steps: [
      ['CLIENT UNBLOCK 99999', 0],
      ['CLIENT UNBLOCK 99999 ERROR', 0],
      ['CLIENT UNBLOCK 99999 x', error('ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR')],
      ['CLIENT UNBLOCK x', NOT_INTEGER],
      [
        'CLIENT UNBLOCK 1 ERROR x',
        error("ERR unknown subcommand or wrong number of arguments for 'UNBLOCK'. Try CLIENT HELP."),
      ],
    ],
  },
  {
    name: 'CLIENT HELP',
    steps: [
      [
        'CLIENT HELP',
        matching('lines of help', ({ value }) => {
          const lines = Array.isArray(value) ? value.map((line) => `${line.type}${line.value}`) : [];
          return (
            lines[0] === '+CLIENT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:' &&
            /^\+ {4}Prints? this help\.$/.test(lines.at(-1) ?? '')
          );
        }),
      ],
      ['CLIENT HELP x', error("ERR wrong number of arguments for 'client|help' command")],
    ],
  },
];

/** On a server with the password `secret`. */
export const PASSWORD_CASES: readonly Case[] = [
  {
    name: 'nothing goes without the password',
    steps: [
      ['PING', NOAUTH, 'b'],
      ['GET k', NOAUTH, 'b'],
      ['CLIENT ID', NOAUTH, 'b'],
      ['nosuch', error("ERR unknown command 'nosuch', with args beginning with: "), 'b'],
      ['GET', error("ERR wrong number of arguments for 'get' command"), 'b'],
      ['CLIENT nosuch', error("ERR unknown subcommand 'nosuch'. Try CLIENT HELP."), 'b'],
      ['HELLO 3', errorLike(/^NOAUTH HELLO must be called with the client already authenticated, otherwise /), 'b'],
      ['AUTH wrong', WRONGPASS, 'b'],
      ['AUTH default wrong', WRONGPASS, 'b'],
      ['AUTH nobody secret', WRONGPASS, 'b'],
      ['HELLO 3 AUTH default wrong', WRONGPASS, 'b'],
      ['PING', NOAUTH, 'b'],
      ['AUTH secret', OK, 'b'],
      ['PING', PONG, 'b'],
      ['AUTH wrong', WRONGPASS, 'b'],
      ['PING', PONG, 'b'],
      ['RESET', RESET, 'b'],
      ['PING', NOAUTH, 'b'],
      ['QUIT', OK, 'b'],
      { closed: 'b' },
    ],
  },
  {
    name: 'HELLO with AUTH',
    steps: [
      ['HELLO 3 AUTH default secret SETNAME me', hello(3), 'b'],
      ['CLIENT GETNAME', 'me', 'b'],
    ],
  },
  {
    name: 'who has not said the password may not say much',
    steps: [
      { raw: '*11\r\n', replies: [error('ERR Protocol error: unauthenticated multibulk length')], connection: 'b' },
      { closed: 'b' },
      {
        raw: '*2\r\n$4\r\nAUTH\r\n$16385\r\n',
        replies: [error('ERR Protocol error: unauthenticated bulk length')],
        connection: 'c',
      },
      { closed: 'c' },
    ],
  },
  {
    name: 'a password of any Unicode characters',
    steps: [
      ['AUTH secret', OK, 'admin'],
      [['CONFIG', 'SET', 'requirepass', 'p\xc3\xa4ss \xf0\x9f\x94\x91'], OK, 'admin'],
      [['AUTH', 'p\xc3\xa4ss'], WRONGPASS, 'b'],
      [['AUTH', 'p\xc3\xa4ss \xf0\x9f\x94\x91'], OK, 'b'],
      ['CONFIG SET requirepass secret', OK, 'admin'],
    ],
  },
  {
    name: 'a password that is no Unicode text is refused',
    ashlarOnly: 'the configuration is text',
    steps: [
      ['AUTH secret', OK],
      [['CONFIG', 'SET', 'requirepass', '\xff'], errorLike(/'requirepass'\) - argument must be UTF-8$/)],
    ],
  },
  {
    name: 'a new password is for new connections, no password is for all',
    steps: [
      ['AUTH secret', OK, 'admin'],
      ['CONFIG SET requirepass other', OK, 'admin'],
      ['PING', PONG, 'admin'],
      ['PING', NOAUTH, 'b'],
      ['AUTH secret', WRONGPASS, 'b'],
      ['AUTH other', OK, 'b'],
      ['PING', NOAUTH, 'c'],
      [['CONFIG', 'SET', 'requirepass', ''], OK, 'admin'],
      ['PING', PONG, 'c'],
      ['PING', PONG, 'd'],
      ['CONFIG SET requirepass secret', OK, 'admin'],
      ['PING', PONG, 'd'],
      ['PING', NOAUTH, 'e'],
    ],
  },
];

export const MONITOR_CASES: readonly Case[] = [
  {
    name: 'MONITOR',
    steps: [
      ['MONITOR', OK, 'm'],
      [['SET', 'k', 'a "b"\n\x01\xff\\'], OK],
      [['get', 'k'], 'a "b"\n\x01\xff\\'],
      ['CLIENT LIST ID 0', ''],
      ['CONFIG GET port', anything],
      ['AUTH default topsecret', OK],
      ['SELECT 3', OK],
      ['PING', PONG],
      {
        receive: [
          text(/^\d+\.\d{6} \[0 127\.0\.0\.1:\d+\] "SET" "k" "a \\"b\\"\\n\\x01\\xff\\\\"$/),
          text(/^\d+\.\d{6} \[0 127\.0\.0\.1:\d+\] "get" "k"$/),
          text(/ "AUTH" "\(redacted\)" "\(redacted\)"$/),
          text(/ "SELECT" "3"$/),
          text(/^\d+\.\d{6} \[3 127\.0\.0\.1:\d+\] "PING"$/),
        ],
        connection: 'm',
      },
      ['CLIENT LIST TYPE normal', text(/ flags=O /)],
      ['RESET', RESET, 'm'],
      ['PING', PONG],
      ['ECHO x', 'x', 'm'],
    ],
  },
];
