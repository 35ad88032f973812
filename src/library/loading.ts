/**
 * Values that are made when they are missed: `getOrLoad`. However many callers need a value at once, in whatever threads and processes, one makes it: who
 * has the lease of the key (engine/leases.ts says how leases work; they are the same for clients of the Redis and the Memcached door).
 *
 * ```
 *   hit ────────────────────────────────▶ the value
 *   won, nothing there ──▶ loader ──────▶ its value, stored unless the key has changed meanwhile
 *   won, stale ──────────▶ loader ──────▶ its value, or the stale one if the loader fails
 *   won, early ──▶ the old value at once; the loader runs behind
 *   held, stale ─▶ the old value
 *   held, nothing there ──▶ wait ───────▶ what the winner made; again if it failed or died
 * ```
 *
 * Callers of the same thread wait for the loader itself, until its lease is over; those of other threads look now and then, once for all callers of
 * their thread.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { AshlarError } from '../base/errors.js';
import { LEASE_HIT, LEASE_MS_MAX, LEASE_NO_MEMORY, LEASE_WON, Lease } from '../engine/leases.js';
import type { Codec } from './codecs.js';
import type { KeyAccess } from './key-access.js';
import type { Key } from './key-bytes.js';
import type { ValueWriter } from './value-writer.js';

/** Makes a value. What is known not to be there can be stored as `null`; `undefined` is returned and not stored. */
export type Loader<T> = () => T | Promise<T>;

export interface LoadOptions {
  /** Milliseconds after which a value that was made is gone; without it, it stays. */
  ttl?: number;
  /** Milliseconds before its end from which on a value is made anew, by one caller and behind its back; until then the old one is returned. */
  early?: number;
  /** Milliseconds that a loader may take; then another is asked, and what the first one makes is not stored. Default 10,000, at most 300,000. */
  lease?: number;
  /** Whether a value that was invalidated will do while another caller makes a new one, or if the loader fails; default true. */
  stale?: boolean;
  /** Ends the waiting for somebody else's loader. */
  signal?: AbortSignal;
  /** Told of errors that do not come out as the caller's: of loaders behind an early or a stale value, and of values that could not be stored. */
  onError?: (error: unknown) => void;
}

const LEASE_MS_DEFAULT = 10_000;
/** Time between two looks at what another thread is making: from this, doubled each time, to this. */
const LOOK_MS_MIN = 1;
const LOOK_MS_MAX = 50;

/** What `acquire` found, with a copy of the value. */
interface Found {
  readonly state: number;
  readonly stale: boolean;
  readonly value: Buffer | undefined;
  readonly low: number;
  readonly high: number;
}

/** Something that is under way for the holder of a lease. */
interface Pending<T> {
  readonly low: number;
  readonly high: number;
  readonly promise: Promise<T>;
}

/** A loader that runs in this thread. */
interface Load extends Pending<unknown> {
  /** When its lease is over, on the clock of `performance.now`. */
  readonly endsAt: number;
}

/** In the place of a value: the lease was over first. */
const LATE = Symbol('late');

/** What loading needs of the cache object. */
export interface LoadingHost {
  readonly codec: Codec;
  readonly values: ValueWriter;
  /** Opens a key. @throws AshlarError ERR_CLOSED */
  open(key: Key): KeyAccess;
  isClosed(): boolean;
  /** @throws AshlarError ERR_BAD_OPTION */
  deadlineIn(ttl: number): number;
}

export class Loading {
  private readonly host: LoadingHost;
  private readonly lease = new Lease();
  /** Loaders that run in this thread, by key. */
  private readonly loads = new Map<string, Load>();
  /** Leases of others that this thread waits for the end of, by key. */
  private readonly waits = new Map<string, Pending<void>>();

  constructor(host: LoadingHost) {
    this.host = host;
  }

  /** As `Ashlar.getOrLoad`. */
  async getOrLoad<T>(key: Key, loader: Loader<T>, options: LoadOptions): Promise<T> {
    check(options);
    if (options.ttl !== undefined) this.host.deadlineIn(options.ttl);
    // The key is looked up again later, when a caller's bytes may have changed.
    const kept = key instanceof Uint8Array ? Buffer.from(key) : key;
    for (;;) {
      options.signal?.throwIfAborted();
      const found = this.find(kept, options);
      const { state, value } = found;
      if (state === LEASE_WON) return this.make(kept, loader, options, found);
      if (state === LEASE_HIT || (value !== undefined && (state === LEASE_NO_MEMORY || options.stale !== false)))
        return this.host.codec.decode(value as Buffer) as T;
      if (state === LEASE_NO_MEMORY) return loader();
      const name = nameOf(kept);
      const load = this.loads.get(name);
      if (isOf(load, found) && performance.now() < load.endsAt) {
        const made = await abortable(inTime(load), options.signal);
        if (made !== LATE) return made as T;
      } else {
        await abortable(this.waitFor(name, kept, found), options.signal);
      }
    }
  }

