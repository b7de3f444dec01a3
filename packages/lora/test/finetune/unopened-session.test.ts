// A language model whose session for generating cannot be opened.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { FileError, openResolved } from '@cola/train'
import { expect, it, vi } from 'vitest'
import { fineTune } from '../../src/index.ts'

vi.mock('@cola/train', async (importOriginal) => {
  const train = await importOriginal<typeof import('@cola/train')>()
  return { ...train, openResolved: vi.fn(train.openResolved) }
})

const names = ['config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json']
const read = (name: string) => readFileSync(join(import.meta.dirname, '../../../../examples/model', name))
const embedded = Object.fromEntries(names.map((name) => [name, read(name)]))

it('is opened by the next call', async () => {
  const train = [{ text: 'the girl laughs .' }, { text: 'the boys sing .' }]
  const model = await fineTune(embedded, { task: 'CAUSAL_LM', train, epochs: 1, device: 'cpu' })
  const full = new FileError({ where: '/tmp', what: 'the disk is full' })
  vi.mocked(openResolved).mockRejectedValueOnce(full)
  const options = { max_new_tokens: 2 }
  await expect(model.generate('the girl', options)).rejects.toThrow(full)
  expect(await model.generate('the girl', options)).toEqual(expect.any(String))
  await model.release()
})
