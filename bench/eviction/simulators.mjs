/**
 * Known policies, as exactly as they are described, over keys that are numbers: what the engine's own are measured against. None knows a server, a
 * size class or an index: the whole capacity holds items. Sizes are in any unit; where each item's is 1, the capacity is a number of items.
 *
 *   lru          the longest unused goes
 *   redis lru    five random items a time enter a pool of sixteen, of which the longest unused goes
 *   s3-fifo      a queue for a tenth of the capacity, a main queue that is a clock with two bits, and as many keys that are remembered as the main queue
 *                holds (Yang and others, "FIFO queues are all you need for cache eviction", SOSP 2023)
 */

const POOL = 16;
const SAMPLES = 5;
const SMALL_SHARE = 0.1;
const FREQUENCY_MAX = 3;
const PROMOTING = 2;

/**
 * @typedef {{ ask(key: number, size: number): boolean }} Simulator ask: whether it is there; if not, it is stored
 * @type {Record<string, (capacity: number, keys: number, random: () => number) => Simulator>}
 */
export const SIMULATORS = {
  lru: (capacity, keys) => new Lru(capacity, keys),
  'redis lru': (capacity, keys, random) => new SampledLru(capacity, keys, random),
  's3-fifo': (capacity, keys) => new S3Fifo(capacity, keys),
};

/** Keys in the order in which they were added; any can be taken out. */
class Queue {
  bytes = 0;
  #next;
  #previous;
  #end;

  constructor(keys) {
    this.#next = new Int32Array(keys + 1).fill(-1);
    this.#previous = new Int32Array(keys + 1).fill(-1);
    this.#end = keys;
    this.#next[keys] = keys;
    this.#previous[keys] = keys;
  }

  has(key) {
    return this.#next[key] !== -1;
  }

  /** The one that was added first; -1 when there is none. */
  get oldest() {
    return this.#next[this.#end] === this.#end ? -1 : this.#next[this.#end];
  }

  add(key, size) {
    const last = this.#previous[this.#end];
    this.#next[last] = key;
    this.#previous[key] = last;
    this.#next[key] = this.#end;
    this.#previous[this.#end] = key;
    this.bytes += size;
  }

  remove(key, size) {
    this.#next[this.#previous[key]] = this.#next[key];
    this.#previous[this.#next[key]] = this.#previous[key];
    this.#next[key] = -1;
    this.bytes -= size;
  }
}

class Lru {
  #queue;
  #sizes;
  #capacity;

  constructor(capacity, keys) {
    this.#queue = new Queue(keys);
    this.#sizes = new Float64Array(keys);
    this.#capacity = capacity;
  }

  ask(key, size) {
    const isHit = this.#queue.has(key);
    if (isHit) this.#queue.remove(key, this.#sizes[key]);
    else if (size > this.#capacity) return false;
    else this.#sizes[key] = size;
    while (this.#queue.bytes + this.#sizes[key] > this.#capacity) {
      const { oldest } = this.#queue;
      this.#queue.remove(oldest, this.#sizes[oldest]);
    }
    this.#queue.add(key, this.#sizes[key]);
    return isHit;
  }
}

class SampledLru {
  #capacity;
  #random;
  #used = 0;
  #now = 0;
  /** Keys that are there, in no order, and where each is. */
  #present = [];
  #places;
  #sizes;
  #times;
  /** Candidates, the longest unused last; some may have gone or been used since. */
  #pool = [];

  constructor(capacity, keys, random) {
    this.#capacity = capacity;
    this.#random = random;
    this.#places = new Int32Array(keys).fill(-1);
    this.#sizes = new Float64Array(keys);
    this.#times = new Float64Array(keys);
  }

  ask(key, size) {
    this.#now++;
    if (this.#places[key] !== -1) {
      this.#times[key] = this.#now;
      return true;
    }
    if (size > this.#capacity) return false;
    while (this.#used + size > this.#capacity) this.#remove(this.#victim());
    this.#places[key] = this.#present.push(key) - 1;
    this.#sizes[key] = size;
    this.#times[key] = this.#now;
    this.#used += size;
    return false;
  }

  #victim() {
    for (;;) {
      for (let i = 0; i < SAMPLES; i++) this.#offer(this.#present[Math.floor(this.#random() * this.#present.length)]);
      while (this.#pool.length > 0) {
        const { key } = this.#pool.pop();
        if (this.#places[key] !== -1) return key;
      }
    }
  }

  #offer(key) {
    if (this.#pool.some((candidate) => candidate.key === key)) return;
    const time = this.#times[key];
    const at = this.#pool.findIndex((candidate) => candidate.time < time);
    if (at === 0 && this.#pool.length === POOL) return;
    this.#pool.splice(at === -1 ? this.#pool.length : at, 0, { key, time });
    if (this.#pool.length > POOL) this.#pool.shift();
  }

  #remove(key) {
    const last = this.#present.pop();
    if (last !== key) {
      this.#present[this.#places[key]] = last;
      this.#places[last] = this.#places[key];
    }
    this.#places[key] = -1;
    this.#used -= this.#sizes[key];
  }
}

class S3Fifo {
  #capacity;
  #small;
  #main;
  #ghosts;
  #sizes;
  #frequencies;

  constructor(capacity, keys) {
    this.#capacity = capacity;
    this.#small = new Queue(keys);
    this.#main = new Queue(keys);
    this.#ghosts = new Queue(keys);
    this.#sizes = new Float64Array(keys);
    this.#frequencies = new Uint8Array(keys);
  }

  ask(key, size) {
    if (this.#small.has(key) || this.#main.has(key)) {
      this.#frequencies[key] = Math.min(FREQUENCY_MAX, this.#frequencies[key] + 1);
      return true;
    }
    if (size > this.#capacity) return false;
    const hasComeBack = this.#ghosts.has(key);
    if (hasComeBack) this.#ghosts.remove(key, this.#sizes[key]);
    while (this.#small.bytes + this.#main.bytes + size > this.#capacity) this.#evict();
    this.#sizes[key] = size;
    this.#frequencies[key] = 0;
    (hasComeBack ? this.#main : this.#small).add(key, size);
    return false;
  }

  #evict() {
    if (this.#small.bytes > this.#capacity * SMALL_SHARE || this.#main.oldest === -1) this.#evictSmall();
    else this.#evictMain();
  }

  #evictSmall() {
    const key = this.#small.oldest;
    const size = this.#sizes[key];
    this.#small.remove(key, size);
    if (this.#frequencies[key] >= PROMOTING) {
      this.#frequencies[key] = 0;
      this.#main.add(key, size);
      return;
    }
    this.#ghosts.add(key, size);
    while (this.#ghosts.bytes > this.#capacity * (1 - SMALL_SHARE)) {
      const { oldest } = this.#ghosts;
      this.#ghosts.remove(oldest, this.#sizes[oldest]);
    }
  }

  #evictMain() {
    const key = this.#main.oldest;
    const size = this.#sizes[key];
    this.#main.remove(key, size);
    if (this.#frequencies[key] === 0) return;
    this.#frequencies[key]--;
    this.#main.add(key, size);
  }
}
