/**
 * Random sequences of binary requests, with numbers and lengths at every edge, sent to our server and to the real memcached: the responses must be
 * the same, but for CAS numbers, of which it is compared whether there is one, and which requests carry as those seen last.
 *
 * `SOAK_RUNS` sets how many sequences are tried.
 */

import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  BinaryClient,
  type BinaryRequest,
  flush,
  OPCODES,
  type Operation,
  request,
} from './memcached-binary-client.js';
import { availableMemcached, type MemcachedServer, startMemcached } from './memcached-servers.js';

const RUNS = Number(process.env.SOAK_RUNS ?? 200);
const TIMEOUT_MS = 60_000;
const both = availableMemcached().length === 2;

/** Which CAS a request carries. */
type Cas = 'none' | 'seen' | 'wrong';
/** A request whose CAS is known only once it is sent. */
type Step = Omit<BinaryRequest, 'cas'> & { readonly cas: Cas };

const KEYS = ['a', 'b', 'c'];
/** They neither pass while the test runs nor have passed by a second. */
const EXPTIMES = [0, 1000, 60 * 60 * 24 * 30, 60 * 60 * 24 * 30 + 1, 0x7fffffff, 0xffffffff];
const NUMBERS = [0n, 1n, 2n, 9n, 10n, 99n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n];
const VALUES = [
  ...['', 'x', '\0\r\n\x80\xff', 'y'.repeat(100), 'z'.repeat(3000)],
  ...[' 5', '5 ', '5 x', '+5', '-5', '-0', '007', '5x', '\t5', '-18446744073709551615', '18446744073709551616', '0x5'],
  ...NUMBERS.map(String),
];

const key = fc.constantFrom(...KEYS);
const value = fc.constantFrom(...VALUES);
const exptime = fc.constantFrom(...EXPTIMES);
const number = fc.constantFrom(...NUMBERS);
const flags = fc.constantFrom(0, 1, 0x80000000, 0xffffffff);
const cas = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Cas>('none') },
  { weight: 2, arbitrary: fc.constant<Cas>('seen') },
  { weight: 1, arbitrary: fc.constant<Cas>('wrong') },
);

function of(...operations: readonly Operation[]): fc.Arbitrary<number> {
  return fc.constantFrom(...operations.map((operation) => OPCODES[operation]));
}

function extras(...parts: readonly (number | bigint)[]): Buffer {
  return Buffer.concat(
    parts.map((part) => {
      const bytes = Buffer.alloc(typeof part === 'bigint' ? 8 : 4);
      if (typeof part === 'bigint') bytes.writeBigUInt64BE(part);
      else bytes.writeUInt32BE(part);
      return bytes;
    }),
  );
}

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ opcode: of('get', 'getq', 'getk', 'getkq', 'delete', 'deleteq'), key, cas }),
  fc.record({
    opcode: of('set', 'setq', 'add', 'addq', 'replace', 'replaceq'),
    key,
    value,
    cas,
    extras: fc.tuple(flags, exptime).map((parts) => extras(...parts)),
  }),
  fc.record({ opcode: of('append', 'appendq', 'prepend', 'prependq'), key, value, cas }),
  fc.record({
    opcode: of('increment', 'incrementq', 'decrement', 'decrementq'),
    key,
    cas,
    extras: fc.tuple(number, number, exptime).map((parts) => extras(...parts)),
  }),
  fc.record({
    opcode: of('touch', 'gat', 'gatq', 'gatk', 'gatkq'),
    key,
    cas,
    extras: exptime.map((seconds) => extras(seconds)),
  }),
  fc.constant<Step>({ ...request('noop'), cas: 'none' }),
);

/** Sends steps one by one and returns what was answered to each. */
async function replay(client: BinaryClient, steps: readonly Step[]): Promise<string[]> {
  await client.ask(flush('flush'));
  const seen = new Map<string, bigint>();
  const lines: string[] = [];
  for (const one of steps) {
    const name = String(one.key);
    const last = seen.get(name) ?? 1n;
    client.lastCas = 0n;
    const number = one.cas === 'none' ? 0n : one.cas === 'seen' ? last : last + 1_000_000n;
    lines.push((await client.ask({ ...one, cas: number })).join(' | '));
    if (client.lastCas !== 0n) seen.set(name, client.lastCas);
  }
  for (const name of KEYS) lines.push((await client.ask(request('get', { key: name }))).join());
  return lines;
}

/**
 * Where memcached does not do what it mostly does; from there on the keys are not the same.
 *
 * - 1.6.18 takes a number of 2^63 or more for none when it finds a minus in whatever its memory holds behind it (later versions do not).
 * - It does not fill a shorter number up with blanks while one of its threads is looking at the item.
 */
function firstAccident(ours: readonly string[], theirs: readonly string[]): number {
  const found = ours.findIndex((line, i) => {
    if (line === theirs[i]) return false;
    if ((line === '' || line.includes('number=')) && theirs[i].includes('NOT_NUMERIC')) return true;
    return line.replaceAll(' ', '') === theirs[i].replaceAll(' ', '');
  });
  return found === -1 ? ours.length : found;
}

function describeStep(one: Step): string {
  const name = Object.entries(OPCODES).find(([, opcode]) => opcode === one.opcode)?.[0];
  const parts = Buffer.from(one.extras ?? '').toString('hex');
  return `${name} ${one.key ?? ''} ${JSON.stringify(String(one.value ?? '').slice(0, 30))} ${parts} cas ${one.cas}`;
}

describe.skipIf(!both)('random binary requests', () => {
  let servers: MemcachedServer[];
  let ours: BinaryClient;
  let theirs: BinaryClient;

  beforeAll(async () => {
    servers = await Promise.all([startMemcached('ashlar'), startMemcached('memcached')]);
    [ours, theirs] = await Promise.all(servers.map(({ port }) => BinaryClient.open(port)));
  });
  afterAll(async () => {
    ours.close();
    theirs.close();
    await Promise.all(servers.map((server) => server.stop()));
  });

  test(
    'are answered as memcached answers them',
    async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 30, size: 'max' }), async (steps) => {
          const [mine, real] = await Promise.all([replay(ours, steps), replay(theirs, steps)]);
          const end = firstAccident(mine, real);
          expect(mine.slice(0, end), steps.map(describeStep).join('\n')).toEqual(real.slice(0, end));
        }),
        { numRuns: RUNS },
      );
    },
    TIMEOUT_MS,
  );
});
