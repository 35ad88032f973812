/** The library as an application sees it, in one thread. Time is set by hand. */

import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Keyspace } from '../../src/engine/keyspace.js';
import { Ashlar, AshlarError, type CreateOptions, codecs } from '../../src/index.js';

const START = 1_700_000_000_000;
const MIB = 2 ** 20;

let open: Ashlar[] = [];

function create(options: Partial<CreateOptions> = {}): Ashlar {
  const cache = Ashlar.create({ maxMemory: '16mb', ...options });
  open.push(cache);
  return cache;
}

function attach(...parameters: Parameters<typeof Ashlar.attach>): Ashlar {
  const cache = Ashlar.attach(...parameters);
  open.push(cache);
  return cache;
}

/** What the cache stands on: its figures are as they are, while `stats()` counts what this thread has not counted yet. */
function keyspaceOf(cache: Ashlar): Keyspace {
  return (cache as unknown as { attachment: { keyspace: Keyspace } }).attachment.keyspace;
}

const later = (ms: number): void => void vi.setSystemTime(Date.now() + ms);

function codeOf(work: () => unknown): string | undefined {
  try {
    work();
  } catch (error) {
    if (error instanceof AshlarError) return error.code;
    throw error;
  }
  return undefined;
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: START });
});
afterEach(() => {
  for (const cache of open) cache.close();
  open = [];
  vi.useRealTimers();
});

describe('strings and bytes', () => {
  test.each(['', 'value', 'naïve', '日本語', '😀 and more', 'a'.repeat(200), 'ä'.repeat(90)])(
    'a string comes back: %s',
    (value) => {
      const cache = create();
      expect(cache.set('key', value)).toBe(true);
      expect(cache.get('key')).toBe(value);
      expect(cache.getBuffer('key')).toEqual(Buffer.from(value));
    },
  );

  test.each([5000, 16_384, 16_385, 300_000])('a string of %i characters comes back', (length) => {
    const cache = create();
    for (const character of ['x', 'ä', '日']) {
      cache.set('key', character.repeat(length));
      expect(cache.get('key') === character.repeat(length)).toBe(true);
    }
  });

  test.each([0, 1, 7, 255, 256, 4096, 65_536, 3 * MIB])('%i bytes come back, as a copy', (length) => {
    const cache = create({ shards: 1 });
    const value = Buffer.from(Array.from({ length: Math.min(length, 999) }, (_, i) => i % 256));
    const bytes = Buffer.alloc(length, value.length > 0 ? value : 'x');
    cache.set('key', bytes);
    const copy = cache.getBuffer('key');
    expect(copy?.equals(bytes)).toBe(true);
    copy?.fill(0xff);
    expect(cache.getBuffer('key')?.equals(bytes)).toBe(true);
  });

  test('keys are strings, as UTF-8, or bytes', () => {
    const cache = create();
    const keys = ['', 'k', 'a key of more than twenty characters', 'schlüssel', '鍵', '{tag}rest', 'k'.repeat(70_000)];
    for (const key of keys) cache.set(key, `value of ${key}`);
    for (const key of keys) {
      expect(cache.get(key)).toBe(`value of ${key}`);
      expect(cache.get(Buffer.from(key))).toBe(`value of ${key}`);
      expect(cache.get(new Uint8Array(Buffer.from(key)))).toBe(`value of ${key}`);
    }
    const binary = Uint8Array.of(0, 255, 128, 10);
    cache.set(binary, 'binary');
    expect(cache.get(binary)).toBe('binary');
    expect(cache.size).toBe(keys.length + 1);
  });

  test('a key that is not there', () => {
    const cache = create();
    expect(cache.get('nothing')).toBeUndefined();
    expect(cache.getBuffer('nothing')).toBeUndefined();
    expect(cache.getInto('nothing', Buffer.alloc(1))).toBe(-1);
    expect(cache.getValue('nothing')).toBeUndefined();
    expect(cache.has('nothing')).toBe(false);
    expect(cache.ttl('nothing')).toBeUndefined();
    expect(cache.delete('nothing')).toBe(false);
    expect(cache.expire('nothing', 1000)).toBe(false);
    expect(cache.persist('nothing')).toBe(false);
  });

  test('getInto writes at an offset and nowhere else, and refuses what is too small', () => {
    const cache = create();
    cache.set('key', 'value');
    const target = Buffer.alloc(10, '.');
    expect(cache.getInto('key', target, 3)).toBe(5);
    expect(target.toString()).toBe('...value..');
    expect(cache.getInto('key', new Uint8Array(5))).toBe(5);
    expect(codeOf(() => cache.getInto('key', target, 6))).toBe('ERR_BUFFER_TOO_SMALL');
    expect(target.toString()).toBe('...value..');
    for (const offset of [-1, 11, 0.5, Number.NaN]) {
      expect(codeOf(() => cache.getInto('key', target, offset))).toBe('ERR_BAD_ARGUMENT');
    }
    const shared = new Uint8Array(new SharedArrayBuffer(8));
    expect(cache.getInto('key', shared)).toBe(5);
    expect(Buffer.from(shared).toString()).toBe('value\0\0\0');
  });

  test('what is neither is refused', () => {
    const cache = create();
    for (const wrong of [undefined, null, 1, {}, [], 1n]) {
      expect(codeOf(() => cache.set('key', wrong as string))).toBe('ERR_BAD_ARGUMENT');
      expect(codeOf(() => cache.get(wrong as string))).toBe('ERR_BAD_ARGUMENT');
    }
    expect(cache.size).toBe(0);
  });

  test('an array that is not quite a Uint8Array is stored by its bytes', () => {
    class Odd extends Uint8Array {
      override subarray(): never {
        throw new Error('called under a lock');
      }
      get view(): never {
        throw new Error('called under a lock');
      }
    }
    const cache = create();
    cache.set('key', new Odd(1000).fill(7));
    expect(cache.getBuffer('key')).toEqual(Buffer.alloc(1000, 7));
    expect(cache.stats().resets).toBe(0);
  });
});

