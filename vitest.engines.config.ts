// Some of the packages' tests in Gecko and WebKit, where they are installed: npm run test:engines. Chromium runs all of
// them (vitest.browser.config.ts).

import { defineBrowserProvider } from '@vitest/browser'
import { defineConfig } from 'vitest/config'
import { type Engine, engineNames, engines, openEngine } from './tools/engines.ts'
import browserConfig from './vitest.browser.config.ts'

/** Of each package, what computes, and what depends on an engine's regular expressions, numbers and streams. */
const include = [
  'packages/data/test/files/zip.test.ts',
  'packages/data/test/random.test.ts',
  'packages/data/test/tokenizer/tokenizer.test.ts',
  'packages/distill/test/losses/pairs.test.ts',
  'packages/graph/test/rewrite/lower.test.ts',
  'packages/graph/test/tensor/float16.test.ts',
  'packages/lora/test/inject/linear.test.ts',
  'packages/lora/test/regex/python.test.ts',
  'packages/rnn/test/student/embedding.test.ts',
  'packages/train/test/optim/optimizers.test.ts',
  'packages/train/test/runtime/keep-workers.test.ts',
  'packages/train/test/session/accumulation.test.ts',
]

/** Vitest's side of an engine: it opens a page, which fetches its tests itself. */
const provider = (engine: Engine) =>
  defineBrowserProvider({
    name: engine,
    providerFactory: () => {
      let close = async () => {}
      return {
        name: engine,
        supportsParallelism: false,
        getCommandsContext: () => ({}),
        openPage: async (_, url) => {
          close = await openEngine(engine, url)
        },
        close: () => close(),
      }
    },
  })

const instances = engineNames
  .filter((name) => engines[name].executable)
  .map((name) => ({ browser: name, provider: provider(name) }))
for (const name of engineNames)
  if (!engines[name].executable) console.log(`${name}: skipped; apt-get install ${engines[name].packages}`)

export default defineConfig({
  ...browserConfig,
  test: {
    ...browserConfig.test,
    include: instances.length ? include : [],
    passWithNoTests: instances.length === 0,
    browser: { enabled: instances.length > 0, headless: true, instances, screenshotFailures: false },
  },
})
