// Every TypeScript block of every README runs.

import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

const root = join(import.meta.dirname, '..')
const folder = join(root, 'out', 'readme')
mkdirSync(folder, { recursive: true })

describe('README examples', () => {
  for (const name of readdirSync(join(root, 'packages'))) {
    const text = readFileSync(join(root, 'packages', name, 'README.md'), 'utf8')
    const blocks = [...text.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code as string)
    it(`${name} has one`, () => expect(blocks.length).toBeGreaterThan(0))
    blocks.forEach((code, i) => {
      it(`${name} ${i + 1} runs`, () => {
        const file = join(folder, `${name}-${i + 1}.ts`)
        writeFileSync(file, code)
        const { status, stderr } = spawnSync(process.execPath, ['--import', 'tsx', '--conditions=@cola/source', file], { cwd: root, encoding: 'utf8' })
        expect(stderr).toBe('')
        expect(status).toBe(0)
      })
    })
  }
})
