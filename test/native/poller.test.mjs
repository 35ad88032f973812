/**
 * The addon over real loopback sockets: `node --test test/native/poller.test.mjs` after `npm run build` (or `npx node-gyp rebuild`).
 *
 * A small server answers with what it was asked, in one thread or in workers, so that every path that TypeScript depends on is crossed: batches, large
 * frames, suspension, slow readers, closing, errors of listen(), uncaught exceptions, and threads that are terminated at any moment.
 */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { addon, connect, frame, Server, SPLITTER_TABLE, until } from './server.mjs';

const HELPER = new URL('./server.mjs', import.meta.url).href;

/** Runs `body` with a server and stops it, whatever happens. */
function served(body, options) {
  return async () => {
    const server = new Server(options);
    const clients = [];
    try {
      const port = server.listen();
      await body(server, (target = { host: '127.0.0.1', port }) => {
        const client = connect(target);
        clients.push(client);
        return client;
      });
    } finally {
      for (const client of clients) client.socket.destroy();
      server.stop();
    }
  };
}

test(
  'commands of one and of many clients, in order',
  served(async (server, join) => {
    const client = join();
    client.socket.write(`${frame('GET', 'foo')}PING\r\n${frame('set', 'a', 'xyz')}`);
    await until(() => client.text.endsWith('+set a 3\r\n'));
    assert.equal(client.text, '+GET foo 3\r\n+PING  4\r\n+set a 3\r\n');
    // All of it came at once, and was answered at once.
    assert.equal(server.stats().reads, 1);
    assert.equal(server.stats().writes, 1);
    const many = Array.from({ length: 50 }, () => join());
    for (let round = 0; round < 20; round++) {
      for (const one of many) for (let k = 0; k < 40; k++) one.socket.write(frame('get', `${round}:${k}`));
    }
    await until(() => many.every((one) => one.text.endsWith('+get 19:39 5\r\n')));
    for (const one of many) assert.equal(one.text.split('\r\n').length, 801);
    assert.equal(server.stats().connections, 51);
    assert.equal(server.stats().frames, server.executed);
    assert.match(server.poller.peerAddress(0), /^127\.0\.0\.1:\d+$/);
    assert.equal(server.poller.localAddress(0), `127.0.0.1:${server.listener.port}`);
    assert.ok(server.poller.fd(0) > 2);
    server.poller.setKeepAlive(0, 300);
    for (const one of many) one.socket.destroy();
    await until(() => server.closed.length === 50);
    assert.ok(server.closed.every(([, reason]) => reason <= 1));
  }),
);

test(
  'pipelines larger than a batch and than the arena',
  served(async (server, join) => {
    const client = join();
    let expected = '';
    let stream = '';
    for (let i = 0; i < 50000; i++) {
      stream += frame('set', `key${i}`, 'v'.repeat(i % 60));
      expected += `+set key${i} ${i % 60}\r\n`;
    }
    client.socket.write(stream);
    await until(() => client.text.length === expected.length, 'all replies');
    assert.equal(client.text, expected);
    assert.equal(server.stats().pendingInput, 0);
  }),
);

test(
  'large frames come alone, and their memory goes with the next receive',
  served(async (server, join) => {
    const client = join();
    const other = join();
    const value = 'B'.repeat(3_000_000);
    const timer = setInterval(() => other.socket.write(frame('get', 'x')), 1);
    client.socket.write(frame('get', 'before') + frame('set', 'big', value) + frame('get', 'after'));
    await until(() => client.text.includes('+get after'));
    clearInterval(timer);
    assert.equal(client.text, '+get before 6\r\n+set big 3000000\r\n+get after 5\r\n');
    assert.equal(server.bigFrames, 1);
    client.socket.write(frame('set', 'big', value));
    await until(() => server.bigFrames === 2);
    const { input, args } = server.lastBig ?? {};
    await sleep(20);
    other.socket.write(frame('get', 'x'));
    await sleep(20);
    if (input !== undefined) assert.deepEqual([input.length, args.length], [0, 0]);
    // More arguments than the array has.
    const keys = Array.from({ length: 40000 }, (_, i) => `k${i}`);
    client.socket.write(frame('del', ...keys));
    await until(() => client.text.endsWith('+del k0 6\r\n'));
    assert.equal(server.stats().pendingInput, 0);
  }),
);

