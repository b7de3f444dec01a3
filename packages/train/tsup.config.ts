import config from '../../tsup.config.ts'

export default {
  ...config,
  entry: {
    index: 'src/index.ts',
    worker: 'src/worker/main.ts',
    files: 'src/files/node.ts',
    options: 'src/options.ts',
    'no-bundled-files': 'src/runtime/no-bundled-files.ts',
  },
}
