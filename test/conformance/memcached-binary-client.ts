/**
 * A client of Memcached's binary protocol for tests that hides nothing: every response keeps its status, lengths and bytes, and is checked to echo the
 * opcode and the opaque of its request. It has its own parser, so that a fault in the server's code cannot hide itself in the test's.
 *
 * `ask` sends requests and a NOOP behind them, and prints what is answered before the NOOP's answer: one line for each response, none for what was
 * to be quiet.
 *
 * ```
 *  get OK flags=7 value="v" +cas        getk NOT_FOUND key="none"        noop OK
 * ```
 */

import { connect, type Socket } from 'node:net';

export const OPCODES = {
  get: 0x00,
  set: 0x01,
  add: 0x02,
  replace: 0x03,
  delete: 0x04,
  increment: 0x05,
  decrement: 0x06,
  quit: 0x07,
  flush: 0x08,
  getq: 0x09,
  noop: 0x0a,
  version: 0x0b,
  getk: 0x0c,
  getkq: 0x0d,
  append: 0x0e,
  prepend: 0x0f,
  stat: 0x10,
  setq: 0x11,
  addq: 0x12,
  replaceq: 0x13,
  deleteq: 0x14,
  incrementq: 0x15,
  decrementq: 0x16,
  quitq: 0x17,
  flushq: 0x18,
  appendq: 0x19,
  prependq: 0x1a,
  verbosity: 0x1b,
  touch: 0x1c,
  gat: 0x1d,
  gatq: 0x1e,
  'sasl-list-mechs': 0x20,
  'sasl-auth': 0x21,
  'sasl-step': 0x22,
  gatk: 0x23,
  gatkq: 0x24,
} as const;

export type Operation = keyof typeof OPCODES;

const NAMES = new Map<number, string>(Object.entries(OPCODES).map(([name, opcode]) => [opcode, name]));

const STATUSES = new Map<number, string>([
  [0x00, 'OK'],
  [0x01, 'NOT_FOUND'],
  [0x02, 'EXISTS'],
  [0x03, 'TOO_LARGE'],
  [0x04, 'INVALID'],
  [0x05, 'NOT_STORED'],
  [0x06, 'NOT_NUMERIC'],
  [0x20, 'AUTH_ERROR'],
  [0x21, 'AUTH_CONTINUE'],
  [0x81, 'UNKNOWN'],
  [0x82, 'NO_MEMORY'],
]);

const HEADER_BYTES = 24;
const REQUEST_MAGIC = 0x80;
const RESPONSE_MAGIC = 0x81;
const NUMBER_BYTES = 8;
/** How many bytes of a long value are printed. */
const PRINTED_BYTES = 100;

/** Bytes: a string has one character for each. */
export type Bytes = string | Uint8Array;

export interface BinaryRequest {
  readonly opcode: number;
  readonly key?: Bytes;
  readonly extras?: Bytes;
  readonly value?: Bytes;
  readonly cas?: bigint;
  readonly opaque?: number;
  /** What the header says instead of the truth. */
  readonly claim?: { readonly key?: number; readonly extras?: number; readonly body?: number; readonly magic?: number };
}

export interface BinaryResponse {
  readonly opcode: number;
  readonly status: number;
  readonly opaque: number;
  readonly cas: bigint;
  readonly extras: Buffer;
  readonly key: Buffer;
  readonly value: Buffer;
}

export function bytesOf(bytes: Bytes = ''): Buffer {
  return typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : Buffer.from(bytes);
}

/** A request as it is on the wire. */
export function encode(request: BinaryRequest): Buffer {
  const [extras, key, value] = [bytesOf(request.extras), bytesOf(request.key), bytesOf(request.value)];
  const header = Buffer.alloc(HEADER_BYTES);
  const { claim = {} } = request;
  header[0] = claim.magic ?? REQUEST_MAGIC;
  header[1] = request.opcode;
  header.writeUInt16BE(claim.key ?? key.length, 2);
  header[4] = claim.extras ?? extras.length;
  header.writeUInt32BE(claim.body ?? extras.length + key.length + value.length, 8);
  header.writeUInt32BE(request.opaque ?? 0, 12);
  header.writeBigUInt64BE(request.cas ?? 0n, 16);
  return Buffer.concat([header, extras, key, value]);
}

