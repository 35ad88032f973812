/** libmemcached's `memccapable`: its 27 tests of the text protocol and its 27 of the binary protocol, on our server and on the real memcached. */

import { spawn, spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { availableMemcached, type MemcachedServer, startMemcached } from '../conformance/memcached-servers.js';
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
