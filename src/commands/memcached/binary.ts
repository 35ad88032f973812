/** The commands of Memcached's binary protocol. */

import { asciiBytes } from '../../base/bytes.js';
import type { Request } from '../request.js';
import { binaryCommand, type MemcachedCommand } from './command.js';

const HEADER_BYTES = 24;
const OPCODE = 1;
const OPAQUE = 12;
const OPAQUE_END = 16;
const UNKNOWN_COMMAND = asciiBytes('Unknown command');

/** A response of status 0x81 with the request's opcode and opaque. */
function unknown(request: Request): void {
  const { reply, input } = request;
  const at = request.offset(0);
  const header = new Uint8Array(HEADER_BYTES);
  header.set([0x81, input[at + OPCODE], 0, 0, 0, 0, 0, 0x81, 0, 0, 0, UNKNOWN_COMMAND.length]);
  header.set(input.subarray(at + OPAQUE, at + OPAQUE_END), OPAQUE);
  reply.raw(header, 0, HEADER_BYTES);
  reply.raw(UNKNOWN_COMMAND, 0, UNKNOWN_COMMAND.length);
}

export const BINARY_COMMANDS: readonly MemcachedCommand[] = [
  binaryCommand({
    name: 'unknown',
    opcode: -1,
    flags: ['fast'],
    summary: 'Answers a request whose opcode is none.',
    run: unknown,
  }),
];
