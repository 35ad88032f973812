/**
 * Where the configuration comes from when the server starts. Later sources override earlier ones:
 * defaults of the machine, configuration file, `ASHLAR_*` environment variables, command line.
 */

import { resolve } from 'node:path';
import { AshlarError } from '../../base/errors.js';
import { Config } from './config.js';
import { applySettings, readConfigFile } from './file.js';
import type { Machine } from './machine.js';
import { PARAMETER_NAMES, type ParameterName, parameterOf, variableOf } from './schema.js';
import { ValueError } from './values.js';
import { splitWords } from './words.js';

export interface ConfigSources {
  /** Path of a configuration file. */
  readonly file?: string;
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Values from the command line: the words that followed the option. */
  readonly options?: Readonly<Partial<Record<ParameterName, readonly string[]>>>;
  readonly machine?: Machine;
}

/**
 * Puts a configuration together.
 * @throws {AshlarError} ERR_FILE or ERR_BAD_OPTION, with the place where the bad value stands
 */
export async function loadConfig({ file, environment = {}, options = {}, machine }: ConfigSources): Promise<Config> {
  // Absolute, so that CONFIG REWRITE finds it whatever the working directory is by then.
  const path = file === undefined ? undefined : resolve(file);
  const config = new Config({ machine, file: path });
  if (path !== undefined) applySettings(config, await readConfigFile(path), path);
  for (const name of PARAMETER_NAMES) {
    const variable = environmentWords(name, environment);
    if (variable !== undefined) configureFrom(config, name, variable, variableOf(name));
    const option = options[name];
    if (option !== undefined) configureFrom(config, name, option, `--${name}`);
  }
  return config;
}

/**
 * Words of a parameter's environment variable; undefined if it is not set. One that is empty is not: templates write `ASHLAR_PORT=` where they have no
 * value. Orchestrators that know a service named "ashlar" set ASHLAR_PORT=tcp://10.0.0.1:6379 in every container beside it: that is not meant for us.
 */
function environmentWords(
  name: ParameterName,
  environment: ConfigSources['environment'],
): readonly string[] | undefined {
  const value = environment?.[variableOf(name)];
  if (value === undefined || value === '' || (name === 'port' && value.startsWith('tcp://'))) return undefined;
  if (!parameterOf(name).type.list) return [value];
  const words = splitWords(value);
  if (words === undefined) throw new AshlarError('ERR_BAD_OPTION', `${variableOf(name)}: unbalanced quotes`);
  return words.length === 0 ? [''] : words;
}

/** Variables that look like ours and are none, spelling mistakes perhaps. Those that are empty, and what orchestrators set for a service named "ashlar", are left out. */
export function unknownVariables(environment: Readonly<Record<string, string | undefined>>): string[] {
  const known = new Set(PARAMETER_NAMES.map(variableOf));
  return Object.keys(environment).filter(
    (name) =>
      name.startsWith('ASHLAR_') &&
      environment[name] !== '' &&
      !known.has(name) &&
      !/^ASHLAR_(?:PORT|SERVICE)_/.test(name),
  );
}

function configureFrom(config: Config, name: ParameterName, words: readonly string[], source: string): void {
  try {
    config.configure(name, words);
  } catch (error) {
    if (!(error instanceof ValueError)) throw error;
    throw new AshlarError('ERR_BAD_OPTION', `${source}: ${error.message}`);
  }
}
