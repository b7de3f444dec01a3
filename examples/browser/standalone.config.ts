// The script of the page that classifies by itself: a person downloads it with their model. The runtime is the small
// one, for processors.

import { copyFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { defineConfig } from 'vite'
import { browserConditions } from './vite.config.ts'

const here = import.meta.dirname
const out = join(here, 'public/standalone')

export default defineConfig({
  root: join(here, 'standalone'),
  base: './',
  resolve: { conditions: browserConditions, alias: { '#ort': 'onnxruntime-web/wasm' } },
  publicDir: false,
  build: {
    target: 'es2023',
    outDir: out,
    emptyOutDir: true,
    rollupOptions: {
      input: join(here, 'standalone/classify.ts'),
      output: { entryFileNames: 'classify.js', chunkFileNames: '[name].js', assetFileNames: '[name][extname]' },
    },
  },
  plugins: [
    {
      name: 'list-files',
      closeBundle() {
        copyFileSync(join(here, 'standalone/index.html'), join(out, 'index.html'))
        // The build of the runtime with WebGPU, 27 MB, is emitted and never asked for: the page computes on the processor.
        const names = readdirSync(out).filter((name) => name !== 'files.json' && !name.includes('asyncify'))
        writeFileSync(join(out, 'files.json'), JSON.stringify(names))
      },
    },
  ],
})
