/**
 * What arguments commands take, in the notation of their documentation, which `redis-cli` makes its hints and its help of (COMMAND DOCS).
 *
 * ```
 *  key seconds [condition:<NX | XX>]        argument "key", argument "seconds", and perhaps one of two words, together called "condition"
 *
 *  word            an argument of this name          WORD          just this word
 *  word:type       ... of this type                  WORD word     this word, and an argument behind it
 *  [x]             may be left out                   x...          may come several times (x...! with its word each time)
 *  name:<x | y>    one of these                      name:(x y)    these, one behind the other
  x@6.0.0         there since this version          x~6.0.0       deprecated since
 * ```
 *
 * An argument that names no version is as old as its command.
 * What an argument is follows from its name, unless its type is there. `key#1` is a key of the second of the ranges that COMMAND INFO tells of.
 */

export type ArgumentType =
  | 'string'
  | 'integer'
  | 'double'
  | 'key'
  | 'pattern'
  | 'unix-time'
  | 'pure-token'
  | 'oneof'
  | 'block';

export interface Argument {
  name: string;
  type: ArgumentType;
  /** Number of the range that a key is of. */
  keyRange?: number;
  /** The word before it, or that it is. */
  token?: string;
  optional?: boolean;
  multiple?: boolean;
  /** The word comes each time. */
  multipleToken?: boolean;
  /** First Redis version that had it, where that is not its command's. */
  since?: string;
  deprecatedSince?: string;
  /** Of `oneof` and `block`. */
  arguments?: Argument[];
}

/** By the name of a command or subcommand; those that are not here take none. */
const SYNTAX: Readonly<Record<string, string>> = {
  append: 'key value',
  auth: '[username@6.0.0] password',
  bitcount: 'key [range:(start end [unit:<BYTE | BIT>@7.0.0])]',
  bitfield:
    'key [operation:<GET get-block:(encoding offset) | write:([OVERFLOW overflow-block:<WRAP | SAT | FAIL>] write-operation:<SET set-block:(encoding offset value:integer) | INCRBY incrby-block:(encoding offset increment)>)>...]',
  bitfield_ro: 'key [GET get-block:(encoding offset)...!]',
  bitop: 'operation:<AND | OR | XOR | NOT> destkey:key key:key#1...',
  bitpos: 'key bit [range:(start [end-unit-block:(end [unit:<BYTE | BIT>@7.0.0])])]',
  'cache.get': 'key LEASE milliseconds [EARLY early:integer]',
  'cache.invalidate': 'key [GRACE milliseconds]',
  'cache.pin': 'key...',
  'cache.release': 'key LEASE token',
  'cache.set':
    'key value LEASE token [expiration:<EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds>]',
  'cache.unpin': 'key...',
  'client|kill':
    'filter:<old-format~2.8.12 | new-format:<[ID client-id@2.8.12] | [TYPE client-type:<NORMAL | MASTER@3.2.0 | SLAVE | REPLICA@5.0.0 | PUBSUB>@2.8.12] | [USER username] | [ADDR addr] | [LADDR laddr@6.2.0] | [SKIPME skipme:<YES | NO>] | [MAXAGE maxage:integer@7.4.0]>...>',
  'client|list': '[TYPE client-type:<NORMAL | MASTER | REPLICA | PUBSUB>@5.0.0] [ID client-id@6.2.0...]',
  'client|no-evict': 'enabled:<ON | OFF>',
  'client|no-touch': 'enabled:<ON | OFF>',
  'client|pause': 'timeout [mode:<WRITE | ALL>@6.2.0]',
  'client|reply': 'action:<ON | OFF | SKIP>',
  'client|setinfo': 'attr:<LIB-NAME libname | LIB-VER libver>',
  'client|setname': 'connection-name',
  'client|unblock': 'client-id [unblock-type:<TIMEOUT | ERROR>]',
  'command|docs': '[command-name...]',
  'command|getkeys': 'command [arg...]',
  'command|getkeysandflags': 'command [arg...]',
  'command|info': '[command-name...]',
  'command|list': '[FILTERBY filterby:<MODULE module-name | ACLCAT category | PATTERN pattern>]',
  'commandlog|get': 'count log',
  'commandlog|len': 'log',
  'commandlog|reset': 'log',
  'config|get': 'parameter...',
  'config|set': 'data:(parameter value)...',
  copy: 'source:key destination:key#1 [DB destination-db] [REPLACE]',
  decr: 'key',
  decrby: 'key decrement',
  del: 'key...',
  delifeq: 'key value',
  echo: 'message',
  exists: 'key...',
  expire: 'key seconds [condition:<NX | XX | GT | LT>@7.0.0]',
  expireat: 'key unix-time-seconds [condition:<NX | XX | GT | LT>@7.0.0]',
  expiretime: 'key',
  flushall: '[flush-type:<ASYNC@4.0.0 | SYNC@6.2.0>]',
  flushdb: '[flush-type:<ASYNC@4.0.0 | SYNC@6.2.0>]',
  get: 'key',
  getbit: 'key offset',
  getdel: 'key',
  getex:
    'key [expiration:<EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | PERSIST>]',
  getrange: 'key start end',
  getset: 'key value',
  hello: '[arguments:(protover [AUTH auth:(username password)] [SETNAME clientname])]',
  incr: 'key',
  incrby: 'key increment',
  incrbyfloat: 'key increment:double',
  hotkeys: '[action:<COUNT count | RESET>]',
  info: '[section...]',
  keys: 'pattern',
  'latency|graph': 'event',
  'latency|histogram': '[command...]',
  'latency|history': 'event',
  'latency|reset': '[event...]',
  lcs: 'key1:key key2:key [LEN] [IDX] [MINMATCHLEN min-match-len] [WITHMATCHLEN]',
  'memory|bigkeys': '[COUNT count]',
  'memory|usage': 'key [SAMPLES count]',
  mget: 'key...',
  move: 'key db',
  mset: 'data:(key value)...',
  msetnx: 'data:(key value)...',
  'object|encoding': 'key',
  'object|freq': 'key',
  'object|idletime': 'key',
  'object|refcount': 'key',
  persist: 'key',
  pexpire: 'key milliseconds [condition:<NX | XX | GT | LT>@7.0.0]',
  pexpireat: 'key unix-time-milliseconds [condition:<NX | XX | GT | LT>@7.0.0]',
  pexpiretime: 'key',
  ping: '[message]',
  psetex: 'key milliseconds value',
  pttl: 'key',
  rename: 'key newkey:key#1',
  renamenx: 'key newkey:key#1',
  scan: 'cursor [MATCH pattern] [COUNT count] [TYPE type@6.0.0]',
  select: 'index',
  set: 'key value [condition:<NX | XX | IFEQ comparison-value>@2.6.12] [GET@6.2.0] [expiration:<EX seconds@2.6.12 | PX milliseconds@2.6.12 | EXAT unix-time-seconds@6.2.0 | PXAT unix-time-milliseconds@6.2.0 | KEEPTTL@6.0.0>]',
  setbit: 'key offset value:integer',
  setex: 'key seconds value',
  setnx: 'key value',
  setrange: 'key offset value',
  shutdown: '[save-selector:<NOSAVE | SAVE>] [NOW@7.0.0] [FORCE@7.0.0] [ABORT@7.0.0]',
  'slowlog|get': '[count]',
  strlen: 'key',
  substr: 'key start end',
  swapdb: 'index1 index2',
  touch: 'key...',
  ttl: 'key',
  type: 'key',
  unlink: 'key...',
};

