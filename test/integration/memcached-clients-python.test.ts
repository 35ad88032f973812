/**
 * Memcached clients that Python applications use: pymemcache, which speaks the text protocol, and pylibmc (libmemcached), which speaks both. What they do is
 * in programs of their own beside this file; here is who else reads and writes the same keys.
 */

import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BinaryClient, keyed, store } from '../conformance/memcached-binary-client.js';
import { availableMemcached, type MemcachedServer, startMemcached } from '../conformance/memcached-servers.js';
import { isInstalled } from '../conformance/tools.js';

/** Debian's packages are for Debian's Python, which need not be the first on the path. */
const PYTHON = '/usr/bin/python3';
const PASSWORD = 'open sesame';
const TIMEOUT_MS = 60_000;
const FROM_OUTSIDE = 'stored outside';
const FROM_PYTHON = 'stored by python';

function installed(module: string): boolean {
  const found = spawnSync(PYTHON, ['-c', `import ${module}`]).status === 0;
  return isInstalled(`python3-${module}`, found, 'its tests are skipped');
}

/** Runs a program and returns what it printed and its exit code. */
function run(program: string, ...args: string[]): Promise<{ code: number | null; printed: string }> {
  return new Promise((resolve, reject) => {
    const file = join(import.meta.dirname, program);
    const child = spawn(PYTHON, [file, ...args], { timeout: TIMEOUT_MS });
    let printed = '';
    const collect = (chunk: Buffer): void => {
      printed += chunk;
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, printed }));
  });
}

/** Stores a key by another protocol: Redis's where there is one. */
async function storeOutside({ port, redisPort }: MemcachedServer, password?: string): Promise<void> {
  if (redisPort !== 0) {
    const redis = new Redis({ port: redisPort, password });
    await redis.set('from-outside', FROM_OUTSIDE);
    await redis.quit();
    return;
  }
  const client = await BinaryClient.open(port);
  expect(await client.ask(store('set', 'from-outside', FROM_OUTSIDE))).toEqual(['set OK +cas']);
  client.close();
}

async function readOutside({ port, redisPort }: MemcachedServer, password?: string): Promise<string | null> {
  if (redisPort !== 0) {
    const redis = new Redis({ port: redisPort, password });
    const value = await redis.get('from-python');
    await redis.quit();
    return value;
  }
  const client = await BinaryClient.open(port);
  await client.ask(keyed('get', 'from-python'));
  client.close();
  return client.lastValue.toString();
}

const hasPymemcache = installed('pymemcache');
const hasPylibmc = installed('pylibmc');

for (const name of availableMemcached()) {
  describe(`on ${name}`, () => {
    let server: MemcachedServer;

    beforeAll(async () => {
      server = await startMemcached(name);
    });
    afterAll(() => server.stop());

    test.skipIf(!hasPymemcache)(
      'pymemcache',
      async () => {
        await storeOutside(server);
        expect(await run('memcached-pymemcache.py', String(server.port))).toEqual({ code: 0, printed: 'ok\n' });
        expect(await readOutside(server)).toBe(FROM_PYTHON);
      },
      TIMEOUT_MS,
    );

    test.skipIf(!hasPylibmc).each(['text', 'binary'])(
      'pylibmc, %s',
      async (protocol) => {
        await storeOutside(server);
        expect(await run('memcached-pylibmc.py', String(server.port), protocol)).toEqual({ code: 0, printed: 'ok\n' });
        expect(await readOutside(server)).toBe(FROM_PYTHON);
      },
      TIMEOUT_MS,
    );
  });
}

describe.skipIf(!hasPylibmc)('a password', () => {
  let server: MemcachedServer;

  beforeAll(async () => {
    server = await startMemcached('ashlar', { ashlar: ['--requirepass', PASSWORD] });
  });
  afterAll(() => server.stop());

  test(
    'pylibmc gives it by SASL',
    async () => {
      await storeOutside(server, PASSWORD);
      const right = await run('memcached-pylibmc.py', String(server.port), 'binary', 'default', PASSWORD);
      expect(right).toEqual({ code: 0, printed: 'ok\n' });
      expect(await readOutside(server, PASSWORD)).toBe(FROM_PYTHON);
      const wrong = await run('memcached-pylibmc.py', String(server.port), 'binary', 'default', 'wrong');
      expect(wrong.code).not.toBe(0);
      expect(wrong.printed).not.toContain('ok\n');
    },
    TIMEOUT_MS,
  );
});
