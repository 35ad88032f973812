/**
 * Conformance cases: commands with the exact replies that Redis gives, run against our server and against the real `redis-server`, so that
 * the expectations are checked as well as the code.
 *
 * ```
 * defineCases('strings', [
 *   { name: 'GET of what SET stored', steps: [
 *     ['SET k v', OK],                        // words; no quoting
 *     [['GET', 'k'], 'v'],                    // arguments one by one: any bytes, one character per byte
 *     ['LPUSH l x', anything],
 *     ['GET l', error('WRONGTYPE ...')],
 *     ['GET k', 'v', 'other'],                // on another connection of the case
 *     { raw: 'GET k\r\n', replies: ['v'] },   // bytes as they are
 *     { sleep: 20 },
 *   ] },
 * ]);
 * ```
 *
 * Expectations: a string is a bulk string, a number or bigint an integer, `null` the null bulk string (`_` in RESP3), an array an array;
 * for everything else there are the functions below. Each case begins with an empty keyspace and fresh connections.
 */

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Argument, Reply, RespClient } from './resp-client.js';
import { atLeast, availableServers, RunningServer, redisVersion, type ServerName } from './servers.js';
import { isInstalled } from './tools.js';

// ---------------------------------------------------------------------------------------------- expectations

/** Something that a reply is held against. */
export class Expectation {
  readonly print: (protocol: 2 | 3) => string;
  readonly fits: ((reply: Reply, protocol: 2 | 3) => boolean) | undefined;

  /**
   * @param print the reply as `printReply` prints it, or a description when `fits` decides
   * @param fits decides instead of the comparison of what is printed
   */
  constructor(print: (protocol: 2 | 3) => string, fits?: (reply: Reply, protocol: 2 | 3) => boolean) {
    this.print = print;
    this.fits = fits;
  }
}

export type Expected = string | number | bigint | null | Expectation | readonly Expected[];

/** A status reply. */
export function simple(text: string): Expectation {
  return new Expectation(() => `+${text}`);
}

export const OK = simple('OK');

/** An error reply, with its code. */
export function error(text: string): Expectation {
  return new Expectation(() => `-${text}`);
}

/** The null array (`*-1`; `_` in RESP3). */
export const nullArray = new Expectation((protocol) => (protocol === 2 ? '*-1' : '_'));

/** RESP3's map; in RESP2 the array of its keys and values. */
export function map(...pairs: readonly (readonly [Expected, Expected])[]): Expectation {
  return new Expectation((protocol) => printExpected('%', pairs.flat(), protocol));
}

/** RESP3's set; in RESP2 an array. Order counts. */
export function set(...members: readonly Expected[]): Expectation {
  return new Expectation((protocol) => printExpected('~', members, protocol));
}

/** RESP3's push; in RESP2 an array. */
export function push(...parts: readonly Expected[]): Expectation {
  return new Expectation((protocol) => printExpected('>', parts, protocol));
}

/** RESP3's double; in RESP2 a bulk string. */
export function double(text: string): Expectation {
  return new Expectation((protocol) => (protocol === 2 ? `$${text}` : `,${text}`));
}

/** RESP3's boolean; in RESP2 1 or 0. */
export function boolean(value: boolean): Expectation {
  return new Expectation((protocol) => (protocol === 2 ? `:${value ? 1 : 0}` : `#${value ? 't' : 'f'}`));
}

/** RESP3's verbatim string (`txt:...`); in RESP2 a bulk string. */
export function verbatim(format: string, text: string): Expectation {
  return new Expectation((protocol) => (protocol === 2 ? `$${text}` : `=${format}:${text}`));
}

/** An array whose elements may come in any order. */
export function unordered(...members: readonly Expected[]): Expectation {
  const wanted = (protocol: 2 | 3): string[] => members.map((member) => printAny(member, protocol)).sort();
  return new Expectation(
    (protocol) => `in any order: ${wanted(protocol).join(' ')}`,
    (reply, protocol) =>
      Array.isArray(reply.value) && reply.value.map(printReply).sort().join('\n') === wanted(protocol).join('\n'),
  );
}

