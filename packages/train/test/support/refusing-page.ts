// Runs in the browser: a training with evaluation on a runtime that refuses memory when it is told to.

import { addInitializer, addInput, build, createGraph, type Graph, type Model } from '@cola/graph'
import * as ort from 'onnxruntime-web/wasm'
import type { OrtSession } from '../../src/runtime/ort.ts'
import { adamw, crossEntropy, openEvaluation, openSession, Trainer, TrainingSession } from '../../src/index.ts'
import { artifactsOf, collate, type Row, rows } from './tiny.ts'

/** What is refused: a session while one is open, a training or an evaluation run while two are, or all sessions. */
export type Refused = 'second session' | 'training run' | 'evaluation run' | 'every session' | 'nothing'

let refused: Refused = 'nothing'
/** The sessions of training and evaluation that are open, and the most that were. */
const open = new Set<object>()
let most = 0

const badAlloc = (what: string) => new Error(`${what} ERROR_CODE: 6, ERROR_MESSAGE: std::bad_alloc`)

const Runtime = ort.InferenceSession as unknown as {
  create: (
    model: Uint8Array,
    options: { externalData?: unknown[]; preferredOutputLocation?: object },
  ) => Promise<OrtSession>
}
const { create } = Runtime
Runtime.create = async (model, options) => {
  const isFirst = open.size === 0
  const session = await create.call(Runtime, model, options)
  const kind = kindOf(session.outputNames)
  if (kind === undefined) return session
  if (refused !== 'every session' && (refused !== 'second session' || isFirst)) return watched(session, kind)
  await session.release()
  throw badAlloc("Can't create a session.")
}

/** Undefined for models without weights: the optimizer's, and the one that tells whether the device works. */
function kindOf(outputs: readonly string[]): Refused | undefined {
  if (outputs.some((name) => name.endsWith('accumulation.out'))) return 'training run'
  return outputs.includes('logits') ? 'evaluation run' : undefined
}

function watched(session: OrtSession, kind: Refused): OrtSession {
  const { run, release } = session
  open.add(session)
  most = Math.max(most, open.size)
  return Object.assign(session, {
    run: async (...args: Parameters<OrtSession['run']>) => {
      if (refused === kind && open.size > 1) throw badAlloc('failed to call OrtRun().')
      return run.apply(session, args)
    },
    release: async () => {
      open.delete(session)
      await release.call(session)
    },
  })
}

const artifacts = () => artifactsOf(adamw({ max_grad_norm: 1 }), { dropout: 0.2, width: 64 })

/** Trains two epochs with evaluation: all numbers, what was said, and how many sessions were open at once. */
export async function train(what: Refused) {
  refused = what
  most = 0
  const warnings: string[] = []
  const session = await TrainingSession.create({
    artifacts: artifacts(),
    device: 'wasm',
    seed: 3,
    onWarning: (message) => warnings.push(message),
  })
  const { history, losses } = await new Trainer<Row>({
    session,
    data: { train: rows(64), evaluation: rows(32, 7), collate },
    epochs: 2,
    batch_size: 16,
    learning_rate: 0.01,
  }).train()
  const parameters = [...(await session.getContiguousParameters())]
  const later = (await session.runEvalStep(collate(rows(16, 9)))).loss
  await session.release()
  refused = 'nothing'
  return { numbers: { history, losses, parameters, later }, warnings, most, left: open.size }
}

/** The errors of what opens models when every session is refused. */
export async function refusals(): Promise<Record<string, string>> {
  const model: Model = { graph: wide(), trainable: new Set() }
  const errors: Record<string, string> = {}
  const note = async (name: string, opening: Promise<unknown>) => {
    errors[name] = await opening.then(
      () => 'none',
      (error: Error) => `${error.name}: ${error.message}`,
    )
  }
  refused = 'every session'
  await note('training', TrainingSession.create({ artifacts: artifacts(), device: 'wasm' }))
  await note('evaluation', openEvaluation(model, { loss: crossEntropy(), device: 'wasm' }))
  await note('serving', openSession({ graph: wide() }, 'wasm'))
  refused = 'nothing'
  return errors
}

/** Logits by one matrix. */
function wide(): Graph {
  const graph = createGraph('wide')
  const x = addInput(graph, 'x', 'float32', ['batch', 4])
  const data = new Uint8Array(32)
  const matrix = addInitializer(graph, 'matrix', { dtype: 'float32', dims: [4, 2], bytes: () => data })
  build(graph).node('MatMul', [x, matrix], { outputs: ['logits'] })
  graph.outputs = ['logits']
  return graph
}

Object.assign(globalThis, { train, refusals, loaded: true })
