/** How a server ends, and what it leaves behind. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { RespClient } from '../conformance/resp-client.js';
import { RunningServer } from '../conformance/servers.js';
import { eventually, exitCode, infoField, text } from './server-helpers.js';

let server: RunningServer;
const directories: string[] = [];

afterEach(async () => {
  await server.stop();
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true });
});

describe('SHUTDOWN', () => {
  test.each(['SHUTDOWN', 'SHUTDOWN NOSAVE', 'SHUTDOWN NOW', 'shutdown save force', 'SHUTDOWN NOSAVE NOW FORCE'])(
    '%s ends the process without a reply',
    async (command) => {
      server = await RunningServer.start('ashlar');
      const client = await server.open();
      const other = await server.open();
      await other.command('PING');
      await expect(client.command(...command.split(' '))).rejects.toThrow('closed');
      expect(await exitCode(server)).toBe(0);
      await eventually('the other client hears of it', () => other.closed);
    },
  );

  test('SAVE is refused, because there is nothing to save to', async () => {
    server = await RunningServer.start('ashlar');
    const client = await server.open();
    expect(text(await client.command('SHUTDOWN', 'SAVE'))).toBe('ERR Errors trying to SHUTDOWN. Check logs.');
    expect(text(await client.command('PING'))).toBe('PONG');
    const message = 'SHUTDOWN SAVE was refused: persistence is not available';
    await eventually('logged', () => server.log.includes(message));
  });
});

describe('SIGTERM', () => {
  test('what has been read is answered', async () => {
    server = await RunningServer.start('ashlar');
    const clients = await Promise.all(Array.from({ length: 20 }, () => server.open()));
    for (const client of clients) await client.command('PING');
    for (const client of clients) client.write('INCR n\r\n'.repeat(500));
    // The first reply says that the commands have arrived.
    await clients[0].reply();
    server.process.kill('SIGTERM');
    expect(await exitCode(server)).toBe(0);
    await eventually('all closed', () => clients.every((client) => client.closed));
    // All of a packet or nothing: it was read, or it was not.
    for (const client of clients) expect([0, 499, 500]).toContain(client.untaken);
  });

  test('a command that answers later answers', async () => {
    server = await RunningServer.start('ashlar');
    const client = await server.open();
    const admin = await server.open();
    await client.command('CLIENT', 'SETNAME', 'waiting');
    // In one packet: both are read, or none.
    client.write('CLIENT LIST\r\nCONFIG SET timeout 7\r\n');
    const replies = [client.reply(), client.reply()];
    await eventually('read', async () => {
      const list = text(await admin.command('CLIENT', 'LIST'));
      return / name=waiting .* cmd=(?:client\|list|config\|set) /.test(list);
    });
    server.process.kill('SIGTERM');
    expect(text(await replies[0])).toContain('id=');
    expect(text(await replies[1])).toBe('OK');
    expect(await exitCode(server)).toBe(0);
  });

  test('a client that does not read its replies does not hold up the end for long', async () => {
    server = await RunningServer.start('ashlar');
    const client = await server.open();
    await client.command('SET', 'big', 'x'.repeat(4 << 20));
    client.pause();
    client.write('GET big\r\n'.repeat(8));
    await new Promise((resolve) => setTimeout(resolve, 200));
    server.process.kill('SIGTERM');
    expect(await exitCode(server)).toBe(0);
  });
});

describe('CONFIG REWRITE', () => {
  test('writes what CONFIG SET changed into the file that the server was started with', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'rewrite-'));
    directories.push(directory);
    const file = join(directory, 'ashlar.conf');
    writeFileSync(file, '# mine\ntimeout 30\nhz 20\n');
    server = await RunningServer.start('ashlar', [file]);
    const client = await server.open();
    expect(await infoField(client, 'config_file')).toBe(file);
    expect(text(await client.command('CONFIG', 'SET', 'timeout', '60', 'maxclients', '500'))).toBe('OK');
    expect(text(await client.command('CONFIG', 'REWRITE'))).toBe('OK');
    const lines = readFileSync(file, 'utf8').split('\n');
    expect(lines.slice(0, 3)).toEqual(['# mine', 'timeout 60', 'hz 20']);
    expect(lines).toContain('maxclients 500');
  });
});

describe('a unix socket', () => {
  test('is served, and shown as Redis shows it', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'socket-'));
    directories.push(directory);
    const path = join(directory, 'ashlar.sock');
    server = await RunningServer.start('ashlar', ['--unixsocket', path]);
    const client = await RespClient.openPath(path);
    const line = text(await client.command('CLIENT', 'INFO'));
    expect(line).toMatch(new RegExp(`^id=\\d+ addr=${path}:0 laddr=${path}:0 fd=\\d+ name= age=\\d+ idle=0 flags=U `));
    const monitor = await server.open();
    await monitor.command('MONITOR');
    await client.command('PING');
    expect(text(await monitor.reply())).toMatch(new RegExp(`^\\d+\\.\\d{6} \\[0 unix:${path}\\] "PING"$`));
    expect(await infoField(client, 'listener1')).toBe(`name=unix,bind=${path}`);
    client.close();
    monitor.close();
  });
});