  private find(key: Key, { lease: leaseMs = LEASE_MS_DEFAULT, early = 0 }: LoadOptions): Found {
    const { lease } = this;
    const access = this.host.open(key);
    try {
      access.acquire(leaseMs, early, lease);
      let value: Buffer | undefined;
      if (access.hasValue(lease)) {
        value = Buffer.allocUnsafe(access.lengthOf(lease.item));
        access.copyValue(lease.item, value, 0);
      }
      return { state: lease.state, stale: lease.stale, value, low: lease.low, high: lease.high };
    } finally {
      access.close();
    }
  }

  // ---------------------------------------------------------------------------------------------- making a value

  /** The lease is this caller's. */
  private async make<T>(key: Key, loader: Loader<T>, options: LoadOptions, found: Found): Promise<T> {
    const { value } = found;
    const made = this.load(key, loader, options, found);
    if (value === undefined || (found.stale && options.stale === false)) return made;
    const old = (): T => this.host.codec.decode(value) as T;
    if (found.stale)
      return made.catch((error: unknown) => {
        options.onError?.(error);
        return old();
      });
    made.catch((error: unknown) => options.onError?.(error));
    return old();
  }

  /** Runs the loader for all who wait for this lease in this thread. */
  private load<T>(key: Key, loader: Loader<T>, options: LoadOptions, { low, high }: Found): Promise<T> {
    const name = nameOf(key);
    const endsAt = performance.now() + (options.lease ?? LEASE_MS_DEFAULT);
    const promise = this.run(key, loader, options, low, high).finally(() => {
      if (this.loads.get(name)?.promise === promise) this.loads.delete(name);
    });
    this.loads.set(name, { low, high, promise, endsAt });
    return promise;
  }

  private async run<T>(key: Key, loader: Loader<T>, options: LoadOptions, low: number, high: number): Promise<T> {
    let value: T;
    try {
      value = await loader();
    } catch (error) {
      this.release(key, low, high);
      throw error;
    }
    try {
      if (value === undefined) this.release(key, low, high);
      else this.store(key, value, options.ttl, low, high);
    } catch (error) {
      this.release(key, low, high);
      options.onError?.(error);
    }
    return value;
  }

  /** Stores a value unless the lease was lost, because the key has changed or time was up. */
  private store(key: Key, value: unknown, ttl: number | undefined, low: number, high: number): void {
    const { codec, values } = this.host;
    const bytes = values.bytesOf(codec.encode(value));
    const deadline = ttl === undefined ? 0 : this.host.deadlineIn(ttl);
    const access = this.host.open(key);
    try {
      if (access.findLeased(low, high) !== 0) access.store(bytes, values.length, deadline);
    } finally {
      access.close();
    }
  }

  /** Gives a lease back, if it can be: the next who asks gets it. */
  private release(key: Key, low: number, high: number): void {
    if (this.host.isClosed()) return;
    const access = this.host.open(key);
    try {
      const item = access.findLeased(low, high);
      if (item !== 0) access.endLease(item);
    } finally {
      access.close();
    }
  }

  // ---------------------------------------------------------------------------------------------- waiting for another thread

  /** Waits until somebody else's lease is over: filled, lost, or out of time. */
  private waitFor(name: string, key: Key, found: Found): Promise<void> {
    const waiting = this.waits.get(name);
    if (isOf(waiting, found)) return waiting.promise;
    const { low, high } = found;
    const promise = this.watch(key, low, high).finally(() => {
      if (this.waits.get(name)?.promise === promise) this.waits.delete(name);
    });
    this.waits.set(name, { low, high, promise });
    return promise;
  }

  private async watch(key: Key, low: number, high: number): Promise<void> {
    for (let pause = LOOK_MS_MIN; ; pause = Math.min(LOOK_MS_MAX, 2 * pause)) {
      await sleep(pause);
      const access = this.host.open(key);
      try {
        if (!access.isBeingMade(low, high)) return;
      } finally {
        access.close();
      }
    }
  }
}

/** What a key is called in the maps. */
function nameOf(key: Key): string {
  return typeof key === 'string' ? `text ${key}` : `bytes ${Buffer.from(key).toString('latin1')}`;
}

/** Whether something is under way for the very lease that was found. */
function isOf<P extends Pending<unknown>>(pending: P | undefined, { low, high }: Found): pending is P {
  return pending !== undefined && pending.low === low && pending.high === high;
}

/** What a loader makes; LATE when its lease is over first: then another may be asked, and a loader that never ends is nobody else's trouble. */
function inTime({ promise, endsAt }: Load): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve(LATE), endsAt - performance.now());
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** A promise, or the reason why the caller no longer waits for it. */
function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

/** @throws AshlarError ERR_BAD_OPTION */
function check({ ttl, early = 0, lease = LEASE_MS_DEFAULT }: LoadOptions): void {
  if (!Number.isFinite(lease) || lease < 1 || lease > LEASE_MS_MAX)
    throw new AshlarError('ERR_BAD_OPTION', `lease is 1 to ${LEASE_MS_MAX} milliseconds, not ${String(lease)}`);
  if (!Number.isFinite(early) || early < 0)
    throw new AshlarError('ERR_BAD_OPTION', `early is a number of milliseconds, 0 or more, not ${String(early)}`);
  if (early > 0 && ttl !== undefined && early >= ttl)
    throw new AshlarError('ERR_BAD_OPTION', `early (${early}) is less than ttl (${ttl})`);
}
