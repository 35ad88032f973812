/** Bytes that look like protocol where none is meant: every reply is exactly the one that belongs to its request. */

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { frame, type Reply, type RespClient } from '../conformance/resp-client.js';
import { RunningServer } from '../conformance/servers.js';
import { expectUnharmed, openSocket, receivedUntilClosed } from './fault-helpers.js';
import { eventually, text } from './server-helpers.js';

const HOSTILE = [
  '\r\n',
  'a\r\nb',
  '\r\n+OK\r\n',
  '$-1\r\n',
  '*2\r\n$3\r\nGET\r\n$1\r\nk\r\n',
  '-ERR fake\r\n',
  ':1\r\n',
  '_\r\n',
  '>2\r\n+message\r\n+x\r\n',
  '%1\r\n+a\r\n+b\r\n',
  '\0',
  'a\0b',
  '\n',
  '\r',
  '\xff\xfe\x80',
  ' lead and trail ',
  '"quoted"',
  "'",
  '',
  'QUIT\r\n',
  'x'.repeat(70_000),
];

let server: RunningServer;
let client: RespClient;

beforeEach(async () => {
  server = await RunningServer.start('ashlar');
  client = await server.open();
});

afterEach(async () => {
  client.close();
  await server.stop();
});

/** Sends bytes, ends, and returns all that comes. */
async function exchange(bytes: string): Promise<string> {
  const socket = await openSocket(server.port);
  const received = receivedUntilClosed(socket);
  socket.end(Buffer.from(bytes, 'latin1'));
  return await received;
}

describe.each([2, 3])('over RESP%i', (protocol) => {
  beforeEach(async () => {
    await client.command('HELLO', String(protocol));
  });

  test('values and keys come back byte for byte', async () => {
    for (const bytes of HOSTILE) {
      expect(text(await client.command('SET', bytes, bytes))).toBe('OK');
      expect(text(await client.command('GET', bytes))).toBe(bytes);
      expect(text(await client.command('ECHO', bytes))).toBe(bytes);
      expect(text(await client.command('PING', bytes))).toBe(bytes);
      const many = (await client.command('MGET', bytes, 'none', bytes)).value as Reply[];
      expect(many.map(({ value }) => value)).toEqual([bytes, null, bytes]);
    }
    const keys = (await client.command('KEYS', '*')).value as Reply[];
    expect(keys.map(text).sort()).toEqual([...new Set(HOSTILE)].sort());
  });

  test('errors that repeat what was sent are one line', async () => {
    for (const bytes of HOSTILE) {
      const requests = [
        [`NOSUCH${bytes}`, bytes, bytes],
        ['CLIENT', `NOSUCH${bytes}`],
        ['OBJECT', `NOSUCH${bytes}`, 'k'],
        ['SET', 'k', 'v', bytes],
        ['CONFIG', 'SET', `no-such${bytes}`, bytes],
        ['CONFIG', 'SET', 'maxmemory-policy', `no-such${bytes}`],
        ['CLIENT', 'SETNAME', `a b${bytes}`],
        ['CLIENT', 'LIST', 'TYPE', `none${bytes}`],
        ['HELLO', '3', 'AUTH', bytes, bytes],
        ['AUTH', bytes],
        ['COMMAND', 'INFO', bytes],
        ['DEBUG', `NOSUCH${bytes}`],
        ['SCAN', '0', 'TYPE', bytes],
        ['BITFIELD', 'k', 'GET', `u8${bytes}`, '0', bytes],
      ];
      for (const request of requests) client.write(frame(request));
      client.write(frame(['ECHO', 'behind']));
      for (const request of requests) {
        const reply = await client.reply();
        if (reply.type === '-') expect(text(reply), JSON.stringify(request)).not.toMatch(/[\r\n\0]/);
      }
      expect(text(await client.reply())).toBe('behind');
    }
  });

  test('MONITOR shows them escaped, on one line', async () => {
    const watcher = await server.open();
    expect(text(await watcher.command('MONITOR'))).toBe('OK');
    for (const bytes of HOSTILE) await client.command('GET', bytes);
    await client.command('ECHO', 'last');
    let line: string;
    do {
      line = text(await watcher.reply());
      expect(line).toMatch(/^\d+\.\d+ \[0 127\.0\.0\.1:\d+\] "[\x20-\x7e]*"$/);
    } while (!line.endsWith('"ECHO" "last"'));
    watcher.close();
  });
});

describe('protocol errors', () => {
  test('are the last reply, are behind all that came before them, and arrive whatever is still being sent', async () => {
    for (const [bytes, error] of [
      ['*1\r\n:4\r\n', "expected '$', got ':'"],
      ['*x\r\n', 'invalid multibulk length'],
      ['*2000000000000\r\n', 'invalid multibulk length'],
      ['*1\r\n$-5\r\n', 'invalid bulk length'],
      ['SET "a\r\n', 'unbalanced quotes in request'],
    ]) {
      const flood = 'SET k v\r\n'.repeat(100_000);
      const replies = await exchange(`PING\r\nECHO x\r\n${bytes}${flood}`);
      expect(replies).toBe(`+PONG\r\n$1\r\nx\r\n-ERR Protocol error: ${error}\r\n`);
    }
    expect((await client.command('EXISTS', 'k')).value).toBe('0');
    await expectUnharmed(server);
  });
});

describe('HTTP', () => {
  test('is hung up on', async () => {
    for (const request of [
      'POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nSET k v\r\n',
      'GET / HTTP/1.1\r\nHost: localhost\r\n\r\nSET k v\r\n',
      'PUT /x HTTP/1.1\r\nhost: evil\r\n\r\nSET k v\r\n',
    ]) {
      // At most the error of the first line: nothing behind POST or Host: is looked at.
      expect(await exchange(request)).toMatch(/^(-ERR [^\r\n]*\r\n)?$/);
    }
    expect((await client.command('EXISTS', 'k')).value).toBe('0');
    await eventually('logged', () => server.log.includes('Possible SECURITY ATTACK detected'));
  });
});
