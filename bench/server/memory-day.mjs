/**
 * `npm run bench:day`: whether the process stays under `maxmemory` and its fixed part through a day's traffic in two minutes.
 *
 *   hour   0 ───────────── 6 ───────────── 12 ───────────── 18 ──────────── 24
 *   sizes  100 B ╱─────────────── 10 KB ───────────────────╲ 100 B              written to keys chosen by chance, more than memory holds
 *   always deletes by chance · values that grow by APPEND and are cut short again · keys that expire
 *   clients        │ 7 to 11: thousands that ask and hardly read │  13 to 15: requests announced, half sent │
 *   limit          │                                             16 to 20: lowered to a half, under load │
 *
 * The resident memory is read every SAMPLE_MS, from the system. The bound is what `maxmemory` is, or was until GRACE_MS ago, and the fixed part:
 * FIXED_BYTES, and THREAD_BYTES for each thread. The run fails when it was passed. With the native core: without it nothing is given back to the system.
 *
 *   --maxmemory BYTES  (256 MiB)      --seconds N  of the day (120)      --readers N  clients that hardly read (10,000)
 *   --threads N  (2)                   --smoke  a day of some seconds      --no-build
 *
 * Results go to bench/results/memory-day.{md,json}.
 */

import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { main, StepError } from '../../scripts/steps/run.mjs';
import { Client, request } from '../common/client.mjs';
import { runLoad } from '../common/load.mjs';
import { describeMachine, machineLine } from '../common/machine.mjs';
import { residentBytes } from '../common/memory.mjs';
import { prepareOrSay } from '../common/prepare.mjs';
import { figure, note, table, writeResults } from '../common/report.mjs';
import { startServer, usualServer, versionOf } from '../common/servers.mjs';
import { buildLoad } from './build-load.mjs';

const MIB = 2 ** 20;
/** The fixed part, as docs/configuration.md states it: Node, and for each thread its heap and arenas. */
const FIXED_BYTES = 128 * MIB;
const THREAD_BYTES = 16 * MIB;

const SMALL_BYTES = 100;
const LARGE_BYTES = 10_000;
const SAMPLE_MS = 25;
/** How long a lowered limit may take to be kept. */
const GRACE_MS = 5000;
const HOURS = 24;
const READERS_FROM = 7;
const READERS_UNTIL = 11;
const SENDERS_FROM = 13;
const SENDERS_UNTIL = 15;
const LOWERED_FROM = 16;
const LOWERED_UNTIL = 20;
/** Requests that are under way at a time. */
const CHUNK_BYTES = 256 * 1024;
const CHUNK_REQUESTS = 500;
/** What a client that hardly reads asks for at a time, and values that it asks for. */
const READER_REQUESTS = 40;
const READ_KEYS = 100;
/** Of those clients, so many ask at a time. */
const ASKING = 20;
const SENDERS = 200;
const SENT_BYTES = MIB;
/** Of maxmemory, what they announce. */
const ANNOUNCED_PART = 4;
/** Clients that are served all the while: for how long they wait. */
const OTHERS = { op: 'get', load: true, keys: 1000, connections: 4, rate: 2000, warmup: 0.1 };

async function run() {
  const { values: words } = parseArgs({
    options: {
      maxmemory: { type: 'string' },
      seconds: { type: 'string' },
      readers: { type: 'string' },
      threads: { type: 'string' },
      smoke: { type: 'boolean' },
      'no-build': { type: 'boolean' },
    },
  });
  if (!words['no-build']) prepareOrSay();
  buildLoad();
  const day = {
    maxmemory: Number(words.maxmemory ?? (words.smoke ? 64 : 256) * MIB),
    hourMs: (1000 * Number(words.seconds ?? (words.smoke ? 6 : 120))) / HOURS,
    readers: Number(words.readers ?? (words.smoke ? 200 : 10_000)),
    threads: Number(words.threads ?? 2),
  };
  const data = { machine: describeMachine(), version: versionOf(usualServer('ashlar')), day, ...(await live(day)) };
  const markdown = toMarkdown(data);
  const path = writeResults(words.smoke ? 'memory-day-smoke' : 'memory-day', markdown, data);
  process.stdout.write(`${markdown}\n\n${data.requests} requests in a day; written to ${path}\n`);
  if (data.leastRoom < 0) throw new StepError(`the bound was passed by ${figure(-data.leastRoom / MIB)} MiB`);
}

