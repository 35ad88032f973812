/**
 * Quantities as people write them: bytes (`512mb`) and durations (`100ms`, `10s`). Redis's notation: `k` is 1000 and `kb` is 1024,
 * case does not matter. Malformed text gives undefined: only the caller can say in its error what the text was meant to be.
 */

const BYTES_PER_UNIT: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  k: 1000,
  kb: 1024,
  m: 1000 ** 2,
  mb: 1024 ** 2,
  g: 1000 ** 3,
  gb: 1024 ** 3,
  t: 1000 ** 4,
  tb: 1024 ** 4,
};

/** Units of durations. */
export type TimeUnit = 'us' | 'ms' | 's' | 'min';

const MICROSECONDS_PER_UNIT: Readonly<Record<string, number>> = {
  us: 1,
  ms: 1000,
  s: 1_000_000,
  min: 60_000_000,
  h: 3_600_000_000,
  d: 86_400_000_000,
};

/**
 * Bytes of text like `1048576`, `1k` (1000), `1kb` (1024), `512MB`, `2gb`.
 * @returns a whole number, or undefined if the text is not an amount of memory or is above 2^53
 */
export function parseBytes(text: string): number | undefined {
  const match = /^(\d+)([a-z]*)$/i.exec(text);
  if (match === null) return undefined;
  const unit = BYTES_PER_UNIT[match[2].toLowerCase()];
  return unit === undefined ? undefined : safe(Number(match[1]) * unit);
}

/** The shortest exact notation that `parseBytes` reads back: 536870912 is `512mb`, 1000 is `1000`. */
export function formatBytes(bytes: number): string {
  for (const unit of ['tb', 'gb', 'mb', 'kb']) {
    const size = BYTES_PER_UNIT[unit];
    if (bytes >= size && bytes % size === 0) return `${bytes / size}${unit}`;
  }
  return String(bytes);
}

/** Rounded for reading, as Redis's `INFO` has it: `512B`, `1.50K`, `2.00G` (powers of 1024). */
export function formatBytesRounded(bytes: number): string {
  if (bytes < 1024) return `${Math.floor(bytes)}B`;
  for (const [letter, unit] of [
    ['K', 'mb'],
    ['M', 'gb'],
    ['G', 'tb'],
  ]) {
    const next = BYTES_PER_UNIT[unit];
    if (bytes < next) return `${(bytes / (next / 1024)).toFixed(2)}${letter}`;
  }
  return `${(bytes / 1024 ** 4).toFixed(2)}T`;
}

/**
 * A duration like `10s`, `100ms`, `5min`, `1h`, `1d`, counted in `unit`; a plain number is in `unit` already.
 * @returns a whole number of units, or undefined if the text is not a duration or not a whole number of units
 */
export function parseDuration(text: string, unit: TimeUnit): number | undefined {
  const match = /^(\d+)([a-z]*)$/i.exec(text);
  if (match === null) return undefined;
  const size = MICROSECONDS_PER_UNIT[match[2].toLowerCase() || unit];
  if (size === undefined) return undefined;
  return safe((Number(match[1]) * size) / MICROSECONDS_PER_UNIT[unit]);
}

/** The shortest exact notation that `parseDuration` reads back: 90000 `ms` is `90s`. */
export function formatDuration(amount: number, unit: TimeUnit): string {
  const microseconds = amount * MICROSECONDS_PER_UNIT[unit];
  for (const name of ['d', 'h', 'min', 's', 'ms']) {
    const size = MICROSECONDS_PER_UNIT[name];
    if (microseconds >= size && microseconds % size === 0) return `${microseconds / size}${name}`;
  }
  return `${amount}${unit}`;
}

function safe(value: number): number | undefined {
  return Number.isSafeInteger(value) ? value : undefined;
}

/** Bytes that an amount stands for which may be a share, written as percent below zero, of something that has `total` bytes. */
export function shareOf(amount: number, total: number): number {
  return amount < 0 ? Math.floor((total * -amount) / 100) : amount;
}
