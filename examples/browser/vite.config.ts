// The page as a static site. Cross-origin isolation, which threads need, comes from these two headers; a host that
// does not send them gets one thread.

import { join } from 'node:path'
import { defineConfig } from 'vite'

const isolation = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
}

/** The sources of the packages, as a browser takes them. */
export const browserConditions = ['@cola/source', 'browser', 'module', 'import', 'default']

export default defineConfig({
  root: import.meta.dirname,
  base: './',
  resolve: {
    conditions: browserConditions,
    // Aliases reach the worker too.
    alias: { 'onnxruntime-common': join(import.meta.dirname, 'src/worker/tensor.ts') },
  },
  server: { headers: isolation },
  preview: { headers: isolation },
  worker: {
    format: 'es',
    // What the worker starts with is one file, with what most classifications need of the parts loaded later.
    rolldownOptions: {
      output: {
        // Tree shaking is done: its hints need no place.
        comments: false,
        codeSplitting: {
          groups: [
            {
              name: 'engine',
              test: /(rolldown\/runtime\.js|(worker\/answer-calls|sequence-classification|load\/gpt2-base|runtime\/(bundled-files|wasm-passes))\.ts)$/,
            },
          ],
        },
      },
    },
  },
  build: { target: 'es2023', outDir: 'dist', assetsInlineLimit: 0, modulePreload: { polyfill: false } },
})