test(
  'suspend gives input back, resume goes on',
  served(async (server, join) => {
    const client = join();
    client.socket.write(`${frame('get', '1')}${frame('block')}set "a\\x41" 'b'\r\n${frame('get', '2')}`);
    await until(() => server.blocked.size === 1);
    client.socket.write(frame('block') + frame('get', '3'));
    await sleep(30);
    assert.equal(client.text, '+get 1 1\r\n+block  5\r\n');
    const [connection] = server.blocked;
    assert.ok(server.poller.pendingInput(connection) > 20);
    server.blocked.clear();
    server.poller.resume(connection);
    await until(() => server.blocked.size === 1);
    assert.equal(client.text.slice(21), '+set aA 1\r\n+get 2 1\r\n+block  5\r\n');
    server.poller.resume(connection);
    await until(() => client.text.endsWith('+get 3 1\r\n'));
    // A suspended client that goes away is noticed.
    client.socket.write(frame('block') + frame('get', '4'));
    await until(() => server.executed === 7);
    client.socket.destroy();
    await until(() => server.closed.length === 1);
    assert.equal(server.stats().connections, 0);
  }),
);

test(
  'suspended clients cost nothing while they wait',
  served(async (server, join) => {
    const client = join();
    client.socket.write(frame('block'));
    await until(() => server.blocked.size === 1);
    client.socket.write(frame('get', 'while blocked'));
    await sleep(50);
    const before = server.stats().receives;
    await sleep(100);
    assert.ok(server.stats().receives - before <= 1, 'the loop does not spin');
  }),
);

test(
  'a slow reader gets everything',
  served(async (server, join) => {
    const client = join();
    client.socket.pause();
    client.socket.write(frame('flood', '300') + frame('get', 'x'));
    await until(() => server.stats().pendingOutput > 1_000_000);
    const pending = server.stats().pendingOutput;
    assert.equal(server.poller.pendingOutput(0), pending);
    await sleep(20);
    const before = server.stats().receives;
    await sleep(100);
    assert.ok(server.stats().receives - before <= 1, 'the loop does not spin');
    client.socket.resume();
    const length = '+flood 300 3\r\n'.length + 300 * 60000 + '+get x 1\r\n'.length;
    await until(() => client.text.length >= length);
    assert.equal(client.text.length, length);
    assert.ok(client.text.endsWith('+get x 1\r\n'));
    assert.equal(server.stats().pendingOutput, 0);
  }),
);

test(
  'the output limit closes',
  served(async (server, join) => {
    const client = join();
    await until(() => server.stats().connections === 1);
    server.poller.setLimits(0, 1048576, 512 * 1024 * 1024, 5_000_000);
    client.socket.pause();
    client.socket.write(frame('flood', '300'));
    await until(() => server.closed.length === 1);
    assert.deepEqual(server.closed, [[0, 2]]);
    assert.equal(server.stats().pendingOutput, 0);
  }),
);

test(
  'the query buffer limit closes',
  served(async (server, join) => {
    server.poller.setQueryBufferLimit(1_000_000);
    const client = join();
    client.socket.write(`*2\r\n$3\r\nget\r\n$100000000\r\n${'x'.repeat(2_000_000)}`);
    await until(() => server.closed.length === 1);
    assert.deepEqual(server.closed, [[0, 3]]);
  }),
);

test(
  'protocol errors are answered, then the connection closes',
  served(async (server, join) => {
    const client = join();
    client.socket.write(`${frame('get', 'a')}*1\r\n+x\r\n${'y'.repeat(200000)}`);
    await until(() => client.ended);
    assert.equal(client.text, '+get a 1\r\n-ERR 5\r\n');
    assert.equal(client.error, undefined);
    assert.deepEqual(server.errors, [[5, 43]]);
    client.socket.end();
    await until(() => server.closed.length === 1);
    const guest = join();
    await until(() => server.stats().connections === 1);
    server.poller.setLimits(server.last, 10, 16384, 0);
    guest.socket.write('*11\r\n');
    await until(() => guest.text === '-ERR 3\r\n');
  }),
);

test(
  'close sends what is pending, at once drops it',
  served(async (server, join) => {
    const client = join();
    client.socket.write(frame('flood', '100') + frame('quit') + frame('get', 'never'));
    await until(() => client.ended);
    assert.equal(client.text.length, '+flood 100 3\r\n'.length + 100 * 60000 + '+quit  4\r\n'.length);
    client.socket.end();
    await until(() => server.closed.length === 1);
    const dropped = join();
    await until(() => server.stats().connections === 1);
    server.poller.close(server.last, 0);
    await until(() => server.closed.length === 2 && dropped.ended);
    // Half-closed clients are answered.
    const half = join();
    half.socket.end(frame('get', 'a') + frame('flood', '50'));
    await until(() => half.ended);
    assert.equal(half.text.length, '+get a 1\r\n+flood 50 2\r\n'.length + 50 * 60000);
  }),
);