describe('any keys and values', () => {
  const text = fc.string({ unit: 'binary', maxLength: 60 });
  const bytes = fc.uint8Array({ maxLength: 60 });
  const key = fc.oneof(fc.constantFrom('a', 'b', '{a}', 'ä'), text, bytes);
  const step = fc.record({
    key,
    value: fc.oneof(text, bytes),
    action: fc.constantFrom('set', 'set', 'add', 'delete', 'get'),
  });

  test('are those of a Map of bytes', () => {
    fc.assert(
      fc.property(fc.array(step, { size: 'max', maxLength: 200 }), fc.constantFrom(1, 5), (steps, shards) => {
        const cache = Ashlar.create({ maxMemory: '8mb', shards });
        const map = new Map<string, string>();
        const hex = (value: string | Uint8Array): string => Buffer.from(value as string).toString('hex');
        for (const { key, value, action } of steps) {
          const known = map.get(hex(key));
          if (action === 'get') expect(cache.getBuffer(key)?.toString('hex')).toBe(known);
          else if (action === 'delete') expect(cache.delete(key)).toBe(map.delete(hex(key)));
          else {
            const stored = cache.set(key, value, action === 'add' ? { ifAbsent: true } : undefined);
            expect(stored).toBe(action === 'set' || known === undefined);
            if (stored) map.set(hex(key), hex(value));
          }
        }
        expect(new Map([...cache.scanBuffers()].map((key) => [hex(key), hex(cache.getBuffer(key) as Buffer)]))).toEqual(
          map,
        );
        expect(cache.getMany([...map.keys()].map((key) => Buffer.from(key, 'hex')))).toEqual(
          [...map.values()].map((value) => Buffer.from(value, 'hex').toString()),
        );
        cache.close();
      }),
      { numRuns: 50 },
    );
  });
});

