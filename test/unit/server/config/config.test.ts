/** The running configuration: defaults of a machine, CONFIG GET's print, CONFIG SET's errors, listeners. */

import { describe, expect, it, vi } from 'vitest';
import { AshlarError } from '../../../../src/base/errors.js';
import { shareOf } from '../../../../src/base/units.js';
import { Config } from '../../../../src/server/config/config.js';
import { keyOf, PARAMETER_NAMES, parameterOf } from '../../../../src/server/config/schema.js';

const GIB = 2 ** 30;
const machine = { cores: 6, memoryBytes: 8 * GIB };
const make = (): Config => new Config({ machine });

function refusalOf(config: Config, ...pairs: [string, string][]): string {
  try {
    config.set(pairs);
  } catch (error) {
    expect(error).toBeInstanceOf(AshlarError);
    return (error as AshlarError).message;
  }
  return 'accepted';
}

describe('defaults', () => {
  it('follow from the machine', () => {
    const config = make();
    expect(config.threads).toBe(6);
    expect(config.maxmemory).toBe(2 * GIB);
    expect(config.maxmemoryPolicy).toBe('allkeys-keystone');
    expect(config.bind).toEqual(['127.0.0.1']);
  });

  it('are found by this machine when none is given', () => {
    const config = new Config();
    expect(config.threads).toBeGreaterThanOrEqual(1);
    expect(config.maxmemory).toBeGreaterThan(0);
  });

  it('come back with 0, where 0 means automatic', () => {
    const config = make();
    config.set([['maxmemory', '100mb']]);
    expect(config.maxmemory).toBe(100 * 2 ** 20);
    config.set([['maxmemory', '0']]);
    expect(config.maxmemory).toBe(2 * GIB);
    expect(config.isInitial('maxmemory')).toBe(true);
  });

  it.each(PARAMETER_NAMES)('of %s can be written and read back', (name) => {
    const config = make();
    const { type } = parameterOf(name);
    const value = config.initial(name);
    expect(type.equal(config.parse(name, [type.print(value)]), value)).toBe(true);
  });
});

describe('CONFIG GET', () => {
  it.each([
    ['maxmemory', '2147483648'],
    ['MAXMEMORY-policy', 'allkeys-keystone'],
    ['latency-tracking', 'yes'],
    ['bind', '127.0.0.1'],
    ['unixsocketperm', '0'],
    ['requirepass', ''],
    ['save', ''],
    ['appendonly', 'no'],
    ['client-output-buffer-limit', 'normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60'],
    ['no-such-thing', undefined],
    ['constructor', undefined],
  ])('prints %s', (name, text) => expect(make().format(name)).toBe(text));
});

