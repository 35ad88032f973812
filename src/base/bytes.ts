/**
 * Bytes in typed arrays: copying, comparing, ASCII. Offsets and lengths are the caller's business; nothing is checked.
 *
 * How to copy was measured (Node 20.20.2, nanoseconds a call, source and destination alternately in an ArrayBuffer and a SharedArrayBuffer):
 *
 *   bytes                          8    32   100   200   256   512   4096  65536
 *   loop, byte by byte            10    33   100   196   254   504   3966  63257
 *   loop, eight bytes a turn       7    18    46    85   109   215   1705  27020
 *   DataView, four bytes a turn    6    16    44   118   110   223   1740  27811
 *   dst.set(src.subarray())       52    57    72    93   105   165    950  14461
 *   Buffer.prototype.copy         75    82    96   118   129   191    961  14213
 *
 * `subarray` makes an object, so the loop has the ranges up to 256 bytes, though both cost the same from about 220 on. Within one array
 * `copyWithin` needs no object.
 */

/** Longest range that is copied by the loop. */
const LOOP_BYTES_MAX = 256;
/** Ranges from here on are copied by `largeCopy`: the call costs some 150 ns, and V8 copies shared memory at a fifth of memmove's speed. */
const LARGE_BYTES_MIN = 2048;

type LargeCopy = (target: Uint8Array, targetAt: number, source: Uint8Array, sourceAt: number, length: number) => void;

let largeCopy: LargeCopy = (target, targetAt, source, sourceAt, length) => {
  target.set(source.subarray(sourceAt, sourceAt + length), targetAt);
};

/** Has large ranges copied by another function from now on: the native core's, where there is one. */
export function useLargeCopy(copy: LargeCopy): void {
  largeCopy = copy;
}

const UPPER_A = 0x41;
const UPPER_Z = 0x5a;
const CASE_BIT = 0x20;

/** The bytes of an ASCII string; characters beyond ASCII lose their high bits. */
export function asciiBytes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** Copies `length` bytes between two arrays, or within one when the ranges do not overlap (`moveBytes` is for those that do). */
export function copyBytes(
  source: Uint8Array,
  sourceAt: number,
  target: Uint8Array,
  targetAt: number,
  length: number,
): void {
  if (length >= LARGE_BYTES_MIN) {
    largeCopy(target, targetAt, source, sourceAt, length);
    return;
  }
  if (length > LOOP_BYTES_MAX) {
    target.set(source.subarray(sourceAt, sourceAt + length), targetAt);
    return;
  }
  const end = sourceAt + length;
  const wholeEnd = sourceAt + (length & ~7);
  let i = sourceAt;
  let j = targetAt;
  for (; i < wholeEnd; i += 8, j += 8) {
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

/** Whether two ranges hold the same bytes. */
export function equalBytes(a: Uint8Array, aAt: number, b: Uint8Array, bAt: number, length: number): boolean {
  for (let i = 0; i < length; i++) {
    if (a[aAt + i] !== b[bAt + i]) return false;
  }
  return true;
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
