/** Counts the replies in what a connection received, and refuses everything that is not RESP to the last byte. */

const LINE_TYPES = '+-:_#,(';
const BLOB_TYPES = '$=!';
const AGGREGATE_TYPES = '*~>%';

export interface Replies {
  /** Whole replies. */
  readonly count: number;
  /** Bytes of a reply that is not complete. */
  readonly rest: number;
}

/** @throws Error with the place, when the bytes are no replies */
export function countReplies(bytes: Buffer): Replies {
  const reader = new Reader(bytes);
  let count = 0;
  let whole = 0;
  while (reader.at < bytes.length && reader.skip()) {
    whole = reader.at;
    count++;
  }
  return { count, rest: bytes.length - whole };
}

class Reader {
  at = 0;
  private readonly bytes: Buffer;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  /** Goes past a reply. False: it is not complete. */
  skip(): boolean {
    const { bytes, at } = this;
    const end = bytes.indexOf('\r\n', at, 'latin1');
    const type = String.fromCharCode(bytes[at]);
    if (!`${LINE_TYPES}${BLOB_TYPES}${AGGREGATE_TYPES}`.includes(type)) this.refuse('not a type', at);
    if (end === -1) return false;
    const line = bytes.toString('latin1', at + 1, end);
    if (/[\r\n\0]/.test(line)) this.refuse('a line with control characters', at);
    this.at = end + 2;
    if (LINE_TYPES.includes(type)) {
      if (type === ':' && !/^-?\d+$/.test(line)) this.refuse('not a number', at);
      return true;
    }
    if (line === '-1' && (type === '$' || type === '*')) return true;
    if (!/^\d+$/.test(line)) this.refuse('not a length', at);
    return BLOB_TYPES.includes(type) ? this.skipBlob(Number(line)) : this.skipMany(type, Number(line));
  }

  private skipBlob(length: number): boolean {
    const end = this.at + length;
    if (end + 2 > this.bytes.length) return false;
    if (this.bytes.toString('latin1', end, end + 2) !== '\r\n') this.refuse('a blob without a line end', end);
    this.at = end + 2;
    return true;
  }

  private skipMany(type: string, length: number): boolean {
    for (let left = type === '%' ? length * 2 : length; left > 0; left--) {
      if (this.at >= this.bytes.length || !this.skip()) return false;
    }
    return true;
  }

  private refuse(what: string, at: number): never {
    const around = this.bytes.toString('latin1', Math.max(0, at - 80), at + 80);
    throw new Error(`${what} at ${at} of ${this.bytes.length}: ${JSON.stringify(around)}`);
  }
}