describe('CONFIG SET', () => {
  it.each([
    ['maxmemory', '100MB', '104857600'],
    ['maxmemory-policy', 'NOEVICTION', 'noeviction'],
    ['maxmemory-clients', '5%', '5%'],
    ['maxmemory-clients', '1kb', '1024'],
    ['latency-tracking', 'NO', 'no'],
    ['timeout', '1min', '60'],
    ['slowlog-log-slower-than', '-1', '-1'],
    ['slowlog-log-slower-than', '20ms', '20000'],
    ['hz', '0', '1'],
    ['hz', '10000', '500'],
    ['save', '', ''],
    ['appendonly', 'no', 'no'],
    [
      'client-output-buffer-limit',
      'pubsub 64mb 16mb 90 replica 1 2 3',
      'normal 0 0 0 slave 1 2 3 pubsub 67108864 16777216 90',
    ],
  ])('sets %s to %s', (name, given, printed) => {
    const config = make();
    config.set([[name, given]]);
    expect(config.format(name)).toBe(printed);
  });

  const because = (name: string, reason: string): string =>
    `ERR CONFIG SET failed (possibly related to argument '${name}') - ${reason}`;

  // Compared with redis-server 7.0.15, but for the upper ends of ranges.
  it.each([
    ['maxmemory', 'foo', 'argument must be a memory value'],
    ['maxmemory', '-1', 'argument must be a memory value'],
    [
      'maxmemory-policy',
      'zz',
      'argument(s) must be one of the following: volatile-lru, volatile-lfu, volatile-random, volatile-ttl, allkeys-lru, allkeys-lfu, allkeys-random, noeviction, allkeys-keystone, volatile-keystone',
    ],
    ['maxmemory-clients', '101%', 'percentage argument must be less or equal to 100'],
    ['maxmemory-clients', '-5%', 'argument must be a memory or percent value'],
    ['maxmemory-samples', '0', 'argument must be between 1 and 64 inclusive'],
    ['active-expire-effort', '11', 'argument must be between 1 and 10 inclusive'],
    ['hz', 'abc', "argument couldn't be parsed into an integer"],
    ['hz', '010', "argument couldn't be parsed into an integer"],
    ['lfu-log-factor', '-1', 'argument must be between 0 and 2147483647 inclusive'],
    ['latency-tracking', 'maybe', "argument must be 'yes' or 'no'"],
    ['databases', '4', "can't set immutable config"],
    ['client-output-buffer-limit', 'normal 0', 'Wrong number of arguments in buffer limit configuration.'],
    ['client-output-buffer-limit', 'foo 0 0 0', 'Invalid client class specified in buffer limit configuration.'],
    [
      'client-output-buffer-limit',
      'normal a b c',
      'Error in hard, soft or soft_seconds setting in buffer limit configuration.',
    ],
    ['save', '900 1', 'persistence is not available'],
    ['appendonly', 'yes', 'persistence is not available'],
  ])('refuses %s %s', (name, value, reason) => {
    expect(refusalOf(make(), [name, value])).toBe(because(name, reason));
  });

  it('refuses what it does not know', () => {
    const text = "ERR Unknown option or number of arguments for CONFIG SET - 'foo'";
    expect(refusalOf(make(), ['maxmemory', 'nonsense'], ['foo', 'bar'])).toBe(text);
  });

  it('refuses the same parameter twice', () => {
    const text = because('Timeout', 'duplicate parameter');
    expect(refusalOf(make(), ['timeout', '1'], ['Timeout', '2'])).toBe(text);
  });

  it('changes nothing if one pair is refused', () => {
    const config = make();
    expect(refusalOf(config, ['timeout', '9'], ['hz', 'x'])).toContain("'hz'");
    expect(config.timeout).toBe(0);
  });

  it('returns what has changed, as plain data', () => {
    const config = make();
    const changes = config.set([
      ['timeout', '9'],
      ['hz', '10'],
    ]);
    expect(structuredClone(changes)).toEqual({ timeout: 9 });
  });
});

describe('listeners', () => {
  it('hear of a change, with the value before', () => {
    const config = make();
    const listener = vi.fn();
    const all = vi.fn();
    config.onChange('timeout', listener);
    config.onChanges(all);
    config.set([
      ['timeout', '9'],
      ['maxclients', '7'],
    ]);
    config.set([['timeout', '9']]);
    expect(listener.mock.calls).toEqual([[9, 0]]);
    expect(all.mock.calls).toEqual([[{ timeout: 9, maxclients: 7 }]]);
  });

  it('can refuse: everything is put back, and who had been told hears of it', () => {
    const config = make();
    const timeout = vi.fn();
    config.onChange('timeout', timeout);
    config.onChange('maxclients', () => {
      throw new AshlarError('ERR_BAD_OPTION', 'too many for this system');
    });
    expect(refusalOf(config, ['timeout', '9'], ['maxclients', '7'])).toBe(
      "ERR CONFIG SET failed (possibly related to argument 'maxclients') - too many for this system",
    );
    expect(config.timeout).toBe(0);
    expect(config.maxclients).toBe(10_000);
    expect(timeout.mock.calls).toEqual([
      [9, 0],
      [0, 9],
    ]);
  });
});

describe('copies', () => {
  it('go through postMessage and take over changes', () => {
    const owner = make();
    const copy = Config.fromObject(structuredClone(owner.toObject()));
    expect(copy.toObject()).toEqual(owner.toObject());
    copy.adopt(structuredClone(owner.set([['maxmemory-policy', 'noeviction']])));
    expect(copy.maxmemoryPolicy).toBe('noeviction');
    expect(copy.format('maxmemory')).toBe('2147483648');
  });

  it('have a property for every parameter', () => {
    expect(Object.keys(make().toObject())).toEqual(PARAMETER_NAMES.map(keyOf));
  });
});

it('turns a share into bytes', () => {
  expect(shareOf(-5, 1000)).toBe(50);
  expect(shareOf(77, 1000)).toBe(77);
});
