/**
 * Eviction: making room when the budget is used up.
 *
 * Room is made where it is needed: for a cell of a size class, the best of a few sampled items *of that class* goes, and its
 * cell is free at once. So that the classes share the memory fairly as the load changes, a class that has evicted a page's worth looks
 * round: if a sampled page elsewhere holds colder items than its own last victim was, that whole page is emptied and changes hands.
 *
 * Whole pages (for the index, a class without a page, a large value) come first from compaction: a class that has a page's worth of free cells in all
 * moves the items of its emptiest page together. Only when no class has, items go.
 *
 * What is "best" is the policy's: oldest in its queue (keystone and lfu; queues.ts), longest idle, any, nearest deadline; the volatile policies
 * look at items with a deadline only. Items that clients have pinned (pins.ts) never go: they move when their page is wanted. An item at the front of its queue that was used goes on instead, and the next one is looked for.
 */

import { assert } from '../../base/assert.js';
import type { Clock } from '../../base/clock.js';
import { type Control, POLICIES, POLICY_NOEVICTION } from '../control.js';
import { accessOf, accessWord, expiryOf, isPinned, sizeOf } from '../item.js';
import { PAGE_FREE, PAGE_RUN, PAGE_SLAB, type PagePool } from '../memory/page-pool.js';
import { CELL_BYTES, CELLS_PER_PAGE, CLASSES, PAGE_BYTES } from '../memory/size-classes.js';
import type { Slabs } from '../memory/slabs.js';
import type { AccessClock } from './access.js';
import type { Queues } from './queues.js';

const PAGE_SHIFT = 16;
/** Random pages looked at to find one of a class, before the table is walked. */
const PAGE_TRIES = 48;
/** Pages compared when one is to be emptied. */
const PAGE_SAMPLES = 8;
/** Items looked at to tell how cold a page is. */
const PAGE_ITEMS = 4;
/** Candidates of the policies with queues: the front of a queue is found by a sample, so a small one blurs it. */
const QUEUE_SAMPLES = 16;
/** Items in a row that go on instead of leaving, before one leaves whatever it is. */
const GOING_ON_MAX = 32;
/** What an item that would go on counts beside others when pages are compared. */
const STAYING_DIVISOR = 4;
/** Demand tells something when this part of the memory has been asked for. */
const TURNOVER_SHARE = 8;
/** How much colder a page must be than what the class itself has to give, before it changes hands. */
const TAKEOVER_MARGIN = 1.5;
/** Pages of a class among which the emptiest is chosen to be compacted. */
const COMPACT_LOOK = 64;
/** Items that go so that pinned ones can move into their cells, before a page is left to the pinned ones. */
const ROOM_FOR_PINNED_MAX = 64;
/** Pages emptied of volatile items before a volatile policy gives up. */
const VOLATILE_PAGES = 256;

const KIND_VOLATILE = POLICIES.map((name) => name.startsWith('volatile-'));
const KIND_RANDOM = POLICIES.map((name) => name.endsWith('-random'));
const KIND_TTL = POLICIES.map((name) => name.endsWith('-ttl'));

/** What the evictor does to items: the shard does it. */
export interface ItemOwner {
  /** Takes the item out of the index and frees its memory. `onProbation`: it is to be remembered for a while. */
  evict(item: number, onProbation: boolean): void;
  /** The item's bytes have been copied to another cell: its index entry is to follow. */
  relocated(from: number, to: number): void;
  /** Item that must stay in place for now; 0 = none. */
  readonly pinned: number;
}

export class Evictor {
  private readonly pool: PagePool;
  private readonly slabs: Slabs;
  private readonly control: Control;
  private readonly clock: Clock;
  private readonly access: AccessClock;
  private readonly queues: Queues;
  private readonly random: () => number;
  private readonly owner: ItemOwner;
  /** Best candidate of the running sample, and its score. */
  private victim = 0;
  private victimScore = -1;
  /** Victims since the class last looked round, by class; only a hint, so it is this thread's own. */
  private readonly evictions = new Int32Array(CLASSES);
  /** Bytes asked for lately while memory was used up, by class and in all; a hint too. */
  private readonly demand = new Float64Array(CLASSES);
  private demandOfAll = 0;

