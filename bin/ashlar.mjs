#!/usr/bin/env node
/**
 * The `ashlar` command. Plain JavaScript that any Node can parse, so that an old Node gets a sentence and not a syntax error;
 * everything else is in src/cli.
 */

import { existsSync } from 'node:fs';

const REQUIRED = [20, 20, 2];
const MAIN = new URL('../dist/cli/main.js', import.meta.url);

const running = process.versions.node.split('.').map(Number);
const difference = REQUIRED.map((part, index) => running[index] - part).find((part) => part !== 0) || 0;

if (difference < 0) {
  fail(`Node.js ${REQUIRED.join('.')} or newer is needed, this is ${process.version}`);
} else if (existsSync(MAIN)) {
  import(MAIN.href).then((cli) => cli.main(process.argv.slice(2)));
} else {
  fail('this checkout has not been built; run `npm run build` or `npm start`');
}

function fail(message) {
  process.stderr.write(`ashlar: ${message}\n`);
  process.exitCode = 1;
}
