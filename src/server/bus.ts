/**
 * The bus between the main thread and a worker: calls with a reply, over the worker's message port. Both ends are the same.
 *
 * `call` sends {call, id, payload} and resolves with what the other end's handler returns; `send` expects no reply. A handler that
 * throws rejects the caller's promise. When the other end is gone, `close` rejects what is still open.
 */

export type Handler = (payload: never) => unknown;

/** What a bus runs over: a Worker on the main thread, parentPort in a worker. */
export interface BusPort {
  postMessage(message: unknown): void;
  on(event: 'message', listener: (message: BusMessage) => void): unknown;
}

interface BusMessage {
  readonly call?: string;
  readonly id?: number;
  readonly payload?: unknown;
  readonly reply?: number;
  readonly error?: string;
}

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

export class Bus {
  private readonly port: BusPort;
  private readonly handlers: Readonly<Record<string, Handler>>;
  private readonly waiting = new Map<number, Waiting>();
  private nextId = 1;
  private closed = false;

  /** @param handlers what the other end may call, by name */
  constructor(port: BusPort, handlers: Readonly<Record<string, Handler>>) {
    this.port = port;
    this.handlers = handlers;
    port.on('message', (message) => void this.receive(message));
  }

  /** Calls a handler of the other end. */
  call<T>(name: string, payload?: unknown): Promise<T> {
    if (this.closed) return Promise.reject(new Error('the thread is gone'));
    const id = this.nextId++;
    return new Promise<T>((resolve, reject) => {
      this.waiting.set(id, { resolve: resolve as (value: unknown) => void, reject });
      this.port.postMessage({ call: name, id, payload });
    });
  }

  /** Calls a handler of the other end and expects no reply. */
  send(name: string, payload?: unknown): void {
    if (!this.closed) this.port.postMessage({ call: name, payload });
  }

  /** The other end is gone. */
  close(): void {
    this.closed = true;
    for (const waiting of this.waiting.values()) waiting.reject(new Error('the thread is gone'));
    this.waiting.clear();
  }

  private async receive(message: BusMessage): Promise<void> {
    if (message.reply !== undefined) {
      const waiting = this.waiting.get(message.reply);
      this.waiting.delete(message.reply);
      if (message.error !== undefined) waiting?.reject(new Error(message.error));
      else waiting?.resolve(message.payload);
      return;
    }
    const handler = this.handlers[message.call as string] as (payload: unknown) => unknown;
    if (message.id === undefined) {
      handler(message.payload);
      return;
    }
    try {
      this.port.postMessage({ reply: message.id, payload: await handler(message.payload) });
    } catch (error) {
      this.port.postMessage({ reply: message.id, error: (error as Error).message });
    }
  }
}