  constructor(
    pool: PagePool,
    slabs: Slabs,
    control: Control,
    clock: Clock,
    access: AccessClock,
    queues: Queues,
    random: () => number,
    owner: ItemOwner,
  ) {
    this.pool = pool;
    this.slabs = slabs;
    this.control = control;
    this.clock = clock;
    this.access = access;
    this.queues = queues;
    this.random = random;
    this.owner = owner;
  }

  /** Makes a cell of the class (or a page for it) free. False when the policy forbids, or nothing can go. */
  freeCell(sizeClass: number): boolean {
    if (this.control.policy === POLICY_NOEVICTION) return this.compact();
    if (this.slabs.classLive(sizeClass) > 0 && this.chooseVictim(sizeClass)) {
      const score = this.victimScore * this.weight(sizeClass);
      this.evict(this.victim);
      if (++this.evictions[sizeClass] >= this.evictionsBetweenLooks(sizeClass)) {
        this.evictions[sizeClass] = 0;
        this.rebalance(sizeClass, score);
      }
      return true;
    }
    return this.freePage();
  }

  /**
   * Class in which a cell is to be made free for an item of `sizeClass`: its own when it has a page, or asks for so much that it should have
   * one. Else a larger one, with cells of at most `most` bytes: a page is a lot for a few items, and in a small cache there are few pages.
   */
  lender(sizeClass: number, most: number): number {
    const turnover = this.pool.used * PAGE_BYTES;
    this.demand[sizeClass] += CELL_BYTES[sizeClass];
    this.demandOfAll += CELL_BYTES[sizeClass];
    if (this.demandOfAll > turnover) {
      this.demandOfAll /= 2;
      for (let each = 0; each < CLASSES; each++) this.demand[each] /= 2;
    }
    if (this.slabs.classPages(sizeClass) > 0) return sizeClass;
    const enough = this.demandOfAll * TURNOVER_SHARE > turnover;
    if (enough && this.demand[sizeClass] * this.pool.used > this.demandOfAll) return sizeClass;
    for (let larger = sizeClass + 1; larger < CLASSES && CELL_BYTES[larger] <= most; larger++) {
      if (this.slabs.classLive(larger) > 0) return larger;
    }
    return sizeClass;
  }

  /** Chooses the item of a class that is to go. Of the candidates that are at the front of a queue, those that were used go on. */
  private chooseVictim(sizeClass: number): boolean {
    if (!this.access.hasQueues) return this.sampleClass(sizeClass);
    for (let tries = 0; this.sampleClass(sizeClass); tries++) {
      if (tries === GOING_ON_MAX || !this.goesOn(this.victim)) return true;
    }
    return false;
  }

  /** Sends an item that was used to the end of the main queue. False when it was not used enough. */
  private goesOn(item: number): boolean {
    const words = this.pool.words;
    const access = accessOf(words, item);
    if (!this.queues.mayStay(access)) return false;
    words[accessWord(item)] = this.queues.goesOn(access, sizeOf(words, item));
    return true;
  }

  private evict(item: number): void {
    this.owner.evict(item, this.access.hasQueues && this.queues.isOnProbation(accessOf(this.pool.words, item)));
  }

  /** After how many evictions a class looks round: a page's worth, or with queues, which tell pages apart better, a quarter of it. */
  private evictionsBetweenLooks(sizeClass: number): number {
    return CELLS_PER_PAGE[sizeClass] >>> (this.access.hasQueues ? 2 : 0);
  }

  /** How much the items of a class weigh when classes are compared: with queues, what a byte of them is worth counts. */
  private weight(sizeClass: number): number {
    return this.access.hasQueues ? CELL_BYTES[sizeClass] : 1;
  }

  /** Makes at least one page free. False when the policy forbids, or nothing can go. */
  freePage(): boolean {
    if (this.compact()) return true;
    if (this.control.policy === POLICY_NOEVICTION) return false;
    if (KIND_VOLATILE[this.control.policy]) return this.freeVolatilePage();
    // A page that pinned items cannot leave is emptier at least, so that the next compaction may have what it needs.
    for (let page = this.coldestPage(); page !== 0; page = this.coldestPage())
      if (this.empty(page) || this.compact()) return true;
    return false;
  }

