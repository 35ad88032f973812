/**
 * `stats`: what it shows has memcached's names, and its counters count what memcached's count: the same commands are sent to both, and change the same
 * figures by the same numbers.
 */

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { availableMemcached, type MemcachedServer, startMemcached } from './memcached-servers.js';
import { TextClient } from './memcached-text-harness.js';

/** What ours shows and memcached does not. */
const OUR_NAMES = ['eviction_policy', 'client_flags_size', 'idle_kicks', 'mem_allocated'];

/** Counters that these commands change, and by how much. The sentinels of the harness are misses of `mg`, one for each line. */
const SCRIPT: readonly (readonly [line: string, changes: Readonly<Record<string, number>>])[] = [
  ['get none', { cmd_get: 1, get_misses: 1 }],
  ['set k 0 0 1\r\n5', { cmd_set: 1 }],
  ['add k 0 0 1\r\n5', { cmd_set: 1 }],
  ['append k 0 0 1\r\n5', { cmd_set: 1 }],
  ['get k k none', { cmd_get: 3, get_hits: 2, get_misses: 1 }],
  ['gat 0 k', { cmd_touch: 1, touch_hits: 1 }],
  ['gat 0 none', { cmd_touch: 1, touch_misses: 1 }],
  ['touch k 0', { cmd_touch: 1, touch_hits: 1 }],
  ['touch none 0', { cmd_touch: 1, touch_misses: 1 }],
  ['incr k 1', { incr_hits: 1 }],
  ['decr k 1', { decr_hits: 1 }],
  ['incr none 1', { incr_misses: 1 }],
  ['decr none 1', { decr_misses: 1 }],
  ['cas k 0 0 1 1\r\nx', { cmd_set: 1, cas_badval: 1 }],
  ['cas none 0 0 1 1\r\nx', { cmd_set: 1, cas_misses: 1 }],
  [`add large 0 0 100000\r\n${'x'.repeat(100_000)}`, { cmd_set: 1 }],
  ['get large', { cmd_get: 1, get_hits: 1 }],
  ['delete large', { delete_hits: 1 }],
  ['me k', { cmd_meta: 1 }],
  ['delete k', { delete_hits: 1 }],
  ['delete k', { delete_misses: 1 }],
  [`set k 0 0 2000000\r\n${'x'.repeat(2_000_000)}`, { store_too_large: 1 }],
  ['flush_all', { cmd_flush: 1 }],
];

/**
 * What is counted by class too. memcached_exporter takes a server for down that does not show `cmd_set`, `cas_hits` and `cas_badval` of each class.
 */
const BY_CLASS = [
  ...['get_hits', 'cmd_set', 'delete_hits', 'incr_hits', 'decr_hits', 'cas_hits', 'cas_badval', 'touch_hits'],
];

const COUNTERS = [...new Set(SCRIPT.flatMap(([, changes]) => Object.keys(changes)))];

/** What a group of statistics shows. */
async function read(client: TextClient, group: string): Promise<Map<string, string>> {
  const text = await client.ask(`stats ${group}\r\n`);
  expect(text).toMatch(/^(STAT \S+ [^\r\n]*\r\n)*END\r\n$/);
  return new Map([...text.matchAll(/STAT (\S+) ([^\r\n]*)\r\n/g)].map(([, name, value]) => [name, value]));
}

/** Names without the numbers of classes and connections. */
function kinds(statistics: Map<string, string>): string[] {
  return [...new Set([...statistics.keys()].map((name) => name.replace(/\d+/, '#')))];
}

const shown = new Map<string, Map<string, string[]>>();

