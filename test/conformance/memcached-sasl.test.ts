/**
 * Authentication of binary clients, on our server and, as far as it goes without a database of users, on the real memcached with SASL.
 */

import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { BinaryClient, type BinaryRequest, flush, keyed, request, store } from './memcached-binary-client.js';
import { availableMemcached, type MemcachedServer, startMemcached } from './memcached-servers.js';
import { isInstalled } from './tools.js';

const PASSWORD = 'open sesame';
const AUTH_ERROR = 'value="Auth failure."';

/** Where Debian has SASL's plugins (libsasl2-modules). */
const PLUGINS = '/usr/lib';

function hasPlain(): boolean {
  const found = readdirSync(PLUGINS).some((name) => existsSync(join(PLUGINS, name, 'sasl2', 'libplain.so')));
  return isInstalled('libsasl2-modules', found, 'SASL is not checked against the real memcached');
}

function auth(mechanism: string, message: string): BinaryRequest {
  return request('sasl-auth', { key: mechanism, value: message });
}

for (const name of availableMemcached()) {
  describe.skipIf(name === 'memcached' && !hasPlain())(`SASL on ${name}`, () => {
    let server: MemcachedServer;
    let directory: string;
    let client: BinaryClient;

    beforeAll(async () => {
      directory = mkdtempSync(join(tmpdir(), 'conformance-sasl-'));
      writeFileSync(join(directory, 'memcached.conf'), 'mech_list: plain\n');
      const args = { ashlar: ['--requirepass', PASSWORD], memcached: ['-S'] };
      server = await startMemcached(name, args, { SASL_CONF_PATH: directory });
    });
    afterAll(async () => {
      await server.stop();
      rmSync(directory, { recursive: true });
    });

    beforeEach(async () => {
      client = await BinaryClient.open(server.port);
    });
    afterEach(() => client.close());

    /** Sends one request and returns the response: before authentication there is no NOOP behind it. */
    async function one(sent: BinaryRequest): Promise<string> {
      return (await client.askEach(sent))[0];
    }

    test('the mechanism is PLAIN', async () => {
      expect(await one(request('sasl-list-mechs'))).toBe('sasl-list-mechs OK value="PLAIN"');
      expect(await one(request('version'))).toMatch(/^version OK value="\d/);
    });

    test('whoever has not authenticated is refused, and the connection is closed', async () => {
      for (const [sent, operation] of [
        [keyed('get', 'k'), 'get'],
        [store('setq', 'k', 'v'), 'setq'],
        [request('noop'), 'noop'],
        [flush('flush'), 'flush'],
        [request('stat'), 'stat'],
        [request('quitq'), 'quitq'],
        [{ opcode: 0x40 }, '0x40'],
        [keyed('get', ''), 'get'],
      ] as const) {
        const other = await BinaryClient.open(server.port);
        expect(await other.askUntilClosed(sent)).toEqual([`${operation} AUTH_ERROR ${AUTH_ERROR}`]);
      }
    });

    test('what is wrong is refused, and may be tried again', async () => {
      for (const message of ['\0default\0wrong', '\0nobody\0open sesame', 'default', '\0\0', '\0default\0'])
        expect(await one(auth('PLAIN', message)), message).toBe(`sasl-auth AUTH_ERROR ${AUTH_ERROR}`);
      expect(await one(auth('NO-SUCH', '\0default\0open sesame'))).toBe(`sasl-auth AUTH_ERROR ${AUTH_ERROR}`);
      expect(await one(request('sasl-step', { key: 'PLAIN', value: 'x' }))).toBe(`sasl-step AUTH_ERROR ${AUTH_ERROR}`);
      expect(await client.askUntilClosed(keyed('get', 'k'))).toEqual([`get AUTH_ERROR ${AUTH_ERROR}`]);
    });

    test('the message may come by itself', async () => {
      const step = request('sasl-step', { key: 'PLAIN', value: '\0default\0wrong' });
      expect(await one(auth('PLAIN', ''))).toBe('sasl-auth AUTH_CONTINUE');
      expect(await one(step)).toBe(`sasl-step AUTH_ERROR ${AUTH_ERROR}`);
      expect(await one(step)).toBe(`sasl-step AUTH_ERROR ${AUTH_ERROR}`);
    });

    test.skipIf(name === 'memcached')(
      'the right password lets in (ours alone: the real one has no users)',
      async () => {
        expect(await one(auth('PLAIN', '\0default\0wrong'))).toBe(`sasl-auth AUTH_ERROR ${AUTH_ERROR}`);
        expect(await one(auth('plain', `\0default\0${PASSWORD}`))).toBe('sasl-auth OK value="Authenticated"');
        expect(await client.ask(store('set', 'k', 'v'), keyed('get', 'k'))).toEqual([
          'set OK +cas',
          'get OK flags=0 value="v" +cas',
        ]);
        const other = await BinaryClient.open(server.port);
        expect(
          await other.askEach(
            auth('PLAIN', ''),
            request('sasl-step', { key: 'PLAIN', value: `\0default\0${PASSWORD}` }),
            keyed('get', 'k'),
          ),
        ).toEqual(['sasl-auth AUTH_CONTINUE', 'sasl-step OK value="Authenticated"', 'get OK flags=0 value="v" +cas']);
        other.close();
        expect(await one(auth('PLAIN', `somebody\0default\0${PASSWORD}`))).toBe('sasl-auth OK value="Authenticated"');
      },
    );
  });
}
