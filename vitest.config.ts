import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  resolve: { alias: { 'sluice/testing': here('core/testing/index.ts'), sluice: here('core/index.ts') } },
  test: {
    include: ['test/**/*.test.ts', 'core/**/*.test.ts', 'nodes/**/*.test.ts', 'deploy/**/*.test.ts'],
    exclude: ['**/node_modules/**', 'dist/**', 'test/faults/**', 'test/bench/**'],
    reporters: ['default', here('test/skipped.ts')],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 20_000,
    hookTimeout: 30_000,
  },
});
