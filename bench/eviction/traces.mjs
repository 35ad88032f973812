/**
 * Traces: what was asked for, in order. Read from gzip'd CSV, one request a line, `key,size_bytes,op,ttl_seconds`; the size is the value's, the
 * operation `get` or `set`. A time to live is not replayed: a trace is replayed in seconds, whatever time it took.
 */

import { closeSync, openSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import { basename, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { StepError } from '../../scripts/steps/run.mjs';

const SUFFIX = '.csv.gz';
const SET_BIT = 0x80000000;
/** What every server takes as a key. */
const KEY_BYTES_MAX = 250;

/** Requests are gathered one by one; keys get numbers. */
export class TraceBuilder {
  #numbers = new Map();
  #requests = [];

  /** @param {string} key ASCII @param {number} size of its value @param {boolean} [isSet] else it is a GET */
  add(key, size, isSet = false) {
    let number = this.#numbers.get(key);
    if (number === undefined) {
      number = this.#numbers.size;
      this.#numbers.set(key, number);
    }
    this.#requests.push(isSet ? number + SET_BIT : number, size);
  }

  /**
   * @typedef {{ name: string, keys: string[], requests: Uint32Array, footprint: number, largest: number, unlimited: number }} Trace
   *   requests: a key's number (highest bit: a SET) and a size, by turns; footprint: bytes of every key and its last value; largest: bytes of
   *   the largest value; unlimited: hit ratio of a cache without a limit
   * @param {string} name @returns {Trace}
   */
  finish(name) {
    const keys = [...this.#numbers.keys()];
    const requests = Uint32Array.from(this.#requests);
    const last = new Float64Array(keys.length);
    const seen = new Uint8Array(keys.length);
    let [largest, gets, hits] = [0, 0, 0];
    for (let i = 0; i < requests.length; i += 2) {
      const key = requests[i] % SET_BIT;
      if (requests[i] < SET_BIT) {
        gets++;
        hits += seen[key];
      }
      seen[key] = 1;
      last[key] = requests[i + 1];
      largest = Math.max(largest, requests[i + 1]);
    }
    const footprint = keys.reduce((sum, key, number) => sum + key.length + last[number], 0);
    return { name, keys, requests, footprint, largest, unlimited: gets > 0 ? hits / gets : 0 };
  }
}

/** The traces of a folder, smallest name first. @param {string[] | undefined} names only these @returns {string[]} paths @throws {StepError} */
export function tracesIn(folder, names) {
  let found;
  try {
    found = readdirSync(folder).filter((name) => name.endsWith(SUFFIX));
  } catch (error) {
    throw new StepError(`--traces: ${error.message}`);
  }
  const missing = names?.find((name) => !found.includes(name + SUFFIX));
  if (missing !== undefined) throw new StepError(`no trace ${missing}${SUFFIX} in ${folder}`);
  if (found.length === 0) throw new StepError(`no traces (*${SUFFIX}) in ${folder}`);
  return (names?.map((name) => name + SUFFIX) ?? found.sort()).map((name) => join(folder, name));
}

/** @param {string} path @param {number} most requests: the first of them @returns {Trace} @throws {StepError} for a line that is none */
export function readTrace(path, most) {
  const text = gunzipSync(readFileSync(path)).toString('latin1');
  const builder = new TraceBuilder();
  let count = 0;
  for (let at = 0, end = 0; at < text.length && count < most; at = end + 1, count++) {
    end = text.indexOf('\n', at);
    if (end < 0) end = text.length;
    const [key, size, op] = text.slice(at, end).trimEnd().split(',');
    const isValid = /^[!-~]+$/.test(key) && key.length <= KEY_BYTES_MAX && /^\d+$/.test(size) && /^[gs]et$/.test(op);
    if (!isValid)
      throw new StepError(`${path}: line ${count + 1} is no request: ${text.slice(at, Math.min(end, at + 80))}`);
    builder.add(key, Number(size), op === 'set');
  }
  return builder.finish(basename(path, SUFFIX));
}

/** Writes a trace for the replayer (replay/trace.h has the layout). @param {Trace} trace */
export function writeForReplay(trace, path) {
  const file = openSync(path, 'w');
  const names = trace.keys.map((key) => {
    const bytes = Buffer.allocUnsafe(2 + key.length);
    bytes.writeUInt16LE(key.length);
    bytes.write(key, 2, 'latin1');
    return bytes;
  });
  writeAll(file, Uint32Array.of(trace.keys.length, trace.requests.length / 2));
  writeAll(file, Buffer.concat(names));
  writeAll(file, trace.requests);
  closeSync(file);
}

function writeAll(file, array) {
  for (let at = 0; at < array.byteLength; ) {
    at += writeSync(file, new Uint8Array(array.buffer, array.byteOffset + at, array.byteLength - at));
  }
}
