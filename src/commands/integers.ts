/** Integer arguments as commands take them: any 64-bit integer is accepted, though only those within 2^53 are exact numbers here. */

import { NOT_INTEGER } from './replies.js';
import type { Request } from './request.js';

/**
 * An integer argument that is compared with lengths and positions: one beyond 2^53 stands for the end of the range, which is further than
 * any length.
 * @param text error when it is no 64-bit integer
 * @returns NaN when that error was answered
 */
export function clampedInteger(request: Request, index: number, text = NOT_INTEGER): number {
  const value = request.integer(index);
  if (!Number.isNaN(value)) return value;
  const exact = request.bigInteger(index);
  if (exact === undefined) {
    request.reply.error(text);
    return Number.NaN;
  }
  return exact > 0n ? Number.MAX_SAFE_INTEGER : Number.MIN_SAFE_INTEGER;
}

/** Whether two arguments that `clampedInteger` took as `a` and `b` are in the wrong order: a > b, exactly. */
export function isGreater(request: Request, aIndex: number, a: number, bIndex: number, b: number): boolean {
  if (a !== b || Math.abs(a) !== Number.MAX_SAFE_INTEGER) return a > b;
  return (request.bigInteger(aIndex) as bigint) > (request.bigInteger(bIndex) as bigint);
}
