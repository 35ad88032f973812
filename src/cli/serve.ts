/**
 * `ashlar serve`: configuration, log, server, and what signals do to them.
 *
 * The first SIGTERM or SIGINT stops the server in good order; a second one ends the process at once. SIGHUP opens the log file anew.
 */

import { type ConfigSources, loadConfig } from '../server/config/sources.js';
import { createLogger, type MainLogger } from '../server/logger.js';
import { type RunningServer, startServer } from '../server/server.js';

/**
 * Ctrl-C under `npm start` delivers SIGINT twice within milliseconds: once from the terminal, to the whole process group, and once from
 * npm, which hands on what it got. Signals this close together are one wish.
 */
const SAME_SIGNAL_MS = 500;

const SIGNAL_NUMBERS = { SIGINT: 2, SIGTERM: 15 } as const;

/**
 * Starts a server and returns when it is ready; the process ends when a signal says so.
 * @throws {AshlarError} if the configuration is not good or the server cannot start
 */
export async function serve(sources: ConfigSources): Promise<void> {
  const config = await loadConfig(sources);
  const logger = createLogger(config);
  const server = await startServer(config, logger);
  stopOnSignals(server, logger);
  process.on('SIGHUP', logger.reopen);
  process.stdout.write(`${server.banner}\n`);
}

function stopOnSignals(server: RunningServer, logger: MainLogger): void {
  let firstAt = 0;
  const onSignal = (signal: 'SIGINT' | 'SIGTERM'): void => {
    if (firstAt === 0) {
      firstAt = performance.now();
      void stop(server, logger, signal);
    } else if (performance.now() - firstAt > SAME_SIGNAL_MS) {
      process.exit(128 + SIGNAL_NUMBERS[signal]);
    }
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
}

async function stop(server: RunningServer, logger: MainLogger, signal: string): Promise<void> {
  logger.info(`${signal} received, stopping`);
  try {
    await server.stop();
    process.exit(0);
  } catch (error) {
    logger.error('could not stop in good order', { error: String(error) });
    process.exit(1);
  }
}
