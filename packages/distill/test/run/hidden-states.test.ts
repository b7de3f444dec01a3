// Every token teaches: losses and gradients are PyTorch's (make-hidden-states.py); distill with models of @cola/lora.

import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { float32, toFloat32 } from '@cola/graph'
import { type FineTuned, fineTune } from '@cola/lora'
import { createStudent, embeddingFrom, parseDistilRnnConfig, type StudentConfig } from '@cola/rnn'
import { ConfigError, crossEntropy, FeedError, generateArtifacts, sgd, TrainingSession } from '@cola/train'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type DistillOptions, distill, sumOfLosses, type Teacher, type TextStates } from '../../src/index.ts'
import { projectionName, withHiddenStatesTerm } from '../../src/losses/hidden-states.ts'
import { collateExamples } from '../../src/run/collate-examples.ts'
import { hiddenStatesOf } from '../../src/teacher/hidden-states.ts'
import { normalizedStates, type StatesOfText } from '../../src/teacher/normalized-states.ts'
import { exportFolder } from '../../../lora/test/support/export-folder.ts'
import { modelFolder, oracle, rowsOf, tokenizer } from '../support/sentences.ts'

const out = mkdtempSync(join(tmpdir(), 'cola-states-'))
afterAll(() => rmSync(out, { recursive: true }))

interface Case {
  cell: 'rnn' | 'gru' | 'lstm'
  bidirectional: boolean
  num_layers: number
  layer: number
  loss: 'hidden_mse' | 'hidden_cosine'
  pooling: 'last' | 'max'
  taught: boolean[]
  value: number
  gradients: Record<string, { first: number[]; norm: number }>
}
const cases = JSON.parse(readFileSync(join(import.meta.dirname, 'fixtures/hidden-states.json'), 'utf8')) as Case[]
const sentences = [
  [3, 1, 4, 1, 5],
  [2, 6],
  [0, 5, 3],
  [6, 4, 2, 1],
]
const labels = [1, -100, 0, 1]
const width = 6

/** The parameters of make-hidden-states.py. */
const valuesOf = (name: string, count: number): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => 0.4 * Math.sin(1.3 * i + name.length))

/** The teacher of make-hidden-states.py: one of its numbers is much larger than the others. */
function statesOf(): TextStates[] {
  let at = 0
  return sentences.map((input_ids) => ({
    input_ids,
    states: Float32Array.from(
      { length: input_ids.length * width },
      () => Math.fround(3 * Math.sin(0.7 * at)) + (at++ % width === 2 ? 40 : 0),
    ),
  }))
}
const teacher: Teacher = { logits: async () => new Float32Array(), hiddenStates: async () => statesOf() }
const split = { name: 'train', texts: sentences.map(String) }

describe('the loss of hidden states', () => {
  it.each(
    cases.map(
      (one) =>
        [
          `${one.cell}, bidirectional ${one.bidirectional}, layer ${one.layer}, ${one.loss}, sentences ${one.taught}`,
          one,
        ] as const,
    ),
  )('%s: value and every gradient are PyTorch’s', async (_, one) => {
    const { cell, bidirectional, num_layers, layer, loss, pooling } = one
    const config = parseDistilRnnConfig({
      ...{ vocab_size: 7, embedding_size: 5, hidden_size: 4 },
      ...{ cell, bidirectional, num_layers, pooling },
    })
    const embedding = embeddingFrom(float32([7, 5], valuesOf('embedding.weight', 35)))
    const student = createStudent({ config, sentences, embedding })
    const hidden = student.hiddenStates[layer] as string
    const { model, term } = withHiddenStatesTerm(student.model, { weight: 0.7, loss, hidden, width, seed: 1 })
    for (const [name, value] of model.graph.initializers)
      if (model.trainable.has(name)) {
        const count = toFloat32(value).length
        model.graph.initializers.set(name, float32(value.dims, valuesOf(name, count)))
      }
    const artifacts = generateArtifacts(model, {
      loss: sumOfLosses([{ loss: crossEntropy() }, term]),
      evalLoss: crossEntropy(),
      optimizer: sgd(),
    })
    const session = await TrainingSession.create({ artifacts, device: 'cpu' })
    const before = await session.getParameters()
    const [states] = normalizedStates([await hiddenStatesOf(teacher, split)])
    const examples = sentences.map((input_ids, i) => ({
      input_ids,
      label: labels[i] as number,
      ...(one.taught[i] ? { states: states?.[i] as StatesOfText } : {}),
    }))
    const found = await session.runTrainStep(collateExamples(student.collate, examples, width))
    expect(found.loss).toBeCloseTo(one.value, 5)
    await session.runOptimizerStep({ learningRate: 1 })
    const after = await session.getParameters()
    for (const [name, { first, norm }] of Object.entries(one.gradients)) {
      const [old, now] = [before, after].map((all) => toFloat32(all.get(name) as never)) as [Float32Array, Float32Array]
      const gradient = old.map((value, i) => value - (now[i] as number))
      expect([...gradient.slice(0, first.length)], name).toBeAllclose(first, { atol: 2e-6, rtol: 1e-4 })
      expect(Math.hypot(...gradient), name).toBeCloseTo(norm, 4)
    }
    await session.release()
  })
})

