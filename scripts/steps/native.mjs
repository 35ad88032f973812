/**
 * Step: build/Release/ashlar.node is the compiled native/.
 *
 * The native core is optional: without it (no compiler, ASHLAR_NATIVE=off) the server takes its TypeScript twin. So a failed
 * build is a notice, and it is remembered: the same sources are not tried again on every start, only when they change, with
 * another Node, or when `npm run build` asks for it.
 */

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { inRoot, root, stateDirectory } from './paths.mjs';
import { StepError, say } from './run.mjs';
import { hashOf, readStamp, writeStamp } from './stamp.mjs';

const ADDON = 'build/Release/ashlar.node';
const LOG = '.build/native.log';
/** Most that a build can say. */
const OUTPUT_BYTES_MAX = 1 << 28;

/** @returns {boolean} whether the user wants to do without the native core */
export const nativeIsOff = () => process.env.ASHLAR_NATIVE === 'off';

/**
 * Whether `buildNative` has something to do.
 * @param {{ retry: boolean }} options retry: also try again what failed before
 */
export function nativeIsStale({ retry }) {
  if (nativeIsOff() || !existsSync(inRoot('binding.gyp'))) return false;
  const stamp = readStamp('native');
  if (stamp.hash !== sourceHash()) return true;
  return stamp.built ? !existsSync(inRoot(ADDON)) : retry || process.env.ASHLAR_NATIVE === 'required';
}

/** Says in one line that an earlier build failed, if it did and nothing has changed since. */
export function recallFailure() {
  if (nativeIsOff() || readStamp('native').built !== false) return;
  say(`going on without the native core: it could not be built (see ${LOG}; \`npm run build\` tries again)`);
}

/**
 * Compiles the addon with node-gyp.
 * @param {{ optional: boolean }} options optional: a failure is a notice, unless ASHLAR_NATIVE=required
 * @throws {StepError} if it fails and isn't optional
 */
export function buildNative({ optional }) {
  const hash = sourceHash();
  say('building the native core');
  const problem = rebuild();
  writeStamp('native', { hash, built: problem === undefined });
  if (problem === undefined) return;
  const message = `the native core could not be built: ${problem} (see ${LOG})`;
  if (!optional || process.env.ASHLAR_NATIVE === 'required') throw new StepError(message);
  say(`${message}; going on without it`);
}

/** @returns {string | undefined} what went wrong */
function rebuild() {
  const nodeGyp = findNodeGyp();
  if (!nodeGyp) return 'node-gyp is not installed';
  const env = { ...process.env };
  const headers = headerDirectory();
  if (headers) env.npm_config_nodedir = headers;
  const options = { cwd: root, env, encoding: 'utf8', maxBuffer: OUTPUT_BYTES_MAX };
  const result = spawnSync(process.execPath, [nodeGyp, 'rebuild', '--jobs', 'max'], options);
  const output = `${result.stdout ?? ''}${result.stderr ?? ''}`;
  mkdirSync(stateDirectory, { recursive: true });
  writeFileSync(inRoot(LOG), output);
  if (result.error) return result.error.message;
  if (result.status === 0 && existsSync(inRoot(ADDON))) return undefined;
  return firstError(output) ?? `node-gyp ended with ${result.signal ?? result.status}`;
}

/** The line of a long log that says why: the compiler's first error, or node-gyp's. */
function firstError(output) {
  if (output.includes('network connectivity'))
    return "Node's headers are not on this machine, and could not be downloaded";
  const lines = output.split('\n');
  const line =
    lines.find((text) => /\berror:/.test(text)) ?? lines.find((text) => /gyp ERR! stack (Error: )?\S/.test(text));
  return line?.replace(/^gyp ERR! stack (Error: )?/, '').trim();
}

/** Ours in a checkout; in an installed package, where it is no dependency, the one that comes with npm. */
function findNodeGyp() {
  const prefix = dirname(dirname(realpathSync(process.execPath)));
  const candidates = [
    inRoot('node_modules/node-gyp/bin/node-gyp.js'),
    process.env.npm_config_node_gyp,
    join(prefix, 'lib/node_modules/npm/node_modules/node-gyp/bin/node-gyp.js'),
    join(prefix, 'node_modules/npm/node_modules/node-gyp/bin/node-gyp.js'),
  ];
  return candidates.find((path) => path && existsSync(path));
}

/**
 * Where Node's headers are, if that is known: where the user's npm configuration says (npm hands it on, up to npm 11), or beside Node
 * itself, as in Node's tarballs and most packages of distributions. Otherwise node-gyp downloads them.
 */
function headerDirectory() {
  const prefix = dirname(dirname(realpathSync(process.execPath)));
  return process.env.npm_config_nodedir || (headersVersion(prefix) === process.version ? prefix : undefined);
}

/** @returns {string | undefined} the version that the headers under a prefix are of, like `v20.20.2` */
function headersVersion(prefix) {
  const header = join(prefix, 'include/node/node_version.h');
  if (!existsSync(header)) return undefined;
  const text = readFileSync(header, 'utf8');
  const part = (name) => new RegExp(`#define NODE_${name}_VERSION (\\d+)`).exec(text)?.[1];
  return `v${part('MAJOR')}.${part('MINOR')}.${part('PATCH')}`;
}

function sourceHash() {
  const { modules } = process.versions;
  return hashOf(['binding.gyp', 'native'], {
    facts: [`abi ${modules}`, process.platform, process.arch, process.env.CXX ?? '', process.env.CXXFLAGS ?? ''],
    skip: (path) => /^native\/(tests|fuzz)$/.test(path),
  });
}
