/**
 * Eviction: making room when the budget is used up.
 *
 * Room is made where it is needed: for a cell of a size class, the best candidate *of that class* goes, and its cell is free at once. Candidates are
 * sampled, a few for each eviction, and the best of those that were not needed are remembered (candidates.ts).
 *
 * So that the classes share the memory as the load changes, a class looks round now and then: what deserves more to go elsewhere, in another class or as a
 * large value, than its own last victim did goes too, until a slab comes free there (memory/compaction.ts), and its pages change hands: so many as the class's
 * next slab is to have. With queues, what deserves to go is what is worth the least for each byte: the age counts times the size.
 *
 * Whole pages (for the index, a class without a page, a large value) come first from compaction. Only when there is nothing to be moved together, items go.
 *
 * What is "best" is the policy's: oldest in its queue (keystone and lfu; queues.ts), longest idle, any, nearest deadline; the volatile policies
 * look at items with a deadline only. Items that clients have pinned (pins.ts) never go: they move when their page is wanted. An item at the front of its queue that was used goes on instead, and the next one is looked for.
 */

import { assert } from '../../base/assert.js';
import type { Clock } from '../../base/clock.js';
import { type Control, POLICIES, POLICY_EVICTS_ANY, POLICY_NOEVICTION } from '../control.js';
import { accessOf, accessWord, expiryOf, isPinned, sizeOf } from '../item.js';
import type { Compaction } from '../memory/compaction.js';
import { PAGE_RUN, PAGE_SLAB, PAGE_SLAB_TAIL, type PagePool } from '../memory/page-pool.js';
import { CELL_BYTES, CLASSES, IS_WIDE, PAGE_BYTES, SLAB_ORDER_MAX } from '../memory/size-classes.js';
import { type Slabs, slabCells } from '../memory/slabs.js';
import type { AccessClock } from './access.js';
import { Candidates, GROUPS, RUNS } from './candidates.js';
import type { Queues } from './queues.js';

const PAGE_SHIFT = 16;
/** Items that are sampled for each victim where there are queues: a tenth of them is on probation. */
const QUEUE_SAMPLES = 12;
/** Random pages looked at for each candidate that is wanted, before the table is walked. */
const PAGES_FOR_CANDIDATE = 4;
/** Items looked at to tell how cold a page is. */
const PAGE_ITEMS = 4;
/** Pages looked at when one is to change hands. */
const PAGE_SAMPLES = 8;
/** A class looks round after a quarter of a slab's worth of evictions. */
const LOOKS_SHIFT = 2;
/** No group has anything that may go. */
const NOTHING = -1;
/** Items in a row that go on instead of leaving, before one leaves whatever it is. */
const GOING_ON_MAX = 32;
/** What an item that would go on counts beside others when pages are compared. */
const STAYING_DIVISOR = 4;
/** Demand tells something when this part of the memory has been asked for. */
const TURNOVER_SHARE = 8;
/** How much more than the class's own last victim something must deserve to go, for a page to change hands. */
const TAKEOVER_MARGIN = 1.2;
/** Down to this part of what a group deserved at first, it goes on giving. */
const STAY_SHARE = 0.5;
/** Items that go so that pinned ones can move into their cells, before a page is left to the pinned ones. */
const ROOM_FOR_PINNED_MAX = 64;

const KIND_VOLATILE = POLICIES.map((name) => name.startsWith('volatile-'));
const KIND_RANDOM = POLICIES.map((name) => name.endsWith('-random'));
const KIND_TTL = POLICIES.map((name) => name.endsWith('-ttl'));

/** What the evictor does to items: the shard does it. */
export interface ItemOwner {
  /** Takes the item out of the index and frees its memory. `onProbation`: it is to be remembered for a while. */
  evict(item: number, onProbation: boolean): void;
  /** Item that must stay in place for now; 0 = none. */
  readonly pinned: number;
}

