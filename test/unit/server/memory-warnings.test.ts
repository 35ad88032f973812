/** Warnings before memory is used up: once for each time that a limit comes near. */

import { describe, expect, test } from 'vitest';
import { MemoryWarnings } from '../../../src/server/memory-warnings.js';

const FAR = { used: 0, maxmemory: 1000, refuses: true, clients: 0, clientsMax: 500 };

function watch(): { log: string[]; warnings: MemoryWarnings } {
  const log: string[] = [];
  return { log, warnings: new MemoryWarnings((message) => log.push(message)) };
}

describe('memory warnings', () => {
  test('one at 80 %, and another when it was below 75 % in between', () => {
    const { log, warnings } = watch();
    for (const used of [799, 800, 900, 790, 760, 810]) warnings.look({ ...FAR, used });
    expect(log).toEqual([
      '80 % (800B of 1000B) of maxmemory is used, and maxmemory-policy is noeviction: writes will be refused',
    ]);
    for (const used of [749, 950]) warnings.look({ ...FAR, used });
    expect(log.length).toBe(2);
    expect(log[1]).toMatch(/^95 %/);
  });

  test('none for data that makes room, and one when it does not any more', () => {
    const { log, warnings } = watch();
    warnings.look({ ...FAR, used: 1000, refuses: false });
    expect(log).toEqual([]);
    warnings.look({ ...FAR, used: 1000 });
    expect(log.length).toBe(1);
  });

  test('of the buffers of clients, where there is a limit to them', () => {
    const { log, warnings } = watch();
    warnings.look({ ...FAR, clients: 500, clientsMax: 0 });
    expect(log).toEqual([]);
    for (const clients of [399, 400, 500]) warnings.look({ ...FAR, clients });
    expect(log).toEqual([
      '80 % (400B of 500B) of maxmemory-clients is used by the buffers of clients: the largest will be closed',
    ]);
  });
});
