// Texts that are longer than a model reads are cut, as in training, and told.

import { memorySink } from '@cola/data'
import { expect, it } from 'vitest'
import { fineTune, loadFineTuned } from '../../src/index.ts'
import { embeddedFiles } from '../support/embedded-files.ts'
import { rows, texts } from '../support/one-or-many.ts'

const embedded = embeddedFiles()
const long = texts[0]?.repeat(40) as string
const max_length = 8
const run = { epochs: 1, max_length, device: 'cpu' } as const
const cut = `1 of 2 texts were cut to ${max_length} tokens`

/** What is told, in order. */
function listener() {
  const told: string[] = []
  return { told, onWarning: ({ message }: { message: string }) => void told.push(message) }
}

it('tells of a classifier’s, which was trained or opened, and of rows that are scored', async () => {
  const [{ told, onWarning }, opened] = [listener(), listener()]
  const tuned = await fineTune(embedded, { ...run, train: rows, callbacks: { onWarning } })
  told.length = 0
  const [, known] = await tuned.classify([long, texts[1] as string])
  expect(told).toEqual([cut])
  expect((await tuned.classify([texts[1] as string]))[0]?.label).toBe(known?.label)
  expect(told).toEqual([cut])
  const { warnings } = await tuned.evaluate([...rows, { text: long, label: 'one' }])
  expect(warnings).toContain(`1 of 7 rows were cut to ${max_length} tokens`)
  expect((await tuned.evaluate(rows)).warnings).not.toContainEqual(expect.stringMatching(/were cut/))
  const saved = memorySink('saved')
  await tuned.save(saved)
  await tuned.release()
  const again = await loadFineTuned(saved, { base: embedded, onWarning: opened.onWarning })
  await again.logits([long, texts[1] as string])
  expect(opened.told).toEqual([cut])
  await again.release()
})

it('tells of a tagger’s and of an embedding’s', async () => {
  const { told, onWarning } = listener()
  const tags = rows.map(({ text }) => ({ words: text.split(' '), tags: ['O', 'B-WHO', 'O'] }))
  const options = { ...run, callbacks: { onWarning } }
  const tagger = await fineTune(embedded, { ...options, task: 'TOKEN_CLS', train: tags, labels: ['O', 'B-WHO'] })
  told.length = 0
  await tagger.tag([long, texts[1] as string])
  expect(told).toEqual([cut])
  await tagger.release()
  const pairs = [0, 2, 4].map((i) => ({ anchor: texts[i] as string, positive: texts[i + 1] as string }))
  const embedder = await fineTune(embedded, { ...options, task: 'FEATURE_EXTRACTION', train: pairs })
  told.length = 0
  await embedder.embed([long, texts[1] as string])
  expect(told).toEqual([cut])
  await embedder.release()
})