describe('conditions', () => {
  test('ifAbsent', () => {
    const cache = create();
    expect(cache.set('key', 'first', { ifAbsent: true })).toBe(true);
    expect(cache.set('key', 'second', { ifAbsent: true })).toBe(false);
    expect(cache.get('key')).toBe('first');
    cache.expire('key', 100);
    later(101);
    expect(cache.set('key', 'third', { ifAbsent: true })).toBe(true);
  });

  test('ifEquals', () => {
    const cache = create();
    expect(cache.set('key', 'b', { ifEquals: 'a' })).toBe(false);
    expect(cache.has('key')).toBe(false);
    cache.set('key', 'a');
    expect(cache.set('key', 'b', { ifEquals: 'aa' })).toBe(false);
    expect(cache.set('key', 'b', { ifEquals: Buffer.from('a') })).toBe(true);
    expect(cache.set('key', 'c', { ifEquals: 'b', ttl: 50 })).toBe(true);
    later(50);
    expect(cache.set('key', 'd', { ifEquals: 'c' })).toBe(false);
    for (const wrong of [null, 1, {}, []])
      expect(codeOf(() => cache.set('key', 'e', { ifEquals: wrong as never }))).toBe('ERR_BAD_ARGUMENT');
  });

  test('options are read, and values encoded, before the lock is taken: they may use the cache', () => {
    const cache = create({ shards: 1 });
    const options = {
      get ttl(): number {
        cache.set('inner', 'x'.repeat(500));
        return 1000;
      },
      get ifAbsent(): boolean {
        return cache.delete('inner');
      },
    };
    expect(cache.set('key', 'outer', options)).toBe(true);
    expect(cache.get('key')).toBe('outer');
    expect(cache.stats().resets).toBe(0);
  });
});

describe('time', () => {
  test('a key is there to the last millisecond', () => {
    const cache = create();
    cache.set('key', 'value', { ttl: 1000 });
    expect(cache.ttl('key')).toBe(1000);
    later(999);
    expect(cache.get('key')).toBe('value');
    expect(cache.ttl('key')).toBe(1);
    later(1);
    expect(cache.get('key')).toBeUndefined();
    expect(cache.has('key')).toBe(false);
    expect(cache.ttl('key')).toBeUndefined();
    expect(cache.stats().expired).toBe(1);
  });

  test('a deadline is given, kept, and taken away', () => {
    const cache = create();
    cache.set('key', 'value');
    expect(cache.ttl('key')).toBe(-1);
    expect(cache.persist('key')).toBe(false);
    expect(cache.expire('key', 500)).toBe(true);
    cache.set('key', 'longer value', { keepTtl: true });
    expect(cache.ttl('key')).toBe(500);
    cache.set('key', 'value');
    expect(cache.ttl('key')).toBe(-1);
    cache.expire('key', 500);
    expect(cache.persist('key')).toBe(true);
    later(10_000);
    expect(cache.get('key')).toBe('value');
    cache.set('new', 'value', { keepTtl: true });
    expect(cache.ttl('new')).toBe(-1);
  });

  test('a deadline that has passed is not kept', () => {
    const cache = create();
    cache.set('key', 'value', { ttl: 100 });
    later(200);
    cache.set('key', 'again', { keepTtl: true });
    expect(cache.get('key')).toBe('again');
    expect(cache.ttl('key')).toBe(-1);
  });

  test('what is no time to live', () => {
    const cache = create();
    for (const ttl of [
      0,
      -1,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      '10' as unknown as number,
      null as unknown as number,
    ]) {
      expect(codeOf(() => cache.set('key', 'value', { ttl }))).toBe('ERR_BAD_OPTION');
      expect(codeOf(() => cache.expire('key', ttl))).toBe('ERR_BAD_OPTION');
    }
    expect(codeOf(() => cache.set('key', 'value', { ttl: 10, keepTtl: true }))).toBe('ERR_BAD_OPTION');
    cache.set('key', 'value', { ttl: 0.4 });
    expect(cache.ttl('key')).toBe(1);
  });
});

