// The packages' tests in Chromium: npm run test:browser. tools/browser-tests.ts says which files run there, and why the
// others do not.

import { dirname, join } from 'node:path'
import { playwright } from '@vitest/browser-playwright'
import { defineConfig } from 'vitest/config'
import { hangLimit } from './tools/hang-limit.ts'
import { listFolders } from './tools/browser-shims/list-folders.ts'
import { browserTests } from './tools/browser-tests.ts'
import { executablePath, headless, isolation } from './tools/chromium.ts'

const shim = (name: string): string => join(import.meta.dirname, 'tools/browser-shims', name)

export default defineConfig({
  resolve: {
    conditions: ['@cola/source', 'browser', 'module', 'import', 'default'],
    alias: {
      'node:fs': shim('fs.ts'),
      'node:path': shim('path.ts'),
      // @cola/graph's tests run their graphs on the runtime itself.
      'onnxruntime-node': 'onnxruntime-web/wasm',
    },
  },
  optimizeDeps: {
    // Prebundled, the runtime would look for its wasm beside the bundle.
    exclude: ['onnxruntime-web'],
    // Found later, they would reload the page in the middle of a test.
    include: ['fast-check', 'hyparquet-writer'],
  },
  plugins: [
    listFolders,
    {
      name: 'import.meta.dirname',
      enforce: 'pre',
      transform: (code, id) =>
        id.includes('/test/') ? code.replaceAll('import.meta.dirname', JSON.stringify(dirname(id))) : undefined,
    },
  ],
  server: { headers: isolation },
  test: {
    include: [...browserTests().run],
    testTimeout: hangLimit,
    // Models are trained in hooks.
    hookTimeout: hangLimit,
    setupFiles: ['./vitest.setup.ts'],
    browser: {
      enabled: true,
      headless: true,
      provider: playwright({ launchOptions: { executablePath, args: headless } }),
      instances: [{ browser: 'chromium' }],
      screenshotFailures: false,
    },
  },
})
