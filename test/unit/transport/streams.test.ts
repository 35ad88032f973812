/** The stream transport: doors of several protocols, and connections that are suspended in the middle of what they sent. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  CLOSE_PEER,
  CLOSE_QUERY_LIMIT,
  SPEAKS_MEMCACHED,
  SPEAKS_MEMCACHED_BINARY,
  SPEAKS_MEMCACHED_TEXT,
  SPEAKS_RESP,
} from '../../../src/protocol/descriptors.js';
import { ARGS_MAX } from '../../../src/transport/transport.js';
import { header, request } from '../protocol/memcached-streams.js';
import { encode } from '../protocol/split-stream.js';
import { eventually, StreamDoors } from './stream-door.js';

const NOOP = request({ opcode: 0x0a });
const NOOP_SHOWN = ['noop', '', NOOP, '', '', ''];
const MN = ['mn', '', 'mn'];
const LIMIT = 1000;

let doors: StreamDoors;

beforeEach(async () => {
  doors = await StreamDoors.open();
});

afterEach(() => doors.destroy());

describe('a door', () => {
  it('says what is spoken on its connections', async () => {
    for (const speaks of [SPEAKS_MEMCACHED_BINARY, SPEAKS_RESP, SPEAKS_MEMCACHED, SPEAKS_MEMCACHED_TEXT]) {
      await doors.connect(speaks);
      await eventually(() => doors.introduced.at(-1)?.[1] === speaks);
    }
    expect(new Set(doors.introduced.map(([connection]) => connection)).size).toBe(4);
  });

  it('for Redis takes lines for inline commands', async () => {
    const client = await doors.connect(SPEAKS_RESP);
    await client.send(`get k\r\n${encode('GET', 'k')}`);
    await client.replies(2);
    expect(doors.log).toEqual([
      ['command 0', 'flags 2', 'get', 'k'],
      ['command 0', '', 'GET', 'k'],
    ]);
  });

  it('for Memcached takes a connection for text or binary by its first byte, for good', async () => {
    const text = await doors.connect(SPEAKS_MEMCACHED);
    const binary = await doors.connect(SPEAKS_MEMCACHED);
    await text.send('m');
    await binary.send(NOOP.slice(0, 1));
    await text.send('n\r\n');
    await binary.send(NOOP.slice(1));
    expect(await text.replies(1)).toEqual(['mn']);
    expect(await binary.replies(1)).toEqual(['noop']);
    await text.send('\x80\r\n');
    await binary.send('mn\r\n');
    expect(await text.replies(2)).toEqual(['mn', 'unknown']);
    expect(await binary.replies(2)).toEqual(['noop', 'error 21']);
    await eventually(() => binary.ended);
    expect(text.ended).toBe(false);
  });

  it('for one of the two takes no other', async () => {
    const text = await doors.connect(SPEAKS_MEMCACHED_TEXT);
    const binary = await doors.connect(SPEAKS_MEMCACHED_BINARY);
    await text.send(`${header({ opcode: 0x01 })}\r\nmn\r\n`);
    await binary.send('mn\r\n');
    expect(await text.replies(2)).toEqual(['unknown', 'mn']);
    expect(await binary.replies(1)).toEqual(['error 21']);
    await eventually(() => binary.ended);
  });

  it('refuses in its own words', async () => {
    doors.refusal = 'full';
    for (const speaks of [SPEAKS_RESP, SPEAKS_MEMCACHED]) {
      const client = await doors.connect(speaks);
      await eventually(() => client.ended);
      expect(client.received).toBe(`full ${speaks}`);
    }
    expect(doors.introduced).toEqual([]);
  });
});

describe('large frames', () => {
  it('are put together from many chunks', async () => {
    const client = await doors.connect(SPEAKS_MEMCACHED);
    const value = 'v'.repeat(3_000_000);
    await client.send(`set k 0 0 ${value.length}\r\n${value}\r\nmn\r\n`);
    await client.replies(2);
    expect(doors.log).toEqual([['set', 'data', 'set', 'k', '0', '0', String(value.length), value], MN]);
  });

  it('with more arguments than the arena has get an array of their own', async () => {
    const client = await doors.connect(SPEAKS_MEMCACHED);
    await client.send(`mn\r\nget${' k'.repeat(ARGS_MAX)}\r\nmn\r\n`);
    await client.replies(3);
    expect(doors.log.map((command) => [(command as string[])[0], (command as string[]).length])).toEqual([
      ['mn', 3],
      ['get', ARGS_MAX + 3],
      ['mn', 3],
    ]);
  });

  it('without an end are closed at the limit on what is kept', async () => {
    doors.transport.setQueryBufferLimit(100_000);
    const client = await doors.connect(SPEAKS_MEMCACHED);
    await client.send(`get${' key'.repeat(50_000)}`);
    await eventually(() => client.ended && doors.closed.length === 1);
    expect(doors.closed).toEqual([CLOSE_QUERY_LIMIT]);
    expect(doors.log).toEqual([]);
  });
});

describe('values above the limit', () => {
  const line = `set k 0 0 ${LIMIT + 1}\r\n`;
  const shown = ['set', 'too large', 'set', 'k', '0', '0', String(LIMIT + 1)];
  const large = { opcode: 0x01, key: 'k', extras: '12345678', value: 'v'.repeat(300_000) };
  const largeShown = ['set', 'too large', header(large), 'k', '12345678', ''];

  async function connected(): Promise<[Awaited<ReturnType<StreamDoors['connect']>>, number]> {
    const client = await doors.connect(SPEAKS_MEMCACHED);
    await eventually(() => doors.introduced.length > 0);
    const [slot] = doors.introduced.at(-1) as [number, number];
    doors.transport.setLimits(slot, 1024, LIMIT, 0);
    return [client, slot];
  }

  it('are answered at once, and thrown away as they come', async () => {
    const [client, slot] = await connected();
    await client.send(`mn\r\n${line}${'mn\r\n'.repeat(100)}`);
    expect(await client.replies(2)).toEqual(['mn', 'set']);
    expect(doors.transport.pendingInput(slot)).toBe(0);
    await client.send(`${'v'.repeat(LIMIT + 1 - 400)}\r\nmn\r\n`);
    expect(await client.replies(3)).toEqual(['mn', 'set', 'mn']);
    expect(doors.log).toEqual([MN, shown, MN]);
    client.socket.destroy();
    await eventually(() => doors.closed.length === 1);
    expect(doors.closed).toEqual([CLOSE_PEER]);
  });

  it('of the binary protocol, too', async () => {
    const [client] = await connected();
    await client.send(NOOP + request(large) + NOOP);
    await client.replies(3);
    expect(doors.log).toEqual([NOOP_SHOWN, largeShown, NOOP_SHOWN]);
  });

  it.each([
    ['its own command', 'set', 0],
    ['its own command, with a part of the value', 'set', 600],
    ['its own command, with all of the value', 'set', LIMIT + 3],
    ['a command in front', 'mn', 0],
    ['a command in front, with a part of the value', 'mn', 600],
    ['a command in front, with all of the value', 'mn', LIMIT + 3],
  ])('are thrown away when the connection is suspended by %s', async (_, by, bytes) => {
    const [client, slot] = await connected();
    let suspensions = 0;
    doors.suspends = (command) => (command as string[])[0] === by && suspensions++ === 0;
    const value = `${'mn\r\n'.repeat(250)}v\r\n`;
    await client.send(`mn\r\n${line}${value.slice(0, bytes)}`);
    await eventually(() => suspensions === 1);
    const before = doors.log.length;
    await client.send(`${value.slice(bytes)}mn\r\nget a`);
    await eventually(() => doors.transport.pendingInput(slot) >= value.length);
    expect(doors.log.length).toBe(before);
    doors.transport.resume(slot);
    expect(await client.replies(3)).toEqual(['mn', 'set', 'mn']);
    await client.send('\r\n');
    await client.replies(4);
    expect(doors.log).toEqual([MN, shown, MN, ['get', '', 'get', 'a']]);
  });
});

describe('a connection that is suspended', () => {
  it.each([
    ['in the middle of a pipeline', `mn\r\nget a\r\nset k 0 0 5\r\nhello\r\nmn\r\n`, 'get'],
    ['before an incomplete frame', `mn\r\nget a\r\nset k 0 0 5\r\nhello\r\nmn\r`, 'set'],
    ['by the first command', 'mn\r\nget a\r\nset k 0 0 5\r\nhello\r\nm', 'mn'],
  ])('%s goes on where it was', async (_, sent, by) => {
    let suspensions = 0;
    doors.suspends = (command) => (command as string[])[0] === by && suspensions++ === 0;
    const client = await doors.connect(SPEAKS_MEMCACHED);
    await client.send(sent);
    await eventually(() => suspensions === 1);
    const rest = 'mn\r\nget a\r\nset k 0 0 5\r\nhello\r\nmn\r\n'.slice(sent.length);
    await client.send(rest);
    const [slot] = doors.introduced[0];
    doors.transport.resume(slot);
    expect(await client.replies(4)).toEqual(['mn', 'get', 'set', 'mn']);
    expect(doors.log).toEqual([MN, ['get', '', 'get', 'a'], ['set', 'data', 'set', 'k', '0', '0', '5', 'hello'], MN]);
  });
});
