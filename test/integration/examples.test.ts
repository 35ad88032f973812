/** The examples of leases run, and print what they promise. */

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { availableMemcached, startMemcached } from '../conformance/memcached-servers.js';

const EXAMPLES = join(import.meta.dirname, '..', '..', 'examples');
const TIMEOUT_MS = 30_000;

/** Runs a program to its end and returns what it printed, errors too. */
function output(program: string, ...args: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { timeout: TIMEOUT_MS });
    let printed = '';
    const collect = (chunk: Buffer): void => {
      printed += chunk;
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    child.once('error', reject);
    child.once('close', () => resolve(printed));
  });
}

describe('examples of leases', () => {
  test(
    'by a Redis client, with a door of its own and on a server',
    async () => {
      const promised = [
        '100 requests, 1 page, 1 load',
        'meanwhile others get: the page as of load 1',
        'the one who made it:  the page as of load 2',
      ];
      const server = await startMemcached('ashlar');
      try {
        for (const port of [[], [String(server.redisPort)]]) {
          const printed = await output(process.execPath, join(EXAMPLES, 'leases.mjs'), ...port);
          const lines = printed.trim().split('\n');
          expect(lines.filter((line) => !line.startsWith('{'))).toEqual(promised);
        }
      } finally {
        await server.stop();
      }
    },
    TIMEOUT_MS,
  );

  test.each(availableMemcached())(
    'by meta commands, on %s',
    async (name) => {
      const server = await startMemcached(name);
      try {
        const printed = await output('python3', join(EXAMPLES, 'leases-memcached.py'), String(server.port));
        expect(printed.trim().split('\n')).toEqual([
          '20 requests, 1 page, 1 load',
          'meanwhile others get: the page as of load 1',
          'and then:             the page as of load 2',
        ]);
      } finally {
        await server.stop();
      }
    },
    TIMEOUT_MS,
  );
});
