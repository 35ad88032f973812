/** What Memcached's text commands do that a server cannot easily be brought to: collections, full memory, time to the millisecond. */

import { describe, expect, it } from 'vitest';
import { Keyspace } from '../../../src/engine/keyspace.js';
import { TextDoor } from './text-door.js';

const WRONG_TYPE = 'CLIENT_ERROR wrong type: the key holds a Redis collection';

function door(options: Partial<ConstructorParameters<typeof TextDoor>[0]> = {}): TextDoor {
  return new TextDoor({ shards: 2, megabytes: 8, ...options });
}

describe('collections', () => {
  it('are not shown, counted or joined', () => {
    const text = door();
    text.ask('set l 0 0 1\n5');
    text.ask('set s 0 0 1\n5');
    text.makeList('l');
    for (const line of [
      'get l',
      'gets l',
      'gat 100 l',
      'gats 100 l',
      'mg l v',
      'mg l q N30 T30',
      'incr l 1',
      'decr l 1',
      'append l 0 0 1\n5',
      'prepend l 0 0 1\n5',
      'ms l 1 MA\n5',
      'ms l 1 MP N30\n5',
      'ma l',
      'ma l N0 q',
      'md l I',
      'md l x',
    ])
      expect(text.ask(line), line).toBe(WRONG_TYPE);
    expect(text.ask('get s l s')).toBe(`VALUE s 0 1\n5\n${WRONG_TYPE}`);
    expect(text.ask('add l 0 0 1\nx')).toBe('NOT_STORED');
    expect(text.ask('cas l 0 0 1 5\nx')).toBe('EXISTS');
    expect(text.ask('me l')).toMatch(/^ME l exp=-1 /);
    // All of that has left it as it was.
    expect(text.ask('mg l')).toBe(WRONG_TYPE);
    expect(text.cache.find('l')).toBeGreaterThan(0);
    text.cache.keyspace.leave();
  });

  it('live and die as all keys do', () => {
    const text = door();
    for (const write of ['set l 0 0 1\nx', 'replace l 0 0 1\nx', 'ms l 1\nx']) {
      text.ask('set l 0 0 1\n5');
      text.makeList('l');
      expect(text.ask(write)).toMatch(/^(STORED|HD)$/);
      expect(text.ask('get l')).toBe('VALUE l 0 1\nx\nEND');
    }
    text.makeList('l');
    expect(text.ask('touch l 100')).toBe('TOUCHED');
    expect(text.ask('me l')).toMatch(/^ME l exp=100 /);
    expect(text.ask('delete l')).toBe('DELETED');
    text.ask('set l 0 0 1\n5');
    text.makeList('l');
    expect(text.ask('md l')).toBe('HD');
    expect(text.ask('get l')).toBe('END');
  });
});

describe('full memory', () => {
  /** Fills a cache that evicts nothing, and returns a key whose value cannot grow. */
  function full(): TextDoor {
    const text = door({ shards: 1, megabytes: 4 });
    let stored = 0;
    while (text.ask(`set fill${stored} 0 0 60000\n${'x'.repeat(60_000)}`) === 'STORED') stored++;
    while (text.ask(`set small${stored} 0 0 100\n${'x'.repeat(100)}`) === 'STORED') stored++;
    expect(stored).toBeGreaterThan(10);
    return text;
  }

  it('is said, and a set that fails leaves nothing', () => {
    const text = full();
    const value = 'x'.repeat(200_000);
    expect(text.ask(`set fill0 0 0 200000\n${value}`)).toBe('SERVER_ERROR out of memory storing object');
    expect(text.ask('get fill0')).toBe('END');
    const again = full();
    expect(again.ask(`replace fill1 0 0 200000\n${value}`)).toBe('SERVER_ERROR out of memory storing object');
    expect(again.ask(`add new 0 0 200000\n${value}`)).toBe('SERVER_ERROR out of memory storing object');
    expect(again.ask(`append fill1 0 0 200000\n${value}`)).toBe('NOT_STORED');
    expect(again.ask('mg fill1 s')).toBe('HD s60000');
    expect(again.ask(`ms fill1 200000 k\n${value}`)).toBe('SERVER_ERROR out of memory storing object');
    expect(again.ask('mg fill1 s')).toBe('EN');
  });

  it('makes no lease, and is a miss then', () => {
    const text = full();
    let leases = 0;
    while (text.ask(`mg lease${leases} N30`) === 'HD W') leases++;
    expect(text.ask(`mg lease${leases} N30`)).toBe('EN');
  });
});