/** Types of arguments that are not strings, by their names. */
const TYPES: Readonly<Record<string, ArgumentType>> = {
  ...typed(
    'integer',
    'seconds milliseconds increment decrement offset start end count bit index db index1 index2 client-id timeout cursor protover destination-db min-match-len',
  ),
  ...typed('unix-time', 'unix-time-seconds unix-time-milliseconds'),
  key: 'key',
  pattern: 'pattern',
};

function typed(type: ArgumentType, names: string): Record<string, ArgumentType> {
  return Object.fromEntries(names.split(' ').map((name) => [name, type]));
}

/** The arguments of a command; empty when it takes none. */
export function argumentsOf(name: string): readonly Argument[] {
  const syntax = Object.hasOwn(SYNTAX, name) ? SYNTAX[name] : '';
  return new Parser(syntax).sequence('');
}

/** Commands and subcommands that take arguments. */
export const COMMANDS_WITH_ARGUMENTS: readonly string[] = Object.keys(SYNTAX);

/** Marks, and what lies between them. */
const PIECES = /\.\.\.!?|[@~][\d.]*\d|[[\]<>()|:]|[^\s[\]<>()|:.@~]+/g;

class Parser {
  private readonly pieces: readonly string[];
  private at = 0;

  constructor(syntax: string) {
    this.pieces = syntax.match(PIECES) ?? [];
  }

  /** Arguments up to a closing mark, or to the end. */
  sequence(close: string): Argument[] {
    const found: Argument[] = [];
    while (this.at < this.pieces.length && this.pieces[this.at] !== close) {
      if (this.pieces[this.at] === '|') this.at++;
      found.push(this.argument());
    }
    this.at++;
    return found;
  }

  private argument(): Argument {
    const argument = this.pieces[this.at] === '[' ? this.optional() : this.plain();
    while (this.marked(argument)) this.at++;
    return argument;
  }

  /** Whether what comes next is a mark of the argument before it, which is noted then. */
  private marked(argument: Argument): boolean {
    const mark = this.pieces[this.at] ?? '';
    if (mark.startsWith('...')) {
      argument.multiple = true;
      if (mark === '...!') argument.multipleToken = true;
    } else if (mark.startsWith('@')) argument.since = mark.slice(1);
    else if (mark.startsWith('~')) argument.deprecatedSince = mark.slice(1);
    else return false;
    return true;
  }

  private optional(): Argument {
    this.at++;
    const [argument] = this.sequence(']');
    return { ...argument, optional: true };
  }

  private plain(): Argument {
    const word = this.pieces[this.at++];
    if (word !== word.toUpperCase()) return this.named(word);
    // A word in capitals belongs to the argument behind it, if there is one.
    const next = this.pieces[this.at];
    if (next === undefined || !/^[a-z]/.test(next))
      return { name: word.toLowerCase(), type: 'pure-token', token: word };
    return { ...this.named(this.pieces[this.at++]), token: word };
  }

  private named(name: string): Argument {
    if (this.pieces[this.at] !== ':') return ofType(name, TYPES[name] ?? 'string');
    const open = this.pieces[this.at + 1];
    this.at += 2;
    if (open === '<') return { name, type: 'oneof', arguments: this.sequence('>') };
    if (open === '(') return { name, type: 'block', arguments: this.sequence(')') };
    const [type, keyRange] = open.split('#');
    return ofType(name, type as ArgumentType, Number(keyRange ?? 0));
  }
}

function ofType(name: string, type: ArgumentType, keyRange = 0): Argument {
  return type === 'key' ? { name, type, keyRange } : { name, type };
}
