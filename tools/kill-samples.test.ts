// sampleTexts, killed at random moments and begun again: the texts of a run that nobody disturbed, each once.

import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateSentences, random } from '@cola/data'
import { fineTune } from '@cola/lora'
import { afterAll, expect, it } from 'vitest'
import { resultIn, runProgram } from './kill/kill-runs.ts'
import { root } from './root.ts'

const work = mkdtempSync(join(tmpdir(), 'cola-kill-samples-'))
afterAll(() => rmSync(work, { recursive: true }))

const linesOf = (folder: string) => {
  const file = join(folder, 'texts.jsonl')
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : []
}

it('gives the same texts, none lost and none twice', async () => {
  const train = generateSentences({ seed: 1, count: 120 }).map(({ text }) => ({ text }))
  const options = { task: 'CAUSAL_LM', train, eos_token: '[CLS]', epochs: 4, learning_rate: 1e-2 } as const
  const model = await fineTune(join(root, 'examples/model'), { ...options, device: 'cpu' })
  await model.save(join(work, 'model'))
  await model.release()
  const [undisturbed, folder] = ['undisturbed', 'killed'].map((name) => join(work, name)) as [string, string]
  await runProgram('sample.ts', undisturbed)
  const stream = random(7, 'kill-samples')
  let cut = 0
  for (let left = 4; left > 0 && !existsSync(join(folder, 'result.json')); left--) {
    const { killed } = await runProgram('sample.ts', folder, { lines: 3 + stream.integer(10) })
    if (killed) cut++
  }
  expect(cut).toBeGreaterThan(0)
  expect(linesOf(folder).length).toBeGreaterThan(0)
  if (!existsSync(join(folder, 'result.json'))) await runProgram('sample.ts', folder)
  expect(resultIn(folder)).toBe(resultIn(undisturbed))
  expect(linesOf(folder)).toEqual(linesOf(undisturbed))
  const texts = JSON.parse(resultIn(folder)) as string[]
  expect(new Set(texts).size).toBe(60)
})
