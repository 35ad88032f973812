/**
 * libmemcached's tools: `memccapable`, which has 27 tests of the text protocol and 27 of the binary protocol, on our server and on the real memcached; and
 * `memcdump`, which lists the keys of ours (of the real one it finds those that its LRU has moved already).
 */

import { spawn, spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { availableMemcached, type MemcachedServer, startMemcached } from '../conformance/memcached-servers.js';
import { TextClient } from '../conformance/memcached-text-harness.js';
import { isInstalled } from '../conformance/tools.js';

const TESTS = 27;
const TIMEOUT_MS = 60_000;

const found = spawnSync('memccapable', ['-h']).error === undefined;
const installed = isInstalled('memccapable (libmemcached-tools)', found, 'its tests are skipped');

/** Runs the tests of one protocol and returns what was printed. */
function memccapable(port: number, protocol: '-a' | '-b'): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn('memccapable', ['-h', '127.0.0.1', '-p', String(port), '-v', protocol], {
      timeout: TIMEOUT_MS,
    });
    let printed = '';
    child.stdout.on('data', (chunk) => {
      printed += chunk;
    });
    child.stderr.on('data', (chunk) => {
      printed += chunk;
    });
    child.once('error', reject);
    child.once('close', () => resolve(printed));
  });
}

describe.skipIf(!installed)('memccapable', () => {
  for (const name of availableMemcached()) {
    describe(name, () => {
      let server: MemcachedServer;

      beforeAll(async () => {
        server = await startMemcached(name);
      });
      afterAll(() => server.stop());

      test.each([
        ['text', '-a'],
        ['binary', '-b'],
      ] as const)(
        'the %s protocol',
        async (_, option) => {
          const printed = await memccapable(server.port, option);
          const results = printed.match(/\[(pass|fail|error)\]/g) ?? [];
          expect(results, printed).toEqual(Array.from({ length: TESTS }, () => '[pass]'));
          expect(printed).toContain('All tests passed');
        },
        TIMEOUT_MS,
      );
    });
  }
});

describe.skipIf(!installed)('memcdump', () => {
  test('lists the keys', async () => {
    const server = await startMemcached('ashlar');
    try {
      const client = await TextClient.open(server.port);
      const keys = Array.from({ length: 300 }, (_, i) => `key-${i}`);
      for (const [i, key] of keys.entries()) await client.ask(`set ${key} 0 0 ${i}\r\n${'x'.repeat(i)}\r\n`);
      client.close();
      const { stdout } = spawnSync('memcdump', [`--servers=127.0.0.1:${server.port}`], { encoding: 'utf8' });
      expect(stdout.trim().split('\n').sort()).toEqual(keys.sort());
    } finally {
      await server.stop();
    }
  });
});
