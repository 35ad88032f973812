/**
 * Counting and finding bits in a range of bytes. Bit 0 is the highest bit of the first byte, as Redis counts.
 *
 * The bytes are those of a shard or of any buffer, seen both as bytes and as 32-bit words: what lies between the first and the last whole
 * word is read by words. Byte offsets are below 2^31, bit positions are not (a string of 512 MiB has 2^32 bits), so positions are split
 * into byte and bit with arithmetic that holds beyond 32 bits.
 */

/** Bits set in each byte. */
const COUNTS = Uint8Array.from({ length: 256 }, (_, byte) => {
  let count = 0;
  for (let rest = byte; rest !== 0; rest &= rest - 1) count++;
  return count;
});

/** Byte of a bit position. */
export function byteOf(bit: number): number {
  return Math.floor(bit / 8);
}

/** Bits set in bytes [from, to). */
export function countBits(bytes: Uint8Array, words: Int32Array, from: number, to: number): number {
  let count = 0;
  let at = from;
  for (; at < to && (at & 3) !== 0; at++) count += COUNTS[bytes[at]];
  const lastWord = to >>> 2;
  let word = at >>> 2;
  if (word < lastWord) {
    for (; word < lastWord; word++) count += bitsInWord(words[word]);
    at = word * 4;
  }
  for (; at < to; at++) count += COUNTS[bytes[at]];
  return count;
}

function bitsInWord(word: number): number {
  let x = word - ((word >>> 1) & 0x55555555);
  x = (x & 0x33333333) + ((x >>> 2) & 0x33333333);
  return Math.imul((x + (x >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/**
 * Bits set from bit `first` to bit `last`, that one included, of what begins at byte `base`.
 * @param first at most `last`
 */
export function countBitRange(bytes: Uint8Array, words: Int32Array, base: number, first: number, last: number): number {
  const from = base + byteOf(first);
  const to = base + byteOf(last);
  const before = bytes[from] & ~(0xff >>> (first & 7));
  const behind = bytes[to] & (0x7f >>> (last & 7));
  return countBits(bytes, words, from, to + 1) - COUNTS[before & 0xff] - COUNTS[behind];
}

/**
 * Position of the first bit that is `bit` (0 or 1) from bit `first` to bit `last`, that one included, of what begins at byte `base`.
 * @param first at most `last`
 * @returns -1 when there is none
 */
export function findBit(
  bytes: Uint8Array,
  words: Int32Array,
  base: number,
  bit: number,
  first: number,
  last: number,
): number {
  const end = base + byteOf(last) + 1;
  // Bits that are not looked for read as zeros.
  const flip = bit === 1 ? 0 : 0xff;
  let at = base + byteOf(first);
  let candidates = (bytes[at] ^ flip) & (0xff >>> (first & 7));
  if (candidates === 0) {
    at = skipBytes(bytes, words, at + 1, end, flip);
    if (at === end) return -1;
    candidates = bytes[at] ^ flip;
  }
  const position = (at - base) * 8 + Math.clz32(candidates) - 24;
  return position <= last ? position : -1;
}

/** First byte in [from, to) that is not `skipped` (0 or 255); `to` when there is none. */
function skipBytes(bytes: Uint8Array, words: Int32Array, from: number, to: number, skipped: number): number {
  let at = from;
  for (; at < to && (at & 3) !== 0; at++) if (bytes[at] !== skipped) return at;
  const skippedWord = skipped === 0 ? 0 : -1;
  const lastWord = to >>> 2;
  let word = at >>> 2;
  while (word < lastWord && words[word] === skippedWord) word++;
  // From here on there are the word that differs, or the bytes behind the last whole one.
  at = Math.max(at, word * 4);
  while (at < to && bytes[at] === skipped) at++;
  return at;
}
