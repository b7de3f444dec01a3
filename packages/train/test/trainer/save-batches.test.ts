import { type MemorySink, memorySink } from '@cola/data'
import { type Tensor, toFloat32 } from '@cola/graph'
import { describe, expect, it } from 'vitest'
import { readSafetensors } from '../../src/files/files.ts'
import {
  adamw,
  type Batch,
  ConfigError,
  FeedError,
  saveBatches,
  saveRows,
  Trainer,
  TrainingSession,
} from '../../src/index.ts'
import { artifactsOf, collate, rows, tinyModel } from '../support/tiny.ts'

const artifacts = artifactsOf(adamw(), { dropout: 0.2 })
const train = rows(11)
const loop = {
  epochs: 2,
  batch_size: 2,
  gradient_accumulation_steps: 3,
  learning_rate: 0.01,
  lr_scheduler_type: 'linear',
  warmup: 1,
  seed: 5,
} as const

const planOf = (sink: MemorySink) => JSON.parse(new TextDecoder().decode(sink.read('batches.json')))
const xOf = (sink: MemorySink, { file, key }: { file: string; key: string }): number[] => {
  const { tensors } = readSafetensors(sink, file)
  return [...toFloat32(tensors.get(`${key}/x`) as Tensor)]
}
const valuesOf = ({ x }: Batch): number[] => Array.from(x?.data ?? [], Number)

describe('saveBatches', () => {
  it('writes the batches, rates and counts of a Trainer with the same options', async () => {
    const seen: Batch[] = []
    const rates: number[] = []
    const session = await TrainingSession.create({ artifacts, device: 'cpu' })
    const { runTrainStep } = session
    session.runTrainStep = (batch, options) => {
      seen.push(batch)
      return runTrainStep.call(session, batch, options)
    }
    const callbacks = { onStep: ({ learning_rate }: { learning_rate: number }) => void rates.push(learning_rate) }
    await new Trainer({ session, data: { train, collate }, ...loop, callbacks }).train()
    await session.release()

    const sink = memorySink()
    const saved = await saveBatches(sink, { artifacts, data: { train, collate }, ...loop, max_file_size: 100 })
    const { steps, maskShapes } = planOf(sink)
    const batches = steps.flatMap((step: { batches: object[] }) => step.batches)
    expect(saved).toEqual({ steps: rates.length, batches: seen.length })
    expect(steps.map((step: { learning_rate: number }) => step.learning_rate)).toEqual(rates)
    expect(batches.map((batch: never) => xOf(sink, batch))).toEqual(seen.map((batch) => valuesOf(batch)))
    expect(batches.map(({ counts }: { counts: number[] }) => counts)).toEqual(seen.map(({ x }) => [x?.dims[0]]))
    expect(steps.map(({ window }: { window: number[] }) => window)).toEqual([[6], [5], [6], [5]])
    expect(batches.map(({ masks }: { masks: number }) => maskShapes[masks])).toEqual(
      seen.map(({ x }) => [[x?.dims[0], 8]]),
    )
    expect(sink.names().length).toBeGreaterThan(3)
  })

  it('has the steps of max_steps, in as many epochs as they take', async () => {
    const [short, whole] = [memorySink(), memorySink()]
    const constant = { ...loop, lr_scheduler_type: 'constant' } as const
    const saved = await saveBatches(short, {
      artifacts,
      data: { train, collate },
      ...constant,
      epochs: 1,
      max_steps: 5,
    })
    await saveBatches(whole, { artifacts, data: { train, collate }, ...constant, epochs: 3 })
    expect(saved.steps).toBe(5)
    expect(planOf(short)).toMatchObject({ total_steps: 5, epochs: 3, steps: planOf(whole).steps.slice(0, 5) })
  })

  it.each([{}, { max_steps: 3 }])('names a run as its Trainer does, with %j', async (options) => {
    const session = await TrainingSession.create({ artifacts, device: 'cpu' })
    const store = memorySink()
    await new Trainer({ session, data: { train, collate }, ...loop, ...options, output_dir: store }).train()
    await session.release()
    const sink = memorySink()
    await saveBatches(sink, { artifacts, data: { train, collate }, ...loop, ...options })
    const { metadata } = readSafetensors(store, 'checkpoint.safetensors')
    expect(planOf(sink).fingerprint).toBe(JSON.parse(metadata.state as string).fingerprint)
  })

  it('refuses options, labels and batches before anything is written', async () => {
    const sink = memorySink()
    const save = (options: object) => saveBatches(sink, { artifacts, data: { train, collate }, ...options } as never)
    await expect(save({ batch_size: 0 })).rejects.toThrow(ConfigError)
    await expect(save({ workers: 2 })).rejects.toThrow(/no such option/)
    await expect(save({ data: { train: [], collate } })).rejects.toThrow(FeedError)
    await expect(save({ data: { train: [...train, { x: [1, 2, 3, 4], label: 7 }], collate } })).rejects.toThrow(
      /row 12/,
    )
    expect(sink.names()).toEqual([])
  })
})

describe('saveRows', () => {
  it('writes the rows in their order', () => {
    const sink = memorySink()
    expect(saveRows(sink, tinyModel().graph, { rows: train, collate, batch_size: 4 })).toEqual({ batches: 3 })
    const plan = planOf(sink)
    expect(plan.batches.map(({ rows: count }: { rows: number }) => count)).toEqual([4, 4, 3])
    expect(plan.batches.flatMap((batch: never) => xOf(sink, batch))).toEqual([
      ...Float32Array.from(train.flatMap(({ x }) => x)),
    ])
  })

  it('refuses a batch that does not fit', () => {
    const wrong = () => ({ x: { data: Float32Array.of(1, 2), dims: [1, 2] } })
    expect(() => saveRows(memorySink(), tinyModel().graph, { rows: train, collate: wrong })).toThrow(FeedError)
  })
})
