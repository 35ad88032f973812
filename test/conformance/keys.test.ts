/** Runs the cases of keys and databases, and checks that commands on several keys are atomic between connections. */

import { describe, expect, test } from 'vitest';
import { defineCases } from './harness.js';
import { DEBUG_CASES, KEY_CASES, LFU_CASES } from './keys.cases.js';
import type { RespClient } from './resp-client.js';
import { availableServers, RunningServer } from './servers.js';

defineCases('keys', KEY_CASES);

const LFU = ['--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lfu'];
defineCases('keys with frequencies', LFU_CASES, { args: { ashlar: LFU, redis: LFU } });

const DEBUG = ['--enable-debug-command', 'yes'];
defineCases('keys and DEBUG', DEBUG_CASES, { args: { ashlar: DEBUG, redis: DEBUG } });

/** Connections that change keys, and those that look at them: enough that every thread of the server has some of both. */
const WRITERS = 4;
const READERS = 4;
const ROUNDS = 300;

for (const { name } of availableServers()) {
  describe(`several connections on ${name}`, () => {
    /** Runs `write` over some connections while others `read`, when the command `before` has been answered. */
    async function meanwhile(
      before: readonly string[],
      write: (client: RespClient, number: number) => Promise<unknown>,
      read: (client: RespClient) => Promise<unknown>,
    ): Promise<void> {
      const server = await RunningServer.start(name);
      try {
        const first = await server.open();
        await first.command(...before);
        first.close();
        const repeat = async (work: (client: RespClient) => Promise<unknown>): Promise<void> => {
          const client = await server.open();
          for (let round = 0; round < ROUNDS; round++) await work(client);
          client.close();
        };
        const writers = Array.from({ length: WRITERS }, (_, i) => repeat((client) => write(client, i)));
        await Promise.all([...writers, ...Array.from({ length: READERS }, () => repeat(read))]);
      } finally {
        await server.stop();
      }
    }

    test('a key that is renamed to and fro is always under one name', { timeout: 60_000 }, async () => {
      await meanwhile(
        ['SET', 'to', 'v'],
        async (client, number) => {
          if (number > 0) return;
          await client.command('RENAME', 'to', 'fro');
          await client.command('RENAME', 'fro', 'to');
        },
        async (client) => expect((await client.command('EXISTS', 'to', 'fro')).value).toBe('1'),
      );
    });

    test('keys that are set and deleted together are all there, or none', { timeout: 60_000 }, async () => {
      const keys = ['a', 'b', 'c', 'd', 'e'];
      await meanwhile(
        ['DBSIZE'],
        (client, number) =>
          number % 2 === 0
            ? client.command('MSET', ...keys.flatMap((key) => [key, `${number}`]))
            : client.command('DEL', ...keys),
        async (client) => expect([0, keys.length]).toContain(Number((await client.command('EXISTS', ...keys)).value)),
      );
    });

    test('databases that are swapped and flushed', { timeout: 60_000 }, async () => {
      await meanwhile(
        ['DBSIZE'],
        async (client, number) => {
          if (number === 0) await client.command('SWAPDB', '0', '1');
          else if (number === 1) await client.command('FLUSHDB');
          else if (number === 2) await client.command('MOVE', 'k', '1');
          else await client.command('COPY', 'k', 'l', 'DB', '1', 'REPLACE');
        },
        async (client) => {
          expect((await client.command('SET', 'k', 'v')).type).toBe('+');
          expect(['v', null]).toContain((await client.command('GET', 'k')).value);
          expect(['v', null]).toContain((await client.command('GET', 'l')).value);
        },
      );
    });
  });
}
