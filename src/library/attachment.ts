/**
 * A thread's attachment to a cache: its view of the keyspace, its clock, its part of the upkeep. A thread has one for each cache, however
 * many Ashlar objects it makes of it; the last one that is closed ends it.
 *
 * The clock is read only for what needs the time: an item with a deadline, a new deadline. Reading it costs as much as finding a key
 * (some 50 ns), so all else (access clocks, upkeep) makes do with a look at it every CLOCK_OPERATIONS operations and at every tick
 * of the upkeep's timer. What reads without the lock have counted is written down at the same times (engine/optimistic-reads.ts).
 *
 * Where the native core has been built, it copies large values, and the shards lie in huge pages: look-ups are random, so that in pages of 4 KiB
 * nearly each of them misses the processor's table of pages. Everything works without.
 */

import { Clock } from '../base/clock.js';
import { AshlarError } from '../base/errors.js';
import { Control } from '../engine/control.js';
import { Keyspace, type KeyspaceHandle, type KeyspaceOptions } from '../engine/keyspace.js';
import { OptimisticReads } from '../engine/optimistic-reads.js';
import { Upkeep } from '../engine/upkeep.js';
import { loadAddon } from '../native/addon.js';

/** Operations between two looks at the clock; a power of two. */
const CLOCK_OPERATIONS = 256;

/** A Buffer with methods that @types/node leaves out: `toString('utf8', ...)` and `toString('latin1', ...)` without looking at the arguments. */
export interface TextView extends Buffer {
  latin1Slice(start: number, end: number): string;
  utf8Slice(start: number, end: number): string;
}

/** This thread's attachments, by the identity of the cache. */
const attachments = new Map<string, Attachment>();

export class Attachment {
  readonly keyspace: Keyspace;
  readonly clock: Clock;
  /** The shards' memory, by shard, as something that strings can be read from. */
  readonly views: readonly TextView[];
  /** Reads without the lock. */
  readonly reads: OptimisticReads;
  private readonly upkeep: Upkeep;
  private readonly identity: string;
  private holders = 1;
  private operations = 0;

  private constructor(keyspace: Keyspace, identity: string) {
    this.keyspace = keyspace;
    this.clock = keyspace.clock;
    this.views = keyspace.shards.map(({ bytes }) => textView(bytes));
    this.reads = new OptimisticReads(keyspace);
    this.identity = identity;
    this.upkeep = new Upkeep(keyspace, { beforeTurn: () => this.beforeTurn() });
    this.upkeep.start();
    attachments.set(identity, this);
  }

  /**
   * Makes a cache and attaches this thread.
   * @throws AshlarError ERR_TOO_LITTLE_MEMORY
   */
  static create(options: KeyspaceOptions): Attachment {
    const keyspace = Keyspace.create(options, new Clock(), Math.random, loadAddon().addon);
    return new Attachment(keyspace, identityOf(keyspace.control));
  }

  /**
   * Attaches this thread to a cache, if it is not yet.
   * @throws AshlarError ERR_BAD_HANDLE, ERR_TOO_MANY_THREADS
   */
  static of(handle: KeyspaceHandle): Attachment {
    const identity = identityOf(controlOf(handle));
    const attachment = attachments.get(identity);
    if (attachment !== undefined) return attachment.hold();
    return new Attachment(Keyspace.attach(handle, new Clock(), Math.random, loadAddon().addon), identity);
  }

  /** One more user, which will call `release`. */
  hold(): this {
    this.holders++;
    return this;
  }

  /** Ends the attachment when this was its last user. */
  release(): void {
    if (--this.holders > 0) return;
    attachments.delete(this.identity);
    this.upkeep.stop();
    this.settle();
    this.keyspace.detach();
  }

  /** Called before each operation, without a lock. */
  begin(): void {
    this.giveUpBroken();
    this.operations = (this.operations + 1) & (CLOCK_OPERATIONS - 1);
    if (this.operations === 0) this.lookUp();
  }

  /** Writes down all that reads without the lock have counted. */
  settle(): void {
    this.giveUpBroken();
    this.reads.settle(true);
  }

  private beforeTurn(): void {
    this.giveUpBroken();
    this.reads.settle(false);
  }

  /** Gives up what an operation held that was broken off. */
  private giveUpBroken(): void {
    if (this.keyspace.isBusy) this.keyspace.abandon();
  }

  private lookUp(): void {
    this.clock.tick();
    this.reads.settle(false);
    this.upkeep.poll();
  }
}

/** The same bytes, as something that strings can be read from. */
export function textView(bytes: Uint8Array): TextView {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length) as TextView;
}

/** What tells caches apart: the hash key, 64 random bits. */
function identityOf(control: Control): string {
  return control.hashKey.join(',');
}

function controlOf(handle: KeyspaceHandle): Control {
  const isHandle =
    handle?.kind === 'ashlar' && handle.control instanceof SharedArrayBuffer && Array.isArray(handle.shards);
  const control = isHandle ? new Control(handle.control) : undefined;
  if (control?.valid !== true || control.shards !== handle.shards.length) {
    throw new AshlarError('ERR_BAD_HANDLE', 'this is not the handle of an Ashlar cache of this version');
  }
  return control;
}
