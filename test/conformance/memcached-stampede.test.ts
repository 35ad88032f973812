/**
 * A thousand clients, on all threads of the server, that want what is not there, or is stale, or will soon be over: exactly one of them is told to make
 * it, and the others know that somebody does.
 */

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { availableMemcached, type MemcachedServer, startMemcached } from './memcached-servers.js';
import { TextClient } from './memcached-text-harness.js';

const CLIENTS = 1000;
const TIMEOUT_MS = 60_000;

for (const name of availableMemcached()) {
  describe(`a thousand clients of ${name}`, () => {
    let server: MemcachedServer;
    const clients: TextClient[] = [];

    beforeAll(async () => {
      server = await startMemcached(name, { memcached: ['-c', '4096'] });
      for (let i = 0; i < CLIENTS; i++) clients.push(await TextClient.open(server.port));
    }, TIMEOUT_MS);
    afterAll(async () => {
      for (const client of clients) client.close();
      await server.stop();
    });

    /** Asks from all clients at once; returns how often each answer came. */
    async function askAll(request: string): Promise<Map<string, number>> {
      const counts = new Map<string, number>();
      for (const reply of await Promise.all(clients.map((client) => client.ask(request))))
        counts.set(reply, (counts.get(reply) ?? 0) + 1);
      return counts;
    }

    test(
      'one makes what is missing',
      async () => {
        const counts = await askAll('mg missing N30 v\r\n');
        expect(Object.fromEntries(counts)).toEqual({ 'VA 0 W\r\n\r\n': 1, 'VA 0 Z\r\n\r\n': CLIENTS - 1 });
        expect(await clients[0].ask('ms missing 4\r\nmade\r\n')).toBe('HD\r\n');
        expect(Object.fromEntries(await askAll('mg missing N30 v\r\n'))).toEqual({ 'VA 4\r\nmade\r\n': CLIENTS });
      },
      TIMEOUT_MS,
    );

    test(
      'one makes what is stale, and the others have the stale value',
      async () => {
        await clients[0].ask('ms stale 3\r\nold\r\nmd stale I\r\n');
        const counts = await askAll('mg stale v\r\n');
        expect(Object.fromEntries(counts)).toEqual({ 'VA 3 X W\r\nold\r\n': 1, 'VA 3 Z X\r\nold\r\n': CLIENTS - 1 });
      },
      TIMEOUT_MS,
    );

    test(
      'one makes early what will be over soon',
      async () => {
        await clients[0].ask('ms soon 3 T100\r\nold\r\n');
        const counts = await askAll('mg soon v R200\r\n');
        expect(Object.fromEntries(counts)).toEqual({ 'VA 3 W\r\nold\r\n': 1, 'VA 3 Z\r\nold\r\n': CLIENTS - 1 });
      },
      TIMEOUT_MS,
    );
  });
}
