/** Random requests: good ones, and good ones that something has happened to. Everything follows from one number. */

/** mulberry32: small, and good enough to choose by. */
export class Random {
  private state: number;

  constructor(seed: number) {
    this.state = seed >>> 0;
  }

  /** A number in [0, below). */
  below(below: number): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let t = this.state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below);
  }

  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)];
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.below(256)));
  }
}

const NUMBERS = [
  '0',
  '1',
  '-1',
  '7',
  '100',
  '2147483647',
  '2147483648',
  '4294967295',
  '4294967296',
  '9007199254740992',
  '9223372036854775807',
  '-9223372036854775808',
  '9223372036854775808',
  '3.25',
  '1e400',
  '-inf',
  'nan',
  '+1',
  ' 1',
  '0x1',
  '01',
];
const OPTIONS =
  'EX PX EXAT PXAT NX XX GT LT GET KEEPTTL PERSIST MATCH COUNT TYPE string REPLACE DB LEN IDX MINMATCHLEN WITHMATCHLEN BYTE BIT AND OR XOR NOT u8 i16 u63 #1 OVERFLOW SAT WRAP FAIL INCRBY SET ASYNC SYNC LIMIT HELP list info a* * [a-z]? default'.split(
    ' ',
  );
const SPECIAL = ['', '\r\n', '\0', '$-1\r\n', '+OK\r\n', '*1\r\n$4\r\nPING\r\n', '"', "'", '\\x00', ' ', '{tag}'];

/**
 * Commands that are left out: they end the server, take over the connection, silence it, stop others, or change limits that the test
 * relies on.
 */
const LEFT_OUT = new Set(
  'shutdown debug monitor quit config client reset hello auth subscribe psubscribe ssubscribe sync psync failover replicaof slaveof post'.split(
    ' ',
  ),
);

/** Subcommands of CLIENT that are about the connection itself. */
const CLIENT_SUBCOMMANDS = ['ID', 'INFO', 'LIST', 'GETNAME', 'SETNAME', 'NO-EVICT', 'NO-TOUCH', 'TRACKINGINFO', 'HELP'];

export class Generator {
  private readonly random: Random;
  private readonly names: readonly string[];

  /** @param names of all commands that the server has */
  constructor(random: Random, names: readonly string[]) {
    this.random = random;
    this.names = names.filter((name) => !LEFT_OUT.has(name));
  }

  /** A command that has exactly one reply, be it an error. */
  command(): Buffer[] {
    const { random } = this;
    const least = random.chance(10);
    const name = least ? 'CLIENT' : random.pick(this.names);
    const args = Array.from({ length: random.chance(5) ? random.below(60) : random.below(6) }, () => this.argument());
    if (least) args.unshift(Buffer.from(random.pick(CLIENT_SUBCOMMANDS)));
    return [Buffer.from(random.chance(50) ? name : name.toUpperCase()), ...args];
  }

  private argument(): Buffer {
    const { random } = this;
    const kind = random.below(100);
    if (kind < 45) return Buffer.from(`k${random.below(20)}`);
    if (kind < 60) return Buffer.from(random.pick(NUMBERS));
    if (kind < 80) return Buffer.from(random.pick(OPTIONS));
    if (kind < 90) return Buffer.from(random.pick(SPECIAL), 'latin1');
    if (kind < 99) return random.bytes(random.below(40));
    return Buffer.alloc(random.below(300_000), random.below(256));
  }

  /** Commands one behind the other, now and then one as a line. */
  pipeline(count: number): Buffer {
    const parts: Buffer[] = [];
    for (let i = 0; i < count; i++) {
      const args = this.command();
      parts.push(this.random.chance(15) && args.every(isPlain) ? line(args) : multibulk(args));
    }
    return Buffer.concat(parts);
  }

  /** Bytes to which one to eight things have happened. */
  mutated(bytes: Buffer): Buffer {
    let result = Buffer.from(bytes);
    for (let i = this.random.below(8); i >= 0 && result.length > 0; i--) result = this.mutate(result);
    return result;
  }

  private mutate(bytes: Buffer<ArrayBuffer>): Buffer<ArrayBuffer> {
    const { random } = this;
    const at = random.below(bytes.length);
    const to = Math.min(bytes.length, at + random.below(20));
    const splice = (insert: Buffer, end = at): Buffer<ArrayBuffer> =>
      Buffer.concat([bytes.subarray(0, at), insert, bytes.subarray(end)]);
    switch (random.below(8)) {
      case 0:
        bytes[at] ^= 1 << random.below(8);
        return bytes;
      case 1:
        bytes[at] = random.below(256);
        return bytes;
      case 2:
        return splice(Buffer.alloc(0), to);
      case 3:
        return splice(bytes.subarray(at, to), at);
      case 4:
        return splice(random.bytes(random.below(10)));
      case 5:
        return splice(Buffer.from(random.pick([...SPECIAL, '\n', '\r', '*', '$', ':', '-']), 'latin1'));
      case 6:
        return splice(Buffer.from(random.pick(NUMBERS)), at + 1);
      default:
        return bytes.subarray(0, at);
    }
  }

  /** Lines of anything. */
  lines(): Buffer {
    const { random } = this;
    const parts: Buffer[] = [];
    for (let i = random.below(12); i >= 0; i--) {
      const words = this.command().slice(0, 4);
      if (random.chance(40)) words.push(random.bytes(random.below(30)));
      if (random.chance(20)) words.push(Buffer.from(random.pick(['"', "'", '"\\x41"', "'it\\'s'", '"a"b', '\\'])));
      parts.push(line(words), Buffer.from(random.pick(['', '\n', '\r\n', '\r'])));
    }
    return Buffer.concat(parts);
  }
}

function isPlain(arg: Buffer): boolean {
  return /^[\x21\x23-\x26\x28-\x5b\x5d-\x7e]{1,100}$/.test(arg.toString('latin1'));
}

function line(args: readonly Buffer[]): Buffer {
  return Buffer.concat([...args.flatMap((arg) => [arg, Buffer.from(' ')]), Buffer.from('\r\n')]);
}

export function multibulk(args: readonly Buffer[]): Buffer {
  const parts: Buffer[] = [Buffer.from(`*${args.length}\r\n`)];
  for (const arg of args) parts.push(Buffer.from(`$${arg.length}\r\n`), arg, Buffer.from('\r\n'));
  return Buffer.concat(parts);
}