describe('time', () => {
  it('ends items to the millisecond, and is shown in seconds that have begun', () => {
    const text = door();
    text.ask('set k 0 10 1\nx');
    text.advance(1);
    expect(text.ask('mg k t')).toBe('HD t10');
    text.advance(8998);
    expect(text.ask('mg k t')).toBe('HD t2');
    text.advance(1);
    expect(text.ask('mg k t')).toBe('HD t1');
    text.advance(999);
    expect(text.ask('mg k t')).toBe('HD t1');
    text.advance(1);
    expect(text.ask('mg k t')).toBe('EN');
  });

  it('takes points in time beyond thirty days and beyond 31 bits', () => {
    const text = door();
    const now = Math.floor(text.cache.now / 1000);
    text.ask(`set k 0 ${now + 5} 1\nx`);
    expect(text.ask('mg k t')).toBe('HD t5');
    text.ask('set k 0 4294967295 1\nx');
    expect(text.ask('mg k t')).toBe(`HD t${4_294_967_295 - now}`);
    expect(text.ask('set k 0 4294967296 1\nx')).toBe('CLIENT_ERROR bad command line format');
  });

  it('flushes when it was asked to, and the last word counts', () => {
    const text = door();
    text.ask('set k 0 0 1\nx');
    expect(text.ask('flush_all 10')).toBe('OK');
    text.advance(9999);
    text.tend();
    expect(text.ask('get k')).toBe('VALUE k 0 1\nx\nEND');
    text.advance(1);
    text.tend();
    expect(text.ask('get k')).toBe('END');
    text.ask('set k 0 0 1\nx');
    text.advance(20_000);
    text.tend();
    expect(text.ask('get k')).toBe('VALUE k 0 1\nx\nEND');
    expect(text.ask('flush_all 10 noreply')).toBe('');
    expect(text.ask('flush_all')).toBe('OK');
    text.ask('set k 0 0 1\nx');
    text.advance(20_000);
    text.tend();
    expect(text.ask('get k')).toBe('VALUE k 0 1\nx\nEND');
  });

  it('tells how long an item was not used', () => {
    const text = door();
    text.ask('set k 0 0 1\nx');
    text.advance(7000);
    expect(text.ask('mg k l h u')).toBe('HD l7 h0');
    expect(text.ask('mg k l h')).toBe('HD l7 h0');
    expect(text.ask('mg k l h')).toBe('HD l0 h1');
  });
});

describe('noreply', () => {
  it('is over with its command', () => {
    const text = door();
    expect(text.ask('set k 0 0 1 noreply\nx\nset k x 0 1 noreply\nx\ndelete k 5 noreply\nget k')).toBe(
      'VALUE k 0 1\nx\nEND',
    );
  });
});

describe('databases that another thread gives other numbers', () => {
  it('are found when the shard is locked, not before', () => {
    const text = door();
    const { keyspace } = text.cache;
    const other = Keyspace.attach(keyspace.handle, keyspace.clock, keyspace.random);
    text.meanwhile = () => other.swapDatabases(0, 1);
    expect(text.ask('set k 0 0 1\nv')).toBe('STORED');
    expect([keyspace.size(0), keyspace.size(1)]).toEqual([1, 0]);
    expect(text.ask('get k')).toBe('END');
    text.meanwhile = () => {};
    expect(text.ask('get k')).toBe('END');
    other.swapDatabases(0, 1);
    expect(text.ask('get k')).toBe('VALUE k 0 1\nv\nEND');
    text.meanwhile = () => other.flushDatabase(0);
    expect(text.ask('ms k 1\nw')).toBe('HD');
    text.meanwhile = () => {};
    expect(text.ask('mg k v')).toBe('VA 1\nw');
    other.detach();
  });
});
