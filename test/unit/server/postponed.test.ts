/** Commands that wait: copies that stay what they were when the arena is used again. */

import { expect, it } from 'vitest';
import type { Request } from '../../../src/commands/request.js';
import { PostponedCommand } from '../../../src/server/postponed.js';

/** As much of a request as is copied and filled again. Arguments are [offset, length]. */
function request(input: Uint8Array, args: readonly (readonly [number, number])[]): Request {
  const words = Int32Array.from(args.flatMap(([offset, length], index) => [offset, length, 100 + index, 200 + index]));
  return {
    client: {},
    input,
    // Not at the start: a batch has other commands.
    args: Int32Array.from([9, 9, 9, 9, ...words]),
    first: 4,
    argc: args.length,
    flags: 5,
    offset: (index: number) => args[index][0],
    length: (index: number) => args[index][1],
  } as unknown as Request;
}

function argumentsOf({ input, args, first, argc }: Request): string[] {
  return Array.from({ length: argc }, (_, index) => {
    const at = args[first + index * 4];
    return Buffer.from(input.subarray(at, at + args[first + index * 4 + 1])).toString();
  });
}

it.each([
  [
    'in order',
    [
      [2, 3],
      [6, 2],
      [9, 4],
    ],
    ['bcd', 'fg', 'ijkl'],
  ],
  [
    'of a binary request: the extras lie before the key',
    [
      [2, 3],
      [9, 4],
      [6, 2],
      [13, 2],
    ],
    ['bcd', 'ijkl', 'fg', 'mn'],
  ],
  [
    'of which some are empty, and lie nowhere',
    [
      [2, 3],
      [0, 0],
      [6, 2],
      [0, 0],
    ],
    ['bcd', '', 'fg', ''],
  ],
] as const)('arguments %s', (_, args, expected) => {
  const input = Uint8Array.from(Buffer.from('__bcd_fg_ijklmn_'));
  const original = request(input, args);
  const postponed = new PostponedCommand(7, original);
  input.fill(0);
  original.args.fill(0);
  const other = request(new Uint8Array(0), [[0, 0]]);
  postponed.restore(other);
  expect([postponed.id, other.first, other.argc, other.flags]).toEqual([7, 0, args.length, 5]);
  expect(argumentsOf(other)).toEqual(expected);
  // Hash and slot of a key stay with it.
  expect([other.args[6], other.args[7]]).toEqual([101, 201]);
});