describe('counters', () => {
  test('count, from nothing or from what is there', () => {
    const cache = create();
    expect(cache.incrementBy('hits')).toBe(1);
    expect(cache.incrementBy('hits', 41)).toBe(42);
    expect(cache.incrementBy('hits', -50)).toBe(-8);
    expect(cache.get('hits')).toBe('-8');
    cache.set('hits', '998');
    expect(cache.incrementBy('hits', 2)).toBe(1000);
  });

  test('are exact within 64 bits', () => {
    const cache = create();
    expect(cache.incrementBy('n', Number.MAX_SAFE_INTEGER)).toBe(Number.MAX_SAFE_INTEGER);
    expect(cache.incrementBy('n', 1)).toBe(2n ** 53n);
    expect(cache.incrementBy('n', 1)).toBe(2n ** 53n + 1n);
    expect(cache.incrementBy('n', -3)).toBe(2 ** 53 - 2);
    cache.set('n', '9223372036854775806');
    expect(cache.incrementBy('n')).toBe(2n ** 63n - 1n);
    expect(codeOf(() => cache.incrementBy('n'))).toBe('ERR_OVERFLOW');
    expect(cache.get('n')).toBe('9223372036854775807');
    expect(cache.incrementBy('n', -(2n ** 63n))).toBe(-1);
  });

  test.each(['', 'x', '1.5', ' 1', '01', '+1', '1e3', '9223372036854775808', '-'])('%j is not one', (value) => {
    const cache = create();
    cache.set('key', value);
    expect(codeOf(() => cache.incrementBy('key'))).toBe('ERR_NOT_AN_INTEGER');
    expect(cache.get('key')).toBe(value);
  });

  test('an increment is a whole number', () => {
    const cache = create();
    for (const by of [0.5, Number.NaN, 2 ** 53, 2n ** 63n, '1' as unknown as number]) {
      expect(codeOf(() => cache.incrementBy('key', by))).toBe('ERR_BAD_ARGUMENT');
    }
    expect(cache.has('key')).toBe(false);
  });

  test('the time to live begins with the first', () => {
    const cache = create();
    cache.incrementBy('window', 1, { ttl: 1000 });
    later(900);
    expect(cache.incrementBy('window', 1, { ttl: 1000 })).toBe(2);
    expect(cache.ttl('window')).toBe(100);
    later(100);
    expect(cache.incrementBy('window', 1, { ttl: 1000 })).toBe(1);
    expect(cache.ttl('window')).toBe(1000);
  });
});

describe('values of any kind', () => {
  const value = { name: 'Ada', tags: ['a', 'b'], nested: { n: 1.5, none: null } };

  test('JSON unless another codec is chosen', () => {
    const cache = create();
    expect(cache.setValue('key', value, { ttl: 100 })).toBe(true);
    expect(cache.getValue('key')).toEqual(value);
    expect(cache.get('key')).toBe(JSON.stringify(value));
    later(100);
    expect(cache.getValue('key')).toBeUndefined();
    expect(codeOf(() => cache.setValue('key', undefined))).toBe('ERR_BAD_ARGUMENT');
    expect(() => cache.setValue('key', 1n)).toThrow(TypeError);
    cache.set('key', 'not JSON');
    expect(() => cache.getValue('key')).toThrow(SyntaxError);
  });

  test('structured clone', () => {
    const cache = create({ codec: codecs.v8 });
    const rich = { map: new Map([[1, new Date(5)]]), set: new Set(['x']), big: 2n ** 70n, bytes: Uint8Array.of(1, 2) };
    cache.setValue('key', rich);
    expect(cache.getValue('key')).toEqual(rich);
    const other = attach(structuredClone(cache.handle));
    expect(other.getValue('key')).toEqual(rich);
    expect(() => cache.setValue('key', () => 1)).toThrow('could not be cloned');
  });

  test('a codec of one’s own, which uses the cache itself', () => {
    const codec = {
      encode: (text: unknown): Uint8Array => {
        cache.incrementBy('encoded');
        return Buffer.from(String(text)).reverse();
      },
      decode: (bytes: Buffer): unknown => {
        cache.incrementBy('decoded');
        return bytes.reverse().toString();
      },
    };
    const cache = create({ codec, shards: 1 });
    cache.setValue('key', 'abc');
    expect(cache.get('key')).toBe('cba');
    expect(cache.getValue('key')).toBe('abc');
    expect([cache.get('encoded'), cache.get('decoded')]).toEqual(['1', '1']);
    const without = attach(structuredClone(cache.handle));
    expect(without.get('key')).toBe('cba');
    expect(codeOf(() => without.getValue('key'))).toBe('ERR_BAD_OPTION');
    expect(attach(cache.handle, { codec }).getValue('key')).toBe('abc');
  });
});

