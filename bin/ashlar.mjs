#!/usr/bin/env node
/**
 * The `ashlar` command. Plain JavaScript that any Node can parse, so that an old Node gets a sentence and not a syntax error;
 * everything else is in src/cli.
 */

const REQUIRED = [20, 20, 2];

const running = process.versions.node.split('.').map(Number);
const difference = REQUIRED.map((part, index) => running[index] - part).find((part) => part !== 0) || 0;

if (difference < 0) {
  process.stderr.write(`ashlar: Node.js ${REQUIRED.join('.')} or newer is needed, this is ${process.version}\n`);
  process.exitCode = 1;
} else {
  import('../dist/cli/main.js').then(
    (cli) => cli.main(process.argv.slice(2)),
    (error) => {
      if (error.code !== 'ERR_MODULE_NOT_FOUND' || !String(error.message).includes('dist')) throw error;
      process.stderr.write('ashlar: this checkout has not been built; run `npm run build` or `npm start`\n');
      process.exitCode = 1;
    },
  );
}
