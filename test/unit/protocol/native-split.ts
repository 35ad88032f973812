/** The native core's splitter, where it is built: what it makes of a stream, in the form of `splitAll`. */

import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { NativeAddon } from '../../../src/native/contract.js';
import { FLAG_BIG, SPEAKS_RESP } from '../../../src/protocol/descriptors.js';
import { chunksOf, HASH_KEY, LIMITS, RESP_TABLE, type SplitCommand, type StreamOptions } from './split-stream.js';

/** Undefined where it is not built, which is said once. */
export const addon = loadAddon();

function loadAddon(): NativeAddon | undefined {
  try {
    const path = fileURLToPath(new URL('../../../build/Release/ashlar.node', import.meta.url));
    return createRequire(import.meta.url)(path) as NativeAddon;
  } catch (cause) {
    console.log(`skipped: the comparison with the native splitter (${(cause as Error).message.split('\n')[0]})`);
    return undefined;
  }
}

/** @param arenaBytes chunks are received into an arena of this size: what is larger goes other ways */
export function nativeSplit(
  stream: Uint8Array,
  cuts: readonly number[],
  { table, speaks, limits = LIMITS, arenaBytes = 1 << 20 }: StreamOptions & { arenaBytes?: number },
): SplitCommand[] {
  const splitter = new (addon as NativeAddon).Splitter({
    table: table ?? RESP_TABLE,
    speaks: speaks ?? SPEAKS_RESP,
    hashKey: HASH_KEY,
    argumentsMax: limits.argumentsMax,
    bulkBytesMax: limits.bulkBytesMax,
    arenaBytes,
  });
  return chunksOf(stream, cuts)
    .flatMap((chunk) => splitter.feed(chunk))
    .map(({ command, argc, flags, detail, args }) => ({
      command,
      argc,
      flags: flags & ~FLAG_BIG,
      detail,
      // The native core gives words as unsigned or signed numbers.
      args: args.map(({ bytes, hash, slot }) => ({ bytes: new Uint8Array(bytes), hash: hash | 0, slot })),
    }));
}
