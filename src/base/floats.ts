/**
 * Floating point as text, to the bit as Redis on x86-64 has it.
 *
 *   parseDouble      what ZADD, INCRBYFLOAT's relatives and timeouts take: C's strtod, without blanks around and without NaN
 *   formatDouble     Redis 7.2's replies: the shortest text that reads back as the same number (fpconv's layout)
 *   formatDouble17   Redis 7.0's replies: C's `%.17g`
 *   addDecimal       INCRBYFLOAT: long double arithmetic, written as C's `%.17Lf` without the zeros at its end
 *
 * INCRBYFLOAT calculates in the 80-bit long double, with 64 bits of mantissa: `0.1 + 0.2` is `0.3` there. JavaScript has no such
 * number, so it is made of bigints, exactly: a value is mantissa * 2^exponent, each operation is done without error and then
 * rounded to 64 bits, half to even, as the processor does it.
 */

/** A long double: sign * mantissa * 2^exponent. The mantissa has at most 64 bits; undefined stands for an infinity. */
interface LongDouble {
  readonly negative: boolean;
  readonly mantissa: bigint | undefined;
  readonly exponent: number;
}

const MANTISSA_BITS = 64;
/** Exponent of the mantissa's lowest bit in the smallest (subnormal) numbers, and in the largest. */
const EXPONENT_MIN = -16445;
const EXPONENT_MAX = 16383 - 63;
/** Decimal exponents beyond these are surely infinite, or surely zero. */
const DECIMAL_EXPONENT_MAX = 4933;
const DECIMAL_EXPONENT_MIN = -4952;
/** Digits behind the point that INCRBYFLOAT writes. */
const FRACTION_DIGITS = 17;
const FRACTION_SCALE = 10n ** BigInt(FRACTION_DIGITS);
/** Longer texts are not numbers to INCRBYFLOAT, whatever is in them. */
const LONG_DOUBLE_CHARS_MAX = 5 * 1024;

const DECIMAL = /^([+-]?)(\d+\.?\d*|\.\d+)(?:e([+-]?\d+))?$/i;
const HEXADECIMAL = /^([+-]?)0x([\da-f]+\.?[\da-f]*|\.[\da-f]+)(?:p([+-]?\d+))?$/i;
const INFINITE = /^([+-]?)inf(?:inity)?$/i;

// ------------------------------------------------------------------------------------------------ double

/**
 * The double that `length` bytes at `offset` spell; `inf`, `infinity` and C's hexadecimal notation too.
 * @returns NaN when they spell none, or one that is too large or too small for a double
 */
export function parseDouble(bytes: Uint8Array, offset: number, length: number): number {
  return parseDoubleText(latin1(bytes, offset, length));
}

