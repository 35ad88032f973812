/**
 * What an item costs after items have come, gone and changed their sizes: for servers that speak Redis's protocol. A tenth of the keys,
 * chosen by chance, grow a hundredfold, shrink again, and a half is deleted; so the items that stay lie between gaps. After each step
 * the server has some seconds to tidy up. At last it is told to give back what it doesn't need.
 */

import { Client, request } from '../common/client.mjs';
import { figure, table } from '../common/report.mjs';

const SMALL_BYTES = 100;
const LARGE_BYTES = 10_000;
const CHUNK = 500;

/**
 * What is done one after the other: values of which size are set, 0 = deleted, for which of the keys, given in an order of chance. All are
 * first set in the order of their names, so that those that are chosen lie scattered.
 */
const STEPS = [
  { name: 'all of 100 B', valueBytes: SMALL_BYTES, keys: (all) => all.toSorted() },
  { name: 'a random tenth grown to 10 KB', valueBytes: LARGE_BYTES, keys: (all) => all.slice(0, all.length / 10) },
  { name: 'that tenth shrunk to 100 B', valueBytes: SMALL_BYTES, keys: (all) => all.slice(0, all.length / 10) },
  { name: 'a random half deleted', valueBytes: 0, keys: (all) => all.slice(all.length / 20, (all.length * 11) / 20) },
  { name: 'after MEMORY PURGE', valueBytes: 0, keys: () => [], finish: (client) => client.ask('MEMORY', 'PURGE') },
];

/**
 * @typedef {{ server: string, name: string, items: number, overhead: number, grownBytes: number, parts?: object }} ChurnRow overhead:
 *   bytes of resident memory an item beyond key and value
 */

/**
 * @param {{ label: string, port: number }} server was warmed up; it is emptied
 * @param {{ keys: number, keyBytes: number }} sizes keys: a multiple of 20
 * @param {() => Promise<number>} resident reads the server's resident memory
 * @param {(client: Client, dataBytes: number) => Promise<object | undefined>} partsOf
 * @returns {Promise<ChurnRow[]>} a row after each step
 */
export async function measureChurn(server, { keys, keyBytes }, resident, partsOf) {
  const client = await Client.open(server.port);
  try {
    await client.ask('FLUSHALL', 'SYNC');
    const before = await resident();
    const all = shuffled(Array.from({ length: keys }, (_, i) => `churn:${String(i).padStart(keyBytes - 6, '0')}`));
    const sizes = new Map();
    const rows = [];
    for (const step of STEPS) {
      await change(client, step.keys(all), step.valueBytes, sizes);
      await step.finish?.(client);
      const grownBytes = (await resident()) - before;
      const dataBytes = [...sizes.values()].reduce((sum, bytes) => sum + bytes + keyBytes, 0);
      const parts = await partsOf(client, dataBytes);
      const overhead = (grownBytes - dataBytes) / sizes.size;
      rows.push({ server: server.label, name: step.name, items: sizes.size, overhead, grownBytes, parts });
    }
    return rows;
  } finally {
    client.close();
  }
}

/** @param {ChurnRow[]} rows not empty */
export function churnTable(rows) {
  const servers = [...new Set(rows.map((row) => row.server))];
  const names = [...new Set(rows.map((row) => row.name))];
  const lines = names.map((name) => [
    name,
    ...servers.map((server) => figure(rows.find((row) => row.server === server && row.name === name)?.overhead)),
  ]);
  const items = rows[0].items.toLocaleString('en-US');
  return table([`${items} items, one step after the other`, ...servers], lines);
}

/** Sets keys to values of a size, or deletes them (0). */
async function change(client, keys, valueBytes, sizes) {
  const value = 'x'.repeat(valueBytes);
  for (let from = 0; from < keys.length; from += CHUNK) {
    const chunk = keys.slice(from, from + CHUNK);
    const requests = chunk.map((key) => (valueBytes > 0 ? request('SET', key, value) : request('DEL', key)));
    await client.send(requests.join(''), chunk.length);
  }
  for (const key of keys) valueBytes > 0 ? sizes.set(key, valueBytes) : sizes.delete(key);
}

/** In an order of chance that is the same each time. */
function shuffled(list) {
  let state = 1;
  for (let i = list.length - 1; i > 0; i--) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const j = Math.floor((state / 2 ** 32) * (i + 1));
    [list[i], list[j]] = [list[j], list[i]];
  }
  return list;
}
