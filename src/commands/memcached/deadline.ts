/**
 * Memcached's expiration times: seconds, counted from now up to thirty days, a point in time since 1970 beyond; 0 is never, and what
 * is negative has passed.
 */

const RELATIVE_SECONDS_MAX = 60 * 60 * 24 * 30;

/**
 * The deadline that an expiration time stands for, in milliseconds since 1970, 0 = none. One that has passed is `now`: such an item is stored, and nobody
 * finds it.
 * @param exptime seconds, an integer
 * @param now milliseconds since 1970
 */
export function deadlineOf(exptime: number, now: number): number {
  if (exptime === 0) return 0;
  if (exptime > RELATIVE_SECONDS_MAX) return Math.max(now, exptime * 1000);
  return now + Math.max(0, exptime) * 1000;
}