/** Lives through the day. */
async function live(day) {
  const unixSocket = join(tmpdir(), `ashlar-day-${process.pid}.sock`);
  const more = ['--maxmemory', day.maxmemory, '--unixsocket', unixSocket, '--maxclients', day.readers + SENDERS + 100];
  const server = await startServer(usualServer('ashlar'), {
    threads: day.threads,
    more: [...more, '--maxmemory-reserve', day.maxmemory, '--pin-prefixes', 'read:'],
  });
  const watch = await Watch.begin(server, day);
  const traffic = new Traffic(await Client.open(server.port), day);
  const crowd = new Crowd(unixSocket);
  const others = runLoad(server, { ...OTHERS, seconds: (day.hourMs * HOURS) / 1000 });
  try {
    await traffic.prepare();
    for (let hour = 0; hour < HOURS; hour++) {
      await begin(hour, { day, watch, crowd });
      const end = Date.now() + day.hourMs;
      while (Date.now() < end) await traffic.go(hour + 1 - (end - Date.now()) / day.hourMs, () => crowd.poke());
      await watch.endHour(hour);
    }
    const { p50, p99, p999, max } = await others;
    return { ...watch.result(), requests: traffic.requests, latency: { p50, p99, p999, max } };
  } finally {
    crowd.leave();
    watch.end();
    await server.stop();
  }
}

/** What changes at the full hour. */
async function begin(hour, { day, watch, crowd }) {
  if (hour === READERS_FROM) await crowd.comeToRead(day.readers);
  if (hour === SENDERS_FROM) await crowd.comeToSend(SENDERS, Math.floor(day.maxmemory / ANNOUNCED_PART));
  if (hour === READERS_UNTIL || hour === SENDERS_UNTIL) crowd.leave();
  if (hour === LOWERED_FROM) await watch.limit(day.maxmemory / 2);
  if (hour === LOWERED_UNTIL) await watch.limit(day.maxmemory);
}

/** What one client does all day. */
class Traffic {
  requests = 0;
  #client;
  /** More keys than the memory has room for, at any size. */
  #keys;

  constructor(client, { maxmemory }) {
    this.#client = client;
    this.#keys = Math.floor(maxmemory / SMALL_BYTES);
  }

  /** Stores what others will read. */
  async prepare() {
    const keys = Array.from({ length: READ_KEYS }, (_, i) => request('SET', `read:${i}`, 'r'.repeat(LARGE_BYTES)));
    await this.#client.ask('CLIENT', 'NO-EVICT', 'ON');
    await this.#send(keys);
  }

  /** Some requests as they come at this time of the day. */
  async go(hour, between) {
    const valueBytes = sizeAt(hour);
    const requests = [];
    for (let bytes = 0; bytes < CHUNK_BYTES && requests.length < CHUNK_REQUESTS; bytes += requests.at(-1).length)
      requests.push(this.#one(valueBytes));
    await this.#send(requests);
    between();
  }

  #one(valueBytes) {
    const chance = Math.random();
    const key = `day:${Math.floor(Math.random() * this.#keys)}`;
    // The sizes of an hour differ, by a half to one and a half.
    const value = 'x'.repeat(Math.ceil(valueBytes * (0.5 + Math.random())));
    if (chance < 0.5) return request('SET', key, value);
    if (chance < 0.7) return request('SET', key, value, 'PX', 100 + Math.floor(Math.random() * 10_000));
    if (chance < 0.85) return request('DEL', key);
    const growing = `grow:${Math.floor(Math.random() * 1000)}`;
    return chance < 0.98 ? request('APPEND', growing, value) : request('SET', growing, 'short again');
  }

  async #send(requests) {
    this.requests += requests.length;
    await this.#client.send(requests.join(''), requests.length);
  }

  close() {
    this.#client.close();
  }
}

/** Bytes of the values that are written at this time: in equal steps of their logarithm up until noon, and down again. */
function sizeAt(hour) {
  const height = 1 - Math.abs(hour - HOURS / 2) / (HOURS / 2);
  return SMALL_BYTES * (LARGE_BYTES / SMALL_BYTES) ** Math.min(1, height * 1.25);
}

/** Many clients that are no friends of the memory. They come by the Unix socket, whose buffers in the kernel are small. */
class Crowd {
  #path;
  #sockets = [];
  #reads = false;

  constructor(path) {
    this.#path = path;
  }

  async comeToRead(count) {
    await this.#come(count);
    this.#reads = true;
  }

