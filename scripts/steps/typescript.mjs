/** Step: dist/ is the compiled src/. Files whose source is gone are removed, so that nothing imports a ghost. */

import { existsSync, readFileSync, rmSync } from 'node:fs';
import { inRoot } from './paths.mjs';
import { run, say } from './run.mjs';
import { filesUnder, hashOf, readStamp, writeStamp } from './stamp.mjs';

const ENTRY = 'dist/cli/main.js';

/** @returns {boolean} whether `buildTypeScript` has something to do; the installed package has no sources and never has */
export function typeScriptIsStale() {
  if (!existsSync(inRoot('src'))) return false;
  return !existsSync(inRoot(ENTRY)) || readStamp('typescript').hash !== sourceHash();
}

/** Compiles src/ to dist/. @throws {StepError} if there are type errors */
export function buildTypeScript() {
  const hash = sourceHash();
  say('compiling TypeScript');
  run('tsc', process.execPath, [inRoot('node_modules/typescript/bin/tsc'), '-p', inRoot('tsconfig.json')], {
    stdio: ['ignore', 2, 2],
  });
  removeOrphans();
  writeStamp('typescript', { hash });
}

function sourceHash() {
  const { devDependencies } = JSON.parse(readFileSync(inRoot('package.json'), 'utf8'));
  return hashOf(['src', 'tsconfig.json'], { facts: [`typescript ${devDependencies.typescript}`] });
}

function removeOrphans() {
  for (const path of filesUnder('dist')) {
    const source = path.replace(/^dist\//, 'src/').replace(/(\.d\.ts|\.js\.map|\.js)$/, '.ts');
    if (source.endsWith('.ts') && !existsSync(inRoot(source))) rmSync(inRoot(path));
  }
}
