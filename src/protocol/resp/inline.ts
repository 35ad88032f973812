/**
 * Arguments of an inline command: split and decoded as Redis's `sdssplitargs` does, in place (a decoded argument is never longer than its source).
 *
 *   SET k "a \x41\n" 'it\'s'        SET | k | a A<newline> | it's
 */

const TAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const DOUBLE_QUOTE = 0x22;
const SINGLE_QUOTE = 0x27;
const BACKSLASH = 0x5c;
const LETTER_X = 0x78;
const ZERO = 0x30;
const NINE = 0x39;

const INVALID = -1;

/** Whether a line has quotes, so that decoding it changes the input. */
export function hasQuotes(input: Uint8Array, at: number, end: number): boolean {
  for (let p = at; p < end; p++) {
    if (input[p] === DOUBLE_QUOTE || input[p] === SINGLE_QUOTE) return true;
  }
  return false;
}

/** Where the next argument begins; `end` when there is none. A zero byte ends the line. */
export function skipBlanks(input: Uint8Array, at: number, end: number): number {
  let p = at;
  while (p < end && isBlank(input[p])) p++;
  return p < end && input[p] === 0 ? end : p;
}

export class InlineDecoder {
  /** After `decode`: the end of the argument's decoded bytes, which begin where the argument does. */
  decodedEnd = 0;

  /**
   * Decodes one argument in place. It ends at a blank or at a closing quote.
   * @returns the position behind it, or negative when quotes are unbalanced
   */
  decode(input: Uint8Array, at: number, end: number): number {
    let p = at;
    for (; p < end; p++) {
      const byte = input[p];
      if (byte === SPACE || byte === CR || byte === LF || byte === TAB || byte === 0) break;
      if (byte === DOUBLE_QUOTE) return this.doubleQuoted(input, p + 1, end, p);
      if (byte === SINGLE_QUOTE) return this.singleQuoted(input, p + 1, end, p);
    }
    this.decodedEnd = p;
    return p;
  }

  /** @param to where the decoded bytes go */
  private doubleQuoted(input: Uint8Array, at: number, end: number, to: number): number {
    let p = at;
    let out = to;
    for (;;) {
      const byte = p < end ? input[p] : 0;
      if (byte === 0) return INVALID;
      if (byte === DOUBLE_QUOTE) return this.afterQuote(input, p + 1, end, out);
      if (byte === BACKSLASH && p + 1 < end && input[p + 1] !== 0) {
        const code = p + 3 < end && input[p + 1] === LETTER_X ? hexByte(input[p + 2], input[p + 3]) : INVALID;
        input[out++] = code >= 0 ? code : escaped(input[p + 1]);
        p += code >= 0 ? 4 : 2;
      } else {
        input[out++] = byte;
        p++;
      }
    }
  }

  private singleQuoted(input: Uint8Array, at: number, end: number, to: number): number {
    let p = at;
    let out = to;
    for (;;) {
      const byte = p < end ? input[p] : 0;
      if (byte === 0) return INVALID;
      if (byte === SINGLE_QUOTE) return this.afterQuote(input, p + 1, end, out);
      if (byte === BACKSLASH && p + 1 < end && input[p + 1] === SINGLE_QUOTE) p++;
      input[out++] = input[p++];
    }
  }

  /** A closing quote must be followed by a blank or by nothing. */
  private afterQuote(input: Uint8Array, at: number, end: number, decodedEnd: number): number {
    this.decodedEnd = decodedEnd;
    return at === end || input[at] === 0 || isBlank(input[at]) ? at : INVALID;
  }
}

/** C's isspace. */
function isBlank(byte: number): boolean {
  return byte === SPACE || (byte >= TAB && byte <= CR);
}

/** The byte that a backslash and this letter stand for. */
function escaped(byte: number): number {
  switch (byte) {
    case 0x6e: // n
      return LF;
    case 0x72: // r
      return CR;
    case 0x74: // t
      return TAB;
    case 0x62: // b
      return 0x08;
    case 0x61: // a
      return 0x07;
    default:
      return byte;
  }
}

function hexByte(high: number, low: number): number {
  const h = hexDigit(high);
  const l = hexDigit(low);
  return h < 0 || l < 0 ? INVALID : h * 16 + l;
}

function hexDigit(byte: number): number {
  if (byte >= ZERO && byte <= NINE) return byte - ZERO;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x61 + 10 : INVALID;
}