test('unix sockets, their mode and their file', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'ashlar-'));
  const path = join(directory, 'a.sock');
  const server = new Server();
  try {
    assert.equal(server.listen({ path, mode: 0o770 }), 0);
    assert.equal(statSync(path).mode & 0o777, 0o770);
    const client = connect({ path });
    client.socket.write(frame('get', 'a'));
    await until(() => client.text === '+get a 1\r\n');
    assert.equal(server.poller.peerAddress(0), path);
    client.socket.destroy();
    server.listener.close();
    assert.equal(existsSync(path), false);
    writeFileSync(path, 'not a socket');
    assert.throws(() => addon.listen({ path, backlog: 1 }, () => {}), {
      code: 'EADDRINUSE',
      message: `listen EADDRINUSE: address already in use ${path}`,
    });
    assert.equal(existsSync(path), true);
  } finally {
    server.stop();
    rmSync(directory, { recursive: true });
  }
});

test('errors of listen', async () => {
  const first = addon.listen({ host: '127.0.0.1', port: 0, backlog: 1 }, () => {});
  const { port } = first;
  assert.throws(() => addon.listen({ host: '127.0.0.1', port, backlog: 1 }, () => {}), {
    code: 'EADDRINUSE',
    syscall: 'listen',
    port,
    address: '127.0.0.1',
    message: `listen EADDRINUSE: address already in use 127.0.0.1:${port}`,
  });
  first.close();
  assert.throws(() => addon.listen({ host: '192.0.2.7', port: 1, backlog: 1 }, () => {}), { code: 'EADDRNOTAVAIL' });
  assert.throws(() => addon.listen({ host: 'nowhere.invalid', port: 1, backlog: 1 }, () => {}), { code: 'ENOTFOUND' });
  assert.throws(() => addon.listen({ host: '127.0.0.1', port: 70000, backlog: 1 }, () => {}), RangeError);
  assert.throws(() => addon.listen({ host: '127.0.0.1', port: 0, backlog: 1 }), TypeError);
  const again = addon.listen({ host: '127.0.0.1', port, backlog: 1 }, () => {});
  again.close();
  again.close();
});

test('a paused listener accepts nothing, and reject says why', async () => {
  const listener = addon.listen({ host: '127.0.0.1', port: 0, backlog: 10 }, (fd) => addon.reject(fd, '-ERR full\r\n'));
  listener.pause();
  const client = connect({ host: '127.0.0.1', port: listener.port });
  await client.connected;
  await sleep(50);
  assert.equal(client.text, '');
  listener.resume();
  await until(() => client.ended);
  assert.equal(client.text, '-ERR full\r\n');
  client.socket.destroy();
  listener.close();
});

test('wrong options throw', () => {
  assert.throws(() => new addon.Poller({}), TypeError);
  assert.throws(() => addon.Poller({}), Error);
  assert.throws(() => new addon.Poller(), TypeError);
  assert.throws(() => addon.hashBytes(new Uint8Array(4), 2, 3, 0, 0), RangeError);
  assert.throws(() => new addon.Splitter({}), TypeError);
  const server = new Server();
  server.stop();
  server.stop();
  assert.equal(server.poller.receive(), 0);
  assert.equal(server.poller.add(-1, 0), -1);
  assert.equal(server.poller.peerAddress(0), '');
});

test('the splitter on memory', () => {
  const splitter = new addon.Splitter({
    table: SPLITTER_TABLE,
    speaks: 0,
    hashKey: [1, 2],
    argumentsMax: 100,
    bulkBytesMax: 1000,
    arenaBytes: 100,
  });
  const bytes = Buffer.from(`${frame('SET', 'foo', 'v'.repeat(200))}get "a b"\r\n*101\r\n`);
  const found = [];
  for (const byte of bytes) found.push(...splitter.feed(Uint8Array.of(byte)));
  assert.deepEqual(
    found.map(({ command, argc, flags }) => [command, argc, flags]),
    [
      [1, 3, 1],
      [0, 2, 2],
      [-2, 2, 0],
    ],
  );
  assert.equal(Buffer.from(found[0].args[1].bytes).toString(), 'foo');
  assert.equal(found[0].args[1].slot, 12182);
  assert.equal(found[0].args[1].hash, addon.hashBytes(Buffer.from('foo'), 0, 3, 1, 2));
  assert.equal(found[0].args[2].hash, 0);
  assert.equal(addon.slotOf(Buffer.from('xfoo'), 1, 3), 12182);
});

const HASH = new URL('../../dist/base/hash.js', import.meta.url);

test('hash and slot are those of src/base/hash.ts', { skip: !existsSync(HASH) && 'not compiled' }, async () => {
  const { hashBytes, slotOf } = await import(HASH.href);
  for (let i = 0; i < 20000; i++) {
    const bytes = randomBytes(80);
    if (i % 3 === 0) bytes[i % 60] = 0x7b;
    if (i % 6 === 0) bytes[(i * 7) % 80] = 0x7d;
    const [offset, length, k0, k1] = [i % 9, i % 70, bytes.readInt32LE(70), bytes.readInt32LE(75)];
    assert.equal(addon.hashBytes(bytes, offset, length, k0, k1), hashBytes(bytes, offset, length, k0, k1));
    assert.equal(addon.slotOf(bytes, offset, length), slotOf(bytes, offset, length));
  }
});

