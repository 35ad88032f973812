/**
 * Bytes in typed arrays: copying, comparing, ASCII. Offsets and lengths are the caller's business; nothing is checked.
 *
 * How to copy was measured: Node 20.20.2, nanoseconds a call, between arrays over ArrayBuffers and SharedArrayBuffers in turn, at changing
 * offsets, so that, as in the server, the compiler knows nothing of them beforehand and they are seldom aligned alike.
 *
 *   bytes                              3     8    16    32    64   100   128   200   256   384   512  1024  4096 16384
 *   byte by byte                       7    14    24    46    90   139   176   275   356   531   704  1408  5601 22477
 *   eight bytes a turn                 7     9    13    23    43    68    82   126   160   239   317   631  2518 10075
 *   DataViews, 16 bytes a turn         8     7     8    12    18    26    32    49    60    88   116   230   913  3627
 *   set() of a new Uint8Array         49    50    51    54    60    66    71    84    94   117   145   240   790  3013
 *   Buffer.prototype.copy             65    66    68    71    77    83    88   101   111   134   162   258   808  3044
 *   the native core's memmove         78    78    78    79    78    78    78    79    80    82    83    90   129   372
 *
 * A DataView moves four bytes at once from and to any offset, and costs no more than an element access. Making one for each copy would cost more than
 * it saves, so an array that is often copied from or to is a `ByteArena`, which carries its own. V8 copies shared memory byte by byte unless both ends are
 * aligned alike, so `set` is for those who have no native core. Within one array `copyWithin` needs no object.
 */

/** Longest range that is copied by DataViews: while they beat `set`, and while they beat the native core. */
const VIEW_BYTES_MAX = 1024;
const VIEW_BYTES_MAX_NATIVE = 320;
/** Longest range that is copied by elements, where one of the arrays has no DataView. */
const LOOP_BYTES_MAX = 96;

type LargeCopy = (target: Uint8Array, targetAt: number, source: Uint8Array, sourceAt: number, length: number) => void;

let largeCopy: LargeCopy = copyBySet;
let viewBytesMax = VIEW_BYTES_MAX;

/** Has large ranges copied by another function from now on: the native core's, where there is one. */
export function useLargeCopy(copy: LargeCopy): void {
  largeCopy = copy;
  viewBytesMax = VIEW_BYTES_MAX_NATIVE;
}

/** An array of bytes that may have a DataView of itself. */
export type ByteSpace = Uint8Array & { readonly view?: DataView };

/** An array of bytes that is quick to copy from and to: an arena of input or output, a shard's memory. */
export class ByteArena extends Uint8Array<ArrayBufferLike> {
  /** The same bytes. */
  readonly view: DataView;

  constructor(buffer: ArrayBufferLike, byteOffset = 0, length = buffer.byteLength - byteOffset) {
    super(buffer, byteOffset, length);
    this.view = new DataView(buffer, byteOffset, length);
  }

  /** Parts (`subarray`, `slice`) are plain arrays. */
  static get [Symbol.species](): Uint8ArrayConstructor {
    return Uint8Array;
  }
}

/** The bit in each byte of a word that ASCII has not. */
const HIGH_BITS = 0x80808080 | 0;
const UPPER_A = 0x41;
const UPPER_Z = 0x5a;
const CASE_BIT = 0x20;

/** The bytes of an ASCII string; characters beyond ASCII lose their high bits. */
export function asciiBytes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/**
 * Copies `length` bytes between two arrays, or within one when the ranges do not overlap (`moveBytes` is for those that do).
 * Quickest when both are ByteArenas.
 */
export function copyBytes(
  source: ByteSpace,
  sourceAt: number,
  target: ByteSpace,
  targetAt: number,
  length: number,
): void {
  const sourceView = source.view;
  const targetView = target.view;
  if (sourceView !== undefined && targetView !== undefined) {
    if (length <= viewBytesMax) {
      copyByViews(sourceView, sourceAt, targetView, targetAt, length);
      return;
    }
  } else if (length <= LOOP_BYTES_MAX) {
    copyByLoop(source, sourceAt, target, targetAt, length);
    return;
  }
  largeCopy(target, targetAt, source, sourceAt, length);
}

function copyBySet(target: Uint8Array, targetAt: number, source: Uint8Array, sourceAt: number, length: number): void {
  target.set(new Uint8Array(source.buffer, source.byteOffset + sourceAt, length), targetAt);
}