/** A reply that a function accepts. */
export function matching(description: string, fits: (reply: Reply) => boolean): Expectation {
  return new Expectation(() => description, fits);
}

export const anything = matching('anything', () => true);

/** An integer from `low` to `high`. */
export function between(low: number, high: number): Expectation {
  return matching(`an integer from ${low} to ${high}`, (reply) => {
    return reply.type === ':' && Number(reply.value) >= low && Number(reply.value) <= high;
  });
}

/** A bulk string or status whose text matches. */
export function text(pattern: RegExp): Expectation {
  return matching(
    `text like ${pattern}`,
    (reply) => typeof reply.value === 'string' && reply.type !== '-' && pattern.test(reply.value),
  );
}

/** An error whose text matches. */
export function errorLike(pattern: RegExp): Expectation {
  return matching(`an error like ${pattern}`, (reply) => reply.type === '-' && pattern.test(String(reply.value)));
}

/** A reply as one line of text: its type and its value. */
export function printReply(reply: Reply): string {
  if (reply.value === null) return reply.type === '_' ? '_' : `${reply.type}-1`;
  if (typeof reply.value === 'string') return `${reply.type}${reply.value}`;
  return `${reply.type}[${reply.value.map(printReply).join(' ')}]`;
}

function printAny(expected: Expected, protocol: 2 | 3): string {
  if (expected === null) return protocol === 2 ? '$-1' : '_';
  if (expected instanceof Expectation) return expected.print(protocol);
  if (typeof expected === 'string') return `$${expected}`;
  if (typeof expected === 'object') return printExpected('*', expected, protocol);
  return `:${expected}`;
}

function printExpected(type: string, members: readonly Expected[], protocol: 2 | 3): string {
  return `${protocol === 2 ? '*' : type}[${members.map((member) => printAny(member, protocol)).join(' ')}]`;
}

/** Fails with both sides printed unless the reply is the one expected. */
export function check(reply: Reply, expected: Expected, protocol: 2 | 3, label: string): void {
  expect(judged(reply, expected, protocol), label).toBe(printAny(expected, protocol));
}

/** The reply printed, with the parts that an expectation accepted printed as the expectation is. */
function judged(reply: Reply, expected: Expected, protocol: 2 | 3): string {
  if (expected instanceof Expectation) {
    return expected.fits?.(reply, protocol) ? expected.print(protocol) : printReply(reply);
  }
  if (Array.isArray(expected) && reply.type === '*' && reply.value?.length === expected.length) {
    const members = reply.value as readonly Reply[];
    return `*[${members.map((member, i) => judged(member, expected[i], protocol)).join(' ')}]`;
  }
  return printReply(reply);
}

// ---------------------------------------------------------------------------------------------- cases

export type CommandLine = string | readonly Argument[];

export type Step =
  /** A command, its reply, and the connection it goes over (any name; default the first). */
  | readonly [command: CommandLine, expected: Expected, connection?: string]
  /** Bytes as they are, and the replies to them. */
  | { readonly raw: string | Uint8Array; readonly replies: readonly Expected[]; readonly connection?: string }
  /** Further replies or pushes that a connection gets. */
  | { readonly receive: readonly Expected[]; readonly connection?: string }
  /** The server closes the connection. */
  | { readonly closed: string }
  /** Milliseconds. */
  | { readonly sleep: number };

export interface Case {
  readonly name: string;
  readonly steps: readonly Step[];
  /** First Redis version that behaves so; a real server that is older does not run it. */
  readonly since?: string;
  /** The case is of our server alone: why. */
  readonly ashlarOnly?: string;
  /** The case needs what ours does not have: why. It checks the expectation for when it has. */
  readonly redisOnly?: string;
  /** Speak RESP3 on every connection of the case. */
  readonly protocol?: 2 | 3;
  readonly timeout?: number;
}

export interface CaseOptions {
  /** Further arguments of the servers' command lines. */
  readonly args?: Partial<Record<ServerName, readonly string[]>>;
  /** Password of the servers, for the connection that empties the keyspace between cases. */
  readonly password?: string;
}

