// The examples as notebooks: jupytext converts them and back, and Deno's Jupyter kernel runs them.

import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { npm, online } from './packed.ts'
import { pythonWith } from './python.ts'
import { root } from './root.ts'

const examples = join(root, 'examples')
const notebooks = readdirSync(examples).filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
const work = mkdtempSync(join(tmpdir(), 'cola-notebooks-'))
afterAll(() => rmSync(work, { recursive: true }), 600_000)

const { python, missing } = await pythonWith('notebooks', ['jupytext', 'nbclient'], () => [
  'jupytext==1.19.6',
  'nbclient==0.11.0',
])

/** Runs a notebook in a folder, and writes it with its outputs; a cell that throws ends it. */
const execute = `
import sys, nbformat
from nbclient import NotebookClient
path, folder = sys.argv[1:]
notebook = nbformat.read(path, as_version=4)
NotebookClient(notebook, kernel_name='deno', timeout=300, resources={'metadata': {'path': folder}}).execute()
nbformat.write(notebook, path)
`

interface Notebook {
  cells: { cell_type: string; outputs?: { text?: string | string[] }[] }[]
}

function jupytext(...args: string[]): void {
  execFileSync(python, ['-m', 'jupytext', '--quiet', ...args], { stdio: 'pipe' })
}

/** What the cells of an example print. */
function printed(name: string): string {
  const path = join(work, `${name}.ipynb`)
  jupytext('--to', 'ipynb', '--output', path, join(examples, name))
  const env = { ...process.env, JUPYTER_PATH: join(work, 'jupyter'), DENO_CONDITIONS: '@cola/source' }
  const { status, stderr } = spawnSync(python, ['-c', execute, path, examples], { env, encoding: 'utf8' })
  expect(status, stderr).toBe(0)
  const { cells } = JSON.parse(readFileSync(path, 'utf8')) as Notebook
  return cells.flatMap(({ outputs = [] }) => outputs.flatMap(({ text = '' }) => text)).join('')
}

describe.skipIf(!online || missing !== undefined)('notebooks', () => {
  beforeAll(() => {
    writeFileSync(join(work, 'package.json'), JSON.stringify({ private: true }))
    npm(work, 'install', '--prefer-offline', 'deno@2.9.6')
    const kernel = join(work, 'jupyter/kernels/deno')
    mkdirSync(kernel, { recursive: true })
    const deno = join(work, 'node_modules/.bin/deno')
    const argv = [deno, 'jupyter', '--kernel', '--conn', '{connection_file}']
    writeFileSync(join(kernel, 'kernel.json'), JSON.stringify({ argv, display_name: 'Deno', language: 'typescript' }))
  })

  it.each(notebooks)('%s is the same after jupytext has converted it and back', (name) => {
    const [notebook, script] = [join(work, 'same.ipynb'), join(work, 'same.ts')]
    jupytext('--to', 'ipynb', '--output', notebook, join(examples, name))
    jupytext('--to', 'ts:percent', '--output', script, notebook)
    expect(readFileSync(script, 'utf8')).toBe(readFileSync(join(examples, name), 'utf8'))
    const { cells } = JSON.parse(readFileSync(notebook, 'utf8')) as Notebook
    expect(new Set(cells.map(({ cell_type }) => cell_type))).toEqual(new Set(['code', 'markdown']))
  })

  it('the distillation loss runs in a TypeScript kernel', () => {
    expect(printed('kd-loss-in-an-app.ts')).toMatch(/loss 0\.7162/)
  })

  it('a language model is fine-tuned in a TypeScript kernel', () => {
    expect(printed('generate.ts')).toMatch(/perplexity 3\.\d+ {2}\*/)
  })
})
