/** What several servers withhold of one cache for their connections adds up. */

import { expect, test } from 'vitest';
import { Control } from '../../../src/engine/control.js';
import { SERVER_WORDS, withhold } from '../../../src/server/worker-data.js';

test('each server withholds its own', () => {
  const control = Control.create(2, 16, [1, 2]);
  const [one, other] = [new Int32Array(SERVER_WORDS), new Int32Array(SERVER_WORDS)];
  withhold(control, one, 5);
  withhold(control, other, 7);
  expect(control.withheldPages).toBe(12);
  // Told again by another of its threads.
  withhold(control, one, 5);
  withhold(control, one, 3);
  expect(control.withheldPages).toBe(10);
  // The one stops, the other goes on.
  withhold(control, one, 0);
  expect(control.withheldPages).toBe(7);
  withhold(control, other, 0);
  expect(control.withheldPages).toBe(0);
});