test('methods of one class are not those of another', () => {
  const splitter = new addon.Splitter({
    table: SPLITTER_TABLE,
    speaks: 0,
    hashKey: [1, 2],
    argumentsMax: 100,
    bulkBytesMax: 1000,
    arenaBytes: 100,
  });
  const listener = addon.listen({ host: '127.0.0.1', port: 0, backlog: 1 }, () => {});
  const server = new Server();
  try {
    assert.throws(() => splitter.feed.call(server.poller, new Uint8Array(1)), TypeError);
    assert.throws(() => splitter.feed.call({}, new Uint8Array(1)), TypeError);
    assert.throws(() => server.poller.receive.call(splitter), TypeError);
    assert.equal(listener.pause.call(server.poller), undefined);
    assert.equal(listener.pause.call({}), undefined);
  } finally {
    server.stop();
    listener.close();
  }
});

/** Runs a script of its own that has this file's Server; resolves to its exit. */
function run(script) {
  const source = `import { Server, connect, frame } from ${JSON.stringify(HELPER)};\n${script}`;
  return new Promise((resolve) => {
    execFile(process.execPath, ['--input-type=module', '-e', source], { timeout: 60000 }, (error, stdout, stderr) => {
      resolve({ code: error?.code ?? 0, signal: error?.signal ?? undefined, stdout, stderr });
    });
  });
}

test('what onReady throws is an uncaught exception', async () => {
  const result = await run(`
    process.on('uncaughtException', (error) => { console.log('caught', error.message); process.exit(7); });
    const server = new Server({ onBatch() { throw new Error('from a batch'); } });
    const client = connect({ host: '127.0.0.1', port: server.listen() });
    client.socket.write(frame('get', 'a'));
  `);
  assert.deepEqual([result.code, result.stdout], [7, 'caught from a batch\n'], result.stderr);
});

test('a process ends in the middle of a batch, and with everything open', async () => {
  for (const body of ['onBatch() { process.exit(3); }', 'onBatch() { setImmediate(() => process.exit(3)); }']) {
    const result = await run(`
      const server = new Server({ ${body} });
      const client = connect({ host: '127.0.0.1', port: server.listen() });
      client.socket.write(frame('get', 'a').repeat(5000));
    `);
    assert.deepEqual([result.code, result.signal, result.stderr], [3, undefined, '']);
  }
});

test('a destroyed poller lets the process end, also from within a batch', async () => {
  const result = await run(`
    const server = new Server({ onBatch() { server.stop(); client.socket.destroy(); console.log('stopped'); } });
    const client = connect({ host: '127.0.0.1', port: server.listen() });
    client.socket.write(frame('set', 'a', 'x'.repeat(100000)) + frame('get', 'a').repeat(1000));
    server.ready = function () { this.poller.receive(); this.onBatch?.(); };
    setTimeout(() => { console.log('still here'); process.exit(1); }, 20000).unref();
  `);
  assert.deepEqual([result.code, result.signal, result.stdout], [0, undefined, 'stopped\n'], result.stderr);
});

test('workers that are terminated at any moment', { timeout: 240000 }, async () => {
  const source = `
    import { parentPort } from 'node:worker_threads';
    import { Server } from ${JSON.stringify(HELPER)};
    const server = new Server();
    parentPort.postMessage(server.listen());
  `;
  const url = new URL(`data:text/javascript,${encodeURIComponent(source)}`);
  const fds = () => readdirSync('/proc/self/fd').length;
  const before = fds();
  for (let i = 0; i < 200; i++) {
    const worker = new Worker(url);
    worker.on('error', (error) => assert.fail(error));
    const clients = [];
    if (i % 8 !== 0) {
      const port = await new Promise((resolve) => worker.once('message', resolve));
      for (let k = 0; k < 4; k++) {
        const client = connect({ host: '127.0.0.1', port });
        clients.push(client);
        client.socket.write(frame('get', 'x').repeat(3000));
        if (k === 1) client.socket.write(frame('set', 'big', 'b'.repeat(500000)) + frame('block'));
        if (k === 2) client.socket.write(frame('flood', '200'));
      }
      await sleep(Math.random() * 12);
    } else {
      await sleep(Math.random() * 60);
    }
    await worker.terminate();
    for (const client of clients) client.socket.destroy();
  }
  await sleep(100);
  assert.ok(fds() - before < 10, `descriptors left open: ${fds() - before}`);
});
