/**
 * A thread that needs values: for each message `{ key, calls, ms, options }` it calls `getOrLoad` so often at once, with a loader that takes so long and
 * counts itself in the cache, and answers with the values. With `hang` the loader never ends.
 */

import { parentPort, workerData } from 'node:worker_threads';
import { Ashlar } from '../../dist/index.js';

const cache = Ashlar.attach(workerData);

parentPort.on('message', async ({ key, calls, ms, options = {}, hang = false }) => {
  const loader = async () => {
    const number = cache.incrementBy('loads');
    await new Promise((resolve) => setTimeout(resolve, hang ? 2 ** 30 : ms));
    return `made by load ${number}`;
  };
  const values = await Promise.all(Array.from({ length: calls }, () => cache.getOrLoad(key, loader, options)));
  parentPort.postMessage([...new Set(values)]);
});

parentPort.postMessage('ready');
