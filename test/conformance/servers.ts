/**
 * The servers that conformance cases run against: this project's, and the real `redis-server` where it is installed.
 * Each is a child process on a free loopback port, ended by its own pid.
 *
 * `ASHLAR_CONFORMANCE=redis` runs the real one only, which checks expectations without a build.
 */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { RespClient } from './resp-client.js';

export type ServerName = 'ashlar' | 'redis';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const START_TIMEOUT_MS = 15_000;
const STOP_TIMEOUT_MS = 5_000;
const START_ATTEMPTS = 3;

/** Version of the installed redis-server; undefined when there is none. */
export const redisVersion: string | undefined = /v=(\d+\.\d+\.\d+)/.exec(
  spawnSync('redis-server', ['--version'], { encoding: 'utf8' }).stdout ?? '',
)?.[1];

/** Redis version whose behaviour ours is. */
export const ASHLAR_VERSION = '7.2.99';

/** Which servers there are on this machine, with the version each is to be held to. */
export function availableServers(): { name: ServerName; version: string }[] {
  const servers: { name: ServerName; version: string }[] = [];
  if (process.env.ASHLAR_CONFORMANCE !== 'redis') servers.push({ name: 'ashlar', version: ASHLAR_VERSION });
  if (redisVersion !== undefined) servers.push({ name: 'redis', version: redisVersion });
  return servers;
}

/** Whether version `a` is at least `b`, by their numbers. */
export function atLeast(a: string, b: string): boolean {
  const left = a.split('.').map(Number);
  const right = b.split('.').map(Number);
  for (let i = 0; i < 3; i++) if ((left[i] ?? 0) !== (right[i] ?? 0)) return (left[i] ?? 0) > (right[i] ?? 0);
  return true;
}

/** A loopback port that nobody listens on. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

/** A server that runs. */
export class RunningServer {
  readonly name: ServerName;
  readonly port: number;
  readonly process: ChildProcess;
  private readonly directory: string;
  private readonly output: string[];
  private readonly killAtExit = (): void => {
    this.process.kill('SIGKILL');
  };

  private constructor(name: ServerName, port: number, child: ChildProcess, directory: string) {
    this.name = name;
    this.port = port;
    this.process = child;
    this.directory = directory;
    this.output = [];
    child.stdout?.on('data', (chunk) => this.output.push(String(chunk)));
    child.stderr?.on('data', (chunk) => this.output.push(String(chunk)));
    process.once('exit', this.killAtExit);
  }

  /**
   * Starts a server and waits until it answers. Another process may take the port in between: then another one is tried.
   * @param extra arguments beyond the port and "nothing on disk"
   */
  static async start(name: ServerName, extra: readonly string[] = []): Promise<RunningServer> {
    for (let attempt = 1; ; attempt++) {
      const port = await freePort();
      const directory = mkdtempSync(join(tmpdir(), `conformance-${name}-`));
      const [program, args] = commandLine(name, port, extra);
      const child = spawn(program, args, { cwd: directory, stdio: ['ignore', 'pipe', 'pipe'] });
      const server = new RunningServer(name, port, child, directory);
      try {
        await server.ready();
        return server;
      } catch (error) {
        await server.stop();
        if (attempt === START_ATTEMPTS) throw error;
      }
    }
  }

  /** What the server has printed. */
  get log(): string {
    return this.output.join('');
  }

  open(): Promise<RespClient> {
    return RespClient.open(this.port);
  }

  async stop(): Promise<void> {
    process.off('exit', this.killAtExit);
    const child = this.process;
    if (child.exitCode === null && child.signalCode === null) {
      const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
      await ended;
      clearTimeout(timer);
    }
    rmSync(this.directory, { recursive: true, force: true });
  }

  private async ready(): Promise<void> {
    let spawnError: Error | undefined;
    this.process.once('error', (error) => {
      spawnError = error;
    });
    const deadline = Date.now() + START_TIMEOUT_MS;
    while (Date.now() < deadline) {
      if (spawnError !== undefined) throw spawnError;
      if (this.process.exitCode !== null) break;
      if (await this.answers()) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(`${this.name} did not start on port ${this.port}:\n${this.log}`);
  }

  private async answers(): Promise<boolean> {
    let client: RespClient | undefined;
    try {
      client = await this.open();
      await client.command('PING');
      return true;
    } catch {
      return false;
    } finally {
      client?.close();
    }
  }
}

function commandLine(name: ServerName, port: number, extra: readonly string[]): [string, string[]] {
  if (name === 'redis') {
    const quiet = ['--save', '', '--appendonly', 'no', '--bind', '127.0.0.1', '--loglevel', 'warning'];
    return ['redis-server', ['--port', String(port), ...quiet, ...extra]];
  }
  return [
    process.execPath,
    [
      join(ROOT, 'bin', 'ashlar.mjs'),
      'serve',
      '--port',
      String(port),
      '--memcached-port',
      '0',
      '--threads',
      '2',
      ...extra,
    ],
  ];
}