  /** Moves the items of one nearly empty page together with others of its class. False when no class has a page to spare. */
  compact(): boolean {
    for (let sizeClass = 0; sizeClass < CLASSES; sizeClass++) {
      if (this.slabs.classFree(sizeClass) < CELLS_PER_PAGE[sizeClass]) continue;
      const page = this.slabs.emptiestPage(sizeClass, COMPACT_LOOK);
      if (page !== 0 && page !== this.owner.pinned >>> PAGE_SHIFT && this.vacate(page)) return true;
    }
    return false;
  }

  /**
   * Moves items out of the emptiest page that is found of a class, which has room for them elsewhere.
   * @param most items
   * @returns whether the page is free now
   */
  compactClass(sizeClass: number, most: number): boolean {
    const page = this.slabs.emptiestPage(sizeClass, COMPACT_LOOK);
    return page !== 0 && this.vacate(page, most);
  }

  /**
   * Moves every item of a slab page to other pages of its class.
   * @param most items
   * @returns false when they have no room for all of them, or there are more; the page is in use still, but emptier
   */
  vacate(page: number, most = Infinity): boolean {
    const slabs = this.slabs;
    const sizeClass = slabs.pageClass(page);
    if (slabs.hasRoom(page)) slabs.detach(page);
    const size = CELL_BYTES[sizeClass];
    const end = (page << PAGE_SHIFT) + slabs.cutCells(page) * size;
    let moved = 0;
    for (let cell = page << PAGE_SHIFT; cell < end; cell += size) {
      if (this.pool.words[cell >>> 2] === 0) continue;
      const to = moved++ < most ? slabs.allocate(sizeClass) : 0;
      if (to === 0) {
        if (slabs.hasRoom(page)) slabs.attach(page);
        return false;
      }
      this.moveCell(cell, to);
      if (slabs.freeDetached(cell)) return true;
    }
    return true;
  }

  /** Evicts every item of a page, and moves those that clients have pinned. Returns whether the page (or another) is free. */
  empty(page: number): boolean {
    const words = this.pool.words;
    const kind = this.pool.kind(page);
    if (kind === PAGE_RUN) {
      assert(page << PAGE_SHIFT !== this.owner.pinned, 'Evictor: an item that must stay was to go');
      if (isPinned(words, page << PAGE_SHIFT)) return false;
      this.evict(page << PAGE_SHIFT);
      return true;
    }
    if (kind !== PAGE_SLAB) return false;
    const size = CELL_BYTES[this.slabs.pageClass(page)];
    const end = (page << PAGE_SHIFT) + this.slabs.cutCells(page) * size;
    for (let cell = page << PAGE_SHIFT; cell < end; cell += size) {
      if (words[cell >>> 2] === 0 || cell === this.owner.pinned || isPinned(words, cell)) continue;
      this.evict(cell);
      if (this.pool.kind(page) === PAGE_FREE) return true;
    }
    return page !== this.owner.pinned >>> PAGE_SHIFT && this.moveAll(page);
  }

  /** Moves what is left in a slab page, if need be into the cells of victims of its class. Returns whether the page (or another) is free. */
  private moveAll(page: number): boolean {
    const sizeClass = this.slabs.pageClass(page);
    const { used } = this.pool;
    for (let victims = 0; !this.vacate(page); victims++) {
      if (this.pool.used < used) return true;
      if (victims === ROOM_FOR_PINNED_MAX) return false;
      if (this.chooseVictim(sizeClass)) this.evict(this.victim);
      // Alone in its class, it takes another free page, where there is one.
      else if (!this.slabs.grow(sizeClass)) return false;
    }
    return true;
  }

  private moveCell(from: number, to: number): void {
    const bytes = this.pool.bytes;
    const size = CELL_BYTES[this.slabs.classOfCell(from)];
    bytes.copyWithin(to, from, from + size);
    this.owner.relocated(from, to);
  }