/** `parseDouble` on a string. */
export function parseDoubleText(text: string): number {
  const infinite = INFINITE.exec(text);
  if (infinite !== null) return infinite[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  const value = DECIMAL.test(text) ? Number(text) : hexadecimalDouble(text);
  if (!Number.isFinite(value) || (value === 0 && !isZero(text))) return Number.NaN;
  return value;
}

function hexadecimalDouble(text: string): number {
  const match = HEXADECIMAL.exec(text);
  if (match === null) return Number.NaN;
  const [mantissa, exponent] = hexadecimalParts(match);
  const rounded = roundBinary(mantissa, exponent, 53, -1074, false);
  if (rounded.mantissa === undefined || rounded.exponent > 971) return Number.NaN;
  // In two steps, because 2^exponent alone can be too small for a double.
  const half = Math.trunc(rounded.exponent / 2);
  const value = Number(rounded.mantissa) * 2 ** half * 2 ** (rounded.exponent - half);
  return match[1] === '-' ? -value : value;
}

/** Whether a valid number's mantissa has no digit but zeros. */
function isZero(text: string): boolean {
  return HEXADECIMAL.test(text)
    ? !/[1-9a-f]/i.test(text.slice(text.search(/x/i)).split(/p/i)[0])
    : !/^[^e]*[1-9]/i.test(text);
}

/** A double as Redis 7.2 answers it. */
export function formatDouble(value: number): string {
  if (!Number.isFinite(value)) return special(value);
  if (value === 0) return Object.is(value, -0) ? '-0' : '0';
  // Redis writes what fits 62 bits as an integer, with all its digits.
  if (Number.isInteger(value) && Math.abs(value) <= 2 ** 62) return BigInt(value).toString();
  const [mantissa, power] = Math.abs(value).toExponential().split('e');
  const digits = mantissa.replace('.', '');
  return (value < 0 ? '-' : '') + layOut(digits, Number(power) + 1 - digits.length);
}

/** Digits * 10^scale in the layout of fpconv: plain while that takes few zeros, scientific beyond. */
function layOut(digits: string, scale: number): string {
  const power = Math.abs(scale + digits.length - 1);
  if (scale >= 0 && power < digits.length + 7) return digits + '0'.repeat(scale);
  if (scale < 0 && (scale > -7 || power < 4)) {
    const point = digits.length + scale;
    if (point <= 0) return `0.${'0'.repeat(-point)}${digits}`;
    return `${digits.slice(0, point)}.${digits.slice(point)}`;
  }
  const fraction = digits.length > 1 ? `.${digits.slice(1)}` : '';
  return `${digits[0]}${fraction}e${scale + digits.length - 1 < 0 ? '-' : '+'}${power}`;
}

/** A double as C's `%.17g` writes it. */
export function formatDouble17(value: number): string {
  if (!Number.isFinite(value)) return special(value);
  if (value === 0) return Object.is(value, -0) ? '-0' : '0';
  const [mantissa, powerText] = exponential17(value).split('e');
  const power = Number(powerText);
  if (power < -4 || power >= 17) {
    return `${withoutZeros(mantissa)}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`;
  }
  const negative = value < 0 ? '-' : '';
  const digits = mantissa.replace('-', '').replace('.', '');
  if (power < 0) return withoutZeros(`${negative}0.${'0'.repeat(-power - 1)}${digits}`);
  return withoutZeros(`${negative}${digits.slice(0, power + 1)}.${digits.slice(power + 1)}`);
}

/** 17 digits in scientific notation. Where two are equally near, C takes the even one, and JavaScript the larger. */
function exponential17(value: number): string {
  const exact = /^(-?\d\.\d{15}[02468])50*(e.*)$/.exec(value.toExponential(60));
  return exact === null ? value.toExponential(16) : exact[1] + exact[2];
}

function special(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  return value < 0 ? '-inf' : 'inf';
}

/** Drops zeros at the end of a fraction, and a point that has none behind it. */
function withoutZeros(text: string): string {
  return text.includes('.') ? text.replace(/\.?0*$/, '') : text;
}

// ------------------------------------------------------------------------------------------------ long double

/** Whether INCRBYFLOAT takes the text for a number. Infinities are numbers; only what comes of them may not be. */
export function isDecimal(text: string): boolean {
  return parseLongDouble(text) !== undefined;
}

/**
 * The sum of two numbers as INCRBYFLOAT calculates and writes it.
 * @returns undefined when the sum is infinite or not a number. Both texts must be numbers (`isDecimal`).
 */
export function addDecimal(a: string, b: string): string | undefined {
  const left = parseLongDouble(a);
  const right = parseLongDouble(b);
  if (left?.mantissa === undefined || right?.mantissa === undefined) return undefined;
  const exponent = Math.min(left.exponent, right.exponent);
  const sum = aligned(left, exponent) + aligned(right, exponent);
  const rounded = roundLongDouble(sum < 0n ? -sum : sum, exponent, false);
  if (rounded.mantissa === undefined) return undefined;
  const text = formatFixed(rounded.mantissa, rounded.exponent);
  return sum < 0n && text !== '0' ? `-${text}` : text;
}

/** The signed mantissa for a smaller exponent. */
function aligned(value: LongDouble, exponent: number): bigint {
  const mantissa = (value.mantissa as bigint) << BigInt(value.exponent - exponent);
  return value.negative ? -mantissa : mantissa;
}

/** C's strtold, as far as Redis accepts its result. */
function parseLongDouble(text: string): LongDouble | undefined {
  if (text.length === 0 || text.length >= LONG_DOUBLE_CHARS_MAX) return undefined;
  const infinite = INFINITE.exec(text);
  if (infinite !== null) return { negative: infinite[1] === '-', mantissa: undefined, exponent: 0 };
  const decimal = DECIMAL.exec(text);
  const value = decimal !== null ? decimalLongDouble(decimal) : hexadecimalLongDouble(text);
  if (value === undefined || value.mantissa === undefined) return undefined;
  // Too small to be told from zero is an error, as too large is.
  return value.mantissa === 0n && !isZero(text) ? undefined : value;
}

function hexadecimalLongDouble(text: string): LongDouble | undefined {
  const match = HEXADECIMAL.exec(text);
  if (match === null) return undefined;
  const [mantissa, exponent] = hexadecimalParts(match);
  return { ...roundLongDouble(mantissa, exponent, false), negative: match[1] === '-' };
}

function decimalLongDouble(match: RegExpExecArray): LongDouble {
  const negative = match[1] === '-';
  const [whole, fraction = ''] = match[2].split('.');
  const digits = (whole + fraction).replace(/^0+/, '');
  const scale = Number(match[3] ?? 0) - fraction.length;
  if (digits === '' || scale + digits.length < DECIMAL_EXPONENT_MIN) return { negative, mantissa: 0n, exponent: 0 };
  if (scale + digits.length > DECIMAL_EXPONENT_MAX + 1) return { negative, mantissa: undefined, exponent: 0 };
  const value = BigInt(digits);
  if (scale >= 0) return { ...roundLongDouble(value * 10n ** BigInt(scale), 0, false), negative };
  return { ...divide(value, 10n ** BigInt(-scale)), negative };
}

/** Numerator / denominator, rounded once. */
function divide(numerator: bigint, denominator: bigint): LongDouble {
  // As many bits more as make a quotient of at least two bits beyond the mantissa; the remainder decides ties.
  const shift = Math.max(0, bitLength(denominator) - bitLength(numerator) + MANTISSA_BITS + 2);
  const shifted = numerator << BigInt(shift);
  const quotient = shifted / denominator;
  return roundLongDouble(quotient, -shift, quotient * denominator !== shifted);
}

function roundLongDouble(mantissa: bigint, exponent: number, inexact: boolean): LongDouble {
  const rounded = roundBinary(mantissa, exponent, MANTISSA_BITS, EXPONENT_MIN, inexact);
  return rounded.exponent > EXPONENT_MAX ? { negative: false, mantissa: undefined, exponent: 0 } : rounded;
}

/**
 * Rounds mantissa * 2^exponent to so many bits, half to even.
 * @param exponentMin the result's exponent is at least this (subnormal numbers have fewer bits)
 * @param inexact the true value is a little more than the mantissa says
 */
function roundBinary(
  mantissa: bigint,
  exponent: number,
  bits: number,
  exponentMin: number,
  inexact: boolean,
): LongDouble {
  const drop = Math.max(bitLength(mantissa) - bits, exponentMin - exponent);
  if (mantissa === 0n) return { negative: false, mantissa, exponent: 0 };
  // The fullest mantissa has the lowest exponent, so that the largest numbers are known by their exponent.
  if (drop <= 0) {
    const room = Math.min(bits - bitLength(mantissa), exponent - exponentMin);
    return { negative: false, mantissa: mantissa << BigInt(room), exponent: exponent - room };
  }
  const kept = mantissa >> BigInt(drop);
  const rest = mantissa - (kept << BigInt(drop));
  const half = 1n << BigInt(drop - 1);
  const up = rest > half || (rest === half && (inexact || (kept & 1n) === 1n));
  const rounded = up ? kept + 1n : kept;
  if (bitLength(rounded) > bits) return { negative: false, mantissa: rounded >> 1n, exponent: exponent + drop + 1 };
  return { negative: false, mantissa: rounded, exponent: exponent + drop };
}

/** mantissa * 2^exponent with 17 digits behind the point, half to even, without zeros at the end. */
function formatFixed(mantissa: bigint, exponent: number): string {
  if (exponent >= 0) return (mantissa << BigInt(exponent)).toString();
  const shift = BigInt(-exponent);
  const scaled = mantissa * FRACTION_SCALE;
  let units = scaled >> shift;
  const rest = scaled - (units << shift);
  const half = 1n << (shift - 1n);
  if (rest > half || (rest === half && (units & 1n) === 1n)) units++;
  const digits = units.toString().padStart(FRACTION_DIGITS + 1, '0');
  const point = digits.length - FRACTION_DIGITS;
  return withoutZeros(`${digits.slice(0, point)}.${digits.slice(point)}`);
}

/** Mantissa and exponent of a match of HEXADECIMAL. Exponents without measure are cut to where nothing changes any more. */
function hexadecimalParts(match: RegExpExecArray): [bigint, number] {
  const [whole, fraction = ''] = match[2].split('.');
  const mantissa = BigInt(`0x${whole}${fraction}`);
  const power = Math.max(-100_000, Math.min(100_000, Number(match[3] ?? 0)));
  return [mantissa, power - 4 * fraction.length];
}

function bitLength(value: bigint): number {
  return value === 0n ? 0 : value.toString(16).length * 4 - leadingZeros(value);
}

/** Zero bits in front of the first hexadecimal digit's highest one. */
function leadingZeros(value: bigint): number {
  return Math.clz32(Number.parseInt(value.toString(16)[0], 16)) - 28;
}

function latin1(bytes: Uint8Array, offset: number, length: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + offset, length).toString('latin1');
}