/** Runs every case on every server that there is: one describe block for each server. */
export function defineCases(name: string, cases: readonly Case[], options: CaseOptions = {}): void {
  isInstalled('redis-server', redisVersion !== undefined, `${name}: the expectations are not checked against it`);
  for (const server of availableServers()) {
    describe(`${name} on ${server.name} ${server.version}`, () => {
      const runner = new Runner(server.name, options);
      beforeAll(() => runner.start());
      afterAll(() => runner.stop());
      beforeEach(() => runner.begin());
      afterEach(() => runner.end());
      for (const one of cases) {
        const reason = reasonToSkip(one, server);
        test.skipIf(reason !== undefined)(one.name + (reason ?? ''), () => runner.run(one), one.timeout);
      }
    });
  }
}

function reasonToSkip(one: Case, server: { name: ServerName; version: string }): string | undefined {
  if (server.name !== 'redis') return one.redisOnly === undefined ? undefined : ` (real Redis alone: ${one.redisOnly})`;
  if (one.ashlarOnly !== undefined) return ` (ours alone: ${one.ashlarOnly})`;
  if (one.since !== undefined && !atLeast(server.version, one.since)) return ` (since ${one.since})`;
  return undefined;
}

class Runner {
  private readonly name: ServerName;
  private readonly args: readonly string[];
  private readonly password: string | undefined;
  private server: RunningServer | undefined;
  private connections = new Map<string, RespClient>();
  private protocol: 2 | 3 = 2;

  constructor(name: ServerName, { args, password }: CaseOptions) {
    this.name = name;
    this.args = args?.[name] ?? [];
    this.password = password;
  }

  async start(): Promise<void> {
    this.server = await RunningServer.start(this.name, this.args);
  }

  async stop(): Promise<void> {
    await this.server?.stop();
  }

  async begin(): Promise<void> {
    const control = await this.connection('control');
    if (this.password !== undefined) await control.command('AUTH', this.password);
    check(await control.command('FLUSHALL'), OK, 2, 'FLUSHALL before the case');
  }

  end(): void {
    for (const client of this.connections.values()) client.close();
    this.connections = new Map();
    this.protocol = 2;
  }

  async run(one: Case): Promise<void> {
    this.protocol = one.protocol ?? 2;
    for (const [index, step] of one.steps.entries()) await this.step(step, index + 1);
  }

  private async step(step: Step, number: number): Promise<void> {
    if ('sleep' in step) {
      await new Promise((resolve) => setTimeout(resolve, step.sleep));
    } else if ('closed' in step) {
      await expect((await this.connection(step.closed)).reply(), `step ${number}: closed`).rejects.toThrow('closed');
    } else if ('raw' in step) {
      const client = await this.connection(step.connection);
      client.write(step.raw);
      await this.replies(client, step.replies, `step ${number}: raw bytes`);
    } else if ('receive' in step) {
      await this.replies(await this.connection(step.connection), step.receive, `step ${number}: received`);
    } else {
      const [line, expected, connection] = step;
      const args = typeof line === 'string' ? line.split(' ') : line;
      const client = await this.connection(connection);
      const label = `step ${number}: ${args.map((arg) => printable(arg)).join(' ')}`.slice(0, 300);
      check(await client.command(...args), expected, this.protocol, label);
    }
  }

  private async replies(client: RespClient, expected: readonly Expected[], label: string): Promise<void> {
    for (const [index, each] of expected.entries())
      check(await client.reply(), each, this.protocol, `${label}, reply ${index + 1}`);
  }

  /** The case's connection of this name, opened when it is first used. */
  private async connection(name = 'first'): Promise<RespClient> {
    let client = this.connections.get(name);
    if (client === undefined) {
      if (this.server === undefined) throw new Error('the server is not running');
      client = await this.server.open();
      if (this.protocol === 3 && name !== 'control') await client.command('HELLO', '3');
      this.connections.set(name, client);
    }
    return client;
  }
}

function printable(arg: Argument): string {
  const whole = arg instanceof Uint8Array ? Buffer.from(arg.subarray(0, 100)).toString('latin1') : String(arg);
  const text = whole.slice(0, 100);
  return /^[\x21-\x7e]+$/.test(text) ? text : JSON.stringify(text);
}
