/**
 * How `npm test` runs the tests. Each file has a process of its own (`forks`): files that start servers and worker threads,
 * or that terminate threads half way through something, cannot disturb each other. `ASHLAR_NATIVE` reaches the tests as it is set.
 */

import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/{unit,conformance,integration,fuzz}/**/*.test.ts'],
    setupFiles: ['test/watchdog.ts'],
    pool: 'forks',
    watch: false,
    testTimeout: 20_000,
    hookTimeout: 30_000,
    teardownTimeout: 10_000,
    reporters: ['default'],
    passWithNoTests: true,
  },
});
