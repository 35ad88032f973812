/**
 * Splitting a line of text into words and quoting words, as Redis does it in configuration files and inline commands:
 * blanks separate; "double quotes" know \n \r \t \b \a \" \\ and \xHH; 'single quotes' know only \'. Blanks are ASCII's: among the bytes of a UTF-8
 * text, JavaScript's `\s` and `trim` would find others (`à` ends with the byte A0).
 */

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', b: '\b', a: '\x07' };

/** One word and the blanks behind it: a bare part, a quoted part, or both; a closing quote must be followed by a blank or the end. */
const WORD = /(?:([^ \t-\r"']+)|(?=["']))(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\'|\\(?!'))*)')?(?:[ \t-\r]+|$)/sy;
const LEADING_BLANKS = /^[ \t-\r]+/;

/** Splits a line. @returns the words, or undefined if quotes are not balanced */
export function splitWords(line: string): string[] | undefined {
  // One character per byte, so that \xHH can make up any byte of a UTF-8 text.
  const bytes = Buffer.from(line.replace(LEADING_BLANKS, '')).toString('latin1');
  const words: string[] = [];
  WORD.lastIndex = 0;
  while (WORD.lastIndex < bytes.length) {
    const match = WORD.exec(bytes);
    if (match === null) return undefined;
    const [, bare = '', double = '', single = ''] = match;
    words.push(Buffer.from(bare + decode(double) + single.replaceAll("\\'", "'"), 'latin1').toString());
  }
  return words;
}

/** A word as it can stand in a line: quoted if it has to be. */
export function quoteWord(word: string): string {
  if (/^[\w.:/@%+*,=-]+$/.test(word)) return word;
  return `"${[...word].map(encode).join('')}"`;
}

function decode(text: string): string {
  return text.replace(/\\(?:x([0-9a-f]{2})|(.))/gis, (_, hex: string | undefined, letter: string) =>
    hex === undefined ? (ESCAPES[letter] ?? letter) : String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

function encode(character: string): string {
  if (character === '"' || character === '\\') return `\\${character}`;
  const letter = Object.keys(ESCAPES).find((key) => ESCAPES[key] === character);
  if (letter !== undefined) return `\\${letter}`;
  const code = character.charCodeAt(0);
  return code < 32 || code === 127 ? `\\x${code.toString(16).padStart(2, '0')}` : character;
}
