/** A Piscina task, and a worker that is sent a handle by a message: each uses the cache of whoever started it. */

import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { Ashlar } from '../../dist/index.js';

/** @param {{ handle: object, key: string }} task */
export default function task({ handle, key }) {
  const cache = Ashlar.attach(handle);
  try {
    const { name } = cache.getValue(`user:${key}`);
    cache.set(`greeting:${key}`, `Hello ${name}`, { ttl: 60_000 });
    return cache.incrementBy('tasks');
  } finally {
    cache.close();
  }
}

if (!isMainThread && workerData === 'by message') {
  parentPort.once('message', (handle) => {
    const cache = Ashlar.attach(handle);
    parentPort.postMessage({ seen: cache.get('key'), codec: handle.codec, set: cache.set('answer', 'from a worker') });
  });
}
