/**
 * Glob patterns on bytes, as Redis has them (KEYS, SCAN, PSUBSCRIBE, ACL, CONFIG GET).
 *
 *   *      any bytes, none too            [abc]   one of these          \x     the byte x itself
 *   ?      any one byte                   [^abc]  one byte, not these
 *                                         [a-z]   one in the range, either way round
 *
 * Its oddities are Redis's too: an unclosed class ends with the pattern, `[]` matches nothing and `[^]` any byte, an escaped byte in a class is
 * compared with its case, and an empty text is matched by the empty pattern only (not by `*`). Bytes are unsigned here; in Redis they are on ARM,
 * and signed on x86, which differs in ranges from an ASCII to a non-ASCII byte.
 *
 * No recursion: when a match fails, only the last `*` takes one byte more. What an earlier star took need not be changed, because any
 * text that the rest can match after a longer take it can match after this one. So the time is at most pattern times text.
 */

const STAR = 0x2a;
const QUESTION = 0x3f;
const OPEN = 0x5b;
const CLOSE = 0x5d;
const CARET = 0x5e;
const DASH = 0x2d;
const BACKSLASH = 0x5c;
const UPPER_A = 0x41;
const UPPER_Z = 0x5a;

/** What matchElement returns when the byte does not match; otherwise it is where the next element begins. */
const NO_MATCH = -1;

/**
 * Whether a text matches a pattern.
 * @param nocase ASCII letters match in either case
 */
export function globMatch(
  pattern: Uint8Array,
  patternAt: number,
  patternLength: number,
  text: Uint8Array,
  textAt: number,
  textLength: number,
  nocase: boolean,
): boolean {
  if (textLength === 0) return patternLength === 0;
  const patternEnd = patternAt + patternLength;
  const textEnd = textAt + textLength;
  let p = patternAt;
  let t = textAt;
  // Where the elements after the last star begin, and where in the text they were tried last.
  let afterStar = NO_MATCH;
  let tried = 0;
  while (t < textEnd) {
    if (p < patternEnd && pattern[p] === STAR) {
      p = skipStars(pattern, p, patternEnd);
      if (p === patternEnd) return true;
      afterStar = p;
      tried = t;
      continue;
    }
    const next = p < patternEnd ? matchElement(pattern, p, patternEnd, text[t], nocase) : NO_MATCH;
    if (next !== NO_MATCH) {
      p = next;
      t++;
      continue;
    }
    if (afterStar === NO_MATCH) return false;
    p = afterStar;
    t = ++tried;
  }
  return skipStars(pattern, p, patternEnd) === patternEnd;
}

/** Whether a pattern has none of the special bytes, so that it matches one text only. */
export function isLiteralPattern(pattern: Uint8Array, at: number, length: number): boolean {
  for (let i = at, end = at + length; i < end; i++) {
    const byte = pattern[i];
    if (byte === STAR || byte === QUESTION || byte === OPEN || byte === BACKSLASH) return false;
  }
  return true;
}

function skipStars(pattern: Uint8Array, at: number, end: number): number {
  let p = at;
  while (p < end && pattern[p] === STAR) p++;
  return p;
}

/** Matches one byte with the element at `at`, which is not a star. */
function matchElement(pattern: Uint8Array, at: number, end: number, byte: number, nocase: boolean): number {
  let p = at;
  const first = pattern[p];
  if (first === QUESTION) return p + 1;
  if (first === OPEN) return matchClass(pattern, p + 1, end, byte, nocase);
  if (first === BACKSLASH && p + 1 < end) p++;
  const same = nocase ? lower(pattern[p]) === lower(byte) : pattern[p] === byte;
  return same ? p + 1 : NO_MATCH;
}

/** Matches one byte with the class whose `[` is before `at`. */
function matchClass(pattern: Uint8Array, at: number, end: number, byte: number, nocase: boolean): number {
  let p = at;
  const inverted = p < end && pattern[p] === CARET;
  if (inverted) p++;
  let found = false;
  while (p < end && pattern[p] !== CLOSE) {
    if (pattern[p] === BACKSLASH && p + 1 < end) {
      if (pattern[p + 1] === byte) found = true;
      p += 2;
    } else if (p + 2 < end && pattern[p + 1] === DASH) {
      if (inRange(pattern[p], pattern[p + 2], byte, nocase)) found = true;
      p += 3;
    } else {
      if (nocase ? lower(pattern[p]) === lower(byte) : pattern[p] === byte) found = true;
      p++;
    }
  }
  if (found === inverted) return NO_MATCH;
  return p < end ? p + 1 : end;
}

/** The ends are put in order before their case is folded, as in Redis. */
function inRange(from: number, to: number, byte: number, nocase: boolean): boolean {
  const low = Math.min(from, to);
  const high = Math.max(from, to);
  return nocase ? lower(byte) >= lower(low) && lower(byte) <= lower(high) : byte >= low && byte <= high;
}

function lower(byte: number): number {
  return byte >= UPPER_A && byte <= UPPER_Z ? byte | 0x20 : byte;
}
