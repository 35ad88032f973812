/**
 * The log: one JSON object a line (pino), on standard error or appended to `logfile`.
 *
 * Only the main thread writes. Workers log through a `LogSink` that posts their records to it (`loggerTo`).
 * `loglevel` has Redis's names; what each lets through:
 *
 * | loglevel | trace | debug | info | warn | error |
 * |---|---|---|---|---|---|
 * | debug | x | x | x | x | x |
 * | verbose | | x | x | x | x |
 * | notice | | | x | x | x |
 * | warning | | | | x | x |
 * | nothing | | | | | |
 *
 * A log that cannot be written (a full disk, a pipe that nobody reads) does not stop the server: what could not be written is kept, up to a limit,
 * and tried again with the next record.
 */

import { closeSync, openSync } from 'node:fs';
import { pino, stdTimeFunctions } from 'pino';
import { AshlarError } from '../base/errors.js';
import type { Config } from './config/config.js';

/** Importance of a message, rising. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Facts beside a message's text. They must be plain data: they may be posted between threads. */
export type LogFields = Readonly<Record<string, unknown>>;

type LogMethod = (message: string, fields?: LogFields) => void;

/** What everything in the server logs with, in whatever thread. */
export type Logger = Readonly<Record<LogLevel, LogMethod>>;

export interface LogRecord {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields?: LogFields;
}

/** Where records go: the log itself in the main thread, a message port in a worker. */
export interface LogSink {
  write(record: LogRecord): void;
}

/** The log of the main thread. */
export interface MainLogger extends Logger, LogSink {
  /** Opens `logfile` again, after something else has renamed it. When that fails, the old file goes on being written, and is told why. */
  reopen(): void;
}

const PINO_LEVEL = { debug: 'trace', verbose: 'debug', notice: 'info', warning: 'warn', nothing: 'silent' } as const;
const STANDARD_ERROR = 2;
/** Bytes of records that are kept for a log that cannot be written; later ones are lost. */
const UNWRITTEN_BYTES_MAX = 1024 * 1024;

/**
 * Opens the log as `logfile` and `loglevel` say, and follows changes of `loglevel`.
 * @throws {AshlarError} ERR_FILE if the file cannot be opened
 */
export function createLogger(config: Config): MainLogger {
  const destination = openDestination(config.logfile);
  const log = pino(
    {
      level: PINO_LEVEL[config.loglevel],
      base: { pid: process.pid },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  );
  config.onChange('loglevel', (level) => {
    log.level = PINO_LEVEL[level];
  });
  const sink: LogSink = {
    write: ({ level, message, fields }) => (fields === undefined ? log[level](message) : log[level](fields, message)),
  };
  const logger = loggerTo(sink);
  return {
    ...logger,
    ...sink,
    reopen: () => {
      if (config.logfile === '') return;
      try {
        // The destination would forget which file it had if it could not open the new one.
        closeSync(openSync(config.logfile, 'a'));
        destination.reopen();
      } catch (error) {
        logger.error(`cannot open the log file anew: ${(error as Error).message}`);
      }
    },
  };
}

/** A logger whose records go to a sink. */
export function loggerTo(sink: LogSink): Logger {
  const method =
    (level: LogLevel): LogMethod =>
    (message, fields) =>
      sink.write({ level, message, fields });
  return {
    trace: method('trace'),
    debug: method('debug'),
    info: method('info'),
    warn: method('warn'),
    error: method('error'),
  };
}

/** Synchronous: the last words before a crash matter most, and this thread serves no clients. */
function openDestination(logfile: string) {
  try {
    const destination = pino.destination({
      dest: logfile === '' ? STANDARD_ERROR : logfile,
      sync: true,
      append: true,
      maxLength: UNWRITTEN_BYTES_MAX,
      retryEAGAIN: () => false,
    });
    destination.on('error', () => {});
    return destination;
  } catch (error) {
    throw new AshlarError('ERR_FILE', `cannot open the log file: ${(error as Error).message}`, { cause: error });
  }
}
