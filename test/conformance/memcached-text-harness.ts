/**
 * Cases of Memcached's text protocol: requests with the exact replies that memcached gives, run against our server and against the real memcached, so
 * that the expectations are checked as well as the code.
 *
 * ```
 * defineTextCases('storage', [
 *   { name: 'set and get', steps: [
 *     ['set k 5 0 3\nabc', 'STORED'],                    // lines: every \n is sent as \r\n, and one is put behind the last
 *     ['get k', 'VALUE k 5 3\nabc\nEND'],
 *     ['set k 5 0 3 noreply\nabc', ''],                  // nothing
 *     ['gets k', 'VALUE k 5 3 <cas>\nabc\nEND'],         // a number, which gets a name;
 *     ['cas k 5 0 1 <cas>\nx', 'STORED'],                // where the name is used again, it must be that number
 *     { differ: ['cas', 'other'] },
 *     { raw: 'mn\r\n\n', reply: 'MN\r\nERROR\r\n' },     // bytes as they are
 *     { until: ['get k', 'END'] },                       // asks again and again, until this is answered
 *     { untilNot: ['mg k u l', 'HD l0'] },               // ... until this is answered no longer
 *     { redis: ['GET', 'k'], reply: 'x' },               // through the other door
 *     { closes: 'quit\r\n' },                            // bytes, and the end of the connection
 *   ] },
 * ]);
 * ```
 *
 * Behind every request another one is sent, which is always answered, and differently each time: what came before is the whole reply. Each case begins with an empty keyspace and a fresh connection.
 */

