/**
 * The command line. `ashlar serve` runs the server, `ashlar bench` the load generator. Whatever a user can get wrong is
 * answered with one line on standard error and exit code 1; a stack is shown only for mistakes of this program.
 */

import { Command, CommanderError } from 'commander';
import { AshlarError } from '../base/errors.js';
import { VERSION } from '../server/version.js';
import { bench } from './bench.js';
import { addParameterOptions, parameterWords, withOptionalAddresses } from './options.js';

/** Runs a command line. @param args what follows `ashlar` */
export async function main(args: readonly string[]): Promise<void> {
  try {
    await program().parseAsync(withOptionalAddresses(args), { from: 'user' });
  } catch (error) {
    process.exitCode = report(error);
  }
}

function program(): Command {
  const ashlar = new Command('ashlar')
    .description('An in-memory cache that speaks Redis and Memcached.')
    .version(VERSION)
    .helpCommand(false)
    .exitOverride()
    // Errors are thrown (exitOverride) and reported in one place.
    .configureOutput({ outputError: () => {} });
  ashlar
    .command('serve')
    .description('run a server')
    .argument('[config-file]', 'configuration file, with lines as in redis.conf')
    .action(runServe);
  ashlar
    .command('bench')
    .description('measure a server (in a source checkout)')
    .argument('[args...]', 'arguments of bench/server/run.mjs')
    .allowUnknownOption()
    .helpOption(false)
    .action((words: string[]) => bench(words));
  addParameterOptions(ashlar.commands[0]);
  return ashlar;
}

/** The server's modules are loaded only when they are needed: `--help` and `--version` answer at once. */
async function runServe(file: string | undefined, _options: unknown, command: Command): Promise<void> {
  const { serve } = await import('./serve.js');
  await serve({ file, environment: process.env, options: parameterWords(command) });
}

/** Writes what went wrong. @returns the exit code */
function report(error: unknown): number {
  if (error instanceof CommanderError) {
    // Help and version are thrown too, with exit code 0, when they have been written.
    if (error.exitCode === 0 || error.code === 'commander.help') return error.exitCode;
    return complain(error.message);
  }
  if (error instanceof AshlarError) return complain(error.message);
  // A refusal of the operating system: Node's message says which call and which address or file.
  if (error instanceof Error && 'syscall' in error) return complain(error.message);
  throw error;
}

function complain(message: string): number {
  const line = message.replace(/^error: /, '').replace(/\s*\n\s*/g, ' ');
  process.stderr.write(`ashlar: ${line}\n`);
  return 1;
}
