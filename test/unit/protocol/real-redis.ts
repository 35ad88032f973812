/** A real redis-server to be compared with, on a unix socket of its own; undefined where none is installed. */

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isInstalled } from '../../conformance/tools.js';

/** How long a reply may take, and how long is waited for what should not come after it. */
const PATIENCE_MS = 5000;
const GRACE_MS = 2;

/** Why there is no comparison, or '' when there is. */
export const NO_REDIS = findRedis();

function findRedis(): string {
  try {
    execFileSync('redis-server', ['--version']);
    return '';
  } catch {
    return 'redis-server is not installed';
  }
}

/** Says once why a comparison is skipped. */
export function explainSkip(what: string): void {
  isInstalled('redis-server', NO_REDIS === '', `skipped: ${what}`);
}

export class RealRedis {
  private readonly child: ChildProcess;
  private readonly directory: string;
  private readonly path: string;

  private constructor(child: ChildProcess, directory: string, path: string) {
    this.child = child;
    this.directory = directory;
    this.path = path;
  }

  static async start(...options: string[]): Promise<RealRedis> {
    const directory = mkdtempSync(join(tmpdir(), 'ashlar-redis-'));
    const path = join(directory, 'socket');
    const args = ['--port', '0', '--unixsocket', path, '--save', '', '--dir', directory, ...options];
    const child = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] });
    await new Promise<void>((resolve, reject) => {
      child.once('exit', (code) => reject(new Error(`redis-server ended with ${code}`)));
      child.stdout?.on('data', (text: Buffer) => {
        if (text.includes('Ready to accept connections') || text.includes('ready to accept connections')) resolve();
      });
    });
    return new RealRedis(child, directory, path);
  }

  /**
   * Sends a stream; resolves when so many bytes have come and the server, if it should, has hung up; or when nothing more comes.
   */
  exchange(stream: Uint8Array, replyBytes: number, closes: boolean): Promise<{ reply: Buffer; closed: boolean }> {
    return new Promise((resolve) => {
      const socket = connect(this.path);
      let reply = Buffer.alloc(0);
      const finish = (closed: boolean) => {
        clearTimeout(timer);
        socket.destroy();
        resolve({ reply, closed });
      };
      const timer = setTimeout(finish, PATIENCE_MS, false);
      socket.on('data', (bytes) => {
        reply = Buffer.concat([reply, bytes]);
        if (reply.length >= replyBytes && !closes) setTimeout(finish, GRACE_MS, false);
      });
      socket.on('error', () => finish(true));
      socket.on('end', () => finish(true));
      socket.write(stream);
    });
  }

  /** Sends a stream; resolves with the reply when it ends so. */
  exchangeUntil(stream: Uint8Array, end: string): Promise<{ reply: Buffer }> {
    return new Promise((resolve, reject) => {
      const socket = connect(this.path);
      const chunks: Buffer[] = [];
      socket.on('error', reject);
      socket.on('data', (bytes) => {
        chunks.push(bytes);
        const reply = Buffer.concat(chunks);
        if (!reply.toString('latin1').endsWith(end)) return;
        socket.destroy();
        resolve({ reply });
      });
      socket.write(stream);
    });
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill('SIGKILL');
    await ended;
    rmSync(this.directory, { recursive: true, force: true });
  }
}
