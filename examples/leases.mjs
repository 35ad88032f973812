/**
 * Leases by a Redis client: a hundred requests need a value at once, and it is made once. docs/leases.md explains it.
 *
 *   node examples/leases.mjs [port of an Ashlar server]
 *
 * Without a port it opens a door of its own.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { Ashlar } from 'ashlar';
import { Redis } from 'ioredis';

const LEASE_MS = 10_000;

/** The value of a key; made by `load` if nobody else makes it. */
async function getOrLoad(redis, key, ttlMs, load) {
  for (let pause = 5; ; pause = Math.min(100, 2 * pause)) {
    const [state, value, token] = await redis.call('CACHE.GET', key, 'LEASE', LEASE_MS);
    if (state === 'hit' || state === 'stale') return value;
    if (state === 'lease') {
      try {
        const made = await load();
        await redis.call('CACHE.SET', key, made, 'LEASE', token, 'PX', ttlMs);
        return made;
      } catch (error) {
        await redis.call('CACHE.RELEASE', key, 'LEASE', token);
        throw error;
      }
    }
    // Somebody else makes it.
    await sleep(pause);
  }
}

const cache = process.argv[2] === undefined ? Ashlar.create({ maxMemory: '64mb' }) : undefined;
const door = await cache?.listen();
const clients = Array.from({ length: 10 }, () => new Redis(door?.port ?? Number(process.argv[2])));

let loads = 0;
const load = async () => {
  loads++;
  await sleep(500);
  return `the page as of load ${loads}`;
};

const needs = Array.from({ length: 100 }, (_, i) => getOrLoad(clients[i % clients.length], 'page', 60_000, load));
const pages = await Promise.all(needs);
console.log(`${pages.length} requests, ${new Set(pages).size} page, ${loads} load`);

// The page has changed: until there is a new one, the old one is served.
await clients[0].call('CACHE.INVALIDATE', 'page', 'GRACE', 30_000);
const fresh = getOrLoad(clients[0], 'page', 60_000, load);
while (loads < 2) await sleep(5);
console.log(`meanwhile others get: ${await getOrLoad(clients[1], 'page', 60_000, load)}`);
console.log(`the one who made it:  ${await fresh}`);

for (const client of clients) client.disconnect();
await door?.close();
cache?.close();
