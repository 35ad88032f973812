/** The life of a server process: start, signals, end. */

import { once } from 'node:events';
import { mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { Cli } from './cli.js';

const SMALL = ['serve', '--port', '0', '--memcached-port', '0', '--threads', '1', '--maxmemory', '64mb'];
const directory = mkdtempSync(join(tmpdir(), 'ashlar-serve-'));
const started: Cli[] = [];

function start(...args: string[]): Cli {
  const cli = new Cli([...SMALL, ...args]);
  started.push(cli);
  return cli;
}

afterEach(() => {
  for (const cli of started.splice(0)) cli.process.kill('SIGKILL');
});
afterAll(() => rmSync(directory, { recursive: true }));

describe('serve', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('stops in good order on %s', async (signal) => {
    const cli = start();
    expect(await cli.ready()).toMatch(/^Ashlar /);
    cli.process.kill(signal);
    const { code, stderr } = await cli.ended;
    expect(code).toBe(0);
    expect(stderr).toContain(`${signal} received`);
  });

  it('takes two signals in a row for one: npm repeats what the terminal sends', async () => {
    const cli = start();
    await cli.ready();
    cli.process.kill('SIGINT');
    cli.process.kill('SIGINT');
    expect((await cli.ended).code).toBe(0);
  });

  it.each(['auto', 'off'])(
    'does without an address that may be missing, but not without any (native %s)',
    async (native) => {
      // 192.0.2.0 is for documentation, and nobody's.
      const quiet = ['--native', native, '--loglevel', 'nothing'];
      const cli = start('--bind', '127.0.0.1', '-192.0.2.1', ...quiet);
      expect(await cli.ready()).toMatch(/ready on 127\.0\.0\.1:\d+ \(Redis\):/);
      expect(await start('--bind', '-192.0.2.1', ...quiet).ended).toEqual({
        code: 1,
        stdout: '',
        stderr: 'ashlar: cannot open the Redis door: none of the addresses of bind is there\n',
      });
    },
  );

  it('says in one line that its port is taken', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => holder.once('listening', resolve));
    const { port } = holder.address() as AddressInfo;
    const { code, stdout, stderr } = await start('--port', String(port), '--loglevel', 'nothing').ended;
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(new RegExp(`^ashlar: .*${port}.*\n$`));
    holder.close();
  });

  it('says in one line that the Memcached port is taken, and leaves the Redis port', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => holder.once('listening', resolve));
    const { port } = holder.address() as AddressInfo;
    for (const native of ['auto', 'off']) {
      const cli = start('--memcached-port', String(port), '--native', native, '--loglevel', 'nothing');
      const { code, stdout, stderr } = await cli.ended;
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(stderr).toMatch(new RegExp(`^ashlar: cannot open the Memcached door: .*:${port} \\(memcached-port .*\n$`));
    }
    holder.close();
  });

  it('says in one line that the memory is too little', async () => {
    const { code, stderr } = await start('--maxmemory', '1kb', '--loglevel', 'nothing').ended;
    expect(code).toBe(1);
    expect(stderr).toMatch(/^ashlar: .*maxmemory.*\n$/);
  });

  it('logs to a file, and opens it anew on SIGHUP', async () => {
    const [log, rotated] = [join(directory, 'a.log'), join(directory, 'a.log.1')];
    const cli = start('--logfile', log, '--loglevel', 'verbose', '--bind', '0.0.0.0');
    await cli.ready();
    renameSync(log, rotated);
    cli.process.kill('SIGHUP');
    await vi.waitFor(() => readFileSync(log), 5000);
    cli.process.kill('SIGTERM');
    const { code, stderr } = await cli.ended;
    expect([code, stderr]).toEqual([0, '']);
    expect(readFileSync(rotated, 'utf8')).toContain('without a password');
    expect(readFileSync(log, 'utf8')).toContain('SIGTERM received');
  });

  it('serves though nobody reads what it prints', async () => {
    const path = join(directory, 'unread.sock');
    const cli = start('--unixsocket', path);
    cli.process.stdout?.destroy();
    await vi.waitFor(
      () =>
        once(
          connect(path).on('error', () => {}),
          'connect',
          { signal: AbortSignal.timeout(100) },
        ),
      5000,
    );
    cli.process.kill('SIGTERM');
    expect(await cli.ended).toMatchObject({ code: 0, stderr: expect.stringContaining('SIGTERM received') });
  });

  it('warns of variables that mean nothing', async () => {
    const cli = new Cli(SMALL, { ASHLAR_MAXMEM: '1gb' });
    started.push(cli);
    await cli.ready();
    expect(cli.stderr).toContain('ASHLAR_MAXMEM is not known');
  });
});
