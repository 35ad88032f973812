/**
 * The configuration while the server runs: typed values as plain properties (`config.maxmemory`), and the operations behind
 * CONFIG GET and CONFIG SET.
 *
 * The main thread owns the one `Config` that can be set. Workers get `toObject()` through `workerData` and may wrap it
 * (`Config.fromObject`) to read, print and validate; the main thread posts them what has changed, and they `adopt` it.
 *
 * A change is all or nothing: every pair is validated before the first is applied, and if a listener refuses a value by throwing
 * an AshlarError (an operating system limit, memory that cannot be reserved), all values are put back and the listeners that had
 * already been told are told the old value.
 */

import { AshlarError } from '../../base/errors.js';
import type { ConfigPair } from '../../commands/server-port.js';
import { type Machine, thisMachine } from './machine.js';
import {
  type ConfigKey,
  type ConfigValues,
  findParameter,
  initialValue,
  keyOf,
  PARAMETER_NAMES,
  type ParameterName,
  parameterOf,
} from './schema.js';
import { ValueError } from './values.js';

/** New values, by camel-case name. */
export type ConfigChanges = Partial<ConfigValues>;

type Listener = (value: never, previous: never) => void;

/** The constructor sets a property for every entry of the table. */
export interface Config extends Readonly<ConfigValues> {}

// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: the properties of the interface come from the table.
export class Config {
  readonly #machine: Machine;
  readonly #listeners = new Map<ConfigKey, Listener[]>();
  readonly #anyListeners: ((changes: ConfigChanges) => void)[] = [];
  /** Path of the configuration file that the server was started with; undefined without one. */
  readonly file: string | undefined;

  /** All parameters at their defaults. */
  constructor({ machine = thisMachine(), file }: { machine?: Machine; file?: string } = {}) {
    this.#machine = machine;
    this.file = file;
    // Defined and not assigned: V8 turns an object with this many computed assignments into a hash table, and every read would be slow.
    for (const name of PARAMETER_NAMES) {
      const value = initialValue(name, machine);
      Object.defineProperty(this, keyOf(name), { value, writable: true, enumerable: true, configurable: true });
    }
  }

  /** A copy in another thread, from what `toObject` gave there. */
  static fromObject(values: ConfigValues, options: { machine?: Machine; file?: string } = {}): Config {
    const config = new Config(options);
    for (const name of PARAMETER_NAMES) config.#put(keyOf(name), values[keyOf(name)]);
    return config;
  }

  /** All values as plain data, for `workerData` and `postMessage`. */
  toObject(): ConfigValues {
    const entries = PARAMETER_NAMES.map((name) => [keyOf(name), this[keyOf(name)]]);
    return Object.fromEntries(entries) as ConfigValues;
  }

  /** Names of all parameters, as Redis writes them. */
  names(): readonly ParameterName[] {
    return PARAMETER_NAMES;
  }

  /** The value as CONFIG GET prints it; undefined if there is no such parameter. Case does not matter. */
  format(name: string): string | undefined {
    const found = findParameter(name);
    return found === undefined ? undefined : parameterOf(found).type.print(this[keyOf(found)]);
  }

