/** The command line: help, version, and one clear line for whatever is wrong. */

import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { PARAMETER_NAMES } from '../../../src/server/config/schema.js';
import { ashlar } from './cli.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const directory = mkdtempSync(join(tmpdir(), 'ashlar-cli-'));
const badFile = join(directory, 'bad.conf');
writeFileSync(badFile, '# fine\nmaxmemory lots\n');
afterAll(() => rmSync(directory, { recursive: true }));

describe('help', () => {
  it('names every parameter', async () => {
    const { code, stdout } = await ashlar(['serve', '--help']);
    expect(code).toBe(0);
    for (const name of PARAMETER_NAMES) expect(stdout).toContain(`--${name} <`);
  });

  it('names the commands', async () => {
    const { code, stdout } = await ashlar(['--help']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/serve.*bench/s);
  });

  it('tells the version', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'));
    expect(await ashlar(['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
  });
});

describe('bench', () => {
  it('has a help of its own', async () => {
    const { code, stdout } = await ashlar(['bench', '--help']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^usage: .*--quick/s);
  });

  it('says in an installed package that it is not there', () => {
    const installed = join(directory, 'installed');
    for (const part of ['bin', 'dist', 'package.json'])
      cpSync(join(ROOT, part), join(installed, part), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules'), join(installed, 'node_modules'));
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(installed, 'bin/ashlar.mjs'), 'bench'], {
      encoding: 'utf8',
    });
    const text = 'the benchmark is not in the installed package: run `npm run bench` in a checkout of the sources';
    expect({ status, stdout, stderr }).toEqual({ status: 1, stdout: '', stderr: `ashlar: ${text}\n` });
  });
});

describe('what is wrong gets one line and exit code 1', () => {
  it.each<[string[], string, Record<string, string>?]>([
    [['start'], "unknown command 'start'"],
    [['serve', '--maxmem', '1gb'], "unknown option '--maxmem' (Did you mean --maxmemory?)"],
    [['serve', '--port'], "option '--port <value>' argument missing"],
    [['serve', 'a.conf', 'b.conf'], "too many arguments for 'serve'. Expected 1 argument but got 2."],
    [['serve', '--port', '70000'], '--port: argument must be between 0 and 65535 inclusive'],
    [['serve', '--maxmemory', 'lots'], '--maxmemory: argument must be a memory value'],
    [['serve'], "ASHLAR_HZ: argument couldn't be parsed into an integer", { ASHLAR_HZ: 'often' }],
    [['serve', badFile], `${badFile}, line 2: maxmemory: argument must be a memory value`],
    [
      ['serve', join(directory, 'none.conf')],
      `cannot read the configuration file: ENOENT: no such file or directory, open '${join(directory, 'none.conf')}'`,
    ],
    [
      ['serve', '--logfile', join(directory, 'no', 'log')],
      `cannot open the log file: ENOENT: no such file or directory, open '${join(directory, 'no', 'log')}'`,
    ],
  ])('%j', async (args, message, environment = {}) => {
    expect(await ashlar(args, environment)).toEqual({ code: 1, stdout: '', stderr: `ashlar: ${message}\n` });
  });
});
