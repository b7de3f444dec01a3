import { existsSync } from 'node:fs'
import { defineConfig } from 'vitest/config'
import { hangLimit, waitLimit } from './tools/hang-limit.ts'
import { LongestFirst } from './tools/longest-first.ts'

// Debian's Chromium brings a software Vulkan device, on which WebGPU runs without a GPU.
const softwareGpu = '/usr/lib/chromium/vk_swiftshader_icd.json'

// Sources are tested as they are: the @cola/source condition makes packages import each other's TypeScript.
const conditions = ['@cola/source', 'node', 'import', 'default']

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: [
      'packages/*/test/**/*.test.ts',
      'tools/**/*.test.ts',
      'examples/**/*.test.ts',
      'integrations/**/*.test.ts',
    ],
    testTimeout: hangLimit,
    hookTimeout: hangLimit,
    expect: { poll: { timeout: waitLimit } },
    pool: 'forks',
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    env: existsSync(softwareGpu) ? { VK_ICD_FILENAMES: softwareGpu } : {},
    setupFiles: ['./vitest.setup.ts'],
  },
})
