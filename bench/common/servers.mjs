/**
 * The servers that are measured beside each other, and how each is started alike: one serving thread, no persistence, on a free
 * port of the loopback, pinned to a core.
 */

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { relative } from 'node:path';
import { inRoot, root } from '../../scripts/steps/paths.mjs';
import { StepError, say } from '../../scripts/steps/run.mjs';
import { floorPath } from '../server/build-load.mjs';
import { freePort, isInstalled, start, stop, untilListening } from './processes.mjs';

/** The protocols that the load generator speaks: Redis's and memcached's three. */
export const PROTOCOLS = ['resp', 'text', 'meta', 'binary'];

const MEMCACHED_PROTOCOLS = PROTOCOLS.slice(1);

/**
 * name → how to start it, and what it speaks, first what it is measured with when nothing else is said. `absent()` says why it can't
 * be measured, or undefined; `reply` is for the floor, which has to be told what to answer.
 */
const SERVERS = {
  ashlar: {
    protocols: PROTOCOLS,
    absent: () => (existsSync(inRoot('dist', 'cli', 'main.js')) ? undefined : 'not built'),
    command: ({ port, threads, protocol }) => [
      ...['node', 'bin/ashlar.mjs', 'serve', '--threads', threads, '--maxmemory', '2gb'],
      // Of the two doors, the one that is measured is on the port; another may be on any.
      ...(protocol === 'resp' ? ['--port', port, '--memcached-port', 0] : ['--port', 0, '--memcached-port', port]),
    ],
    version: () => firstMatch('node', ['bin/ashlar.mjs', '--version'], /\S+/),
  },
  redis: {
    protocols: ['resp'],
    absent: () => (isInstalled('redis-server') ? undefined : 'redis-server is not installed'),
    command: ({ port }) => [
      'redis-server',
      ...['--port', port, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--io-threads', 1],
    ],
    version: () => firstMatch('redis-server', ['--version'], /v=(\S+)/),
  },
  memcached: {
    protocols: MEMCACHED_PROTOCOLS,
    absent: () => (isInstalled('memcached', '-V') ? undefined : 'memcached is not installed'),
    command: ({ port }) => [
      'memcached',
      ...['-p', port, '-l', '127.0.0.1', '-t', 1, '-m', 4096, '-c', 1024],
      ...(process.getuid?.() === 0 ? ['-u', 'nobody'] : []),
    ],
    version: () => firstMatch('memcached', ['-V'], /\d\S+/),
  },
  floor: {
    protocols: ['resp'],
    absent: () => undefined,
    command: ({ port, reply }) => [relative(root, floorPath), port, reply.requestBytes, reply.valueSize],
    version: () => undefined,
  },
};

const SERVER_NAMES = Object.keys(SERVERS);

/**
 * @typedef {{ label: string, name: string, protocol: string }} Server label: `redis`, or `memcached:text` when it isn't Redis's protocol
 */

/** @returns {Server} */
const makeServer = (name, protocol) => ({
  label: protocol === 'resp' ? name : `${name}:${protocol}`,
  name,
  protocol,
});

/**
 * Servers as they are named on the command line: `memcached:meta` is one, `memcached` is one for each protocol that it speaks.
 * @param {string} text
 * @returns {Server[]} not empty
 * @throws {StepError} for an unknown name, or a protocol that the server doesn't speak
 */
export function parseServers(text) {
  const [name, protocol] = text.split(':');
  if (!Object.hasOwn(SERVERS, name))
    throw new StepError(`unknown server ${name}; known are ${SERVER_NAMES.join(', ')}`);
  const { protocols } = SERVERS[name];
  if (protocol === undefined) return protocols.map((each) => makeServer(name, each));
  if (protocols.includes(protocol)) return [makeServer(name, protocol)];
  throw new StepError(`${name} speaks ${protocols.join(', ')}; not ${protocol}`);
}

/** A server where the protocol doesn't matter: the first that it speaks, and its name as label. @returns {Server} */
export const usualServer = (text) => ({ ...parseServers(text)[0], label: text });

/**
 * What can't be measured here is left out with a line, and is an error if it was asked for.
 * @param {Server[]} servers
 * @param {boolean} asked
 * @returns {Server[]}
 * @throws {StepError}
 */
export function presentServers(servers, asked) {
  const reasons = new Map(servers.map(({ name }) => [name, SERVERS[name].absent()]));
  for (const [name, reason] of reasons) {
    if (reason !== undefined && asked) throw new StepError(`${name}: ${reason}`);
    if (reason !== undefined) say(`without ${name}: ${reason}`);
  }
  return servers.filter(({ name }) => reasons.get(name) === undefined);
}

/** @returns {string | undefined} its version, from itself */
export const versionOf = ({ name }) => SERVERS[name].version();

/**
 * Starts a server and waits until it listens.
 * @param {Server} server
 * @param {{ core?: number, threads?: number, reply?: { requestBytes: number, valueSize: number }, more?: (string | number)[],
 *   environment?: Record<string, string> }} options core: pin it there; reply: for the floor; more: options of its own, which override the usual ones
 * @throws {StepError} if it doesn't come up
 */
export async function startServer(server, { core, threads = 1, reply, more = [], environment = {} } = {}) {
  const port = await freePort();
  const pinned = core === undefined || !isInstalled('taskset') ? [] : ['taskset', '-c', core];
  const command = SERVERS[server.name].command({ protocol: server.protocol, port, threads, reply });
  const words = [...pinned, ...command, ...more].map(String);
  const child = start(words[0], words.slice(1), { env: { ...process.env, ...environment } });
  try {
    await untilListening(child, port);
  } catch (error) {
    await stop(child);
    throw new StepError(`${server.label} did not start (${words.join(' ')}): ${error.message}`);
  }
  const commandLine = words.map((word) => (word === '' ? "''" : word.replace(`${port}`, 'PORT'))).join(' ');
  return { ...server, port, pid: child.pid, commandLine, stop: () => stop(child) };
}

function firstMatch(command, args, pattern) {
  const result = spawnSync(command, args, { cwd: root, encoding: 'utf8', timeout: 20_000 });
  const found = pattern.exec(result.stdout ?? '');
  return found?.[1] ?? found?.[0];
}
