import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  resolve: { alias: { 'sluice/testing': here('core/testing/index.ts'), sluice: here('core/index.ts') } },
  test: {
    reporters: ['default', here('test/skipped.ts')],
    pool: 'forks',
    maxWorkers: 3,
    testTimeout: 20_000,
    hookTimeout: 30_000,
    projects: [
      // Tests beside their code share a process: to load it anew for each file took as long as a third of them.
      { extends: true, test: { name: 'parts', include: ['{core,nodes,deploy}/**/*.test.ts'], isolate: false } },
      {
        extends: true,
        test: {
          name: 'whole',
          include: ['test/{browser,contract,fixtures,scenarios}/**/*.test.ts'],
          globalSetup: here('test/fixtures/shared-broker.ts'),
        },
      },
    ],
  },
});