  /**
   * Gives the class a page of another class that is as cold as its last victim was, when there is one: then it costs no more to empty that
   * page than to go on evicting here. Among items that are chosen at random, any page is as cold as another.
   */
  private rebalance(sizeClass: number, score: number): void {
    if (this.compact()) return;
    const page = this.coldestPage();
    if (page === 0 || (this.pool.kind(page) === PAGE_SLAB && this.slabs.pageClass(page) === sizeClass)) return;
    const wanted = this.access.hasQueues ? score * TAKEOVER_MARGIN : score;
    if (!KIND_RANDOM[this.control.policy] && this.pageScore(page) < wanted) return;
    if (!KIND_VOLATILE[this.control.policy]) this.empty(page);
    else if (this.pool.kind(page) === PAGE_RUN) this.evict(page << PAGE_SHIFT);
    else {
      // What has no deadline stays, and is moved together with others.
      this.evictVolatileOf(page);
      this.compact();
    }
  }

  /** Samples items of a class into `victim`. False when none may go. */
  private sampleClass(sizeClass: number): boolean {
    this.victim = 0;
    this.victimScore = -1;
    const samples = this.access.hasQueues ? QUEUE_SAMPLES : this.control.samples;
    const first = this.pool.firstPage;
    const pages = this.pool.highWater - first;
    let found = 0;
    for (let tries = 0; tries < PAGE_TRIES && found < samples; tries++) {
      const page = first + Math.floor(this.random() * pages);
      if (this.isPageOf(page, sizeClass) && this.sampleItem(page)) found++;
    }
    if (this.victim !== 0) return true;
    const start = Math.floor(this.random() * pages);
    for (let i = 0; i < pages && found < samples; i++) {
      const page = first + ((start + i) % pages);
      if (!this.isPageOf(page, sizeClass)) continue;
      for (let tries = 0; tries < samples && found < samples; tries++) if (this.sampleItem(page)) found++;
      if (this.victim === 0) this.sampleAll(page);
    }
    return this.victim !== 0;
  }

  private isPageOf(page: number, sizeClass: number): boolean {
    return this.pool.kind(page) === PAGE_SLAB && this.slabs.pageClass(page) === sizeClass && this.mayHaveVictims(page);
  }

  /** Whether the policy can find a victim in the page: without looking at its items, of which the cache may be full. */
  private mayHaveVictims(page: number): boolean {
    return !KIND_VOLATILE[this.control.policy] || this.pool.mayHaveDeadline(page);
  }

  /** Offers one random item of a slab page as a victim. False when the cell has none that may go. */
  private sampleItem(page: number): boolean {
    const size = CELL_BYTES[this.slabs.pageClass(page)];
    return this.offer((page << PAGE_SHIFT) + Math.floor(this.random() * this.slabs.cutCells(page)) * size);
  }

  /** Offers every item of a slab page. */
  private sampleAll(page: number): void {
    const size = CELL_BYTES[this.slabs.pageClass(page)];
    const end = (page << PAGE_SHIFT) + this.slabs.cutCells(page) * size;
    for (let cell = page << PAGE_SHIFT; cell < end; cell += size) this.offer(cell);
  }

  private offer(item: number): boolean {
    if (!this.mayGo(item)) return false;
    const score = this.score(item);
    if (score > this.victimScore) {
      this.victimScore = score;
      this.victim = item;
    }
    return true;
  }

  /** Whether there is an item in the cell that the policy may evict. */
  private mayGo(item: number): boolean {
    const words = this.pool.words;
    if (words[item >>> 2] === 0 || item === this.owner.pinned || isPinned(words, item)) return false;
    return !KIND_VOLATILE[this.control.policy] || expiryOf(words, item) !== 0;
  }

  /** How much an item deserves to go: larger goes first. */
  private score(item: number): number {
    const policy = this.control.policy;
    if (KIND_RANDOM[policy]) return this.random();
    if (KIND_TTL[policy]) return Math.max(0, 2 ** 52 - Math.max(0, expiryOf(this.pool.words, item) - this.clock.now));
    const access = accessOf(this.pool.words, item);
    return this.access.hasQueues ? this.queues.age(access) : this.access.idleSeconds(access);
  }

