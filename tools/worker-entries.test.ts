// WebKit evaluates a worker's script a second time when a module imports it: the module's state would be there twice,
// and the second copy would take the messages. A bundler's chunks must have nothing to import from it.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build, type Rolldown } from 'vite'
import { afterAll, expect, it } from 'vitest'
import { browserConditions } from '../examples/browser/vite.config.ts'
import { root } from './root.ts'

const folder = mkdtempSync(join(root, 'node_modules/.worker-entries-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** The script of a project's worker, and the files that import it. */
async function workerOf(configFile: string | false, source: string, page: string) {
  const { output } = (await build({
    configFile,
    root: source,
    logLevel: 'error',
    resolve: { conditions: browserConditions },
    ...(configFile ? {} : { worker: { format: 'es' } }),
    build: { write: false, minify: false, target: 'es2023', rolldownOptions: { input: join(source, page) } },
  })) as Rolldown.RolldownOutput
  const files = output.map((file) => ({
    name: file.fileName,
    text: String(file.type === 'chunk' ? file.code : file.source),
  }))
  const started = files.flatMap(
    ({ text }) => /new Worker\(new URL\([^"'`]*["'`][^"'`]*?([^/"'`]+\.js)/.exec(text)?.[1] ?? [],
  )
  const worker = files.find(({ name }) => name.endsWith(`/${started[0]}`))
  const importing = files.filter(({ text }) => new RegExp(`(from|import\\() ?["'\`]\\./${started[0]}`).test(text))
  return { worker, importing: importing.map(({ name }) => name), count: files.length }
}

it('nothing imports the script of the training worker', async () => {
  writeFileSync(
    join(folder, 'page.ts'),
    `import { createTrainingWorker } from '@cola/train'\ncreateTrainingWorker({})\n`,
  )
  const { worker, importing, count } = await workerOf(false, folder, 'page.ts')
  expect(count).toBeGreaterThan(5)
  expect(worker?.text.length).toBeLessThan(1000)
  expect(importing).toEqual([])
})

it.each([
  ['vite.config.ts', 'index.html'],
  ['voices.config.ts', 'voices.html'],
])('nothing imports the script of the page’s worker, %s', async (configFile, page) => {
  const source = join(root, 'examples/browser')
  const { worker, importing } = await workerOf(join(source, configFile), source, page)
  expect(worker?.text).toContain('answerCalls')
  expect(importing).toEqual([])
})
