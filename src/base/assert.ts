/**
 * Assertions: for what only a mistake in this program can make false. Bad input, full memory and lost peers are ordinary and
 * are coded errors (errors.ts). Assertions stay on in production: a wrong cache is worse than a stopped one.
 */

/** A promise that this program makes to itself was broken. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError';
}

/**
 * Throws if `condition` is false. The text names the module and what was expected; it is a plain string, so that a call in a
 * hot path costs a comparison and allocates nothing.
 * @throws {AssertionError}
 */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}
