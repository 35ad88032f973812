/**
 * Everything at once: clients of both doors on two threads, and threads of the application, who swap, empty and rename what the others write, while the
 * limit of memory and the policy change under them. Afterwards every byte of the shards is audited. Nothing may be lost (an item that no
 * database has), no server thread may have died, no shard may have been reset unless a thread was terminated, and values that are written together are
 * never seen apart.
 */

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Clock } from '../../src/base/clock.js';
import { Random } from '../../src/base/random.js';
import { databaseOf } from '../../src/engine/item.js';
import { Keyspace } from '../../src/engine/keyspace.js';
import { Scan } from '../../src/engine/scan.js';
import type { Ashlar as AshlarClass } from '../../src/index.js';
import type { Door } from '../../src/library/listen.js';
import { type Argument, frame, type Reply, RespClient } from '../conformance/resp-client.js';
import { auditKeyspace } from '../unit/engine/audit.js';
import { openSocket } from './fault-helpers.js';
import { eventually, infoField } from './server-helpers.js';
import { loadBuilt, sleep, type Task, TaskWorker } from './threads-helpers.js';

const Ashlar = await loadBuilt();

const SHARDS = 3;
const DATABASES = 4;
const MEGABYTES = 24;
const CLIENTS = 10;
const PIPELINE = 40;
const BUSY_MS = 4000;
/** What a server may say to a request that is as it should be. */
const ORDINARY_ERROR =
  /^(?:OOM |ERR no such key|ERR value is not an integer|ERR source and destination|WRONGTYPE|ERR An LFU|ERR increment)/;

let cache: AshlarClass;
let door: Door;
let clients: RespClient[];

beforeEach(async () => {
  cache = Ashlar.create({ maxMemory: MEGABYTES << 20, shards: SHARDS, databases: DATABASES });
  door = await cache.listen({ threads: 2, memcachedPort: 0 });
  clients = await Promise.all(Array.from({ length: CLIENTS }, () => RespClient.open(door.port)));
});
afterEach(async () => {
  for (const client of clients) client.close();
  await door.close();
  cache.close();
});

/** Requests of all families on a few keys, so that everybody meets everybody. */
class Chooser {
  private readonly random: Random;

  constructor(seed: number) {
    this.random = new Random(seed, 5, 6);
  }

  pipeline(): Argument[][] {
    return Array.from({ length: PIPELINE }, () => this.request());
  }

  private request(): Argument[] {
    const { random } = this;
    const key = (): string => `key:${random.below(random.below(10) === 0 ? 4000 : 12)}`;
    const value = (): string => 'v'.repeat(random.below(30) === 0 ? random.below(90_000) : random.below(400));
    const database = (): number => random.below(DATABASES);
    const ms = (): number => 1 + random.below(40);
    const pair = `{pair:${random.below(8)}}`;
    const same = String(random.below(1e9));
    const requests: (() => Argument[])[] = [
      () => ['SET', key(), value()],
      () => ['SET', key(), value(), 'PX', ms()],
      () => ['SET', key(), value(), 'KEEPTTL', 'GET'],
      () => ['GET', key()],
      () => ['GET', key()],
      () => ['GETEX', key(), 'PX', ms()],
      () => ['GETDEL', key()],
      () => ['APPEND', key(), value()],
      () => ['SETRANGE', key(), random.below(1000), 'range'],
      () => ['SETBIT', key(), random.below(4000), 1],
      () => ['BITOP', 'OR', key(), key(), key()],
      () => ['BITFIELD', key(), 'INCRBY', 'u8', random.below(64), 1],
      () => ['INCR', `counter:${random.below(4)}`],
      () => ['DEL', key(), key()],
      () => ['UNLINK', key()],
      () => ['PEXPIRE', key(), ms()],
      () => ['PERSIST', key()],
      () => ['RENAME', key(), key()],
      () => ['RENAMENX', key(), key()],
      () => ['COPY', key(), key(), 'DB', database(), 'REPLACE'],
      () => ['MOVE', key(), database()],
      () => ['MSET', `${pair}a`, same, `${pair}b`, same, key(), value()],
      () => ['MGET', `${pair}a`, `${pair}b`],
      () => ['MGET', `${pair}a`, `${pair}b`],
      () => ['SCAN', 0, 'COUNT', 1 + random.below(50)],
      () => ['RANDOMKEY'],
      () => ['EXISTS', key(), key(), key()],
      () => ['OBJECT', 'ENCODING', key()],
      () => ['CACHE.GET', key(), 'LEASE', ms()],
      () => ['CACHE.INVALIDATE', key(), 'GRACE', ms()],
      () => ['CACHE.PIN', key()],
      () => ['CACHE.UNPIN', key()],
      () => ['SELECT', database()],
    ];
    const rare: (() => Argument[])[] = [
      () => ['SWAPDB', database(), database()],
      () => ['SWAPDB', database(), database()],
      () => ['FLUSHDB'],
      () => ['FLUSHDB', 'ASYNC'],
      () => (random.below(8) === 0 ? ['FLUSHALL'] : ['DBSIZE']),
      () => ['KEYS', 'key:1*'],
      () => ['DBSIZE'],
      () => ['INFO', 'everything'],
      () => ['MEMORY', 'BIGKEYS'],
      () => ['MEMORY', 'STATS'],
      () => ['MEMORY', 'PURGE'],
      () => ['CONFIG', 'RESETSTAT'],
      () => ['CONFIG', 'SET', 'maxmemory', `${12 + random.below(MEGABYTES - 11)}mb`],
      () => ['CONFIG', 'SET', 'maxmemory-policy', policies[random.below(policies.length)]],
      () => ['CONFIG', 'SET', 'pin-prefixes', random.below(2) === 0 ? '' : 'key:1'],
      () => ['CLIENT', 'LIST'],
    ];
    const from = random.below(25) === 0 ? rare : requests;
    return from[random.below(from.length)]();
  }
}

