/** Commands that wait for the end of CLIENT PAUSE: copies of them, because what they lie in is used again. */

import type { Client } from '../commands/client.js';
import type { Request } from '../commands/request.js';
import { ARG_WORDS } from '../protocol/descriptors.js';

const OFFSET = 0;
const LENGTH = 1;

export class PostponedCommand {
  readonly id: number;
  readonly client: Client;
  private readonly input: Uint8Array;
  private readonly args: Int32Array;
  private readonly argc: number;
  private readonly flags: number;
  private readonly bytes: number;

  /** Copies the command that a request is filled with. */
  constructor(id: number, request: Request) {
    const { client, argc, flags, bytes, first } = request;
    this.id = id;
    this.client = client;
    this.argc = argc;
    this.flags = flags;
    this.bytes = bytes;
    this.args = request.args.slice(first, first + argc * ARG_WORDS);
    // Of Memcached's arguments some lie before others that they are counted behind, and empty ones lie anywhere.
    let begin = Number.POSITIVE_INFINITY;
    let end = 0;
    for (let index = 0; index < argc; index++) {
      const length = request.length(index);
      if (length === 0) continue;
      begin = Math.min(begin, request.offset(index));
      end = Math.max(end, request.offset(index) + length);
    }
    this.input = request.input.slice(begin, end);
    for (let at = 0; at < this.args.length; at += ARG_WORDS) {
      this.args[at + OFFSET] = this.args[at + LENGTH] === 0 ? 0 : this.args[at + OFFSET] - begin;
    }
  }

  /** Fills a request with the command again, for its client. */
  restore(request: Request): void {
    request.input = this.input;
    request.args = this.args;
    request.first = 0;
    request.argc = this.argc;
    request.flags = this.flags;
    request.bytes = this.bytes;
  }
}
