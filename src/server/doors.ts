/**
 * The doors of a server: what is spoken on which addresses. Redis clients and Memcached clients come in by doors of their own, and from there on are
 * served by the same workers on the same keys.
 */

import { AshlarError } from '../base/errors.js';
import {
  SPEAKS_MEMCACHED,
  SPEAKS_MEMCACHED_BINARY,
  SPEAKS_MEMCACHED_TEXT,
  SPEAKS_RESP,
} from '../protocol/descriptors.js';
import type { Door } from '../transport/transport.js';
import type { Config } from './config/config.js';

const NO_TCP = -1;

const MEMCACHED_SPEAKS = {
  auto: SPEAKS_MEMCACHED,
  text: SPEAKS_MEMCACHED_TEXT,
  binary: SPEAKS_MEMCACHED_BINARY,
} as const;

/** What a door over `maxclients` says, in the words of the server that its clients know. */
const REDIS_FULL = '-ERR max number of clients reached\r\n';
const MEMCACHED_FULL = 'ERROR Too many open connections\r\n';

export interface Doors {
  readonly redis: Door;
  readonly memcached: Door;
}

/** The doors that the configuration asks for. */
export function doorsOf(config: Config): Doors {
  const common = { hosts: config.bind, backlog: config.tcpBacklog };
  return {
    redis: {
      ...common,
      speaks: SPEAKS_RESP,
      port: config.port === 0 && config.unixsocket !== '' ? NO_TCP : config.port,
      unixPath: config.unixsocket,
      unixMode: config.unixsocketperm,
    },
    memcached: {
      ...common,
      speaks: MEMCACHED_SPEAKS[config.memcachedProtocol],
      port: config.memcachedPort === 0 ? NO_TCP : config.memcachedPort,
      unixPath: config.memcachedUnixsocket,
      unixMode: config.memcachedUnixsocketperm,
    },
  };
}

/** Opens a door on the addresses that it has; gives its TCP port, 0 = none. */
type Listen = (door: Door) => number | Promise<number>;

/**
 * Opens both doors.
 * @returns the doors with the addresses and ports that they have, so that they can be opened again where they were
 * @throws AshlarError ERR_ADDRESS_IN_USE, ERR_ADDRESS_UNAVAILABLE
 */
export async function openDoors({ redis, memcached }: Doors, listen: Listen): Promise<Doors> {
  const open = async (door: Door): Promise<Door> => {
    try {
      return await openDoor(door, listen);
    } catch (error) {
      throw listenError(door, error as Error);
    }
  };
  // The Redis door last: tools wait until they are answered there, and then all must be open.
  const opened = await open(memcached);
  return { redis: await open(redis), memcached: opened };
}

/**
 * Opens a door address by address. One that begins with '-' may be missing, as in Redis: it may not be this machine's, but not be taken either. The unix
 * socket comes with the last one, in one go: who is answered there finds it open.
 */
async function openDoor(door: Door, listen: Listen): Promise<Door> {
  const wanted = door.port < 0 ? [] : door.hosts;
  const hosts: string[] = [];
  let { port, unixPath } = door;
  for (const [index, given] of wanted.entries()) {
    const host = given.replace(/^-/, '');
    const path = index === wanted.length - 1 ? unixPath : '';
    try {
      port = await listen({ ...door, hosts: [host], port, unixPath: path });
      hosts.push(host);
      if (path !== '') unixPath = '';
    } catch (error) {
      if (host === given || !/EADDRNOTAVAIL|EAFNOSUPPORT|ENOTFOUND/.test((error as Error).message)) throw error;
    }
  }
  if (unixPath !== '') await listen({ ...door, hosts: [], port: NO_TCP });
  if (hosts.length === 0 && door.port >= 0 && door.unixPath === '')
    throw new Error('none of the addresses of bind is there');
  return { ...door, hosts, port: hosts.length > 0 ? port : NO_TCP };
}

/** The port of an open door, 0 = it has none. */
export function portOf(door: Door): number {
  return Math.max(0, door.port);
}

/** Where an open door listens, for people. */
export function addressesOf({ hosts, port, unixPath }: Door): string[] {
  const addresses = port > 0 ? hosts.map((host) => `${host}:${port}`) : [];
  return unixPath === '' ? addresses : [...addresses, unixPath];
}

/** What a client is told that comes when there are too many. */
export function fullText(speaks: number): string {
  return speaks === SPEAKS_RESP ? REDIS_FULL : MEMCACHED_FULL;
}

/** The error of a failed listen, in our words. One from the fallback's worker has nothing but its message. */
function listenError({ speaks }: Door, cause: Error): AshlarError {
  const taken = cause.message.includes('EADDRINUSE');
  const code = taken ? 'ERR_ADDRESS_IN_USE' : 'ERR_ADDRESS_UNAVAILABLE';
  if (speaks === SPEAKS_RESP) return new AshlarError(code, `cannot open the Redis door: ${cause.message}`, { cause });
  // It is open unless somebody says otherwise, who may not have thought of it.
  const hint = taken ? ' (memcached-port takes another port, 0 leaves the door closed)' : '';
  return new AshlarError(code, `cannot open the Memcached door: ${cause.message}${hint}`, { cause });
}
