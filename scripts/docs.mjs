/**
 * `node scripts/docs.mjs [--check]`: writes the documents that are generated from code. With --check nothing is written, and
 * the exit code is 1 if a document is not what the code says. Needs a build (`npm run build`).
 */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { inRoot } from './steps/paths.mjs';
import { main, StepError, say } from './steps/run.mjs';

const { configurationReference } = await import('../dist/server/config/reference.js');

/** Path and content of each generated document. */
const documents = [['docs/configuration.md', configurationReference()]];

main(() => {
  const check = process.argv.includes('--check');
  for (const [path, content] of documents) {
    if (readIfPresent(path) === content) continue;
    if (check) throw new StepError(`${path} is out of date: run \`node scripts/docs.mjs\``);
    mkdirSync(dirname(inRoot(path)), { recursive: true });
    writeFileSync(inRoot(path), content);
    say(`wrote ${path}`);
  }
});

function readIfPresent(path) {
  try {
    return readFileSync(inRoot(path), 'utf8');
  } catch {
    return undefined;
  }
}
