// A person's page, built by Vite on the packages' sources.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'vite'

const rolldownOptions = { external: [/^node:/] }

/** Builds a page to `dist` of a folder. @param scripts Its modules by name; the page loads `page.js`. */
export async function buildPage(folder: string, scripts: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, source] of Object.entries(scripts)) writeFileSync(join(folder, name), source)
  writeFileSync(join(folder, 'index.html'), '<!doctype html><script type="module" src="./page.js"></script>')
  await build({
    root: folder,
    logLevel: 'error',
    resolve: { conditions: ['@cola/source', 'module', 'browser', 'production'] },
    build: { target: 'es2022', rolldownOptions },
    worker: { format: 'es', rolldownOptions },
  })
}
