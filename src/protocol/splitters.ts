/** The splitters of all protocols, and which of them a connection's bytes go to. */

import { SPEAKS_MEMCACHED, SPEAKS_MEMCACHED_BINARY, SPEAKS_MEMCACHED_TEXT, type SplitterTable } from './descriptors.js';
import { BinarySplitter, REQUEST_MAGIC } from './memcached/binary-splitter.js';
import { TextSplitter } from './memcached/text-splitter.js';
import { RespSplitter } from './resp/splitter.js';
import type { Splitter } from './splitter.js';

export class Splitters {
  private readonly resp: RespSplitter;
  private readonly text: TextSplitter;
  private readonly binary: BinarySplitter;

  /**
   * @param k0 low word of the process's hash key, `k1` its high word
   * @param shardCount slots are computed only where there is more than one shard to choose from
   */
  constructor(table: SplitterTable, k0: number, k1: number, shardCount: number) {
    this.resp = new RespSplitter(table.commands, k0, k1, shardCount);
    this.text = new TextSplitter(table, k0, k1, shardCount);
    this.binary = new BinarySplitter(table, k0, k1, shardCount);
  }

  /**
   * The splitter of a connection, for as long as it lasts.
   * @param speaks SPEAKS_*
   * @param first the first byte that came
   */
  of(speaks: number, first: number): Splitter {
    switch (speaks) {
      case SPEAKS_MEMCACHED:
        return first === REQUEST_MAGIC ? this.binary : this.text;
      case SPEAKS_MEMCACHED_TEXT:
        return this.text;
      case SPEAKS_MEMCACHED_BINARY:
        return this.binary;
      default:
        return this.resp;
    }
  }
}
