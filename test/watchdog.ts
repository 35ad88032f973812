/**
 * Ends a test file that hangs, and says where.
 *
 * The limits of vitest are timers in the thread of the tests: what never returns to its event loop, in a loop or in a wait for a lock, they
 * cannot end. A thread beside it can. When a file has taken longer than any should, it writes the stack of the tests' thread and ends the
 * process with all that it started, and vitest reports a failure.
 */

import { Worker } from 'node:worker_threads';
import { beforeAll, expect } from 'vitest';

/** Several times what the slowest file takes on a busy machine. */
const LIMIT_MS = 8 * 60_000;

/** In plain JavaScript: it runs in a thread of its own, without a loader. `workerData` is the file. */
const WATCHDOG = `
const { writeSync, readFileSync, readdirSync } = require('node:fs');
const { Session } = require('node:inspector');
const { workerData } = require('node:worker_threads');
const ANSWER_MS = 5000;

function end(how) {
  writeSync(2, '\\n' + workerData.file + ' has not ended after ' + workerData.limitMs / 1000 + ' s. Its thread ' + how + '\\n');
  for (const task of readdirSync('/proc/self/task'))
    for (const child of readFileSync('/proc/self/task/' + task + '/children', 'utf8').split(' ').filter(Boolean))
      process.kill(Number(child), 'SIGKILL');
  process.kill(process.pid, 'SIGKILL');
}

setTimeout(() => {
  const session = new Session();
  const scripts = new Map();
  session.connectToMainThread();
  session.on('Debugger.scriptParsed', ({ params }) => scripts.set(params.scriptId, params.url));
  session.on('Debugger.paused', ({ params }) => {
    const frames = params.callFrames.map(({ functionName, location }) =>
      '    at ' + functionName + ' (' + scripts.get(location.scriptId) + ':' + (location.lineNumber + 1) + ')');
    end('is here:\\n' + frames.join('\\n'));
  });
  session.post('Debugger.enable');
  session.post('Debugger.pause');
  setTimeout(end, ANSWER_MS, 'is in a call that does not return.');
}, workerData.limitMs);
`;

beforeAll(() => {
  const file = expect.getState().testPath;
  const watchdog = new Worker(WATCHDOG, { eval: true, workerData: { file, limitMs: LIMIT_MS } });
  watchdog.unref();
  return () => watchdog.terminate();
});
