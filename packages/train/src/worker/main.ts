// Entry point of the worker: one TrainingSession, whose methods are called in the order of the messages.

import { parentPort, workerData } from 'node:worker_threads'
import { loadArtifacts } from '../artifacts/artifact-files.ts'
import { TrainingSession } from '../session/training-session.ts'
import {
  type Call,
  fromPlainState,
  fromPlainTensors,
  type Opened,
  plainError,
  plainState,
  plainTensors,
  type PlainTensors,
  type Reply,
  type WorkerOptions,
} from './messages.ts'

type Method = (session: TrainingSession, args: readonly unknown[]) => unknown

/** How each method's arguments and result are converted between messages and the session. */
const methods: Record<string, Method> = {
  runTrainStep: (session, [batch, options]) => session.runTrainStep(batch as never, options as never),
  runEvalStep: (session, [batch]) => session.runEvalStep(batch as never),
  runOptimizerStep: (session, [options]) => session.runOptimizerStep(options as never),
  lazyResetGrad: (session) => session.lazyResetGrad(),
  seekDropout: (session, [steps]) => session.seekDropout(steps as number),
  getFingerprint: (session) => session.getFingerprint(),
  getParameters: async (session) => plainTensors(await session.getParameters()),
  setParameters: (session, [tensors]) => session.setParameters(fromPlainTensors(tensors as PlainTensors)),
  getState: async (session) => plainState(await session.getState()),
  setState: (session, [state]) => session.setState(fromPlainState(state as never)),
  release: (session) => session.release(),
}

const { folder, device = 'cpu', seed = 0 } = workerData as WorkerOptions
const session = Promise.resolve().then(() => TrainingSession.create({ artifacts: loadArtifacts(folder), device, seed }))
let last: Promise<unknown> = session.then(
  (opened) =>
    parentPort?.postMessage({
      id: 0,
      result: { size: opened.getParametersSize(), lossTerms: opened.lossTerms } satisfies Opened,
    }),
  (error) => parentPort?.postMessage({ id: 0, error: plainError(error) }),
)

parentPort?.on('message', ({ id, method, args }: Call) => {
  last = last.then(async () => {
    const reply: Reply = { id }
    try {
      reply.result = await methods[method]?.(await session, args)
    } catch (error) {
      reply.error = plainError(error)
    }
    parentPort?.postMessage(reply)
    if (method === 'release') parentPort?.close()
  })
})
