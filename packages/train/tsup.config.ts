import { readFileSync } from 'node:fs'
import type { Plugin } from 'esbuild'
import config from '../../tsup.config.ts'

/** Leaves the runtime, a native module, where npm installed it: bundlers for servers do not follow its import. */
const nativeRuntime: Plugin = {
  name: 'native-runtime',
  setup: ({ onLoad }) => {
    onLoad({ filter: /\/runtime\/ort\.ts$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8').replaceAll(
        /import\('#ort(-wasm)?'\)/g,
        "import(/* webpackIgnore: true */ /* turbopackIgnore: true */ /* @vite-ignore */ 'onnxruntime-node')",
      ),
      loader: 'ts',
    }))
  },
}

export default {
  ...config,
  esbuildPlugins: [nativeRuntime],
  entry: {
    index: 'src/index.ts',
    worker: 'src/worker/main.ts',
    files: 'src/files/node.ts',
    'check-labels': 'src/check-labels.ts',
    errors: 'src/errors.ts',
    'no-bundled-files': 'src/runtime/no-bundled-files.ts',
    'no-web-worker': 'src/worker/no-web-worker.ts',
  },
}
