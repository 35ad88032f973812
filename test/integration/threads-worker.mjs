/**
 * The worker of the thread tests: does a task on a shared cache until it is told to stop, is terminated, or ends itself.
 * Values carry what is needed to tell whether they are whole: every word of one is its seed plus the word's number.
 */

import { parentPort, workerData } from 'node:worker_threads';
import { Ashlar } from '../../dist/index.js';

const KEYS = 64;
const WORDS_MIN = 16;
const WORDS_MAX = 2 ** 18;

const { handle, seed, task } = workerData;
const cache = Ashlar.attach(handle);
let state = seed >>> 0 || 1;

/** @returns {number} 0 .. n - 1 */
function below(n) {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) % n;
}

/** Mostly small, now and then up to a mebibyte. @returns {number} */
const randomWords = () => (below(40) === 0 ? WORDS_MIN + below(WORDS_MAX - WORDS_MIN) : WORDS_MIN + below(600));

const scratch = new Int32Array(WORDS_MAX);
const scratchBytes = Buffer.from(scratch.buffer);

/** @returns {Buffer} */
function makeValue(words) {
  const first = below(2 ** 30);
  scratch[0] = first;
  scratch[1] = words;
  for (let i = 2; i < words; i++) scratch[i] = first + i;
  return scratchBytes.subarray(0, words * 4);
}

const target = new Int32Array(WORDS_MAX);
const targetBytes = Buffer.from(target.buffer);

/** Reads a key in one of the ways there are. @returns {boolean} false when the value is torn */
function readWhole(key) {
  if (below(2) === 0) {
    const length = cache.getInto(key, targetBytes);
    return length === -1 || isWhole(target, length);
  }
  const bytes = cache.getBuffer(key);
  if (bytes === undefined) return true;
  bytes.copy(targetBytes);
  return isWhole(target, bytes.length);
}

function isWhole(words, bytes) {
  if (words[1] * 4 !== bytes) return false;
  for (let i = 2; i < words[1]; i++) if (words[i] !== words[0] + i) return false;
  return true;
}

/** Text that tells its own length. */
const textOf = (n) => `${n}:`.repeat(1 + (n % 300));

function isWholeText(text) {
  return text === undefined || text === textOf(Number.parseInt(text, 10));
}

/** Few keys of several sizes, so that readers and writers meet at them, and cells go from one to another. */
const REUSED_KEYS = 48;
const nameOf = (i) => `reused:${i}`;

/** A value that is its key's and nobody else's, of 20 bytes to some 5 KiB, every third of them not ASCII. */
function ownText(name, n) {
  return `${n}|${name}|${n % 3 === 0 ? 'é' : 'e'}|`.repeat(1 + (n % (n % 7 === 0 ? 250 : 12)));
}

/** @returns {string | undefined} what is wrong with a value that was found under a key */
function wrongOwn(name, text) {
  return text === undefined || text === ownText(name, Number.parseInt(text, 10))
    ? undefined
    : `${text.length} characters under ${name}: ${text.slice(0, 60)}`;
}

const TASKS = {
  /** Writes, removes and empties, so that what a reader has found may be something else a moment later. */
  reuse() {
    const name = nameOf(below(REUSED_KEYS));
    const choice = below(100);
    const text = ownText(name, below(10_000));
    if (choice < 50) cache.set(name, text);
    else if (choice < 60) cache.set(name, text, { ttl: 1 + below(20) });
    else if (choice < 80) cache.delete(name);
    else if (choice < 90) cache.expire(name, 1 + below(20));
    else if (choice < 98) cache.set(`filler:${below(300)}`, 'x'.repeat(below(3000)));
    else if (below(20) === 0) cache.clear();
    return undefined;
  },
  /** Reads in all ways what `reuse` writes. */
  check() {
    const name = nameOf(below(REUSED_KEYS));
    const choice = below(4);
    if (choice === 0) return wrongOwn(name, cache.getBuffer(name)?.toString());
    if (choice === 1) {
      const length = cache.getInto(name, targetBytes);
      return length === -1 ? undefined : wrongOwn(name, targetBytes.toString('utf8', 0, length));
    }
    if (choice === 2) cache.has(name);
    return wrongOwn(name, cache.get(name));
  },
  /** Writes, reads and removes anything. @returns {string | undefined} what was wrong */
  mix() {
    const key = `bytes:${below(KEYS)}`;
    const name = `text:${below(KEYS * 20)}`;
    const choice = below(100);
    if (choice < 35) cache.set(key, makeValue(randomWords()), choice < 10 ? { ttl: 1 + below(50) } : undefined);
    else if (choice < 65) return readWhole(key) ? undefined : `a torn value under ${key}`;
    else if (choice < 70) cache.delete(key);
    else if (choice < 80) cache.set(name, textOf(below(5000)));
    else if (choice < 95) return isWholeText(cache.get(name)) ? undefined : `a torn text under ${name}`;
    else if (choice < 98) cache.incrementBy('counter');
    else if (choice < 99)
      cache.setMany(
        [
          [name, textOf(1)],
          [`${name}b`, textOf(2)],
        ],
        { ttl: 20 },
      );
    else for (const found of cache.scan({ count: 20 })) if (found === name) break;
    return undefined;
  },
  write() {
    cache.set(`bytes:${below(KEYS)}`, makeValue(randomWords()));
    return undefined;
  },
  read() {
    const key = `bytes:${below(KEYS)}`;
    return readWhole(key) ? undefined : `a torn value under ${key}`;
  },
  /** Small items by the thousand: the index splits, slabs change hands. */
  churn() {
    const name = `churn:${below(200_000)}`;
    if (below(3) > 0) cache.set(name, textOf(below(200)));
    else if (!isWholeText(cache.get(name))) return `a torn text under ${name}`;
    return undefined;
  },
  count() {
    cache.incrementBy('counter');
    return undefined;
  },
};

/** A step, which may be refused for want of memory. */
function attempt(step) {
  try {
    return step();
  } catch (error) {
    if (error.code === 'ERR_OUT_OF_MEMORY') return undefined;
    throw error;
  }
}

/** Works for some milliseconds, then lets the event loop have its turn. */
function work(step) {
  const until = Date.now() + 5;
  while (Date.now() < until) {
    for (let i = 0; i < 20; i++) {
      const wrong = attempt(step);
      operations++;
      if (wrong !== undefined) {
        parentPort.postMessage({ wrong });
        return;
      }
    }
  }
  setImmediate(work, step);
}

let operations = 0;

/** Ways to end that are not `terminate`. */
const ENDINGS = {
  return() {},
  exit() {
    cache.set('ended', 'by exit');
    process.exit(0);
  },
  throw() {
    cache.set('ended', 'by throw');
    throw new Error('thrown on purpose');
  },
  close() {
    cache.close();
  },
};

if (task in ENDINGS) {
  cache.incrementBy('attached');
  ENDINGS[task]();
} else if (task === 'times') {
  for (let i = 0; i < workerData.times; i++) TASKS.count();
  parentPort.postMessage({ done: true });
} else {
  parentPort.on('message', () => {
    parentPort.postMessage({ operations });
    process.exit(0);
  });
  parentPort.postMessage({ ready: true });
  setImmediate(work, TASKS[task]);
}