// `| 0` tells the compiler that a sum is a 32-bit integer: it need not look for an overflow each time, which is a quarter of the work. What is left is
// counted, not where it ends: that is one more than the largest such integer at the end of the largest shard.
function copyByViews(source: DataView, sourceAt: number, target: DataView, targetAt: number, length: number): void {
  let i = sourceAt | 0;
  let j = targetAt | 0;
  let left = length | 0;
  for (; left >= 16; left = (left - 16) | 0, i = (i + 16) | 0, j = (j + 16) | 0) {
    const a = source.getInt32(i, true);
    const b = source.getInt32((i + 4) | 0, true);
    const c = source.getInt32((i + 8) | 0, true);
    const d = source.getInt32((i + 12) | 0, true);
    target.setInt32(j, a, true);
    target.setInt32((j + 4) | 0, b, true);
    target.setInt32((j + 8) | 0, c, true);
    target.setInt32((j + 12) | 0, d, true);
  }
  for (; left >= 4; left = (left - 4) | 0, i = (i + 4) | 0, j = (j + 4) | 0)
    target.setInt32(j, source.getInt32(i, true), true);
  for (; left > 0; left = (left - 1) | 0, i = (i + 1) | 0, j = (j + 1) | 0) target.setUint8(j, source.getUint8(i));
}

function copyByLoop(source: Uint8Array, sourceAt: number, target: Uint8Array, targetAt: number, length: number): void {
  const end = sourceAt + length;
  const end8 = sourceAt + (length & ~7);
  let i = sourceAt;
  let j = targetAt;
  for (; i < end8; i += 8, j += 8) {
    const a = source[i];
    const b = source[i + 1];
    const c = source[i + 2];
    const d = source[i + 3];
    const e = source[i + 4];
    const f = source[i + 5];
    const g = source[i + 6];
    const h = source[i + 7];
    target[j] = a;
    target[j + 1] = b;
    target[j + 2] = c;
    target[j + 3] = d;
    target[j + 4] = e;
    target[j + 5] = f;
    target[j + 6] = g;
    target[j + 7] = h;
  }
  for (; i < end; i++, j++) target[j] = source[i];
}

/** Copies `length` bytes within one array, whether the ranges overlap or not. */
export function moveBytes(bytes: Uint8Array, from: number, to: number, length: number): void {
  bytes.copyWithin(to, from, from + length);
}

/** Whether two ranges hold the same bytes. Quickest when both arrays are ByteArenas. */
export function equalBytes(a: ByteSpace, aAt: number, b: ByteSpace, bAt: number, length: number): boolean {
  const aView = a.view;
  const bView = b.view;
  let i = aAt | 0;
  let j = bAt | 0;
  let left = length | 0;
  if (aView !== undefined && bView !== undefined) {
    for (; left >= 4; left = (left - 4) | 0, i = (i + 4) | 0, j = (j + 4) | 0)
      if (aView.getInt32(i, true) !== bView.getInt32(j, true)) return false;
  }
  for (; left > 0; left = (left - 1) | 0, i = (i + 1) | 0, j = (j + 1) | 0) if (a[i] !== b[j]) return false;
  return true;
}

/**
 * Whether `length` bytes at `offset` are ASCII, in the memory that `words` is a view of from its beginning. It reads each word once, and does no harm when
 * others write meanwhile.
 */
export function isAscii(words: Int32Array, offset: number, length: number): boolean {
  if (length === 0) return true;
  const end = offset + length - 1;
  const last = end >>> 2;
  // Of the first word and of the last one, what is before the bytes and behind them does not count.
  const lastMask = -1 >>> ((~end & 3) << 3);
  let i = offset >>> 2;
  let seen = words[i] & (-1 << ((offset & 3) << 3));
  if (i === last) return (seen & lastMask & HIGH_BITS) === 0;
  for (i++; i + 3 < last; i += 4) seen |= words[i] | words[i + 1] | words[i + 2] | words[i + 3];
  for (; i < last; i++) seen |= words[i];
  return ((seen | (words[last] & lastMask)) & HIGH_BITS) === 0;
}

/**
 * Whether `length` bytes at `offset` are the word `lower` in any case of its ASCII letters.
 * @param lower the word, in lower case; it must contain no byte that differs from an upper-case letter in the case bit only
 */
export function equalsIgnoreCase(bytes: Uint8Array, offset: number, length: number, lower: Uint8Array): boolean {
  if (length !== lower.length) return false;
  for (let i = 0; i < length; i++) {
    if (lowerCase(bytes[offset + i]) !== lower[i]) return false;
  }
  return true;
}

/** The lower case of an ASCII letter; any other byte as it is. */
export function lowerCase(byte: number): number {
  return byte >= UPPER_A && byte <= UPPER_Z ? byte | CASE_BIT : byte;
}
