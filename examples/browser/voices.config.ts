// The page of voices, in the folder of the same site. A build of its own: what both pages use would else become a part
// that the main page has to fetch apart.

import { join } from 'node:path'
import { defineConfig, mergeConfig } from 'vite'
import site from './vite.config.ts'

export default mergeConfig(
  site,
  defineConfig({
    build: {
      emptyOutDir: false,
      copyPublicDir: false,
      rolldownOptions: { input: join(import.meta.dirname, 'voices.html') },
    },
  }),
)