/** A response as one line of text. */
export function print(response: BinaryResponse): string {
  const { opcode, status, extras, key, value, cas } = response;
  const parts = [NAMES.get(opcode) ?? `0x${opcode.toString(16)}`, STATUSES.get(status) ?? `0x${status.toString(16)}`];
  if (extras.length === 4) parts.push(`flags=${extras.readUInt32BE(0)}`);
  else if (extras.length > 0) parts.push(`extras=${extras.toString('hex')}`);
  if (key.length > 0) parts.push(`key=${JSON.stringify(key.toString('latin1'))}`);
  if (isCounter(opcode) && status === 0 && value.length === NUMBER_BYTES)
    parts.push(`number=${value.readBigUInt64BE(0)}`);
  else if (value.length > PRINTED_BYTES) parts.push(`value of ${value.length}`);
  else if (value.length > 0) parts.push(`value=${JSON.stringify(value.toString('latin1'))}`);
  if (cas !== 0n) parts.push('+cas');
  return parts.join(' ');
}

function isCounter(opcode: number): boolean {
  return NAMES.get(opcode)?.includes('crement') === true;
}

interface Waiter {
  resolve(response: BinaryResponse): void;
  reject(error: Error): void;
}

export class BinaryClient {
  /** CAS of the last response that `ask` got and that had one. */
  lastCas = 0n;
  /** Value of the last response that `ask` got. */
  lastValue: Buffer = Buffer.alloc(0);
  private readonly socket: Socket;
  private pending: Buffer = Buffer.alloc(0);
  private readonly waiting: Waiter[] = [];
  private readonly arrived: BinaryResponse[] = [];
  private failure: Error | undefined;
  private opaque = 0xfffffff0;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk) => this.onData(chunk));
    socket.on('error', (error) => this.fail(error));
    socket.on('close', () => this.fail(new Error('the server closed the connection')));
  }

  static open(port: number): Promise<BinaryClient> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1' });
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new BinaryClient(socket));
      });
    });
  }

  /** Sends requests and returns the responses to them, printed. */
  async ask(...requests: readonly BinaryRequest[]): Promise<string[]> {
    return (await this.exchange(requests)).map(print);
  }

  /** Sends requests that are to be answered by the end of the connection, and returns the responses that came before it. */
  async askUntilClosed(...requests: readonly BinaryRequest[]): Promise<string[]> {
    this.write(Buffer.concat(requests.map((request) => encode(request))));
    const responses: string[] = [];
    for (;;) {
      try {
        responses.push(print(await this.response()));
      } catch (error) {
        // A server that closes with input unread resets the connection.
        if (!/closed|ECONNRESET/.test(String(error))) throw error;
        return responses;
      }
    }
  }

  /** Sends requests that are answered each, and returns the responses, printed. */
  async askEach(...requests: readonly BinaryRequest[]): Promise<string[]> {
    this.write(Buffer.concat(requests.map((request) => encode(request))));
    const responses: string[] = [];
    while (responses.length < requests.length) responses.push(print(await this.response()));
    return responses;
  }

  /** Sends requests and returns the responses to them. */
  async exchange(requests: readonly BinaryRequest[]): Promise<BinaryResponse[]> {
    const sent = new Map<number, number>();
    const frames = requests.map((request) => {
      const opaque = request.opaque ?? this.nextOpaque();
      sent.set(opaque, request.opcode);
      return encode({ ...request, opaque });
    });
    const barrier = this.nextOpaque();
    this.write(Buffer.concat([...frames, encode({ opcode: OPCODES.noop, opaque: barrier })]));
    const responses: BinaryResponse[] = [];
    for (;;) {
      const response = await this.response();
      if (response.opcode === OPCODES.noop && response.opaque === barrier) return responses;
      if (sent.get(response.opaque) !== response.opcode)
        throw new Error(`no request has this opaque: ${response.opaque.toString(16)} in ${print(response)}`);
      if (response.cas !== 0n) this.lastCas = response.cas;
      this.lastValue = response.value;
      responses.push(response);
    }
  }

  write(bytes: Uint8Array): void {
    this.socket.write(bytes);
  }

  /** The next response that has not been taken yet. */
  response(): Promise<BinaryResponse> {
    const response = this.arrived.shift();
    if (response !== undefined) return Promise.resolve(response);
    if (this.failure !== undefined) return Promise.reject(this.failure);
    return new Promise((resolve, reject) => this.waiting.push({ resolve, reject }));
  }

  close(): void {
    this.socket.destroy();
  }

  private nextOpaque(): number {
    this.opaque = (this.opaque + 1) >>> 0;
    return this.opaque;
  }

  private onData(chunk: Buffer): void {
    this.pending = Buffer.concat([this.pending, chunk]);
    for (let response = this.take(); response !== undefined; response = this.take()) {
      const waiter = this.waiting.shift();
      if (waiter === undefined) this.arrived.push(response);
      else waiter.resolve(response);
    }
  }

  /** Takes one whole response out of what has arrived. */
  private take(): BinaryResponse | undefined {
    const bytes = this.pending;
    if (bytes.length > 0 && bytes[0] !== RESPONSE_MAGIC) {
      this.fail(new Error(`not a response: ${bytes.toString('latin1', 0, PRINTED_BYTES)}`));
      this.socket.destroy();
      return undefined;
    }
    if (bytes.length < HEADER_BYTES) return undefined;
    const end = HEADER_BYTES + bytes.readUInt32BE(8);
    if (bytes.length < end) return undefined;
    const keyAt = HEADER_BYTES + bytes[4];
    const valueAt = keyAt + bytes.readUInt16BE(2);
    this.pending = bytes.subarray(end);
    return {
      opcode: bytes[1],
      status: bytes.readUInt16BE(6),
      opaque: bytes.readUInt32BE(12),
      cas: bytes.readBigUInt64BE(16),
      extras: bytes.subarray(HEADER_BYTES, keyAt),
      key: bytes.subarray(keyAt, valueAt),
      value: bytes.subarray(valueAt, end),
    };
  }

  private fail(error: Error): void {
    this.failure ??= error;
    for (const waiter of this.waiting.splice(0)) waiter.reject(this.failure);
  }
}