import { connect, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { printReply } from './harness.js';
import {
  availableMemcached,
  type MemcachedName,
  type MemcachedServer,
  memcachedVersion,
  startMemcached,
} from './memcached-servers.js';
import { RespClient } from './resp-client.js';
import { atLeast } from './servers.js';

/** What the installed memcached answers where ours answers something else, and why ours is right. */
export interface Difference {
  readonly memcached: string;
  readonly why: string;
}

export type TextStep =
  | readonly [request: string, reply: string, difference?: Difference]
  | { readonly raw: string; readonly reply: string; readonly difference?: Difference }
  | { readonly until: readonly [request: string, reply: string] }
  | { readonly untilNot: readonly [request: string, reply: string] }
  | { readonly differ: readonly [string, string] }
  | { readonly redis: readonly string[]; readonly reply: string }
  | { readonly closes: string; readonly reply?: string; readonly difference?: Difference };

export interface TextCase {
  readonly name: string;
  readonly steps: readonly TextStep[];
  /** The case is of our server alone: why. */
  readonly ashlarOnly?: string;
  /** First version of memcached that does it. */
  readonly since?: string;
  readonly timeout?: number;
}

const REPLY_TIMEOUT_MS = 5000;
const PATIENCE_MS = 8000;
const POLL_MS = 50;
const NAME = /<(\w+)>/g;
/** Characters of a long reply that a failure shows. */
const SHOWN = 1000;

/** A connection that collects what comes. */
export class TextClient {
  private readonly socket: Socket;
  private received = '';
  private closed = false;
  private wake: () => void = () => {};
  private asked = 0;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk) => {
      this.received += chunk.toString('latin1');
      this.wake();
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.closed = true;
      this.wake();
    });
  }

  static async open(port: number): Promise<TextClient> {
    const socket = connect({ port, host: '127.0.0.1' });
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return new TextClient(socket);
  }

  /** Sends bytes, one character each, and returns all that is answered. */
  async ask(request: string): Promise<string> {
    const end = `O${++this.asked}\r\n`;
    this.socket.write(Buffer.from(`${request}mg - ${end}`, 'latin1'));
    await this.wait('a reply', () => this.received.endsWith(`EN ${end}`));
    const reply = this.received.slice(0, -`EN ${end}`.length);
    this.received = '';
    return reply;
  }

  /** Sends bytes, and waits until the connection is closed. Returns what was answered before. */
  async askLast(request: string): Promise<string> {
    this.socket.write(Buffer.from(request, 'latin1'));
    await this.wait('the connection to be closed', () => this.closed);
    return this.received;
  }

  close(): void {
    this.socket.destroy();
  }

  private async wait(what: string, condition: () => boolean): Promise<void> {
    const deadline = Date.now() + REPLY_TIMEOUT_MS;
    while (!condition()) {
      const left = deadline - Date.now();
      if (left <= 0 || this.closed)
        throw new Error(`waited in vain for ${what}; received: ${JSON.stringify(this.received.slice(-500))}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
}

/** Lines as they are sent: each ended by \r\n. */
function lines(text: string): string {
  return text === '' ? '' : `${text.replaceAll('\n', '\r\n')}\r\n`;
}

/** An expectation with names as a pattern. */
function patternOf(text: string): RegExp {
  return new RegExp(`^${text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&').replace(NAME, '(?<$1>\\d+)')}$`, 's');
}

/** What is shown of a long reply: its ends, and how long it is. */
function shortened(text: string): string {
  if (text.length <= SHOWN) return text;
  return `${text.slice(0, SHOWN / 2)} ... ${text.length} characters ... ${text.slice(-SHOWN / 2)}`;
}

/** Runs the steps of one case. */
class Run {
  private readonly server: MemcachedServer;
  private readonly client: TextClient;
  private readonly names = new Map<string, string>();

  constructor(server: MemcachedServer, client: TextClient) {
    this.server = server;
    this.client = client;
  }

  async step(step: TextStep, label: string): Promise<void> {
    if ('raw' in step) this.check(await this.client.ask(step.raw), this.expected(step.reply, step.difference), label);
    else if ('until' in step) await this.until(step.until[0], (reply) => reply === lines(step.until[1]), label);
    else if ('untilNot' in step)
      await this.until(step.untilNot[0], (reply) => reply !== lines(step.untilNot[1]), label);
    else if ('differ' in step) expect(this.names.get(step.differ[0]), label).not.toBe(this.names.get(step.differ[1]));
    else if ('redis' in step) await this.redis(step.redis, step.reply, label);
    else if ('closes' in step)
      this.check(await this.client.askLast(step.closes), this.expected(step.reply ?? '', step.difference), label);
    else this.check(await this.client.ask(this.request(step[0])), this.expected(lines(step[1]), step[2]), label);
  }

  private request(text: string): string {
    return lines(text.replace(NAME, (whole, name: string) => this.names.get(name) ?? whole));
  }

  private expected(ours: string, difference: Difference | undefined): string {
    return this.server.name === 'ashlar' || difference === undefined ? ours : lines(difference.memcached);
  }

  /** Holds a reply against the expectation, and gives numbers their names. */
  private check(reply: string, expected: string, label: string): void {
    const before = expected.replace(NAME, (whole, name: string) => this.names.get(name) ?? whole);
    const found = before.search(NAME) >= 0 ? patternOf(before).exec(reply) : null;
    if (found === null && reply !== before) expect(shortened(reply), label).toBe(shortened(before));
    for (const [name, number] of Object.entries(found?.groups ?? {})) this.names.set(name, number);
  }

  private async until(request: string, fits: (reply: string) => boolean, label: string): Promise<void> {
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      const answer = await this.client.ask(this.request(request));
      if (fits(answer)) return;
      if (Date.now() > deadline) expect.fail(`${label}: after ${PATIENCE_MS} ms still ${JSON.stringify(answer)}`);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  private async redis(args: readonly string[], reply: string, label: string): Promise<void> {
    const redis = await RespClient.open(this.server.redisPort);
    try {
      expect(printReply(await redis.command(...args)), label).toBe(reply);
    } finally {
      redis.close();
    }
  }
}

/** Whether a case can be run on a server. */
function applies({ ashlarOnly, since }: TextCase, name: MemcachedName): boolean {
  if (name === 'ashlar') return true;
  return ashlarOnly === undefined && (since === undefined || atLeast(memcachedVersion ?? '0.0.0', since));
}

/**
 * Defines the tests of some cases, for every server that there is.
 * @param args further arguments of the servers
 */
export function defineTextCases(
  title: string,
  cases: readonly TextCase[],
  args?: Parameters<typeof startMemcached>[1],
): void {
  for (const name of availableMemcached()) {
    describe(`${title} on ${name}`, () => {
      let server: MemcachedServer;
      let client: TextClient;

      beforeAll(async () => {
        server = await startMemcached(name, args);
      });
      afterAll(() => server.stop());

      beforeEach(async () => {
        client = await TextClient.open(server.port);
        expect(await client.ask('flush_all\r\n')).toBe('OK\r\n');
      });
      afterEach(() => client.close());

      for (const each of cases.filter((one) => applies(one, name))) {
        test(
          each.name,
          async () => {
            const run = new Run(server, client);
            for (const [index, step] of each.steps.entries()) {
              const text = JSON.stringify(step).slice(0, 300);
              await run.step(step, `step ${index + 1}: ${text}`);
            }
          },
          each.timeout,
        );
      }
    });
  }
}
