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

/**
 * name → how to start it. `absent()` says why it can't be measured, or undefined; `reply` is for the floor, which has to be told
 * what to answer.
 */
const SERVERS = {
  ashlar: {
    protocol: 'resp',
    absent: () => (existsSync(inRoot('dist', 'cli', 'main.js')) ? undefined : 'not built'),
    command: ({ port, threads, protocol }) => [
      ...['node', 'bin/ashlar.mjs', 'serve', '--threads', threads, '--maxmemory', '2gb'],
      // Of the two doors, the one that is measured is on the port; another may be on any.
      ...(protocol === 'resp' ? ['--port', port, '--memcached-port', 0] : ['--port', 0, '--memcached-port', port]),
    ],
    version: () => firstMatch('node', ['bin/ashlar.mjs', '--version'], /\S+/),
  },
  redis: {
    protocol: 'resp',
    absent: () => (isInstalled('redis-server') ? undefined : 'redis-server is not installed'),
    command: ({ port }) => [
      'redis-server',
      ...['--port', port, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--io-threads', 1],
    ],
    version: () => firstMatch('redis-server', ['--version'], /v=(\S+)/),
  },
  memcached: {
    protocol: 'mctext',
    absent: () => (isInstalled('memcached', '-V') ? undefined : 'memcached is not installed'),
    command: ({ port }) => [
      'memcached',
      ...['-p', port, '-l', '127.0.0.1', '-t', 1, '-m', 4096, '-c', 1024],
      ...(process.getuid?.() === 0 ? ['-u', 'nobody'] : []),
    ],
    version: () => firstMatch('memcached', ['-V'], /\d\S+/),
  },
  floor: {
    protocol: 'resp',
    absent: () => undefined,
    command: ({ port, reply }) => [relative(root, floorPath), port, reply.requestBytes, reply.valueSize],
    version: () => undefined,
  },
};

const SERVER_NAMES = Object.keys(SERVERS);

/**
 * A server as it is named on the command line: `memcached`, or `memcached:mcmeta` for another protocol than its usual one.
 * @returns {{ label: string, name: string, protocol: string }}
 * @throws {StepError} for an unknown name
 */
export function parseServer(text) {
  const [name, protocol] = text.split(':');
  if (!Object.hasOwn(SERVERS, name))
    throw new StepError(`unknown server ${name}; known are ${SERVER_NAMES.join(', ')}`);
  return { label: text, name, protocol: protocol ?? SERVERS[name].protocol };
}

/**
 * The servers to measure. What can't be measured here is left out with a line, and is an error if it was asked for.
 * @param {string | undefined} wanted names, separated by commas
 * @param {string[]} usual names, when nothing is asked for
 * @throws {StepError}
 */
export function presentServers(wanted, usual) {
  const servers = (wanted?.split(',') ?? usual).map(parseServer);
  return servers.filter((server) => {
    const reason = SERVERS[server.name].absent();
    if (reason !== undefined && wanted !== undefined) throw new StepError(`${server.label}: ${reason}`);
    if (reason !== undefined) say(`without ${server.label}: ${reason}`);
    return reason === undefined;
  });
}

/** @returns {string | undefined} its version, from itself */
export const versionOf = ({ name }) => SERVERS[name].version();

/**
 * Starts a server and waits until it listens.
 * @param {{ label: string, name: string, protocol: string }} server
 * @param {{ core?: number, threads?: number, reply?: { requestBytes: number, valueSize: number } }} options
 *   core: pin it there; reply: for the floor
 * @throws {StepError} if it doesn't come up
 */
export async function startServer(server, { core, threads = 1, reply } = {}) {
  const port = await freePort();
  const pinned = core === undefined || !isInstalled('taskset') ? [] : ['taskset', '-c', core];
  const words = [...pinned, ...SERVERS[server.name].command({ port, threads, reply, protocol: server.protocol })].map(
    String,
  );
  const child = start(words[0], words.slice(1));
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