describe('many keys', () => {
  test('getMany and setMany', () => {
    const cache = create();
    cache.setMany(
      new Map([
        ['a', '1'],
        ['b', '2'],
      ]),
      { ttl: 100 },
    );
    cache.setMany([
      ['c', Buffer.from('3')],
      [Buffer.from('d'), '4'],
    ]);
    expect(cache.getMany(['a', 'x', 'b', Buffer.from('c'), 'd'])).toEqual(['1', undefined, '2', '3', '4']);
    expect(cache.getMany(new Set(['d', 'a']))).toEqual(['4', '1']);
    later(100);
    expect(cache.getMany(['a', 'b', 'c'])).toEqual([undefined, undefined, '3']);
  });

  test('scan finds every key, and those that match', () => {
    const cache = create({ shards: 4 });
    const names = Array.from({ length: 5000 }, (_, i) => `${i % 2 ? 'user' : 'group'}:${i}`);
    for (const name of names) cache.set(name, 'x');
    expect([...cache.scan()].sort()).toEqual([...names].sort());
    expect([...cache.scan({ match: 'user:1??1', count: 10 })].sort()).toEqual(
      names.filter((name) => /^user:1..1$/.test(name)).sort(),
    );
    cache.set(Uint8Array.of(255, 254), 'binary');
    expect([...cache.scanBuffers({ match: '??' })]).toEqual([Buffer.of(255, 254)]);
  });

  test('a walk can be left, and the cache changed in it', () => {
    const cache = create({ shards: 4 });
    for (let i = 0; i < 3000; i++) cache.set(`key:${i}`, 'x');
    let seen = 0;
    for (const key of cache.scan({ count: 7 })) {
      seen++;
      cache.delete(key);
    }
    expect(seen).toBe(3000);
    expect(cache.size).toBe(0);
    for (let i = 0; i < 100; i++) cache.set(`key:${i}`, 'x', { ttl: i < 50 ? 10 : 1000 });
    for (const _ of cache.scan()) break;
    later(10);
    expect([...cache.scan()].length).toBe(50);
  });

  test('clear empties one database', () => {
    const cache = create({ databases: 3 });
    const second = attach(cache.handle, { database: 2 });
    cache.set('key', 'in 0');
    second.set('key', 'in 2');
    expect([cache.size, second.size]).toEqual([1, 1]);
    cache.clear();
    expect(cache.get('key')).toBeUndefined();
    expect(second.get('key')).toBe('in 2');
    expect([...second.scan()]).toEqual(['key']);
    cache.set('key', 'again');
    expect(cache.get('key')).toBe('again');
    expect(codeOf(() => attach(cache.handle, { database: 3 }))).toBe('ERR_BAD_OPTION');
  });
});

