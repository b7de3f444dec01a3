// What a training step of the small models asks of a GPU: the kernels that it starts, and the bytes that go up and
// down.

import { parseArgs } from 'node:util'
import { DeviceError, TrainingSession } from '@cola/train'
import { type Crossings, sumOf, watchRuntime } from '../crossings.ts'
import { placementOf } from '../placement.ts'
import { type SmallModel, smallEncoder, smallGpt2 } from '../small-models.ts'

const models: Record<string, () => SmallModel> = { gpt2: smallGpt2, encoder: smallEncoder }

/** All is measured: kernels and copies within a run by the runtime's profile, the rest by the tensors of its runs. */
export async function webgpuBench(args: string[]): Promise<Record<string, unknown>> {
  const { values: options } = parseArgs({
    args,
    options: { model: { type: 'string', default: 'gpt2' }, json: { type: 'boolean', default: false } },
  })
  const make = models[options.model]
  if (!make) throw new Error(`usage: npm run bench -- webgpu --model ${Object.keys(models).join('|')}`)
  const { artifacts, batch } = make()
  const { up, down, resident } = await stepOf({ artifacts, batch })
  const [training, optimizer] = [
    await placementOf(artifacts.trainingModel, 'webgpu', batch),
    await placementOf(artifacts.optimizerModel, 'webgpu', batch),
  ]
  const host = [...training.nodes, ...optimizer.nodes].filter(({ onHost }) => onHost)
  return {
    model: options.model,
    dispatches_training: training.dispatches.length,
    dispatches_optimizer: optimizer.dispatches.length,
    dispatches_step: training.dispatches.length + optimizer.dispatches.length,
    'counted from': "the runtime's profile, an event for each kernel",
    nodes: training.nodes.length + optimizer.nodes.length,
    nodes_on_cpu: host.length,
    ...Object.fromEntries(host.map(({ name, opType, bytes }) => [`on the CPU: ${name}`, `${opType}, ${bytes} bytes`])),
    bytes_copied_within: training.bytesCopied + optimizer.bytesCopied,
    bytes_up_batch: sumOf(new Map([...up].filter(([name]) => name in batch))),
    bytes_up_scalars: sumOf(new Map([...up].filter(([name]) => !(name in batch)))),
    bytes_down: sumOf(down),
    tensors_resident: resident.size,
    bytes_resident: artifacts.blocks.reduce(
      (sum, { dims }) => sum + 4 * (2 + artifacts.stateSlots.length) * dims.reduce((a, b) => a * b, 1),
      0,
    ),
  }
}

/** What crosses in the second step: the first brings the state to the device. */
async function stepOf({ artifacts, batch }: SmallModel): Promise<Crossings> {
  const runtime = watchRuntime()
  const session = await TrainingSession.create({ artifacts, device: 'webgpu' }).catch((cause) => {
    if (!(cause instanceof DeviceError && /adapter/.test(cause.message))) throw cause
    console.error(noAdapter)
    process.exit(2)
  })
  for (let step = 0; step < 2; step++) {
    runtime.take()
    session.lazyResetGrad()
    await session.runTrainStep(batch)
    await session.runOptimizerStep({ learningRate: 1e-3 })
  }
  await session.release()
  runtime.stop()
  return runtime.take()
}

const noAdapter =
  "no WebGPU adapter: on a machine without a GPU, set VK_ICD_FILENAMES to a software one, such as Chromium's: " +
  'VK_ICD_FILENAMES=/usr/lib/chromium/vk_swiftshader_icd.json npm run bench -- webgpu'
