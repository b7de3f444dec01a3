// A distilled student whose session cannot be opened.

import { FileError, openEvaluation, SessionError } from '@cola/train'
import { expect, it, vi } from 'vitest'
import { distill } from '../../src/index.ts'
import { rowsOf, tokenizer } from '../support/sentences.ts'

vi.mock('@cola/train', async (importOriginal) => {
  const train = await importOriginal<typeof import('@cola/train')>()
  return { ...train, openEvaluation: vi.fn(train.openEvaluation) }
})

const rows = rowsOf(30, 1)
const texts = rows.slice(0, 3).map(({ text }) => text)
const student = { embedding_size: 4, hidden_size: 4 }
const full = new FileError({ where: '/tmp', what: 'the disk is full' })

it('is told so, opens at the next call, and is released all the same', async () => {
  const one = await distill({ student, tokenizer, train: rows, epochs: 1, device: 'cpu' })
  vi.mocked(openEvaluation).mockRejectedValueOnce(full)
  await expect(one.classify(texts)).rejects.toThrow(full)
  expect(await one.classify(texts)).toHaveLength(3)
  await one.release()
  await expect(one.classify(texts)).rejects.toThrow(SessionError)
})

it('is released while a session that cannot be opened is on its way', async () => {
  const one = await distill({ student, tokenizer, train: rows, epochs: 1, device: 'cpu' })
  vi.mocked(openEvaluation).mockRejectedValueOnce(full)
  const answer = expect(one.classify(texts)).rejects.toThrow(full)
  await one.release()
  await answer
})
