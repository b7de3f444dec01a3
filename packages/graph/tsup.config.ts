import config from '../../tsup.config.ts'

export default {
  ...config,
  entry: { index: 'src/index.ts', errors: 'src/errors.ts', options: 'src/options.ts', door: 'src/door.ts' },
}