for (const name of availableMemcached()) {
  describe(`stats of ${name}`, () => {
    let server: MemcachedServer;
    let client: TextClient;

    beforeAll(async () => {
      server = await startMemcached(name);
      client = await TextClient.open(server.port);
    });
    afterAll(async () => {
      client.close();
      await server.stop();
    });

    test('counters', async () => {
      for (const [line, changes] of SCRIPT) {
        const before = await read(client, '');
        await client.ask(`${line}\r\n`);
        const after = await read(client, '');
        for (const counter of COUNTERS) {
          // Two sentinels have missed since.
          const sentinels = counter === 'cmd_get' || counter === 'get_misses' ? 2 : 0;
          const change = Number(after.get(counter)) - Number(before.get(counter));
          expect(change, `${counter} after ${line.slice(0, 40)}`).toBe((changes[counter] ?? 0) + sentinels);
        }
      }
    });

    test('counters by class', async () => {
      const slabs = [...(await read(client, 'slabs'))];
      const general = await read(client, '');
      const classes = slabs.filter(([name]) => name.endsWith(':chunk_size')).map(([name]) => name.split(':')[0]);
      expect(classes.length).toBeGreaterThan(1);
      for (const counter of BY_CLASS) {
        const values = slabs.filter(([name]) => name.split(':')[1] === counter).map(([, value]) => Number(value));
        expect(values.length, counter).toBe(classes.length);
        expect(
          values.reduce((sum, value) => sum + value, 0),
          counter,
        ).toBe(Number(general.get(counter)));
      }
    });

    test('general figures', async () => {
      await client.ask('flush_all\r\nset a 0 0 1\r\nx\r\nset b 0 0 1\r\nx\r\n');
      const figures = await read(client, '');
      expect(figures.get('curr_items')).toBe('2');
      const stored = Number(figures.get('total_items'));
      await client.ask('set a 0 0 1\r\ny\r\nset a 0 0 3\r\nyyy\r\nset new 0 0 1\r\nx\r\nadd new 0 0 1\r\nx\r\n');
      expect(Number((await read(client, '')).get('total_items'))).toBe(stored + 3);
      await client.ask('delete new\r\n');
      expect(Number(figures.get('bytes'))).toBeGreaterThan(0);
      expect(Number(figures.get('pid'))).toBeGreaterThan(0);
      expect(Math.abs(Number(figures.get('time')) - Date.now() / 1000)).toBeLessThan(5);
      expect(Number(figures.get('curr_connections'))).toBeGreaterThan(0);
      expect(Number(figures.get('limit_maxbytes'))).toBeGreaterThan(1 << 20);
      expect(figures.get('limit_maxbytes')).toBe((await read(client, 'settings')).get('maxbytes'));
      expect(figures.get('rusage_user')).toMatch(/^\d+\.\d{6}$/);
      for (const counter of COUNTERS) expect(figures.get(counter), counter).toMatch(/^\d+$/);
    });

    test('settings', async () => {
      const settings = await read(client, 'settings');
      expect(settings.get('tcpport')).toBe(String(server.port));
      expect(settings.get('item_size_max')).toBe('1048576');
      expect(settings.get('cas_enabled')).toBe('yes');
      expect(settings.get('binding_protocol')).toBe('auto-negotiate');
      expect(settings.get('verbosity')).toBe('0');
      expect(await client.ask('verbosity 1\r\n')).toBe('OK\r\n');
      expect((await read(client, 'settings')).get('verbosity')).toBe('1');
    });

    test('items, slabs and connections', async () => {
      await client.ask(`flush_all\r\nset a 0 0 1\r\nx\r\nset b 0 0 1000\r\n${'x'.repeat(1000)}\r\n`);
      const groups = new Map<string, string[]>();
      for (const group of ['', 'settings', 'items', 'slabs', 'conns'])
        groups.set(group, kinds(await read(client, group)));
      shown.set(name, groups);
      const items = await read(client, 'items');
      const numbers = [...items].filter(([kind]) => kind.endsWith(':number')).map(([, count]) => Number(count));
      expect(numbers.reduce((sum, count) => sum + count, 0)).toBe(2);
      const slabs = await read(client, 'slabs');
      const used = [...slabs].filter(([kind]) => kind.endsWith(':used_chunks')).map(([, count]) => Number(count));
      expect(used.reduce((sum, count) => sum + count, 0)).toBeGreaterThanOrEqual(2);
      const connections = await read(client, 'conns');
      expect([...connections.values()]).toContain('conn_parse_cmd');
    });

    test('reset', async () => {
      expect(Number((await read(client, '')).get('cmd_get'))).toBeGreaterThan(1);
      expect(await client.ask('stats reset\r\n')).toBe('RESET\r\n');
      expect(Number((await read(client, '')).get('cmd_get'))).toBeLessThanOrEqual(1);
    });
  });
}

describe('stats of ours', () => {
  test('has no names but those of memcached', () => {
    const ours = shown.get('ashlar');
    const real = shown.get('memcached');
    for (const [group, names] of ours ?? []) {
      const known = real === undefined ? names : [...(real.get(group) ?? []), ...OUR_NAMES];
      const unknown = names.filter((name) => !known.some((one) => one === name || name.endsWith(`:${one}`)));
      expect(unknown, `stats ${group}`).toEqual([]);
    }
  });
});