describe('limits', () => {
  test('noeviction refuses what has no room, and leaves what is there', () => {
    const cache = create({ maxMemory: '2mb', shards: 1, policy: 'noeviction' });
    let stored = 0;
    const fill = (): void => {
      for (;;) cache.set(`key:${stored}`, 'x'.repeat(1000)) && stored++;
    };
    expect(codeOf(fill)).toBe('ERR_OUT_OF_MEMORY');
    expect(cache.size).toBe(stored);
    expect(codeOf(() => cache.set('key:0', 'y'.repeat(50_000)))).toBe('ERR_OUT_OF_MEMORY');
    expect(cache.get('key:0')).toBe('x'.repeat(1000));
    expect(cache.stats().refused).toBeGreaterThan(0);
    expect(cache.set('key:0', 'y'.repeat(1000))).toBe(true);
  });

  test('what has expired is no reason to refuse a write, even if nobody has looked since', () => {
    const cache = create({ maxMemory: '2mb', shards: 1, policy: 'noeviction' });
    const fill = (): void => {
      for (let i = 0; ; i++) cache.set(`key:${i}`, 'x'.repeat(1000), { ttl: 5000 });
    };
    expect(codeOf(fill)).toBe('ERR_OUT_OF_MEMORY');
    later(6000);
    expect(cache.set('new', 'x'.repeat(1000))).toBe(true);
  });

  test('allkeys-keystone, the default, makes room', () => {
    const cache = create({ maxMemory: '2mb', shards: 1 });
    for (let i = 0; i < 10_000; i++) cache.set(`key:${i}`, 'x'.repeat(1000));
    const stats = cache.stats();
    expect(stats).toMatchObject({ policy: 'allkeys-keystone', maxMemory: 2 * MIB, shards: 1, refused: 0 });
    expect(stats.evicted).toBe(10_000 - stats.items);
    expect(stats.usedMemory).toBeLessThanOrEqual(2 * MIB);
    expect(cache.get('key:9999')).toBeDefined();
  });

  test('keys and values that are too large', () => {
    const cache = create({ maxMemory: '16mb', shards: 1 });
    expect(codeOf(() => cache.set('k'.repeat(2 ** 20), 'x'))).toBe('ERR_KEY_TOO_LARGE');
    expect(codeOf(() => cache.set('ä'.repeat(600_000), 'x'))).toBe('ERR_KEY_TOO_LARGE');
    expect(cache.get('k'.repeat(2 ** 20))).toBeUndefined();
    expect(cache.delete('k'.repeat(2 ** 21))).toBe(false);
    expect(cache.set('k'.repeat(2 ** 20 - 1), 'x')).toBe(true);
    expect(codeOf(() => cache.set('key', Buffer.alloc(17 * MIB)))).toBe('ERR_VALUE_TOO_LARGE');
    expect(cache.set('key', Buffer.alloc(10 * MIB))).toBe(true);
  });

  test('the limit can be moved within the reserve', () => {
    const cache = create({ maxMemory: '4mb', reserve: '8mb', shards: 1, policy: 'noeviction' });
    const fill = (name: string): void => {
      for (let i = 0; ; i++) cache.set(`${name}:${i}`, 'x'.repeat(1000));
    };
    expect(codeOf(() => fill('a'))).toBe('ERR_OUT_OF_MEMORY');
    const before = cache.size;
    cache.resize('8mb');
    expect(codeOf(() => fill('b'))).toBe('ERR_OUT_OF_MEMORY');
    expect(cache.size).toBeGreaterThan(1.8 * before);
    expect(codeOf(() => cache.resize('9mb'))).toBe('ERR_BAD_OPTION');
    expect(codeOf(() => cache.resize(1000))).toBe('ERR_BAD_OPTION');
    expect(cache.stats().maxMemory).toBe(8 * MIB);
  });

  test('the least that a cache can be resized to holds something, however much memory it might have', () => {
    const cache = create({ maxMemory: '64mb', reserve: '1gb', shards: 2 });
    let message = '';
    try {
      cache.resize('1mb');
    } catch (error) {
      message = (error as Error).message;
    }
    const least = Number(/at least (\d+)/.exec(message)?.[1]);
    cache.resize(least);
    for (let i = 0; i < 1000; i++) expect(cache.set(`key:${i}`, 'x'.repeat(100))).toBe(true);
    expect(cache.size).toBeGreaterThan(500);
  });

  test.each<[Partial<CreateOptions>, string]>([
    [{ maxMemory: 'much' }, 'ERR_BAD_OPTION'],
    [{ maxMemory: -1 }, 'ERR_BAD_OPTION'],
    [{ maxMemory: 1000 }, 'ERR_TOO_LITTLE_MEMORY'],
    [{ maxMemory: '16mb', shards: 17 }, 'ERR_TOO_LITTLE_MEMORY'],
    [{ maxMemory: '8gb', shards: 2 }, 'ERR_BAD_OPTION'],
    [{ shards: 0 }, 'ERR_BAD_OPTION'],
    [{ shards: 1.5 }, 'ERR_BAD_OPTION'],
    [{ policy: 'lru' as never }, 'ERR_BAD_OPTION'],
    [{ databases: 49 }, 'ERR_BAD_OPTION'],
    [{ reserve: '1' as never, maxMemory: 'x' }, 'ERR_BAD_OPTION'],
  ])('create(%j) is %s', (options, code) => {
    expect(codeOf(() => create(options))).toBe(code);
  });
});

