/**
 * Child processes that never outlive a benchmark: each is registered by its pid and killed when we end, however we end.
 */

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { constants } from 'node:os';
import { root } from '../../scripts/steps/paths.mjs';
import { StepError } from '../../scripts/steps/run.mjs';

const STOP_MS = 5000;
const READY_MS = 30_000;
const OUTPUT_CHARACTERS = 4000;

const children = new Set();

process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => process.exit(128 + constants.signals[signal]));
}

/**
 * Starts a program; the end of what it writes is kept for messages.
 * @returns {import('node:child_process').ChildProcess & { output: string, ended: Promise<void> }}
 */
export function start(command, args, options = {}) {
  const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], ...options });
  child.output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text) => {
      child.output = (child.output + text).slice(-OUTPUT_CHARACTERS);
    });
  }
  children.add(child);
  child.ended = new Promise((resolve) => {
    child.on('close', resolve);
    child.on('error', (error) => {
      child.output += error.message;
      resolve();
    });
  }).then(() => {
    children.delete(child);
  });
  return child;
}

/** Ends a child: politely, then not. */
export async function stop(child) {
  if (!children.has(child)) return;
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
  await child.ended;
  clearTimeout(timer);
}

/** @returns {Promise<number>} a port that was free a moment ago on the loopback */
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** Waits until something accepts connections on a port. @throws {StepError} if the child ends before, or it takes too long */
export async function untilListening(child, port) {
  const deadline = Date.now() + READY_MS;
  while (!(await accepts(port))) {
    if (!children.has(child)) throw new StepError(`it ended at once: ${tellingLine(child.output)}`);
    if (Date.now() > deadline) throw new StepError(`nothing listens on its port after ${READY_MS / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

/** Sends one line to a server and returns the first piece of its answer. */
export async function ask(port, line) {
  const socket = connect(port, '127.0.0.1');
  try {
    socket.setTimeout(STOP_MS, () => socket.destroy(new StepError(`no answer to ${line}`)));
    socket.end(`${line}\r\n`);
    const [reply] = await once(socket, 'data');
    return String(reply);
  } finally {
    socket.destroy();
  }
}

/** @returns {boolean} whether a program can be run at all */
export const isInstalled = (command, versionArgument = '--version') =>
  spawnSync(command, [versionArgument], { stdio: 'ignore' }).error === undefined;

/** @returns {string} the line of a failed program's output that says most: the one with the error, or the last */
export function tellingLine(text) {
  const lines = text.trim().split('\n');
  return (lines.find((line) => /error\b/i.test(line)) ?? (lines.at(-1) || '(no output)')).slice(0, 300);
}

function accepts(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const settle = (result) => {
      socket.destroy();
      resolve(result);
    };
    socket.once('connect', () => settle(true)).once('error', () => settle(false));
  });
}
