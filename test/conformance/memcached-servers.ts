/**
 * The servers that Memcached cases run against: this project's Memcached door, and the real `memcached` where it is installed.
 * Each is a child process on free loopback ports, ended by its own pid.
 *
 * `ASHLAR_CONFORMANCE=memcached` runs the real one only, which checks expectations without a build.
 */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { connect } from 'node:net';
import { freePort, RunningServer } from './servers.js';
import { isInstalled } from './tools.js';

export type MemcachedName = 'ashlar' | 'memcached';

const START_TIMEOUT_MS = 15_000;
const STOP_TIMEOUT_MS = 5_000;
const START_ATTEMPTS = 3;
const POLL_MS = 20;

/** Version of the installed memcached; undefined when there is none. */
export const memcachedVersion: string | undefined = /(\d+\.\d+\.\d+)/.exec(
  spawnSync('memcached', ['--version'], { encoding: 'utf8' }).stdout ?? '',
)?.[1];

/** Which servers there are on this machine. */
export function availableMemcached(): MemcachedName[] {
  const names: MemcachedName[] = [];
  if (process.env.ASHLAR_CONFORMANCE !== 'memcached') names.push('ashlar');
  if (isInstalled('memcached', memcachedVersion !== undefined, 'expectations are not checked against it'))
    names.push('memcached');
  return names;
}

/** A server that speaks Memcached. */
export interface MemcachedServer {
  readonly name: MemcachedName;
  /** TCP port of the Memcached door. */
  readonly port: number;
  /** TCP port of the Redis door; 0 for the real memcached. */
  readonly redisPort: number;
  /** Ours, for what can be done to a `RunningServer`. */
  readonly ashlar: RunningServer | undefined;
  stop(): Promise<void>;
}

/** Further arguments of the servers' command lines. */
export type MemcachedArguments = Partial<Record<MemcachedName, readonly string[]>>;

/**
 * Starts a server and waits until it answers.
 * @param environment further variables of the real one's environment
 */
export function startMemcached(
  name: MemcachedName,
  args: MemcachedArguments = {},
  environment: Readonly<Record<string, string>> = {},
): Promise<MemcachedServer> {
  return name === 'ashlar' ? startAshlar(args.ashlar ?? []) : startReal(args.memcached ?? [], environment);
}

/** This project's server, with both doors open. */
async function startAshlar(args: readonly string[]): Promise<MemcachedServer> {
  const port = await freePort();
  const ashlar = await RunningServer.start('ashlar', ['--memcached-port', String(port), ...args]);
  return { name: 'ashlar', port, redisPort: ashlar.port, ashlar, stop: () => ashlar.stop() };
}

/** Another process may take the port before memcached has it: then another one is tried. */
async function startReal(
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<MemcachedServer> {
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const user = process.getuid?.() === 0 ? ['-u', 'root'] : [];
    const child = spawn('memcached', ['-l', '127.0.0.1', '-p', String(port), '-U', '0', ...user, ...args], {
      stdio: 'ignore',
      env: { ...process.env, ...environment },
    });
    const killAtExit = (): void => {
      child.kill('SIGKILL');
    };
    process.once('exit', killAtExit);
    const stop = async (): Promise<void> => {
      process.off('exit', killAtExit);
      await end(child);
    };
    if (await ready(child, port)) return { name: 'memcached', port, redisPort: 0, ashlar: undefined, stop };
    await stop();
    if (attempt === START_ATTEMPTS) throw new Error(`memcached did not start on port ${port}`);
  }
}

async function ready(child: ChildProcess, port: number): Promise<boolean> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (Date.now() < deadline && child.exitCode === null) {
    if (await accepts(port)) return child.exitCode === null;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  return false;
}

/** Whether somebody listens on a port. */
function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
  await ended;
  clearTimeout(timer);
}