describe('reads', () => {
  test('of values of every length and content', () => {
    const cache = create({ maxMemory: '16mb' });
    const target = Buffer.alloc(70_000, 0xff);
    const lengths = [...Array(70).keys(), 510, 511, 512, 513, 1024, 4094, 4095, 4096, 4097, 16_384, 16_385, 65_536];
    for (const length of lengths) {
      for (const end of ['', 'é', '😀', '\0']) {
        const text = `${'x'.repeat(length)}${end}${'y'.repeat(length % 5)}`;
        // Keys of different lengths, so that values begin anywhere.
        const key = 'k'.repeat(1 + (length % 9));
        cache.set(key, text);
        expect(cache.get(key)).toBe(text);
        expect(cache.getBuffer(key)).toEqual(Buffer.from(text));
        const bytes = Buffer.byteLength(text);
        expect(cache.getInto(key, target, 3)).toBe(bytes);
        expect(target.toString('utf8', 3, 3 + bytes)).toBe(text);
        expect(target[3 + bytes]).toBe(0xff);
        target.fill(0xff);
        expect(cache.has(key)).toBe(true);
      }
    }
    cache.set('bytes', Buffer.from([0x61, 0xff, 0xc3]));
    expect(cache.get('bytes')).toBe('a\ufffd\ufffd');
  });

  test('are all in the figures of the thread that made them', () => {
    const cache = create({ maxMemory: '16mb' });
    for (let i = 0; i < 1000; i++) cache.set(`key:${i}`, 'value');
    for (let i = 0; i < 1500; i++) {
      cache.get(`key:${i}`);
      cache.getBuffer(`key:${i}`);
      cache.getInto(`key:${i}`, Buffer.alloc(10));
      cache.has(`key:${i}`);
      if (i % 100 === 0) expect(cache.stats()).toMatchObject(figuresAfter(i + 1));
    }
    cache.getMany(['key:1', 'none', 'key:2']);
    expect(cache.stats()).toMatchObject({ hits: 3002, misses: 1501 });
    attach(cache.handle).get('key:1');
    expect(cache.stats().hits).toBe(3003);
  });

  function figuresAfter(reads: number): { hits: number; misses: number } {
    const found = Math.min(reads, 1000);
    return { hits: 3 * found, misses: 3 * (reads - found) };
  }

  test.each(['allkeys-keystone', 'allkeys-lru', 'allkeys-lfu'] as const)(
    'keep what they read in a full cache: %s',
    (policy) => {
      const cache = create({ maxMemory: '4mb', shards: 1, policy });
      const kept = Array.from({ length: 100 }, (_, i) => `kept:${i}`);
      for (const key of kept) cache.set(key, 'x'.repeat(200));
      for (let i = 0; i < 60_000; i++) {
        if (i % 50 === 0) later(1000);
        cache.set(`other:${i}`, 'x'.repeat(200));
        cache.get(kept[i % kept.length]);
      }
      expect(cache.stats().evicted).toBeGreaterThan(30_000);
      const left = kept.filter((key) => cache.has(key)).length;
      expect(left).toBeGreaterThan(90);
      expect(Array.from({ length: 100 }, (_, i) => cache.has(`other:${i}`))).not.toContain(true);
    },
  );

  test('that are counted late are counted by the timer', async () => {
    const cache = create({ maxMemory: '16mb', shards: 2 });
    cache.set('key', 'value');
    cache.get('key');
    const keyspace = keyspaceOf(cache);
    expect(keyspace.figures().hits).toBe(0);
    await expect.poll(() => keyspace.figures().hits).toBe(1);
  });

  test('that are counted late are counted by a thread that does not return to its event loop', () => {
    const cache = create({ maxMemory: '16mb', shards: 2 });
    const keyspace = keyspaceOf(cache);
    for (let i = 1; i <= 2000; i++) {
      cache.get('none');
      expect(i - keyspace.figures().misses).toBeLessThanOrEqual(256);
    }
  });
});