const rows = rowsOf(60, 1)
const texts = rowsOf(80, 2)
  .map(({ text }) => text)
  .slice(60)
const student = { embedding_size: 12, hidden_size: 12 } as const
const quick = { student, epochs: 2, batch_size: 8, learning_rate: 2e-2, seed: 1, device: 'cpu' } as const

/** Distils, and frees the student. */
async function run(options: DistillOptions) {
  const result = await distill(options)
  await result.release()
  return result
}

describe('distill with hidden_states', () => {
  let tuned: FineTuned
  beforeAll(async () => {
    tuned = await fineTune(modelFolder, { train: rows, epochs: 2, device: 'cpu' })
  })
  afterAll(() => tuned.release())

  it.each([
    ['an LSTM read from both sides', {}],
    ['a tanh RNN of two layers, its first one', { cell: 'rnn', num_layers: 2, bidirectional: false, pooling: 'last' }],
    ['a GRU', { cell: 'gru', bidirectional: false }],
  ] as [string, StudentConfig][])('%s comes near the teacher’s states', async (_, config) => {
    const layer = config.num_layers === 2 ? 0 : -1
    const options = { ...quick, student: { ...student, ...config }, teacher: tuned, train: rows, transfer: texts }
    const { training, parameters } = await run({ ...options, epochs: 6, hidden_states: { weight: 4, layer } })
    const [first, last] = [training.history[0], training.history.at(-1)].map((epoch) => epoch?.train_loss as number)
    // At first nothing of the variance is explained: 4 times 1, beside what the logits and labels count.
    expect(first).toBeGreaterThan(3)
    expect(last).toBeLessThan(0.75 * (first as number))
    expect(parameters.has(projectionName)).toBe(false)
    expect([...parameters.keys()]).toContain('classifier.weight')
  })

  it('an encoder teaches a student that reads from both sides, special tokens and all', async () => {
    const encoder = await fineTune(
      exportFolder((name) => join(out, name), 'bert-bare-torchscript'),
      {
        train: rows,
        epochs: 1,
        device: 'cpu',
      },
    )
    const { training } = await run({ ...quick, teacher: encoder, train: rows, epochs: 8, hidden_states: { weight: 4 } })
    const [first, last] = [training.history[0], training.history.at(-1)].map((epoch) => epoch?.train_loss as number)
    expect(last).toBeLessThan(0.75 * (first as number))
    await encoder.release()
  })

  it('adds to a sum of losses of one’s own; with weight 0 it is as without', async () => {
    const options = { ...quick, teacher: tuned, train: rows }
    const without = await run(options)
    const nothing = await run({ ...options, hidden_states: { weight: 0 } })
    expect(nothing.training.losses).toBeAllclose(without.training.losses, { atol: 1e-5 })
    const labelsAlone = await run({ ...options, loss: [{ loss: crossEntropy() }] })
    const both = await run({ ...options, loss: [{ loss: crossEntropy() }], hidden_states: { loss: 'hidden_cosine' } })
    const [alone, more] = [labelsAlone, both].map(({ training }) => training.losses[0] as number)
    expect((more as number) - (alone as number)).toBeGreaterThan(0.8) // 1 - cosine of states that know nothing
    expect((more as number) - (alone as number)).toBeLessThan(1.2)
  })

  it('keeps the states in files; a run that was stopped asks for what is missing alone, and gives the same', async () => {
    const output_dir = join(out, 'kept')
    const asked: number[] = []
    const counted: Teacher = {
      logits: ({ texts }) => tuned.logits(texts),
      hiddenStates: async (texts) => {
        asked.push(texts.length)
        return tuned.hiddenStates(texts)
      },
      fingerprint: tuned.fingerprint,
      labels: tuned.labels,
      tokenizer: tuned.tokenizer,
    }
    const options = { ...quick, teacher: counted, train: rows, transfer: texts, hidden_states: {} }
    const inMemory = await run(options)
    expect(asked).toEqual([1, 60, 20])
    const first = await run({ ...options, output_dir })
    expect(first.training.losses).toEqual(inMemory.training.losses)
    await run({ ...options, cache_dir: join(output_dir, 'teacher') })
    expect(asked.length).toBe(6)
    const files = readdirSync(join(output_dir, 'teacher')).map((name) => join(output_dir, 'teacher', name))
    const large = files.filter((path) => readFileSync(path).length > 100_000)
    truncateSync(large[0] as string, 5000) // Damaged, as by a full disk.
    const again = await run({ ...options, output_dir })
    expect(asked.length).toBe(7)
    expect(again.training.losses).toEqual(first.training.losses)
  })

  it('asks for the states of some transfer texts alone; batches without any learn from logits', async () => {
    const asked: string[] = []
    const some: Teacher = {
      logits: ({ texts: all }) => tuned.logits(all),
      hiddenStates: async (all) => {
        asked.push(...all)
        return tuned.hiddenStates(all)
      },
      labels: tuned.labels,
      tokenizer: tuned.tokenizer,
    }
    const options = { ...quick, teacher: some, transfer: texts, validation: rows.slice(0, 8), heldOut: { rest: rows } }
    const states = { weight: 4, max_transfer_texts: 5 }
    const { training, heldOut } = await run({ ...options, batch_size: 2, hidden_states: states })
    expect(asked).toEqual([texts[0], ...texts.slice(0, 5)])
    // Twenty texts of which five are taught: of ten batches, five at least have none.
    expect(training.losses.filter((loss) => loss < 2).length).toBeGreaterThanOrEqual(10)
    expect(training.losses.filter((loss) => loss > 3).length).toBeGreaterThanOrEqual(3)
    expect(Object.keys(heldOut)).toEqual(['rest'])
    const labelled = { ...options, train: rows, hidden_states: { max_transfer_texts: 0 } }
    asked.length = 0
    await run(labelled)
    expect(asked).toEqual([rows[0]?.text, ...rows.map(({ text }) => text)])
    const all = await run({ ...options, hidden_states: {} })
    const more = await run({ ...options, hidden_states: { max_transfer_texts: 100 } })
    expect(more.training.losses).toEqual(all.training.losses)
    await expect(run({ ...options, hidden_states: { max_transfer_texts: 0 } })).rejects.toThrow(
      /max_transfer_texts: no text teaches by states/,
    )
  })
  it('is the same in one batch and in several that are accumulated, of which some have no states', async () => {
    const options = { ...quick, teacher: tuned, transfer: texts, hidden_states: { weight: 4, max_transfer_texts: 3 } }
    const whole = await run({ ...options, batch_size: 20, epochs: 3 })
    const parts = await run({ ...options, batch_size: 2, gradient_accumulation_steps: 10, epochs: 3 })
    expect(parts.training.losses).toBeAllclose(whole.training.losses, { atol: 1e-4 })
    for (const [name, value] of whole.parameters)
      expect([...toFloat32(parts.parameters.get(name) as never)], name).toBeAllclose([...toFloat32(value)], {
        atol: 1e-4,
      })
  })

  it('refuses what has no states, other tokens, other layers and what float16 does not hold', async () => {
    const options = { ...quick, tokenizer, train: rows, hidden_states: {} }
    const refused = (more: Partial<DistillOptions>) => expect(distill({ ...options, ...more })).rejects
    await refused({}).toThrow(/hidden_states: states of a teacher that is not given/)
    await refused({ teacher: oracle().teacher }).toThrow(
      /the teacher shows no hidden states.*fineTune or loadFineTuned/,
    )
    await refused({ teacher: tuned, hidden_states: { layer: 1 } }).toThrow(/no such layer, expected -1 to 0, found 1/)
    await refused({ teacher: tuned, hidden_states: { weight: -1 } }).toThrow(ConfigError)
    await refused({ teacher: tuned, hidden_states: { loss: 'mse' as never } }).toThrow(
      /option loss: not a valid value, expected "hidden_mse", "hidden_cosine", found "mse"/,
    )
    const shifted = {
      ...tokenizer,
      encodePlus: (text: string) => {
        const { input_ids, ...rest } = tokenizer.encodePlus(text)
        return { input_ids: input_ids.map((id, i) => (i === 2 ? id + 1 : id)), ...rest }
      },
    }
    await refused({ teacher: tuned, tokenizer: shifted as never }).toThrow(
      /split "train", row 1, token 3: teacher and student read other tokens/,
    )
    // Cut by the student alone, the text of a causal teacher is a part of it; cut by the teacher alone, it lacks
    // states.
    const short: Teacher = {
      ...oracle().teacher,
      hiddenStates: async (all) =>
        all.map((text, i) => {
          const input_ids = tokenizer.encodePlus(text).input_ids.slice(0, i === 4 ? 3 : undefined)
          return { input_ids, states: Float32Array.from({ length: 4 * input_ids.length }, (_, k) => Math.sin(k)) }
        }),
    }
    await refused({ teacher: short }).toThrow(/split "train", row 5, token 4: .*expected at most 3 tokens/)
    await (await distill({ ...options, teacher: short, epochs: 1, max_length: 3 })).release()
    const of = (states: (tokens: number) => Float32Array): Teacher => ({
      ...oracle().teacher,
      hiddenStates: async (all) =>
        all.map((text) => {
          const { input_ids } = tokenizer.encodePlus(text)
          return { input_ids, states: states(input_ids.length) }
        }),
    })
    await refused({ teacher: of((tokens) => new Float32Array(4 * tokens).fill(1e5)) }).toThrow(
      /split "train", row 1, token 1: a hidden state that float16 does not hold.*found 100000/,
    )
    await refused({ teacher: of((tokens) => new Float32Array(4 * tokens + (tokens > 5 ? 1 : 0))) }).toThrow(FeedError)
  })
})
