/** Runs the `ashlar` command as a user does: a process of its own, from the build that `npm test` has made. */

import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const COMMAND = fileURLToPath(new URL('../../../bin/ashlar.mjs', import.meta.url));

export interface Ended {
  /** Exit code, or the name of the signal that ended the process. */
  readonly code: number | string | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A running command. */
export class Cli {
  readonly process: ChildProcess;
  readonly ended: Promise<Ended>;
  stdout = '';
  stderr = '';

  constructor(args: readonly string[], environment: Record<string, string> = {}) {
    this.process = spawn(process.execPath, [COMMAND, ...args], { env: { ...process.env, ...environment } });
    this.process.stdout?.on('data', (data) => {
      this.stdout += data;
    });
    this.process.stderr?.on('data', (data) => {
      this.stderr += data;
    });
    this.ended = new Promise((resolve) => {
      this.process.on('close', (code, signal) =>
        resolve({ code: code ?? signal, stdout: this.stdout, stderr: this.stderr }),
      );
    });
  }

  /** Resolves to the banner when the server says that it is ready; throws if it ends before. */
  async ready(): Promise<string> {
    const line = new Promise<string>((resolve) => {
      this.process.stdout?.on('data', () => {
        if (this.stdout.includes('\n')) resolve(this.stdout.split('\n')[0]);
      });
    });
    const failure = this.ended.then((ended) => {
      throw new Error(`ended with ${ended.code} before it was ready: ${ended.stderr}`);
    });
    return Promise.race([line, failure]);
  }
}

/** Runs a command to its end. */
export function ashlar(args: readonly string[], environment: Record<string, string> = {}): Promise<Ended> {
  return new Cli(args, environment).ended;
}
