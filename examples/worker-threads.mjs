/**
 * One cache for all worker threads: four workers render pages, and each page is rendered once for all of them. Meanwhile any Redis client can
 * look at the same keys. Run it with `node examples/worker-threads.mjs` after `npm run build`.
 */

import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { isMainThread, threadId, Worker, workerData } from 'node:worker_threads';
import { Ashlar } from 'ashlar';

const WORKERS = 4;
const PAGES = 20;
const REQUESTS = 5000;

if (isMainThread) await main();
else work(Ashlar.attach(workerData.cache));

async function main() {
  const cache = Ashlar.create({ maxMemory: '64mb' });
  const door = await cache.listen();
  console.log(`redis-cli -p ${door.port} sees the same keys`);

  const workers = Array.from({ length: WORKERS }, () => {
    return new Worker(fileURLToPath(import.meta.url), { workerData: { cache: cache.handle } });
  });
  await Promise.all(workers.map((worker) => once(worker, 'exit')));

  const { hits, misses, items } = cache.stats();
  console.log(`${WORKERS * REQUESTS} requests: ${hits} hits, ${misses} misses, ${items} keys`);
  console.log(`${cache.get('rendered')} pages were rendered, and each request was counted: ${cache.get('requests')}`);
  console.log('a page:', cache.getValue('page:7'));
  await door.close();
  cache.close();
}

/** What each worker does: serve pages, from the cache if they are there. */
function work(cache) {
  for (let i = 0; i < REQUESTS; i++) {
    const number = Math.floor(Math.random() * PAGES);
    cache.getValue(`page:${number}`) ?? render(cache, number);
    cache.incrementBy('requests');
  }
  cache.close();
}

/** Renders a page, unless another worker has just begun to. */
function render(cache, number) {
  if (!cache.set(`lock:${number}`, String(threadId), { ifAbsent: true, ttl: 1000 })) return;
  cache.incrementBy('rendered');
  cache.setValue(
    `page:${number}`,
    { number, text: `Page ${number}`, renderedBy: `worker ${threadId}` },
    { ttl: 60_000 },
  );
}
