import { defineConfig } from 'vitest/config'

const unit = ['libs/**/src/**/*.test.ts', 'services/**/src/**/*.test.ts']
const integration = ['libs/**/*.it.test.ts', 'services/**/*.it.test.ts', 'dev/**/*.it.test.ts', 'bench/**/*.it.test.ts', 'tests/**/*.test.ts']

/** Unit tests share one realm, so they must leave no module state behind. Integration tests share one real PostgreSQL. */
export default defineConfig({
  test: {
    projects: [
      {
        test: { name: 'unit', include: unit, exclude: ['**/node_modules/**', '**/*.it.test.ts'], pool: 'threads', isolate: false },
      },
      {
        test: {
          name: 'integration',
          include: integration,
          exclude: ['**/node_modules/**'],
          pool: 'forks',
          maxWorkers: 2,
          testTimeout: 60_000,
          hookTimeout: 120_000,
          globalSetup: ['libs/testing/src/global-setup.ts'],
          setupFiles: ['libs/testing/src/answers-seen.ts'],
        },
      },
    ],
  },
})
