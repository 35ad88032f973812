/** The log: what each loglevel lets through, and records from other threads. */

import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { Config } from '../../../src/server/config/config.js';
import { createLogger, LOG_LEVELS, type LogRecord, loggerTo } from '../../../src/server/logger.js';

const directory = mkdtempSync(join(tmpdir(), 'ashlar-log-'));
afterAll(() => rmSync(directory, { recursive: true }));

function open(name: string, loglevel: string) {
  const config = new Config();
  const path = join(directory, name);
  config.configure('logfile', [path]);
  config.configure('loglevel', [loglevel]);
  const lines = () =>
    readFileSync(path, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line));
  return { config, logger: createLogger(config), lines };
}

it.each([
  ['debug', 'trace debug info warn error'],
  ['verbose', 'debug info warn error'],
  ['notice', 'info warn error'],
  ['warning', 'warn error'],
  ['nothing', ''],
])('%s lets through: %s', (loglevel, levels) => {
  const { logger, lines } = open(loglevel, loglevel);
  for (const level of LOG_LEVELS) logger[level](level);
  expect(lines().map((line) => line.msg)).toEqual(levels === '' ? [] : levels.split(' '));
});

it('follows CONFIG SET loglevel', () => {
  const { config, logger, lines } = open('changing', 'warning');
  logger.info('before');
  config.set([['loglevel', 'notice']]);
  logger.info('after');
  expect(lines().map((line) => line.msg)).toEqual(['after']);
});

it('writes records of other threads, with their fields', () => {
  const { logger, lines } = open('posted', 'notice');
  const worker = loggerTo({ write: (record: LogRecord) => logger.write(structuredClone(record)) });
  worker.warn('slow', { worker: 3 });
  worker.debug('not wanted');
  expect(lines()).toMatchObject([{ level: 'warn', msg: 'slow', worker: 3, pid: process.pid }]);
});

it('refuses a file that cannot be opened', () => {
  expect(() => open('no/such/directory', 'notice')).toThrow('cannot open the log file: ENOENT');
});

describe.skipIf(!existsSync('/dev/full'))('on a disk that is full', () => {
  it('what could not be written is written later', () => {
    symlinkSync('/dev/full', join(directory, 'full'));
    const { logger, lines } = open('full', 'notice');
    for (const text of ['first', 'second']) logger.info(text);
    unlinkSync(join(directory, 'full'));
    logger.reopen();
    logger.info('third');
    expect(lines().map((line) => line.msg)).toEqual(['first', 'second', 'third']);
  });

  it('as much is kept as there is room for', () => {
    symlinkSync('/dev/full', join(directory, 'fuller'));
    const { logger, lines } = open('fuller', 'notice');
    for (let i = 0; i < 5000; i++) logger.info('x'.repeat(1000));
    unlinkSync(join(directory, 'fuller'));
    logger.reopen();
    expect(lines().length).toBeGreaterThan(500);
    expect(lines().length).toBeLessThan(1100);
  });
});

it('goes on with the old file when the new one cannot be opened', () => {
  const { logger, lines } = open('rotated', 'notice');
  const [path, away] = [join(directory, 'rotated'), join(directory, 'away')];
  renameSync(path, away);
  symlinkSync('no/such/directory', path);
  logger.reopen();
  expect(readFileSync(away, 'utf8')).toContain('cannot open the log file anew: ENOENT');
  unlinkSync(path);
  logger.reopen();
  logger.info('here');
  expect(lines().map((line) => line.msg)).toEqual(['here']);
});
