/** The long suites: kills, hangs, full disks, brokers that die. `SLUICE_SHORT=1` runs the short form of each. */
import { defineConfig } from 'vitest/config';
import base from '../../vitest.config.ts';

const { projects: _, ...shared } = base.test ?? {};

export default defineConfig({
  ...base,
  test: {
    ...shared,
    include: ['test/faults/**/*.test.ts'],
    exclude: ['**/node_modules/**'],
    // One at a time: they measure, and they take the machine.
    fileParallelism: false,
    testTimeout: 300_000,
    hookTimeout: 60_000,
  },
});
