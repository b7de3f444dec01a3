import config from '../../tsup.config.ts'

export default { ...config, entry: { index: 'src/index.ts', disk: 'src/files/disk.ts' } }
