// The page as a static site. Cross-origin isolation, which threads need, comes from these two headers; a host that
// does not send them gets one thread.

import { join } from 'node:path'
import { minify } from 'terser'
import { defineConfig, type Plugin } from 'vite'

const isolation = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
}

/** After Vite's own minification, terser's, which joins what that leaves apart: half a percent of the page. */
const smaller: Plugin = {
  name: 'smaller',
  apply: 'build',
  async generateBundle(_, bundle) {
    for (const chunk of Object.values(bundle))
      if (chunk.type === 'chunk')
        chunk.code = (await minify(chunk.code, { module: true, compress: { passes: 2 } })).code ?? chunk.code
  },
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
    plugins: () => [smaller],
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
  plugins: [smaller],
  build: { target: 'es2023', outDir: 'dist', assetsInlineLimit: 0, modulePreload: { polyfill: false } },
})
