/** Defaults, file, environment and command line: which wins, and what a bad value is answered with. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { PARAMETER_NAMES, variableOf } from '../../../../src/server/config/schema.js';
import { loadConfig, unknownVariables } from '../../../../src/server/config/sources.js';

const machine = { cores: 2, memoryBytes: 2 ** 32 };
const directory = mkdtempSync(join(tmpdir(), 'ashlar-sources-'));
const file = join(directory, 'ashlar.conf');
writeFileSync(file, 'timeout 1\nhz 11\nmaxclients 5\n');
afterAll(() => rmSync(directory, { recursive: true }));

it('later sources win', async () => {
  const config = await loadConfig({
    file,
    environment: { ASHLAR_TIMEOUT: '2', ASHLAR_HZ: '12', ASHLAR_NATIVE: 'off', OTHER: 'x' },
    options: { timeout: ['3'], 'client-output-buffer-limit': ['normal', '1', '2', '3'] },
    machine,
  });
  expect([config.timeout, config.hz, config.maxclients]).toEqual([3, 12, 5]);
  expect(config.native).toBe('off');
  expect(config.clientOutputBufferLimit.normal).toEqual({ hardBytes: 1, softBytes: 2, softSeconds: 3 });
  expect(config.file).toBe(file);
});

it('reads lists from the environment', async () => {
  const environment = { ASHLAR_BIND: '127.0.0.1 * -::*', ASHLAR_REQUIREPASS: 'two words "quoted' };
  const config = await loadConfig({ environment, machine });
  expect(config.bind).toEqual(['127.0.0.1', '0.0.0.0', '-::']);
  expect(config.requirepass).toBe('two words "quoted');
  expect(config.file).toBeUndefined();
});

it('takes an empty variable as one that is not set', async () => {
  const environment = Object.fromEntries(PARAMETER_NAMES.map((name) => [variableOf(name), '']));
  const config = await loadConfig({ file, environment, options: { requirepass: [''] }, machine });
  expect([config.timeout, config.hz, config.requirepass]).toEqual([1, 11, '']);
  expect(config.native).toBe(config.initial('native'));
  expect(config.port).toBe(6379);
  expect(unknownVariables({ ASHLAR_MAXMEM: '' })).toEqual([]);
});

it('is not confused by what orchestrators set for a service called ashlar', async () => {
  const environment = { ASHLAR_PORT: 'tcp://10.0.0.1:6379', ASHLAR_PORT_6379_TCP: 'x', ASHLAR_SERVICE_HOST: 'x' };
  expect((await loadConfig({ environment, machine })).port).toBe(6379);
  expect(unknownVariables(environment)).toEqual([]);
});

it('finds variables that mean nothing', () => {
  expect(unknownVariables({ ASHLAR_MAXMEM: '1', ASHLAR_MAXMEMORY: '1', PATH: '' })).toEqual(['ASHLAR_MAXMEM']);
});

it('says where a bad value stands, and not what a secret is', async () => {
  const bad = (sources: object) => expect(loadConfig({ machine, ...sources })).rejects;
  await bad({ environment: { ASHLAR_HZ: 'x' } }).toThrow("ASHLAR_HZ: argument couldn't be parsed into an integer");
  await bad({ options: { maxmemory: ['x'] } }).toThrow('--maxmemory: argument must be a memory value');
  await bad({ environment: { ASHLAR_BIND: '"x' } }).toThrow('ASHLAR_BIND: unbalanced quotes');
  await bad({ options: { bind: Array(17).fill('::1') } }).toThrow('--bind: Too many bind addresses specified.');
  await bad({ file: join(directory, 'none.conf') }).toThrow('cannot read the configuration file: ENOENT');
});
