import { defineConfig } from 'vitest/config'

// Sources are tested as they are: the @cola/source condition makes packages import each other's TypeScript.
const conditions = ['@cola/source', 'node', 'import', 'default']

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: ['packages/*/test/**/*.test.ts', 'tools/**/*.test.ts', 'examples/**/*.test.ts'],
    testTimeout: 120_000,
    pool: 'forks',
    maxWorkers: 2,
    setupFiles: ['./vitest.setup.ts'],
  },
})
