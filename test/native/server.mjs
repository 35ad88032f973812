/**
 * A small server over the addon, a client for it, and what else the tests and their child processes share.
 */

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const PATH = fileURLToPath(new URL('../../build/Release/ashlar.node', import.meta.url));
export const addon = createRequire(import.meta.url)(PATH);

export const TABLE = [
  { name: 'get', firstKey: 1, lastKey: 1, keyStep: 1 },
  { name: 'set', firstKey: 1, lastKey: 1, keyStep: 1 },
  { name: 'block', firstKey: 0, lastKey: 0, keyStep: 1 },
  { name: 'quit', firstKey: 0, lastKey: 0, keyStep: 1 },
  { name: 'flood', firstKey: 0, lastKey: 0, keyStep: 1 },
];
export const SPLITTER_TABLE = { commands: TABLE, memcached: [], memcachedBase: TABLE.length };
const [, , BLOCK, QUIT, FLOOD] = TABLE.keys();

/** Answers each command with `+<name> <first argument> <length of the last>`; knows how to block, quit and flood. */
export class Server {
  constructor({ onBatch, shards = 1, connections = 256 } = {}) {
    this.input = new Uint8Array(1 << 20);
    this.output = new Uint8Array(1 << 20);
    this.commands = new Int32Array(1024 * 8);
    this.args = new Int32Array(16384 * 4);
    this.segments = new Int32Array(1024 * 3);
    this.full = new Int32Array(1);
    this.closed = [];
    this.errors = [];
    this.executed = 0;
    this.bigFrames = 0;
    this.blocked = new Set();
    this.count = 0;
    this.at = 0;
    this.onBatch = onBatch;
    this.shards = Array.from({ length: shards }, () => new Int32Array(new SharedArrayBuffer(4096)));
    this.poller = new addon.Poller({
      input: this.input,
      output: this.output,
      commands: this.commands,
      args: this.args,
      segments: this.segments,
      databases: new Int32Array(connections),
      full: this.full,
      table: SPLITTER_TABLE,
      hashKey: [0x01020304, -5],
      index: { shards: this.shards, depthWord: 0, directoryWord: 1, databaseSalts: new Int32Array(16) },
      onReady: () => this.ready(),
    });
  }

  listen(options = { host: '127.0.0.1', port: 0 }) {
    this.listener = addon.listen({ backlog: 511, ...options }, (fd) => {
      assert.ok(fd >= 0, `accept: ${fd}`);
      this.last = this.poller.add(fd, 0);
    });
    return this.listener.port;
  }

  ready() {
    for (;;) {
      const n = this.poller.receive();
      if (n === 0) return;
      this.onBatch?.(n);
      const big = n === 1 && (this.commands[6] & 1) !== 0;
      if (big) this.bigFrames++;
      const input = big ? this.poller.bigInput() : this.input;
      const args = big ? this.poller.bigArgs() : this.args;
      this.lastBig = big ? { input, args } : undefined;
      const skip = new Set();
      for (let i = 0; i < n; i++) {
        const [connection, command, argc, base, , frameEnd] = this.commands.subarray(i * 8, i * 8 + 8);
        if (command === -3) this.closed.push([connection, argc]);
        else if (skip.has(connection)) continue;
        else if (command === -2) {
          this.errors.push([argc, base]);
          this.reply(connection, `-ERR ${argc}\r\n`);
          this.poller.close(connection, 500);
        } else {
          this.executed++;
          const arg = (k) =>
            Buffer.from(input.buffer, input.byteOffset + args[(base + k) * 4], args[(base + k) * 4 + 1]);
          const last = args[(base + argc - 1) * 4 + 1];
          this.reply(
            connection,
            `+${arg(0).toString('latin1')} ${argc > 1 ? arg(1).toString('latin1').slice(0, 40) : ''} ${last}\r\n`,
          );
          if (command === BLOCK) {
            this.poller.suspend(connection, frameEnd);
            this.blocked.add(connection);
            skip.add(connection);
          } else if (command === QUIT) {
            this.poller.close(connection, 500);
            skip.add(connection);
          } else if (command === FLOOD) {
            const line = '.'.repeat(60000);
            for (let k = 0; k < Number(arg(1)); k++) this.reply(connection, line);
          }
        }
      }
      this.flush();
    }
  }

  reply(connection, text) {
    if (this.at + text.length > this.output.length || this.count * 3 === this.segments.length) this.flush();
    this.segments.set([connection, this.at, this.at + text.length], this.count++ * 3);
    this.at += Buffer.from(this.output.buffer).write(text, this.at, 'latin1');
  }

  flush() {
    this.poller.flush(this.count);
    this.count = this.at = 0;
  }

  stats() {
    const out = new Float64Array(10);
    this.poller.stats(out);
    const [connections, received, sent, pendingInput, pendingOutput, receives, frames, buffers, reads, writes] = out;
    return { connections, received, sent, pendingInput, pendingOutput, receives, frames, buffers, reads, writes };
  }

  stop() {
    this.listener?.close();
    this.poller.destroy();
  }
}

export const frame = (...args) =>
  `*${args.length}\r\n${args.map((arg) => `$${Buffer.byteLength(arg)}\r\n${arg}\r\n`).join('')}`;

/** A client that collects what it reads. */
export function connect(target) {
  const socket = net.connect({ allowHalfOpen: true, ...target });
  const client = { socket, text: '', ended: false, error: undefined };
  socket.setNoDelay(true);
  socket.on('data', (data) => {
    client.text += data.toString('latin1');
  });
  socket.on('end', () => {
    client.ended = true;
  });
  socket.on('error', (error) => {
    client.error = error;
  });
  client.connected = new Promise((resolve) => socket.once('connect', resolve));
  return client;
}

export async function until(condition, what = String(condition)) {
  for (let i = 0; i < 1000; i++) {
    if (condition()) return;
    await sleep(5);
  }
  assert.fail(`never came true: ${what}`);
}
