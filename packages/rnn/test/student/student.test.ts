// Weight decay reaches the embedding's rows of tokens that never occur, as it does in PyTorch, although training does
// not hold them (test/make-decay.py).

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { float32, toFloat32, type Tensor } from '@cola/graph'
import {
  defaultDevice,
  Trainer,
  TrainingSession,
  adam,
  adamw,
  crossEntropy,
  generateArtifacts,
  sgd,
  type Optimizer,
} from '@cola/train'
import { describe, expect, it } from 'vitest'
import { type Folder, temporaryFolders } from '../../../../tools/test-folders.ts'
import { createStudent, distilRnnParameters, embeddingFrom, parseDistilRnnConfig } from '../../src/index.ts'

interface Run {
  name: string
  optimizer: 'adam' | 'adamw' | 'sgd'
  options: object
  rates: number[]
  group: { weight_decay?: number; lr_scale?: number } | null
  embedding: number[]
}

const fixture = JSON.parse(readFileSync(join(import.meta.dirname, '../fixtures/decay.json'), 'utf8')) as {
  config: { vocab_size: number; embedding_size: number }
  sentences: number[][][]
  labels: number[][]
  start: Record<string, { dims: number[]; values: number[] }>
  runs: Run[]
}

const tensors = new Map(Object.entries(fixture.start).map(([name, { dims, values }]) => [name, float32(dims, values)]))
const config = parseDistilRnnConfig({ ...fixture.config, cell: 'rnn', bidirectional: false, pooling: 'last' })
const table = embeddingFrom(tensors.get('embedding.weight') as Tensor)
const makers = { adam, adamw, sgd }

const studentOf = (sentences = fixture.sentences.flat()) =>
  createStudent({
    config,
    sentences,
    embedding: table,
    parameters: distilRnnParameters(tensors, config),
    max_length: 3,
  })

async function sessionOf(optimizer: Optimizer, student = studentOf()) {
  return TrainingSession.create({
    artifacts: generateArtifacts(student.model, { loss: crossEntropy(), optimizer }),
    device: defaultDevice(),
  })
}

const optimizerOf = ({ optimizer, options, group }: Run): Optimizer =>
  makers[optimizer]({ ...options, ...(group ? { groups: [{ params: ['embedding.weight'], ...group }] } : {}) })

async function trained(
  session: TrainingSession,
  rates: readonly number[],
  student = studentOf(),
): Promise<Float32Array> {
  for (const [step, learningRate] of rates.entries()) {
    session.lazyResetGrad()
    const labels = { data: Int32Array.from(fixture.labels[step % 2] as number[]), dims: [2] }
    await session.runTrainStep({ ...student.collate(fixture.sentences[step % 2] as number[][]), labels })
    await session.runOptimizerStep({ learningRate })
  }
  return toFloat32(student.parameters(await session.getParameters()).get('embedding.weight') as Tensor)
}

describe('the whole embedding after training', () => {
  it.each(fixture.runs)('is PyTorch’s: $name', async (run) => {
    const session = await sessionOf(optimizerOf(run))
    expect(await trained(session, run.rates)).toBeAllclose(run.embedding, { atol: 2e-6 })
    await session.release()
  })

  it.each([
    ['no token is unseen', Array.from({ length: 14 }, (_, id) => [id])],
    ['one is', Array.from({ length: 14 }, (_, id) => [id]).filter(([id]) => id !== 3)],
    ['two are', Array.from({ length: 14 }, (_, id) => [id]).filter(([id]) => id !== 3 && id !== 0)],
  ])('is PyTorch’s where %s', async (_, sentences) => {
    for (const run of fixture.runs.slice(0, 5)) {
      const student = studentOf(sentences)
      const session = await sessionOf(optimizerOf(run), student)
      expect(await trained(session, run.rates, student)).toBeAllclose(run.embedding, { atol: 2e-6 })
      await session.release()
    }
  })

  it('costs a row where all elements shrink alike, nothing without decay, the whole table with an L2 penalty in Adam', () => {
    const rows = (optimizer: Optimizer) =>
      generateArtifacts(studentOf().model, { loss: crossEntropy(), optimizer }).parameters.get('embedding.weight')
        ?.dims[0]
    const none = adamw({ groups: [{ params: /^embedding/, weight_decay: 0 }] })
    expect(
      [adam(), none, sgd({ momentum: 0.9 }), adamw(), sgd({ weight_decay: 0.1 }), adam({ weight_decay: 0.1 })].map(
        rows,
      ),
    ).toEqual([5, 5, 5, 6, 6, 14])
    // An optimizer of one's own, of which nothing is known.
    const { undriven: _, ...own } = adamw()
    expect(rows(own)).toBe(14)
  })

  it('refuses a matrix that was trained from other rows', () => {
    expect(() =>
      studentOf().parameters(new Map([['embedding.weight', float32([8, 4], new Float32Array(32))]])),
    ).toThrow(/expected 5, 6 or 14, found 8/)
  })
})

describe('a run that was cut off', () => {
  const folder = temporaryFolders()
  const data = fixture.sentences.flat().map((sentence, i) => ({ sentence, label: fixture.labels.flat()[i] as number }))

  it.each([adamw({ weight_decay: 0.3 }), adam({ weight_decay: 0.3 }), sgd({ weight_decay: 0.3, momentum: 0.5 })])(
    'goes on with $name to the same embedding, bit for bit',
    async (optimizer) => {
      const student = studentOf()
      const run = async (output_dir: Folder, stopAfter: number, resume = false) => {
        const [session, abort] = [await sessionOf(optimizer), new AbortController()]
        const trainer = new Trainer<(typeof data)[number]>({
          session,
          data: {
            train: data,
            collate: (rows) => ({
              ...student.collate(rows.map(({ sentence }) => sentence)),
              labels: { data: Int32Array.from(rows, ({ label }) => label), dims: [rows.length] },
            }),
          },
          ...{
            epochs: 3,
            batch_size: 2,
            learning_rate: 0.05,
            output_dir,
            resume,
            signal: abort.signal,
            load_best_model_at_end: false,
          },
          callbacks: { onStep: ({ step }) => (step === stopAfter ? abort.abort() : undefined) },
        })
        await trainer.train()
        const whole = student.parameters(await session.getParameters()).get('embedding.weight') as Tensor
        await session.release()
        return toFloat32(whole)
      }
      const once = await run(folder(`${optimizer.name} once`), 100)
      await run(folder(optimizer.name), 3)
      expect(await run(folder(optimizer.name), 100, true)).toEqual(once)
      expect(once.subarray(0, 4)).not.toEqual(table.row(0))
    },
  )
})
