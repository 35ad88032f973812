/**
 * `npm run docs [-- --check]`: writes the documents that are generated from code, from an up-to-date build. With --check
 * nothing is written, and the exit code is 1 if a document is not what the code says.
 */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { inRoot } from './steps/paths.mjs';
import { prepare } from './steps/prepare.mjs';
import { main, StepError, say } from './steps/run.mjs';

main(async () => {
  const check = process.argv.includes('--check');
  prepare();
  const outdated = (await documents()).filter(([path, content]) => readIfPresent(path) !== content);
  for (const [path, content] of outdated) {
    if (check) throw new StepError(`${path} is out of date: run \`npm run docs\``);
    mkdirSync(dirname(inRoot(path)), { recursive: true });
    writeFileSync(inRoot(path), content);
    say(`wrote ${path}`);
  }
});

/** @returns {Promise<[path: string, content: string][]>} each generated document */
async function documents() {
  const { configurationReference } = await import('../dist/server/config/reference.js');
  return [['docs/configuration.md', configurationReference()]];
}

function readIfPresent(path) {
  try {
    return readFileSync(inRoot(path), 'utf8');
  } catch {
    return undefined;
  }
}
