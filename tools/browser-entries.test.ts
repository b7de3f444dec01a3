// What a browser's bundle of each package reaches: no module of Node, and for the loss alone no runtime and little code.

import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build, type BuildOptions } from 'esbuild'
import { describe, expect, it } from 'vitest'
import { builtinChains } from './import-chains.ts'
import { root } from './root.ts'

const runtimes = ['onnxruntime-web', 'onnxruntime-node']
const options = {
  bundle: true,
  format: 'esm',
  platform: 'browser',
  minify: true,
  write: false,
  metafile: true,
  outdir: 'out',
  absWorkingDir: root,
  conditions: ['@cola/source'],
  external: [...runtimes, 'node:*', '@huggingface/hub'],
} as const satisfies BuildOptions

const packages = readdirSync(join(root, 'packages'))
const entriesOf = (name: string): string[] => {
  const { exports } = JSON.parse(readFileSync(join(root, 'packages', name, 'package.json'), 'utf8'))
  const sources = Object.values(exports as Record<string, string | { '@cola/source': string }>).flatMap((entry) =>
    typeof entry === 'string' ? [] : [join('packages', name, entry['@cola/source'])],
  )
  return sources.map((file) => relative('.', file))
}

describe('the entries of a browser', () => {
  it.each(packages)('%s reaches no module of Node', async (name) => {
    const entries = entriesOf(name)
    const { metafile } = await build({ ...options, entryPoints: entries })
    expect(builtinChains(metafile, entries)).toEqual([])
  })

  it.each(packages)('%s has a file for browsers and one for Node behind each entry', (name) => {
    const { exports } = JSON.parse(readFileSync(join(root, 'packages', name, 'package.json'), 'utf8'))
    for (const [entry, conditions] of Object.entries(exports as Record<string, Record<string, string>>)) {
      if (entry === './package.json') continue
      expect(Object.keys(conditions)).toEqual(['@cola/source', 'types', 'node', 'default'])
      expect(conditions.default).toBe(
        conditions['@cola/source']?.replace(/^\.\/src\/(.*)\.ts$/, './dist/browser/$1.js'),
      )
    }
  })

  it('a chain names the files that lead to a module of Node', async () => {
    const contents = "import('./packages/train/src/worker/parent.ts').then(() => import('node:fs'))"
    const stdin = { contents, resolveDir: root, sourcefile: 'app.js' }
    const { metafile } = await build({ ...options, stdin })
    expect(builtinChains(metafile, ['app.js'])).toEqual(['app.js -> node:fs'])
  })
})

describe('@cola/distill/loss', () => {
  it('bundles below 10 kB gzipped, with nothing of the runtime', async () => {
    const contents =
      "import { kdLoss, pairLoss, crossEntropyLoss } from '@cola/distill/loss'\nconsole.log(kdLoss, pairLoss, crossEntropyLoss)"
    const { metafile, outputFiles } = await build({ ...options, stdin: { contents, resolveDir: root } })
    const [output] = Object.values(metafile.outputs)
    expect(Object.keys(metafile.inputs).filter((file) => /onnxruntime/.test(file))).toEqual([])
    expect(output?.imports).toEqual([])
    expect(gzipSync(outputFiles[0]?.contents ?? '').length).toBeLessThan(10_000)
  })
})
