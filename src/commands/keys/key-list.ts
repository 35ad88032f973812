/**
 * Keys collected for a reply whose length must be known first: copies, one behind the other in large chunks, four bytes of length before each.
 */

import { copyBytes } from '../../base/bytes.js';
import type { ReplyWriter } from '../../protocol/resp/reply.js';

const FIRST_CHUNK_BYTES = 1 << 16;
const CHUNK_BYTES = 1 << 20;
const LENGTH_BYTES = 4;

export class KeyList {
  private chunks: Uint8Array[] = [new Uint8Array(FIRST_CHUNK_BYTES)];
  /** Bytes used of each chunk. */
  private used = [0];
  private keys = 0;

  get length(): number {
    return this.keys;
  }

  add(source: Uint8Array, offset: number, length: number): void {
    let last = this.chunks.length - 1;
    if (this.used[last] + LENGTH_BYTES + length > this.chunks[last].length) {
      this.chunks.push(new Uint8Array(Math.max(CHUNK_BYTES, LENGTH_BYTES + length)));
      this.used.push(0);
      last++;
    }
    const chunk = this.chunks[last];
    const at = this.used[last];
    chunk[at] = length;
    chunk[at + 1] = length >>> 8;
    chunk[at + 2] = length >>> 16;
    chunk[at + 3] = length >>> 24;
    copyBytes(source, offset, chunk, at + LENGTH_BYTES, length);
    this.used[last] = at + LENGTH_BYTES + length;
    this.keys++;
  }

  /** Answers the array of the keys, and forgets them. */
  answer(reply: ReplyWriter): void {
    reply.array(this.keys);
    this.chunks.forEach((chunk, number) => {
      const end = this.used[number];
      for (let at = 0; at < end; ) {
        const length = chunk[at] | (chunk[at + 1] << 8) | (chunk[at + 2] << 16) | (chunk[at + 3] << 24);
        reply.bulk(chunk, at + LENGTH_BYTES, length);
        at += LENGTH_BYTES + length;
      }
    });
    this.clear();
  }

  /** Forgets the keys; the first chunk is kept. */
  clear(): void {
    this.chunks.length = 1;
    this.used = [0];
    this.keys = 0;
  }
}