describe('objects', () => {
  test('a thread may attach as often as it likes, and close each by itself', () => {
    const warned = vi.fn();
    process.on('warning', warned);
    const cache = create();
    const others = Array.from({ length: 400 }, () => Ashlar.attach(structuredClone(cache.handle)));
    cache.set('key', 'value');
    for (const other of others) expect(other.get('key')).toBe('value');
    expect(cache.stats().threads).toBe(1);
    cache.close();
    for (const other of others.slice(1)) other.close();
    expect(others[0].get('key')).toBe('value');
    others[0].close();
    others[0].close();
    process.off('warning', warned);
    expect(warned).not.toHaveBeenCalled();
  });

  test('many caches in one thread', async () => {
    const warned = vi.fn();
    process.on('warning', warned);
    const caches = Array.from({ length: 20 }, () => create({ maxMemory: '1mb' }));
    for (const [i, cache] of caches.entries()) cache.set('key', String(i));
    expect(caches.map((cache) => cache.get('key'))).toEqual(caches.map((_, i) => String(i)));
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', warned);
    expect(warned).not.toHaveBeenCalled();
  });

  test('a closed one says so', async () => {
    const cache = create();
    cache.close();
    cache.close();
    for (const work of [
      () => cache.get('key'),
      () => cache.set('key', 'x'),
      () => cache.clear(),
      () => cache.stats(),
      () => cache.scanBuffers(),
      () => [...cache.scan()],
      () => cache.size,
    ]) {
      expect(codeOf(work)).toBe('ERR_CLOSED');
    }
    await expect(cache.listen()).rejects.toMatchObject({ code: 'ERR_CLOSED' });
  });

  test('a walk that is under way ends with the object that began it', () => {
    const cache = create();
    for (let i = 0; i < 1000; i++) cache.set(`key:${i}`, 'x');
    const walk = cache.scan();
    walk.next();
    cache.close();
    expect(codeOf(() => [...walk])).toBe('ERR_CLOSED');
  });

  test('a handle of something else is refused', () => {
    const { handle } = create();
    const wrong = [
      undefined,
      {},
      { ...handle, kind: 'other' },
      { ...handle, control: new SharedArrayBuffer(64) },
      { ...handle, control: new ArrayBuffer(64) },
      { ...handle, shards: [] },
      JSON.parse(JSON.stringify(handle)),
    ];
    for (const handle of wrong) expect(codeOf(() => Ashlar.attach(handle as never))).toBe('ERR_BAD_HANDLE');
  });
});
