// What a session refuses at its door: typed errors, and a state that did not change.

import { safetensorsChunks } from '@cola/graph'
import { memoryFiles, memorySink } from '@cola/data'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  adamw,
  CheckpointError,
  ConfigError,
  evaluateRows,
  FeedError,
  loadArtifacts,
  loadCheckpoint,
  saveArtifacts,
  Trainer,
  TrainingSession,
} from '../../src/index.ts'
import { artifactsOf, collate, rows } from '../support/tiny.ts'

const artifacts = artifactsOf(adamw())
let session: TrainingSession
beforeAll(async () => {
  session = await TrainingSession.create({ artifacts, device: 'cpu' })
})
afterAll(() => session.release())

const x = { data: new Float32Array(8), dims: [2, 4] }
const labels = { data: new Int32Array(2), dims: [2] }

describe('a batch', () => {
  it.each<[string, unknown]>([
    ['nothing', null],
    ['data that contradicts its shape', { x: { ...x, dims: [4, 4] }, labels }],
    ['labels that contradict their shape', { x, labels: { ...labels, data: new Int32Array(1) } }],
    ['no shape', { x: { data: x.data }, labels }],
    ['a negative size', { x: { data: new Float32Array(0), dims: [-2, 4] }, labels }],
    ['a plain array', { x: { data: [1, 2, 3, 4], dims: [1, 4] }, labels }],
    ['a label below the classes', { x, labels: { data: Int32Array.of(0, -1), dims: [2] } }],
    ['a label beyond the classes', { x, labels: { data: Int32Array.of(0, 2), dims: [2] } }],
  ])('of %s is a FeedError', async (_, batch) => {
    await expect(session.runTrainStep(batch as never)).rejects.toThrow(FeedError)
    await expect(session.runEvalStep(batch as never)).rejects.toThrow(FeedError)
  })
})

describe('options', () => {
  it.each<[string, unknown]>([
    ['nothing', null],
    ['no artifacts', {}],
    ['other artifacts', { artifacts: {} }],
    ['an unknown option', { artifacts, devise: 'cpu' }],
    ['a seed that is no number', { artifacts, seed: Number.NaN }],
  ])('of a session: %s', async (_, options) => {
    await expect(TrainingSession.create(options as never)).rejects.toThrow(ConfigError)
  })

  it.each([0.0001, Number.NaN, -1, 0])('batch_size %d is refused', async (batch_size) => {
    const data = { train: rows(4), collate }
    expect(() => new Trainer({ session, data, batch_size })).toThrow(ConfigError)
    expect(() => new Trainer({ session, data, eval_batch_size: batch_size })).toThrow(ConfigError)
    await expect(evaluateRows(session, rows(4), { collate, batch_size })).rejects.toThrow(ConfigError)
  })

  it('of the data are known by name', () => {
    const data = { train: rows(4), collate, evaluaton: rows(2) }
    expect(() => new Trainer({ session, data })).toThrow(/option data, option evaluaton: .*Did you mean evaluation\?/)
  })

  it('of the data may stand beside fields of the caller', () => {
    const data = { train: rows(4), collate, label: () => 0 }
    expect(() => new Trainer({ session, data })).not.toThrow()
  })

  it('of a step', async () => {
    await expect(session.runOptimizerStep(null as never)).rejects.toThrow(ConfigError)
    expect(() => session.seekDropout(Number.NaN)).toThrow(ConfigError)
  })
})

describe('a state', () => {
  it.each<[string, (state: { tensors: Map<string, never>; step: number }) => unknown]>([
    ['nothing', () => null],
    ['no map', () => ({ tensors: {}, step: 1 })],
    ['a step that is no number', (state) => ({ ...state, step: Number.NaN })],
    ['a step below 0', (state) => ({ ...state, step: -1 })],
  ])('of %s is a ConfigError', async (_, change) => {
    const state = await session.getState()
    expect(() => session.setState(change(state as never) as never)).toThrow(ConfigError)
  })

  it('whose bytes contradict its shapes is a CheckpointError', async () => {
    const { tensors, step } = await session.getState()
    const [name, tensor] = [...tensors][0] as [string, never]
    const bent = new Map(tensors).set(name, { ...(tensor as object), bytes: () => new Uint8Array(4) } as never)
    expect(() => session.setState({ tensors: bent, step })).toThrow(CheckpointError)
    await expect(session.setParameters(null as never)).rejects.toThrow(ConfigError)
  })
})

const file = (metadata: Record<string, string>, tensors = new Map()): Uint8Array =>
  Uint8Array.from([...safetensorsChunks(tensors, metadata)].flatMap((chunk) => [...chunk]))

describe('files of another shape', () => {
  it.each([
    'null',
    '5',
    '{"version":2}',
    '{"version":2,"step":"x","history":null}',
    '{"version":2,"fingerprint":"","step":-1,"batches":0,"epoch":0,"batch":0,"epochSums":{},"history":[]}',
    '{"version":2,"fingerprint":"","step":0,"batches":0,"epoch":0,"batch":0,"epochSums":{"terms":[],"predictions":[],"rows":[]},"history":[null]}',
  ])('a checkpoint with the state %s', async (state) => {
    const files = memoryFiles({ 'checkpoint.safetensors': file({ state }) })
    await expect(loadCheckpoint(files)).rejects.toThrow(CheckpointError)
  })

  it.each([
    'null',
    '[]',
    '{',
    '{}',
    '{"blocks":null}',
    '{"blocks":[{"name":"w1","dims":[4,8],"parts":[{"name":"w1"}]}],"stateSlots":[],"dropoutMasks":[],"lossTerms":[],"evalLossTerms":[],"optimizer":{"name":"a","options":{}}}',
    '{"blocks":[],"stateSlots":[],"dropoutMasks":[],"lossTerms":[null],"evalLossTerms":[],"optimizer":{"name":"a","options":{}}}',
  ])('artifacts with the description %s', async (description) => {
    const sink = memorySink()
    saveArtifacts(sink, artifacts)
    expect((await loadArtifacts(sink)).blocks).toEqual(artifacts.blocks)
    sink.write('checkpoint', [file({ artifacts: description }, artifacts.parameters as Map<string, never>)])
    await expect(loadArtifacts(sink)).rejects.toThrow(/metadata "artifacts"/)
  })
})
