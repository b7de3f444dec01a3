// What the runtime does not compute: a typed error, and a session that goes on.

import { addInitializer, addInput, build, createGraph, float32, type Model } from '@cola/graph'
import { expect, it } from 'vitest'
import { runError } from '../../src/runtime/run-error.ts'
import {
  type Batch,
  crossEntropy,
  DeviceError,
  FeedError,
  generateArtifacts,
  openEvaluation,
  sgd,
  TrainingSession,
} from '../../src/index.ts'

/** Logits are rows of a table. */
function model(): Model {
  const graph = createGraph('table')
  const g = build(graph)
  const table = addInitializer(graph, 'table', float32([3, 2], [1, 2, 3, 4, 5, 6]))
  g.node('Gather', [table, addInput(graph, 'places', 'int32', ['batch'])], { outputs: ['logits'] })
  graph.outputs = ['logits']
  return { graph, trainable: new Set(['table']) }
}

const batchOf = (place: number): Batch => ({
  places: { data: Int32Array.of(0, place), dims: [2] },
  labels: { data: Int32Array.of(0, 1), dims: [2] },
})

it('an index that is none is a FeedError in training and in evaluation, with what the runtime says', async () => {
  const loss = crossEntropy()
  const artifacts = generateArtifacts(model(), { loss, optimizer: sgd() })
  const session = await TrainingSession.create({ artifacts, device: 'cpu' })
  const evaluation = await openEvaluation(model(), { loss, device: 'cpu' })
  for (const run of [session.runTrainStep, session.runEvalStep]
    .map((method) => method.bind(session))
    .concat(evaluation.runEvalStep)) {
    const error = await run(batchOf(9)).catch((cause: unknown) => cause)
    expect(error).toBeInstanceOf(FeedError)
    expect((error as FeedError).message).toMatch(
      /^batch: the runtime does not compute it on device "cpu", found .*idx=9.*Are all its ids and positions within/,
    )
    expect((await run(batchOf(2))).loss).toBeGreaterThan(0)
  }
  await session.release()
  await evaluation.release()
})

it.each([new WebAssembly.RuntimeError('null function'), new TypeError('V(...) is not a function')])(
  'a runtime that has broken down is a DeviceError: %s',
  (cause) => {
    const error = runError('wasm', cause)
    expect(error).toBeInstanceOf(DeviceError)
    expect((error as DeviceError).message).toMatch(/broken down, probably for lack of memory.* Load the page anew/)
  },
)

it('a batch that is too large for the memory says what to make smaller', () => {
  const cause = new Error('failed to call OrtRun(). ERROR_CODE: 6, ERROR_MESSAGE: std::bad_alloc')
  expect((runError('wasm', cause) as FeedError).message).toMatch(/too little memory for it: make smaller batches/)
})
