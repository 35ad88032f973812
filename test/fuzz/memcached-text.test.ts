/** The Memcached door under lines, classic and meta: good ones, such whose blocks of data are not as they say, and mutations of both. */

import { expect } from 'vitest';
import { Generator, type Random } from './generator.js';
import { defineFuzzTests } from './memcached-sessions.js';

const KEYS = [
  'a',
  'b',
  'key',
  '',
  '\xff\xfe',
  'Zm9v',
  '\0',
  'noreply',
  'k'.repeat(250),
  'k'.repeat(251),
  'k'.repeat(3000),
];
const USUAL_KEYS = 3;
const NUMBERS = [
  ...['0', '1', '7', '-1', '+1', '60', '2592000', '2592001', '2147483647', '2147483648', '4294967295', '4294967296'],
  ...['9223372036854775808', '18446744073709551615', '18446744073709551616', 'x', '', '1x', '\t1'],
];
const VALUES = [
  '',
  '1',
  '18446744073709551615',
  'value',
  '\r\n',
  'END\r\n',
  'get a\r\n',
  'v'.repeat(100),
  'v'.repeat(5000),
];
const LARGE = 'v'.repeat(1_100_000);
const FLAGS = [
  ...'bcfhklqstuvIxWXZ1-',
  'O',
  'Oopaque',
  `O${'o'.repeat(40)}`,
  'Lpath',
  'P',
  'MS',
  'ME',
  'MA',
  'MP',
  'MR',
  'MI',
  'MD',
];
const FLAGS_WITH_NUMBERS = 'TNRCEFJDM';
const STATISTICS = [
  '',
  'settings',
  'items',
  'slabs',
  'sizes',
  'conns',
  'reset',
  'detail on',
  'cachedump 2 5',
  'nonsense',
];
const OTHERS = [
  ...[
    'version',
    'mn',
    'mn x',
    'quit',
    'flush_all',
    'flush_all 0',
    'flush_all 1000',
    'flush_all x',
    'shutdown',
    'watch',
  ],
  ...[
    'lru mode flat',
    'lru_crawler mgdump all',
    'lru_crawler mgdump 2,x',
    'slabs automove 1',
    'nonsense',
    '',
    ' ',
    'GET / HTTP/1.1',
    '\x80',
    'verbosity',
    'cache_memlimit x',
  ],
];

function key(random: Random): string {
  return random.chance(85) ? random.pick(KEYS.slice(0, USUAL_KEYS)) : random.pick(KEYS);
}

function flags(random: Random): string {
  const all = Array.from({ length: random.below(random.chance(5) ? 30 : 6) }, () =>
    random.chance(60) ? random.pick(FLAGS) : `${random.pick([...FLAGS_WITH_NUMBERS])}${random.pick(NUMBERS)}`,
  );
  return all.join(' ');
}

/** A line with a block of data behind it, which mostly is as long as the line says. */
function store(random: Random): string {
  const value = random.chance(97) ? random.pick(VALUES) : LARGE;
  const bytes = random.chance(90) ? String(value.length) : random.pick(NUMBERS);
  const end = random.chance(95) ? '\r\n' : random.pick(['', '\n', 'xx', '\r\r\n']);
  if (random.chance(40)) return `ms ${key(random)} ${bytes} ${flags(random)}\r\n${value}${end}`;
  const name = random.pick(['set', 'add', 'replace', 'append', 'prepend', 'cas']);
  const number = (): string => (random.chance(80) ? '0' : random.pick(NUMBERS));
  const more = `${name === 'cas' ? ` ${number()}` : ''}${random.chance(20) ? ' noreply' : ''}`;
  return `${name} ${key(random)} ${number()} ${number()} ${bytes}${more}\r\n${value}${end}`;
}

function line(random: Random): string {
  const kind = random.below(100);
  if (kind < 25)
    return `${random.pick(['get', 'gets'])} ${Array.from({ length: random.below(9) }, () => key(random)).join(' ')}`;
  if (kind < 35) return `${random.pick(['gat', 'gats'])} ${random.pick(NUMBERS)} ${key(random)} ${key(random)}`;
  if (kind < 50) return `${random.pick(['incr', 'decr', 'touch'])} ${key(random)} ${random.pick(NUMBERS)}`;
  if (kind < 55) return `delete ${key(random)}${random.pick(['', ' 0', ' noreply', ' x'])}`;
  if (kind < 85) return `${random.pick(['mg', 'md', 'ma', 'me'])} ${key(random)} ${flags(random)}`;
  if (kind < 90) return `stats ${random.pick(STATISTICS)}`;
  return random.pick(OTHERS);
}