  /** A parameter's default on this machine. */
  initial(name: ParameterName): unknown {
    return initialValue(name, this.#machine);
  }

  /** Whether a parameter has its default. */
  isInitial(name: ParameterName): boolean {
    return parameterOf(name).type.equal(this[keyOf(name)], this.initial(name));
  }

  /**
   * Reads a value as it stands in a file or on the command line, over what the parameter is now, without changing anything.
   * @throws {ValueError} with Redis's text
   */
  parse(name: ParameterName, words: readonly string[], current: unknown = this[keyOf(name)]): unknown {
    const { type, automatic } = parameterOf(name);
    if (words.length === 0 || (words.length > 1 && !type.list)) throw new ValueError('wrong number of arguments');
    const value = type.parse(words, current);
    return automatic !== undefined && value === 0 ? this.initial(name) : value;
  }

  /**
   * Sets one parameter, also one that is fixed later on. For the time before the server starts: no listener is told.
   * @throws {ValueError} with Redis's text
   */
  configure(name: ParameterName, words: readonly string[]): void {
    this.#put(keyOf(name), this.parse(name, words));
  }

  /**
   * Validates the pairs of a CONFIG SET and changes nothing.
   * @returns the parameters whose value would change
   * @throws {AshlarError} ERR_BAD_OPTION; the message is Redis's whole error text, `ERR` included
   */
  check(pairs: readonly ConfigPair[]): ConfigChanges {
    const names = this.#settableNames(pairs);
    const changes: Record<string, unknown> = {};
    names.forEach((name, index) => {
      const value = this.#parseSetting(name, pairs[index][1]);
      if (!parameterOf(name).type.equal(value, this[keyOf(name)])) changes[keyOf(name)] = value;
    });
    return changes as ConfigChanges;
  }

  /**
   * CONFIG SET: all pairs or none.
   * @returns what has changed, for the copies in other threads
   * @throws {AshlarError} ERR_BAD_OPTION; the message is Redis's whole error text, `ERR` included
   */
  set(pairs: readonly ConfigPair[]): ConfigChanges {
    const changes = this.check(pairs);
    this.adopt(changes);
    return changes;
  }

  /**
   * Takes over values that are known to be valid, and tells the listeners.
   * @throws {AshlarError} ERR_BAD_OPTION if a listener refuses one; then nothing has changed
   */
  adopt(changes: ConfigChanges): void {
    const keys = Object.keys(changes) as ConfigKey[];
    if (keys.length === 0) return;
    const previous = keys.map((key) => this[key]);
    for (const key of keys) this.#put(key, changes[key]);
    keys.forEach((key, index) => {
      try {
        this.#tell(key, changes[key], previous[index]);
      } catch (error) {
        this.#rollBack(keys, previous, index);
        if (!(error instanceof AshlarError)) throw error;
        throw refusal(nameOf(key), error.message);
      }
    });
    for (const listener of this.#anyListeners) listener(changes);
  }

  /**
   * Calls `listener` after each change of a parameter. A listener may refuse the value by throwing an AshlarError, as long as it
   * has done nothing yet; the client gets its message. It is called with the old value if another parameter of the same CONFIG SET is refused.
   */
  onChange<Key extends ConfigKey>(
    key: Key,
    listener: (value: ConfigValues[Key], previous: ConfigValues[Key]) => void,
  ): void {
    this.#listeners.set(key, [...(this.#listeners.get(key) ?? []), listener]);
  }

  /** Calls `listener` after changes that nobody has refused, with all values that are new: to post them to other threads. */
  onChanges(listener: (changes: ConfigChanges) => void): void {
    this.#anyListeners.push(listener);
  }

  #put(key: ConfigKey, value: unknown): void {
    (this as unknown as Record<string, unknown>)[key] = value;
  }

  #tell(key: ConfigKey, value: unknown, previous: unknown): void {
    for (const listener of this.#listeners.get(key) ?? []) listener(value as never, previous as never);
  }

  /** Puts all values back, and tells those listeners that heard of the new ones. */
  #rollBack(keys: readonly ConfigKey[], previous: readonly unknown[], told: number): void {
    const refused = keys.map((key) => this[key]);
    keys.forEach((key, index) => {
      this.#put(key, previous[index]);
    });
    for (let index = 0; index < told; index++) this.#tell(keys[index], previous[index], refused[index]);
  }

  /** Redis's order of checks: an unknown name hides whatever is wrong with the pairs after it. */
  #settableNames(pairs: readonly ConfigPair[]): ParameterName[] {
    const names: ParameterName[] = [];
    for (const [given] of pairs) {
      const name = findParameter(given);
      if (name === undefined) {
        const text = `ERR Unknown option or number of arguments for CONFIG SET - '${given}'`;
        throw new AshlarError('ERR_BAD_OPTION', text);
      }
      if (!parameterOf(name).mutable) throw refusal(given, "can't set immutable config");
      if (names.includes(name)) throw refusal(given, 'duplicate parameter');
      names.push(name);
    }
    return names;
  }

  #parseSetting(name: ParameterName, value: string | undefined): unknown {
    try {
      if (value === undefined) throw new ValueError('argument must be UTF-8');
      return this.parse(name, [value]);
    } catch (error) {
      if (!(error instanceof ValueError)) throw error;
      throw refusal(name, error.message);
    }
  }
}

function refusal(name: string, reason: string): AshlarError {
  const text = `ERR CONFIG SET failed (possibly related to argument '${name}') - ${reason}`;
  return new AshlarError('ERR_BAD_OPTION', text);
}

function nameOf(key: ConfigKey): ParameterName {
  return PARAMETER_NAMES.find((name) => keyOf(name) === key)!;
}
