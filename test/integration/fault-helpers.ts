/** What the tests of faults and of attacks have in common: raw sockets, resident memory, servers under other conditions. */

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import type { RespClient } from '../conformance/resp-client.js';
import type { RunningServer } from '../conformance/servers.js';
import { eventually, infoField, text } from './server-helpers.js';

export const PROGRAM = fileURLToPath(new URL('../../bin/ashlar.mjs', import.meta.url));
export const MIB = 1 << 20;

/** Resident memory of a process, in bytes. */
export function residentBytes(pid: number | undefined): number {
  const found = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(found?.[1]) * 1024;
}

/** Descriptors that a process has open. */
export function openDescriptors(pid: number | undefined): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** A socket that is connected to a port or a path; errors are left to its 'close'. */
export function openSocket(place: number | string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = typeof place === 'string' ? connect(place) : connect({ port: place, host: '127.0.0.1' });
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      socket.on('error', () => {});
      socket.setNoDelay(true);
      resolve(socket);
    });
  });
}

/** Everything that a socket receives until its end, as latin1. */
export function receivedUntilClosed(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('close', () => resolve(Buffer.concat(chunks).toString('latin1')));
  });
}

/** Whether the server works with the native core; said once when a test needs it and it does not. */
export async function hasNativeCore(client: RespClient): Promise<boolean> {
  return (await infoField(client, 'ashlar_native_core')) === '1';
}

/** The server is as it should be: a fresh connection is served, no shard was reset, no thread replaced. */
export async function expectUnharmed(server: RunningServer): Promise<void> {
  const client = await server.open();
  try {
    expect(text(await client.command('PING'))).toBe('PONG');
    expect(await infoField(client, 'ashlar_shard_resets')).toBe('0');
    expect(await infoField(client, 'ashlar_workers_replaced')).toBe('0');
  } finally {
    client.close();
  }
}

/** The number of connections comes down to the caller's own. */
export async function expectOnlyClient(admin: RespClient): Promise<void> {
  await eventually('all other connections are gone', async () => {
    return (await infoField(admin, 'connected_clients')) === '1';
  });
}

export interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly out: string;
  readonly err: string;
}

/** A child process of a test: what it prints is kept, and it does not outlive the test. */
export class Child {
  readonly process: ChildProcess;
  readonly ended: Promise<Ended>;
  private readonly directory = mkdtempSync(join(tmpdir(), 'ashlar-fault-'));
  private out = '';
  private err = '';

  constructor(program: string, args: readonly string[]) {
    this.process = spawn(program, args, { cwd: this.directory, stdio: ['ignore', 'pipe', 'pipe'] });
    this.process.stdout?.on('data', (chunk) => {
      this.out += chunk;
    });
    this.process.stderr?.on('data', (chunk) => {
      this.err += chunk;
    });
    this.ended = new Promise((resolve, reject) => {
      this.process.once('error', reject);
      this.process.once('close', (code, signal) => resolve({ code, signal, out: this.out, err: this.err }));
    });
  }

  get output(): string {
    return this.out + this.err;
  }

  /** Waits for a server's line that says it is ready. */
  async ready(): Promise<void> {
    await eventually('the server is ready', () => {
      if (this.process.exitCode !== null) throw new Error(`the server ended: ${this.output}`);
      return this.out.includes('ready on');
    });
  }

  async stop(): Promise<void> {
    if (this.process.exitCode === null && this.process.signalCode === null) this.process.kill('SIGKILL');
    await this.ended;
    rmSync(this.directory, { recursive: true, force: true });
  }
}