/** One request, now and then one to which something has happened. */
function request(random: Random): Buffer {
  const text = random.chance(30) ? store(random) : `${line(random)}${random.chance(95) ? '\r\n' : '\n'}`;
  const bytes = Buffer.from(text, 'latin1');
  return random.chance(15) ? new Generator(random, []).mutated(bytes) : bytes;
}

const LINE = new RegExp(
  [
    '^(?:STORED|NOT_STORED|EXISTS|NOT_FOUND|DELETED|TOUCHED|OK|END|RESET|MN|\\d+',
    '(?:EN|HD|NF|NS|EX)(?: [^ ]+)*',
    'ME [^ ]+ exp=-?\\d+ la=\\d+ cas=\\d+ fetch=(?:yes|no) cls=\\d+ size=\\d+',
    'mg [^ ]+(?: b)?|ITEM [^ ]+ \\[\\d+ b; \\d+ s\\]|BADCLASS .+',
    'VERSION \\S+|STAT \\S+ .*|ERROR|(?:CLIENT|SERVER)_ERROR:? .+|MEMLIMIT_\\w+ .+)$',
  ].join('|'),
);
const WITH_VALUE = /^(?:VALUE [^ ]+ \d+ (\d+)(?: \d+)?|VA (\d+)(?: [^ ]+)*)$/;

/** Fails unless the bytes are whole replies. What begins with 0x80 was binary. */
function check(sent: Buffer, received: Buffer): void {
  if (sent[0] === 0x80) return;
  const text = received.toString('latin1');
  for (let at = 0; at < text.length; ) {
    const end = text.indexOf('\r\n', at);
    expect(end, `no line at ${at}: ${text.slice(at, at + 200)}`).toBeGreaterThanOrEqual(at);
    const reply = text.slice(at, end);
    const value = WITH_VALUE.exec(reply);
    at = end + 2;
    if (value === null) expect(reply).toMatch(LINE);
    else {
      at += Number(value[1] ?? value[2]) + 2;
      expect(text.slice(at - 2, at), `the end of the value behind ${reply}`).toBe('\r\n');
    }
  }
}

defineFuzzTests({
  name: 'text',
  request,
  check,
  pipeline: Buffer.from(
    [
      ...['set cut 7 0 6\r\na\r\nb\0c', 'get cut none', 'append cut 0 0 1 noreply\r\n!', 'incr cut 1', '\r\n'],
      // A block of another length than was said, one that is above the limit, and lines that are wrong.
      ...['set cut 0 0 1\r\nxxxget cut', 'set cut 0 0 x', 'nonsense', 'mg cut s v k Oq', 'mg none q', 'mn'],
      ...['ms Y3V0 4 b F9\r\n\r\n\r\n', 'mg Y3V0 b k f v', 'md cut q', 'md cut k', 'delete cut\n'],
      ...['set n 0 0 2\n10', 'decr n 1', 'gat 0 n none', 'delete n noreply', 'version x y\0z', 'quit\r\n'],
    ].join('\r\n'),
    'latin1',
  ),
  replies: [
    'STORED\r\nVALUE cut 7 6\r\na\r\nb\0c\r\nEND\r\n',
    'CLIENT_ERROR cannot increment or decrement non-numeric value\r\nERROR\r\nERROR\r\n',
    'CLIENT_ERROR bad data chunk\r\nVALUE cut 7 7\r\na\r\nb\0c!\r\nEND\r\n',
    'CLIENT_ERROR bad command line format\r\nERROR\r\nVA 7 s7 kcut Oq\r\na\r\nb\0c!\r\nMN\r\n',
    'HD\r\nVA 4 kY3V0 b f9\r\n\r\n\r\n\r\n',
    'NF kcut\r\nNOT_FOUND\r\nERROR\r\n',
    'STORED\r\n9\r\nVALUE n 0 2\r\n9 \r\nEND\r\nVERSION 1.6.18\r\n',
  ].join(''),
});
