/** Keys and values for the in-process benchmarks: pseudo-random, the same in every thread and run. */

const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_';

/** @returns {() => number} unsigned 32-bit numbers from a seed (xorshift) */
export function randomFrom(seed) {
  let state = seed >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

/**
 * @param {number} count
 * @param {number} length characters of each
 * @param {number} seed
 * @returns {string[]} flat one-byte strings
 */
export function randomStrings(count, length, seed) {
  const random = randomFrom(seed);
  const bytes = Buffer.alloc(length);
  return Array.from({ length: count }, () => {
    for (let i = 0; i < length; i++) bytes[i] = LETTERS.charCodeAt(random() & 63);
    return bytes.latin1Slice(0, length);
  });
}

/**
 * The keys in random order, each a string of its own: a key that is looked up has come from somewhere else than the one that was
 * stored, so finding it is no comparison of pointers. Made in the order in which they are used, so the keys themselves are read one
 * after the other, and the cache misses that are measured are the store's.
 */
export function shuffledCopies(keys, seed) {
  const random = randomFrom(seed);
  const order = Uint32Array.from(keys, (_, i) => i);
  for (let i = order.length - 1; i > 0; i--) {
    const j = random() % (i + 1);
    const held = order[i];
    order[i] = order[j];
    order[j] = held;
  }
  return Array.from(order, (i) => Buffer.from(keys[i], 'latin1').latin1Slice());
}
