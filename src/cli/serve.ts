/**
 * `ashlar serve`: configuration, log, server, and what ends it.
 *
 * The first SIGTERM or SIGINT, or a client's SHUTDOWN, stops the server in good order; a second signal ends the process at
 * once. SIGHUP opens the log file anew.
 */

import { isIP } from 'node:net';
import type { Config } from '../server/config/config.js';
import { type ConfigSources, loadConfig, unknownVariables } from '../server/config/sources.js';
import { createLogger, type Logger } from '../server/logger.js';
import { type RunningServer, startServer } from '../server/server.js';
import { allowLargeFunctions } from './compiler.js';

/**
 * Ctrl-C under `npm start` delivers SIGINT twice within milliseconds: once from the terminal, to the whole process group, and once from
 * npm, which hands on what it got. Signals this close together are one wish.
 */
const SAME_WISH_MS = 500;

const SIGNAL_NUMBERS = { SIGINT: 2, SIGTERM: 15 } as const;

/**
 * Starts a server and returns when it is ready; the process ends when a signal or a client says so.
 * @throws {AshlarError} if the configuration is not good or the server cannot start
 */
export async function serve(sources: ConfigSources): Promise<void> {
  const config = await loadConfig(sources);
  const logger = createLogger(config);
  warnOfOversights(config, sources, logger);
  allowLargeFunctions();
  const ending = new Ending(logger);
  const server = await startServer(config, logger, { onShutdown: (error) => ending.asked(error) });
  process.on('SIGHUP', logger.reopen);
  // Before whoever waits for the line below is told that it may send signals.
  ending.ready(server);
  // A disk that is full, or a reader that has gone, is no reason not to serve.
  process.stdout.on('error', () => {});
  process.stdout.write(`${server.banner}\n`);
}

/** The end of the process: in good order once, at once when somebody insists. */
class Ending {
  readonly #logger: Logger;
  #server: RunningServer | undefined;
  #begunAt: number | undefined;
  #exitCode = 0;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** The server is up; from here on signals stop it. Before, they end the process as Node does it by itself. */
  ready(server: RunningServer): void {
    this.#server = server;
    process.on('SIGINT', (signal) => this.#onSignal(signal as 'SIGINT'));
    process.on('SIGTERM', (signal) => this.#onSignal(signal as 'SIGTERM'));
  }

  /** A client sent SHUTDOWN, or (with an error) the server cannot go on. */
  asked(error?: Error): void {
    if (error !== undefined) {
      this.#logger.error('the server cannot go on', { error: error.stack });
      this.#exitCode = 1;
    }
    if (this.#server === undefined) process.exit(this.#exitCode);
    void this.#begin('shutdown requested');
  }

  #onSignal(signal: 'SIGINT' | 'SIGTERM'): void {
    if (this.#begunAt === undefined) void this.#begin(`${signal} received`);
    else if (performance.now() - this.#begunAt > SAME_WISH_MS) process.exit(128 + SIGNAL_NUMBERS[signal]);
  }

  async #begin(reason: string): Promise<void> {
    if (this.#begunAt !== undefined) return;
    this.#begunAt = performance.now();
    this.#logger.info(`${reason}, stopping`);
    try {
      await this.#server?.stop();
    } catch (error) {
      this.#logger.error('could not stop in good order', { error: (error as Error).stack });
      this.#exitCode = 1;
    }
    process.exit(this.#exitCode);
  }
}

/** What is allowed and probably not meant. */
function warnOfOversights(config: Config, { environment = {} }: ConfigSources, logger: Logger): void {
  for (const name of unknownVariables(environment))
    logger.warn(`environment variable ${name} is not known and is ignored`);
  const open = config.bind.some((host) => !isLoopback(host.replace(/^-/, '')));
  if (open && config.requirepass === '') {
    logger.warn(
      'listening beyond this machine without a password: set requirepass, or see to it that only friends can connect',
    );
  }
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}
