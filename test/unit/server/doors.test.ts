/** Which doors a configuration asks for, and what is said when one cannot be opened. */

import { describe, expect, it } from 'vitest';
import {
  SPEAKS_MEMCACHED,
  SPEAKS_MEMCACHED_BINARY,
  SPEAKS_MEMCACHED_TEXT,
  SPEAKS_RESP,
} from '../../../src/protocol/descriptors.js';
import { Config } from '../../../src/server/config/config.js';
import type { ParameterName } from '../../../src/server/config/schema.js';
import { addressesOf, type Doors, doorsOf, fullText, openDoors, portOf } from '../../../src/server/doors.js';
import type { Door } from '../../../src/transport/transport.js';

function doors(settings: Partial<Record<ParameterName, string>> = {}): Doors {
  const config = new Config();
  for (const [name, value] of Object.entries(settings)) config.configure(name as ParameterName, [value]);
  return doorsOf(config);
}

describe('doors', () => {
  it('are on the ports of Redis and memcached by themselves, on the same addresses', () => {
    const { redis, memcached } = doors();
    expect(redis).toMatchObject({ speaks: SPEAKS_RESP, port: 6379, hosts: ['127.0.0.1'], unixPath: '' });
    expect(memcached).toMatchObject({ speaks: SPEAKS_MEMCACHED, port: 11_211, hosts: ['127.0.0.1'], unixPath: '' });
  });

  it('have no TCP where it is switched off', () => {
    expect(doors({ 'memcached-port': '0' }).memcached.port).toBeLessThan(0);
    expect(doors({ 'memcached-port': '0', 'memcached-unixsocket': '/m' }).memcached.unixPath).toBe('/m');
    // Without a unix socket, 0 is any free port: there must be a way in.
    expect(doors({ port: '0' }).redis.port).toBe(0);
    expect(doors({ port: '0', unixsocket: '/r' }).redis.port).toBeLessThan(0);
  });

  it.each([
    ['auto', SPEAKS_MEMCACHED],
    ['text', SPEAKS_MEMCACHED_TEXT],
    ['binary', SPEAKS_MEMCACHED_BINARY],
  ])('of memcached-protocol %s', (protocol, speaks) => {
    expect(doors({ 'memcached-protocol': protocol }).memcached.speaks).toBe(speaks);
  });

  it('have the permissions of their own sockets', () => {
    const { redis, memcached } = doors({ unixsocketperm: '700', 'memcached-unixsocketperm': '770' });
    expect([redis.unixMode, memcached.unixMode]).toEqual([0o700, 0o770]);
  });

  it('refuse in the words that their clients know', () => {
    expect(fullText(SPEAKS_RESP)).toBe('-ERR max number of clients reached\r\n');
    expect(fullText(SPEAKS_MEMCACHED)).toBe('ERROR Too many open connections\r\n');
  });
});

describe('opening doors', () => {
  it('gives them the ports that they have, for people and to be opened again', async () => {
    const wanted = doors({ port: '0', 'memcached-port': '0', 'memcached-unixsocket': '/m' });
    const open = await openDoors(wanted, ({ port }) => (port === 0 ? 7001 : 0));
    expect([portOf(open.redis), portOf(open.memcached)]).toEqual([7001, 0]);
    expect(addressesOf(open.redis)).toEqual(['127.0.0.1:7001']);
    expect(addressesOf(open.memcached)).toEqual(['/m']);
    expect(open.memcached.port).toBeLessThan(0);
  });

  it('does without an address that may be missing, and names those that there are', async () => {
    const listen = ({ hosts: [host], port }: Door): number => {
      if (host === '192.0.2.1') throw new Error('listen EADDRNOTAVAIL: address not available 192.0.2.1:0');
      return port === 0 ? 7001 : port;
    };
    const open = await openDoors(doors({ port: '0', bind: '-192.0.2.1 127.0.0.1 -::1' }), listen);
    expect(addressesOf(open.redis)).toEqual(['127.0.0.1:7001', '::1:7001']);
    expect(addressesOf(open.memcached)).toEqual(['127.0.0.1:11211', '::1:11211']);
    await expect(openDoors(doors({ bind: '127.0.0.1 192.0.2.1' }), listen)).rejects.toThrow('EADDRNOTAVAIL');
  });

  it('opens a unix socket together with the last address', async () => {
    const opened: string[] = [];
    const listen = ({ hosts: [host], port, unixPath }: Door): number => {
      if (host === '192.0.2.1') throw new Error('listen EADDRNOTAVAIL: x');
      opened.push([host, unixPath].join(' '));
      return Math.max(0, port);
    };
    const closed = { 'memcached-port': '0' } as const;
    await openDoors(doors({ bind: '127.0.0.1 ::1', unixsocket: '/r', ...closed }), listen);
    expect(opened.splice(0)).toEqual(['127.0.0.1 ', '::1 /r']);
    const open = await openDoors(doors({ bind: '127.0.0.1 -192.0.2.1', unixsocket: '/r', ...closed }), listen);
    expect(opened.splice(0)).toEqual(['127.0.0.1 ', ' /r']);
    expect(addressesOf(open.redis)).toEqual(['127.0.0.1:6379', '/r']);
  });

  it('does not do without an address that is taken, nor without any', async () => {
    const taken = (): never => {
      throw new Error('listen EADDRINUSE: x');
    };
    await expect(openDoors(doors({ bind: '-127.0.0.1' }), taken)).rejects.toMatchObject({ code: 'ERR_ADDRESS_IN_USE' });
    const missing = (): never => {
      throw new Error('listen EADDRNOTAVAIL: x');
    };
    await expect(openDoors(doors({ bind: '-192.0.2.1' }), missing)).rejects.toMatchObject({
      code: 'ERR_ADDRESS_UNAVAILABLE',
      message: 'cannot open the Memcached door: none of the addresses of bind is there',
    });
  });

  it.each([
    [SPEAKS_RESP, 'listen EADDRINUSE: x', 'ERR_ADDRESS_IN_USE', /^cannot open the Redis door: listen EADDRINUSE: x$/],
    [
      SPEAKS_MEMCACHED,
      'listen EADDRINUSE: x',
      'ERR_ADDRESS_IN_USE',
      /^cannot open the Memcached door: .*x \(memcached-port/,
    ],
    [
      SPEAKS_MEMCACHED,
      'listen EACCES: x',
      'ERR_ADDRESS_UNAVAILABLE',
      /^cannot open the Memcached door: listen EACCES: x$/,
    ],
  ])('says which one cannot be: %i, %s', async (speaks, text, code, message) => {
    const listen = (door: { speaks: number }): number => {
      if (door.speaks === speaks) throw new Error(text);
      return 1;
    };
    await expect(openDoors(doors(), listen)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });
});
