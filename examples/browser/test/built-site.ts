// The built page, made once for all test files while nothing has changed that it is made of.

import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { build } from 'vite'
import { alone } from '../../../tools/alone.ts'
import { root } from '../../../tools/root.ts'

const source = join(import.meta.dirname, '..')
const kept = join(root, 'out/site')

/** What is made here, or is not of the page. */
const passedOver = new Set(['node_modules', 'dist', 'out', 'test', join('browser', 'public', 'standalone')])

/** The files of a folder that the page may be made of. */
function filesOf(folder: string, within = folder): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (passedOver.has(entry.name) || passedOver.has(relative(within, path))) return []
    return entry.isDirectory() ? filesOf(path, within) : [path]
  })
}

/** Tells two states of the sources apart. */
function stamp(): string {
  const hash = createHash('sha256')
  const files = ['packages', 'examples'].flatMap((name) => filesOf(join(root, name)))
  for (const path of [...files, join(root, 'package-lock.json')])
    hash
      .update(`${relative(root, path)}\0`)
      .update(readFileSync(path))
      .update('\0')
  return hash.digest('hex').slice(0, 16)
}

/** Builds the site with its standalone part, or finds it built. @param dist A folder that gets a copy. */
export const copySite = (dist: string): Promise<void> =>
  alone('site', async () => {
    const built = join(kept, stamp())
    if (!existsSync(built)) await buildInto(built)
    cpSync(built, dist, { recursive: true })
  })

/** A build that is broken off leaves nothing under the name of a whole one. */
async function buildInto(folder: string): Promise<void> {
  rmSync(kept, { recursive: true, force: true })
  mkdirSync(kept, { recursive: true })
  const outDir = `${folder}.part`
  await build({ configFile: join(source, 'standalone.config.ts'), logLevel: 'error' })
  for (const page of ['vite.config.ts', 'voices.config.ts'])
    await build({ configFile: join(source, page), logLevel: 'error', build: { outDir } })
  renameSync(outDir, folder)
}