/** Cells of the largest slab that a class may have. */
function mostCells(sizeClass: number): number {
  return slabCells(sizeClass, IS_WIDE[sizeClass] ? SLAB_ORDER_MAX : 0);
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
  private readonly compaction: Compaction;
  private readonly candidates = new Candidates();
  /** What the best candidate of each group deserved when it was looked at last; below 0 when there was none. */
  private readonly fronts = new Float64Array(GROUPS).fill(-1);
  /** Score of the victim that was chosen last. */
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
    compaction: Compaction,
  ) {
    this.pool = pool;
    this.slabs = slabs;
    this.control = control;
    this.clock = clock;
    this.access = access;
    this.queues = queues;
    this.random = random;
    this.owner = owner;
    this.compaction = compaction;
  }

  /**
   * Makes a cell of the class (or a page for it) free. False when the policy forbids, or nothing can go.
   * @param order of the slab that the class would have next
   */
  freeCell(sizeClass: number, order = 0): boolean {
    return this.evictFrom(sizeClass, order) || this.freePage();
  }

  /** Evicts an item of a class. False when the policy forbids, or none can go. `order`: as above. */
  evictFrom(sizeClass: number, order = 0): boolean {
    if (this.control.policy === POLICY_NOEVICTION || this.slabs.classLive(sizeClass) === 0) return false;
    const victim = this.choose(sizeClass);
    if (victim === 0) return false;
    const score = this.victimScore;
    this.evict(victim);
    if (++this.evictions[sizeClass] >= slabCells(sizeClass, order) >>> LOOKS_SHIFT) {
      this.evictions[sizeClass] = 0;
      this.rebalance(sizeClass, score, 1 << order);
    }
    return true;
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

  /**
   * Chooses the item of a group that is to go. Of those that are at the front of a queue, the ones that were used go on.
   * @returns the item, or 0 when none may go
   */
  private choose(group: number): number {
    for (let tries = 0; ; tries++) {
      this.sample(group);
      const slot = this.bestSlot(group);
      if (slot === NOTHING) return 0;
      const item = this.candidates.take(slot);
      if (this.access.hasQueues) this.queues.noteOldest(accessOf(this.pool.words, item));
      if (tries < GOING_ON_MAX && this.access.hasQueues && this.goesOn(item)) continue;
      this.victimScore = this.candidates.scores[slot];
      return item;
    }
  }

  /** Slot of the group's candidate that deserved most to go when it was noted, and is still there; NOTHING when there is none. Only this one's item is looked at. */
  private bestSlot(group: number): number {
    const { items, scores } = this.candidates;
    for (;;) {
      const slot = this.candidates.best(group);
      if (slot === NOTHING || this.isStillCandidate(slot, group)) {
        if (slot !== NOTHING) scores[slot] = this.score(items[slot], group);
        return slot;
      }
    }
  }

  /** Whether a slot has the item that was noted in it; else it is empty from here on. */
  private isStillCandidate(slot: number, group: number): boolean {
    const { items, words } = this.candidates;
    const item = items[slot];
    if (item === 0) return false;
    if (this.isItemOf(item, group) && this.mayGo(item) && accessOf(this.pool.words, item) === words[slot]) return true;
    items[slot] = 0;
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

  /** Makes at least one page free. False when the policy forbids, or nothing can go. */
  freePage(): boolean {
    if (this.compaction.compact() || this.compaction.merge()) return true;
    if (this.control.policy === POLICY_NOEVICTION) return false;
    if (this.evictColdest(NOTHING, 0)) return true;
    // When what stays in a group (pinned items, or items without a deadline) keeps its pages, the next group has its turn.
    for (let group = this.coldestGroup(NOTHING); group !== NOTHING; group = this.coldestGroup(NOTHING))
      if (this.takePage(group)) return true;
    return false;
  }

  /** Makes so many pages free. False when that is not possible; some may be free then. */
  freePages(pages: number): boolean {
    while (this.pool.available < pages) if (!this.freePage()) return false;
    return true;
  }

  /**
   * Makes at least one page free, at the cost of a page's items whether they deserve it or not: for large values, which need many pages, and for
   * which choosing item by item would take too long.
   */
  freePageQuickly(): boolean {
    const first = this.pool.firstPage;
    const pages = this.pool.highWater - first;
    let coldest = 0;
    let coldestScore = -1;
    for (let i = 0; i < PAGE_SAMPLES * 2; i++) {
      const page = first + Math.floor(this.random() * pages);
      const score = this.pageScore(page);
      if (score > coldestScore) {
        coldestScore = score;
        coldest = page;
      }
    }
    return (coldest !== 0 && POLICY_EVICTS_ANY[this.control.policy] && this.empty(coldest)) || this.freePage();
  }

  /** A random cell of those that begin in a page of a slab, 0 = there are none. */
  private randomCell(page: number): number {
    const first = this.slabs.firstCell(page);
    const bytes = this.slabs.cellsEnd(page) - first;
    if (bytes <= 0) return 0;
    const size = CELL_BYTES[this.slabs.pageClass(page)];
    return first + Math.floor(this.random() * Math.ceil(bytes / size)) * size;
  }

  /** Mean score of a few items of a page; -1 when none of them may go. */
  private pageScore(page: number): number {
    const group = this.groupOf(page);
    if (group === NOTHING || this.compaction.isHeld(page) || !this.mayHaveVictims(page)) return -1;
    if (KIND_RANDOM[this.control.policy]) return this.random();
    if (group === RUNS) return this.mayGo(page << PAGE_SHIFT) ? this.warmScore(page << PAGE_SHIFT, RUNS) : -1;
    let sum = 0;
    let seen = 0;
    for (let i = 0; i < PAGE_ITEMS; i++) {
      const item = this.randomCell(page);
      if (item === 0 || !this.mayGo(item)) continue;
      sum += this.warmScore(item, group);
      seen++;
    }
    return seen === 0 ? -1 : sum / seen;
  }

  /**
   * Evicts the items that deserve it most, of whatever group, until a page is free.
   * @param except a group that is left alone
   * @param least score of the items that go
   * @returns whether a page is free; if not, a page's worth has gone, or nothing is left that deserves it
   */
  private evictColdest(except: number, least: number): boolean {
    let group = this.coldestGroup(except);
    let first = group === NOTHING ? 0 : this.fronts[group];
    for (let bytes = 0; group !== NOTHING && bytes < this.pageWorth(group); ) {
      if (this.fronts[group] < least) return false;
      const { used } = this.pool;
      const item = this.choose(group);
      if (item === 0) return false;
      bytes += group === RUNS ? PAGE_BYTES : CELL_BYTES[group];
      this.evict(item);
      if (this.pool.used < used || (group !== RUNS && this.compaction.compactIfRoom(group))) return true;
      // The same group as long as it will do: its page is to come free before it has filled the cells again.
      this.fronts[group] = this.frontScore(group);
      if (this.fronts[group] >= Math.max(least, first * STAY_SHARE)) continue;
      group = this.coldestKnown(except, NOTHING);
      first = group === NOTHING ? 0 : this.fronts[group];
    }
    return false;
  }

  /** Bytes of items that go from a group for pages to come free: those of a slab, where it has slabs of several pages. */
  private pageWorth(group: number): number {
    const slab = group === RUNS ? 0 : this.slabs.firstWithRoom(group);
    return slab === 0 ? PAGE_BYTES : PAGE_BYTES << this.slabs.slabOrder(slab);
  }

  /** Evicts the candidates of a group until a page is free. False when that was not enough; something has gone then. */
  private takePage(group: number): boolean {
    const { used } = this.pool;
    for (let left = group === RUNS ? 1 : mostCells(group); left > 0 && this.pool.used >= used; left--) {
      if (group !== RUNS && this.compaction.compactIfRoom(group)) return true;
      const item = this.choose(group);
      if (item === 0) break;
      this.evict(item);
    }
    return this.pool.used < used || (group !== RUNS && this.compaction.compactIfRoom(group));
  }

  /** Evicts every item of a page's slab or run, and moves those that clients have pinned. Returns whether that (or another page) is free. */
  empty(page: number): boolean {
    const words = this.pool.words;
    const kind = this.pool.kind(page);
    if (kind === PAGE_RUN) {
      assert(page << PAGE_SHIFT !== this.owner.pinned, 'Evictor: an item that must stay was to go');
      if (isPinned(words, page << PAGE_SHIFT)) return false;
      this.evict(page << PAGE_SHIFT);
      return true;
    }
    if (kind !== PAGE_SLAB && kind !== PAGE_SLAB_TAIL) return false;
    const slab = this.slabs.slabOf(page);
    const size = CELL_BYTES[this.slabs.pageClass(slab)];
    const end = this.slabs.slabEnd(slab);
    for (let cell = slab << PAGE_SHIFT; cell < end; cell += size) {
      if (words[cell >>> 2] === 0 || cell === this.owner.pinned || isPinned(words, cell)) continue;
      this.evict(cell);
      if (this.pool.kind(slab) !== PAGE_SLAB) return true;
    }
    return !this.compaction.isHeld(slab) && this.moveAll(slab);
  }

  /** Moves what is left in a slab, if need be into the cells of victims of its class. Returns whether the slab (or another page) is free. */
  private moveAll(slab: number): boolean {
    const sizeClass = this.slabs.pageClass(slab);
    const order = this.slabs.slabOrder(slab);
    const { used } = this.pool;
    for (let victims = 0; !this.compaction.vacate(slab); victims++) {
      if (this.pool.used < used) return true;
      if (victims === ROOM_FOR_PINNED_MAX) return false;
      const victim = this.choose(sizeClass);
      if (victim !== 0) this.evict(victim);
      // Alone in its class, it takes another free page, where there is one.
      else if (!this.slabs.grow(sizeClass, order)) return false;
    }
    return true;
  }

  /** Takes from other groups what deserves more to go than the class's own last victim did, until there are `pages` for its next slab. */
  private rebalance(sizeClass: number, score: number, pages: number): void {
    if (this.compaction.merge()) return;
    const least = this.worthwhile(score);
    while (this.evictColdest(sizeClass, least) && this.pool.available < pages);
  }

  /** What something must deserve so that it goes instead of more of a class that has evicted an item of this score. At random, anything is as good. */
  private worthwhile(score: number): number {
    if (KIND_RANDOM[this.control.policy]) return 0;
    return this.access.hasQueues ? score * TAKEOVER_MARGIN : score;
  }

  /** Notes a few random items of a group as candidates; all of a page when there is no other. */
  private sample(group: number): void {
    const samples = this.access.hasQueues ? QUEUE_SAMPLES : this.control.samples;
    const first = this.pool.firstPage;
    const pages = this.pool.highWater - first;
    let found = 0;
    for (let tries = 0; tries < samples * PAGES_FOR_CANDIDATE && found < samples; tries++) {
      const page = first + Math.floor(this.random() * pages);
      if (this.isPageOf(page, group) && this.sampleItem(page)) found++;
    }
    if (found > 0 || this.bestSlot(group) !== NOTHING) return;
    const start = Math.floor(this.random() * pages);
    for (let i = 0; i < pages && this.candidates.isEmpty(group); i++) {
      const page = first + ((start + i) % pages);
      if (this.isPageOf(page, group)) this.sampleAll(page);
    }
  }

  /** Whether a page belongs to a group and may have candidates. */
  private isPageOf(page: number, group: number): boolean {
    return this.groupOf(page) === group && this.mayHaveVictims(page);
  }

  /** Whether there can be an item of the group: what lies in cells that were never cut means nothing. */
  private isItemOf(item: number, group: number): boolean {
    const page = item >>> PAGE_SHIFT;
    if (!this.isPageOf(page, group)) return false;
    return group === RUNS || item < this.slabs.cellsEnd(page);
  }

  /** Group of a page's items: their size class, or RUNS; NOTHING when there are none, or where a run does not begin. */
  private groupOf(page: number): number {
    const kind = this.pool.kind(page);
    if (kind === PAGE_SLAB || kind === PAGE_SLAB_TAIL) return this.slabs.pageClass(page);
    return kind === PAGE_RUN ? RUNS : NOTHING;
  }

  /** Whether the policy can find a victim in the page: without looking at its items, of which the cache may be full. */
  private mayHaveVictims(page: number): boolean {
    return !KIND_VOLATILE[this.control.policy] || this.pool.mayHaveDeadline(page);
  }

  /** Notes one random item of a page as a candidate. False when the cell has none that may go. */
  private sampleItem(page: number): boolean {
    if (this.pool.kind(page) === PAGE_RUN) return this.offer(page << PAGE_SHIFT, RUNS);
    const cell = this.randomCell(page);
    return cell !== 0 && this.offer(cell, this.slabs.pageClass(page));
  }

  /** Notes every item of a page as a candidate, as far as there is room. */
  private sampleAll(page: number): void {
    const group = this.groupOf(page);
    if (group === RUNS) {
      this.offer(page << PAGE_SHIFT, RUNS);
      return;
    }
    const size = CELL_BYTES[group];
    const end = this.slabs.cellsEnd(page);
    for (let cell = this.slabs.firstCell(page); cell < end; cell += size) this.offer(cell, group);
  }

  private offer(item: number, group: number): boolean {
    if (!this.mayGo(item)) return false;
    this.candidates.offer(group, item, accessOf(this.pool.words, item), this.score(item, group));
    return true;
  }

  /** Whether there is an item in the cell that the policy may evict. */
  mayGo(item: number): boolean {
    const words = this.pool.words;
    if (words[item >>> 2] === 0 || item === this.owner.pinned || isPinned(words, item)) return false;
    return !KIND_VOLATILE[this.control.policy] || expiryOf(words, item) !== 0;
  }

  /** How much an item of a group deserves to go: larger goes first. */
  private score(item: number, group: number): number {
    const policy = this.control.policy;
    if (KIND_RANDOM[policy]) return this.random();
    if (KIND_TTL[policy]) return Math.max(0, 2 ** 52 - Math.max(0, expiryOf(this.pool.words, item) - this.clock.now));
    const access = accessOf(this.pool.words, item);
    if (!this.access.hasQueues) return this.access.idleEighths(access);
    const bytes = group === RUNS ? this.pool.runPages(item >>> PAGE_SHIFT) * PAGE_BYTES : CELL_BYTES[group];
    return this.queues.age(access) * bytes;
  }

  /** How much the best candidate of a group deserves to go; one that would go on is warmer than it is old. -1 when there is none. */
  private frontScore(group: number): number {
    const { items } = this.candidates;
    const end = this.candidates.end(group);
    let best = -1;
    for (let slot = this.candidates.begin(group); slot < end; slot++) {
      if (!this.isStillCandidate(slot, group)) continue;
      best = Math.max(best, this.warmScore(items[slot], group));
    }
    return best;
  }

  /** Score of an item where groups or pages are compared: one that would go on is warmer than it is old. */
  private warmScore(item: number, group: number): number {
    const score = this.score(item, group);
    const stays = this.access.hasQueues && this.queues.mayStay(accessOf(this.pool.words, item));
    return stays ? score / STAYING_DIVISOR : score;
  }

  /**
   * The group whose best candidate deserves most to go. What is known of the groups is kept up by looking at a few random pages.
   * @param except a group that does not count
   * @returns NOTHING when no item of any page may go
   */
  private coldestGroup(except: number): number {
    const first = this.pool.firstPage;
    const pages = this.pool.highWater - first;
    let seen = NOTHING;
    for (let i = 0; i < PAGE_SAMPLES; i++) {
      const page = first + Math.floor(this.random() * pages);
      if (this.lookAt(page, false) && this.groupOf(page) !== except) seen = this.groupOf(page);
    }
    // At random, a group goes as often as it has pages.
    const known = KIND_RANDOM[this.control.policy] && seen !== NOTHING ? seen : this.coldestKnown(except, seen);
    if (known !== NOTHING) return known;
    const start = Math.floor(this.random() * pages);
    for (let i = 0; i < pages; i++) {
      const page = first + ((start + i) % pages);
      if (this.groupOf(page) !== except && this.lookAt(page, true)) return this.groupOf(page);
    }
    return NOTHING;
  }

  /** Notes one item of a page, or all, as candidates of their group, and what the best of the group deserves. False when there is none. */
  private lookAt(page: number, all: boolean): boolean {
    const group = this.groupOf(page);
    if (group === NOTHING || !this.mayHaveVictims(page)) return false;
    if (all) this.sampleAll(page);
    else this.sampleItem(page);
    this.fronts[group] = this.frontScore(group);
    return this.fronts[group] >= 0;
  }

  /**
   * The coldest group by what was seen last; it is looked at again before it is believed.
   * @param preferred a group that is chosen among others as cold as it; NOTHING = none
   */
  private coldestKnown(except: number, preferred: number): number {
    for (;;) {
      let best = preferred !== NOTHING && this.fronts[preferred] >= 0 ? preferred : NOTHING;
      for (let group = 0; group < GROUPS; group++) {
        if (group === except || this.fronts[group] < 0) continue;
        if (best === NOTHING || this.fronts[group] > this.fronts[best]) best = group;
      }
      if (best === NOTHING) return NOTHING;
      const seen = this.fronts[best];
      this.fronts[best] = this.frontScore(best);
      if (this.fronts[best] >= seen) return best;
    }
  }
}