// ---------------------------------------------------------------------------------------------- requests

/** The request of an operation, by its name. */
export function request(operation: Operation, parts: Omit<BinaryRequest, 'opcode'> = {}): BinaryRequest {
  return { opcode: OPCODES[operation], ...parts };
}

function unsigned32(...numbers: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * numbers.length);
  for (const [i, number] of numbers.entries()) bytes.writeUInt32BE(number, 4 * i);
  return bytes;
}

export interface StoreOptions {
  readonly flags?: number;
  readonly exptime?: number;
  readonly cas?: bigint;
}

type Keyed = 'get' | 'getq' | 'getk' | 'getkq' | 'delete' | 'deleteq';
type Storing = 'set' | 'setq' | 'add' | 'addq' | 'replace' | 'replaceq';
type Joining = 'append' | 'appendq' | 'prepend' | 'prependq';
type Counting = 'increment' | 'incrementq' | 'decrement' | 'decrementq';
type Touching = 'touch' | 'gat' | 'gatq' | 'gatk' | 'gatkq';

/** GET, GETK, DELETE and their quiet twins. */
export function keyed(operation: Keyed, key: Bytes, cas = 0n): BinaryRequest {
  return request(operation, { key, cas });
}

/** SET, ADD, REPLACE. */
export function store(operation: Storing, key: Bytes, value: Bytes, options: StoreOptions = {}): BinaryRequest {
  const extras = unsigned32(options.flags ?? 0, options.exptime ?? 0);
  return request(operation, { key, value, extras, cas: options.cas });
}

/** APPEND, PREPEND. */
export function join(operation: Joining, key: Bytes, value: Bytes, cas = 0n): BinaryRequest {
  return request(operation, { key, value, cas });
}

/** INCREMENT, DECREMENT. Without `initial`, a counter that is not there is not made. */
export function count(
  operation: Counting,
  key: Bytes,
  delta: bigint,
  options: { readonly initial?: bigint; readonly exptime?: number; readonly cas?: bigint } = {},
): BinaryRequest {
  const extras = Buffer.alloc(20);
  extras.writeBigUInt64BE(delta, 0);
  extras.writeBigUInt64BE(options.initial ?? 0n, 8);
  extras.writeUInt32BE(options.exptime ?? (options.initial === undefined ? 0xffffffff : 0), 16);
  return request(operation, { key, extras, cas: options.cas });
}

/** TOUCH, GAT, GATK and their quiet twins. */
export function touch(operation: Touching, key: Bytes, exptime: number): BinaryRequest {
  return request(operation, { key, extras: unsigned32(exptime) });
}

/** FLUSH; with a delay in seconds when one is given. */
export function flush(operation: 'flush' | 'flushq', delay?: number): BinaryRequest {
  return request(operation, delay === undefined ? {} : { extras: unsigned32(delay) });
}
