// Runs in the browser: trains the tiny model on a device and gives its losses to the test.

import {
  adamw,
  configureRuntime,
  type Device,
  type FrozenProducts,
  Trainer,
  type TrainResult,
  TrainingSession,
} from '../../src/index.ts'
import { artifactsOf, collate, type Row, rows } from './tiny.ts'

/** Losses of a few steps, and the last gradient's sum. */
export async function trainTiny(device: Device, frozenProducts: FrozenProducts = 'float32'): Promise<number[]> {
  const artifacts = artifactsOf(adamw({ max_grad_norm: 1 }), {
    dropout: 0.2,
    width: frozenProducts === 'float32' ? 8 : 64,
    frozenProducts,
  })
  const session = await TrainingSession.create({ artifacts, device, seed: 3 })
  const losses: number[] = []
  for (let step = 0; step < 6; step++) {
    session.lazyResetGrad()
    losses.push((await session.runTrainStep(collate(rows(16, step)))).loss)
    await session.runOptimizerStep({ learningRate: 0.05 })
  }
  await session.endTraining()
  losses.push(
    (await session.runEvalStep(collate(rows(16, 99)))).loss,
    (await session.getContiguousParameters()).reduce((a, b) => a + b),
  )
  await session.release()
  return losses
}

/** How far a run comes whose signal a timer fires at its first step, and why it ends. */
export async function trainUntilAborted(device: Device): Promise<{ steps: number; stopped: TrainResult['stopped'] }> {
  const session = await TrainingSession.create({ artifacts: artifactsOf(adamw()), device })
  const controller = new AbortController()
  const onStep = ({ step }: { step: number }) => {
    if (step === 1) setTimeout(() => controller.abort())
  }
  const { losses, stopped } = await new Trainer<Row>({
    session,
    data: { train: rows(3000), collate },
    epochs: 1,
    batch_size: 4,
    learning_rate: 0.01,
    signal: controller.signal,
    callbacks: { onStep },
  }).train()
  await session.release()
  return { steps: losses.length, stopped }
}

/** The device that `auto` takes, and what it says of the others. */
export async function openAuto(): Promise<{ device: Device; warnings: string[] }> {
  const warnings: string[] = []
  const onWarning = (message: string) => void warnings.push(message)
  const session = await TrainingSession.create({ artifacts: artifactsOf(adamw()), device: 'auto', onWarning })
  await session.release()
  return { device: session.device, warnings }
}

let steady: { session: TrainingSession; step: number } | undefined

/** Runs some training steps of one session, with its evaluation and its optimizer. @returns The last loss. */
export async function trainOn(device: Device, steps: number): Promise<number> {
  const artifacts = () => artifactsOf(adamw({ max_grad_norm: 1 }), { dropout: 0.2 })
  steady ??= { session: await TrainingSession.create({ artifacts: artifacts(), device }), step: 0 }
  const { session } = steady
  let last = 0
  for (const end = steady.step + steps; steady.step < end; steady.step++) {
    const batch = collate(rows(16, steady.step % 50))
    session.lazyResetGrad()
    last = (await session.runTrainStep(batch)).loss
    await session.runOptimizerStep({ learningRate: 0.01 })
    if (steady.step % 20 === 0) await session.runEvalStep(batch)
  }
  return last
}

/** Trains a step with a frozen matrix of 4 MB that is made when its bytes are read; the session stays open. */
export async function trainWide(device: Device): Promise<void> {
  const artifacts = artifactsOf(adamw(), { width: 1024 })
  for (const { initializers } of [artifacts.trainingModel, artifacts.evalModel])
    initializers.set('wide', { dtype: 'float32', dims: [1024, 1024], bytes: () => new Uint8Array(2 ** 22) })
  steady = { session: await TrainingSession.create({ artifacts, device }), step: 0 }
  await steady.session.runTrainStep(collate(rows(16)))
}

/** Releases the session of {@link trainOn}. */
export async function endTraining(): Promise<void> {
  await steady?.session.release()
  steady = undefined
}

/** What JavaScript holds after a collection, and the buffers of WebGPU that exist. Chromium needs --expose-gc. */
export const held = () => {
  ;(globalThis as { gc?: () => void }).gc?.()
  const { memory } = performance as Performance & { memory?: { usedJSHeapSize: number } }
  return { heap: memory?.usedJSHeapSize ?? Number.NaN, wasm: wasmBytes(), buffers: buffers.size }
}

const memories: WebAssembly.Memory[] = []
const wasmBytes = (): number => memories.reduce((sum, { buffer }) => sum + buffer.byteLength, 0)

/** Buffers that were created and not destroyed. */
const buffers = new Set<object>()

/** Counts from now on: must run before the runtime is loaded. */
function count(): void {
  WebAssembly.Memory = new Proxy(WebAssembly.Memory, {
    construct(Memory, [descriptor]: [WebAssembly.MemoryDescriptor]) {
      const memory = new Memory(descriptor)
      memories.push(memory)
      return memory
    },
  })
  const { GPUDevice, GPUBuffer } = globalThis as unknown as Record<string, { prototype: Record<string, unknown> }>
  if (!GPUDevice || !GPUBuffer) return
  const create = GPUDevice.prototype.createBuffer as (options: unknown) => object
  const destroy = GPUBuffer.prototype.destroy as () => void
  GPUDevice.prototype.createBuffer = function (options: unknown) {
    const buffer = create.call(this, options)
    buffers.add(buffer)
    return buffer
  }
  GPUBuffer.prototype.destroy = function (this: object) {
    buffers.delete(this)
    destroy.call(this)
  }
}

count()
Object.assign(globalThis, {
  trainTiny,
  trainUntilAborted,
  trainOn,
  trainWide,
  endTraining,
  openAuto,
  held,
  configureRuntime,
  loaded: true,
})
