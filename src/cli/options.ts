/** Options of `ashlar serve`, one for each configuration parameter, and the words that were given with them. */

import { type Command, Option } from 'commander';
import { describeInitial } from '../server/config/reference.js';
import { GROUPS, PARAMETER_NAMES, type ParameterName, parameterOf } from '../server/config/schema.js';

/** Adds an option per parameter, `--maxmemory <value>`, under the headings of the reference. */
export function addParameterOptions(command: Command): void {
  for (const name of PARAMETER_NAMES) {
    const { type, group, help } = parameterOf(name);
    const flags = type.list ? `--${name} <words...>` : `--${name} <value>`;
    command.addOption(
      new Option(flags, `${firstSentence(help)} [${describeInitial(name)}]`).helpGroup(`${GROUPS[group]}:`),
    );
  }
}

/** `--bind 127.0.0.1 -::1` as `--bind '127.0.0.1 -::1'`: an address that may be missing would be taken for an option. */
export function withOptionalAddresses(args: readonly string[]): string[] {
  const joined: string[] = [];
  let binds = false;
  for (const arg of args) {
    if (binds && /^-[\d:*]/.test(arg)) joined.push(`${joined.pop()} ${arg}`);
    else joined.push(arg);
    if (arg.startsWith('--')) binds = false;
    else if (joined.at(-2) === '--bind') binds = true;
  }
  return joined;
}

/** The words given for each parameter, from commander's options. */
export function parameterWords(command: Command): Partial<Record<ParameterName, readonly string[]>> {
  const given: Partial<Record<ParameterName, readonly string[]>> = {};
  for (const option of command.options) {
    const name = PARAMETER_NAMES.find((parameter) => option.long === `--${parameter}`);
    const value = command.getOptionValue(option.attributeName());
    if (name === undefined || value === undefined) continue;
    given[name] = Array.isArray(value) ? value : [String(value)];
  }
  return given;
}

function firstSentence(text: string): string {
  return /^[^.;]*/.exec(text)?.[0] ?? text;
}
