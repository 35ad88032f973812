/** What the tests of the server have in common. */

import { expect } from 'vitest';
import type { Reply, RespClient } from '../conformance/resp-client.js';
import type { RunningServer } from '../conformance/servers.js';

const POLL_MS = 20;
const PATIENCE_MS = 8000;

/** Waits until a condition is true; fails when it is not in time. */
export async function eventually(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  while (!(await condition())) {
    if (Date.now() > deadline) expect.fail(`not in time: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** The text of a scalar reply. */
export function text(reply: Reply): string {
  if (typeof reply.value !== 'string') throw new Error(`not a text: ${JSON.stringify(reply)}`);
  return reply.value;
}

/** A field of INFO. */
export async function infoField(client: RespClient, name: string): Promise<string> {
  const info = text(await client.command('INFO', 'everything'));
  const found = new RegExp(`^${name}:(.*?)\\r$`, 'm').exec(info);
  if (found === null) throw new Error(`INFO has no field ${name}`);
  return found[1];
}

/** Waits until the server's process has ended. @returns its exit code, null when a signal ended it */
export async function exitCode({ process }: RunningServer): Promise<number | null> {
  await eventually('the end of the process', () => process.exitCode !== null || process.signalCode !== null);
  return process.exitCode;
}
