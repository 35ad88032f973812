/** The logs of commands: what is kept of a command, and the logs of several threads as one. */

import { describe, expect, it } from 'vitest';
import { Client } from '../../../src/commands/client.js';
import type { Request } from '../../../src/commands/request.js';
import { CommandLog, mergeCommandLogs } from '../../../src/server/command-log.js';
import { REDACTED } from '../../../src/server/secrets.js';

/** As much of a request as the log looks at. */
function request(...args: string[]): Request {
  const client = new Client(1, 0, 0, '1.2.3.4:5', '', 3, 0, true);
  client.name = 'me';
  const input = Buffer.from(args.join(''), 'latin1');
  const offsets = args.map((_, i) => args.slice(0, i).join('').length);
  return {
    argc: args.length,
    client,
    clock: { now: 12_345 },
    input,
    offset: (index: number) => offsets[index],
    length: (index: number) => args[index].length,
    copy: (index: number) => Uint8Array.from(input.subarray(offsets[index], offsets[index] + args[index].length)),
  } as unknown as Request;
}

function texts(log: CommandLog): string[][] {
  return log.list().map(({ args }) => args.map((arg) => Buffer.from(arg).toString('latin1')));
}

describe('an entry', () => {
  it('has what Redis shows', () => {
    const log = new CommandLog(10);
    log.add(7, request('GET', 'k'), 1234.9, new Map());
    const [entry] = log.list();
    expect(entry).toMatchObject({ id: 7, time: 12, value: 1234, address: '1.2.3.4:5', name: 'me' });
    expect(texts(log)).toEqual([['GET', 'k']]);
  });

  it('is trimmed to 32 arguments of 128 bytes', () => {
    const log = new CommandLog(10);
    const many = Array.from({ length: 33 }, (_, i) => `a${i}`);
    log.add(0, request(...many), 1, new Map());
    log.add(1, request(...many.slice(0, 32)), 1, new Map());
    log.add(2, request('SET', 'x'.repeat(128), 'y'.repeat(129)), 1, new Map());
    const [long, whole, wide] = texts(log);
    expect(long).toEqual(['SET', 'x'.repeat(128), `${'y'.repeat(128)}... (1 more bytes)`]);
    expect(whole).toEqual(many.slice(0, 32));
    expect(wide).toEqual([...many.slice(0, 31), '... (2 more arguments)']);
  });

  it('hides secrets', () => {
    const log = new CommandLog(10);
    log.add(0, request('AUTH', 'default', 'secret'), 1, new Map([1, 2].map((index) => [index, REDACTED])));
    expect(texts(log)).toEqual([['AUTH', '(redacted)', '(redacted)']]);
  });
});

it('keeps the newest entries', () => {
  const log = new CommandLog(3);
  for (let id = 0; id < 5; id++) log.add(id, request('PING'), 1, new Map());
  expect(log.list().map(({ id }) => id)).toEqual([4, 3, 2]);
  log.limit = 1;
  expect(log.list().map(({ id }) => id)).toEqual([4]);
  log.clear();
  expect(log.list()).toEqual([]);
});

it('logs of several workers are one, newest first', () => {
  const logs = [[5, 1], [4, 3], []].map((ids) => {
    const log = new CommandLog(10);
    for (const id of ids.reverse()) log.add(id, request('PING'), 1, new Map());
    return log.list();
  });
  expect(mergeCommandLogs(logs, 3).map(({ id }) => id)).toEqual([5, 4, 3]);
});