  /** Score of an item where pages are compared: one that would go on is warmer than it is old. */
  private warmScore(item: number): number {
    const score = this.score(item);
    const stays = this.access.hasQueues && this.queues.mayStay(accessOf(this.pool.words, item));
    return stays ? score / STAYING_DIVISOR : score;
  }

  /** Mean score of a few items of a page that may go, weighted by their size; -1 when there is none. */
  private pageScore(page: number): number {
    if (this.pool.kind(page) === PAGE_RUN) return this.runScore(page);
    const size = CELL_BYTES[this.slabs.pageClass(page)];
    const cut = this.slabs.cutCells(page);
    let sum = 0;
    let seen = 0;
    for (let i = 0; i < PAGE_ITEMS * 2 && seen < PAGE_ITEMS; i++) {
      const item = (page << PAGE_SHIFT) + Math.floor(this.random() * cut) * size;
      if (!this.mayGo(item)) continue;
      sum += this.warmScore(item);
      seen++;
    }
    if (seen === 0) return -1;
    const mean = (sum / seen) * this.weight(this.slabs.pageClass(page));
    // The emptier, the less is lost with it.
    return this.access.hasQueues
      ? (mean * CELLS_PER_PAGE[this.slabs.pageClass(page)]) / this.slabs.liveCells(page)
      : mean;
  }

  private runScore(page: number): number {
    const item = page << PAGE_SHIFT;
    if (!this.mayGo(item)) return -1;
    return this.warmScore(item) * (this.access.hasQueues ? this.pool.runPages(page) * PAGE_BYTES : 1);
  }

  /** The coldest of a few random pages that hold items that may go; 0 when no page holds any. */
  private coldestPage(): number {
    const first = this.pool.firstPage;
    const pages = this.pool.highWater - first;
    const start = Math.floor(this.random() * pages);
    let best = 0;
    let bestScore = -1;
    let seen = 0;
    // Random pages first; where those are not enough (few pages hold items), all in turn.
    for (let i = 0; i < PAGE_SAMPLES * 4 + pages && seen < PAGE_SAMPLES; i++) {
      const page = first + (i < PAGE_SAMPLES * 4 ? Math.floor(this.random() * pages) : (start + i) % pages);
      const kind = this.pool.kind(page);
      if ((kind !== PAGE_SLAB && kind !== PAGE_RUN) || page === this.owner.pinned >>> PAGE_SHIFT) continue;
      if (!this.mayHaveVictims(page)) continue;
      const score = this.pageScore(page);
      if (score === -1) continue;
      seen++;
      if (score >= bestScore) {
        bestScore = score;
        best = page;
      }
    }
    return best;
  }

  /** Evicts items with a deadline, page by page, until a page is free. */
  private freeVolatilePage(): boolean {
    const first = this.pool.firstPage;
    const pages = this.pool.highWater - first;
    const start = Math.floor(this.random() * pages);
    const usedBefore = this.pool.used;
    for (let i = 0, emptied = 0; i < pages && emptied < VOLATILE_PAGES; i++) {
      const page = first + ((start + i) % pages);
      if (!this.pool.mayHaveDeadline(page)) continue;
      const kind = this.pool.kind(page);
      if (kind === PAGE_RUN && this.mayGo(page << PAGE_SHIFT)) {
        this.evict(page << PAGE_SHIFT);
      } else if (kind === PAGE_SLAB) {
        emptied++;
        this.evictVolatileOf(page);
      }
      if (this.pool.used < usedBefore || this.compact()) return true;
    }
    return false;
  }

  /** Evicts the items of a slab page that have a deadline. */
  private evictVolatileOf(page: number): void {
    const size = CELL_BYTES[this.slabs.pageClass(page)];
    const end = (page << PAGE_SHIFT) + this.slabs.cutCells(page) * size;
    let stays = page === this.owner.pinned >>> PAGE_SHIFT;
    for (let cell = page << PAGE_SHIFT; cell < end && this.pool.kind(page) === PAGE_SLAB; cell += size) {
      if (this.mayGo(cell)) this.evict(cell);
      else stays ||= this.pool.words[cell >>> 2] !== 0 && expiryOf(this.pool.words, cell) !== 0;
    }
    if (this.pool.kind(page) === PAGE_SLAB && !stays) this.pool.clearDeadline(page);
  }
}