const policies = [
  'noeviction',
  'allkeys-lru',
  'allkeys-lfu',
  'volatile-ttl',
  'volatile-lru',
  'allkeys-keystone',
  'allkeys-random',
];

/** Sends random requests until `until`; returns what was wrong with an answer. */
async function talk(client: RespClient, seed: number, until: number): Promise<string | undefined> {
  const chooser = new Chooser(seed);
  while (Date.now() < until) {
    const requests = chooser.pipeline();
    client.write(Buffer.concat(requests.map((request) => frame(request))));
    for (const request of requests) {
      const wrong = wrongWith(request, await client.reply());
      if (wrong !== undefined) return `${request.map((arg) => String(arg).slice(0, 30)).join(' ')}: ${wrong}`;
    }
  }
  return undefined;
}

function wrongWith([name, first]: Argument[], { type, value }: Reply): string | undefined {
  if (type === '-') return ORDINARY_ERROR.test(String(value)) ? undefined : String(value);
  if (name !== 'MGET' || !Array.isArray(value)) return undefined;
  const [a, b] = value.map((element: Reply) => element.value);
  // One of them may have been evicted.
  return a === null || b === null || a === b ? undefined : `${String(first)} was torn: ${a} and ${b}`;
}

/** Sends Memcached commands; returns what was wrong with an answer. */
async function talkMemcached(port: number, until: number): Promise<string | undefined> {
  const socket = await openSocket(port);
  const keys = Array.from({ length: 12 }, (_, i) => `key:${i}`);
  const request = keys
    .map((key) => `set ${key} 5 0 3 noreply\r\nabc\r\nms ${key} 2 q\r\nok\r\nmd ${key} q\r\n`)
    .join('');
  let answered = '';
  socket.on('data', (chunk: Buffer) => {
    answered += chunk.toString('latin1');
  });
  while (Date.now() < until) {
    answered = '';
    socket.write(`${request}mn\r\n`);
    await eventually('the end of a Memcached pipeline', () => answered.endsWith('MN\r\n'));
    const wrong = answered
      .split('\r\n')
      .find((line) => !/^(?:MN|NF|NS|SERVER_ERROR out of memory storing object|)$/.test(line));
    if (wrong !== undefined) return wrong;
  }
  socket.destroy();
  return undefined;
}

/** Every item is a key of a database, or on its way out. */
function auditDatabases(keyspace: Keyspace): void {
  const { control } = keyspace;
  for (let internal = 0; internal < 64; internal++) {
    const items = keyspace.shards.reduce((sum, shard) => sum + shard.ledger.itemsIn(internal), 0);
    const known = control.isUsed(internal) || control.isZombie(internal);
    if (!known) expect(items, `items of database number ${internal}, which is free`).toBe(0);
  }
  for (let database = 0; database < DATABASES; database++) {
    const internal = control.internal(database);
    // Nobody writes any more, but what has a deadline may go at any moment.
    const most = keyspace.size(database);
    let found = 0;
    const scan = new Scan(keyspace, database, (shard, item) => {
      expect(databaseOf(shard.words, item)).toBe(internal);
      found++;
    });
    scan.walk(0);
    expect(found).toBeLessThanOrEqual(most);
  }
}

/** Everybody talks at once for a while; fails when somebody was answered wrongly. */
async function crowd(until: number): Promise<void> {
  const wrong = await Promise.all([
    ...clients.map((client, seed) => talk(client, seed, until)),
    talkMemcached(door.memcachedPort, until),
  ]);
  expect(wrong.filter((text) => text !== undefined)).toEqual([]);
  expect(await infoField(clients[0], 'ashlar_workers_replaced')).toBe('0');
}

/** Audits everything, empties the cache, and audits it again. */
async function auditAll(): Promise<void> {
  const keyspace = Keyspace.attach(cache.handle, new Clock(), Math.random);
  keyspace.withAll(() => auditKeyspace(keyspace));
  auditDatabases(keyspace);
  await clients[0].command('FLUSHALL');
  expect(keyspace.figures().items).toBe(0);
  keyspace.withAll(() => auditKeyspace(keyspace));
  keyspace.detach();
}

describe('clients of both doors and threads of the application', () => {
  test('who do everything at once lose nothing, and nobody dies', async () => {
    const workers = ['mix', 'churn'].map((task, seed) => new TaskWorker(cache, task as Task, seed + 1));
    await Promise.all(workers.map((worker) => worker.ready()));
    await crowd(Date.now() + BUSY_MS);
    await Promise.all(workers.map((worker) => worker.finish()));
    for (const worker of workers) expect(worker.wrong).toBeUndefined();
    expect(cache.stats().resets).toBe(0);
    await auditAll();
  }, 60_000);

  test('go on when threads of the application are terminated among them', async () => {
    const random = new Random(9, 10, 11);
    const until = Date.now() + BUSY_MS;
    let terminated = 0;
    const chain = async (task: Task): Promise<void> => {
      while (Date.now() < until) {
        const worker = await new TaskWorker(cache, task, random.nextInt32()).ready();
        await sleep(random.below(12));
        await worker.worker.terminate();
        expect(worker.wrong).toBeUndefined();
        terminated++;
      }
    };
    await Promise.all([crowd(until), chain('mix'), chain('churn')]);
    const { resets } = cache.stats();
    expect(terminated).toBeGreaterThan(5);
    // One that holds several locks takes them all with it.
    expect(resets).toBeLessThanOrEqual(terminated * SHARDS);
    await auditAll();
  }, 60_000);
});