  /** They announce values of so many bytes. */
  async comeToSend(count, bytes) {
    await this.#come(count);
    const head = `*3\r\n$3\r\nSET\r\n$4\r\nsent\r\n$${bytes}\r\n`;
    for (const socket of this.#sockets) socket.write(head + 's'.repeat(SENT_BYTES));
  }

  /** Some of them, one after the other, read a little and ask for more. */
  poke() {
    if (!this.#reads) return;
    for (const socket of this.#sockets.splice(0, ASKING)) {
      socket.resume();
      setTimeout(() => socket.pause(), 1);
      this.#ask(socket);
      this.#sockets.push(socket);
    }
  }

  leave() {
    this.#reads = false;
    for (const socket of this.#sockets.splice(0)) socket.destroy();
  }

  #ask(socket) {
    const keys = Array.from({ length: READER_REQUESTS }, () => `read:${Math.floor(Math.random() * READ_KEYS)}`);
    if (socket.writable && socket.writableLength < CHUNK_BYTES)
      socket.write(keys.map((key) => request('GET', key)).join(''));
  }

  async #come(count) {
    while (this.#sockets.length < count) {
      const some = Array.from({ length: Math.min(100, count - this.#sockets.length) }, () => this.#open());
      this.#sockets.push(...(await Promise.all(some)));
    }
  }

  #open() {
    return new Promise((resolve) => {
      const socket = connect(this.#path);
      // Closed by the server is what may happen to such clients.
      socket.once('connect', () => resolve(socket.pause())).on('error', () => resolve(socket));
    });
  }
}

/** Reads the resident memory all the time, and what the server says of it every hour. */
class Watch {
  #server;
  #client;
  #timer;
  /** The bound now, and what it falls to. */
  #limit;
  #loweredAt = 0;
  #higher = 0;
  #hours = [];
  #peak = 0;
  /** How far the resident memory stayed below the bound, in this hour and at the least. */
  #room = Number.POSITIVE_INFINITY;
  #leastRoom = Number.POSITIVE_INFINITY;
  #fixed;

  static async begin(server, day) {
    const client = await Client.open(server.port);
    await client.ask('CLIENT', 'NO-EVICT', 'ON');
    return new Watch(server, day, client);
  }

  constructor(server, day, client) {
    this.#server = server;
    this.#client = client;

    this.#limit = day.maxmemory;
    this.#fixed = FIXED_BYTES + day.threads * THREAD_BYTES;
    this.#timer = setInterval(() => this.#sample(), SAMPLE_MS);
  }

  /** Sets `maxmemory`. */
  async limit(bytes) {
    await this.#client.ask('CONFIG', 'SET', 'maxmemory', bytes);
    this.#higher = Math.max(bytes, this.#limit);
    this.#limit = bytes;
    this.#loweredAt = Date.now();
  }

  async endHour(hour) {
    const info = await this.#client.ask('INFO', 'everything');
    const field = (name) => Number(new RegExp(`^${name}:(\\S+)`, 'm').exec(info)?.[1]);
    const row = {
      hour,
      limit: this.#limit,
      peak: this.#peak,
      room: this.#room,
      used: field('used_memory'),
      dataset: field('used_memory_dataset'),
      clients: field('mem_clients_normal'),
      connected: field('connected_clients'),
      closed: field('evicted_clients'),
      items: field('ashlar_items'),
    };
    this.#hours.push(row);
    note(
      `${hour}:00  RSS at most ${mib(row.peak)} MiB, ${mib(row.room)} below the bound; used ${mib(row.used)}, data ${mib(row.dataset)}, clients ${mib(row.clients)} (${row.connected}, ${row.closed} closed), ${row.items} items`,
    );
    this.#leastRoom = Math.min(this.#leastRoom, this.#room);
    this.#room = Number.POSITIVE_INFINITY;
    this.#peak = 0;
  }

  result() {
    return { fixed: this.#fixed, leastRoom: this.#leastRoom, hours: this.#hours };
  }

  end() {
    clearInterval(this.#timer);
    this.#client.close();
  }

  #sample() {
    const resident = residentBytes(this.#server.pid);
    const limit = Date.now() - this.#loweredAt < GRACE_MS ? this.#higher : this.#limit;
    this.#peak = Math.max(this.#peak, resident);
    this.#room = Math.min(this.#room, limit + this.#fixed - resident);
  }
}

const mib = (bytes) => Math.round(bytes / MIB);

function toMarkdown({ machine, version, day, fixed, leastRoom, hours, latency }) {
  const lines = hours.map((row) => [
    `${row.hour}:00`,
    ...[row.limit, row.peak, row.room, row.used, row.dataset, row.clients].map((bytes) => figure(mib(bytes))),
    ...[row.connected, row.items].map(figure),
  ]);
  return [
    '# A day of memory',
    `${machineLine(machine)}\nashlar ${version}, ${day.threads} threads, maxmemory ${mib(day.maxmemory)} MiB; fixed part ${mib(fixed)} MiB. The bound is both together; the process stayed ${mib(leastRoom)} MiB below it, or more. All in MiB, but for the last two columns.`,
    table(
      ['hour', 'maxmemory', 'RSS at most', 'below the bound', 'used', 'data', 'clients', 'connected', 'items'],
      lines,
    ),
    `GETs of other clients meanwhile, µs: p50 ${figure(latency.p50)}, p99 ${figure(latency.p99)}, p99.9 ${figure(latency.p999)}, at most ${figure(latency.max)}.`,
  ].join('\n\n');
}

await main(run);
