/**
 * The reply encoder and the splitter by themselves: nanoseconds a reply, and a command split. Both run for every command, so a nanosecond
 * here is one of every operation. Values come from several buffers in turn and lie at changing offsets, as they do in shards. Time is the
 * process's CPU time.
 *
 *   node bench/micro/resp-reply.mjs      --smoke   little of each, to see that it works      --no-build   measure what is built
 */

import { parseArgs } from 'node:util';
import { measure } from 'mitata';
import { main } from '../../scripts/steps/run.mjs';
import { prepareOrSay } from '../common/prepare.mjs';
import { figure, table } from '../common/report.mjs';

const ARENA_BYTES = 1 << 16;
/** The arena is emptied from here on; no reply of this benchmark is longer than what is left. */
const FULL_BYTES = ARENA_BYTES - 8192;
const SOURCES = 4;
const BATCH = 100;
const VALUE_BYTES = [3, 16, 32, 64, 100, 200, 400, 1000, 4000];
const LIMITS = { argumentsMax: 1024 * 1024, bulkBytesMax: 2 ** 29, inlineBytesMax: 65_536 };
const TABLE = ['get', 'set'].map((name) => ({ name, firstKey: 1, lastKey: 1, keyStep: 1 }));
const KEY = 'key:000000000001';

await main(async () => {
  const { values: words } = parseArgs({ options: { smoke: { type: 'boolean' }, 'no-build': { type: 'boolean' } } });
  if (!words['no-build']) prepareOrSay();
  const { ByteArena } = await import('../../dist/base/bytes.js');
  const { ReplyWriter } = await import('../../dist/protocol/resp/reply.js');
  const { loadAddon } = await import('../../dist/native/addon.js');
  const { RespSplitter } = await import('../../dist/protocol/resp/splitter.js');
  const { FrameState } = await import('../../dist/protocol/splitter.js');
  // With the native core, long values are copied by it.
  loadAddon();
  const subjects = [...replies(ByteArena, ReplyWriter), ...frames(RespSplitter, FrameState)];
  const rows = [];
  let checksum = 0;
  for (const [name, step] of subjects) {
    checksum += step();
    const { avg } = await measure(step, {
      now: cpuNs,
      ...(words.smoke ? { min_cpu_time: 5e6, batch_samples: 256 } : {}),
    });
    rows.push([name, figure(avg / BATCH)]);
  }
  process.stdout.write(`${table(['', 'ns'], rows)}\n\nchecksum ${checksum}\n`);
});

/** @returns {[string, () => number][]} each step makes BATCH replies and returns the bytes written */
function replies(ByteArena, ReplyWriter) {
  const writer = new ReplyWriter(new ByteArena(new ArrayBuffer(ARENA_BYTES)), (full) => {
    full.position = 0;
  });
  const sources = Array.from({ length: SOURCES }, () => new ByteArena(new SharedArrayBuffer(ARENA_BYTES)).fill(97));
  const subject = (name, write) => [name, () => batch(writer, write)];
  return [
    ...VALUE_BYTES.map((bytes) =>
      subject(`bulk of ${bytes} bytes`, (i) => writer.bulk(sources[i % SOURCES], (i * 129) & 0x3fff, bytes)),
    ),
    subject('ok', () => writer.ok()),
    subject('null', () => writer.nullBulk()),
    subject('integer of one digit', (i) => writer.integer(i & 7)),
    subject('integer of 32 bits', (i) => writer.integer(i * 12_345_678)),
    subject('integer of 53 bits', (i) => writer.integer(Number.MAX_SAFE_INTEGER - i)),
    subject('array', () => writer.array(10)),
    subject('bulkString of 20 characters', () => writer.bulkString('twenty characters...')),
    subject('error', () => writer.error('ERR value is not an integer or out of range')),
  ];
}

function batch(writer, write) {
  if (writer.position > FULL_BYTES) writer.position = 0;
  let written = 0;
  for (let i = 0; i < BATCH; i++) {
    if (writer.position > FULL_BYTES) writer.position = 0;
    const before = writer.position;
    write(i);
    written += writer.position - before;
  }
  return written;
}

/** @returns {[string, () => number][]} each step splits BATCH commands and returns the arguments found */
function frames(RespSplitter, FrameState) {
  const streams = {
    get: `*2\r\n$3\r\nGET\r\n$${KEY.length}\r\n${KEY}\r\n`,
    'set of 100 bytes': `*3\r\n$3\r\nSET\r\n$${KEY.length}\r\n${KEY}\r\n$100\r\n${'v'.repeat(100)}\r\n`,
    'inline get': `get ${KEY}\r\n`,
  };
  const splitter = new RespSplitter(TABLE, 1, 2, SOURCES);
  const state = new FrameState();
  const commands = new Int32Array(8 * BATCH);
  const args = new Int32Array(4 * 4 * BATCH);
  return Object.entries(streams).map(([name, text]) => {
    const input = Uint8Array.from(Buffer.from(text.repeat(BATCH)));
    const step = () => {
      splitter.split(0, state, input, 0, input.length, commands, 0, args, 0, LIMITS);
      return splitter.argCount;
    };
    return [`split ${name}`, step];
  });
}

function cpuNs() {
  const { user, system } = process.cpuUsage();
  return (user + system) * 1000;
}
