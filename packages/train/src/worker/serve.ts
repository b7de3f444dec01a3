// What the worker does: one TrainingSession, whose methods are called in the order of the messages.

import { memoryFiles } from '@cola/data'
import { loadArtifacts } from '../artifacts/artifact-files.ts'
import { setRuntimeSettings } from '../runtime/runtime-options.ts'
import { TrainingSession } from '../session/training-session.ts'
import {
  type Call,
  type FilePart,
  fromPlainState,
  fromPlainTensors,
  type Method,
  type Opened,
  plainState,
  plainTensors,
  type PlainTensors,
  type Reply,
  type Start,
  type ToWorker,
} from './messages.ts'
import { parent } from './parent.ts'
import { plainError } from './plain-error.ts'

type Run = (session: TrainingSession, args: readonly unknown[]) => unknown

/** How each method's arguments and result are converted between messages and the session. */
const methods: Record<Method, Run> = {
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
  reopen: async (session) => {
    await session.reopen()
    return session.device
  },
  release: (session) => session.release(),
}

const { post, listen, close } = parent()
const files = new Map<string, Uint8Array>()
let session: TrainingSession | undefined
let last: Promise<unknown> = Promise.resolve()

function receive({ file, size, at, bytes }: FilePart): void {
  if (!files.has(file)) files.set(file, new Uint8Array(size))
  files.get(file)?.set(bytes, at)
}

async function open({ folder, device, seed, runtime }: Start['start']): Promise<Opened> {
  setRuntimeSettings(runtime)
  session = await TrainingSession.create({
    artifacts: await loadArtifacts(folder ?? memoryFiles(files, 'artifacts')),
    device,
    ...(seed === undefined ? {} : { seed }),
    onWarning: (warning) => post({ warning }),
  })
  return { device: session.device, size: session.getParametersSize(), lossTerms: session.lossTerms }
}

async function reply(id: number, work: () => unknown): Promise<void> {
  const message: Reply = { id }
  try {
    message.result = await work()
  } catch (error) {
    message.error = plainError(error)
  }
  post(message)
}

const call = async ({ id, method, args }: Call): Promise<void> => {
  await reply(id, () => methods[method](session as TrainingSession, args))
  if (method === 'release') close()
}

function take(message: ToWorker): void {
  if ('file' in message) receive(message)
  else last = last.then(() => ('start' in message ? reply(0, () => open(message.start)) : call(message)))
}

/** Takes messages. @param early Those that came before this was loaded. */
export function serve(early: readonly ToWorker[]): void {
  early.forEach(take)
  listen(take)
}
